//! NAL units of access units, as H.264 (Annex B) and H.265 write them after start codes, and as MP4 holds them after
//! their length.

use bytes::{BufMut, Bytes, BytesMut};

/// The NAL units between start codes, without the zero bytes around them.
pub(crate) fn split(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(bytes);
    std::iter::from_fn(move || {
        loop {
            let all = rest?;
            let end = start_code(all).unwrap_or(all.len());
            rest = after_start_code(&all[end..]);
            let zeros = all[..end].iter().rev().take_while(|&&byte| byte == 0).count();
            if zeros < end {
                return Some(&all[..end - zeros]);
            }
        }
    })
}

fn start_code(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|window| window == [0, 0, 1])
}

fn after_start_code(bytes: &[u8]) -> Option<&[u8]> {
    start_code(bytes).map(|at| &bytes[at + 3..])
}

/// The NAL units that are of this kind or not, each after its length of four bytes.
pub(crate) fn with_lengths<'a>(nals: impl Iterator<Item = &'a [u8]>) -> Bytes {
    let mut out = BytesMut::new();
    for nal in nals {
        out.put_u32(nal.len() as u32);
        out.put_slice(nal);
    }
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nal_units_are_found_between_start_codes_of_either_length() {
        let bytes = [7, 0, 0, 0, 1, 9, 16, 0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0];
        let found: Vec<_> = split(&bytes).collect();
        assert_eq!(found, [&[9, 16][..], &[0x67, 1], &[0x68, 2]]);
        assert_eq!(split(&[1, 2, 3]).count(), 0);
        assert_eq!(split(&[0, 0, 1]).count(), 0);
        assert_eq!(split(&[0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 5]).collect::<Vec<_>>(), [[5]]);
    }
}
