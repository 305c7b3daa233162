//! `Rate::Bytes` is met from below, and spent.

mod sounds;

use fql_codec::audio::{Rate, RateControl};
use fql_unit::{AudioFormat, Unit};
use sounds::{Shape, clip, noise, snr};

const STEREO: Shape = Shape { rate: 48_000, channels: 2, format: AudioFormat::S16, layers: 12 };
const FRAME: usize = 768;

#[test]
fn the_rate_is_never_exceeded_and_mostly_spent() {
    let source = clip(48_000, 2);
    let mut last = 0.0;
    for kbits in [64, 128, 256] {
        let budget = kbits * 1000 * FRAME / 8 / 48_000;
        let units = STEREO.encode(&source, Rate::Bytes(budget));
        assert!(units.iter().all(|unit| unit.payload_len() <= budget && unit.is_complete()));
        let spent = units.iter().map(Unit::payload_len).sum::<usize>() as f64 / (units.len() * budget) as f64;
        let db = snr(&source, &STEREO.decode(&units, 14).0);
        println!("{kbits} kbit/s: {:.1} % spent, {db:.2} dB", 100.0 * spent);
        // The clip begins quietly enough to be exact below 256 kbit/s.
        assert!(spent > if kbits < 256 { 0.96 } else { 0.88 }, "{kbits} kbit/s: {spent}");
        assert!(db > last + 6.0);
        last = db;
    }
}

#[test]
fn every_number_of_bytes_is_respected() {
    let source = noise(2 * FRAME, 4);
    for bytes in (0..50).chain((50..4_000).step_by(61)) {
        let mut encoder = STEREO.encoder();
        let unit = encoder.encode(&source, Rate::Bytes(bytes)).unwrap();
        assert!(unit.payload_len() <= bytes, "{} for {bytes}", unit.payload_len());
        let mut decoded = Vec::new();
        let sound = STEREO.decoder().decode(&unit, 14, &mut decoded).unwrap();
        assert_eq!(decoded.len(), 2 * sound.samples);
    }
}

#[test]
fn more_bytes_than_needed_give_exactness() {
    let source = clip(48_000, 2);
    let units = STEREO.encode(&source, Rate::Bytes(10_000));
    assert_eq!(units, STEREO.encode(&source, Rate::WholeLadder));
}

#[test]
fn silence_stays_silent_at_any_rate() {
    for bytes in [0, 1, 100] {
        let units = STEREO.encode(&[0; 20_000], Rate::Bytes(bytes));
        let (decoded, sounds) = STEREO.decode(&units, 14);
        assert!(
            decoded.iter().all(|s| *s == 0) && sounds.iter().all(|sound| sound.exact && !sound.concealed)
        );
    }
}

#[test]
fn a_bitrate_is_met_over_a_clip_but_for_what_the_bucket_holds() {
    let source = clip(48_000, 2);
    let seconds = source.len() as f64 / 96_000.0;
    for kbits in [64, 96, 128] {
        let (mut encoder, mut control) = (STEREO.encoder(), RateControl::new(kbits));
        let (mut bytes, mut decoder, mut decoded) = (0, STEREO.decoder(), Vec::new());
        let frames = source.chunks_exact(2 * FRAME);
        let rest = frames.remainder();
        let mut units = Vec::new();
        for frame in frames {
            let unit = encoder.encode(frame, control.next(16_000_000)).unwrap();
            control.spent(unit.params().len() + unit.payload_len());
            units.push(unit);
        }
        units.extend(encoder.finish(rest, control.next(16_000_000)).unwrap());
        for unit in &units {
            bytes += unit.params().len() + unit.payload_len();
            decoder.decode(unit, 14, &mut decoded).unwrap();
        }
        let measured = bytes as f64 * 8.0 / seconds / 1000.0;
        println!("{kbits} kbit/s: {measured:.2}, {:.2} dB", snr(&source, &decoded));
        let most = 1.0 + 0.2 / seconds;
        assert!((0.98..most).contains(&(measured / f64::from(kbits))), "{kbits} kbit/s: {measured}");
    }
}

#[test]
fn any_stretch_of_a_clip_keeps_to_the_bitrate_and_200_ms() {
    let source = clip(48_000, 2);
    let (mut encoder, mut control) = (STEREO.encoder(), RateControl::new(96));
    let mut sizes = Vec::new();
    for frame in source.chunks_exact(2 * FRAME) {
        let unit = encoder.encode(frame, control.next(16_000_000)).unwrap();
        sizes.push(unit.payload_len());
        control.spent(unit.payload_len());
    }
    for length in [1, 12, 100] {
        let most = sizes.windows(length).map(|frames| frames.iter().sum::<usize>()).max().unwrap();
        assert!(most <= length * 192 + 2_400, "{most} bytes in {length} frames");
    }
}
