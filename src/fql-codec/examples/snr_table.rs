//! Measures the video codec on a clip: what each layer costs and gives, and what a bitrate gives, how fast.
//!
//! ```sh
//! ffmpeg -i tests/media/bigbuckbunny.mp4 -frames:v 50 -pix_fmt yuv420p /tmp/clip.y4m
//! cargo run --release -p fql-codec --example snr_table -- /tmp/clip.y4m 6000 10000 17000 34000 69000
//! ```
//!
//! The first argument is a YUV4MPEG2 file of 8-bit 4:2:0, the others are bytes a frame. `THREADS` in the
//! environment sets the number of threads, 1 by default; `SLICES` that of slices, by size by default; `LADDER` how
//! many frames the table of layers takes, 5 by default, spread over the clip. SNR is signal power over error power
//! of luma, PSNR of luma beside it; both are
//! means over frames in dB.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use fql_codec::video::{Decoder, DecoderConfig, Encoder, EncoderConfig, Plane, PlaneMut, Rate};
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
    println!("{path}: {}x{}, {} frames", clip.width, clip.height, clip.frames.len());
    ladder(&clip, setting("LADDER", 5)?)?;
    let bytes: Vec<usize> = args.map(|arg| arg.parse()).collect::<Result<_, _>>()?;
    if !bytes.is_empty() {
        println!(
            "\n| allowed | bytes | SNR | PSNR | encode fps | decode fps |\n| --- | --- | --- | --- | --- | --- |"
        );
    }
    for bytes in bytes {
        let row = measure(&clip, &clip.frames, Rate::Bytes(bytes))?;
        println!(
            "| {bytes} | {:.0} | {:.2} | {:.2} | {:.1} | {:.1} |",
            row.bytes, row.snr, row.psnr, row.encode_fps, row.decode_fps
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
    let mut rows = vec![(0.0, 0.0, 0.0); 10];
    for frame in &chosen {
        let unit = encoder.encode(&clip.planes(frame), Rate::WholeLadder)?;
        for (layer, row) in rows.iter_mut().enumerate() {
            let mut out = vec![0; frame.len()];
            decoder.decode(&unit, layer as u8, &mut clip.planes_mut(&mut out))?;
            let (snr, psnr) = clip.quality(frame, &out);
            row.0 += layer_bytes(&unit, layer as u8) / frames as f64;
            row.1 += snr / frames as f64;
            row.2 += psnr / frames as f64;
        }
    }
    println!(
        "\n| layer | interval | bytes | with those below | SNR | PSNR |\n| --- | --- | --- | --- | --- | --- |"
    );
    let mut sum = 0.0;
    for (layer, (bytes, snr, psnr)) in rows.into_iter().enumerate() {
        sum += bytes;
        let interval = if layer < 9 { (512 >> layer).to_string() } else { "exact".into() };
        println!("| {layer} | {interval} | {bytes:.0} | {sum:.0} | {snr:.2} | {psnr:.2} |");
    }
    let whole = measure(clip, &chosen, Rate::WholeLadder)?;
    println!("\nwhole ladder: encode {:.1} fps, decode {:.1} fps", whole.encode_fps, whole.decode_fps);
    Ok(())
}

fn layer_bytes(unit: &Unit, layer: u8) -> f64 {
    unit.segments().filter(|(l, ..)| *l == layer).map(|(.., segment)| segment.data().len() as f64).sum()
}

struct Row {
    bytes: f64,
    snr: f64,
    psnr: f64,
    encode_fps: f64,
    decode_fps: f64,
}

fn measure(clip: &Clip, frames: &[Vec<u8>], rate: Rate) -> Result<Row, Failure> {
    let (mut encoder, mut decoder) = clip.codec()?;
    let (mut encoding, mut decoding) = (Duration::ZERO, Duration::ZERO);
    let mut row = Row { bytes: 0.0, snr: 0.0, psnr: 0.0, encode_fps: 0.0, decode_fps: 0.0 };
    let count = frames.len() as f64;
    let mut out = vec![0; frames[0].len()];
    for frame in frames {
        let start = Instant::now();
        let unit = encoder.encode(&clip.planes(frame), rate)?;
        encoding += start.elapsed();
        let start = Instant::now();
        decoder.decode(&unit, 14, &mut clip.planes_mut(&mut out))?;
        decoding += start.elapsed();
        let (snr, psnr) = clip.quality(frame, &out);
        row.bytes += unit.payload_len() as f64 / count;
        row.snr += snr / count;
        row.psnr += psnr / count;
    }
    row.encode_fps = count / encoding.as_secs_f64();
    row.decode_fps = count / decoding.as_secs_f64();
    Ok(row)
}

/// A clip of 8-bit 4:2:0.
struct Clip {
    width: usize,
    height: usize,
    frames: Vec<Vec<u8>>,
}

impl Clip {
    fn read(data: &[u8]) -> Result<Self, Failure> {
        let end = data.iter().position(|&b| b == b'\n').ok_or("no header")?;
        let header = std::str::from_utf8(&data[..end])?;
        let mut fields = header.split(' ');
        if fields.next() != Some("YUV4MPEG2") {
            return Err("not a YUV4MPEG2 file".into());
        }
        let (mut width, mut height) = (0usize, 0usize);
        for field in fields {
            match field.split_at(1.min(field.len())) {
                ("W", value) => width = value.parse()?,
                ("H", value) => height = value.parse()?,
                ("C", value) if !["420", "420jpeg", "420mpeg2", "420paldv"].contains(&value) => {
                    return Err(format!("{value} is not 8-bit 4:2:0").into());
                }
                _ => {}
            }
        }
        let size = width * height + 2 * width.div_ceil(2) * height.div_ceil(2);
        let mut frames = Vec::new();
        let mut rest = &data[end + 1..];
        while let Some(line) = rest.iter().position(|&b| b == b'\n') {
            let Some(frame) = rest.get(line + 1..line + 1 + size) else { break };
            frames.push(frame.to_vec());
            rest = &rest[line + 1 + size..];
        }
        if frames.is_empty() { Err("no frame".into()) } else { Ok(Self { width, height, frames }) }
    }

    fn codec(&self) -> Result<(Encoder, Decoder), Failure> {
        let (width, height) = (self.width as u32, self.height as u32);
        let (chroma, threads) = (Chroma::Yuv420, setting("THREADS", 1)?);
        let slices = setting("SLICES", 0)? as u8;
        let encoder = Encoder::new(EncoderConfig { width, height, chroma, layers: 12, slices, threads })?;
        Ok((encoder, Decoder::new(DecoderConfig { width, height, chroma, threads })?))
    }

    fn sizes(&self) -> [(usize, usize); 3] {
        let chroma = (self.width.div_ceil(2), self.height.div_ceil(2));
        [(self.width, self.height), chroma, chroma]
    }

    fn planes<'a>(&self, frame: &'a [u8]) -> Vec<Plane<'a>> {
        let mut rest = frame;
        let plane = |(width, height)| {
            let (data, tail) = rest.split_at(width * height);
            rest = tail;
            Plane { data, stride: width }
        };
        self.sizes().map(plane).into()
    }

    fn planes_mut<'a>(&self, frame: &'a mut [u8]) -> Vec<PlaneMut<'a>> {
        let mut rest = frame;
        let plane = |(width, height)| {
            let (data, tail) = std::mem::take(&mut rest).split_at_mut(width * height);
            rest = tail;
            PlaneMut { data, stride: width }
        };
        self.sizes().map(plane).into()
    }

    /// SNR and PSNR of luma in dB; 99 where nothing differs.
    fn quality(&self, source: &[u8], decoded: &[u8]) -> (f64, f64) {
        let luma = self.width * self.height;
        let (mut signal, mut error) = (0.0, 0.0);
        for (&a, &b) in source[..luma].iter().zip(decoded) {
            signal += f64::from(a).powi(2);
            error += (f64::from(a) - f64::from(b)).powi(2);
        }
        if error == 0.0 {
            return (99.0, 99.0);
        }
        (10.0 * (signal / error).log10(), 10.0 * (255.0f64.powi(2) * luma as f64 / error).log10())
    }
}
