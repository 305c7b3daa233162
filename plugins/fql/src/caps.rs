//! Caps of layered streams: from and to what the track table says of a track.

mod encoded;
mod video;

use std::str::FromStr;

use fql_unit::{AudioFormat, AudioInfo, DataInfo, MAX_LAYERS, Media};
use gst::glib;

use crate::samples::Packing;

pub use encoded::{encoded_audio_template, encoded_video_template, framing};
pub use video::{
    of_video, preferred_raw_format, raw_of_video_info, raw_video_caps, raw_video_input_template,
    raw_video_template, to_video, video_info_of_raw, video_template,
};

/// Media type of layered video.
pub const VIDEO: &str = "video/x-fql";
/// Media type of layered sound.
pub const AUDIO: &str = "audio/x-fql";
/// Media type of `.fql` files.
pub const FILE: &str = "application/x-fql";
/// The version of units that these elements write and read.
pub const VERSION: &str = "0.4";

const MAX_DATA_CAPS: usize = 256;

/// Why caps do not describe a track.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CapsError {
    /// The caps have no structure, or are not fixed.
    #[error("the caps are empty or not fixed")]
    NotFixed,
    /// A field is missing, or has another type.
    #[error("{media} caps need the field {field}")]
    Field {
        /// The media type of the caps.
        media: String,
        /// The field.
        field: &'static str,
    },
    /// A field has a value that cannot be used.
    #[error("{field} is {value}, it must be {expected}")]
    Value {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// What another encoder made is not yet in the form of one access unit a buffer.
    #[error("{media} caps need {what}: put {parser} before fqlfecsink")]
    Unparsed {
        /// The media type of the caps.
        media: String,
        /// A field, and its value where it needs a certain one.
        what: String,
        /// The element that sees to it.
        parser: &'static str,
    },
    /// Samples that no encoder has made small.
    #[error("{0} is not coded: link fqlenc or another encoder before it")]
    Raw(String),
}

/// Caps of all layered sound that these elements know.
pub fn audio_template() -> gst::Caps {
    gst::Caps::builder(AUDIO)
        .field("version", VERSION)
        .field("layers", gst::IntRange::new(1, i32::from(MAX_LAYERS)))
        .field("format", gst::List::new(["S16", "S24"]))
        .field("rate", gst::IntRange::new(8_000, 192_000))
        .field("channels", gst::IntRange::new(1, 8))
        .build()
}

/// Caps of `.fql` files.
pub fn file_caps() -> gst::Caps {
    gst::Caps::new_empty_simple(FILE)
}

/// Caps of all sound samples that the encoder takes: interleaved, or one channel after the other.
pub fn raw_audio_template() -> gst::Caps {
    raw_audio(gst_audio::AudioCapsBuilder::new())
}

/// Caps of all sound samples that the decoder gives.
pub fn interleaved_audio_template() -> gst::Caps {
    raw_audio(gst_audio::AudioCapsBuilder::new_interleaved())
}

fn raw_audio(builder: gst_audio::AudioCapsBuilder<gst::caps::NoFeature>) -> gst::Caps {
    builder
        .format_list(Packing::ALL.map(Packing::raw))
        .rate_range(8_000..=192_000)
        .channels_range(1..=8)
        .build()
}

/// What a decoder needs to know of raw sound. `None` where the number of channels is out of range, or samples of such a
/// format are not taken.
pub fn audio_info_of_raw(info: &gst_audio::AudioInfo) -> Option<AudioInfo> {
    let channels = u8::try_from(info.channels()).ok().filter(|n| (1..=8).contains(n))?;
    Some(AudioInfo {
        rate: info.rate(),
        channels,
        format: Packing::of_raw(info.format())?.coded_as(),
        channel_mask: info.positions().map_or(0, channel_mask),
    })
}

/// The samples that layered sound decodes to, in this packing.
pub fn raw_of_audio_info(
    info: &AudioInfo,
    packing: Packing,
) -> Result<gst_audio::AudioInfo, glib::BoolError> {
    let positions = channel_positions(info.channel_mask, info.channels);
    gst_audio::AudioInfo::builder(packing.raw(), info.rate, info.channels.into())
        .positions_if_some(positions.as_deref())
        .build()
}

/// The caps of a track.
pub fn of_media(media: &Media, layers: u8) -> gst::Caps {
    match media {
        Media::Video(info) => of_video(info, layers),
        Media::Audio(info) => of_audio(info, layers),
        Media::Data(info) => of_data(info),
        Media::EncodedVideo(info) => encoded::of_video(info),
        Media::EncodedAudio(info) => encoded::of_audio(info),
    }
}

/// The caps of a layered audio track.
pub fn of_audio(info: &AudioInfo, layers: u8) -> gst::Caps {
    gst::Caps::builder(AUDIO)
        .field("version", VERSION)
        .field("layers", i32::from(layers))
        .field("format", audio_format_name(info.format))
        .field("rate", info.rate as i32)
        .field("channels", i32::from(info.channels))
        .field("channel-mask", gst::Bitmask::new(info.channel_mask))
        .build()
}

fn audio_format_name(format: AudioFormat) -> &'static str {
    match format {
        AudioFormat::S16 => "S16",
        AudioFormat::S24 => "S24",
    }
}

/// The caps of a data track; those that cannot be read become `application/octet-stream`.
pub fn of_data(info: &DataInfo) -> gst::Caps {
    gst::Caps::from_str(&info.caps)
        .ok()
        .filter(|caps| caps.is_fixed())
        .unwrap_or_else(|| gst::Caps::new_empty_simple("application/octet-stream"))
}

/// What a track with these caps is, and how many layers it has.
pub fn to_media(caps: &gst::CapsRef) -> Result<(Media, u8), CapsError> {
    let structure = caps.structure(0).filter(|_| caps.is_fixed()).ok_or(CapsError::NotFixed)?;
    match structure.name().as_str() {
        VIDEO => Ok((Media::Video(to_video(structure)?), to_layers(structure)?)),
        AUDIO => Ok((Media::Audio(to_audio(structure)?), to_layers(structure)?)),
        "video/x-raw" | "audio/x-raw" => Err(CapsError::Raw(structure.name().to_string())),
        _ => match encoded::to_encoded(structure) {
            Some(track) => track,
            None => Ok((Media::Data(to_data(caps)?), 1)),
        },
    }
}

/// What layered sound with these caps is.
pub fn to_audio(structure: &gst::StructureRef) -> Result<AudioInfo, CapsError> {
    check_version(structure)?;
    let format: String = field(structure, "format")?;
    let format = match format.as_str() {
        "S16" => AudioFormat::S16,
        "S24" => AudioFormat::S24,
        _ => return Err(CapsError::Value { field: "format", value: format, expected: "S16 or S24" }),
    };
    Ok(AudioInfo {
        rate: ranged(structure, "rate", 8_000..=192_000, "8000 to 192000")?,
        channels: ranged(structure, "channels", 1..=8, "1 to 8")? as u8,
        format,
        channel_mask: structure.get::<gst::Bitmask>("channel-mask").map_or(0, |mask| mask.0),
    })
}

/// How many layers caps of a layered stream announce.
pub fn to_layers(structure: &gst::StructureRef) -> Result<u8, CapsError> {
    Ok(ranged(structure, "layers", 1..=u32::from(MAX_LAYERS), "1 to 15")? as u8)
}

fn to_data(caps: &gst::CapsRef) -> Result<DataInfo, CapsError> {
    let text = caps.to_string();
    if text.len() > MAX_DATA_CAPS {
        let value = format!("{} bytes long", text.len());
        return Err(CapsError::Value {
            field: "the caps of a data track",
            value,
            expected: "at most 256 bytes long",
        });
    }
    Ok(DataInfo { caps: text })
}

fn check_version(structure: &gst::StructureRef) -> Result<(), CapsError> {
    let version: String = field(structure, "version")?;
    if version == VERSION {
        return Ok(());
    }
    Err(CapsError::Value { field: "version", value: version, expected: VERSION })
}

fn field<'a, T: glib::value::FromValue<'a>>(
    structure: &'a gst::StructureRef,
    name: &'static str,
) -> Result<T, CapsError> {
    structure.get(name).map_err(|_| CapsError::Field { media: structure.name().to_string(), field: name })
}

fn ranged(
    structure: &gst::StructureRef,
    name: &'static str,
    allowed: std::ops::RangeInclusive<u32>,
    expected: &'static str,
) -> Result<u32, CapsError> {
    let value: i32 = field(structure, name)?;
    u32::try_from(value).ok().filter(|v| allowed.contains(v)).ok_or_else(|| CapsError::Value {
        field: name,
        value: value.to_string(),
        expected,
    })
}

/// The bits of a channel mask for these positions; 0 where a channel has none.
fn channel_mask(positions: &[gst_audio::AudioChannelPosition]) -> u64 {
    gst_audio::AudioChannelPosition::positions_to_mask(positions, true).unwrap_or(0)
}

fn channel_positions(mask: u64, channels: u8) -> Option<Vec<gst_audio::AudioChannelPosition>> {
    use gst_audio::AudioChannelPosition as Position;
    let mut positions = vec![Position::None; channels.into()];
    if mask == 0 {
        // One channel without a position is mono, more are just channels: stereo has a mask.
        return if channels > 1 { Some(positions) } else { None };
    }
    if mask.count_ones() != u32::from(channels) {
        return None;
    }
    Position::positions_from_mask(mask, &mut positions).ok()?;
    Some(positions)
}

/// A fraction that GStreamer can hold: both parts positive integers of 31 bits.
fn fraction((numerator, denominator): (u32, u32)) -> gst::Fraction {
    match (i32::try_from(numerator), i32::try_from(denominator)) {
        (Ok(n), Ok(d)) if d > 0 => gst::Fraction::new(n, d),
        _ => gst::Fraction::new(0, 1),
    }
}

fn fraction_to_unit(fraction: gst::Fraction) -> (u32, u32) {
    match (u32::try_from(fraction.numer()), u32::try_from(fraction.denom())) {
        (Ok(n), Ok(d)) if d > 0 => (n, d),
        _ => (0, 1),
    }
}

#[cfg(test)]
mod tests {
    use fql_unit::{Chroma, VideoInfo};

    use super::*;

    fn video() -> VideoInfo {
        VideoInfo::new(1279, 721, Chroma::Yuv420)
    }

    fn audio(channels: u8, channel_mask: u64) -> AudioInfo {
        AudioInfo { rate: 48_000, channels, format: AudioFormat::S16, channel_mask }
    }

    #[test]
    fn a_track_survives_the_way_through_caps() {
        gst::init().unwrap();
        for media in [Media::Video(video()), Media::Audio(audio(6, 0x3f)), Media::Audio(audio(1, 0))] {
            let caps = of_media(&media, 12);
            assert!(caps.is_fixed());
            assert_eq!(to_media(&caps), Ok((media, 12)));
        }
        let data = Media::Data(DataInfo { caps: "meta/x-klv, parsed=(boolean)true".into() });
        assert_eq!(to_media(&of_media(&data, 1)), Ok((data, 1)));
    }

    #[test]
    fn caps_of_tracks_fit_the_templates() {
        gst::init().unwrap();
        assert!(of_video(&video(), 15).is_subset(&video_template()));
        assert!(of_audio(&audio(2, 3), 1).is_subset(&audio_template()));
    }

    #[test]
    fn raw_caps_come_back_as_they_were() {
        gst::init().unwrap();
        for info in [audio(6, 0x3f), audio(2, 3), audio(2, 0), audio(1, 0), audio(1, 4), audio(7, 0)] {
            assert_eq!(audio_info_of_raw(&raw_of_audio_info(&info, Packing::S16).unwrap()), Some(info));
        }
        let unpositioned = raw_of_audio_info(&audio(5, 0), Packing::S16).unwrap();
        assert_eq!(audio_info_of_raw(&unpositioned), Some(audio(5, 0)));
    }

    #[test]
    fn a_channel_mask_that_does_not_fit_the_channels_is_not_used() {
        gst::init().unwrap();
        assert!(raw_of_audio_info(&audio(2, 0x3f), Packing::S16).is_ok());
        assert!(raw_of_audio_info(&audio(8, 1 << 63), Packing::S16).is_ok());
    }

    #[test]
    fn caps_that_lack_a_field_name_it() {
        gst::init().unwrap();
        let mut caps = of_video(&video(), 12);
        caps.make_mut().structure_mut(0).unwrap().remove_field("height");
        assert_eq!(to_media(&caps).unwrap_err().to_string(), "video/x-fql caps need the field height");
        let mut caps = of_audio(&audio(2, 3), 12);
        caps.make_mut().set("version", "9");
        assert_eq!(to_media(&caps).unwrap_err().to_string(), "version is 9, it must be 0.4");
        let mut caps = of_audio(&audio(2, 3), 12);
        caps.make_mut().set("layers", 16);
        assert_eq!(to_media(&caps).unwrap_err().to_string(), "layers is 16, it must be 1 to 15");
    }

    #[test]
    fn raw_samples_are_no_data_track() {
        gst::init().unwrap();
        let caps = gst::Caps::new_empty_simple("video/x-raw");
        assert_eq!(to_media(&caps), Err(CapsError::Raw("video/x-raw".into())));
    }

    #[test]
    fn data_caps_that_cannot_be_read_are_plain_bytes() {
        gst::init().unwrap();
        for text in ["", "no caps!", "video/x-raw, width=[1,2]", "ANY"] {
            let caps = of_data(&DataInfo { caps: text.into() });
            assert_eq!(caps.to_string(), "application/octet-stream", "{text}");
        }
    }
}
