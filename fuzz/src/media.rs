//! A stream for sessions to carry: its tracks, and units that fill them.

use fql_unit::{
    AudioCodec, AudioFormat, AudioInfo, Chroma, DataInfo, EncodedAudioInfo, EncodedVideoInfo, Media, Segment,
    Track, TrackTable, Unit, VideoCodec, VideoInfo,
};

/// The layers of the track [`VIDEO`].
pub const LAYERS: u8 = 10;
pub const VIDEO: u8 = 1;
pub const SOUND: u8 = 2;
pub const DATA: u8 = 3;
/// Three layers.
pub const ENCODED_VIDEO: u8 = 4;
pub const ENCODED_SOUND: u8 = 5;

/// A track of each kind.
pub fn tracks() -> TrackTable {
    let video = EncodedVideoInfo {
        codec: VideoCodec::H264,
        width: 1280,
        height: 720,
        frame_rate: (25, 1),
        config: Vec::new(),
        caps: "video/x-h264, stream-format=byte-stream, alignment=au".into(),
    };
    let sound = EncodedAudioInfo {
        codec: AudioCodec::Opus,
        rate: 48_000,
        channels: 2,
        config: Vec::new(),
        caps: "audio/x-opus".into(),
    };
    let layered_sound = AudioInfo { rate: 48_000, channels: 2, format: AudioFormat::S16, channel_mask: 3 };
    let data = DataInfo { caps: "text/x-raw, format=utf8".into() };
    let track = |id, layers, media| Track { id, name: format!("track {id}"), layers, media };
    let tracks = vec![
        track(VIDEO, LAYERS, Media::Video(VideoInfo::new(1280, 720, Chroma::Yuv420))),
        track(SOUND, 12, Media::Audio(layered_sound)),
        track(DATA, 1, Media::Data(data)),
        track(ENCODED_VIDEO, 3, Media::EncodedVideo(video)),
        track(ENCODED_SOUND, 1, Media::EncodedAudio(sound)),
    ];
    TrackTable::new(tracks).expect("the tracks are within their ranges")
}

/// A unit with every segment of so many bytes.
pub fn unit(layers: u8, slices: u8, len: usize) -> Unit {
    let mut unit = Unit::new(layers, slices, b"").expect("layers and slices are within their ranges");
    unit.flags.key = true;
    for layer in 0..layers {
        for slice in 0..slices {
            unit.set(layer, slice, Segment::complete(vec![layer << 4 | slice; len]));
        }
    }
    unit
}
