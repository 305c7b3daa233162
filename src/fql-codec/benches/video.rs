//! The parts of the video codec, each on one thread on a 720p picture. They are private, so they are measured by what
//! the codec does with few layers and with many: `cargo bench -p fql-codec --bench video`.
//!
//! - *layer 0*: the transform, and next to nothing beside it;
//! - *layers 0 to 8*: with the bit planes of all lossy layers;
//! - *layers 0 to 9*: with the exact layer;
//! - *20 kB*: what a bitrate of 4 Mbit/s takes.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fql_codec::video::{
    Decoder, DecoderConfig, Encoder, EncoderConfig, Format, PictureMut, PlaneLayout, Rate,
};
use fql_unit::{Chroma, Unit};

const WIDTH: usize = 1280;
const HEIGHT: usize = 720;
const FORMAT: Format = Format::new(Chroma::Yuv420);
/// One after the other in one buffer.
const PLANES: [PlaneLayout; 3] = [
    PlaneLayout::bytes(0, WIDTH),
    PlaneLayout { offset: WIDTH * HEIGHT, ..PlaneLayout::bytes(0, WIDTH / 2) },
    PlaneLayout { offset: WIDTH * HEIGHT * 5 / 4, ..PlaneLayout::bytes(0, WIDTH / 2) },
];
/// What is measured: its name, the layers that the stream has, and how many bytes a unit may have.
const CASES: [(&str, u8, Rate); 4] = [
    ("layer 0", 1, Rate::WholeLadder),
    ("layers 0 to 8", 9, Rate::WholeLadder),
    ("layers 0 to 9", 10, Rate::WholeLadder),
    ("20 kB", 10, Rate::Bytes(20_000)),
];

/// Waves of several lengths, edges, and a little noise: about as much work as natural pictures are.
fn picture() -> Vec<u8> {
    let mut noise = 1u32;
    let mut sample = |i: usize, width: usize| {
        let (x, y) = ((i % width) as f32, (i / width) as f32);
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let waves = 40.0 * (x / 90.0).sin() * (y / 70.0).cos() + 12.0 * (x / 7.0 + y / 11.0).sin();
        let edge = if ((x / 160.0 + y / 120.0) as u32).is_multiple_of(2) { 20.0 } else { -20.0 };
        (128.0 + waves + edge + (noise >> 24) as f32 / 64.0) as u8
    };
    let luma = (0..WIDTH * HEIGHT).map(|i| sample(i, WIDTH)).collect::<Vec<_>>();
    let chroma = (0..WIDTH * HEIGHT / 2).map(|i| sample(i, WIDTH / 2)).collect::<Vec<_>>();
    [luma, chroma].concat()
}

fn encoder(layers: u8) -> Encoder {
    let (width, height) = (WIDTH as u32, HEIGHT as u32);
    Encoder::new(EncoderConfig { width, height, format: FORMAT, layers, slices: 0, threads: 1, motion: None })
        .unwrap()
}

fn encode(encoder: &mut Encoder, samples: &[u8], rate: Rate) -> Unit {
    encoder.encode(&PLANES.map(|plane| plane.of(&[samples])), rate).unwrap()
}

fn decoder() -> Decoder {
    let (width, height) = (WIDTH as u32, HEIGHT as u32);
    Decoder::new(DecoderConfig { width, height, format: FORMAT, threads: 1 }).unwrap()
}

fn decode(decoder: &mut Decoder, unit: &Unit, samples: &mut [u8]) {
    decoder.decode(unit, u8::MAX, &mut PictureMut { buffers: &mut [samples], planes: &PLANES }).unwrap();
}

fn pictures(criterion: &mut Criterion) {
    let source = picture();
    let mut group = criterion.benchmark_group("video, 720p");
    group.sample_size(20).throughput(Throughput::Elements((WIDTH * HEIGHT) as u64));
    for (name, layers, rate) in CASES {
        let mut encoder = encoder(layers);
        group.bench_function(format!("{name}, encoding"), |bench| {
            bench.iter(|| encode(&mut encoder, &source, rate));
        });
        let unit = encode(&mut encoder, &source, rate);
        let (mut decoder, mut samples) = (decoder(), source.clone());
        group.bench_function(format!("{name}, decoding"), |bench| {
            bench.iter(|| decode(&mut decoder, &unit, &mut samples));
        });
    }
    group.finish();
}

criterion_group!(benches, pictures);
criterion_main!(benches);
