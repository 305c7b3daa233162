//! Measures the video codec on a clip: what each layer costs and gives, and what a bitrate gives, how fast.
//!
//! ```sh
//! ffmpeg -i tests/media/bigbuckbunny.mp4 -frames:v 50 -pix_fmt yuv420p /tmp/clip.y4m
//! cargo run --release -p fql-codec --example snr_table -- /tmp/clip.y4m 6000 10000 17000 34000 69000
//! ```
//!
//! The first argument is a YUV4MPEG2 file of 8, 10 or 12 bits, grey, 4:2:0, 4:2:2 or 4:4:4 (with `RGB` in the
//! environment the planes of 4:4:4 hold green, blue and red), the others are bytes a frame. `THREADS` in the
//! environment sets the number of threads, 1 by default; `SLICES` that of slices, by size by default; `LADDER` how
//! many frames the table of layers takes, 5 by default, spread over the clip. SNR is signal power over error power
//! of luma, PSNR of luma beside it, and that of all other planes together; all are means over frames in dB.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use fql_codec::video::{
    Decoder, DecoderConfig, Encoder, EncoderConfig, Format, PictureMut, Plane, PlaneLayout, Rate, Word,
};
use fql_unit::{Chroma, Unit};

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("snr_table: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("usage: snr_table clip.y4m [bytes a frame]...")?;
    let clip = Clip::read(&std::fs::read(&path).map_err(|error| format!("{path}: {error}"))?)?;
    println!("{path}: {}x{}, {} frames, {:?}", clip.width, clip.height, clip.frames.len(), clip.format);
    ladder(&clip, setting("LADDER", 5)?)?;
    let bytes: Vec<usize> = args.map(|arg| arg.parse()).collect::<Result<_, _>>()?;
    if !bytes.is_empty() {
        println!(
            "\n| allowed | bytes | SNR | PSNR | others | encode fps | decode fps |\n| --- | --- | --- | --- | --- | --- | --- |"
        );
    }
    for bytes in bytes {
        let row = measure(&clip, &clip.frames, Rate::Bytes(bytes))?;
        println!(
            "| {bytes} | {:.0} | {} | {:.1} | {:.1} |",
            row.bytes, row.quality, row.encode_fps, row.decode_fps
        );
    }
    Ok(())
}

fn setting(name: &str, default: usize) -> Result<usize, Failure> {
    Ok(std::env::var(name).ok().map(|value| value.parse()).transpose()?.unwrap_or(default))
}

/// What each layer of the whole ladder costs and gives.
fn ladder(clip: &Clip, frames: usize) -> Result<(), Failure> {
    let frames = frames.clamp(1, clip.frames.len());
    let chosen: Vec<Vec<u8>> =
        (0..frames).map(|i| clip.frames[i * clip.frames.len() / frames].clone()).collect();
    let (mut encoder, mut decoder) = clip.codec()?;
    let mut rows = vec![(0.0, Quality::default()); usize::from(clip.format.exact_layer()) + 1];
    for frame in &chosen {
        let unit = encoder.encode(&clip.planes(frame), Rate::WholeLadder)?;
        for (layer, row) in rows.iter_mut().enumerate() {
            let mut out = vec![0; frame.len()];
            clip.decode(&mut decoder, &unit, layer as u8, &mut out)?;
            row.0 += layer_bytes(&unit, layer as u8) / frames as f64;
            row.1.add(&clip.quality(frame, &out), frames as f64);
        }
    }
    println!(
        "\n| layer | interval | bytes | with those below | SNR | PSNR | others |\n| --- | --- | --- | --- | --- | --- | --- |"
    );
    let mut sum = 0.0;
    for (layer, (bytes, quality)) in rows.into_iter().enumerate() {
        sum += bytes;
        let first = 2 << clip.format.bits;
        let interval =
            if layer <= clip.format.bits.into() { (first >> layer).to_string() } else { "exact".into() };
        println!("| {layer} | {interval} | {bytes:.0} | {sum:.0} | {quality} |");
    }
    let whole = measure(clip, &chosen, Rate::WholeLadder)?;
    println!("\nwhole ladder: encode {:.1} fps, decode {:.1} fps", whole.encode_fps, whole.decode_fps);
    Ok(())
}

fn layer_bytes(unit: &Unit, layer: u8) -> f64 {
    unit.segments().filter(|(l, ..)| *l == layer).map(|(.., segment)| segment.data().len() as f64).sum()
}

/// What a picture is worth, in dB.
#[derive(Clone, Default)]
struct Quality {
    snr: f64,
    psnr: f64,
    others: f64,
}

impl Quality {
    /// Adds the share of one frame of `count`.
    fn add(&mut self, frame: &Self, count: f64) {
        self.snr += frame.snr / count;
        self.psnr += frame.psnr / count;
        self.others += frame.others / count;
    }
}

impl std::fmt::Display for Quality {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{:.2} | {:.2} | {:.2}", self.snr, self.psnr, self.others)
    }
}

#[derive(Default)]
struct Row {
    bytes: f64,
    quality: Quality,
    encode_fps: f64,
    decode_fps: f64,
}

fn measure(clip: &Clip, frames: &[Vec<u8>], rate: Rate) -> Result<Row, Failure> {
    let (mut encoder, mut decoder) = clip.codec()?;
    let (mut encoding, mut decoding) = (Duration::ZERO, Duration::ZERO);
    let mut row = Row::default();
    let count = frames.len() as f64;
    let mut out = vec![0; frames[0].len()];
    for frame in frames {
        let start = Instant::now();
        let unit = encoder.encode(&clip.planes(frame), rate)?;
        encoding += start.elapsed();
        let start = Instant::now();
        let exact = clip.decode(&mut decoder, &unit, 14, &mut out)?;
        decoding += start.elapsed();
        assert!(!exact || out == *frame, "the exact layer is exact");
        row.bytes += unit.payload_len() as f64 / count;
        row.quality.add(&clip.quality(frame, &out), count);
    }
    row.encode_fps = count / encoding.as_secs_f64();
    row.decode_fps = count / decoding.as_secs_f64();
    Ok(row)
}

/// A clip, planes one after the other; samples of more than 8 bits in two bytes.
struct Clip {
    width: usize,
    height: usize,
    format: Format,
    frames: Vec<Vec<u8>>,
}

/// The format that a YUV4MPEG2 file calls so.
fn format(name: &str) -> Option<Format> {
    let (kind, bits) = match name.strip_prefix("mono") {
        Some(bits) => (Chroma::Grey, bits),
        None => match name.split_at_checked(3)? {
            ("420", "jpeg" | "mpeg2" | "paldv" | "") => (Chroma::Yuv420, ""),
            ("420", bits) => (Chroma::Yuv420, bits.strip_prefix('p')?),
            ("422", bits) => (Chroma::Yuv422, bits.strip_prefix('p').unwrap_or(bits)),
            ("444", bits) => (Chroma::Yuv444, bits.strip_prefix('p').unwrap_or(bits)),
            _ => return None,
        },
    };
    let bits = if bits.is_empty() { 8 } else { bits.parse().ok()? };
    let rgb = kind == Chroma::Yuv444 && std::env::var_os("RGB").is_some();
    let chroma = if rgb { Chroma::Rgb } else { kind };
    [8, 10, 12].contains(&bits).then_some(Format { chroma, alpha: false, bits })
}

impl Clip {
    fn read(data: &[u8]) -> Result<Self, Failure> {
        let end = data.iter().position(|&b| b == b'\n').ok_or("no header")?;
        let header = std::str::from_utf8(&data[..end])?;
        let mut fields = header.split(' ');
        if fields.next() != Some("YUV4MPEG2") {
            return Err("not a YUV4MPEG2 file".into());
        }
        let (mut width, mut height, mut known) = (0usize, 0usize, Format::new(Chroma::Yuv420));
        for field in fields {
            match field.split_at(1.min(field.len())) {
                ("W", value) => width = value.parse()?,
                ("H", value) => height = value.parse()?,
                ("C", value) => known = format(value).ok_or_else(|| format!("{value} is not known"))?,
                _ => {}
            }
        }
        let mut clip = Self { width, height, format: known, frames: Vec::new() };
        let size: usize =
            clip.sizes().map(|(width, height)| width * height).sum::<usize>() * clip.word_bytes();
        let mut rest = &data[end + 1..];
        while let Some(line) = rest.iter().position(|&b| b == b'\n') {
            let Some(frame) = rest.get(line + 1..line + 1 + size) else { break };
            clip.frames.push(frame.to_vec());
            rest = &rest[line + 1 + size..];
        }
        if clip.frames.is_empty() { Err("no frame".into()) } else { Ok(clip) }
    }

    fn codec(&self) -> Result<(Encoder, Decoder), Failure> {
        let (width, height) = (self.width as u32, self.height as u32);
        let (format, threads) = (self.format, setting("THREADS", 1)?);
        let (slices, layers) = (setting("SLICES", 0)? as u8, 15);
        let encoder =
            Encoder::new(EncoderConfig { width, height, format, layers, slices, threads, motion: None })?;
        Ok((encoder, Decoder::new(DecoderConfig { width, height, format, threads })?))
    }

    fn sizes(&self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.format.planes()).map(|plane| self.format.plane_size(plane, self.width, self.height))
    }

    fn word_bytes(&self) -> usize {
        if self.format.bits > 8 { 2 } else { 1 }
    }

    fn layouts(&self) -> Vec<PlaneLayout> {
        let step = self.word_bytes();
        let word = if step == 1 { Word::U8 } else { Word::U16 { shift: 0 } };
        let mut next = 0;
        let plane = |(width, height)| {
            let offset = next;
            next += width * height * step;
            PlaneLayout { buffer: 0, offset, stride: width * step, step, word }
        };
        self.sizes().map(plane).collect()
    }

    fn planes<'a>(&self, frame: &'a [u8]) -> Vec<Plane<'a>> {
        self.layouts().iter().map(|layout| layout.of(&[frame])).collect()
    }

    /// Whether the picture is exact.
    fn decode(&self, decoder: &mut Decoder, unit: &Unit, layer: u8, out: &mut [u8]) -> Result<bool, Failure> {
        let (planes, buffers) = (&self.layouts()[..], &mut [out]);
        Ok(decoder.decode(unit, layer, &mut PictureMut { buffers, planes })?.exact)
    }

    /// Those of the first plane, and the PSNR of the others; 99 where nothing differs.
    fn quality(&self, source: &[u8], decoded: &[u8]) -> Quality {
        let first = self.width * self.height * self.word_bytes();
        let (luma, others) = (self.powers(source, decoded, ..first), self.powers(source, decoded, first..));
        let decibel = |signal: f64, error: f64| {
            if error == 0.0 { 99.0 } else { 10.0 * (signal / error).log10() }
        };
        let peak = f64::from((1u32 << self.format.bits) - 1).powi(2);
        Quality { snr: decibel(luma.0, luma.1), psnr: decibel(peak, luma.1), others: decibel(peak, others.1) }
    }

    /// Mean power of the signal and of the error, of a part of a frame.
    fn powers(
        &self,
        source: &[u8],
        decoded: &[u8],
        part: impl std::slice::SliceIndex<[u8], Output = [u8]> + Clone,
    ) -> (f64, f64) {
        let bytes = self.word_bytes();
        let value =
            |sample: &[u8]| sample.iter().rev().fold(0.0, |high, &byte| high * 256.0 + f64::from(byte));
        let (source, decoded) = (source[part.clone()].chunks(bytes), decoded[part].chunks(bytes));
        let count = source.len().max(1) as f64;
        source.zip(decoded).fold((0.0, 0.0), |(signal, error), (a, b)| {
            let (a, b) = (value(a), value(b));
            (signal + a * a / count, error + (a - b) * (a - b) / count)
        })
    }
}
