//! `tracks.json`: track tables with all that can be in them, and bytes that are none.

use fql_unit::{
    AudioCodec, AudioFormat, AudioInfo, Chroma, ContentLight, DataInfo, EncodedAudioInfo, EncodedVideoInfo,
    FieldOrder, HdrInfo, Interlace, MasteringDisplay, Media, Orientation, Track, TrackTable, VideoCodec,
    VideoInfo,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::pictures::CHROMAS;
use crate::{from_base64, hex, to_base64};

#[derive(Serialize, Deserialize)]
struct Vector {
    name: String,
    table: String,
    /// The tracks; nothing where the table has to be refused.
    tracks: Value,
}

impl Vector {
    fn new(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        Self { name: name.into(), table: to_base64(bytes), tracks: Value::Null }
    }

    fn decode(&mut self) {
        let table = TrackTable::from_bytes(&from_base64(&self.table));
        self.tracks = table.map_or(Value::Null, |table| table.tracks().iter().map(track).collect());
    }
}

fn track(track: &Track) -> Value {
    let mut found = json!({ "id": track.id, "layers": track.layers, "name": track.name });
    let media = match &track.media {
        Media::Video(info) => video(info),
        Media::Audio(info) => json!({
            "kind": "sound",
            "rate": info.rate,
            "channels": info.channels,
            "bits": info.format.bits(),
            "mask": format!("{:x}", info.channel_mask),
        }),
        Media::Data(info) => json!({ "kind": "data", "caps": info.caps }),
        Media::EncodedVideo(info) => json!({
            "kind": "encoded video",
            "codec": number(&info.codec, &[VideoCodec::H264, VideoCodec::H265, VideoCodec::Av1], &["h264", "h265", "av1"]),
            "size": [info.width, info.height],
            "frame_rate": [info.frame_rate.0, info.frame_rate.1],
            "config": hex(&info.config),
            "caps": info.caps,
        }),
        Media::EncodedAudio(info) => json!({
            "kind": "encoded sound",
            "codec": number(&info.codec, &[AudioCodec::Aac, AudioCodec::Opus], &["aac", "opus"]),
            "rate": info.rate,
            "channels": info.channels,
            "config": hex(&info.config),
            "caps": info.caps,
        }),
    };
    let (Value::Object(found_fields), Value::Object(media)) = (&mut found, media) else { unreachable!() };
    found_fields.extend(media);
    found
}

/// What stands for a value: the one at its place in the table of names.
fn number<T: PartialEq, N: Clone>(value: &T, values: &[T], names: &[N]) -> N {
    let at = values.iter().position(|known| known == value).expect("one of all");
    names[at].clone()
}

fn video(info: &VideoInfo) -> Value {
    let mastering = info.hdr.mastering.map(|display| {
        let points = display.primaries.iter().chain([&display.white_point]);
        let points = points.flat_map(|&(x, y)| [u32::from(x), u32::from(y)]);
        points.chain([display.max_luminance, display.min_luminance]).collect::<Vec<_>>()
    });
    let chroma = CHROMAS.iter().find(|(chroma, _)| *chroma == info.chroma).expect("one of all").1;
    let turns = [
        Orientation::Rotate0,
        Orientation::Rotate90,
        Orientation::Rotate180,
        Orientation::Rotate270,
        Orientation::FlipRotate0,
        Orientation::FlipRotate90,
        Orientation::FlipRotate180,
        Orientation::FlipRotate270,
    ];
    let interlacing = [Interlace::Progressive, Interlace::Interleaved, Interlace::Mixed];
    let orders = [FieldOrder::Unknown, FieldOrder::TopFirst, FieldOrder::BottomFirst];
    json!({
        "kind": "video",
        "size": [info.width, info.height],
        "chroma": chroma,
        "bits": info.bits,
        "alpha": info.alpha,
        "frame_rate": [info.frame_rate.0, info.frame_rate.1],
        "pixel_aspect": [info.pixel_aspect.0, info.pixel_aspect.1],
        "interlace": number(&info.interlace, &interlacing, &[0, 1, 2]),
        "field_order": number(&info.field_order, &orders, &[0, 1, 2]),
        "orientation": number(&info.orientation, &turns, &[0, 1, 2, 3, 4, 5, 6, 7]),
        "colorimetry": info.colorimetry,
        "chroma_site": info.chroma_site,
        "mastering": mastering,
        "light": info.hdr.light.map(|light| [light.max_content, light.max_average]),
    })
}

fn everything() -> TrackTable {
    let mut hdr = VideoInfo::new(8192, 1, Chroma::Rgb);
    hdr.alpha = true;
    hdr.bits = 12;
    hdr.frame_rate = (30_000, 1_001);
    hdr.pixel_aspect = (16, 15);
    (hdr.interlace, hdr.field_order) = (Interlace::Mixed, FieldOrder::BottomFirst);
    hdr.orientation = Orientation::FlipRotate270;
    (hdr.colorimetry, hdr.chroma_site) = ("bt2100-pq".into(), "mpeg2".into());
    hdr.hdr = HdrInfo {
        mastering: Some(MasteringDisplay {
            primaries: [(35_400, 14_600), (8_500, 39_850), (6_550, 2_300)],
            white_point: (15_635, 16_450),
            max_luminance: 10_000_000,
            min_luminance: 50,
        }),
        light: Some(ContentLight { max_content: 1_000, max_average: 400 }),
    };
    let sound = |rate, channels, format, channel_mask| {
        Media::Audio(AudioInfo { rate, channels, format, channel_mask })
    };
    let encoded_video = EncodedVideoInfo {
        codec: VideoCodec::H265,
        width: 1920,
        height: 1080,
        frame_rate: (0, 1),
        config: vec![1, 2, 255],
        caps: "video/x-h265, stream-format=hvc1".into(),
    };
    let encoded_audio = EncodedAudioInfo {
        codec: AudioCodec::Aac,
        rate: 7_350,
        channels: 2,
        config: vec![0x12, 0x10],
        caps: "audio/mpeg, mpegversion=4".into(),
    };
    let media = [
        Media::Video(VideoInfo::new(1280, 720, Chroma::Yuv420)),
        Media::Video(hdr),
        sound(48_000, 2, AudioFormat::S16, 3),
        sound(192_000, 8, AudioFormat::S24, 1 << 63),
        Media::Data(DataInfo { caps: "application/x-klv, parsed=true".into() }),
        Media::EncodedVideo(encoded_video),
        Media::EncodedAudio(encoded_audio),
    ];
    let layers = [12, 15, 10, 12, 1, 3, 1];
    let tracks = media.into_iter().zip(layers).enumerate().map(|(index, (media, layers))| Track {
        id: 3 * index as u8,
        name: if index == 0 { "Kamera für alle".into() } else { String::new() },
        layers,
        media,
    });
    TrackTable::new(tracks.collect()).unwrap()
}

fn vectors() -> Vec<Vector> {
    // Of a table with one track of data: number of tracks, length, id, layers, name, kind, caps.
    let data = b"\x01\x07\x05\x01\x01n\x02\x01c";
    let with = |at: usize, byte| {
        let mut bytes = data.to_vec();
        bytes[at] = byte;
        bytes
    };
    vec![
        Vector::new("every kind of track", everything().to_bytes()),
        Vector::new("no track", [0]),
        Vector::new("data", data),
        Vector::new("fields of later versions", b"\x01\x09\x05\x01\x01n\x02\x01czz"),
        Vector::new("refused: no layers", with(3, 0)),
        Vector::new("refused: too many layers", with(3, 16)),
        Vector::new("a track of a later kind, left out", [b"\x02\x04\x06\x01\x00\x05", &data[1..]].concat()),
        Vector::new("refused: text that is no UTF-8", with(8, 0xff)),
        Vector::new("refused: text with a zero byte", with(8, 0)),
        Vector::new("refused: two tracks of one id", [b"\x02", &data[1..], &data[1..]].concat()),
        Vector::new("refused: a byte too many", [&data[..], &[0]].concat()),
        Vector::new("refused: a byte too few", &data[..8]),
        Vector::new("refused: too many tracks", [65]),
    ]
}

#[test]
fn track_tables_are_read_as_they_always_were() {
    super::check("tracks.json", vectors, Vector::decode);
}
