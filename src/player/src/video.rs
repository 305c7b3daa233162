use bytes::Bytes;
use fql_codec::video::{Decoder, DecoderConfig, Format, Picture, PictureMut, PlaneLayout, Word};
use fql_unit::Unit;

use crate::Error;
use crate::reduce::{self, Decoded};

/// The most pixels of a picture, those of 4096 x 2304: a decoder takes some 17 bytes for each of 4:2:0, and at most 60.
pub const MAX_PICTURE: u64 = 4096 * 2304;

/// Units of one video track to pictures that a page can draw: 8-bit grey or 4:2:0, whatever the track has.
#[derive(Debug)]
pub struct VideoDecoder {
    decoder: Decoder,
    format: Format,
    size: (usize, usize),
    /// Where the planes lie that are decoded.
    layout: Vec<PlaneLayout>,
    /// They, where they are not drawn as they are.
    decoded: Vec<u8>,
    /// All planes that are drawn, one after the other, without padding.
    planes: Vec<u8>,
}

impl VideoDecoder {
    /// A decoder for pictures of one size.
    pub fn new(width: u32, height: u32, format: impl Into<Format>) -> Result<Self, Error> {
        if u64::from(width) * u64::from(height) > MAX_PICTURE {
            return Err(Error::TooLarge { width, height });
        }
        let format = format.into();
        let decoder = Decoder::new(DecoderConfig { width, height, format, threads: 1 })?;
        let size = (width as usize, height as usize);
        let (layout, len) = layout(format, size);
        let (decoded, drawn) = if reduce::is_drawn(format) {
            (0, len)
        } else {
            (len, self::layout(reduce::drawn(format), size).1)
        };
        Ok(Self { decoder, format, size, layout, decoded: vec![0; decoded], planes: vec![0; drawn] })
    }

    /// Decodes the bytes of a unit, up to the layer `max_layer`, into [`VideoDecoder::planes`]. On failure these stay as
    /// they were.
    pub fn decode(&mut self, unit: &Bytes, max_layer: u8) -> Result<Picture, Error> {
        let unit = Unit::from_shared(unit)?;
        let is_drawn = reduce::is_drawn(self.format);
        let buffer = if is_drawn { &mut self.planes } else { &mut self.decoded };
        let mut target = PictureMut { buffers: &mut [buffer], planes: &self.layout };
        let picture = self.decoder.decode(&unit, max_layer, &mut target)?;
        if !is_drawn {
            let ((width, height), format, layout) = (self.size, self.format, &self.layout[..]);
            Decoded { format, width, height, data: &self.decoded, layout }.reduce(&mut self.planes);
        }
        Ok(picture)
    }

    /// The samples of the last picture: luma, then, where there is colour, Cb and Cr; rows without padding.
    pub fn planes(&self) -> &[u8] {
        &self.planes
    }
}

/// Planes one after the other without padding, and how many bytes they take.
fn layout(format: Format, (width, height): (usize, usize)) -> (Vec<PlaneLayout>, usize) {
    let (word, step) = if format.bits > 8 { (Word::U16 { shift: 0 }, 2) } else { (Word::U8, 1) };
    let mut len = 0;
    let plane = |plane| {
        let (width, height) = format.plane_size(plane, width, height);
        let (offset, stride) = (len, width * step);
        len += stride * height;
        PlaneLayout { buffer: 0, offset, stride, step, word }
    };
    ((0..format.planes()).map(plane).collect(), len)
}
