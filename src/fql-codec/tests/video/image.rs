//! Pictures to code, and how much two of them differ.

use fql_codec::video::{Decoder, DecoderConfig, Encoder, EncoderConfig, Picture, Plane, PlaneMut, Rate};
use fql_unit::{Chroma, Unit};

pub const BOTH: [Chroma; 2] = [Chroma::Grey, Chroma::Yuv420];

/// A picture with its planes one after another.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    pub width: u32,
    pub height: u32,
    pub chroma: Chroma,
    pub planes: Vec<Vec<u8>>,
}

impl Image {
    /// Makes each sample from its plane and position.
    pub fn new(
        width: u32,
        height: u32,
        chroma: Chroma,
        mut sample: impl FnMut(usize, u32, u32) -> u8,
    ) -> Self {
        let planes = sizes(width, height, chroma)
            .into_iter()
            .enumerate()
            .map(|(plane, (w, h))| (0..w * h).map(|i| sample(plane, i % w, i / w)).collect())
            .collect();
        Self { width, height, chroma, planes }
    }

    /// Something with smooth parts, edges and texture, different for each seed.
    pub fn scene(width: u32, height: u32, chroma: Chroma, seed: u32) -> Self {
        let mut noise = Noise(seed);
        Self::new(width, height, chroma, |plane, x, y| {
            let (x, y) = (x as f64 + f64::from(seed) * 3.0, y as f64);
            let wave = (x / 23.0 + plane as f64).sin() * 40.0 + (y / 11.0 + x / 50.0).cos() * 30.0;
            let edge = if ((x / 40.0 + y / 30.0) as u32).is_multiple_of(2) { 25.0 } else { -25.0 };
            (128.0 + wave + edge + f64::from(noise.next() % 9) - 4.0) as u8
        })
    }

    pub fn noise(width: u32, height: u32, chroma: Chroma, seed: u32) -> Self {
        let mut noise = Noise(seed);
        Self::new(width, height, chroma, |_, _, _| noise.next() as u8)
    }

    pub fn blank(&self) -> Self {
        Self { planes: self.planes.iter().map(|plane| vec![77; plane.len()]).collect(), ..self.clone() }
    }

    pub fn planes(&self) -> Vec<Plane<'_>> {
        let sizes = sizes(self.width, self.height, self.chroma);
        self.planes.iter().zip(sizes).map(|(data, (w, _))| Plane { data, stride: w as usize }).collect()
    }

    pub fn planes_mut(&mut self) -> Vec<PlaneMut<'_>> {
        let sizes = sizes(self.width, self.height, self.chroma);
        self.planes
            .iter_mut()
            .zip(sizes)
            .map(|(data, (w, _))| PlaneMut { data, stride: w as usize })
            .collect()
    }

    /// Mean squared error of luma in rows.
    pub fn error(&self, other: &Self, rows: std::ops::Range<u32>) -> f64 {
        let range = (rows.start * self.width) as usize..(rows.end * self.width) as usize;
        let pairs = self.planes[0][range.clone()].iter().zip(&other.planes[0][range.clone()]);
        pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>() / range.len() as f64
    }

    pub fn psnr(&self, other: &Self) -> f64 {
        10.0 * (255.0 * 255.0 / self.error(other, 0..self.height).max(1e-9)).log10()
    }

    pub fn snr(&self, other: &Self) -> f64 {
        let zero =
            Self { planes: self.planes.iter().map(|plane| vec![0; plane.len()]).collect(), ..self.clone() };
        10.0 * (self.error(&zero, 0..self.height) / self.error(other, 0..self.height)).log10()
    }
}

pub fn sizes(width: u32, height: u32, chroma: Chroma) -> Vec<(u32, u32)> {
    let half = (width.div_ceil(2), height.div_ceil(2));
    if chroma == Chroma::Grey { vec![(width, height)] } else { vec![(width, height), half, half] }
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
    let path = format!("{}/../../tests/media/{clip}", env!("CARGO_MANIFEST_DIR"));
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-ss", &second.to_string(), "-i", &path, "-frames:v", "1", "-vf", filter])
        .args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "-"])
        .output()
        .expect("ffmpeg runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut samples = output.stdout.into_iter();
    let image = Image::new(width, height, Chroma::Yuv420, |_, _, _| samples.next().expect("a whole frame"));
    assert_eq!(samples.next(), None);
    image
}

pub fn encoder(image: &Image, slices: u8, threads: usize) -> Encoder {
    let Image { width, height, chroma, .. } = *image;
    Encoder::new(EncoderConfig { width, height, chroma, layers: 12, slices, threads }).unwrap()
}

pub fn decoder(image: &Image, threads: usize) -> Decoder {
    let Image { width, height, chroma, .. } = *image;
    Decoder::new(DecoderConfig { width, height, chroma, threads }).unwrap()
}

pub fn encode(image: &Image, rate: Rate) -> Unit {
    encoder(image, 0, 1).encode(&image.planes(), rate).unwrap()
}

pub fn decode_with(decoder: &mut Decoder, unit: &Unit, max_layer: u8, like: &Image) -> (Picture, Image) {
    let mut out = like.blank();
    let picture = decoder.decode(unit, max_layer, &mut out.planes_mut()).unwrap();
    (picture, out)
}

pub fn decode(unit: &Unit, max_layer: u8, like: &Image) -> (Picture, Image) {
    decode_with(&mut decoder(like, 1), unit, max_layer, like)
}
