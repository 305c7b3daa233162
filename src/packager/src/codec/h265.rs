//! H.265 (Rec. ITU-T H.265) in MP4 (ISO/IEC 14496-15, 8): `hvc1` with its parameter sets in `hvcC`.

use bytes::Bytes;
use fql_unit::encoded::unescaped;
use mp4_atom::{Atom, Hvc1, HvcCArray, Hvcc};

use super::{Configuration, Size, visual};
use crate::bits::Bits;
use crate::error::unreadable;
use crate::{Error, nal};

const VPS: u8 = 32;
const SPS: u8 = 33;
const PPS: u8 = 34;
const DELIMITER: u8 = 35;
const MOST_SETS: usize = 16;
const MOST_SET: usize = 1024;

fn kind(nal: &[u8]) -> u8 {
    nal[0] >> 1 & 63
}

pub(super) fn from_box(config: &[u8], size: Size) -> Result<Configuration, Error> {
    let hvcc =
        Hvcc::decode_body(&mut &config[..]).map_err(|_| unreadable("the configuration of H.265 (hvcC)"))?;
    let has_sps = hvcc.arrays.iter().any(|array| array.nal_unit_type == SPS && !array.nalus.is_empty());
    if !has_sps {
        return Err(unreadable("the parameter sets in the configuration of H.265 (hvcC)"));
    }
    Ok(configuration(hvcc, size))
}

/// The parameter sets of an access unit; `None` where they are not all there.
pub(super) fn in_band(access_unit: &[u8], size: Size) -> Option<Configuration> {
    let array = |wanted| {
        let sets = nal::split(access_unit).filter(|nal| kind(nal) == wanted && nal.len() <= MOST_SET);
        let mut nalus: Vec<_> = sets.take(MOST_SETS).map(<[u8]>::to_vec).collect();
        nalus.dedup();
        HvcCArray { completeness: true, nal_unit_type: wanted, nalus }
    };
    let arrays: Vec<_> = [VPS, SPS, PPS].map(array).into();
    let is_whole = arrays.iter().all(|array| !array.nalus.is_empty());
    let hvcc = read_sps(arrays[1].nalus.first()?)?;
    is_whole.then(|| configuration(Hvcc { arrays, ..hvcc }, size))
}

/// What `hvcC` repeats of a sequence parameter set (Rec. ITU-T H.265, 7.3.2.2.1 and 7.3.3).
fn read_sps(sps: &[u8]) -> Option<Hvcc> {
    let sps = unescaped(sps);
    let mut bits = Bits::new(sps.get(2..)?);
    bits.skip(4)?;
    let sub_layers = bits.take(3)?;
    let nested = bits.flag()?;
    let mut hvcc = Hvcc::new();
    hvcc.general_profile_space = bits.take(2)? as u8;
    hvcc.general_tier_flag = bits.flag()?;
    hvcc.general_profile_idc = bits.take(5)? as u8;
    hvcc.general_profile_compatibility_flags = bits.take(32)?.to_be_bytes();
    for byte in &mut hvcc.general_constraint_indicator_flags {
        *byte = bits.take(8)? as u8;
    }
    hvcc.general_level_idc = bits.take(8)? as u8;
    skip_sub_layers(&mut bits, sub_layers)?;
    bits.ue()?;
    let chroma_format = bits.ue()?;
    if chroma_format == 3 {
        bits.skip(1)?;
    }
    bits.ue()?;
    bits.ue()?;
    if bits.flag()? {
        for _ in 0..4 {
            bits.ue()?;
        }
    }
    hvcc.chroma_format_idc = u8::try_from(chroma_format).ok().filter(|format| *format < 4)?;
    hvcc.bit_depth_luma_minus8 = u8::try_from(bits.ue()?).ok().filter(|depth| *depth < 8)?;
    hvcc.bit_depth_chroma_minus8 = u8::try_from(bits.ue()?).ok().filter(|depth| *depth < 8)?;
    hvcc.num_temporal_layers = sub_layers as u8 + 1;
    hvcc.temporal_id_nested = nested;
    hvcc.length_size_minus_one = 3;
    Some(hvcc)
}

fn skip_sub_layers(bits: &mut Bits, sub_layers: u32) -> Option<()> {
    let mut length = 0;
    for _ in 0..sub_layers {
        length += if bits.flag()? { 88 } else { 0 };
        length += if bits.flag()? { 8 } else { 0 };
    }
    if sub_layers > 0 {
        bits.skip(2 * (8 - sub_layers))?;
    }
    bits.skip(length)
}

/// The name is that of ISO/IEC 14496-15, annex E.3.
fn configuration(hvcc: Hvcc, size: Size) -> Configuration {
    let space = ["", "A", "B", "C"][usize::from(hvcc.general_profile_space & 3)];
    let compatibility = u32::from_be_bytes(hvcc.general_profile_compatibility_flags).reverse_bits();
    let tier = if hvcc.general_tier_flag { 'H' } else { 'L' };
    let (profile, level) = (hvcc.general_profile_idc, hvcc.general_level_idc);
    let mut name = format!("hvc1.{space}{profile}.{compatibility:X}.{tier}{level}");
    let constraints = &hvcc.general_constraint_indicator_flags;
    let used = constraints.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    for byte in &constraints[..used] {
        name.push_str(&format!(".{byte:X}"));
    }
    let entry = Hvc1 { visual: visual(size), hvcc, ..Hvc1::default() };
    Configuration { entry: entry.into(), name, aac: Vec::new() }
}

/// The access unit as `hvc1` holds it: lengths for start codes, without what stands in `hvcC`.
pub(super) fn sample(access_unit: &[u8]) -> Bytes {
    let is_kept = |nal: &&[u8]| !matches!(kind(nal), VPS..=DELIMITER);
    nal::with_lengths(nal::split(access_unit).filter(is_kept))
}
