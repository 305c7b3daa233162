//! Prints what each layer of a sound costs and gives, the size of the whole ladder beside the raw samples, what
//! bitrates give, and how fast it goes.
//!
//! `ffmpeg -i clip.mp4 -vn -ac 2 -c:a pcm_s16le clip.wav`
//! `cargo run --release -p fql-codec --example audio_table -- clip.wav`
//!
//! Takes a WAV file of 16-bit or 24-bit samples, or raw little-endian ones of 16 bits: `audio_table sound.raw RATE CHANNELS`; then, or
//! after a WAV file, the number of layers (12 where it is missing).

use std::error::Error;
use std::time::Instant;

use fql_codec::audio::{Decoder, DecoderConfig, Encoder, EncoderConfig, Rate};
use fql_unit::{AudioFormat, Unit};

struct Sound {
    rate: u32,
    channels: u8,
    format: AudioFormat,
    samples: Vec<i32>,
}

impl Sound {
    fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.channels) / f64::from(self.rate)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let file =
        arguments.first().ok_or("usage: audio_table FILE.wav [LAYERS] | FILE.raw RATE CHANNELS [LAYERS]")?;
    let bytes = std::fs::read(file)?;
    let (sound, next) = match wav(&bytes) {
        Some(sound) => (sound, 1),
        None => {
            let number = |i: usize| arguments.get(i).ok_or("raw samples need their rate and channels");
            let (rate, channels) = (number(1)?.parse()?, number(2)?.parse()?);
            (Sound { rate, channels, format: AudioFormat::S16, samples: samples(&bytes, 16) }, 3)
        }
    };
    let layers = arguments.get(next).map_or(Ok(12), |text| text.parse())?;
    println!(
        "{file}: {} Hz, {} channels, {} bits, {:.2} s",
        sound.rate,
        sound.channels,
        sound.format.bits(),
        sound.seconds()
    );
    print_ladder(&sound, layers)?;
    print_rates(&sound, layers)
}

fn print_ladder(sound: &Sound, layers: u8) -> Result<(), Box<dyn Error>> {
    let (units, encoding) = encode(sound, layers, Rate::WholeLadder)?;
    println!("\nlayer    bytes   kbit/s  SNR dB  exact");
    let mut total = 0;
    for layer in 0..layers {
        total +=
            units.iter().filter_map(|unit| unit.segment(layer, 0)).map(|s| s.data().len()).sum::<usize>();
        let (decoded, exact, _) = decode(sound, &units, layer)?;
        let kbits = total as f64 * 8.0 / sound.seconds() / 1000.0;
        let share = 100.0 * exact as f64 / units.len() as f64;
        println!("{layer:5} {total:8} {kbits:8.1} {:7.2}  {share:.0} %", snr(&sound.samples, &decoded));
    }
    let (decoded, _, decoding) = decode(sound, &units, layers)?;
    let raw = sound.format.bits() as usize / 8 * sound.samples.len();
    let params: usize = units.iter().map(|unit| unit.params().len()).sum();
    println!(
        "\nwhole ladder {total} bytes (and {params} of parameters), raw {raw}: {:.4}",
        total as f64 / raw as f64
    );
    println!("bit for bit: {}", decoded == sound.samples);
    println!("whole ladder: encoding {:.0} x real time, decoding {:.0} x", encoding, decoding);
    Ok(())
}

fn print_rates(sound: &Sound, layers: u8) -> Result<(), Box<dyn Error>> {
    println!("\nkbit/s asked   coded  SNR dB  encoding  decoding (x real time)");
    for kbits in [32, 64, 96, 128, 192, 256, 512] {
        let frame = frame_len(sound)?;
        let bytes = kbits * 1000 * frame / 8 / sound.rate as usize;
        let (units, encoding) = encode(sound, layers, Rate::Bytes(bytes))?;
        let (decoded, _, decoding) = decode(sound, &units, layers)?;
        let coded =
            units.iter().map(Unit::payload_len).sum::<usize>() as f64 * 8.0 / sound.seconds() / 1000.0;
        println!(
            "{kbits:12} {coded:7.1} {:7.2} {encoding:9.0} {decoding:9.0}",
            snr(&sound.samples, &decoded)
        );
    }
    Ok(())
}

fn frame_len(sound: &Sound) -> Result<usize, Box<dyn Error>> {
    Ok(decoder(sound)?.frame_len())
}

fn encode(sound: &Sound, layers: u8, rate: Rate) -> Result<(Vec<Unit>, f64), Box<dyn Error>> {
    let start = Instant::now();
    let mut encoder = encoder(sound, layers)?;
    let frames = sound.samples.chunks_exact(encoder.frame_len() * usize::from(sound.channels));
    let rest = frames.remainder();
    let mut units = frames.map(|frame| encoder.encode(frame, rate)).collect::<Result<Vec<_>, _>>()?;
    units.extend(encoder.finish(rest, rate)?);
    Ok((units, sound.seconds() / start.elapsed().as_secs_f64()))
}

fn decode(sound: &Sound, units: &[Unit], max_layer: u8) -> Result<(Vec<i32>, usize, f64), Box<dyn Error>> {
    let start = Instant::now();
    let mut decoder = decoder(sound)?;
    let (mut decoded, mut exact) = (Vec::new(), 0);
    for unit in units {
        exact += usize::from(decoder.decode(unit, max_layer, &mut decoded)?.exact);
    }
    Ok((decoded, exact, sound.seconds() / start.elapsed().as_secs_f64()))
}

fn snr(source: &[i32], decoded: &[i32]) -> f64 {
    let power = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
    let signal = power(&mut source.iter().map(|v| f64::from(*v)));
    let error = power(&mut source.iter().zip(decoded).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    10.0 * (signal / error).log10()
}

fn samples(bytes: &[u8], bits: u16) -> Vec<i32> {
    // The bytes at the top of 32 bits, so that the shift back brings the sign.
    let value = |b: &[u8]| {
        b.iter().rev().fold(0, |value, byte| value << 8 | i32::from(*byte)) << (32 - bits) >> (32 - bits)
    };
    bytes.chunks_exact(usize::from(bits / 8)).map(value).collect()
}

fn encoder(sound: &Sound, layers: u8) -> Result<Encoder, fql_codec::Error> {
    Encoder::new(EncoderConfig { rate: sound.rate, channels: sound.channels, format: sound.format, layers })
}

fn decoder(sound: &Sound) -> Result<Decoder, fql_codec::Error> {
    Decoder::new(DecoderConfig { rate: sound.rate, channels: sound.channels, format: sound.format })
}

/// The sound of a WAV file of 16-bit or 24-bit samples, `None` for anything else.
fn wav(bytes: &[u8]) -> Option<Sound> {
    let mut rest = bytes.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WAVE")?;
    let mut format = None;
    loop {
        let (head, body) = rest.split_at_checked(8)?;
        let len = u32::from_le_bytes(head[4..].try_into().ok()?) as usize;
        let data = &body[..len.min(body.len())];
        match &head[..4] {
            b"fmt " => {
                let field = |i: usize| Some(u16::from_le_bytes(data.get(i..i + 2)?.try_into().ok()?));
                let rate = u32::from_le_bytes(data.get(4..8)?.try_into().ok()?);
                format = Some((rate, field(2)? as u8, field(14)?));
            }
            b"data" => {
                let (rate, channels, bits) = format?;
                let format = match bits {
                    16 => AudioFormat::S16,
                    24 => AudioFormat::S24,
                    _ => return None,
                };
                return Some(Sound { rate, channels, format, samples: samples(data, bits) });
            }
            _ => {}
        }
        rest = body.get(len + len % 2..)?;
    }
}
