//! Units and what they decode to: the same bytes on every platform. `web/session/vectors.test.ts` decodes the same file
//! with the wasm module. `UPDATE_VECTORS=1` writes the file anew, after a change of the format.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fql_codec::video::{Motion, Plane, Rate};
use fql_codec::{audio, video};
use fql_player::Module;
use fql_unit::{AudioFormat, Chroma, Segment, Unit};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/units.json");

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectors {
    videos: Vec<Video>,
    sounds: Vec<Sound>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Video {
    width: u32,
    height: u32,
    has_colour: bool,
    units: Vec<VideoUnit>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VideoUnit {
    data: String,
    max_layer: u32,
    layers: u8,
    /// SHA-256 of all planes.
    sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sound {
    sample_rate: u32,
    channels: u32,
    bits: u32,
    units: Vec<SoundUnit>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SoundUnit {
    data: String,
    pts: f64,
    lost: bool,
    filled: usize,
    /// SHA-256 of all channels as 32-bit floating point numbers, little-endian.
    sha256: String,
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write(module: &mut Module, data: &str) {
    let bytes = STANDARD.decode(data).unwrap();
    module.input(bytes.len()).unwrap().copy_from_slice(&bytes);
}

/// Decodes all, and gives what came out in place of what was said to.
fn decode(vectors: &mut Vectors) {
    for video in &mut vectors.videos {
        let mut module = Module::default();
        let chroma = if video.has_colour { Chroma::Yuv420 } else { Chroma::Grey };
        let decoder = module.new_video(video.width, video.height, chroma).unwrap();
        for unit in &mut video.units {
            write(&mut module, &unit.data);
            unit.layers = module.video_decode(decoder, unit.max_layer).unwrap().layers;
            unit.sha256 = sha256(module.video_planes(decoder));
        }
    }
    for sound in &mut vectors.sounds {
        let mut module = Module::default();
        let decoder = module.new_sound(sound.sample_rate, sound.channels, sound.bits).unwrap();
        for unit in &mut sound.units {
            write(&mut module, &unit.data);
            unit.filled = module.sound_decode(decoder, unit.pts, unit.lost, 14).unwrap().filled;
            let bytes: Vec<u8> =
                module.sound_planes(decoder).iter().flat_map(|sample| sample.to_le_bytes()).collect();
            unit.sha256 = sha256(&bytes);
        }
    }
}

#[test]
fn units_decode_to_the_same_bytes_everywhere() {
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        let mut vectors = encode();
        decode(&mut vectors);
        std::fs::write(FILE, serde_json::to_string_pretty(&vectors).unwrap() + "\n").unwrap();
    }
    let text = std::fs::read_to_string(FILE).unwrap();
    let mut vectors: Vectors = serde_json::from_str(&text).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
    decode(&mut vectors);
    assert_eq!(serde_json::to_value(&vectors).unwrap(), expected);
}

fn encode() -> Vectors {
    let videos = vec![
        encode_video(96, 64, true, Rate::WholeLadder, None),
        encode_video(97, 61, true, Rate::Bytes(900), None),
        encode_video(50, 130, false, Rate::Bytes(600), None),
        encode_video(113, 71, true, Rate::Bytes(1_500), Some(PREDICTED)),
        encode_video(64, 100, false, Rate::Bytes(900), Some(PREDICTED)),
    ];
    Vectors {
        videos,
        sounds: vec![
            encode_sound(48_000, 2, AudioFormat::S16, 300),
            encode_sound(8_000, 1, AudioFormat::S16, 0),
            encode_sound(44_100, 3, AudioFormat::S24, 0),
        ],
    }
}

/// A texture that moves.
fn sample(at: usize, width: usize, number: usize) -> u8 {
    let (x, y) = (at % width + 2 * number, at / width);
    (x * x / 7 + 3 * y + x * y / 5) as u8 / 2 + ((x / 16 + y / 16) % 2 * 90) as u8
}

const PREDICTED: Motion = Motion { reference_layer: Some(3), references: 2 };

/// A whole unit, one up to a low layer, one that lost a segment, one that lost a slice, and whole ones after these.
fn encode_video(width: u32, height: u32, has_colour: bool, rate: Rate, motion: Option<Motion>) -> Video {
    let chroma = if has_colour { Chroma::Yuv420 } else { Chroma::Grey };
    let format = chroma.into();
    let config = video::EncoderConfig { width, height, format, layers: 12, slices: 3, threads: 1, motion };
    let mut encoder = video::Encoder::new(config).unwrap();
    let (w, h) = (width as usize, height as usize);
    let half = (w.div_ceil(2), h.div_ceil(2));
    let sizes = if has_colour { vec![(w, h), half, half] } else { vec![(w, h)] };
    let unit = |number: usize| {
        let plane = |&(width, height): &(usize, usize)| -> Vec<u8> {
            (0..width * height).map(|at| sample(at, width, number)).collect()
        };
        let samples: Vec<_> = sizes.iter().map(plane).collect();
        let planes: Vec<_> =
            samples.iter().zip(&sizes).map(|(data, &(stride, _))| Plane::bytes(data, stride)).collect();
        let mut unit = encoder.encode(&planes, rate).unwrap();
        lose(&mut unit, number);
        let (data, max_layer) = (STANDARD.encode(unit.to_bytes()), if number == 1 { 2 } else { 14 });
        VideoUnit { data, max_layer, layers: 0, sha256: String::new() }
    };
    Video { width, height, has_colour, units: (0..6).map(unit).collect() }
}

fn lose(unit: &mut Unit, number: usize) {
    match number {
        2 => {
            let half = unit.segment(2, 1).map(|segment| segment.data().slice(..segment.data().len() / 2));
            unit.set(2, 1, Segment::truncated(half.unwrap_or_default()));
        }
        3 => unit.set(0, 2, Segment::missing()),
        _ => {}
    }
}

/// Two units, one that follows a lost one, and one that follows it.
fn encode_sound(sample_rate: u32, channels: u8, format: AudioFormat, bytes: usize) -> Sound {
    let config = audio::EncoderConfig { rate: sample_rate, channels, format, layers: 12 };
    let mut encoder = audio::Encoder::new(config).unwrap();
    let rate = if bytes == 0 { audio::Rate::WholeLadder } else { audio::Rate::Bytes(bytes) };
    let (len, delay, channels) = (encoder.frame_len(), encoder.delay(), usize::from(channels));
    let mut units = Vec::new();
    for number in 0..5 {
        let samples = (number * len * channels..(number + 1) * len * channels).map(|at| {
            let (at, channel) = (at / channels, at % channels);
            (at * (3 + channel) * 211 % 9_001) as i32 - 4_500
        });
        let unit = encoder.encode(&samples.collect::<Vec<_>>(), rate).unwrap();
        if number != 2 {
            let pts = (number * len).saturating_sub(delay) as f64 / f64::from(sample_rate) * 1e3;
            let data = STANDARD.encode(unit.to_bytes());
            units.push(SoundUnit { data, pts, lost: number == 3, filled: 0, sha256: String::new() });
        }
    }
    Sound { sample_rate, channels: channels as u32, bits: format.bits(), units }
}
