//! The range coder alone: `cargo bench -p fql-codec --bench entropy`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fql_codec::entropy::{BitModel, Coder, Decoder, Encoder};

const DECISIONS: usize = 1 << 18;
const MODELS: usize = 64;

/// Decisions of which so many in 256 are ones.
fn decisions(ones: u32) -> Vec<bool> {
    let mut state = 1u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) < ones
    };
    (0..DECISIONS).map(next).collect()
}

/// Codes them, each in one of several contexts, or decodes what they were.
fn code(coder: &mut impl Coder, decisions: &[bool]) -> usize {
    let mut models = [BitModel::EVEN; MODELS];
    decisions.iter().enumerate().filter(|(i, bit)| coder.code(&mut models[i % MODELS], || **bit)).count()
}

fn coder(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("range coder");
    group.throughput(Throughput::Elements(DECISIONS as u64));
    for (name, ones) in [("even decisions", 128), ("one in eight", 32), ("one in 64", 4)] {
        let decisions = decisions(ones);
        group.bench_function(format!("{name}, encoding"), |bench| {
            bench.iter(|| {
                let mut encoder = Encoder::new();
                code(&mut encoder, &decisions);
                encoder.finish()
            });
        });
        let mut encoder = Encoder::new();
        let ones = code(&mut encoder, &decisions);
        let coded = encoder.finish();
        group.bench_function(format!("{name}, decoding"), |bench| {
            bench.iter(|| assert_eq!(code(&mut Decoder::new(black_box(&coded)), &decisions), ones));
        });
    }
    group.finish();
}

criterion_group!(benches, coder);
criterion_main!(benches);
