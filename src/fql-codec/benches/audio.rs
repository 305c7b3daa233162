//! The parts of the sound codec on a second of stereo: `cargo bench -p fql-codec --bench audio`.
//!
//! *layer 0* is the transform with little beside it, *12 layers* the whole ladder with the exact layer.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fql_codec::audio::{Decoder, DecoderConfig, Encoder, EncoderConfig, Rate};
use fql_unit::{AudioFormat, Unit};

const RATE: u32 = 48_000;
const CHANNELS: u8 = 2;
const FORMAT: AudioFormat = AudioFormat::S16;

/// A second of chords with a little noise.
fn sound() -> Vec<i32> {
    let mut noise = 1u32;
    let mut sample = |i: usize| {
        let (time, side) = ((i / 2) as f32 / RATE as f32, (i % 2) as f32);
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let tones =
            [220.0, 277.2, 329.6, 1760.0].map(|tone| (time * tone * std::f32::consts::TAU + side).sin());
        (3000.0 * tones.iter().sum::<f32>() + (noise >> 25) as f32) as i32
    };
    (0..usize::from(CHANNELS) * RATE as usize).map(&mut sample).collect()
}

fn encode(samples: &[i32], layers: u8, rate: Rate) -> Vec<Unit> {
    let mut encoder =
        Encoder::new(EncoderConfig { rate: RATE, channels: CHANNELS, format: FORMAT, layers }).unwrap();
    let frames = samples.chunks_exact(encoder.frame_len() * usize::from(CHANNELS));
    frames.map(|frame| encoder.encode(frame, rate).unwrap()).collect()
}

fn decode(units: &[Unit], samples: &mut Vec<i32>) {
    samples.clear();
    let mut decoder = Decoder::new(DecoderConfig { rate: RATE, channels: CHANNELS, format: FORMAT }).unwrap();
    for unit in units {
        decoder.decode(unit, u8::MAX, samples).unwrap();
    }
}

fn sounds(criterion: &mut Criterion) {
    let source = sound();
    let mut group = criterion.benchmark_group("sound, a second of stereo");
    group.sample_size(20).throughput(Throughput::Elements(source.len() as u64));
    for (name, layers, rate) in [
        ("layer 0", 1, Rate::WholeLadder),
        ("12 layers", 12, Rate::WholeLadder),
        ("128 kbit/s", 12, Rate::Bytes(192)),
    ] {
        group.bench_function(format!("{name}, encoding"), |bench| {
            bench.iter(|| encode(&source, layers, rate));
        });
        let units = encode(&source, layers, rate);
        let mut samples = Vec::with_capacity(source.len());
        group
            .bench_function(format!("{name}, decoding"), |bench| bench.iter(|| decode(&units, &mut samples)));
    }
    group.finish();
}

criterion_group!(benches, sounds);
criterion_main!(benches);
