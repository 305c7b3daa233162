//! With 10 layers or more, what comes out is what went in.

mod sounds;

use fql_codec::audio::{Rate, unit_samples};
use fql_unit::AudioFormat;
use sounds::{Shape, clip, finer, flac_bytes, noise, piece, square, tones};

fn assert_exact(shape: Shape, source: &[i32], what: &str) -> usize {
    let units = shape.encode(source, Rate::WholeLadder);
    let (decoded, sounds) = shape.decode(&units, shape.layers - 1);
    assert!(decoded == source, "{what} differs, {shape:?}, {} samples", source.len());
    assert!(sounds.iter().all(|sound| sound.exact), "{what} is not called exact, {shape:?}");
    let told: usize = units.iter().map(|unit| unit_samples(unit, shape.channels).unwrap()).sum();
    assert_eq!(told * usize::from(shape.channels), source.len());
    units.iter().map(fql_unit::Unit::payload_len).sum()
}

#[test]
fn every_sound_returns_bit_for_bit_at_every_rate_and_number_of_channels() {
    for rate in [8_000, 11_025, 44_100, 48_000, 96_000, 192_000] {
        for channels in 1..=8u8 {
            for layers in [10, 12, 15] {
                let shape = Shape { rate, channels, format: AudioFormat::S16, layers };
                let n = usize::from(channels);
                let len = shape.encoder().frame_len() * 5 / 2;
                for (source, what) in [
                    (noise(len * n, 1), "noise"),
                    (square(len, n, 50), "a square wave"),
                    (tones(len, n, rate), "tones"),
                ] {
                    assert_exact(shape, &source, what);
                    assert_exact(Shape { format: AudioFormat::S24, ..shape }, &finer(&source), what);
                }
            }
        }
    }
}

#[test]
fn every_length_returns_exactly() {
    for channels in [1u8, 2, 3] {
        let shape = Shape { rate: 8_000, channels, format: AudioFormat::S16, layers: 12 };
        let frame = shape.encoder().frame_len();
        for len in 0..3 * frame {
            assert_exact(shape, &tones(len, channels.into(), 8_000), "tones");
        }
    }
}

#[test]
fn silence_costs_nothing_but_parameters() {
    let shape = Shape { rate: 48_000, channels: 2, format: AudioFormat::S16, layers: 12 };
    assert_eq!(assert_exact(shape, &vec![0; 96_000], "silence"), 0);
}

#[test]
fn a_sound_that_stops_at_once_returns_exactly_and_is_silent_afterwards() {
    let shape = Shape { rate: 48_000, channels: 2, format: AudioFormat::S16, layers: 12 };
    let mut source = noise(2 * 3_333, 5);
    source.resize(2 * 20_000, 0);
    assert_exact(shape, &source, "an end");
    let units = shape.encode(&source, Rate::WholeLadder);
    assert!(units[6..].iter().all(|unit| unit.payload_len() == 0));
}

#[test]
fn single_samples_in_silence_return_exactly() {
    let shape = Shape { rate: 44_100, channels: 1, format: AudioFormat::S16, layers: 10 };
    for (format, values) in [
        (AudioFormat::S16, [1, -1, 2, 3, 1_000, 32_767, -32_768]),
        (AudioFormat::S24, [1, -1, 2, 5, 1_000, 8_388_607, -8_388_608]),
    ] {
        for value in values {
            for at in [0, 1, 159, 160, 639, 640, 1_000, 1_999] {
                let mut source = vec![0; 2_000];
                source[at] = value;
                assert_exact(Shape { format, ..shape }, &source, "a click");
            }
        }
    }
}

#[test]
fn a_real_clip_returns_exactly_and_is_no_larger_than_it_was() {
    // FLAC at level 5 makes 245,864 bytes of the stereo sound and 601,307 of the one with six channels.
    for (channels, flac) in [(2, 245_864), (6, 601_307)] {
        let source = clip(48_000, channels);
        let bytes = assert_exact(
            Shape { rate: 48_000, channels, format: AudioFormat::S16, layers: 12 },
            &source,
            "the clip",
        );
        println!("{channels} channels: {bytes} bytes, {:.3} of FLAC", bytes as f64 / f64::from(flac));
        assert!(bytes < flac as usize);
    }
    assert_exact(
        Shape { rate: 44_100, channels: 2, format: AudioFormat::S16, layers: 15 },
        &clip(44_100, 2),
        "the clip",
    );
    assert_exact(
        Shape { rate: 8_000, channels: 1, format: AudioFormat::S16, layers: 10 },
        &clip(8_000, 1),
        "the clip",
    );
}

#[test]
fn exact_sound_is_within_8_percent_of_flac() {
    let (film, strings) = (clip(48_000, 2), piece(3));
    let coarse: Vec<i32> = strings.iter().map(|sample| sample >> 8).collect();
    for (what, source, format) in [
        ("the clip", film.clone(), AudioFormat::S16),
        ("the clip with noise below 16 bits", finer(&film), AudioFormat::S24),
        ("strings in a room", coarse, AudioFormat::S16),
        ("strings in a room", strings, AudioFormat::S24),
    ] {
        let bytes = assert_exact(Shape { rate: 48_000, channels: 2, format, layers: 12 }, &source, what);
        let flac = flac_bytes(&source, 2, format.bits());
        let ratio = bytes as f64 / flac as f64;
        println!("{what}, {} bits: {bytes} bytes, FLAC {flac}: {ratio:.3}", format.bits());
        assert!(ratio < 1.08, "{what}, {} bits", format.bits());
    }
}

#[test]
fn the_first_frame_may_be_encoded_again_after_the_end() {
    let shape = Shape { rate: 48_000, channels: 1, format: AudioFormat::S16, layers: 12 };
    let source = tones(1_000, 1, 48_000);
    let mut encoder = shape.encoder();
    let (mut decoder, mut decoded) = (shape.decoder(), Vec::new());
    for _ in 0..3 {
        let mut units = vec![encoder.encode(&source[..768], Rate::WholeLadder).unwrap()];
        units.extend(encoder.finish(&source[768..], Rate::WholeLadder).unwrap());
        for unit in &units {
            assert!(decoder.decode(unit, 14, &mut decoded).unwrap().exact);
        }
    }
    assert_eq!(decoded, source.repeat(3));
}

#[test]
fn exactness_returns_when_the_rate_allows_it_again() {
    let shape = Shape { rate: 48_000, channels: 2, format: AudioFormat::S16, layers: 12 };
    let source = clip(48_000, 2);
    let mut encoder = shape.encoder();
    let (mut decoder, mut decoded) = (shape.decoder(), Vec::new());
    for (i, frame) in source.chunks_exact(2 * 768).take(90).enumerate() {
        let rate = if i % 3 == 0 { Rate::Bytes(150) } else { Rate::WholeLadder };
        let unit = encoder.encode(frame, rate).unwrap();
        let start = decoded.len();
        let sound = decoder.decode(&unit, 14, &mut decoded).unwrap();
        assert_eq!(sound.exact, decoded[start..] == source[start..decoded.len()], "unit {i}");
        assert!(i % 3 == 0 || sound.exact, "unit {i}");
    }
}
