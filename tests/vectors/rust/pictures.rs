//! Pictures to encode: some of everything, by integer arithmetic alone.

use fql_codec::video::{Format, Plane, PlaneLayout, Word};
use fql_unit::Chroma;

pub const CHROMAS: [(Chroma, &str); 5] = [
    (Chroma::Grey, "grey"),
    (Chroma::Yuv420, "4:2:0"),
    (Chroma::Yuv422, "4:2:2"),
    (Chroma::Yuv444, "4:4:4"),
    (Chroma::Rgb, "rgb"),
];

pub fn chroma(name: &str) -> Chroma {
    CHROMAS.iter().find(|(_, known)| *known == name).expect("a chroma format").0
}

/// The planes of a picture one after the other: a byte a sample, or two, the low one first.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    pub width: u32,
    pub height: u32,
    pub format: Format,
    pub planes: Vec<Vec<u8>>,
}

impl Image {
    pub fn black(width: u32, height: u32, format: Format) -> Self {
        let planes = sizes(width, height, format).into_iter();
        let planes = planes.map(|(w, h)| vec![0; w * h * bytes(format)]).collect();
        Self { width, height, format, planes }
    }

    /// The picture `time` of a scene: a pattern that moves over a gradient that stays, and some noise.
    pub fn scene(width: u32, height: u32, format: Format, time: usize) -> Self {
        Self::of(width, height, format, time, pattern)
    }

    /// The same of patches that slide by, fast.
    pub fn sliding(width: u32, height: u32, format: Format, time: usize) -> Self {
        Self::of(width, height, format, time, patches)
    }

    fn of(
        width: u32,
        height: u32,
        format: Format,
        time: usize,
        pattern: fn(usize, usize, usize, usize) -> u32,
    ) -> Self {
        let mut image = Self::black(width, height, format);
        let mut noise = Noise(time as u32 + 1);
        let shift = format.bits - 8;
        for (index, (plane, (w, _))) in image.planes.iter_mut().zip(sizes(width, height, format)).enumerate()
        {
            for (at, sample) in plane.chunks_mut(bytes(format)).enumerate() {
                let (x, y) = (at % w, at / w);
                let value = pattern(index, x, y, time) << shift;
                let value = (value + (noise.next() & ((4 << shift) - 1))).min((1 << format.bits) - 1);
                sample.copy_from_slice(&(value as u16).to_le_bytes()[..sample.len()]);
            }
        }
        image
    }

    /// Nothing but noise.
    pub fn noise(width: u32, height: u32, format: Format, _time: usize) -> Self {
        let mut image = Self::black(width, height, format);
        let mut noise = Noise(7);
        for sample in image.planes.iter_mut().flat_map(|plane| plane.chunks_mut(bytes(format))) {
            let value = noise.next() as u16 & ((1 << format.bits) - 1);
            sample.copy_from_slice(&value.to_le_bytes()[..sample.len()]);
        }
        image
    }

    pub fn layouts(&self) -> Vec<PlaneLayout> {
        let step = bytes(self.format);
        let word = if step == 2 { Word::U16 { shift: 0 } } else { Word::U8 };
        let sizes = sizes(self.width, self.height, self.format).into_iter().enumerate();
        sizes
            .map(|(buffer, (width, _))| PlaneLayout { buffer, offset: 0, stride: width * step, step, word })
            .collect()
    }

    pub fn planes(&self) -> Vec<Plane<'_>> {
        let buffers: Vec<&[u8]> = self.planes.iter().map(Vec::as_slice).collect();
        self.layouts().iter().map(|layout| layout.of(&buffers)).collect()
    }
}

fn pattern(plane: usize, x: usize, y: usize, time: usize) -> u32 {
    let (mx, my) = (x + 3 * time, y + time);
    let waves = (mx * mx / 5 + my * (7 + plane) + mx * my / 9) % 97;
    let board = ((mx / 9 + my / 7) % 2) * 70;
    let gradient = (x * (2 + plane) + 3 * y) / 4 % 60;
    (waves / 3 + board + gradient + 20 * plane) as u32 % 250
}

fn patches(plane: usize, x: usize, y: usize, time: usize) -> u32 {
    let scale = 1 + usize::from(plane > 0);
    let (x, y) = ((x * scale + 21 * time) / 6, (y * scale + 5 * time) / 6);
    Noise((x * 31 + y * 1_009 + plane) as u32).nth(3) % 230
}

fn bytes(format: Format) -> usize {
    if format.bits > 8 { 2 } else { 1 }
}

fn sizes(width: u32, height: u32, format: Format) -> Vec<(usize, usize)> {
    (0..format.planes()).map(|plane| format.plane_size(plane, width as usize, height as usize)).collect()
}

/// Bytes that look random.
pub fn any_bytes(count: usize) -> Vec<u8> {
    let mut noise = Noise(count as u32);
    (0..count).map(|_| noise.next() as u8).collect()
}

/// A small generator of numbers that look random.
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 16
    }

    fn nth(mut self, count: usize) -> u32 {
        (0..count).fold(0, |_, _| self.next())
    }
}
