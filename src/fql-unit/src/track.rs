use crate::codes::Codes;
use crate::wire::{Reader, put_string, put_varint};
use crate::{Error, MAX_DIMENSION, MAX_LAYERS, MAX_TRACKS, VideoInfo};

const MAX_NAME: usize = 64;
const MAX_CAPS: usize = 256;
const MAX_ENCODED_CAPS: usize = 1024;
const MAX_CONFIG: usize = 1024;
const MAX_ENTRY: usize = 2560;
/// So that a table fits in the parts that the transport sends it in, even with the smallest datagrams.
const MAX_TABLE: usize = 24_576;

/// How a sound sample is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AudioFormat {
    /// 16-bit signed integers.
    S16,
    /// 24-bit signed integers.
    S24,
}

impl AudioFormat {
    /// Bits a sample, 16 or 24.
    pub fn bits(self) -> u32 {
        match self {
            Self::S16 => 16,
            Self::S24 => 24,
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::S16 => 0,
            Self::S24 => 1,
        }
    }

    fn from_code(code: u8) -> Result<Self, Error> {
        match code {
            0 => Ok(Self::S16),
            1 => Ok(Self::S24),
            other => Err(unknown("a sound sample's format", other, "0 (16 bits) or 1 (24 bits)")),
        }
    }
}

/// What a decoder needs to know of an audio track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioInfo {
    /// Samples a second and channel, 8,000 to 192,000.
    pub rate: u32,
    /// Number of channels, 1 to 8.
    pub channels: u8,
    /// How a sample is held.
    pub format: AudioFormat,
    /// Positions of the channels: bit n is the position n of `GstAudioChannelPosition`; 0 where there is none.
    pub channel_mask: u64,
}

/// What the bytes of a data track are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataInfo {
    /// The caps of the buffers as GStreamer writes them, such as `text/x-raw, format=utf8`.
    pub caps: String,
}

/// A codec of video that is carried as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VideoCodec {
    /// Rec. ITU-T H.264.
    H264,
    /// Rec. ITU-T H.265.
    H265,
    /// AOMedia Video 1.
    Av1,
    /// VP8 (RFC 6386).
    Vp8,
    /// VP9.
    Vp9,
}

/// A codec of sound that is carried as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AudioCodec {
    /// MPEG-4 Advanced Audio Coding.
    Aac,
    /// Opus (RFC 6716).
    Opus,
}

/// Video that another encoder made: every unit is an access unit, on the layer of its
/// [`Importance`](crate::encoded::Importance).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedVideoInfo {
    /// The codec.
    pub codec: VideoCodec,
    /// Width in luma samples, 1 to 8192.
    pub width: u32,
    /// Height in luma samples, 1 to 8192.
    pub height: u32,
    /// Frames a second as numerator and denominator; 0/1 where it varies.
    pub frame_rate: (u32, u32),
    /// What a decoder is set up with, at most 1,024 bytes: `avcC`, `hvcC` or `av1C`; empty where the access units
    /// bring it themselves (start codes, OBUs), and for VP8 and VP9.
    pub config: Vec<u8>,
    /// The caps of the buffers as GStreamer writes them, without `codec_data`; at most 1,024 bytes.
    pub caps: String,
}

/// Sound that another encoder made: every unit is a frame of it, all on layer 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedAudioInfo {
    /// The codec.
    pub codec: AudioCodec,
    /// Samples a second and channel, 7,350 to 192,000.
    pub rate: u32,
    /// Number of channels, 1 to 8.
    pub channels: u8,
    /// What a decoder is set up with, at most 1,024 bytes: an AudioSpecificConfig, or the identification header of
    /// Opus; empty where there is none, as with ADTS.
    pub config: Vec<u8>,
    /// The caps of the buffers as GStreamer writes them, without `codec_data` and `streamheader`; at most 1,024 bytes.
    pub caps: String,
}

/// The kind of a track with all that its decoder needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// Video, coded in layers by fql-codec.
    Video(VideoInfo),
    /// Audio, coded in layers by fql-codec.
    Audio(AudioInfo),
    /// Any other bytes: one layer, one slice.
    Data(DataInfo),
    /// Video as another encoder made it.
    EncodedVideo(EncodedVideoInfo),
    /// Sound as another encoder made it.
    EncodedAudio(EncodedAudioInfo),
}

impl Media {
    /// Whether it is video, coded in layers or otherwise.
    pub fn is_video(&self) -> bool {
        matches!(self, Self::Video(_) | Self::EncodedVideo(_))
    }

    /// Whether it is sound, coded in layers or otherwise.
    pub fn is_audio(&self) -> bool {
        matches!(self, Self::Audio(_) | Self::EncodedAudio(_))
    }

    /// Whether another encoder made it, so that its units cannot be used in part.
    pub fn is_encoded(&self) -> bool {
        matches!(self, Self::EncodedVideo(_) | Self::EncodedAudio(_))
    }
}

/// One track of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Tells the tracks of a stream apart.
    pub id: u8,
    /// For people; may be empty. At most 64 bytes.
    pub name: String,
    /// How many layers its units have, 1 to 15.
    pub layers: u8,
    /// What it carries.
    pub media: Media,
}

/// The tracks of a stream, in the order in which they were added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrackTable {
    tracks: Vec<Track>,
}

impl TrackTable {
    /// A table of these tracks. Their ids must differ, their values be in range, their texts be without zero bytes,
    /// and there are at most 64, which take at most 24,576 bytes.
    pub fn new(tracks: Vec<Track>) -> Result<Self, Error> {
        if tracks.len() > MAX_TRACKS {
            let (what, value) = ("the number of tracks", tracks.len() as u64);
            return Err(Error::OutOfRange { what, value, expected: "at most 64" });
        }
        for (i, track) in tracks.iter().enumerate() {
            track.check()?;
            if tracks[..i].iter().any(|other| other.id == track.id) {
                return Err(Error::DuplicateTrack(track.id));
            }
        }
        let table = Self { tracks };
        let length = table.to_bytes().len() as u64;
        range("the length of the track table", length, 0..=MAX_TABLE as u64, "at most 24576 bytes")?;
        Ok(table)
    }

    /// All tracks.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// The track with this id.
    pub fn get(&self, id: u8) -> Option<&Track> {
        self.tracks.iter().find(|track| track.id == id)
    }

    /// The table as bytes: the number of tracks, then each track as a byte string with its length before it, so
    /// that fields which later versions append are skipped.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, self.tracks.len() as u64);
        for track in &self.tracks {
            put_string(&mut out, &track.to_bytes());
        }
        out
    }

    /// Reads what [`TrackTable::to_bytes`] wrote. Tracks of kinds that later versions add are left out.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        let count = r.varint("the number of tracks")?;
        range("the number of tracks", count, 0..=MAX_TRACKS as u64, "at most 64")?;
        let mut tracks = Vec::new();
        for _ in 0..count {
            tracks.extend(Track::from_bytes(r.string(MAX_ENTRY, "a track")?)?);
        }
        r.finish()?;
        Self::new(tracks)
    }
}

impl Track {
    fn check(&self) -> Result<(), Error> {
        range("a track's number of layers", self.layers, 1..=MAX_LAYERS.into(), "1 to 15")?;
        text("a track's name", "the length of a track's name", &self.name, MAX_NAME, "at most 64 bytes")?;
        match &self.media {
            Media::Video(video) => video.check(),
            Media::Audio(audio) => {
                range("a sample rate", audio.rate, 8_000..=192_000, "8000 to 192000")?;
                range("the number of channels", audio.channels, 1..=8, "1 to 8")
            }
            Media::Data(data) => {
                let length = "the length of a data track's caps";
                text("the text of a data track's caps", length, &data.caps, MAX_CAPS, "at most 256 bytes")
            }
            Media::EncodedVideo(video) => {
                range("a video's width", video.width, 1..=MAX_DIMENSION.into(), "1 to 8192")?;
                range("a video's height", video.height, 1..=MAX_DIMENSION.into(), "1 to 8192")?;
                let denominator = video.frame_rate.1;
                let expected = "given with a denominator of at least 1";
                range("a frame rate's", denominator, 1..=u32::MAX.into(), expected)?;
                check_encoded(&video.config, &video.caps)
            }
            Media::EncodedAudio(audio) => {
                range("a sample rate", audio.rate, 7_350..=192_000, "7350 to 192000")?;
                range("the number of channels", audio.channels, 1..=8, "1 to 8")?;
                check_encoded(&audio.config, &audio.caps)
            }
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![self.id, self.layers];
        put_string(&mut out, self.name.as_bytes());
        match &self.media {
            Media::Video(video) => {
                out.push(0);
                video.write(&mut out);
            }
            Media::Audio(audio) => {
                out.push(1);
                put_varint(&mut out, audio.rate.into());
                out.extend([audio.channels, audio.format.code()]);
                put_varint(&mut out, audio.channel_mask);
            }
            Media::Data(data) => {
                out.push(2);
                put_string(&mut out, data.caps.as_bytes());
            }
            Media::EncodedVideo(video) => {
                out.extend([3, VIDEO_CODECS.code(video.codec)]);
                let (rate, rate_den) = video.frame_rate;
                for value in [video.width, video.height, rate, rate_den] {
                    put_varint(&mut out, value.into());
                }
                put_string(&mut out, &video.config);
                put_string(&mut out, video.caps.as_bytes());
            }
            Media::EncodedAudio(audio) => {
                out.extend([4, AUDIO_CODECS.code(audio.codec)]);
                put_varint(&mut out, audio.rate.into());
                out.push(audio.channels);
                put_string(&mut out, &audio.config);
                put_string(&mut out, audio.caps.as_bytes());
            }
        }
        out
    }

    /// `None` for a kind of track that is not known.
    fn from_bytes(bytes: &[u8]) -> Result<Option<Self>, Error> {
        let mut r = Reader::new(bytes);
        let (id, layers) = (r.u8("a track's id")?, r.u8("a track's number of layers")?);
        let name = r.text(MAX_NAME, "a track's name")?.to_owned();
        let media = match r.u8("a track's kind")? {
            0 => Media::Video(VideoInfo::read(&mut r)?),
            1 => {
                let rate = int(&mut r, "a sample rate")?;
                let channels = r.u8("the number of channels")?;
                let format = AudioFormat::from_code(r.u8("a sound sample's format")?)?;
                let channel_mask = r.varint("a channel mask")?;
                Media::Audio(AudioInfo { rate, channels, format, channel_mask })
            }
            2 => Media::Data(DataInfo { caps: r.text(MAX_CAPS, "a data track's caps")?.to_owned() }),
            3 => Media::EncodedVideo(EncodedVideoInfo {
                codec: VIDEO_CODECS.read(&mut r)?,
                width: int(&mut r, "a video's width")?,
                height: int(&mut r, "a video's height")?,
                frame_rate: (int(&mut r, "a frame rate")?, int(&mut r, "a frame rate")?),
                config: r.string(MAX_CONFIG, CONFIG)?.to_vec(),
                caps: r.text(MAX_ENCODED_CAPS, ENCODED_CAPS)?.to_owned(),
            }),
            4 => Media::EncodedAudio(EncodedAudioInfo {
                codec: AUDIO_CODECS.read(&mut r)?,
                rate: int(&mut r, "a sample rate")?,
                channels: r.u8("the number of channels")?,
                config: r.string(MAX_CONFIG, CONFIG)?.to_vec(),
                caps: r.text(MAX_ENCODED_CAPS, ENCODED_CAPS)?.to_owned(),
            }),
            _ => return Ok(None),
        };
        Ok(Some(Self { id, name, layers, media }))
    }
}

const CONFIG: &str = "a decoder's configuration";
const ENCODED_CAPS: &str = "the text of an encoded track's caps";

const VIDEO_CODECS: Codes<VideoCodec> = Codes {
    all: &[VideoCodec::H264, VideoCodec::H265, VideoCodec::Av1, VideoCodec::Vp8, VideoCodec::Vp9],
    what: "a video codec",
    expected: "0 (H.264), 1 (H.265), 2 (AV1), 3 (VP8) or 4 (VP9)",
};
const AUDIO_CODECS: Codes<AudioCodec> = Codes {
    all: &[AudioCodec::Aac, AudioCodec::Opus],
    what: "an audio codec",
    expected: "0 (AAC) or 1 (Opus)",
};

fn check_encoded(config: &[u8], caps: &str) -> Result<(), Error> {
    let length = "the length of a decoder's configuration";
    range(length, config.len() as u64, 0..=MAX_CONFIG as u64, "at most 1024 bytes")?;
    let length = "the length of an encoded track's caps";
    text(ENCODED_CAPS, length, caps, MAX_ENCODED_CAPS, "at most 1024 bytes")
}

pub(crate) fn int(r: &mut Reader, what: &'static str) -> Result<u32, Error> {
    let value = r.varint(what)?;
    u32::try_from(value).map_err(|_| Error::OutOfRange {
        what,
        value,
        expected: "an integer of at most 32 bits",
    })
}

pub(crate) fn unknown(what: &'static str, value: u8, expected: &'static str) -> Error {
    Error::OutOfRange { what, value: value.into(), expected }
}

/// Fails where text is too long, or holds a zero byte, which ends text where it is handed to libraries in C.
pub(crate) fn text(
    what: &'static str,
    length: &'static str,
    value: &str,
    max: usize,
    expected: &'static str,
) -> Result<(), Error> {
    range(length, value.len() as u64, 0..=max as u64, expected)?;
    if value.contains('\0') { Err(Error::NotText(what)) } else { Ok(()) }
}

pub(crate) fn range(
    what: &'static str,
    value: impl Into<u64>,
    allowed: std::ops::RangeInclusive<u64>,
    expected: &'static str,
) -> Result<(), Error> {
    let value = value.into();
    if allowed.contains(&value) { Ok(()) } else { Err(Error::OutOfRange { what, value, expected }) }
}
