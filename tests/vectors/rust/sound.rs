//! `sound.json`: units of sound, and what they decode to.

use fql_codec::audio::{Decoder, DecoderConfig, Encoder, EncoderConfig, Rate};
use fql_unit::{AudioFormat, Segment, Unit};
use serde::{Deserialize, Serialize};

use crate::pictures::any_bytes;
use crate::{from_base64, sha256, to_base64};

#[derive(Serialize, Deserialize)]
struct Vector {
    name: String,
    rate: u32,
    channels: u8,
    bits: u32,
    /// Units of one track in their order, in base64.
    units: Vec<String>,
    decoded: Vec<Decoded>,
}

/// What a decoder makes of the units that takes this many of their layers at most.
#[derive(Serialize, Deserialize)]
struct Decoded {
    layers: u8,
    sounds: Vec<Sound>,
}

#[derive(Serialize, Deserialize)]
struct Sound {
    /// A channel.
    samples: usize,
    /// Whether they are the source bit for bit.
    exact: bool,
    /// Of the samples of all channels in turn, with 4 bytes each, signed, the low one first.
    sha256: String,
}

impl Vector {
    fn decode(&mut self) {
        let (rate, channels) = (self.rate, self.channels);
        let format = if self.bits == 16 { AudioFormat::S16 } else { AudioFormat::S24 };
        for decoded in &mut self.decoded {
            let mut decoder = Decoder::new(DecoderConfig { rate, channels, format }).unwrap();
            let sounds = self.units.iter().map(|unit| {
                let unit = Unit::from_bytes(&from_base64(unit)).unwrap();
                let mut out = Vec::new();
                let sound = decoder.decode(&unit, decoded.layers - 1, &mut out).unwrap();
                let bytes: Vec<u8> = out.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                Sound { samples: sound.samples, exact: sound.exact, sha256: sha256(&bytes) }
            });
            decoded.sounds = sounds.collect();
        }
    }
}

/// What to encode.
struct Recipe {
    name: &'static str,
    config: EncoderConfig,
    rate: Rate,
    units: usize,
    /// A sample of a channel at a time, as a share of the largest.
    sound: fn(usize, usize) -> f64,
    /// What is lost of a unit.
    lose: fn(&mut Unit, usize),
    /// Numbers of layers to decode.
    layers: Vec<u8>,
}

impl Recipe {
    /// A chord with all layers, of which some and all are decoded.
    fn new(name: &'static str, rate: u32, channels: u8, format: AudioFormat) -> Self {
        Self {
            name,
            config: EncoderConfig { rate, channels, format, layers: 15 },
            rate: Rate::WholeLadder,
            units: 3,
            sound: chord,
            lose: |_, _| {},
            layers: vec![2, 15],
        }
    }

    fn encode(self) -> Vector {
        let mut encoder = Encoder::new(self.config).unwrap();
        let channels = usize::from(self.config.channels);
        let bits = self.config.format.bits();
        let largest = f64::from((1 << (bits - 1)) - 1);
        let count = encoder.frame_len() * self.units - 5;
        let samples: Vec<i32> = (0..count * channels)
            .map(|at| ((self.sound)(at / channels, at % channels) * largest) as i32)
            .collect();
        let mut units = Vec::new();
        let frame = encoder.frame_len() * channels;
        for (number, samples) in samples.chunks(frame).enumerate() {
            if number + 1 < self.units {
                units.push(encoder.encode(samples, self.rate).unwrap());
            } else {
                units.extend(encoder.finish(samples, self.rate).unwrap());
            }
        }
        for (number, unit) in units.iter_mut().enumerate() {
            (self.lose)(unit, number);
        }
        let decoded = self.layers.iter().map(|&layers| Decoded { layers, sounds: Vec::new() });
        Vector {
            name: self.name.into(),
            rate: self.config.rate,
            channels: self.config.channels,
            bits,
            units: units.iter().map(|unit| to_base64(unit.to_bytes())).collect(),
            decoded: decoded.collect(),
        }
    }
}

/// Tones that channels share in part, which grow louder, and some noise.
fn chord(at: usize, channel: usize) -> f64 {
    let (t, c) = (at as f64, channel as f64);
    let tones = (t * 0.031).sin() + 0.5 * (t * 0.117 + c).sin() + 0.3 * (t * (0.41 + c / 30.0)).sin();
    let noise = (at * 7_919 + channel * 104_729) % 1_013;
    tones * 0.2 * (t / 3_000.0).min(1.0) + (noise as f64 / 1_013.0 - 0.5) * 0.01
}

/// Silence, and a click in it now and then.
fn clicks(at: usize, channel: usize) -> f64 {
    let after = (at + 40 * channel) % 1_000;
    if after < 300 {
        0.0
    } else {
        0.9 * (-((after - 300) as f64) / 30.0).exp() * ((after * 7 % 11) as f64 / 5.0 - 1.0)
    }
}

fn recipes() -> Vec<Recipe> {
    use AudioFormat::{S16, S24};
    vec![
        Recipe {
            layers: (1..=15).collect(),
            units: 2,
            ..Recipe::new("every number of layers", 8_000, 2, S16)
        },
        Recipe::new("mono", 16_000, 1, S16),
        Recipe::new("stereo", 48_000, 2, S16),
        Recipe::new("24 bits", 44_100, 1, S24),
        Recipe::new("24 bits", 8_000, 2, S24),
        Recipe::new("six channels", 8_000, 6, S16),
        Recipe { sound: clicks, ..Recipe::new("clicks", 16_000, 2, S16) },
        Recipe { sound: |_, _| 0.0, ..Recipe::new("silence", 8_000, 2, S24) },
        Recipe { rate: Rate::Bytes(200), ..Recipe::new("a rate", 32_000, 2, S16) },
        Recipe { rate: Rate::Bytes(90), units: 4, ..Recipe::new("a rate", 22_050, 1, S24) },
        Recipe {
            lose: |unit, number| {
                if number == 1 {
                    cut_segment(unit, 3, 2);
                }
            },
            ..Recipe::new("a layer cut", 8_000, 2, S16)
        },
        Recipe {
            lose: |unit, number| {
                if number == 1 {
                    cut_segment(unit, 0, 2);
                }
            },
            ..Recipe::new("layer 0 cut", 8_000, 2, S16)
        },
        Recipe {
            lose: |unit, _| unit.set(4, 0, Segment::missing()),
            ..Recipe::new("a layer missing", 8_000, 2, S16)
        },
        Recipe {
            lose: |unit, _| cut_segment(unit, unit.coded_layers() - 1, 2),
            ..Recipe::new("the exact layer cut", 8_000, 2, S16)
        },
        Recipe {
            lose: |unit, number| garble(unit, if number == 1 { 0 } else { 2 }),
            ..Recipe::new("any coefficients", 8_000, 3, S16)
        },
        Recipe {
            lose: |unit, number| garble(unit, if number == 2 { 0 } else { unit.coded_layers() - 1 }),
            ..Recipe::new("any coefficients", 11_025, 2, S24)
        },
    ]
}

/// Puts other bytes in the place of a layer: decoders agree on what anything at all means.
fn garble(unit: &mut Unit, layer: u8) {
    let len = unit.segment(layer, 0).expect("a coded segment").data().len();
    unit.set(layer, 0, Segment::complete(any_bytes(len)));
}

/// Leaves one part in `parts` of a segment.
fn cut_segment(unit: &mut Unit, layer: u8, parts: usize) {
    let data = unit.segment(layer, 0).expect("a coded segment").data().clone();
    unit.set(layer, 0, Segment::truncated(data.slice(..data.len() / parts)));
}

#[test]
fn units_of_sound_decode_as_they_always_did() {
    super::check("sound.json", || recipes().into_iter().map(Recipe::encode).collect(), Vector::decode);
}
