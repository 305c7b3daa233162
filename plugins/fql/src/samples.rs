//! Sound samples as bytes in buffers, in all forms that the elements take and give.

use fql_unit::AudioFormat;

/// How samples lie in a buffer, all little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// 16-bit integers.
    S16,
    /// 24-bit integers in three bytes.
    S24,
    /// 24-bit integers in the low bits of four bytes.
    S24In32,
    /// 32-bit integers.
    S32,
    /// 32-bit floating point numbers from -1 to 1.
    F32,
}

impl Packing {
    /// All of them, those that hold 24 bits with the plainest first.
    pub const ALL: [Self; 5] = [Self::S16, Self::S24In32, Self::S24, Self::S32, Self::F32];

    /// That of raw caps, `None` for those that are not taken.
    pub fn of_raw(format: gst_audio::AudioFormat) -> Option<Self> {
        Self::ALL.into_iter().find(|packing| packing.raw() == format)
    }

    /// The format in raw caps.
    pub fn raw(self) -> gst_audio::AudioFormat {
        match self {
            Self::S16 => gst_audio::AudioFormat::S16le,
            Self::S24 => gst_audio::AudioFormat::S24le,
            Self::S24In32 => gst_audio::AudioFormat::S2432le,
            Self::S32 => gst_audio::AudioFormat::S32le,
            Self::F32 => gst_audio::AudioFormat::F32le,
        }
    }

    /// What the codec codes them as.
    pub fn coded_as(self) -> AudioFormat {
        match self {
            Self::S16 => AudioFormat::S16,
            _ => AudioFormat::S24,
        }
    }

    /// Those that hold every sample of this format exactly, the format's own first.
    pub fn holding(format: AudioFormat) -> &'static [Self] {
        match format {
            AudioFormat::S16 => &Self::ALL,
            AudioFormat::S24 => &Self::ALL[1..],
        }
    }

    /// Bytes a sample.
    pub fn width(self) -> usize {
        match self {
            Self::S16 => 2,
            Self::S24 => 3,
            _ => 4,
        }
    }

    /// Samples from bytes, as the codec takes them; bytes of an unfinished sample at the end are left out.
    ///
    /// Of 32 bits the 24 nearest are taken (halves up): exactly those whose low eight bits are 0. Of floating point
    /// numbers the nearest multiple of 2^-23 (halves away from 0) from -1 to below 1; what is no number is silence.
    pub fn read(self, bytes: &[u8]) -> Vec<i32> {
        match self {
            Self::S16 => read(bytes, |b| i16::from_le_bytes(b).into()),
            Self::S24 => read(bytes, |[a, b, c]| i32::from_le_bytes([0, a, b, c]) >> 8),
            Self::S24In32 => read(bytes, |b| i32::from_le_bytes(b) << 8 >> 8),
            Self::S32 => {
                read(bytes, |b| ((i64::from(i32::from_le_bytes(b)) + 128) >> 8).min(0x7f_ffff) as i32)
            }
            // A cast saturates, and makes 0 of what is no number.
            Self::F32 => read(bytes, |b| {
                let scaled = f32::from_le_bytes(b) * FULL_SCALE;
                scaled.round().clamp(-FULL_SCALE, FULL_SCALE - 1.0) as i32
            }),
        }
    }

    /// Samples of a format as bytes; exact where the packing is one of those [`Packing::holding`] them.
    pub fn write(self, samples: &[i32], format: AudioFormat) -> Vec<u8> {
        // From here on all have 24 bits.
        let shift = 24 - format.bits();
        match self {
            Self::S16 => write(samples, |s| ((s << shift >> 8) as i16).to_le_bytes()),
            Self::S24 => write(samples, |s| {
                let [a, b, c, _] = (s << shift).to_le_bytes();
                [a, b, c]
            }),
            Self::S24In32 => write(samples, |s| (s << shift).to_le_bytes()),
            Self::S32 => write(samples, |s| (s << shift << 8).to_le_bytes()),
            Self::F32 => write(samples, |s| ((s << shift) as f32 / FULL_SCALE).to_le_bytes()),
        }
    }
}

/// The amplitude 1 in samples of 24 bits.
const FULL_SCALE: f32 = 8_388_608.0;

fn read<const N: usize>(bytes: &[u8], sample: impl Fn([u8; N]) -> i32) -> Vec<i32> {
    bytes.as_chunks::<N>().0.iter().map(|bytes| sample(*bytes)).collect()
}

fn write<const N: usize>(samples: &[i32], bytes: impl Fn(i32) -> [u8; N]) -> Vec<u8> {
    samples.iter().flat_map(|sample| bytes(*sample)).collect()
}

/// Interleaves channels that lie one after the other, each `width` bytes a sample.
pub fn interleave(planes: &[&[u8]], width: usize) -> Vec<u8> {
    let len = planes.iter().map(|plane| plane.len() / width).min().unwrap_or(0);
    let mut out = Vec::with_capacity(len * width * planes.len());
    for at in 0..len {
        for plane in planes {
            out.extend_from_slice(&plane[at * width..][..width]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_survive_as_bytes_of_every_packing_that_holds_them() {
        for (format, samples) in [
            (AudioFormat::S16, [0, 1, -1, -0x8000, 0x7fff, 256]),
            (AudioFormat::S24, [0, 1, -1, -0x80_0000, 0x7f_ffff, 0x01_0203]),
        ] {
            for packing in Packing::holding(format) {
                let bytes = packing.write(&samples, format);
                assert_eq!(bytes.len(), samples.len() * packing.width());
                let shift = packing.coded_as().bits() - format.bits();
                let expected = samples.map(|sample| sample << shift);
                assert_eq!(packing.read(&bytes), expected, "{packing:?}");
                assert_eq!(packing.read(&bytes[..packing.width() * 2 - 1]), expected[..1], "{packing:?}");
                assert_eq!(Packing::of_raw(packing.raw()), Some(*packing));
            }
        }
        assert_eq!(Packing::of_raw(gst_audio::AudioFormat::U8), None);
    }

    #[test]
    fn bytes_lie_as_the_formats_say() {
        let bytes = |packing: Packing| packing.write(&[-2], AudioFormat::S24);
        assert_eq!(bytes(Packing::S24), [0xfe, 0xff, 0xff]);
        assert_eq!(bytes(Packing::S24In32), [0xfe, 0xff, 0xff, 0xff]);
        assert_eq!(bytes(Packing::S32), [0x00, 0xfe, 0xff, 0xff]);
        assert_eq!(bytes(Packing::F32), (-2.0f32 / 8_388_608.0).to_le_bytes());
        // What the upper eight bits hold does not matter.
        assert_eq!(Packing::S24In32.read(&[0xfe, 0xff, 0xff, 0x5a]), [-2]);
    }

    #[test]
    fn integers_of_32_bits_become_the_nearest_of_24() {
        let read = |value: i32| Packing::S32.read(&value.to_le_bytes())[0];
        assert_eq!([0, 127, 128, 255, 256, 383, 384].map(read), [0, 0, 1, 1, 1, 1, 2]);
        assert_eq!([-1, -127, -128, -129, -256].map(read), [0, 0, 0, -1, -1]);
        assert_eq!(
            [i32::MAX, i32::MAX - 127, i32::MAX - 128, i32::MIN].map(read),
            [0x7f_ffff, 0x7f_ffff, 0x7f_ffff, -0x80_0000]
        );
    }

    #[test]
    fn floating_point_numbers_become_the_nearest_multiple_and_no_number_silence() {
        let read = |value: f32| Packing::F32.read(&value.to_le_bytes())[0];
        assert_eq!(
            [0.0, 1.0, -1.0, 0.5, 3.0, -3.0].map(read),
            [0, 0x7f_ffff, -0x80_0000, 0x40_0000, 0x7f_ffff, -0x80_0000]
        );
        let unit = 1.0 / 8_388_608.0;
        assert_eq!([0.4, 0.5, -0.5, -0.6, 1.4].map(|part| read(part * unit)), [0, 1, -1, -1, 1]);
        assert_eq!([f32::NAN, f32::INFINITY, f32::NEG_INFINITY].map(read), [0, 0x7f_ffff, -0x80_0000]);
    }

    #[test]
    fn channels_one_after_the_other_are_interleaved() {
        assert_eq!(interleave(&[&[1, 2, 3, 4], &[5, 6, 7, 8, 9]], 2), [1, 2, 5, 6, 3, 4, 7, 8]);
        assert!(interleave(&[], 2).is_empty());
    }
}
