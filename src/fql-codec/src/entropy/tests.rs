use proptest::prelude::*;

use super::{BitModel, Coder, Decoder, Encoder};

/// Decisions of three kinds: skewed, even and integers; the same for coding and decoding.
fn code(coder: &mut impl Coder, count: usize, truth: &[u32], mut each: impl FnMut(u32, bool)) {
    let mut skewed = BitModel::EVEN;
    let mut integers = [BitModel::EVEN; 6];
    for i in 0..count {
        let truth = || truth[i];
        let a = coder.code(&mut skewed, || truth() % 32 == 0);
        let b = coder.code_bits(2, || truth() & 3);
        let c = coder.code_integer(&mut integers, || truth() >> 5);
        each(c << 3 | b << 1 | u32::from(a), coder.is_exhausted());
    }
}

fn encode(values: &[u32]) -> (Vec<u8>, Vec<u32>) {
    let (mut encoder, mut coded) = (Encoder::new(), Vec::new());
    code(&mut encoder, values.len(), values, |value, _| coded.push(value));
    (encoder.finish(), coded)
}

/// What is decoded before the data are exhausted.
fn decode(bytes: &[u8], count: usize) -> Vec<u32> {
    let (mut decoder, mut values) = (Decoder::new(bytes), Vec::new());
    code(&mut decoder, count, &[], |value, exhausted| {
        if !exhausted {
            values.push(value);
        }
    });
    values
}

proptest! {
    #[test]
    fn a_codeword_decodes_to_what_was_coded(values in prop::collection::vec(0u32..1 << 20, 0..400)) {
        let (bytes, coded) = encode(&values);
        prop_assert_eq!(decode(&bytes, values.len()), coded);
    }

    #[test]
    fn a_cut_codeword_decodes_to_a_prefix(
        values in prop::collection::vec(0u32..1 << 12, 1..400),
        cut in 0.0..1.0,
    ) {
        let (bytes, coded) = encode(&values);
        let kept = (bytes.len() as f64 * cut) as usize;
        let got = decode(&bytes[..kept], values.len());
        prop_assert!(coded.starts_with(&got));
        // Only the decisions in the last few bytes are lost.
        prop_assert!(got.len() as f64 >= (cut - 0.05) * coded.len() as f64 - 30.0);
    }

    #[test]
    fn any_bytes_decode_to_something_and_are_exhausted_soon(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        prop_assert!(decode(&bytes, 100_000).len() < 100_000);
    }
}

#[test]
fn the_largest_integer_is_the_same_for_both_sides() {
    const LARGEST: u32 = (1 << 31) - 2;
    let mut encoder = Encoder::new();
    encoder.code_integer(&mut [BitModel::EVEN; 4], || LARGEST);
    let bytes = encoder.finish();
    assert_eq!(Decoder::new(&bytes).code_integer(&mut [BitModel::EVEN; 4], || 0), LARGEST);
    // Every decision of these bytes is true, for as long as anybody asks.
    assert_eq!(Decoder::new(&[0xff; 64]).code_integer(&mut [BitModel::EVEN; 4], || 0), LARGEST);
}

#[test]
fn skewed_decisions_cost_close_to_their_entropy() {
    let (mut encoder, mut model) = (Encoder::new(), BitModel::EVEN);
    let mut state = 1u32;
    let count = 200_000;
    for _ in 0..count {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        encoder.code(&mut model, || state >> 16 < 65_536 / 20);
    }
    let p: f64 = 1.0 / 20.0;
    let entropy = -(p * p.log2() + (1.0 - p) * (1.0 - p).log2());
    let bits = encoder.finish().len() as f64 * 8.0;
    assert!(bits < entropy * f64::from(count) * 1.03, "{bits} bits, entropy {}", entropy * f64::from(count));
}

#[test]
fn what_never_happens_costs_almost_nothing() {
    let (mut encoder, mut model) = (Encoder::new(), BitModel::EVEN);
    for _ in 0..100_000 {
        encoder.code(&mut model, || false);
    }
    assert!(encoder.finish().len() < 60);
}
