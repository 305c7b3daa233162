//! One track, as its headers and the metadata describe it.

use bytes::Bytes;
use fql_unit::encoded::{AudioShape, ENCODED_AUDIO_LAYERS, ENCODED_VIDEO_LAYERS, Framing, VideoShape};
use fql_unit::{AudioCodec, EncodedAudioInfo, EncodedVideoInfo, Media, Track, TrackTable, VideoCodec};

use crate::amf::Value;
use crate::flv::Codec;
use crate::framing;

/// What `onMetaData` says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Metadata {
    is_known: bool,
    has_video: bool,
    has_audio: bool,
    frame_rate: Option<(u32, u32)>,
}

impl Metadata {
    pub(crate) fn of(object: &Value) -> Self {
        let has = |names: &[&str]| names.iter().any(|name| object.field(name).is_some());
        let rate =
            ["framerate", "videoframerate"].into_iter().find_map(|name| object.field(name)?.as_number());
        Self {
            is_known: true,
            has_video: has(&["videocodecid", "videoTrackIdInfoMap", "width"]),
            has_audio: has(&["audiocodecid", "audioTrackIdInfoMap", "audiosamplerate"]),
            frame_rate: rate.and_then(fraction),
        }
    }

    pub(crate) fn is_without_video(&self) -> bool {
        self.is_known && !self.has_video && self.has_audio
    }

    pub(crate) fn is_without_audio(&self) -> bool {
        self.is_known && !self.has_audio && self.has_video
    }
}

/// Frames a second as a fraction: whole, of NTSC, or in thousandths.
fn fraction(rate: f64) -> Option<(u32, u32)> {
    if !(0.1..=1000.0).contains(&rate) {
        return None;
    }
    let whole = rate.round();
    let ntsc = (rate * 1.001).round();
    Some(if (rate - whole).abs() < 0.001 {
        (whole as u32, 1)
    } else if (rate - ntsc / 1.001).abs() < 0.01 {
        (ntsc as u32 * 1000, 1001)
    } else {
        ((rate * 1000.0).round() as u32, 1000)
    })
}

/// A track of which at least one tag came.
#[derive(Clone)]
pub(crate) struct TrackState {
    id: u8,
    codec: Codec,
    config: Vec<u8>,
    /// The configuration as it came: encoders send it again and again.
    raw_config: Bytes,
    framing: Framing,
    /// Of VP8, VP9 and AV1, as the last key frame says.
    shape: Option<VideoShape>,
    described: Option<Track>,
}

impl TrackState {
    pub(crate) fn new(id: u8, codec: Codec) -> Self {
        let (framing, config, raw_config) = (Framing::StartCodes, Vec::new(), Bytes::new());
        Self { id, codec, config, raw_config, framing, shape: None, described: None }
    }

    pub(crate) fn is_described(&self) -> bool {
        self.described.is_some()
    }

    pub(crate) fn described(&self) -> Option<&Track> {
        self.described.as_ref()
    }

    /// What the track becomes by this configuration; `None` where it is the one that it has.
    pub(crate) fn configured(&self, codec: &Codec, config: &Bytes, metadata: &Metadata) -> Option<Self> {
        if *codec == self.codec && *config == self.raw_config && self.is_described() {
            return None;
        }
        let mut next = if *codec == self.codec { self.clone() } else { Self::new(self.id, codec.clone()) };
        next.raw_config = config.clone();
        (next.config, next.framing) = match *codec {
            Codec::Video(codec) => framing::config(codec, config),
            Codec::Audio(_) | Codec::Other(_) => (config.to_vec(), Framing::StartCodes),
        };
        if let Codec::Video(codec) = *codec {
            next.shape = VideoShape::of_config(codec, config).or(next.shape);
        }
        Some(next.described_by(metadata))
    }

    /// What the track becomes by a frame, which may say what no configuration did; `None` where it says nothing new.
    pub(crate) fn seen(&self, codec: &Codec, key: bool, data: &[u8], metadata: &Metadata) -> Option<Self> {
        if *codec != self.codec {
            return None;
        }
        match *codec {
            Codec::Video(codec @ (VideoCodec::Vp8 | VideoCodec::Vp9 | VideoCodec::Av1)) if key => {
                let shape = VideoShape::of_access_unit(codec, self.framing, data);
                let is_other = shape.is_some() && shape != self.shape;
                is_other.then(|| Self { shape, ..self.clone() }.described_by(metadata))
            }
            Codec::Audio(AudioCodec::Opus) if !self.is_described() => {
                Some(self.clone().described_by(metadata))
            }
            _ => None,
        }
    }

    /// The track, described anew.
    pub(crate) fn described_by(self, metadata: &Metadata) -> Self {
        let media = match self.codec {
            Codec::Video(codec) => self.video(codec, metadata),
            Codec::Audio(codec) => self.audio(codec),
            Codec::Other(_) => None,
        };
        let layers = match self.codec {
            Codec::Video(_) => ENCODED_VIDEO_LAYERS,
            _ => ENCODED_AUDIO_LAYERS,
        };
        let track = media.map(|media| Track { id: self.id, name: String::new(), layers, media });
        // One that no table takes is none; the others go on.
        let described = track.filter(|track| TrackTable::new(vec![track.clone()]).is_ok());
        Self { described, ..self }
    }

    /// The bytes of a frame in the form that the description says.
    pub(crate) fn access_unit(&self, data: Bytes) -> Bytes {
        match self.codec {
            Codec::Video(codec) => framing::access_unit(codec, self.framing, data),
            _ => data,
        }
    }

    fn video(&self, codec: VideoCodec, metadata: &Metadata) -> Option<Media> {
        const FIRST: u8 = 1;
        let VideoShape { width, height, frame_rate } = self.shape?;
        let needs_config = matches!(codec, VideoCodec::H264 | VideoCodec::H265);
        if needs_config && self.config.is_empty() {
            return None;
        }
        let told = metadata.frame_rate.filter(|_| self.id == FIRST);
        let frame_rate = told.unwrap_or(frame_rate);
        let format = match codec {
            VideoCodec::H264 => "video/x-h264, stream-format=(string)avc, alignment=(string)au",
            VideoCodec::H265 => "video/x-h265, stream-format=(string)hvc1, alignment=(string)au",
            VideoCodec::Av1 => "video/x-av1, stream-format=(string)obu-stream, alignment=(string)tu",
            VideoCodec::Vp8 => "video/x-vp8",
            VideoCodec::Vp9 => "video/x-vp9",
        };
        let (frames, seconds) = frame_rate;
        let caps = format!(
            "{format}, width=(int){width}, height=(int){height}, framerate=(fraction){frames}/{seconds}"
        );
        let config = self.config.clone();
        Some(Media::EncodedVideo(EncodedVideoInfo { codec, width, height, frame_rate, config, caps }))
    }

    fn audio(&self, codec: AudioCodec) -> Option<Media> {
        const MAPPING_FAMILY: usize = 18;
        let (shape, caps) = match codec {
            AudioCodec::Aac => {
                let shape = AudioShape::of_config(codec, &self.config)?;
                (shape, "audio/mpeg, mpegversion=(int)4, stream-format=(string)raw".to_owned())
            }
            AudioCodec::Opus => {
                let shape = AudioShape::of_config(codec, &self.config);
                let family = self.config.get(MAPPING_FAMILY).copied().unwrap_or_default();
                let caps = format!("audio/x-opus, channel-mapping-family=(int){family}");
                (shape.unwrap_or(AudioShape { rate: 48_000, channels: 2 }), caps)
            }
        };
        let AudioShape { rate, channels } = shape;
        let caps = format!("{caps}, rate=(int){rate}, channels=(int){channels}");
        let config = self.config.clone();
        Some(Media::EncodedAudio(EncodedAudioInfo { codec, rate, channels, config, caps }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_rates_become_fractions() {
        for (rate, expected) in [
            (25.0, Some((25, 1))),
            (29.97, Some((30_000, 1001))),
            (23.976_023_976, Some((24_000, 1001))),
            (59.94, Some((60_000, 1001))),
            (12.5, Some((12_500, 1000))),
            (0.0, None),
            (f64::NAN, None),
            (1e9, None),
        ] {
            assert_eq!(fraction(rate), expected, "{rate}");
        }
    }
}
