//! VP9 (VP9 bitstream specification 0.6) in MP4 (VP Codec ISO Media File Format Binding 1.0).

use mp4_atom::{Vp09, VpcC};

use super::{Configuration, Size, visual};
use crate::bits::Bits;

/// Level 4.1: of no account for decoders, and not written in the frames.
const LEVEL: u8 = 41;
const SYNC_CODE: u32 = 0x49_83_42;

/// What a key frame's uncompressed header says (6.2 of the bitstream specification); `None` where it is none.
pub(super) fn in_band(frame: &[u8], size: Size) -> Option<Configuration> {
    let mut bits = Bits::new(frame);
    let bits = &mut bits;
    if bits.take(2)? != 2 {
        return None;
    }
    let profile = u32::from(bits.flag()?) | u32::from(bits.flag()?) << 1;
    if profile == 3 {
        bits.skip(1)?;
    }
    let (shows_existing, is_predicted) = (bits.flag()?, bits.flag()?);
    bits.skip(2)?;
    if shows_existing || is_predicted || bits.take(24)? != SYNC_CODE {
        return None;
    }
    let depth = match profile >= 2 {
        true => {
            if bits.flag()? {
                12
            } else {
                10
            }
        }
        false => 8,
    };
    let (subsampling, is_full) = read_color(bits, profile)?;
    let vpcc = VpcC {
        profile: profile as u8,
        level: LEVEL,
        bit_depth: depth,
        chroma_subsampling: subsampling,
        video_full_range_flag: is_full,
        ..VpcC::default()
    };
    let name = format!("vp09.{profile:02}.{LEVEL}.{depth:02}");
    let (btrt, colr, pasp, spatial) = (None, None, None, None);
    let entry = Vp09 { visual: visual(size), vpcc, btrt, colr, pasp, spatial };
    Some(Configuration { entry: entry.into(), name, aac: Vec::new() })
}

/// The subsampling as `vpcC` counts it, and whether the range is full.
fn read_color(bits: &mut Bits, profile: u32) -> Option<(u8, bool)> {
    const SRGB: u32 = 7;
    let is_odd = profile & 1 == 1;
    if bits.take(3)? == SRGB {
        return Some((3, true));
    }
    let is_full = bits.flag()?;
    let subsampling = match is_odd {
        true => (bits.flag()?, bits.flag()?),
        false => (true, true),
    };
    let code = match subsampling {
        (true, true) => 1,
        (true, false) => 2,
        (false, _) => 3,
    };
    Some((code, is_full))
}
