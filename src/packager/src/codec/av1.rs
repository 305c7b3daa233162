//! AV1 (AV1 bitstream specification 1.0.0 with errata) in MP4 (AV1 Codec ISO Media File Format Binding 1.2.0).

use bytes::{Bytes, BytesMut};
use mp4_atom::{Atom, Av01, Av1c};

use super::{Configuration, Size, visual};
use crate::Error;
use crate::bits::Bits;
use crate::error::unreadable;

const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
/// The longest sequence header that is kept.
const MOST_HEADER: usize = 1024;

pub(super) fn from_box(config: &[u8], size: Size) -> Result<Configuration, Error> {
    let av1c =
        Av1c::decode_body(&mut &config[..]).map_err(|_| unreadable("the configuration of AV1 (av1C)"))?;
    Ok(configuration(av1c, size))
}

/// The sequence header of a temporal unit; `None` where there is none.
pub(super) fn in_band(temporal_unit: &[u8], size: Size) -> Option<Configuration> {
    let header = obus(temporal_unit).find(|obu| obu.kind == SEQUENCE_HEADER)?;
    let mut av1c = read_header(header.payload)?;
    av1c.config_obus = header.whole.to_vec();
    (header.whole.len() <= MOST_HEADER).then(|| configuration(av1c, size))
}

/// The temporal unit without its delimiters, which a sample shall not hold.
pub(super) fn sample(temporal_unit: &Bytes) -> Bytes {
    if obus(temporal_unit).all(|obu| obu.kind != TEMPORAL_DELIMITER) {
        return temporal_unit.clone();
    }
    let kept = obus(temporal_unit).filter(|obu| obu.kind != TEMPORAL_DELIMITER);
    kept.fold(BytesMut::new(), |mut out, obu| {
        out.extend_from_slice(obu.whole);
        out
    })
    .freeze()
}

struct Obu<'a> {
    kind: u8,
    payload: &'a [u8],
    whole: &'a [u8],
}

/// The OBUs of a temporal unit, each of which says its size, or is the last one.
fn obus(bytes: &[u8]) -> impl Iterator<Item = Obu<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (&head, after) = rest.split_first()?;
        let after = after.get(usize::from(head & 4 != 0)..)?;
        let payload = if head & 2 == 0 { after } else { sized(after)? };
        let end = payload.as_ptr_range().end as usize - rest.as_ptr() as usize;
        let (whole, next) = rest.split_at(end);
        rest = next;
        Some(Obu { kind: head >> 3 & 15, payload, whole })
    })
}

/// The bytes after a size in LEB128, as many as it says.
fn sized(bytes: &[u8]) -> Option<&[u8]> {
    let mut size = 0u64;
    for (i, byte) in bytes.iter().enumerate().take(8) {
        size |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            let payload = &bytes[i + 1..];
            return payload.get(..usize::try_from(size).ok()?);
        }
    }
    None
}

/// What `av1C` repeats of `sequence_header_obu()` (5.5 of the bitstream specification).
fn read_header(payload: &[u8]) -> Option<Av1c> {
    let mut bits = Bits::new(payload);
    let bits = &mut bits;
    let mut av1c = Av1c { seq_profile: bits.take(3)? as u8, ..empty() };
    bits.skip(1)?;
    let is_reduced = bits.flag()?;
    if is_reduced {
        av1c.seq_level_idx_0 = bits.take(5)? as u8;
    } else {
        read_operating_points(bits, &mut av1c)?;
    }
    let (width, height) = (bits.take(4)? + 1, bits.take(4)? + 1);
    bits.skip(width + height)?;
    if !is_reduced && bits.flag()? {
        bits.skip(7)?;
    }
    bits.skip(3)?;
    if !is_reduced {
        skip_tools(bits)?;
    }
    bits.skip(3)?;
    read_color(bits, &mut av1c)?;
    Some(av1c)
}

fn empty() -> Av1c {
    Av1c {
        seq_profile: 0,
        seq_level_idx_0: 0,
        seq_tier_0: false,
        high_bitdepth: false,
        twelve_bit: false,
        monochrome: false,
        chroma_subsampling_x: true,
        chroma_subsampling_y: true,
        chroma_sample_position: 0,
        initial_presentation_delay: None,
        config_obus: Vec::new(),
    }
}

fn read_operating_points(bits: &mut Bits, av1c: &mut Av1c) -> Option<()> {
    let mut delay_bits = None;
    if bits.flag()? {
        bits.skip(64)?;
        if bits.flag()? {
            bits.ue()?;
        }
        if bits.flag()? {
            delay_bits = Some(bits.take(5)? + 1);
            bits.skip(42)?;
        }
    }
    let has_display_delay = bits.flag()?;
    let points = bits.take(5)? + 1;
    for point in 0..points {
        bits.skip(12)?;
        let level = bits.take(5)? as u8;
        let tier = level > 7 && bits.flag()?;
        if point == 0 {
            (av1c.seq_level_idx_0, av1c.seq_tier_0) = (level, tier);
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

fn skip_tools(bits: &mut Bits) -> Option<()> {
    bits.skip(4)?;
    let has_order_hint = bits.flag()?;
    if has_order_hint {
        bits.skip(2)?;
    }
    let has_choice = bits.flag()?;
    let screen_content = has_choice || bits.flag()?;
    if screen_content && !bits.flag()? {
        bits.skip(1)?;
    }
    if has_order_hint {
        bits.skip(3)?;
    }
    Some(())
}

/// `color_config()`.
fn read_color(bits: &mut Bits, av1c: &mut Av1c) -> Option<()> {
    av1c.high_bitdepth = bits.flag()?;
    let profile = av1c.seq_profile;
    av1c.twelve_bit = profile == 2 && av1c.high_bitdepth && bits.flag()?;
    av1c.monochrome = profile != 1 && bits.flag()?;
    let color = if bits.flag()? { bits.take(24)? } else { 0x02_02_02 };
    if av1c.monochrome {
        return Some(());
    }
    let is_srgb = color == 0x01_0d_00;
    let subsampling = if is_srgb { (false, false) } else { read_subsampling(bits, av1c)? };
    (av1c.chroma_subsampling_x, av1c.chroma_subsampling_y) = subsampling;
    if subsampling == (true, true) {
        av1c.chroma_sample_position = bits.take(2)? as u8;
    }
    Some(())
}

fn read_subsampling(bits: &mut Bits, av1c: &Av1c) -> Option<(bool, bool)> {
    bits.skip(1)?;
    Some(match (av1c.seq_profile, av1c.twelve_bit) {
        (0, _) => (true, true),
        (1, _) => (false, false),
        (_, false) => (true, false),
        (_, true) => {
            let horizontal = bits.flag()?;
            (horizontal, horizontal && bits.flag()?)
        }
    })
}

/// The name is that of the binding, section 5.
fn configuration(av1c: Av1c, size: Size) -> Configuration {
    let tier = if av1c.seq_tier_0 { 'H' } else { 'M' };
    let depth = match (av1c.high_bitdepth, av1c.twelve_bit) {
        (false, _) => 8,
        (true, false) => 10,
        (true, true) => 12,
    };
    let name = format!("av01.{}.{:02}{tier}.{depth:02}", av1c.seq_profile, av1c.seq_level_idx_0);
    let (btrt, ccst, colr, pasp, taic, spatial) = (None, None, None, None, None, None);
    let entry = Av01 { visual: visual(size), av1c, btrt, ccst, colr, pasp, taic, spatial };
    Configuration { entry: entry.into(), name, aac: Vec::new() }
}
