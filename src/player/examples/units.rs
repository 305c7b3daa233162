//! Encodes raw pictures into units for `bench/decode.mjs`, and says how long decoding them takes natively.
//!
//! `units WIDTH HEIGHT KBITS INTERVAL FILE < PICTURES`: pictures as planar 4:2:0 of 8 bits, 25 a second; KBITS a second, 0
//! for the whole ladder; frames from one key frame to the next, 1 where all are key frames. The file gets, for each unit,
//! its length as 32 bits, little-endian, and its bytes.

use std::error::Error;
use std::io::{Read, Write};
use std::time::Instant;

use fql_codec::video::{Encoder, EncoderConfig, Motion, Plane, RateControl, Request};
use fql_player::VideoDecoder;
use fql_unit::Chroma;

const USAGE: &str = "usage: units WIDTH HEIGHT KBITS INTERVAL FILE < PICTURES";
/// How long a picture is shown, in nanoseconds.
const DURATION: u64 = 40_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [width, height, kbits, interval, file] = &arguments[..] else { return Err(USAGE.into()) };
    let (width, height, interval): (usize, usize, u32) = (width.parse()?, height.parse()?, interval.parse()?);
    let size = (width as u32, height as u32);
    let motion = (interval > 1).then_some(Motion { reference_layer: None, references: 1 });
    let config = EncoderConfig {
        width: size.0,
        height: size.1,
        format: Chroma::Yuv420.into(),
        layers: 12,
        slices: 0,
        threads: 0,
        motion,
    };
    let mut encoder = Encoder::new(config)?;
    let mut control = RateControl::new(kbits.parse()?);
    control.set_key_interval(interval);
    let mut units: Vec<Vec<u8>> = Vec::new();
    let mut picture = vec![0; width * height + 2 * width.div_ceil(2) * height.div_ceil(2)];
    while std::io::stdin().read_exact(&mut picture).is_ok() {
        let key = (units.len() as u32).is_multiple_of(interval.max(1));
        let request = Request { rate: control.next(DURATION), key };
        units.push(encoder.encode(&planes(&picture, width, height), request)?.to_bytes());
        control.spent(encoder.coded());
    }
    if units.is_empty() {
        return Err(format!("no picture of {width} x {height} came").into());
    }
    let mut out = std::fs::File::create(file)?;
    for unit in &units {
        out.write_all(&u32::try_from(unit.len())?.to_le_bytes())?;
        out.write_all(unit)?;
    }
    report(size, units)
}

fn planes(picture: &[u8], width: usize, height: usize) -> [Plane<'_>; 3] {
    let (chroma_width, chroma_height) = (width.div_ceil(2), height.div_ceil(2));
    let (luma, chroma) = picture.split_at(width * height);
    let (blue, red) = chroma.split_at(chroma_width * chroma_height);
    [(luma, width), (blue, chroma_width), (red, chroma_width)]
        .map(|(data, stride)| Plane::bytes(data, stride))
}

/// Decodes all of them on one thread.
fn report((width, height): (u32, u32), units: Vec<Vec<u8>>) -> Result<(), Box<dyn Error>> {
    let mut decoder = VideoDecoder::new(width, height, Chroma::Yuv420)?;
    let (count, bytes) = (units.len(), units.iter().map(Vec::len).sum::<usize>());
    let mut layers = 0;
    let began = Instant::now();
    for unit in units {
        layers += usize::from(decoder.decode(&unit.into(), 14)?.layers);
    }
    let took = began.elapsed().as_secs_f64() * 1e3 / count as f64;
    println!(
        "native: {count} units of {} bytes and {:.1} layers, {took:.1} ms each",
        bytes / count,
        layers as f64 / count as f64
    );
    Ok(())
}
