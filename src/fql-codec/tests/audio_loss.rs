//! What a lost unit costs.

mod sounds;

use fql_codec::audio::Rate;
use fql_unit::{AudioFormat, Segment, Unit};
use sounds::{Shape, clip, tones};

const MONO: Shape = Shape { rate: 48_000, channels: 1, format: AudioFormat::S16, layers: 12 };
const FRAME: usize = 768;
const OVERLAP: usize = 192;

fn decode_with_losses(shape: Shape, units: &[Unit], lost: impl Fn(usize) -> bool) -> Vec<i32> {
    let (mut decoder, mut samples) = (shape.decoder(), Vec::new());
    for (i, unit) in units.iter().enumerate() {
        if lost(i) {
            decoder.conceal(FRAME, &mut samples);
        } else {
            decoder.decode(unit, 14, &mut samples).unwrap();
        }
    }
    samples
}

#[test]
fn a_lost_unit_costs_its_samples_and_an_overlap() {
    let shape = Shape { channels: 2, ..MONO };
    let source = clip(48_000, 2);
    let units = shape.encode(&source, Rate::WholeLadder);
    for lost in [5, 40, 100, 200] {
        let decoded = decode_with_losses(shape, &units, |i| i == lost);
        let first = 2 * (lost * FRAME - OVERLAP);
        let next = first + 2 * (FRAME + OVERLAP);
        assert!(decoded[..first] == source[..first], "before unit {lost}");
        assert!(decoded[next..] == source[next..], "an overlap after unit {lost}");
    }
}

#[test]
fn a_unit_after_a_loss_that_nobody_told_of_is_not_called_exact() {
    let source = tones(10_000, 1, 48_000);
    let units = MONO.encode(&source, Rate::WholeLadder);
    let (mut decoder, mut samples) = (MONO.decoder(), Vec::new());
    for (i, unit) in units.iter().enumerate().filter(|(i, _)| *i != 4) {
        let sound = decoder.decode(unit, 14, &mut samples).unwrap();
        assert_eq!(sound.exact, i != 5, "unit {i}");
    }
}

#[test]
fn a_viewer_who_joins_late_hears_the_source_after_an_overlap() {
    let source = tones(10_000, 1, 48_000);
    let units = MONO.encode(&source, Rate::WholeLadder);
    let (decoded, sounds) = MONO.decode(&units[3..], 14);
    assert!(!sounds[0].exact && sounds[1..].iter().all(|sound| sound.exact));
    assert!(decoded[OVERLAP..] == source[3 * FRAME..]);
}

#[test]
fn concealment_neither_clicks_nor_ends_in_noise() {
    let source = tones(40_000, 1, 48_000);
    let step = |samples: &[i32]| samples.windows(2).map(|w| (w[1] - w[0]).abs()).max();
    let largest = step(&source).unwrap();
    let units = MONO.encode(&source, Rate::WholeLadder);
    for lost in [vec![10], vec![20, 21], vec![30, 31, 32, 33, 34, 35], vec![0], vec![1]] {
        let decoded = decode_with_losses(MONO, &units, |i| lost.contains(&i));
        assert!(step(&decoded).unwrap() <= 2 * largest, "a click without units {lost:?}");
    }
}

#[test]
fn concealment_follows_on_the_sound_before_without_a_step() {
    let shape = Shape { channels: 2, ..MONO };
    let source = clip(48_000, 2);
    let units = shape.encode(&source, Rate::WholeLadder);
    for lost in (10..300).step_by(7) {
        let decoded = decode_with_losses(shape, &units[..lost + 2], |i| i == lost);
        let first = lost * FRAME - OVERLAP;
        let step = |t: usize| (decoded[2 * t] - decoded[2 * (t - 1)]).abs();
        let usual = (first - FRAME..first).map(step).max().unwrap();
        // At the end of a period, the loss too goes on without a step.
        let concealed = (first..first + FRAME).map(step).max().unwrap();
        assert!(step(first) <= usual, "unit {lost} begins with a step of {}", step(first));
        assert!(concealed <= usual + usual / 4 + 2, "{concealed} after {usual} without unit {lost}");
    }
}

#[test]
fn a_long_loss_fades_to_silence_and_the_sound_comes_back() {
    let source = tones(40_000, 1, 48_000);
    let units = MONO.encode(&source, Rate::WholeLadder);
    let decoded = decode_with_losses(MONO, &units, |i| (10..30).contains(&i));
    let first = 10 * FRAME - OVERLAP;
    assert!(decoded[first + 3 * FRAME..30 * FRAME - OVERLAP].iter().all(|s| *s == 0));
    assert!(decoded[30 * FRAME..] == source[30 * FRAME..]);
}

#[test]
fn concealing_in_pieces_is_concealing_at_once() {
    let source = tones(10_000, 1, 48_000);
    let units = MONO.encode(&source, Rate::WholeLadder);
    let (mut decoder, mut samples) = (MONO.decoder(), Vec::new());
    for unit in &units[..5] {
        decoder.decode(unit, 14, &mut samples).unwrap();
    }
    let (mut once, mut pieces) = (Vec::new(), Vec::new());
    decoder.clone().conceal(1_000, &mut once);
    for piece in [1, 99, 400, 0, 500] {
        decoder.conceal(piece, &mut pieces);
    }
    assert_eq!(once, pieces);
    assert!(once.iter().any(|s| s.abs() > 1_000));
}

#[test]
fn a_unit_with_nothing_of_layer_0_is_concealed() {
    let source = tones(10_000, 1, 48_000);
    let units = MONO.encode(&source, Rate::WholeLadder);
    let (mut decoder, mut samples) = (MONO.decoder(), Vec::new());
    for unit in &units[..5] {
        decoder.decode(unit, 14, &mut samples).unwrap();
    }
    let mut expected = samples.clone();
    decoder.clone().conceal(FRAME, &mut expected);
    let mut unit = units[5].clone();
    unit.set(0, 0, Segment::missing());
    let sound = decoder.decode(&unit, 14, &mut samples).unwrap();
    assert!(sound.concealed && sound.samples == FRAME && sound.layers == 0 && !sound.exact);
    assert_eq!(samples, expected);
}
