//! NAL units of H.264 (Rec. ITU-T H.264, 7.3.1 and table 7-1) and H.265 (Rec. ITU-T H.265, 7.3.1 and table 7-1).

use super::judge::{Framing, Judgement};

/// The recovery point among the messages of an SEI NAL unit (Rec. ITU-T H.264, D.1.1).
const RECOVERY_POINT: usize = 6;

/// The NAL units of an access unit.
pub(super) struct Nals<'a> {
    rest: &'a [u8],
    framing: Framing,
}

impl<'a> Nals<'a> {
    pub(super) fn new(access_unit: &'a [u8], framing: Framing) -> Self {
        let rest = match framing {
            Framing::StartCodes => after_start_code(access_unit),
            Framing::Lengths(_) => access_unit,
        };
        Self { rest, framing }
    }
}

/// What follows the first start code; nothing where there is none.
fn after_start_code(bytes: &[u8]) -> &[u8] {
    match start_code(bytes) {
        Some(at) => &bytes[at + 3..],
        None => &[],
    }
}

fn start_code(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|window| window == [0, 0, 1])
}

impl<'a> Iterator for Nals<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let (nal, rest) = match self.framing {
            Framing::StartCodes => {
                let end = start_code(self.rest).unwrap_or(self.rest.len());
                let (nal, rest) = self.rest.split_at(end);
                (nal, after_start_code(rest))
            }
            Framing::Lengths(size) => {
                let (length, rest) = self.rest.split_at_checked(size.clamp(1, 4).into())?;
                let length = length.iter().fold(0usize, |value, byte| value << 8 | usize::from(*byte));
                // One that is cut off is still judged by its first bytes.
                rest.split_at(length.min(rest.len()))
            }
        };
        self.rest = rest;
        Some(nal)
    }
}

/// A NAL unit without the bytes that keep start codes from being imitated (Rec. ITU-T H.264, 7.4.1.1).
pub fn unescaped(nal: &[u8]) -> Vec<u8> {
    let mut zeros = 0;
    let mut out = Vec::with_capacity(nal.len());
    for &byte in nal {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

/// Judges a NAL unit of H.264; `None` where it says nothing of the picture.
pub(super) fn h264(nal: &[u8]) -> Option<Judgement> {
    let head = *nal.first()?;
    let is_reference = head >> 5 & 3 > 0;
    match head & 31 {
        1..=4 => Some(Judgement::predicted(is_reference)),
        5 => Some(Judgement::KEY),
        6 => has_recovery_point(&nal[1..]).then_some(Judgement::KEY),
        7 | 8 => Some(Judgement::PARAMETERS),
        _ => None,
    }
}

/// Judges a NAL unit of H.265; `None` where it says nothing of the picture.
pub(super) fn h265(nal: &[u8]) -> Option<Judgement> {
    match nal.first()? >> 1 & 63 {
        // Pairs of a picture that others of its temporal layer do not refer to, and one that they do.
        kind @ 0..16 => Some(Judgement::predicted(kind % 2 == 1)),
        16..=23 => Some(Judgement::KEY),
        32..=34 => Some(Judgement::PARAMETERS),
        _ => None,
    }
}

/// Whether one of the messages says that a decoder may begin here. The bytes that keep start codes from being
/// imitated are not taken out: they can only be inside of a message before it, and then it is not found.
fn has_recovery_point(mut sei: &[u8]) -> bool {
    while let Some((kind, rest)) = sei_number(sei)
        && let Some((size, rest)) = sei_number(rest)
    {
        if kind == RECOVERY_POINT {
            return true;
        }
        sei = rest.get(size..).unwrap_or_default();
    }
    false
}

/// A number as SEI messages write it: bytes of 255, and one that is less, added up.
fn sei_number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let full = bytes.iter().take_while(|&&byte| byte == 255).count();
    let last = usize::from(*bytes.get(full)?);
    Some((full * 255 + last, &bytes[full + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_against_imitation_are_taken_out() {
        assert_eq!(unescaped(&[1, 0, 0, 3, 1, 0, 0, 3, 3]), [1, 0, 0, 1, 0, 0, 3]);
    }
}
