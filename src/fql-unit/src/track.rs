use crate::wire::{Reader, put_string, put_varint};
use crate::{Error, MAX_DIMENSION, MAX_LAYERS, MAX_TRACKS};

const MAX_NAME: usize = 64;
const MAX_CAPS: usize = 256;
const MAX_ENTRY: usize = 1024;

/// How chroma is sampled beside luma.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Chroma {
    /// No chroma: luma only.
    Grey,
    /// One chroma sample of each kind for 2x2 luma samples; odd sizes are rounded up.
    Yuv420,
}

/// What a decoder and a display need to know of a video track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoInfo {
    /// Width in luma samples, 1 to 8192.
    pub width: u32,
    /// Height in luma samples, 1 to 8192.
    pub height: u32,
    /// The chroma format.
    pub chroma: Chroma,
    /// Bits a sample, 8.
    pub bits: u8,
    /// Frames a second as numerator and denominator; 0/1 where it varies.
    pub frame_rate: (u32, u32),
    /// Width of a pixel over its height.
    pub pixel_aspect: (u32, u32),
    /// Colorimetry as GStreamer writes it, such as `bt709`; empty where it is not known.
    pub colorimetry: String,
}

/// How a sound sample is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AudioFormat {
    /// 16-bit signed integers.
    S16,
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

/// The kind of a track with all that its decoder needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// Video, coded in layers by fql-codec.
    Video(VideoInfo),
    /// Audio, coded in layers by fql-codec.
    Audio(AudioInfo),
    /// Any other bytes: one layer, one slice.
    Data(DataInfo),
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
    /// and there are at most 64.
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
        Ok(Self { tracks })
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

    /// Reads what [`TrackTable::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        let count = r.varint("the number of tracks")?;
        range("the number of tracks", count, 0..=MAX_TRACKS as u64, "at most 64")?;
        let mut tracks = Vec::new();
        for _ in 0..count {
            tracks.push(Track::from_bytes(r.string(MAX_ENTRY, "a track")?)?);
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
            Media::Video(video) => {
                range("a video's width", video.width, 1..=MAX_DIMENSION.into(), "1 to 8192")?;
                range("a video's height", video.height, 1..=MAX_DIMENSION.into(), "1 to 8192")?;
                range("a video's bits a sample", video.bits, 8..=8, "8")?;
                for (what, (_, denominator)) in
                    [("a frame rate's", video.frame_rate), ("a pixel aspect ratio's", video.pixel_aspect)]
                {
                    range(what, denominator, 1..=u32::MAX.into(), "given with a denominator of at least 1")?;
                }
                let length = "the length of a colorimetry";
                text("a colorimetry", length, &video.colorimetry, MAX_NAME, "at most 64 bytes")
            }
            Media::Audio(audio) => {
                range("a sample rate", audio.rate, 8_000..=192_000, "8000 to 192000")?;
                range("the number of channels", audio.channels, 1..=8, "1 to 8")
            }
            Media::Data(data) => {
                let length = "the length of a data track's caps";
                text("the text of a data track's caps", length, &data.caps, MAX_CAPS, "at most 256 bytes")
            }
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![self.id, self.layers];
        put_string(&mut out, self.name.as_bytes());
        match &self.media {
            Media::Video(video) => {
                out.push(0);
                for value in [video.width, video.height] {
                    put_varint(&mut out, value.into());
                }
                out.extend([u8::from(video.chroma == Chroma::Yuv420), video.bits]);
                let ((rate, rate_den), (aspect, aspect_den)) = (video.frame_rate, video.pixel_aspect);
                for value in [rate, rate_den, aspect, aspect_den] {
                    put_varint(&mut out, value.into());
                }
                put_string(&mut out, video.colorimetry.as_bytes());
            }
            Media::Audio(audio) => {
                out.push(1);
                put_varint(&mut out, audio.rate.into());
                let AudioFormat::S16 = audio.format;
                out.extend([audio.channels, 0]);
                put_varint(&mut out, audio.channel_mask);
            }
            Media::Data(data) => {
                out.push(2);
                put_string(&mut out, data.caps.as_bytes());
            }
        }
        out
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        let (id, layers) = (r.u8("a track's id")?, r.u8("a track's number of layers")?);
        let name = r.text(MAX_NAME, "a track's name")?.to_owned();
        let media = match r.u8("a track's kind")? {
            0 => {
                let (width, height) = (int(&mut r, "a video's width")?, int(&mut r, "a video's height")?);
                let chroma = match r.u8("a chroma format")? {
                    0 => Chroma::Grey,
                    1 => Chroma::Yuv420,
                    other => return Err(unknown("a chroma format", other, "0 (grey) or 1 (4:2:0)")),
                };
                let bits = r.u8("a video's bits a sample")?;
                let frame_rate = (int(&mut r, "a frame rate")?, int(&mut r, "a frame rate")?);
                let pixel_aspect =
                    (int(&mut r, "a pixel aspect ratio")?, int(&mut r, "a pixel aspect ratio")?);
                let colorimetry = r.text(MAX_NAME, "a colorimetry")?.to_owned();
                Media::Video(VideoInfo { width, height, chroma, bits, frame_rate, pixel_aspect, colorimetry })
            }
            1 => {
                let rate = int(&mut r, "a sample rate")?;
                let channels = r.u8("the number of channels")?;
                let format = match r.u8("a sound sample's format")? {
                    0 => AudioFormat::S16,
                    other => return Err(unknown("a sound sample's format", other, "0 (16 bits)")),
                };
                let channel_mask = r.varint("a channel mask")?;
                Media::Audio(AudioInfo { rate, channels, format, channel_mask })
            }
            2 => Media::Data(DataInfo { caps: r.text(MAX_CAPS, "a data track's caps")?.to_owned() }),
            other => return Err(unknown("a track's kind", other, "0 (video), 1 (audio) or 2 (data)")),
        };
        Ok(Self { id, name, layers, media })
    }
}

fn int(r: &mut Reader, what: &'static str) -> Result<u32, Error> {
    let value = r.varint(what)?;
    u32::try_from(value).map_err(|_| Error::OutOfRange {
        what,
        value,
        expected: "an integer of at most 32 bits",
    })
}

fn unknown(what: &'static str, value: u8, expected: &'static str) -> Error {
    Error::OutOfRange { what, value: value.into(), expected }
}

/// Fails where text is too long, or holds a zero byte, which ends text where it is handed to libraries in C.
fn text(
    what: &'static str,
    length: &'static str,
    value: &str,
    max: usize,
    expected: &'static str,
) -> Result<(), Error> {
    range(length, value.len() as u64, 0..=max as u64, expected)?;
    if value.contains('\0') { Err(Error::NotText(what)) } else { Ok(()) }
}

fn range(
    what: &'static str,
    value: impl Into<u64>,
    allowed: std::ops::RangeInclusive<u64>,
    expected: &'static str,
) -> Result<(), Error> {
    let value = value.into();
    if allowed.contains(&value) { Ok(()) } else { Err(Error::OutOfRange { what, value, expected }) }
}
