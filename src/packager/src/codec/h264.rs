//! H.264 (Rec. ITU-T H.264) in MP4 (ISO/IEC 14496-15, 5): `avc1` with its parameter sets in `avcC`.

use bytes::Bytes;
use fql_unit::encoded::unescaped;
use mp4_atom::{Atom, Avc1, Avcc, AvccExt};

use super::{Configuration, Size, visual};
use crate::bits::Bits;
use crate::error::unreadable;
use crate::{Error, nal};

const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;
/// Parameter sets of either kind that are taken from an access unit; encoders have one or two.
const MOST_SETS: usize = 16;
const MOST_SET: usize = 1024;

pub(super) fn from_box(config: &[u8], size: Size) -> Result<Configuration, Error> {
    let avcc =
        Avcc::decode_body(&mut &config[..]).map_err(|_| unreadable("the configuration of H.264 (avcC)"))?;
    if avcc.sequence_parameter_sets.is_empty() {
        return Err(unreadable("the parameter sets in the configuration of H.264 (avcC)"));
    }
    Ok(configuration(avcc, size))
}

/// The parameter sets of an access unit; `None` where they are not both there.
pub(super) fn in_band(access_unit: &[u8], size: Size) -> Option<Configuration> {
    let sets = |kind| {
        let sets = nal::split(access_unit).filter(|nal| nal[0] & 31 == kind && nal.len() <= MOST_SET);
        let mut sets: Vec<_> = sets.take(MOST_SETS).map(<[u8]>::to_vec).collect();
        sets.dedup();
        sets
    };
    let (sps, pps) = (sets(SPS), sets(PPS));
    let (&profile, &compatibility, &level) = (sps.first()?.get(1)?, sps[0].get(2)?, sps[0].get(3)?);
    let avcc = Avcc {
        configuration_version: 1,
        avc_profile_indication: profile,
        profile_compatibility: compatibility,
        avc_level_indication: level,
        length_size: 4,
        ext: extension(&sps[0]),
        sequence_parameter_sets: sps,
        picture_parameter_sets: pps,
    };
    (!avcc.picture_parameter_sets.is_empty()).then(|| configuration(avcc, size))
}

/// What `avcC` has more for the high profiles (ISO/IEC 14496-15, 5.3.3.1.2).
fn extension(sps: &[u8]) -> Option<AvccExt> {
    let sps = unescaped(sps);
    if matches!(sps.get(1)?, 66 | 77 | 88) {
        return None;
    }
    let mut bits = Bits::new(sps.get(4..)?);
    bits.ue()?;
    let chroma_format = bits.ue()?;
    if chroma_format == 3 {
        bits.skip(1)?;
    }
    let (luma, chroma) = (bits.ue()?, bits.ue()?);
    let is_known = chroma_format < 4 && luma < 7 && chroma < 7;
    is_known.then(|| AvccExt {
        chroma_format: chroma_format as u8,
        bit_depth_luma: luma as u8 + 8,
        bit_depth_chroma: chroma as u8 + 8,
        sequence_parameter_sets_ext: Vec::new(),
    })
}

fn configuration(avcc: Avcc, size: Size) -> Configuration {
    let (profile, level) = (avcc.avc_profile_indication, avcc.avc_level_indication);
    let name = format!("avc1.{profile:02x}{:02x}{level:02x}", avcc.profile_compatibility);
    let entry = Avc1 { visual: visual(size), avcc, ..Avc1::default() };
    Configuration { entry: entry.into(), name, aac: Vec::new() }
}

/// The access unit as `avc1` holds it: lengths for start codes, without what stands in `avcC`.
pub(super) fn sample(access_unit: &[u8]) -> Bytes {
    let is_kept = |nal: &&[u8]| !matches!(nal[0] & 31, SPS | PPS | DELIMITER);
    nal::with_lengths(nal::split(access_unit).filter(is_kept))
}
