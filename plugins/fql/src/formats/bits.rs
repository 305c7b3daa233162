//! Formats whose samples share bytes, from and to planes of 16-bit words.

use super::table::BitPacking;

const MASK: u32 = 0x3ff;

/// Samples of 10 bits in little-endian words, plane after plane without padding.
#[derive(Debug, Default)]
pub struct Unpacked {
    data: Vec<u8>,
    width: usize,
    height: usize,
    /// Whether there are two planes of chroma of half the width.
    chroma: bool,
    /// One row as it is packed.
    row: Vec<u16>,
}

/// Where a plane of [`Unpacked`] begins, and how many bytes a row of it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WordPlane {
    /// In bytes.
    pub offset: usize,
    /// From one row to the next.
    pub stride: usize,
}

/// The packed rows do not hold the picture.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("its rows are too short for the picture")]
pub struct TooShort;

impl BitPacking {
    fn has_chroma(self) -> bool {
        self != Self::Grey10
    }

    /// How many bytes this many samples take.
    fn bytes(self, samples: usize) -> usize {
        match self {
            Self::V210 | Self::Grey10 => samples.div_ceil(3) * 4,
            Self::Uyvp => (samples * 10).div_ceil(8),
        }
    }

    fn read(self, source: &[u8], row: &mut [u16]) {
        match self {
            Self::V210 | Self::Grey10 => {
                for (bytes, samples) in source.as_chunks().0.iter().zip(row.chunks_mut(3)) {
                    let word = u32::from_le_bytes(*bytes);
                    samples.iter_mut().enumerate().for_each(|(i, s)| *s = (word >> (10 * i) & MASK) as u16);
                }
            }
            Self::Uyvp => {
                for (bytes, samples) in source.chunks(5).zip(row.chunks_mut(4)) {
                    let byte = |i| u64::from(bytes.get(i).copied().unwrap_or(0));
                    let word = (0..5).fold(0, |word, i| word << 8 | byte(i));
                    let sample = |i: usize| (word >> (30 - 10 * i)) as u32 & MASK;
                    samples.iter_mut().enumerate().for_each(|(i, s)| *s = sample(i) as u16);
                }
            }
        }
    }

    fn write(self, row: &[u16], target: &mut [u8]) {
        match self {
            Self::V210 | Self::Grey10 => {
                for (bytes, samples) in target.as_chunks_mut().0.iter_mut().zip(row.chunks(3)) {
                    let word = samples.iter().rev().fold(0, |word, &s| word << 10 | u32::from(s) & MASK);
                    *bytes = word.to_le_bytes();
                }
            }
            Self::Uyvp => {
                for (bytes, samples) in target.chunks_mut(5).zip(row.chunks(4)) {
                    let place = |(i, &s): (usize, &u16)| u64::from(u32::from(s) & MASK) << (30 - 10 * i);
                    let word: u64 = samples.iter().enumerate().map(place).sum();
                    bytes.copy_from_slice(&word.to_be_bytes()[3..][..bytes.len()]);
                }
            }
        }
    }
}

impl Unpacked {
    /// Takes this size on. What it holds means nothing then.
    pub fn resize(&mut self, packing: BitPacking, width: usize, height: usize) {
        (self.width, self.height, self.chroma) = (width, height, packing.has_chroma());
        let samples = self.samples_a_row();
        self.row.resize(samples, 0);
        self.data.resize(samples.max(width) * 2 * height, 0);
    }

    /// The planes: luma, and the two of chroma where there are any.
    pub fn planes(&self) -> Vec<WordPlane> {
        let chroma = self.width.div_ceil(2);
        let widths = [self.width, chroma, chroma];
        let count = if self.chroma { 3 } else { 1 };
        let offsets = [0, self.width, self.width + chroma];
        let plane = |(&width, offset)| WordPlane { offset: offset * self.height * 2, stride: width * 2 };
        widths[..count].iter().zip(offsets).map(plane).collect()
    }

    /// All planes' bytes.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// All planes' bytes.
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// Takes a packed picture.
    pub fn unpack(&mut self, packing: BitPacking, source: &[u8], stride: usize) -> Result<(), TooShort> {
        let len = packing.bytes(self.samples_that_count());
        for y in 0..self.height {
            let row = source.get(y * stride..).and_then(|rest| rest.get(..len)).ok_or(TooShort)?;
            packing.read(row, &mut self.row);
            self.each_of_row(y, |sample, bytes| *bytes = sample.to_le_bytes());
        }
        Ok(())
    }

    /// Writes the packed picture. Samples that fill up the last group of a row are 0.
    pub fn pack(&mut self, packing: BitPacking, target: &mut [u8], stride: usize) -> Result<(), TooShort> {
        let len = packing.bytes(self.samples_that_count());
        self.row.fill(0);
        for y in 0..self.height {
            let row = target.get_mut(y * stride..).and_then(|rest| rest.get_mut(..len)).ok_or(TooShort)?;
            self.each_of_row(y, |sample, bytes| *sample = u16::from_le_bytes(*bytes));
            packing.write(&self.row, row);
        }
        Ok(())
    }

    /// How many samples a packed row has: with chroma, four for every two pixels.
    fn samples_a_row(&self) -> usize {
        if self.chroma { self.width.div_ceil(2) * 4 } else { self.width }
    }

    /// The same without the second luma sample of a last pair of which there is only one pixel.
    fn samples_that_count(&self) -> usize {
        if self.chroma { self.width + self.width.div_ceil(2) * 2 } else { self.width }
    }

    /// Does something with each sample of a row as it is packed and its two bytes in the planes.
    fn each_of_row(&mut self, y: usize, mut with: impl FnMut(&mut u16, &mut [u8; 2])) {
        let planes = self.planes();
        let mut visit = |plane: WordPlane, first: usize, step: usize| {
            let bytes = &mut self.data[plane.offset + y * plane.stride..][..plane.stride];
            let samples = self.row[first..].iter_mut().step_by(step);
            bytes.as_chunks_mut().0.iter_mut().zip(samples).for_each(|(bytes, sample)| with(sample, bytes));
        };
        match planes[..] {
            [luma, blue, red] => [(luma, 1, 2), (blue, 0, 4), (red, 2, 4)]
                .into_iter()
                .for_each(|(plane, first, step)| visit(plane, first, step)),
            _ => visit(planes[0], 0, 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(
        packing: BitPacking,
        width: usize,
        height: usize,
        source: &[u8],
        stride: usize,
    ) -> Vec<Vec<u16>> {
        let mut all = Unpacked::default();
        all.resize(packing, width, height);
        all.unpack(packing, source, stride).unwrap();
        let words = |plane: WordPlane| {
            let bytes = &all.data()[plane.offset..][..plane.stride * height];
            bytes.as_chunks().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect()
        };
        all.planes().into_iter().map(words).collect()
    }

    #[test]
    fn a_word_of_v210_holds_blue_luma_and_red() {
        let words: [u32; 3] = [1 | 2 << 10 | 3 << 20, 4 | 5 << 10 | 6 << 20, 7 | 8 << 10 | 9 << 20];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let planes = unpacked(BitPacking::V210, 4, 1, &bytes, 16);
        assert_eq!(planes, [vec![2, 4, 6, 8], vec![1, 5], vec![3, 7]]);
    }

    #[test]
    fn five_bytes_of_uyvp_hold_four_samples_from_the_highest_bit_on() {
        let planes = unpacked(BitPacking::Uyvp, 2, 1, &[0xff, 0xc0, 0x0f, 0xfc, 0x01], 5);
        assert_eq!(planes, [vec![0, 1], vec![0x3ff], vec![0x3ff]]);
    }

    #[test]
    fn grey_has_three_samples_a_word_and_no_chroma() {
        let bytes = (1023u32 | 1 << 20).to_le_bytes();
        assert_eq!(unpacked(BitPacking::Grey10, 3, 1, &bytes, 4), [vec![1023, 0, 1]]);
    }

    #[test]
    fn what_is_packed_unpacks_to_the_same() {
        for packing in [BitPacking::V210, BitPacking::Uyvp, BitPacking::Grey10] {
            for width in 1..20 {
                let (height, stride) = (3, 64);
                let mut all = Unpacked::default();
                all.resize(packing, width, height);
                let (bytes, len) = (all.data_mut(), 0..);
                bytes.as_chunks_mut().0.iter_mut().zip(len).for_each(|(pair, n): (_, u16)| {
                    *pair = (n.wrapping_mul(359) & 0x3ff).to_le_bytes();
                });
                let before = all.data().to_vec();
                let mut target = vec![0xee; stride * height];
                all.pack(packing, &mut target, stride).unwrap();
                all.data_mut().fill(0x55);
                all.unpack(packing, &target, stride).unwrap();
                let planes = all.planes();
                let end = planes.last().map(|plane| plane.offset + plane.stride * height).unwrap();
                assert_eq!(all.data()[..end], before[..end], "{packing:?} {width}");
            }
        }
    }

    #[test]
    fn rows_that_are_too_short_are_an_error() {
        let mut all = Unpacked::default();
        all.resize(BitPacking::V210, 6, 2);
        assert_eq!(all.unpack(BitPacking::V210, &[0; 31], 16), Err(TooShort));
        assert_eq!(all.pack(BitPacking::V210, &mut [0; 31], 16), Err(TooShort));
        assert_eq!(all.unpack(BitPacking::V210, &[0; 32], 16), Ok(()));
    }
}
