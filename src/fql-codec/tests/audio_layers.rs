//! What each layer gives, and what is left where layers or their ends are missing.

mod sounds;

use fql_codec::audio::Rate;
use fql_unit::{AudioFormat, Segment, Unit};
use sounds::{Shape, clip, finer, noise, power, snr, tones};

const STEREO: Shape = Shape { rate: 48_000, channels: 2, format: AudioFormat::S16, layers: 15 };

/// SNR with layer 0, with layers 0 and 1, and so on.
fn ladder(shape: Shape, source: &[i32]) -> Vec<f64> {
    let units = shape.encode(source, Rate::WholeLadder);
    (0..shape.layers).map(|layer| snr(source, &shape.decode(&units, layer).0)).collect()
}

fn print(what: &str, ladder: &[f64]) {
    let values: Vec<String> = ladder.iter().map(|db| format!("{db:.1}")).collect();
    println!("{what}, dB with layer 0, 1, ...: {}", values.join(" "));
}

#[test]
fn every_layer_of_noise_gives_6_db() {
    let ladder = ladder(STEREO, &noise(2 * 48_000, 3));
    print("noise", &ladder);
    assert!(ladder[0] > 7.0);
    for layer in 1..13 {
        let gain = ladder[layer] - ladder[layer - 1];
        assert!((5.5..7.2).contains(&gain), "layer {layer} gives {gain:.2} dB");
    }
    assert!(ladder[13] > ladder[12] + 5.0 && ladder[14].is_infinite());
}

#[test]
fn every_layer_of_music_and_tones_gives_more() {
    for (what, source) in [("the clip", clip(48_000, 2)), ("tones", tones(48_000, 2, 48_000))] {
        let ladder = ladder(STEREO, &source);
        print(what, &ladder);
        assert!(ladder[0] > 6.0, "layer 0 of {what} gives {:.2} dB", ladder[0]);
        for layer in 1..12 {
            // Near the top there is nothing left to tell of the bands that are finest.
            assert!(ladder[layer] > ladder[layer - 1] + 1.2, "layer {layer} of {what}");
        }
    }
}

#[test]
fn with_fewer_than_10_layers_the_top_is_lossy() {
    let source = noise(2 * 10_000, 9);
    for layers in 1..10 {
        let shape = Shape { layers, ..STEREO };
        let units = shape.encode(&source, Rate::WholeLadder);
        let (decoded, sounds) = shape.decode(&units, 14);
        assert!(snr(&source, &decoded) < 80.0 && sounds.iter().all(|sound| !sound.exact));
        assert!(sounds.iter().all(|sound| sound.layers == layers));
    }
}

#[test]
fn layers_above_a_missing_one_do_not_count() {
    let source = clip(48_000, 2);
    let units = STEREO.encode(&source[..2 * 48_000], Rate::WholeLadder);
    for missing in 1..12 {
        let holed: Vec<Unit> = units.iter().cloned().map(|unit| without(unit, missing)).collect();
        let (expected, _) = STEREO.decode(&units, missing - 1);
        let (decoded, sounds) = STEREO.decode(&holed, 14);
        assert!(decoded == expected, "without layer {missing}");
        assert!(sounds.iter().all(|sound| sound.layers <= missing));
    }
}

fn without(mut unit: Unit, layer: u8) -> Unit {
    if layer < unit.coded_layers() {
        unit.set(layer, 0, Segment::missing());
    }
    unit
}

/// The unit with the layers below `layer`, and the first `bytes` bytes of that one.
fn cut(unit: &Unit, layer: u8, bytes: usize) -> Unit {
    let mut cut = unit.clone();
    let data = unit.segment(layer, 0).unwrap().data().slice(..bytes);
    cut.set_coded_layers(layer + 1);
    cut.set(layer, 0, Segment::truncated(data));
    cut
}

#[test]
fn a_unit_cut_at_any_byte_is_never_worse_than_the_layers_below() {
    let source = clip(48_000, 2);
    let units = STEREO.encode(&source[..2 * 48_000], Rate::WholeLadder);
    let (before, unit) = (&units[..30], &units[30]);
    let mut decoder = STEREO.decoder();
    let mut samples = Vec::new();
    for unit in before {
        decoder.decode(unit, 14, &mut samples).unwrap();
    }
    let at = samples.len();
    let mut below = f64::INFINITY;
    for layer in 0..unit.coded_layers() {
        let len = unit.segment(layer, 0).unwrap().data().len();
        let mut last = below;
        for bytes in 0..=len {
            let (mut decoder, mut samples) = (decoder.clone(), Vec::new());
            let sound = decoder.decode(&cut(unit, layer, bytes), 14, &mut samples).unwrap();
            let error = power(source[at..].iter().zip(&samples).map(|(a, b)| f64::from(*a) - f64::from(*b)));
            assert!(error < 1.02 * below || layer == 0, "layer {layer} cut at {bytes} of {len}");
            assert!(sound.layers <= layer + 1);
            assert_eq!(sound.exact, error == 0.0, "layer {layer} cut at {bytes} of {len}");
            last = error;
        }
        assert!(last < below, "layer {layer} adds nothing");
        below = last;
    }
    assert_eq!(below, 0.0);
}

#[test]
fn a_cut_segment_gives_what_the_whole_one_gives_as_far_as_it_goes() {
    // Cutting the end of a layer must not change what was decoded of it before: the error may only grow towards
    // that of the layers below, with no outlier anywhere.
    let source = tones(5_000, 1, 48_000);
    let shape = Shape { channels: 1, ..STEREO };
    let units = shape.encode(&source, Rate::WholeLadder);
    for layer in 1..6 {
        let (below, _) = shape.decode(&units, layer - 1);
        let worst_below = worst(&source, &below);
        for share in 1..8 {
            let cut_units: Vec<Unit> = units
                .iter()
                .map(|unit| cut(unit, layer, unit.segment(layer, 0).unwrap().data().len() * share / 8))
                .collect();
            let (decoded, _) = shape.decode(&cut_units, 14);
            assert!(worst(&source, &decoded) <= 2 * worst_below, "layer {layer}, {share} eighths");
        }
    }
}

fn worst(source: &[i32], decoded: &[i32]) -> i32 {
    source.iter().zip(decoded).map(|(a, b)| (a - b).abs()).max().unwrap()
}

#[test]
fn every_platform_hears_the_same() {
    // Whoever changes the format changes these figures; where nobody did, a platform computes otherwise.
    let hashes = |source: &[i32], shape: Shape| -> Vec<u32> {
        let units = shape.encode(source, Rate::WholeLadder);
        let bytes = shape.format.bits() as usize / 8;
        (0..3).map(|layer| hash(&shape.decode(&units, 4 * layer).0, bytes)).collect()
    };
    let source = noise(6_000, 11);
    let shape = Shape { rate: 44_100, channels: 1, format: AudioFormat::S16, layers: 12 };
    assert_eq!(hashes(&source, shape), [3_601_913_877, 3_459_491_315, 28_194_972]);
    let fine = Shape { channels: 3, format: AudioFormat::S24, ..shape };
    assert_eq!(hashes(&finer(&source), fine), [3_918_228_325, 728_804_420, 2_517_641_336]);
}

/// FNV-1a of the samples.
fn hash(samples: &[i32], bytes: usize) -> u32 {
    samples
        .iter()
        .flat_map(|s| s.to_le_bytes().into_iter().take(bytes))
        .fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
