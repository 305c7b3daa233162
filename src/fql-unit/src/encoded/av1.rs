//! OBUs of AV1 (AV1 bitstream specification 1.0.0 with errata, 5.3 to 5.9): as much of them as tells whether other
//! frames are predicted from a frame.

use super::bits::Bits;
use super::judge::Judgement;

const SEQUENCE_HEADER: u8 = 1;
const FRAME_HEADER: u8 = 3;
const FRAME: u8 = 6;

const KEY_FRAME: u32 = 0;
const INTRA_ONLY_FRAME: u32 = 2;
const SWITCH_FRAME: u32 = 3;
/// The value of two fields of the sequence header that leaves the choice to each frame.
const SELECT: u32 = 2;

/// What was read of the sequence header so far.
#[derive(Debug, Default)]
pub(super) struct Av1 {
    sequence: Option<Sequence>,
}

/// The fields of a sequence header on which the place of `refresh_frame_flags` in frame headers depends.
#[derive(Debug, Clone, Copy, Default)]
struct Sequence {
    is_still: bool,
    /// Width and height of the largest frames.
    size: (u32, u32),
    has_decoder_model: bool,
    /// Bits of frame ids, 0 where there are none.
    frame_id_bits: u32,
    order_hint_bits: u32,
    screen_content: u32,
    integer_mv: u32,
}

impl Av1 {
    pub(super) fn judge(&mut self, temporal_unit: &[u8]) -> Option<Judgement> {
        let mut judgement: Option<Judgement> = None;
        let mut rest = temporal_unit;
        while let Some((kind, payload, after)) = obu(rest) {
            let found = match kind {
                SEQUENCE_HEADER => {
                    self.sequence = Sequence::read(&mut Bits::new(payload)).or(self.sequence);
                    Some(Judgement::PARAMETERS)
                }
                FRAME_HEADER | FRAME => Some(self.judge_frame(payload)),
                _ => None,
            };
            judgement = [judgement, found].into_iter().flatten().reduce(Judgement::and);
            rest = after;
        }
        judgement
    }

    /// Where it cannot be told, others are taken to refer to the frame.
    fn judge_frame(&self, header: &[u8]) -> Judgement {
        let sequence = self.sequence.unwrap_or_default();
        if sequence.is_still {
            return Judgement::KEY;
        }
        let mut bits = Bits::new(header);
        match (bits.flag(), bits.take(2), bits.flag()) {
            (Some(false), Some(KEY_FRAME), Some(true)) => Judgement::KEY,
            (Some(false), Some(kind), Some(is_shown)) if self.sequence.is_some() => {
                let refreshed = sequence.refreshed(&mut bits, kind, is_shown);
                Judgement::predicted(refreshed != Some(0))
            }
            _ => Judgement::predicted(true),
        }
    }
}

/// Width and height of the largest frames, as the first sequence header of a temporal unit says.
pub(super) fn size(temporal_unit: &[u8]) -> Option<(u32, u32)> {
    let mut rest = temporal_unit;
    while let Some((kind, payload, after)) = obu(rest) {
        if kind == SEQUENCE_HEADER {
            return Sequence::read(&mut Bits::new(payload)).map(|sequence| sequence.size);
        }
        rest = after;
    }
    None
}

/// The first OBU: its type, its payload and what follows.
fn obu(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&head, rest) = bytes.split_first()?;
    let has_extension = head & 4 != 0;
    let rest = rest.get(usize::from(has_extension)..)?;
    let (payload, after) = if head & 2 != 0 {
        let (size, rest) = leb128(rest)?;
        rest.split_at(size.min(rest.len()))
    } else {
        (rest, Default::default())
    };
    Some((head >> 3 & 15, payload, after))
}

fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0u64;
    for (i, byte) in bytes.iter().enumerate().take(8) {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).unwrap_or(usize::MAX), &bytes[i + 1..]));
        }
    }
    None
}

impl Sequence {
    /// `sequence_header_obu()` up to `order_hint_bits_minus_1`.
    fn read(bits: &mut Bits) -> Option<Self> {
        bits.skip(3)?;
        bits.skip(1)?;
        if bits.flag()? {
            let size = bits.skip(5).and_then(|()| Self::read_size(bits)).unwrap_or_default();
            return Some(Self { is_still: true, size, ..Self::default() });
        }
        let mut sequence = Self::default();
        let delay_bits = sequence.read_timing(bits)?;
        sequence.skip_operating_points(bits, delay_bits)?;
        sequence.size = Self::read_size(bits)?;
        if bits.flag()? {
            let delta = bits.take(4)? + 2;
            sequence.frame_id_bits = bits.take(3)? + delta + 1;
        }
        bits.skip(3)?;
        sequence.read_tools(bits)?;
        Some(sequence)
    }

    fn read_size(bits: &mut Bits) -> Option<(u32, u32)> {
        let (width_bits, height_bits) = (bits.take(4)? + 1, bits.take(4)? + 1);
        Some((bits.take(width_bits)? + 1, bits.take(height_bits)? + 1))
    }

    /// The timing of pictures and buffers; gives the bits of a delay where there is a decoder model.
    fn read_timing(&mut self, bits: &mut Bits) -> Option<Option<u32>> {
        if !bits.flag()? {
            return Some(None);
        }
        bits.skip(64)?;
        if bits.flag()? {
            bits.uvlc()?;
        }
        self.has_decoder_model = bits.flag()?;
        if !self.has_decoder_model {
            return Some(None);
        }
        let delay_bits = bits.take(5)? + 1;
        bits.skip(32 + 5 + 5)?;
        Some(Some(delay_bits))
    }

    fn skip_operating_points(&self, bits: &mut Bits, delay_bits: Option<u32>) -> Option<()> {
        let has_display_delay = bits.flag()?;
        let points = bits.take(5)? + 1;
        for _ in 0..points {
            bits.skip(12)?;
            if bits.take(5)? > 7 {
                bits.skip(1)?;
            }
            if let Some(delay_bits) = delay_bits
                && bits.flag()?
            {
                bits.skip(2 * delay_bits + 1)?;
            }
            if has_display_delay && bits.flag()? {
                bits.skip(4)?;
            }
        }
        Some(())
    }

    fn read_tools(&mut self, bits: &mut Bits) -> Option<()> {
        bits.skip(4)?;
        let has_order_hint = bits.flag()?;
        if has_order_hint {
            bits.skip(2)?;
        }
        self.screen_content = if bits.flag()? { SELECT } else { bits.take(1)? };
        self.integer_mv = if self.screen_content == 0 || bits.flag()? { SELECT } else { bits.take(1)? };
        if has_order_hint {
            self.order_hint_bits = bits.take(3)? + 1;
        }
        Some(())
    }

    /// `refresh_frame_flags` of a frame header of which the first four bits are read; `None` where it cannot be found.
    fn refreshed(&self, bits: &mut Bits, kind: u32, is_shown: bool) -> Option<u32> {
        if self.has_decoder_model {
            return None;
        }
        if kind == SWITCH_FRAME || kind == KEY_FRAME && is_shown {
            return Some(0xff);
        }
        if !is_shown {
            bits.skip(1)?;
        }
        let is_resilient = bits.flag()?;
        bits.skip(1)?;
        let screen_content = if self.screen_content == SELECT { bits.take(1)? } else { self.screen_content };
        if screen_content > 0 && self.integer_mv == SELECT {
            bits.skip(1)?;
        }
        bits.skip(self.frame_id_bits + 1 + self.order_hint_bits)?;
        let is_intra = kind == KEY_FRAME || kind == INTRA_ONLY_FRAME;
        if !is_intra && !is_resilient {
            bits.skip(3)?;
        }
        bits.take(8)
    }
}
