//! Pictures to code, and how much two of them differ.

use fql_codec::video::{
    Decoder, DecoderConfig, Encoder, EncoderConfig, Format, Picture, PictureMut, Plane, PlaneLayout, Rate,
    Reference, Word,
};
use fql_unit::{Chroma, Unit};

pub const CHROMAS: [Chroma; 5] = [Chroma::Grey, Chroma::Yuv420, Chroma::Yuv422, Chroma::Yuv444, Chroma::Rgb];

/// Every format that there is.
pub fn formats() -> impl Iterator<Item = Format> {
    let with_bits = |bits| [false, true].map(|alpha| (bits, alpha));
    let rest: Vec<(u8, bool)> = [8, 10, 12].into_iter().flat_map(with_bits).collect();
    CHROMAS.into_iter().flat_map(move |chroma| {
        rest.clone().into_iter().map(move |(bits, alpha)| Format { chroma, alpha, bits })
    })
}

/// A picture with its planes in buffers of their own, without padding.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    pub width: u32,
    pub height: u32,
    pub format: Format,
    pub planes: Vec<Vec<u8>>,
}

impl Image {
    /// Makes each sample from its plane and position.
    pub fn new(
        width: u32,
        height: u32,
        format: impl Into<Format>,
        mut sample: impl FnMut(usize, u32, u32) -> u16,
    ) -> Self {
        let format = format.into();
        let bytes = word(format).1;
        let planes = sizes(width, height, format).into_iter().enumerate().map(|(plane, (w, h))| {
            let samples = (0..w * h).map(|i| sample(plane, i % w, i / w).to_le_bytes());
            samples.flat_map(|sample| sample.into_iter().take(bytes)).collect()
        });
        Self { width, height, format, planes: planes.collect() }
    }

    /// Something with smooth parts, edges and texture, different for each seed.
    pub fn scene(width: u32, height: u32, format: impl Into<Format>, seed: u32) -> Self {
        let (mut noise, format) = (Noise(seed), format.into());
        let unit = f64::from(1 << (format.bits - 8));
        Self::new(width, height, format, |plane, x, y| {
            let (x, y) = (x as f64 + f64::from(seed) * 3.0, y as f64);
            let wave = (x / 23.0 + plane as f64).sin() * 40.0 + (y / 11.0 + x / 50.0).cos() * 30.0;
            let edge = if ((x / 40.0 + y / 30.0) as u32).is_multiple_of(2) { 25.0 } else { -25.0 };
            ((128.0 + wave + edge - 4.0) * unit) as u16 + (noise.next() % (9 * unit as u32)) as u16
        })
    }

    pub fn noise(width: u32, height: u32, format: impl Into<Format>, seed: u32) -> Self {
        let (mut noise, format) = (Noise(seed), format.into());
        Self::new(width, height, format, |_, _, _| noise.next() as u16 & max(format))
    }

    pub fn blank(&self) -> Self {
        Self { planes: self.planes.iter().map(|plane| vec![77; plane.len()]).collect(), ..self.clone() }
    }

    pub fn planes(&self) -> Vec<Plane<'_>> {
        let buffers: Vec<&[u8]> = self.planes.iter().map(Vec::as_slice).collect();
        self.layouts().iter().map(|layout| layout.of(&buffers)).collect()
    }

    pub fn layouts(&self) -> Vec<PlaneLayout> {
        let (word, step) = word(self.format);
        let sizes = sizes(self.width, self.height, self.format).into_iter().enumerate();
        let layout = |(buffer, (width, _)): (usize, (u32, u32))| {
            let stride = width as usize * step;
            PlaneLayout { buffer, offset: 0, stride, step, word }
        };
        sizes.map(layout).collect()
    }

    /// The samples of a plane.
    pub fn samples(&self, plane: usize) -> impl Iterator<Item = f64> + '_ {
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0.0, |high, &byte| high * 256.0 + f64::from(byte));
        self.planes[plane].chunks(word_bytes(self.format)).map(word)
    }

    /// Mean squared error of luma in rows.
    pub fn error(&self, other: &Self, rows: std::ops::Range<u32>) -> f64 {
        let (first, count) = ((rows.start * self.width) as usize, rows.len() * self.width as usize);
        let pairs = self.samples(0).zip(other.samples(0)).skip(first).take(count);
        pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>() / count as f64
    }

    /// Mean squared error of a plane.
    pub fn plane_error(&self, other: &Self, plane: usize) -> f64 {
        let pairs = self.samples(plane).zip(other.samples(plane));
        pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>() / self.samples(plane).count() as f64
    }

    pub fn psnr(&self, other: &Self) -> f64 {
        let peak = f64::from(max(self.format)).powi(2);
        10.0 * (peak / self.error(other, 0..self.height).max(1e-9)).log10()
    }

    pub fn snr(&self, other: &Self) -> f64 {
        let zero =
            Self { planes: self.planes.iter().map(|plane| vec![0; plane.len()]).collect(), ..self.clone() };
        10.0 * (self.error(&zero, 0..self.height) / self.error(other, 0..self.height)).log10()
    }
}

pub fn max(format: Format) -> u16 {
    (1 << format.bits) - 1
}

/// How a sample is held, and in how many bytes.
pub fn word(format: Format) -> (Word, usize) {
    if format.bits > 8 { (Word::U16 { shift: 0 }, 2) } else { (Word::U8, 1) }
}

fn word_bytes(format: Format) -> usize {
    word(format).1
}

pub fn sizes(width: u32, height: u32, format: Format) -> Vec<(u32, u32)> {
    let size = |plane| format.plane_size(plane, width as usize, height as usize);
    (0..format.planes()).map(size).map(|(width, height)| (width as u32, height as u32)).collect()
}

/// A small generator of numbers that look random.
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 16
    }
}

/// A real frame of a clip, by ffmpeg.
pub fn natural(clip: &str, second: f64, filter: &str, width: u32, height: u32) -> Image {
    natural_as(clip, second, filter, (width, height), Format::new(Chroma::Yuv420), "yuv420p")
}

/// The same in another format, and what ffmpeg calls that.
pub fn natural_as(
    clip: &str,
    second: f64,
    filter: &str,
    (width, height): (u32, u32),
    format: Format,
    name: &str,
) -> Image {
    let path = format!("{}/../../tests/media/{clip}", env!("CARGO_MANIFEST_DIR"));
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-ss", &second.to_string(), "-i", &path, "-frames:v", "1", "-vf", filter])
        .args(["-f", "rawvideo", "-pix_fmt", name, "-"])
        .output()
        .expect("ffmpeg runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut rest = &output.stdout[..];
    let plane = |(width, height): (u32, u32)| {
        let len = (width * height) as usize * word_bytes(format);
        rest.split_off(..len).expect("a whole frame").to_vec()
    };
    let planes = sizes(width, height, format).into_iter().map(plane).collect();
    assert!(rest.is_empty());
    Image { width, height, format, planes }
}

pub fn encoder(image: &Image, slices: u8, threads: usize) -> Encoder {
    let Image { width, height, format, .. } = *image;
    Encoder::new(EncoderConfig { width, height, format, layers: 14, slices, threads, motion: None }).unwrap()
}

pub fn decoder(image: &Image, threads: usize) -> Decoder {
    let Image { width, height, format, .. } = *image;
    Decoder::new(DecoderConfig { width, height, format, threads }).unwrap()
}

pub fn encode(image: &Image, rate: Rate) -> Unit {
    encoder(image, 0, 1).encode(&image.planes(), rate).unwrap()
}

pub fn decode_with(decoder: &mut Decoder, unit: &Unit, max_layer: u8, like: &Image) -> (Picture, Image) {
    let mut out = like.blank();
    let planes = like.layouts();
    let mut buffers: Vec<&mut [u8]> = out.planes.iter_mut().map(Vec::as_mut_slice).collect();
    let picture =
        decoder.decode(unit, max_layer, &mut PictureMut { buffers: &mut buffers, planes: &planes }).unwrap();
    (picture, out)
}

pub fn decode(unit: &Unit, max_layer: u8, like: &Image) -> (Picture, Image) {
    decode_with(&mut decoder(like, 1), unit, max_layer, like)
}

/// A key frame of which nothing came but no slice is concealed.
pub const KEY: Picture =
    Picture { layers: 0, exact: false, concealed: false, key: true, reference: Reference::None };
