//! The access units of a real H.264 clip, out of its MP4 file.

use bytes::Bytes;
use fql_unit::encoded::{ENCODED_AUDIO_LAYERS, ENCODED_VIDEO_LAYERS};
use fql_unit::{AudioCodec, EncodedAudioInfo, EncodedVideoInfo, Media, Track, TrackTable, VideoCodec};

use super::super::SourceUnit;

/// Where it is.
pub const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/media/bigbuckbunny.mp4");
const FILE: &[u8] = include_bytes!("../../../../../tests/media/bigbuckbunny.mp4");
/// Nanoseconds of a picture: 25 a second.
pub const PICTURE: i64 = 40_000_000;

/// The tracks of the clip: picture 1, and sound 2 that is made up.
pub fn tracks() -> TrackTable {
    let media = Media::EncodedVideo(EncodedVideoInfo {
        codec: VideoCodec::H264,
        width: 1280,
        height: 720,
        frame_rate: (25, 1),
        config: configuration(),
        caps: "video/x-h264, stream-format=(string)avc, alignment=(string)au".to_owned(),
    });
    let video = Track { id: 1, name: String::new(), layers: ENCODED_VIDEO_LAYERS, media };
    let media = Media::EncodedAudio(EncodedAudioInfo {
        codec: AudioCodec::Aac,
        rate: 48_000,
        channels: 2,
        config: vec![0x11, 0x90],
        caps: "audio/mpeg, mpegversion=(int)4, stream-format=(string)raw".to_owned(),
    });
    let audio = Track { id: 2, name: String::new(), layers: ENCODED_AUDIO_LAYERS, media };
    TrackTable::new(vec![video, audio]).unwrap()
}

/// How many pictures there are, and from each key picture to the next.
pub const PICTURES: usize = 130;
pub const KEYS: usize = 26;

/// The beginning of the clip again and again, since it has one key picture: 40 ms a picture, from this time on.
pub fn pictures(start: i64) -> Vec<SourceUnit> {
    let all = samples();
    let picture = |number: usize| {
        let data = all[number % KEYS].clone();
        let dts = start + PICTURE * number as i64;
        SourceUnit {
            track: 1,
            dts,
            pts: dts,
            duration: PICTURE as u64,
            key: number.is_multiple_of(KEYS),
            data,
        }
    };
    (0..PICTURES).map(picture).collect()
}

/// All access units of the clip, in order.
pub fn samples() -> Vec<Bytes> {
    let table = find(stbl(), b"stsz");
    let sizes: Vec<usize> = numbers(&table[12..]).collect();
    let chunks: Vec<usize> = numbers(&find(stbl(), b"stco")[8..]).collect();
    let runs: Vec<usize> = numbers(&find(stbl(), b"stsc")[8..]).collect();
    let mut units: Vec<Bytes> = Vec::new();
    for (chunk, mut at) in chunks.into_iter().enumerate() {
        let run = runs.chunks(3).rfind(|run| run[0] <= chunk + 1).unwrap();
        for _ in 0..run[1] {
            let size = sizes[units.len()];
            units.push(Bytes::from_static(&FILE[at..at + size]));
            at += size;
        }
    }
    units
}

fn configuration() -> Vec<u8> {
    // The table's head, and that of its one entry with what all pictures have.
    find(&find(stbl(), b"stsd")[8 + 8 + 78..], b"avcC").to_vec()
}

/// The tables of the track of pictures.
fn stbl() -> &'static [u8] {
    let traks = boxes(find(FILE, b"moov")).filter(|(kind, _)| kind == b"trak").map(|(_, body)| body);
    let media = traks.map(|trak| find(trak, b"mdia"));
    let video = media.into_iter().find(|mdia| &find(mdia, b"hdlr")[8..12] == b"vide").unwrap();
    find(find(video, b"minf"), b"stbl")
}

fn find<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> &'a [u8] {
    boxes(bytes).find(|(found, _)| found == kind).map(|(_, body)| body).unwrap()
}

fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(bytes.get(..4)?.try_into().unwrap()) as usize;
        let (found, rest) = bytes.split_at(length);
        bytes = rest;
        Some((found[4..8].try_into().unwrap(), &found[8..]))
    })
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = usize> {
    bytes.chunks(4).map(|number| u32::from_be_bytes(number.try_into().unwrap()) as usize)
}
