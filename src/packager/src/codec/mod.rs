//! What the boxes and playlists must know of each codec: the sample entry with the decoder's configuration, the name in
//! `CODECS`, and how an access unit becomes a sample.

mod aac;
mod av1;
mod h264;
mod h265;
mod mpeg_audio;
mod opus;
mod vp9;

use bytes::Bytes;
use fql_unit::{AudioCodec, EncodedAudioInfo, EncodedVideoInfo, Media, VideoCodec};
use mp4_atom::{Audio, Codec, Visual};

pub(crate) use aac::adts_header;
pub(crate) use mpeg_audio::caps as caps_of_mpeg_audio;

use crate::Error;

/// What a decoder of a track is set up with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Configuration {
    /// The sample entry of the track.
    pub entry: Codec,
    /// The codec as `CODECS` of RFC 6381 names it.
    pub name: String,
    /// The AudioSpecificConfig of AAC, empty for all others, MPEG audio among them.
    pub aac: Vec<u8>,
}

impl Configuration {
    /// Whether it is sound that is in transport streams alone.
    pub(crate) fn is_mpeg_audio(&self) -> bool {
        matches!(self.entry, Codec::Mp4a(_)) && self.aac.is_empty()
    }
}

/// An access unit as a segment holds it.
pub(crate) struct Converted {
    /// The samples: one, unless several frames of sound came together.
    pub samples: Vec<Bytes>,
    /// The configuration that came with it, where the track brings its configuration in band.
    pub configuration: Option<Configuration>,
}

/// Turns the access units of a track into samples.
#[derive(Debug)]
pub(crate) enum Converter {
    /// As they are.
    AsItIs,
    /// H.264 after start codes.
    H264(Size),
    /// H.265 after start codes.
    H265(Size),
    /// AV1 without its configuration; temporal delimiters are taken out.
    Av1(Size),
    /// VP9, which never has one.
    Vp9(Size),
    /// AAC with an ADTS header before each frame.
    Adts,
    /// AV1 of which the configuration is known.
    Obus,
}

/// Width and height in luma samples.
pub(crate) type Size = (u16, u16);

/// How the access units of a track are to be turned into samples, and its configuration where it has one already.
pub(crate) fn open(media: &Media) -> Result<(Converter, Option<Configuration>), Error> {
    match media {
        Media::EncodedVideo(video) => open_video(video),
        Media::EncodedAudio(audio) => open_audio(audio),
        Media::Video(_) | Media::Audio(_) => Err(Error::Codec("layered media")),
        Media::Data(data) => {
            let configuration = mpeg_audio::configuration(&data.caps).ok_or(Error::Codec("data"))?;
            Ok((Converter::AsItIs, Some(configuration)))
        }
    }
}

fn open_video(video: &EncodedVideoInfo) -> Result<(Converter, Option<Configuration>), Error> {
    // Neither is above 8192.
    let size = (video.width as u16, video.height as u16);
    let config = video.config.as_slice();
    Ok(match (video.codec, config.is_empty()) {
        (VideoCodec::H264, true) => (Converter::H264(size), None),
        (VideoCodec::H264, false) => (Converter::AsItIs, Some(h264::from_box(config, size)?)),
        (VideoCodec::H265, true) => (Converter::H265(size), None),
        (VideoCodec::H265, false) => (Converter::AsItIs, Some(h265::from_box(config, size)?)),
        (VideoCodec::Av1, true) => (Converter::Av1(size), None),
        (VideoCodec::Av1, false) => (Converter::Obus, Some(av1::from_box(config, size)?)),
        (VideoCodec::Vp9, _) => (Converter::Vp9(size), None),
        (VideoCodec::Vp8, _) => return Err(Error::Codec("VP8")),
    })
}

fn open_audio(audio: &EncodedAudioInfo) -> Result<(Converter, Option<Configuration>), Error> {
    Ok(match (audio.codec, audio.config.is_empty()) {
        (AudioCodec::Aac, true) => (Converter::Adts, None),
        (AudioCodec::Aac, false) => (Converter::AsItIs, Some(aac::configuration(&audio.config, audio.rate)?)),
        (AudioCodec::Opus, _) => {
            (Converter::AsItIs, Some(opus::configuration(&audio.config, audio.rate, audio.channels)?))
        }
    })
}

impl Converter {
    /// Turns an access unit into samples. What cannot be read has none.
    pub(crate) fn convert(&self, data: &Bytes, key: bool) -> Converted {
        let (sample, configuration) = match self {
            Self::AsItIs => (Some(data.clone()), None),
            Self::H264(size) => (Some(h264::sample(data)), key.then(|| h264::in_band(data, *size)).flatten()),
            Self::H265(size) => (Some(h265::sample(data)), key.then(|| h265::in_band(data, *size)).flatten()),
            Self::Av1(size) => (Some(av1::sample(data)), key.then(|| av1::in_band(data, *size)).flatten()),
            Self::Obus => (Some(av1::sample(data)), None),
            Self::Vp9(size) => (Some(data.clone()), key.then(|| vp9::in_band(data, *size)).flatten()),
            Self::Adts => return aac::without_headers(data),
        };
        let samples = sample.into_iter().filter(|sample| !sample.is_empty()).collect();
        Converted { samples, configuration }
    }
}

/// How many samples of sound, at the rate of its time scale, a sample of the track lasts; `None` for video.
pub(crate) fn frame_length(configuration: &Configuration, sample: &[u8]) -> Option<u32> {
    match configuration.entry {
        Codec::Mp4a(_) if configuration.is_mpeg_audio() => Some(mpeg_audio::frame_length(sample)),
        Codec::Mp4a(_) => Some(aac::frame_length(&configuration.aac)),
        Codec::Opus(_) => Some(opus::frame_length(sample)),
        _ => None,
    }
}

/// The ticks a second of a track: the sample rate of sound, 90,000 for video.
pub(crate) fn timescale(configuration: &Configuration) -> u32 {
    match &configuration.entry {
        Codec::Mp4a(entry) if configuration.is_mpeg_audio() => {
            entry.audio.sample_rate.integer().max(1).into()
        }
        Codec::Mp4a(_) => aac::rate(&configuration.aac).unwrap_or(48_000),
        Codec::Opus(_) => 48_000,
        _ => 90_000,
    }
}

fn visual((width, height): Size) -> Visual {
    Visual { data_reference_index: 1, width, height, ..Visual::default() }
}

fn audio(channels: u8, rate: u32) -> Audio {
    // The field holds 16 bits; for higher rates the decoder's configuration counts (ISO/IEC 14496-12, 12.2.3).
    let rate = u16::try_from(rate).unwrap_or(0);
    Audio {
        data_reference_index: 1,
        channel_count: channels.into(),
        sample_size: 16,
        sample_rate: rate.into(),
    }
}
