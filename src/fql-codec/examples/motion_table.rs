//! Measures predicted frames on a raw clip: kbit/s and PSNR at some intervals, with the decoder beside the encoder.
//!
//! ```sh
//! ffmpeg -i tests/media/bigbuckbunny.mp4 -frames:v 50 -pix_fmt yuv420p /tmp/clip.yuv
//! cargo run --release -p fql-codec --example motion_table -- /tmp/clip.yuv 1280 720 25 2000 4000 8000
//! ```
//!
//! Arguments: a file of I420 pictures of 8 bits, width, height, frames a second, and the intervals of predicted
//! frames in 1/256 of a sample's unit (`r` before one: kbit/s instead). In the environment: `KEY`, frames from one
//! key frame to the next (50); `SLICES` (4); `THREADS` (1); `FRAMES`, at most so many (50); `EACH`, to print each
//! frame. Bytes are those of all segments; PSNR is the mean over the frames, and that of the mean error.

use std::time::{Duration, Instant};

use fql_codec::video::{
    Decoder, DecoderConfig, Encoder, EncoderConfig, Format, Motion, PictureMut, Plane, PlaneLayout, Rate,
    RateControl, Reference, Request,
};
use fql_unit::Chroma;

type Failure = Box<dyn std::error::Error>;

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().ok_or("usage: motion_table clip.yuv width height fps interval...");
    let (path, width, height, fps): (String, usize, usize, f64) =
        (next()?, next()?.parse()?, next()?.parse()?, next()?.parse()?);
    let data = std::fs::read(&path).map_err(|error| format!("{path}: {error}"))?;
    let clip = Clip { width, height, fps };
    let frames: Vec<&[u8]> = data.chunks_exact(clip.len()).take(setting("FRAMES", 50)).collect();
    println!("{path}: {width}x{height}, {} frames", frames.len());
    println!("| asked | kbit/s | mean PSNR | PSNR of the mean | chroma | encode fps | decode fps |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for asked in args {
        println!("| {asked} | {} |", clip.measure(&frames, &asked)?);
    }
    Ok(())
}

struct Clip {
    width: usize,
    height: usize,
    fps: f64,
}

impl Clip {
    fn chroma(&self) -> (usize, usize) {
        (self.width.div_ceil(2), self.height.div_ceil(2))
    }

    fn len(&self) -> usize {
        self.width * self.height + 2 * self.chroma().0 * self.chroma().1
    }

    fn layouts(&self) -> [PlaneLayout; 3] {
        let plane = |offset, stride| PlaneLayout { offset, ..PlaneLayout::bytes(0, stride) };
        let (luma, (width, height)) = (self.width * self.height, self.chroma());
        [plane(0, self.width), plane(luma, width), plane(luma + width * height, width)]
    }

    fn measure(&self, frames: &[&[u8]], asked: &str) -> Result<String, Failure> {
        let (width, height, threads) = (self.width as u32, self.height as u32, setting("THREADS", 1));
        let format = Format::new(Chroma::Yuv420);
        let motion = Some(Motion { reference_layer: None, references: 1 });
        let (layers, slices) = (12, setting("SLICES", 4) as u8);
        let mut encoder =
            Encoder::new(EncoderConfig { width, height, format, layers, slices, threads, motion })?;
        let mut decoder = Decoder::new(DecoderConfig { width, height, format, threads })?;
        let mut control = asked.strip_prefix('r').map(str::parse).transpose()?.map(RateControl::new);
        if let Some(control) = &mut control {
            control.set_key_interval(setting("KEY", 50) as u32);
        }
        let interval = if control.is_none() { Rate::Interval(asked.parse()?) } else { Rate::WholeLadder };
        let (mut bytes, mut sum, mut errors, mut others) = (0, 0.0, 0.0, 0.0);
        let (mut encoding, mut decoding) = (Duration::ZERO, Duration::ZERO);
        let mut out = vec![0; self.len()];
        let count = frames.len() as f64;
        for (number, frame) in frames.iter().enumerate() {
            let planes: Vec<Plane> = self.layouts().iter().map(|layout| layout.of(&[frame])).collect();
            let rate = control.as_mut().map_or(interval, |control| control.next((1e9 / self.fps) as u64));
            let start = Instant::now();
            let unit = encoder.encode(&planes, Request { rate, key: number % setting("KEY", 50) == 0 })?;
            encoding += start.elapsed();
            let start = Instant::now();
            let mut target = PictureMut { buffers: &mut [&mut out], planes: &self.layouts() };
            let picture = decoder.decode(&unit, 14, &mut target)?;
            decoding += start.elapsed();
            assert!(matches!(picture.reference, Reference::None | Reference::Whole));
            if let Some(control) = &mut control {
                control.spent(encoder.coded());
            }
            bytes += unit.payload_len();
            let luma = self.width * self.height;
            let error = mean_error(&frame[..luma], &out[..luma]);
            others += mean_error(&frame[luma..], &out[luma..]) / count;
            sum += decibel(error) / count;
            errors += error / count;
            if std::env::var_os("EACH").is_some() {
                println!(
                    "{number} key {} {} bytes {:.2} dB",
                    picture.key,
                    unit.payload_len(),
                    decibel(error)
                );
            }
        }
        let kbits = bytes as f64 * 8.0 / 1000.0 * self.fps / count;
        let speed = |time: Duration| count / time.as_secs_f64();
        Ok(format!(
            "{kbits:.0} | {sum:.2} | {:.2} | {:.2} | {:.1} | {:.1}",
            decibel(errors),
            decibel(others),
            speed(encoding),
            speed(decoding)
        ))
    }
}

fn mean_error(a: &[u8], b: &[u8]) -> f64 {
    let sum: u64 = a.iter().zip(b).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum();
    sum as f64 / a.len() as f64
}

fn decibel(error: f64) -> f64 {
    10.0 * (255.0 * 255.0 / error.max(1e-3)).log10()
}
