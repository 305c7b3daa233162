use fql_codec::video::{Decoder, DecoderConfig, Format, PictureMut, PlaneLayout, Word};
use fql_unit::Chroma;

use crate::input::Input;
use crate::units;

const CHROMAS: [Chroma; 5] = [Chroma::Grey, Chroma::Yuv420, Chroma::Yuv422, Chroma::Yuv444, Chroma::Rgb];
const BITS: [u8; 3] = [8, 10, 12];
const MAX_UNITS: usize = 4;
/// Of the largest picture: large enough for slices, levels and several blocks, small enough to be quick.
const MAX_SIZE: usize = 80;
/// In memory before a picture, and after it where no plane lies.
const UNTOUCHED: u8 = 0xa5;

/// Whatever units a video decoder gets, it gives an error or a picture with samples within their range, in any format
/// and any layout in memory, and leaves all other memory alone.
pub fn video_decode(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let size = (1 + usize::from(input.u8()) % MAX_SIZE, 1 + usize::from(input.u8()) % MAX_SIZE);
    let format = format(input.u8());
    let layout = Layout::new(format, size, input.u8());
    let config = DecoderConfig { width: size.0 as u32, height: size.1 as u32, format, threads: 1 };
    let mut decoder = Decoder::new(config).expect("the size is in range");
    for _ in 0..MAX_UNITS {
        if input.is_empty() {
            break;
        }
        let (kind, max_layer) = (input.u8(), input.u8());
        let Some(unit) = units::next(&mut input, kind & 1 == 0) else { continue };
        let mut memory = vec![UNTOUCHED; layout.len];
        let mut target = PictureMut { buffers: &mut [&mut memory], planes: &layout.planes };
        match decoder.decode(&unit, max_layer, &mut target) {
            Ok(picture) => {
                assert!(!(picture.exact && picture.concealed));
                layout.check(&mut memory);
            }
            Err(_) => assert!(memory.iter().all(|byte| *byte == UNTOUCHED)),
        }
    }
}

fn format(number: u8) -> Format {
    let (chroma, rest) = (usize::from(number) % CHROMAS.len(), usize::from(number) / CHROMAS.len());
    Format { chroma: CHROMAS[chroma], bits: BITS[rest % BITS.len()], alpha: rest / BITS.len() % 2 == 1 }
}

/// Where the planes lie in one buffer.
struct Layout {
    format: Format,
    size: (usize, usize),
    planes: Vec<PlaneLayout>,
    len: usize,
}

impl Layout {
    fn new(format: Format, size: (usize, usize), number: u8) -> Self {
        let word = match (format.bits, number % 3) {
            (8, 0) => Word::U8,
            (_, 1) => Word::U16 { shift: 16 - format.bits },
            _ => Word::U16 { shift: 0 },
        };
        let bytes = if word == Word::U8 { 1 } else { 2 };
        let is_whole = !matches!(format.chroma, Chroma::Yuv420 | Chroma::Yuv422);
        let count = format.planes();
        let (mut planes, mut len) = (Vec::new(), 0);
        for plane in 0..count {
            if is_whole && number & 0x80 != 0 {
                // Packed: the samples of a pixel beside each other, with an unused byte after a row.
                let (step, stride) = (count * bytes, size.0 * count * bytes + 1);
                planes.push(PlaneLayout { buffer: 0, offset: plane * bytes, stride, step, word });
                len = stride * size.1;
            } else {
                let (width, height) = format.plane_size(plane, size.0, size.1);
                let stride = width * bytes + usize::from(number >> 4 & 7);
                planes.push(PlaneLayout { buffer: 0, offset: len, stride, step: bytes, word });
                len += stride * height;
            }
        }
        Self { format, size, planes, len }
    }

    /// Samples are in range, and all bytes that are none of a sample are as they were. The memory is of no use after.
    fn check(&self, memory: &mut [u8]) {
        for (index, plane) in self.planes.iter().enumerate() {
            let (width, height) = self.format.plane_size(index, self.size.0, self.size.1);
            for row in 0..height {
                for column in 0..width {
                    let at = plane.offset + row * plane.stride + column * plane.step;
                    match plane.word {
                        Word::U8 => memory[at] = UNTOUCHED,
                        Word::U16 { shift } => {
                            let sample = u16::from_le_bytes([memory[at], memory[at + 1]]);
                            assert_eq!(sample & ((1 << shift) - 1), 0, "unused bits are 0");
                            assert!(u32::from(sample >> shift) < 1 << self.format.bits);
                            memory[at..at + 2].fill(UNTOUCHED);
                        }
                    }
                }
            }
        }
        assert!(memory.iter().all(|byte| *byte == UNTOUCHED), "what is no sample was written");
    }
}
