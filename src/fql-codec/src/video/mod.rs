//! Pictures in quality layers.
//!
//! ```
//! use fql_codec::video::{Decoder, DecoderConfig, Encoder, EncoderConfig, Plane, PlaneMut, Rate};
//! use fql_unit::Chroma;
//!
//! let (width, height, chroma) = (64, 48, Chroma::Grey);
//! let config = EncoderConfig { width, height, chroma, layers: 12, slices: 0, threads: 1 };
//! let source: Vec<u8> = (0..64 * 48).map(|i| (i % 64 * 3) as u8).collect();
//! let unit = Encoder::new(config)?.encode(&[Plane { data: &source, stride: 64 }], Rate::WholeLadder)?;
//!
//! let mut decoder = Decoder::new(DecoderConfig { width, height, chroma, threads: 1 })?;
//! let mut out = vec![0; source.len()];
//! let rough = decoder.decode(&unit, 3, &mut [PlaneMut { data: &mut out, stride: 64 }])?;
//! assert_eq!((rough.layers, rough.exact), (4, false));
//! let all = decoder.decode(&unit, 14, &mut [PlaneMut { data: &mut out, stride: 64 }])?;
//! assert!(all.exact && out == source);
//! # Ok::<(), fql_codec::Error>(())
//! ```
//!
//! # How it works
//!
//! Samples, less 128 and with six fractional bits, go through up to six levels of the CDF 9/7 wavelet by integer
//! lifting (`lifting`, `transform`); chroma has one level less, so that its bands have the scale and shape of
//! luma's. Each coefficient counts as its value times the L2 norm of its synthesis basis (`weights`), so that equal
//! intervals mean equal error in the picture; chroma's intervals are twice luma's. Layer *k* from 0 to 8 has
//! intervals of 2^(9-*k*) · *s* sample units with zero in the middle of two, where *s* = (256 + scale) / 256 is the
//! unit's one scale.
//!
//! Slices are stripes of rows of the coarsest band, with the coefficients of all bands and planes that lie in them
//! (`layout`). A layer of a slice is one codeword of the range coder ([`crate::entropy`]); its models begin at
//! trained tables (`tables`, made by `training`) in layer 0 and carry on from layer to layer. Within a layer
//! (`planes`), bands come coarse before fine and luma before chroma, blocks of 8x8 coefficients in rows. A block
//! that was empty so far says whether it still is; in the others each coefficient that was zero says whether it
//! still is, and if not, whether it has two intervals or more (and then how many) and its sign; the others give one
//! more bit. All in contexts of the eight neighbours, the parent, and the bands of the same scale that came before
//! (`contexts`).
//!
//! The exact layer, 9, is the difference between the source and the rounded reconstruction of layers 0 to 8
//! (`exact`, with `prediction`), sample by sample; it is used only where all of them are complete in all slices, as
//! the transform overlaps slices.
//!
//! `Rate::Bytes` chooses the finest layer and the scale by a model of bytes over the number of significant
//! coefficients (`rate`) and then cuts the tails of the finest layer. Such a cut is not marked: a decoder finds the
//! end of any codeword itself and keeps what is certain. Where layers were lost on the way, it borrows them from the
//! picture before as far as that contradicts nothing (`borrow`).

mod borrow;
mod contexts;
mod decoder;
mod encoder;
mod exact;
mod layout;
mod lifting;
mod parallel;
mod params;
mod picture;
mod planes;
mod prediction;
mod quantiser;
mod rate;
mod tables;
#[cfg(test)]
mod training;
mod transform;
mod weights;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub use rate::RateControl;

use fql_unit::{Chroma, MAX_DIMENSION};

use crate::Error;
use crate::error::check;

/// The samples of one plane to encode: rows of the plane's width, `stride` bytes apart.
#[derive(Debug, Clone, Copy)]
pub struct Plane<'a> {
    /// The samples; the last row may end with its last sample.
    pub data: &'a [u8],
    /// Bytes from one row to the next, at least the plane's width.
    pub stride: usize,
}

/// The samples of one plane to decode into, laid out as in [`Plane`].
#[derive(Debug)]
pub struct PlaneMut<'a> {
    /// The samples; the last row may end with its last sample.
    pub data: &'a mut [u8],
    /// Bytes from one row to the next, at least the plane's width.
    pub stride: usize,
}

/// What an encoder needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderConfig {
    /// Width in luma samples, 1 to 8192.
    pub width: u32,
    /// Height in luma samples, 1 to 8192.
    pub height: u32,
    /// The chroma format.
    pub chroma: Chroma,
    /// How many layers the stream has, 1 to 15. Layers 0 to 8 are lossy, each with half the interval of the one
    /// below, layer 9 is exact, those above are empty.
    pub layers: u8,
    /// How many slices a unit has, 1 to 32; 0 chooses 1 to 8 by the size.
    pub slices: u8,
    /// How many threads work at most; 0 for one a core.
    pub threads: usize,
}

/// How many bytes a unit may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// All layers that the stream has, at their nominal intervals.
    WholeLadder,
    /// At most this many bytes in all segments together. All intervals are scaled by one factor from 1 to 2, and
    /// layers from that on where the bytes are spent are empty.
    Bytes(usize),
}

/// What a decoder needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecoderConfig {
    /// Width in luma samples, 1 to 8192.
    pub width: u32,
    /// Height in luma samples, 1 to 8192.
    pub height: u32,
    /// The chroma format.
    pub chroma: Chroma,
    /// How many threads work at most; 0 for one a core.
    pub threads: usize,
}

/// What came out of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture {
    /// How many layers were decoded completely in every slice; the finest does not count where the encoder cut its
    /// tail to meet a rate.
    pub layers: u8,
    /// Whether the picture is the source bit for bit.
    pub exact: bool,
    /// Whether some slice had nothing of layer 0 and shows the picture before, or grey where there is none.
    pub concealed: bool,
}

/// Width and height, where they are in range.
fn check_size(width: u32, height: u32) -> Result<(usize, usize), Error> {
    check("the width", width, 1..=MAX_DIMENSION.into(), "1 to 8192")?;
    check("the height", height, 1..=MAX_DIMENSION.into(), "1 to 8192")?;
    Ok((width as usize, height as usize))
}
