//! Frames of VP8 (RFC 6386, 9.1) and VP9 (VP9 bitstream specification 0.6, 6.2 and annex B): as much of their headers as
//! tells whether other frames are predicted from a frame.

use super::bits::Bits;
use super::judge::Judgement;

/// Judges a frame of VP8. Which of the others are references stands in the part that is arithmetically coded: they are
/// all taken to be.
pub(super) fn vp8(frame: &[u8]) -> Option<Judgement> {
    let (tag, _) = frame.split_first_chunk::<3>()?;
    Some(if tag[0] & 1 == 0 { Judgement::KEY } else { Judgement::predicted(true) })
}

/// Judges an access unit of VP9: a frame, or several with an index after them.
pub(super) fn vp9(access_unit: &[u8]) -> Option<Judgement> {
    let Some((sizes, mut rest)) = superframe(access_unit) else { return vp9_frame(access_unit) };
    let mut judgement = None;
    for size in sizes.chunks(sizes.len() / frames(access_unit)) {
        // Little-endian, at most four bytes.
        let size = size.iter().rev().fold(0, |size, byte| size << 8 | usize::from(*byte));
        let (frame, after) = rest.split_at(size.min(rest.len()));
        judgement = [judgement, vp9_frame(frame)].into_iter().flatten().reduce(Judgement::and);
        rest = after;
    }
    judgement
}

/// How many frames the index after them counts; only of use where there is one.
fn frames(access_unit: &[u8]) -> usize {
    usize::from(access_unit.last().map_or(0, |marker| marker & 7)) + 1
}

/// The sizes in the index of several frames, and the frames; `None` where there is no index.
fn superframe(access_unit: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&marker, before) = access_unit.split_last()?;
    if marker & 0xe0 != 0xc0 {
        return None;
    }
    let size_bytes = usize::from(marker >> 3 & 3) + 1;
    let start = before.len().checked_sub(size_bytes * frames(access_unit))?;
    let (before, sizes) = before.split_at(start);
    let (&first, frames) = before.split_last()?;
    (first == marker).then_some((sizes, frames))
}

fn vp9_frame(frame: &[u8]) -> Option<Judgement> {
    let mut bits = Bits::new(frame);
    if bits.take(2)? != 2 {
        return None;
    }
    let profile = bits.take(1)? + 2 * bits.take(1)?;
    if profile == 3 {
        bits.skip(1)?;
    }
    let shows_existing = bits.flag()?;
    if shows_existing {
        return Some(Judgement::predicted(false));
    }
    if !bits.flag()? {
        return Some(Judgement::KEY);
    }
    Some(Judgement::predicted(refreshed(&mut bits, profile) != Some(0)))
}

/// `refresh_frame_flags` of a frame that is not a key frame, of which the header is read up to `frame_type`; `None`
/// where it cannot be found.
fn refreshed(bits: &mut Bits, profile: u32) -> Option<u32> {
    let (is_shown, is_resilient) = (bits.flag()?, bits.flag()?);
    let is_intra = !is_shown && bits.flag()?;
    if !is_resilient {
        bits.skip(2)?;
    }
    if is_intra {
        bits.skip(24)?;
        if profile > 0 {
            // Colours follow, whose length varies. Encoders make such frames to refresh something.
            return None;
        }
    }
    bits.take(8)
}
