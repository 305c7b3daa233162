//! The planes of GStreamer's frames as the codec takes them, whatever their format and strides.

use fql_codec::video::{Decoder, Encoder, Picture, PictureMut, Plane, PlaneLayout, Request, Word};
use fql_unit::Unit;
use gst_video::VideoFrameRef;
use gst_video::prelude::*;

use crate::formats::{self, BitPacking, Packing, Place, Unpacked, WordPlane};

/// Why a frame cannot be coded, or decoded to.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The buffer is too small for the picture, or its memory cannot be mapped.
    #[error("its buffer does not hold a picture of the negotiated size, or cannot be mapped")]
    Buffer,
    /// A frame whose rows run backwards or have no length.
    #[error("plane {plane} has a stride of {stride} bytes, it must be positive")]
    Stride { plane: usize, stride: i32 },
    /// A packed row is too short.
    #[error(transparent)]
    Packed(#[from] formats::TooShort),
    /// The codec refuses it.
    #[error(transparent)]
    Codec(#[from] fql_codec::Error),
}

/// Frames of one format and size.
#[derive(Debug)]
pub struct Frames {
    info: gst_video::VideoInfo,
    packing: Packing,
    /// Where samples that share bytes are taken apart.
    unpacked: Unpacked,
}

impl Frames {
    /// Frames as these caps describe them. `None` for formats that the codec does not take.
    pub fn new(info: &gst_video::VideoInfo) -> Option<Self> {
        let (_, layout) = formats::of_raw(info.format())?;
        let mut unpacked = Unpacked::default();
        if let Packing::Bits(packing) = layout.packing {
            unpacked.resize(packing, info.width() as usize, info.height() as usize);
        }
        Some(Self { info: info.clone(), packing: layout.packing, unpacked })
    }

    /// What the caps say.
    pub fn info(&self) -> &gst_video::VideoInfo {
        &self.info
    }

    /// Codes the picture in a buffer.
    pub fn encode(
        &mut self,
        encoder: &mut Encoder,
        buffer: &gst::BufferRef,
        request: Request,
    ) -> Result<Unit, FrameError> {
        let frame =
            VideoFrameRef::from_buffer_ref_readable(buffer, &self.info).map_err(|_| FrameError::Buffer)?;
        let strides = strides(&frame)?;
        let buffers = frame.planes_data();
        let planes: Vec<Plane> = match self.packing {
            Packing::Bits(packing) => {
                self.unpacked.unpack(packing, buffers[0], strides[0])?;
                words(&self.unpacked.planes()).map(|layout| layout.of(&[self.unpacked.data()])).collect()
            }
            Packing::Bytes(places) => {
                in_place(places, Word::U8, &strides).map(|layout| layout.of(&buffers)).collect()
            }
            Packing::Words(places, shift) => {
                in_place(places, Word::U16 { shift }, &strides).map(|layout| layout.of(&buffers)).collect()
            }
        };
        Ok(encoder.encode(&planes, request)?)
    }

    /// Decodes a unit, up to a layer, into a buffer.
    pub fn decode(
        &mut self,
        decoder: &mut Decoder,
        unit: &Unit,
        max_layer: u8,
        buffer: &mut gst::BufferRef,
    ) -> Result<Picture, FrameError> {
        let mut frame =
            VideoFrameRef::from_buffer_ref_writable(buffer, &self.info).map_err(|_| FrameError::Buffer)?;
        let strides = strides(&frame)?;
        let mut buffers = frame.planes_data_mut();
        let (places, word) = match self.packing {
            Packing::Bits(packing) => {
                return self.decode_packed(decoder, unit, max_layer, packing, (buffers[0], strides[0]));
            }
            Packing::Bytes(places) => (places, Word::U8),
            Packing::Words(places, shift) => (places, Word::U16 { shift }),
        };
        let planes: Vec<PlaneLayout> = in_place(places, word, &strides).collect();
        let mut target = PictureMut { buffers: &mut buffers, planes: &planes };
        Ok(decoder.decode(unit, max_layer, &mut target)?)
    }

    fn decode_packed(
        &mut self,
        decoder: &mut Decoder,
        unit: &Unit,
        max_layer: u8,
        packing: BitPacking,
        (data, stride): (&mut [u8], usize),
    ) -> Result<Picture, FrameError> {
        let planes: Vec<PlaneLayout> = words(&self.unpacked.planes()).collect();
        let mut target = PictureMut { buffers: &mut [self.unpacked.data_mut()], planes: &planes };
        let picture = decoder.decode(unit, max_layer, &mut target)?;
        self.unpacked.pack(packing, data, stride)?;
        Ok(picture)
    }
}

/// Planes of samples in the planes of a frame.
fn in_place(places: &[Place], word: Word, strides: &[usize]) -> impl Iterator<Item = PlaneLayout> {
    let bytes = if word == Word::U8 { 1 } else { 2 };
    places.iter().map(move |place| PlaneLayout {
        buffer: place.plane,
        offset: place.offset * bytes,
        stride: strides.get(place.plane).copied().unwrap_or_default(),
        step: place.step * bytes,
        word,
    })
}

/// Planes of samples that were taken apart.
fn words(planes: &[WordPlane]) -> impl Iterator<Item = PlaneLayout> {
    let word = Word::U16 { shift: 0 };
    planes.iter().map(move |&WordPlane { offset, stride }| PlaneLayout {
        buffer: 0,
        offset,
        stride,
        step: 2,
        word,
    })
}

fn strides(frame: &impl VideoFrameExt) -> Result<Vec<usize>, FrameError> {
    let count = frame.n_planes() as usize;
    let strides = frame.plane_stride()[..count].iter().enumerate();
    strides
        .map(|(plane, &stride)| {
            usize::try_from(stride).ok().filter(|&s| s > 0).ok_or(FrameError::Stride { plane, stride })
        })
        .collect()
}
