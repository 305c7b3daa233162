//! Caps of layered streams: from and to what the track table says of a track.

mod encoded;

use std::str::FromStr;

use fql_unit::{AudioFormat, AudioInfo, Chroma, DataInfo, MAX_DIMENSION, MAX_LAYERS, Media, VideoInfo};
use gst::glib;

pub use encoded::{encoded_audio_template, encoded_video_template, framing};

/// Media type of layered video.
pub const VIDEO: &str = "video/x-fql";
/// Media type of layered sound.
pub const AUDIO: &str = "audio/x-fql";
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

/// Caps of all layered video that these elements know.
pub fn video_template() -> gst::Caps {
    gst::Caps::builder(VIDEO)
        .field("version", VERSION)
        .field("layers", gst::IntRange::new(1, i32::from(MAX_LAYERS)))
        .field("format", gst::List::new(["I420", "GRAY8"]))
        .field("width", gst::IntRange::new(1, MAX_DIMENSION as i32))
        .field("height", gst::IntRange::new(1, MAX_DIMENSION as i32))
        .field(
            "framerate",
            gst::FractionRange::new(gst::Fraction::new(0, 1), gst::Fraction::new(i32::MAX, 1)),
        )
        .build()
}

/// Caps of all layered sound that these elements know.
pub fn audio_template() -> gst::Caps {
    gst::Caps::builder(AUDIO)
        .field("version", VERSION)
        .field("layers", gst::IntRange::new(1, i32::from(MAX_LAYERS)))
        .field("format", "S16")
        .field("rate", gst::IntRange::new(8_000, 192_000))
        .field("channels", gst::IntRange::new(1, 8))
        .build()
}

/// Caps of all video samples that the codec takes.
pub fn raw_video_template() -> gst::Caps {
    gst_video::VideoCapsBuilder::new()
        .format_list([gst_video::VideoFormat::I420, gst_video::VideoFormat::Gray8])
        .width_range(1..=MAX_DIMENSION as i32)
        .height_range(1..=MAX_DIMENSION as i32)
        .build()
}

/// Caps of all sound samples that the codec takes.
pub fn raw_audio_template() -> gst::Caps {
    gst_audio::AudioCapsBuilder::new_interleaved()
        .format(gst_audio::AudioFormat::S16le)
        .rate_range(8_000..=192_000)
        .channels_range(1..=8)
        .build()
}

/// What a decoder needs to know of raw video, so that it is coded as the same.
pub fn video_info_of_raw(info: &gst_video::VideoInfo) -> VideoInfo {
    let (rate, aspect) = (info.fps(), info.par());
    VideoInfo {
        width: info.width(),
        height: info.height(),
        chroma: match info.format() {
            gst_video::VideoFormat::Gray8 => Chroma::Grey,
            _ => Chroma::Yuv420,
        },
        bits: 8,
        frame_rate: fraction_to_unit(rate),
        pixel_aspect: fraction_to_unit(aspect),
        colorimetry: info.colorimetry().to_string(),
    }
}

/// What a decoder needs to know of raw sound. `None` where the rate or the number of channels is out of range.
pub fn audio_info_of_raw(info: &gst_audio::AudioInfo) -> Option<AudioInfo> {
    let channels = u8::try_from(info.channels()).ok().filter(|n| (1..=8).contains(n))?;
    Some(AudioInfo {
        rate: info.rate(),
        channels,
        format: AudioFormat::S16,
        channel_mask: info.positions().map_or(0, channel_mask),
    })
}

/// The samples that layered video decodes to.
pub fn raw_of_video_info(info: &VideoInfo) -> Result<gst_video::VideoInfo, glib::BoolError> {
    let format = match info.chroma {
        Chroma::Grey => gst_video::VideoFormat::Gray8,
        Chroma::Yuv420 => gst_video::VideoFormat::I420,
    };
    let mut builder = gst_video::VideoInfo::builder(format, info.width, info.height)
        .fps(fraction(info.frame_rate))
        .par(fraction(info.pixel_aspect));
    let colorimetry = gst_video::VideoColorimetry::from_str(&info.colorimetry).ok();
    builder = builder.colorimetry_if_some(colorimetry.as_ref());
    builder.build()
}

/// The samples that layered sound decodes to.
pub fn raw_of_audio_info(info: &AudioInfo) -> Result<gst_audio::AudioInfo, glib::BoolError> {
    let AudioFormat::S16 = info.format;
    let positions = channel_positions(info.channel_mask, info.channels);
    gst_audio::AudioInfo::builder(gst_audio::AudioFormat::S16le, info.rate, info.channels.into())
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

/// The caps of a layered video track.
pub fn of_video(info: &VideoInfo, layers: u8) -> gst::Caps {
    let format = match info.chroma {
        Chroma::Grey => "GRAY8",
        Chroma::Yuv420 => "I420",
    };
    let colorimetry = Some(&info.colorimetry).filter(|c| !c.is_empty());
    gst::Caps::builder(VIDEO)
        .field("version", VERSION)
        .field("layers", i32::from(layers))
        .field("format", format)
        .field("width", info.width as i32)
        .field("height", info.height as i32)
        .field("framerate", fraction(info.frame_rate))
        .field("pixel-aspect-ratio", fraction(info.pixel_aspect))
        .field_if_some("colorimetry", colorimetry)
        .build()
}

/// The caps of a layered audio track.
pub fn of_audio(info: &AudioInfo, layers: u8) -> gst::Caps {
    let AudioFormat::S16 = info.format;
    gst::Caps::builder(AUDIO)
        .field("version", VERSION)
        .field("layers", i32::from(layers))
        .field("format", "S16")
        .field("rate", info.rate as i32)
        .field("channels", i32::from(info.channels))
        .field("channel-mask", gst::Bitmask::new(info.channel_mask))
        .build()
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

/// What layered video with these caps is.
pub fn to_video(structure: &gst::StructureRef) -> Result<VideoInfo, CapsError> {
    check_version(structure)?;
    let format: String = field(structure, "format")?;
    let chroma = match format.as_str() {
        "I420" => Chroma::Yuv420,
        "GRAY8" => Chroma::Grey,
        _ => return Err(CapsError::Value { field: "format", value: format, expected: "I420 or GRAY8" }),
    };
    let fraction_or = |name: &'static str, default: gst::Fraction| {
        fraction_to_unit(structure.get::<gst::Fraction>(name).unwrap_or(default))
    };
    Ok(VideoInfo {
        width: ranged(structure, "width", 1..=MAX_DIMENSION, "1 to 8192")?,
        height: ranged(structure, "height", 1..=MAX_DIMENSION, "1 to 8192")?,
        chroma,
        bits: 8,
        frame_rate: fraction_or("framerate", gst::Fraction::new(0, 1)),
        pixel_aspect: fraction_or("pixel-aspect-ratio", gst::Fraction::new(1, 1)),
        colorimetry: structure.get::<String>("colorimetry").unwrap_or_default(),
    })
}

/// What layered sound with these caps is.
pub fn to_audio(structure: &gst::StructureRef) -> Result<AudioInfo, CapsError> {
    check_version(structure)?;
    let format: String = field(structure, "format")?;
    if format != "S16" {
        return Err(CapsError::Value { field: "format", value: format, expected: "S16" });
    }
    Ok(AudioInfo {
        rate: ranged(structure, "rate", 8_000..=192_000, "8000 to 192000")?,
        channels: ranged(structure, "channels", 1..=8, "1 to 8")? as u8,
        format: AudioFormat::S16,
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
        // One and two channels without positions are mono and stereo, more are just channels.
        return if channels > 2 { Some(positions) } else { None };
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
    use super::*;

    fn video() -> VideoInfo {
        VideoInfo {
            width: 1279,
            height: 721,
            chroma: Chroma::Yuv420,
            bits: 8,
            frame_rate: (30_000, 1001),
            pixel_aspect: (4, 3),
            colorimetry: "bt709".into(),
        }
    }

    fn audio(channels: u8, channel_mask: u64) -> AudioInfo {
        AudioInfo { rate: 48_000, channels, format: AudioFormat::S16, channel_mask }
    }

    #[test]
    fn a_track_survives_the_way_through_caps() {
        gst::init().unwrap();
        let grey = VideoInfo { chroma: Chroma::Grey, colorimetry: String::new(), ..video() };
        for media in [
            Media::Video(video()),
            Media::Video(grey),
            Media::Audio(audio(6, 0x3f)),
            Media::Audio(audio(1, 0)),
        ] {
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
        let raw = raw_of_video_info(&video()).unwrap();
        assert_eq!(raw.to_caps().unwrap().structure(0).unwrap().get::<&str>("colorimetry"), Ok("bt709"));
        assert_eq!(video_info_of_raw(&raw), video());
        for info in [audio(6, 0x3f), audio(2, 3)] {
            assert_eq!(audio_info_of_raw(&raw_of_audio_info(&info).unwrap()), Some(info));
        }
        let unpositioned = raw_of_audio_info(&audio(5, 0)).unwrap();
        assert_eq!(audio_info_of_raw(&unpositioned), Some(audio(5, 0)));
    }

    #[test]
    fn a_channel_mask_that_does_not_fit_the_channels_is_not_used() {
        gst::init().unwrap();
        assert!(raw_of_audio_info(&audio(2, 0x3f)).is_ok());
        assert!(raw_of_audio_info(&audio(8, 1 << 63)).is_ok());
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
        let caps = raw_of_video_info(&video()).unwrap().to_caps().unwrap();
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
