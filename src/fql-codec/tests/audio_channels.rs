//! What channels share is coded once, in whatever order they are.

mod sounds;

use fql_codec::audio::Rate;
use fql_unit::{AudioFormat, Unit};
use sounds::{Random, Shape, clip, finer};

const MONO: Shape = Shape { rate: 48_000, channels: 1, format: AudioFormat::S16, layers: 12 };
const LEN: usize = 768 * 8;

/// Noise like a voice's: coloured, at a level of its own.
fn voice(seed: u64) -> Vec<f64> {
    let mut random = Random(seed);
    let mut last = [0.0; 2];
    let mut next = || {
        let white = f64::from(random.next() as i32) / f64::from(i32::MAX);
        last = [1.6 * last[0] - 0.7 * last[1] + white, last[0]];
        900.0 * last[0]
    };
    (0..LEN).map(|_| next()).collect()
}

/// A channel of parts of voices.
fn mix(parts: &[(u64, f64)], noise: u64) -> Vec<i32> {
    let mut random = Random(noise);
    let voices: Vec<_> = parts.iter().map(|(seed, gain)| (voice(*seed), gain)).collect();
    let mut sample = |t: usize| {
        let own = f64::from(random.next() as i16) / 2_048.0;
        (voices.iter().map(|(voice, gain)| *gain * voice[t]).sum::<f64>() + own) as i32
    };
    (0..LEN).map(&mut sample).collect()
}

fn interleaved(channels: &[Vec<i32>]) -> Vec<i32> {
    (0..LEN).flat_map(|t| channels.iter().map(move |channel| channel[t])).collect()
}

fn bytes(units: &[Unit]) -> usize {
    units.iter().map(|unit| unit.payload_len() + unit.params().len()).sum()
}

/// Bytes of channels together, after a look at whether they come back, and of each for itself.
fn together_and_alone(channels: &[Vec<i32>], format: AudioFormat) -> (usize, usize) {
    let scale = |samples: &[i32]| match format {
        AudioFormat::S16 => samples.to_vec(),
        AudioFormat::S24 => finer(samples),
    };
    let shape = Shape { channels: channels.len() as u8, format, ..MONO };
    let source = scale(&interleaved(channels));
    let units = shape.encode(&source, Rate::WholeLadder);
    assert!(shape.decode(&units, 14).0 == source);
    let mono = Shape { format, ..MONO };
    let alone = channels.iter().map(|channel| bytes(&mono.encode(&scale(channel), Rate::WholeLadder)));
    (bytes(&units), alone.sum())
}

/// Which channels share what: voice and gain for each channel.
type Layout = (&'static str, &'static [&'static [(u64, f64)]]);

const LAYOUTS: [Layout; 6] = [
    ("stereo", &[&[(1, 1.0)], &[(1, 0.7)]]),
    ("front left and centre of three", &[&[(1, 1.0)], &[(2, 1.0)], &[(1, -0.8)]]),
    // FL FR FC LFE RL RR: the front pair, the rear pair, the centre between the front ones.
    (
        "5.1",
        &[&[(1, 1.0), (2, 0.4)], &[(1, 0.9), (2, -0.4)], &[(1, 1.0)], &[(3, 0.3)], &[(4, 1.0)], &[(4, 0.8)]],
    ),
    (
        "7.1 in a foreign order",
        &[
            &[(1, 1.0)],
            &[(2, 1.0)],
            &[(3, 1.0)],
            &[(4, 1.0)],
            &[(2, 0.6)],
            &[(4, -0.9)],
            &[(1, 0.8)],
            &[(3, 0.5)],
        ],
    ),
    ("one voice in five channels", &[&[(1, 1.0)], &[(1, 0.5)], &[(1, -0.7)], &[(1, 0.9)], &[(1, 0.3)]]),
    (
        "seven with one pair",
        &[&[(1, 1.0)], &[(2, 1.0)], &[(3, 1.0)], &[(4, 1.0)], &[(5, 1.0)], &[(6, 1.0)], &[(2, 1.0)]],
    ),
];

#[test]
fn channels_of_any_layout_that_share_something_get_smaller() {
    for (what, parts) in LAYOUTS {
        let channels: Vec<Vec<i32>> =
            parts.iter().enumerate().map(|(n, parts)| mix(parts, 100 + n as u64)).collect();
        let voices: std::collections::BTreeSet<u64> =
            parts.iter().flat_map(|parts| parts.iter().map(|(voice, _)| *voice)).collect();
        for format in [AudioFormat::S16, AudioFormat::S24] {
            let (together, alone) = together_and_alone(&channels, format);
            let ratio = together as f64 / alone as f64;
            println!("{what}, {format:?}: {together} bytes together, {alone} alone: {ratio:.3}");
            // A voice costs about 10 bits a sample here and the noise of a channel 5 (and 8 more with 24 bits): so
            // much less is to be saved where a voice is in more channels than one.
            let shared = 1.0 - voices.len() as f64 / channels.len() as f64;
            let possible = if format == AudioFormat::S16 { 0.5 } else { 0.25 } * shared;
            assert!(ratio < 1.0 - 0.6 * possible, "{what}, {format:?}: {ratio:.3}");
        }
    }
}

#[test]
fn the_order_of_channels_hardly_matters() {
    let channels: Vec<Vec<i32>> =
        LAYOUTS[2].1.iter().enumerate().map(|(n, parts)| mix(parts, n as u64)).collect();
    let (usual, _) = together_and_alone(&channels, AudioFormat::S16);
    for order in [[5, 4, 3, 2, 1, 0], [0, 4, 1, 5, 2, 3], [2, 4, 0, 3, 5, 1]] {
        let other: Vec<Vec<i32>> = order.map(|channel: usize| channels[channel].clone()).to_vec();
        let (other, _) = together_and_alone(&other, AudioFormat::S16);
        assert!(other.abs_diff(usual) * 50 < usual, "{other} beside {usual} as {order:?}");
    }
}

#[test]
fn channels_that_share_nothing_cost_no_more_than_alone() {
    for count in 2..=8u64 {
        let channels: Vec<Vec<i32>> = (0..count).map(|n| mix(&[(n, 1.0)], 50 + n)).collect();
        let (together, alone) = together_and_alone(&channels, AudioFormat::S16);
        assert!(together * 100 < alone * 101, "{count} channels: {together} together, {alone} alone");
    }
}

#[test]
fn rotations_come_and_go_with_what_is_shared() {
    // The first half in channels 0 and 2, the second in 1 and 2.
    let (shared, other) = (mix(&[(1, 1.0)], 1), mix(&[(2, 1.0)], 2));
    let half = |a: &[i32], b: &[i32]| [&a[..LEN / 2], &b[LEN / 2..]].concat();
    let channels = [half(&shared, &other), half(&other, &shared), shared.clone()];
    let shape = Shape { channels: 3, ..MONO };
    let units = shape.encode(&interleaved(&channels), Rate::WholeLadder);
    // Each rotation is two bytes: its channels, and its angle.
    let rotated = |unit: &Unit| unit.params()[7..].chunks(2).map(|r| r[0]).collect::<Vec<_>>();
    assert_eq!(rotated(&units[1]), [2]);
    assert_eq!(rotated(&units[6]), [1 << 3 | 2]);
}

#[test]
fn the_six_channels_of_a_clip_are_no_larger_together_than_alone() {
    // A film's sound, whose channels share little. FLAC at level 5 makes 601,307 bytes of them.
    let six = Shape { channels: 6, ..MONO };
    let source = clip(48_000, 6);
    let units = six.encode(&source, Rate::WholeLadder);
    let alone: usize = (0..6)
        .map(|which| {
            let channel: Vec<i32> = source.iter().skip(which).step_by(6).copied().collect();
            bytes(&MONO.encode(&channel, Rate::WholeLadder))
        })
        .sum();
    println!("{} bytes together, {alone} alone", bytes(&units));
    assert!(bytes(&units) < alone && bytes(&units) < 566_000);
}
