use fql_codec::audio::{Encoder, EncoderConfig, Rate};
use fql_unit::{AudioFormat, Unit};

use crate::input::Output;

/// Units of short sounds: loud, quiet, with a click, of several rates, formats and layouts, with a gap in the middle.
pub fn units() -> Vec<Vec<u8>> {
    vec![
        of(0, 0, 1, 12, tone),
        of(0, 1, 2, 15, tone),
        of(3, 0, 2, 6, click),
        of(1, 0, 6, 10, quiet),
        of(0, 1, 8, 3, |_| 0),
    ]
}

fn tone(i: usize) -> i32 {
    ((i * i % 97) as i32 - 48) * 200
}

fn click(i: usize) -> i32 {
    if i % 700 == 350 { 20_000 } else { 0 }
}

fn quiet(i: usize) -> i32 {
    (i % 3) as i32 - 1
}

/// The numbers of rate and format are those of the target.
fn of(rate: u8, format: u8, channels: u8, layers: u8, sample: fn(usize) -> i32) -> Vec<u8> {
    let hertz = [8_000, 11_025, 44_100, 48_000][usize::from(rate)];
    let depth = [AudioFormat::S16, AudioFormat::S24][usize::from(format)];
    let config = EncoderConfig { rate: hertz, channels, format: depth, layers };
    let mut encoder = Encoder::new(config).expect("the configuration is valid");
    let frame = encoder.frame_len() * usize::from(channels);
    let sound: Vec<i32> = (0..frame * 3 / 2).map(sample).collect();
    // Of a few hundred bytes each: fuzzing is quicker with small ones.
    let rate_of_frame = Rate::Bytes(400);
    let first = encoder.encode(&sound[..frame], rate_of_frame).expect("it is a frame");
    let rest = encoder.finish(&sound[frame..], rate_of_frame).expect("it is less than a frame");
    let out = Output::default().u8(rate).u8(format).u8(channels - 1);
    let out = rest.iter().fold(put(out, &first), |out, unit| put(out.u8(2).u8(0).u16(100), unit));
    out.0
}

fn put(out: Output, unit: &Unit) -> Output {
    out.u8(0).u8(14).bytes(&unit.to_bytes())
}
