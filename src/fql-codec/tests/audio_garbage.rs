//! Nothing that arrives makes the decoder panic, or write more than a frame.

mod sounds;

use fql_codec::audio::{Decoder, DecoderConfig, Encoder, EncoderConfig, Rate, unit_samples};
use fql_unit::{AudioFormat, Segment, Unit};
use proptest::collection::vec;
use proptest::prelude::*;
use sounds::{Random, Shape, noise, tones};

const RATES: [u32; 5] = [8_000, 11_025, 44_100, 48_000, 192_000];

fn decode(unit: &Unit, rate: u32, channels: u8, max_layer: u8) {
    for format in [AudioFormat::S16, AudioFormat::S24] {
        decode_as(unit, DecoderConfig { rate, channels, format }, max_layer);
    }
}

fn decode_as(unit: &Unit, config: DecoderConfig, max_layer: u8) {
    let mut decoder = Decoder::new(config).unwrap();
    let range = if config.format == AudioFormat::S16 { -0x8000..0x8000 } else { -0x80_0000..0x80_0000 };
    let mut out = Vec::new();
    // Twice: the second time there is a frame before.
    for _ in 0..2 {
        let before = out.len();
        let samples = decoder.decode(unit, max_layer, &mut out).map_or(0, |sound| sound.samples);
        assert_eq!(out.len() - before, samples * usize::from(config.channels));
        assert!(samples <= decoder.frame_len());
    }
    decoder.conceal(10, &mut out);
    assert!(out.iter().all(|sample| range.contains(sample)));
}

prop_compose! {
    fn garbage()(layers in 1..=15u8, slices in 1..=3u8, params in vec(any::<u8>(), 0..=24),
        segments in vec((any::<bool>(), vec(any::<u8>(), 0..200)), 0..=15)) -> Unit {
        let mut unit = Unit::new(layers, slices, params).unwrap();
        for (layer, (complete, data)) in (0..layers).zip(segments) {
            let segment = if complete { Segment::complete(data) } else { Segment::truncated(data) };
            unit.set(layer, 0, segment);
        }
        unit
    }
}

/// Any rotations of so many channels.
fn rotations(channels: u8) -> impl Strategy<Value = Vec<u8>> {
    let (rotations, first_bytes) = match channels {
        1 => (0..=0, 0),
        2 => (1..=1, 0),
        _ => (0..=8usize, 1),
    };
    let rotation = (0..channels.saturating_sub(1).max(1)).prop_flat_map(move |first| {
        let second = first + 1..channels.max(first + 2);
        (Just(first), second, 0..64u8).prop_map(move |(first, second, angle)| match first_bytes {
            0 => vec![angle],
            _ => vec![first << 3 | second, angle],
        })
    });
    vec(rotation, rotations).prop_map(|rotations| rotations.concat())
}

prop_compose! {
    /// Parameters that pass every check, and anything behind them.
    fn plausible(channels: u8)(flags in 0..16u8, coded in 0..=15u8, samples in 0..200u16, step in 0..=410u16,
        rotations in rotations(channels), segments in vec(vec(any::<u8>(), 0..300), 15)) -> Unit {
        let mut params = vec![flags, 0, coded];
        params.extend(samples.to_be_bytes());
        params.extend(step.to_be_bytes());
        params.extend(rotations);
        let mut unit = Unit::new(15, 1, params).unwrap();
        for (layer, data) in segments.into_iter().enumerate() {
            unit.set(layer as u8, 0, Segment::complete(data));
        }
        unit
    }
}

proptest! {
    #[test]
    fn garbage_is_an_error_or_a_sound(unit in garbage(), rate in 0..5usize, channels in 1..=8u8, max in 0..16u8) {
        decode(&unit, RATES[rate], channels, max);
    }

    #[test]
    fn garbage_behind_plausible_parameters_is_a_sound(
        (channels, unit) in (1..=8u8).prop_flat_map(|channels| (Just(channels), plausible(channels))),
        rate in 0..5usize,
    ) {
        decode(&unit, RATES[rate], channels, 14);
    }

    #[test]
    fn a_damaged_unit_is_an_error_or_a_sound(layer in 0..12u8, at in any::<usize>(), bit in 0..8u32, seed: u64) {
        let shape = Shape { rate: 48_000, channels: 2, format: AudioFormat::S16, layers: 12 };
        let unit = shape.encoder().encode(&noise(2 * 768, seed), Rate::WholeLadder).unwrap();
        let mut damaged = unit.clone();
        let mut data = unit.segment(layer, 0).unwrap().data().to_vec();
        let at = at % data.len().max(1);
        if let Some(byte) = data.get_mut(at) {
            *byte ^= 1 << bit;
        }
        damaged.set(layer, 0, Segment::complete(data));
        decode(&damaged, 48_000, 2, 14);
    }

    #[test]
    fn any_samples_at_any_rate_come_back(seed: u64, len in 0..3_000usize, channels in 1..=8u8, bits in 0..24u32,
        bytes in proptest::option::of(0..2_000usize), layers in 1..=15u8) {
        let format = if bits < 16 { AudioFormat::S16 } else { AudioFormat::S24 };
        let shape = Shape { rate: 16_000, channels, format, layers };
        let mut random = Random(seed);
        let source: Vec<i32> =
            (0..len * usize::from(channels)).map(|_| (random.next() as i32) >> (31 - bits)).collect();
        let units = shape.encode(&source, bytes.map_or(Rate::WholeLadder, Rate::Bytes));
        let (decoded, sounds) = shape.decode(&units, 14);
        prop_assert_eq!(decoded.len(), source.len());
        if layers >= 10 && bytes.is_none() {
            prop_assert!(sounds.iter().all(|sound| sound.exact));
        }
        if sounds.iter().all(|sound| sound.exact) {
            prop_assert_eq!(decoded, source);
        }
    }
}

#[test]
fn wrong_configurations_and_lengths_are_clear_errors() {
    let text = |rate, channels, layers| {
        Encoder::new(EncoderConfig { rate, channels, format: AudioFormat::S16, layers })
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(text(7_999, 2, 12), "a sample rate is 7999, it must be 8000 to 192000");
    assert_eq!(text(48_000, 9, 12), "the number of channels is 9, it must be 1 to 8");
    assert_eq!(text(48_000, 2, 16), "the number of layers is 16, it must be 1 to 15");
    assert!(Decoder::new(DecoderConfig { rate: 192_001, channels: 2, format: AudioFormat::S16 }).is_err());
    assert!(Decoder::new(DecoderConfig { rate: 48_000, channels: 0, format: AudioFormat::S24 }).is_err());
    let mut encoder = Shape { rate: 48_000, channels: 2, format: AudioFormat::S16, layers: 12 }.encoder();
    for len in [0, 1, 2 * 768 - 2, 2 * 768 + 2] {
        assert!(encoder.encode(&vec![0; len], Rate::WholeLadder).is_err(), "{len}");
    }
    for (format, value) in [(AudioFormat::S16, 32_768), (AudioFormat::S24, -8_388_609)] {
        let mut encoder = Shape { rate: 48_000, channels: 1, format, layers: 12 }.encoder();
        let mut source = vec![0; 768];
        source[300] = value;
        let text = encoder.encode(&source, Rate::WholeLadder).unwrap_err().to_string();
        assert_eq!(text, format!("a sample is {value}, which {} bits cannot hold", format.bits()));
        assert!(encoder.finish(&source[..400], Rate::WholeLadder).is_err());
    }
    for len in [1, 2 * 768 - 1, 2 * 768 + 2] {
        assert!(encoder.finish(&vec![0; len], Rate::WholeLadder).is_err(), "{len}");
    }
}

#[test]
fn a_unit_of_another_shape_is_an_error_and_changes_nothing() {
    let stereo = Shape { rate: 48_000, channels: 2, format: AudioFormat::S16, layers: 12 };
    let units = stereo.encode(&tones(768 * 3, 2, 48_000), Rate::WholeLadder);
    let (mut mono, mut out) = (Shape { channels: 1, ..stereo }.decoder(), Vec::new());
    let (mut slow, _) = (Shape { rate: 8_000, ..stereo }.decoder(), ());
    for unit in &units[..3] {
        assert!(mono.decode(unit, 14, &mut out).is_err() && slow.decode(unit, 14, &mut out).is_err());
    }
    assert!(out.is_empty());
    assert!(unit_samples(&units[0], 1).is_err());
    assert_eq!(unit_samples(&units[0], 2).unwrap(), 768 - 192);
}
