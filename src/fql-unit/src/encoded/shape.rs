//! How large pictures are, and how sound is sampled, as the headers of encoded media say it.
//!
//! Protocols that carry encoded media hand over the headers and leave it to the receiver to read them: sequence
//! parameter sets of H.264 (Rec. ITU-T H.264, 7.3.2.1 and E.1.1) and H.265 (Rec. ITU-T H.265, 7.3.2.2 and 7.3.3),
//! sequence headers of AV1 (5.5), key frames of VP8 (RFC 6386, 9.1) and VP9 (VP9 bitstream specification 0.6, 6.2), AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1) and the identification header of Opus
//! (RFC 7845, 5.1). Whatever the bytes are, reading them takes time in proportion to their number.

use super::av1;
use super::bits::Bits;
use super::judge::Framing;
use super::nal::{Nals, unescaped};
use crate::{AudioCodec, VideoCodec};

/// More of a parameter set is not looked at.
const MOST_OF_A_SET: usize = 4096;
/// No codec has more pictures that wait to be shown.
const MOST_REORDERED: usize = 16;
/// The profile of H.264 without pictures that are shown in another order than they are decoded in.
const BASELINE: u32 = 66;
/// The profiles of H.264 whose parameter sets say how chroma is sampled (7.3.2.1.1).
const WITH_CHROMA: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
/// Samples a second by their index in an AudioSpecificConfig.
const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
/// The order of pictures of H.264 that is that of decoding.
const IN_ORDER: u32 = 2;
const OTHER_RATE: u32 = 15;

/// What the headers of encoded video say of its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoShape {
    /// Width in luma samples, of the part that is shown.
    pub width: u32,
    /// Height in luma samples, of the part that is shown.
    pub height: u32,
    /// Frames a second as numerator and denominator; 0/1 where the headers do not say it.
    pub frame_rate: (u32, u32),
}

impl VideoShape {
    /// What the configuration of a decoder says: `avcC`, `hvcC` or `av1C`. `None` where it does not tell, or is damaged.
    pub fn of_config(codec: VideoCodec, config: &[u8]) -> Option<Self> {
        match codec {
            VideoCodec::H264 => of_h264(first_set_of_avcc(config)?),
            VideoCodec::H265 => sets_of_hvcc(config)?.into_iter().find_map(of_h265),
            VideoCodec::Av1 => Self::of_access_unit(codec, Framing::StartCodes, config.get(4..)?),
            VideoCodec::Vp8 | VideoCodec::Vp9 => None,
        }
    }

    /// What an access unit says that brings its parameters along; `None` where it does not.
    pub fn of_access_unit(codec: VideoCodec, framing: Framing, access_unit: &[u8]) -> Option<Self> {
        match codec {
            VideoCodec::H264 => Nals::new(access_unit, framing).find_map(of_h264),
            VideoCodec::H265 => Nals::new(access_unit, framing).find_map(of_h265),
            VideoCodec::Av1 => {
                let (width, height) = av1::size(access_unit)?;
                sized(width, height, (0, 1))
            }
            VideoCodec::Vp8 => of_vp8(access_unit),
            VideoCodec::Vp9 => of_vp9(access_unit),
        }
    }
}

/// At most so many pictures are decoded before one that is shown before all of them, as the configuration of a decoder
/// says, an `avcC` or an `hvcC`; `None` where it does not say it, or is damaged.
pub fn most_reordered(codec: VideoCodec, config: &[u8]) -> Option<usize> {
    let pictures = match codec {
        VideoCodec::H264 => read_h264(first_set_of_avcc(config)?)?.1,
        VideoCodec::H265 => sets_of_hvcc(config)?.into_iter().find_map(read_h265)?.1,
        // What comes is shown.
        VideoCodec::Av1 | VideoCodec::Vp8 | VideoCodec::Vp9 => Some(0),
    };
    pictures.map(|pictures| (pictures as usize).min(MOST_REORDERED))
}

/// What the headers of encoded sound say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioShape {
    /// Samples a second and channel.
    pub rate: u32,
    /// Number of channels.
    pub channels: u8,
}

impl AudioShape {
    /// What the configuration of a decoder says: an AudioSpecificConfig or the identification header of Opus. `None`
    /// where it is damaged, or leaves the channels to the first frames.
    pub fn of_config(codec: AudioCodec, config: &[u8]) -> Option<Self> {
        match codec {
            AudioCodec::Aac => of_aac(config),
            AudioCodec::Opus => {
                let channels = config.strip_prefix(b"OpusHead")?.get(1).copied()?;
                (channels > 0).then_some(Self { rate: 48_000, channels })
            }
        }
    }
}

fn sized(width: u32, height: u32, frame_rate: (u32, u32)) -> Option<VideoShape> {
    (width > 0 && height > 0).then_some(VideoShape { width, height, frame_rate })
}

/// The first sequence parameter set of an `avcC` (ISO/IEC 14496-15, 5.3.3.1).
fn first_set_of_avcc(config: &[u8]) -> Option<&[u8]> {
    let count = config.get(5)? & 31;
    let (set, _) = split_set(config.get(6..)?)?;
    (count > 0).then_some(set)
}

/// All parameter sets of an `hvcC` (ISO/IEC 14496-15, 8.3.3.1).
fn sets_of_hvcc(config: &[u8]) -> Option<Vec<&[u8]>> {
    let arrays = *config.get(22)?;
    let mut rest = config.get(23..)?;
    let mut sets = Vec::new();
    for _ in 0..arrays {
        let (head, after) = rest.split_at_checked(3)?;
        rest = after;
        for _ in 0..u16::from_be_bytes([head[1], head[2]]) {
            let (set, after) = split_set(rest)?;
            sets.push(set);
            rest = after;
        }
    }
    Some(sets)
}

/// A set that has its length, of two bytes, before it; and what follows.
fn split_set(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(2)?;
    rest.split_at_checked(u16::from_be_bytes([length[0], length[1]]).into())
}

/// What a parameter set holds.
fn payload(nal: &[u8]) -> Vec<u8> {
    unescaped(&nal[..nal.len().min(MOST_OF_A_SET)])
}

fn of_h264(nal: &[u8]) -> Option<VideoShape> {
    read_h264(nal).map(|(shape, _)| shape)
}

/// What a sequence parameter set says, and how many pictures are reordered at most.
fn read_h264(nal: &[u8]) -> Option<(VideoShape, Option<u32>)> {
    if nal.first()? & 31 != 7 {
        return None;
    }
    let payload = payload(nal.get(1..)?);
    let bits = &mut Bits::new(&payload);
    let profile = bits.take(8)?;
    bits.skip(16)?;
    bits.ue()?;
    let chroma = if WITH_CHROMA.contains(&profile) { chroma_of_h264(bits)? } else { Chroma::of(1) };
    bits.ue()?;
    let is_in_order = picture_order(bits)? == IN_ORDER || profile == BASELINE;
    bits.ue()?;
    bits.skip(1)?;
    let (columns, rows) = (bits.ue()?.checked_add(1)?, bits.ue()?.checked_add(1)?);
    let is_of_frames = bits.flag()?;
    // Field pictures have rows of macroblocks of half of the height each, and are cropped by twice the rows.
    let fields = if is_of_frames { 1 } else { 2 };
    bits.skip(if is_of_frames { 1 } else { 2 })?;
    let (across, down) = crop(bits, chroma.across, chroma.down * fields)?;
    let width = columns.checked_mul(16)?.checked_sub(across)?;
    let height = rows.checked_mul(16 * fields)?.checked_sub(down)?;
    let mut usability = Usability::default();
    // Of one that is cut off, what was read holds.
    let _ = usability.read(bits);
    let shape = sized(width, height, usability.frame_rate.unwrap_or((0, 1)))?;
    Some((shape, if is_in_order { Some(0) } else { usability.reordered }))
}

/// How many luma samples lie on one chroma sample, in both directions.
struct Chroma {
    across: u32,
    down: u32,
}

impl Chroma {
    fn of(format: u32) -> Self {
        let (across, down) = match format {
            1 => (2, 2),
            2 => (2, 1),
            _ => (1, 1),
        };
        Self { across, down }
    }
}

fn chroma_of_h264(bits: &mut Bits) -> Option<Chroma> {
    let format = bits.ue()?;
    if format == 3 {
        bits.skip(1)?;
    }
    bits.ue()?;
    bits.ue()?;
    bits.skip(1)?;
    if bits.flag()? {
        for list in 0..if format == 3 { 12 } else { 8 } {
            if bits.flag()? {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(Chroma::of(format))
}

/// `scaling_list()` (7.3.2.1.1.1).
fn skip_scaling_list(bits: &mut Bits, size: u32) -> Option<()> {
    let (mut last, mut next) = (8i64, 8i64);
    for _ in 0..size {
        if next != 0 {
            next = (last + i64::from(bits.se()?)).rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

/// How the order of pictures is told: where it is [`IN_ORDER`], they are shown as they are decoded.
fn picture_order(bits: &mut Bits) -> Option<u32> {
    let kind = bits.ue()?;
    match kind {
        0 => drop(bits.ue()?),
        1 => {
            bits.skip(1)?;
            bits.ue()?;
            bits.ue()?;
            let cycle = bits.ue()?;
            (0..cycle).try_for_each(|_| bits.ue().map(drop))?;
        }
        _ => {}
    }
    Some(kind)
}

/// How many luma samples are cut off across and down.
fn crop(bits: &mut Bits, across: u32, down: u32) -> Option<(u32, u32)> {
    if !bits.flag()? {
        return Some((0, 0));
    }
    let horizontal = bits.ue()?.checked_add(bits.ue()?)?;
    let vertical = bits.ue()?.checked_add(bits.ue()?)?;
    Some((horizontal.checked_mul(across)?, vertical.checked_mul(down)?))
}

/// What `vui_parameters()` (E.1.1) say.
#[derive(Default)]
struct Usability {
    frame_rate: Option<(u32, u32)>,
    reordered: Option<u32>,
}

impl Usability {
    fn read(&mut self, bits: &mut Bits) -> Option<()> {
        const EXTENDED_ASPECT: u32 = 255;
        if !bits.flag()? {
            return Some(());
        }
        if bits.flag()? && bits.take(8)? == EXTENDED_ASPECT {
            bits.skip(32)?;
        }
        if bits.flag()? {
            bits.skip(1)?;
        }
        if bits.flag()? {
            bits.skip(4)?;
            if bits.flag()? {
                bits.skip(24)?;
            }
        }
        if bits.flag()? {
            bits.ue()?;
            bits.ue()?;
        }
        if bits.flag()? {
            self.frame_rate = frame_rate(bits.take(32)?, bits.take(32)?);
            bits.skip(1)?;
        }
        let has_buffers = [skip_buffers(bits)?, skip_buffers(bits)?].contains(&true);
        bits.skip(if has_buffers { 2 } else { 1 })?;
        if bits.flag()? {
            bits.skip(1)?;
            for _ in 0..4 {
                bits.ue()?;
            }
            self.reordered = Some(bits.ue()?);
        }
        Some(())
    }
}

/// `hrd_parameters()` (E.1.2), if they are there, and whether they are.
fn skip_buffers(bits: &mut Bits) -> Option<bool> {
    let are_there = bits.flag()?;
    if are_there {
        let more = bits.ue()?;
        bits.skip(8)?;
        for _ in 0..=more {
            bits.ue()?;
            bits.ue()?;
            bits.skip(1)?;
        }
        bits.skip(20)?;
    }
    Some(are_there)
}

/// Of ticks, each of which is the time of a field, on a clock of so many a second.
fn frame_rate(ticks: u32, scale: u32) -> Option<(u32, u32)> {
    let (numerator, denominator) = (u64::from(scale), 2 * u64::from(ticks));
    if numerator == 0 || denominator == 0 {
        return None;
    }
    let shared = greatest_common_divisor(numerator, denominator);
    Some((u32::try_from(numerator / shared).ok()?, u32::try_from(denominator / shared).ok()?))
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn of_h265(nal: &[u8]) -> Option<VideoShape> {
    read_h265(nal).map(|(shape, _)| shape)
}

/// What a sequence parameter set says, and how many pictures are reordered at most.
fn read_h265(nal: &[u8]) -> Option<(VideoShape, Option<u32>)> {
    if nal.first()? >> 1 & 63 != 33 {
        return None;
    }
    let payload = payload(nal.get(2..)?);
    let bits = &mut Bits::new(&payload);
    bits.skip(4)?;
    let sub_layers = bits.take(3)?;
    bits.skip(1)?;
    skip_profiles(bits, sub_layers)?;
    bits.ue()?;
    let format = bits.ue()?;
    if format == 3 {
        bits.skip(1)?;
    }
    let chroma = Chroma::of(format);
    let (width, height) = (bits.ue()?, bits.ue()?);
    let (across, down) = crop(bits, chroma.across, chroma.down)?;
    let shape = sized(width.checked_sub(across)?, height.checked_sub(down)?, (0, 1))?;
    Some((shape, reordered_of_h265(bits, sub_layers)))
}

/// What is said of the highest of the sub-layers, which comes last.
fn reordered_of_h265(bits: &mut Bits, sub_layers: u32) -> Option<u32> {
    for _ in 0..3 {
        bits.ue()?;
    }
    let told = if bits.flag()? { sub_layers + 1 } else { 1 };
    let mut reordered = None;
    for _ in 0..told {
        bits.ue()?;
        reordered = Some(bits.ue()?);
        bits.ue()?;
    }
    reordered
}

/// `profile_tier_level()` (7.3.3) with so many sub-layers, 0 to 7, below the highest.
fn skip_profiles(bits: &mut Bits, sub_layers: u32) -> Option<()> {
    const PROFILE: u32 = 88;
    const LEVEL: u32 = 8;
    bits.skip(PROFILE + LEVEL)?;
    if sub_layers == 0 {
        return Some(());
    }
    let present = bits.take(16)?;
    for layer in 0..sub_layers {
        let flags = present >> (14 - 2 * layer) & 3;
        bits.skip(if flags & 2 != 0 { PROFILE } else { 0 })?;
        bits.skip(if flags & 1 != 0 { LEVEL } else { 0 })?;
    }
    Some(())
}

fn of_vp8(frame: &[u8]) -> Option<VideoShape> {
    const START_CODE: [u8; 3] = [0x9d, 0x01, 0x2a];
    let is_key = frame.first()? & 1 == 0;
    let size = frame.get(3..)?.strip_prefix(&START_CODE)?;
    let side = |at: usize| Some(u32::from(u16::from_le_bytes([*size.get(at)?, *size.get(at + 1)?]) & 0x3fff));
    if is_key { sized(side(0)?, side(2)?, (0, 1)) } else { None }
}

fn of_vp9(frame: &[u8]) -> Option<VideoShape> {
    const MARKER: u32 = 2;
    const START_CODE: u32 = 0x49_83_42;
    const RGB: u32 = 7;
    let bits = &mut Bits::new(frame);
    if bits.take(2)? != MARKER {
        return None;
    }
    let profile = bits.take(1)? + 2 * bits.take(1)?;
    bits.skip(if profile == 3 { 1 } else { 0 })?;
    let shows_another = bits.flag()?;
    let is_predicted = bits.flag()?;
    bits.skip(2)?;
    if shows_another || is_predicted || bits.take(24)? != START_CODE {
        return None;
    }
    bits.skip(if profile >= 2 { 1 } else { 0 })?;
    let has_subsampling = profile % 2 == 1;
    match (bits.take(3)? == RGB, has_subsampling) {
        (false, true) => bits.skip(4)?,
        (false, false) | (true, true) => bits.skip(1)?,
        (true, false) => {}
    }
    let (width, height) = (bits.take(16)? + 1, bits.take(16)? + 1);
    sized(width, height, (0, 1))
}

fn of_aac(config: &[u8]) -> Option<AudioShape> {
    const ESCAPE: u32 = 31;
    /// Spectral band replication, and with it parametric stereo: the rate that is heard follows.
    const EXTENSIONS: [u32; 2] = [5, 29];
    const PARAMETRIC_STEREO: u32 = 29;
    let bits = &mut Bits::new(config);
    let mut kind = bits.take(5)?;
    if kind == ESCAPE {
        kind = 32 + bits.take(6)?;
    }
    let mut rate = aac_rate(bits)?;
    let channels = match (bits.take(4)?, kind) {
        (1, PARAMETRIC_STEREO) => 2,
        (channels @ 1..=6, _) => channels as u8,
        (7 | 12 | 14, _) => 8,
        (11, _) => 7,
        _ => return None,
    };
    if EXTENSIONS.contains(&kind) {
        rate = aac_rate(bits)?;
    }
    Some(AudioShape { rate, channels })
}

fn aac_rate(bits: &mut Bits) -> Option<u32> {
    match bits.take(4)? {
        OTHER_RATE => bits.take(24).filter(|&rate| rate > 0),
        index => RATES.get(index as usize).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_without_a_rate_is_none() {
        let of_rate = |last: u8| AudioShape::of_config(AudioCodec::Aac, &[0x17, 0x80, 0, last, 0x08]);
        assert_eq!(of_rate(1), Some(AudioShape { rate: 2, channels: 1 }));
        assert_eq!(of_rate(0), None);
    }

    /// Of x264, 322x242 in 25 frames a second.
    const AVCC: &[u8] = &[
        0x01, 0x64, 0x00, 0x0d, 0xff, 0xe1, 0x00, 0x1b, 0x67, 0x64, 0x00, 0x0d, 0xac, 0xd9, 0x41, 0x50, 0x87,
        0x88, 0x88, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xc8, 0x3c, 0x50, 0xa6,
        0x58, 0x01, 0x00, 0x06, 0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0, 0xfd, 0xf8, 0xf8, 0x00,
    ];
    /// Of x265, 322x242.
    const HVCC: &[u8] = &[
        0x01, 0x01, 0x60, 0x00, 0x00, 0x00, 0x90, 0x00, 0x00, 0x00, 0x00, 0x00, 0x3c, 0xf0, 0x00, 0xfc, 0xfd,
        0xf8, 0xf8, 0x00, 0x00, 0x0f, 0x03, 0x20, 0x00, 0x01, 0x00, 0x18, 0x40, 0x01, 0x0c, 0x01, 0xff, 0xff,
        0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x95, 0x98,
        0x09, 0x21, 0x00, 0x01, 0x00, 0x2b, 0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00,
        0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x3c, 0xa0, 0x0a, 0x48, 0x0f, 0x9c, 0x92, 0x65, 0x95, 0x9a, 0x49,
        0x32, 0xbc, 0x05, 0xa0, 0x20, 0x00, 0x00, 0x03, 0x00, 0x20, 0x00, 0x00, 0x03, 0x03, 0x21, 0x22, 0x00,
        0x01, 0x00, 0x07, 0x44, 0x01, 0xc1, 0x72, 0xb4, 0x62, 0x40,
    ];
    /// Of libaom, 322x242.
    const AV1C: &[u8] = &[
        0x81, 0x00, 0x0c, 0x00, 0x0a, 0x0b, 0x00, 0x00, 0x00, 0x04, 0x3d, 0x07, 0xc4, 0xda, 0xf9, 0x00, 0x40,
    ];

    const CODECS: [VideoCodec; 5] =
        [VideoCodec::H264, VideoCodec::H265, VideoCodec::Av1, VideoCodec::Vp8, VideoCodec::Vp9];

    fn cropped(frame_rate: (u32, u32)) -> Option<VideoShape> {
        Some(VideoShape { width: 322, height: 242, frame_rate })
    }

    #[test]
    fn a_parameter_set_of_h264_says_how_large_and_how_fast() {
        assert_eq!(VideoShape::of_config(VideoCodec::H264, AVCC), cropped((25, 1)));
        let with_start_code = [&[0, 0, 1], &AVCC[8..8 + 0x1b]].concat();
        let shape = VideoShape::of_access_unit(VideoCodec::H264, Framing::StartCodes, &with_start_code);
        assert_eq!(shape, cropped((25, 1)));
    }

    #[test]
    fn headers_of_h265_and_av1_say_how_large() {
        assert_eq!(VideoShape::of_config(VideoCodec::H265, HVCC), cropped((0, 1)));
        assert_eq!(VideoShape::of_config(VideoCodec::Av1, AV1C), cropped((0, 1)));
    }

    #[test]
    fn parameter_sets_say_how_many_pictures_are_reordered() {
        assert_eq!(most_reordered(VideoCodec::H264, AVCC), Some(2));
        assert_eq!(most_reordered(VideoCodec::H265, HVCC), Some(2));
        assert_eq!(most_reordered(VideoCodec::Vp9, &[]), Some(0));
        // Both without what they say past the size.
        const BASELINE_SET: &[u8] = &[0x67, 0x42, 0xc0, 0x0a, 0xd9, 0x04, 0x7b, 0x01, 0x10];
        let of_set = |set: &[u8]| {
            let config = [&[1, set[1], 0, 0, 0xff, 0xe1, 0, set.len() as u8], set].concat();
            most_reordered(VideoCodec::H264, &config)
        };
        assert_eq!(of_set(BASELINE_SET), Some(0));
        assert_eq!(of_set(&AVCC[8..20]), None);
    }

    #[test]
    fn key_frames_of_vp8_and_vp9_say_how_large() {
        let of = |codec, frame: &[u8]| VideoShape::of_access_unit(codec, Framing::StartCodes, frame);
        // The first bytes of what libvpx made.
        const VP8: &[u8] = &[0x10, 0x74, 0x00, 0x9d, 0x01, 0x2a, 0x42, 0x01, 0xf2, 0x00, 0x00, 0x07];
        const VP9: &[u8] = &[0x82, 0x49, 0x83, 0x42, 0x00, 0x14, 0x10, 0x0f, 0x16, 0x04, 0x38, 0x24];
        assert_eq!(of(VideoCodec::Vp8, VP8), cropped((0, 1)));
        assert_eq!(of(VideoCodec::Vp9, VP9), cropped((0, 1)));
        assert_eq!(of(VideoCodec::Vp9, &[0x86, 0x00, 0x40, 0x92]), None, "a predicted frame");
    }

    #[test]
    fn configurations_of_aac_say_what_is_heard() {
        let shape = |config: &[u8]| {
            AudioShape::of_config(AudioCodec::Aac, config).map(|shape| (shape.rate, shape.channels))
        };
        assert_eq!(shape(&[0x12, 0x10]), Some((44_100, 2)));
        assert_eq!(shape(&[0x11, 0x90]), Some((48_000, 2)));
        // HE-AAC of 24 kHz, of which 48 kHz are heard.
        assert_eq!(shape(&[0x2b, 0x11, 0x88]), Some((48_000, 2)));
        assert_eq!(shape(&[0x17, 0x80, 0x2e, 0xe0, 0x88]), Some((24_001, 1)));
        assert_eq!(shape(&[]), None);
        let opus = AudioShape::of_config(AudioCodec::Opus, b"OpusHead\x01\x02");
        assert_eq!(opus, Some(AudioShape { rate: 48_000, channels: 2 }));
    }

    #[test]
    fn headers_that_are_cut_off_or_damaged_tell_nothing_or_something_and_never_panic() {
        let mut random = fastrand::Rng::with_seed(7);
        for (codec, config) in [(VideoCodec::H264, AVCC), (VideoCodec::H265, HVCC), (VideoCodec::Av1, AV1C)] {
            for at in 0..config.len() {
                VideoShape::of_config(codec, &config[..at]);
                let mut damaged = config.to_vec();
                damaged[at] = random.u8(..);
                VideoShape::of_config(codec, &damaged);
                most_reordered(codec, &damaged);
            }
        }
        for _ in 0..20_000 {
            let mut bytes: Vec<u8> = (0..random.usize(..64)).map(|_| random.u8(..)).collect();
            for codec in CODECS {
                VideoShape::of_config(codec, &bytes);
                most_reordered(codec, &bytes);
                VideoShape::of_access_unit(codec, Framing::Lengths(1), &bytes);
            }
            AudioShape::of_config(AudioCodec::Aac, &bytes);
            AudioShape::of_config(AudioCodec::Opus, &bytes);
            bytes.splice(0..0, AVCC[..14].iter().copied());
            VideoShape::of_config(VideoCodec::H264, &bytes);
            bytes.splice(0..14, [0x42, 1]);
            VideoShape::of_access_unit(
                VideoCodec::H265,
                Framing::StartCodes,
                &[&[0, 0, 1], &bytes[..]].concat(),
            );
        }
    }
}
