//! Pictures in quality layers.
//!
//! ```
//! use fql_codec::video::{Decoder, DecoderConfig, Encoder, EncoderConfig, Format, PictureMut, Plane, PlaneLayout, Rate};
//! use fql_unit::Chroma;
//!
//! let (width, height, format) = (64, 48, Format::new(Chroma::Grey));
//! let config = EncoderConfig { width, height, format, layers: 12, slices: 0, threads: 1, motion: None };
//! let source: Vec<u8> = (0..64 * 48).map(|i| (i % 64 * 3) as u8).collect();
//! let unit = Encoder::new(config)?.encode(&[Plane::bytes(&source, 64)], Rate::WholeLadder)?;
//!
//! let mut decoder = Decoder::new(DecoderConfig { width, height, format, threads: 1 })?;
//! let mut out = vec![0; source.len()];
//! let mut target = PictureMut { buffers: &mut [&mut out], planes: &[PlaneLayout::bytes(0, 64)] };
//! let rough = decoder.decode(&unit, 3, &mut target)?;
//! assert_eq!((rough.layers, rough.exact), (4, false));
//! let all = decoder.decode(&unit, 14, &mut target)?;
//! assert!(all.exact && out == source);
//! # Ok::<(), fql_codec::Error>(())
//! ```
//!
//! # How it works
//!
//! Samples of 8, 10 or 12 bits, wherever they lie in memory (`memory`), go around zero and with up to six fractional
//! bits through up to six levels of the CDF 9/7 wavelet by integer lifting (`kernels::lifting`, `transform`). A direction in
//! which chroma has half of the samples has one level less, so that its bands have the scale and shape of luma's;
//! RGB is turned into luma and two colour differences first (`colour`). Each coefficient counts as its value times
//! the L2 norm of its synthesis basis (`weights`), so that equal intervals mean equal error in the picture; chroma's
//! intervals are twice luma's. With samples of B bits layer *k* from 0 to B has intervals of 2^(B+1-*k*) · *s* sample
//! units with zero in the middle of two, where *s* = (256 + scale) / 256 is the unit's one scale.
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
//! The exact layer, B + 1, is the difference between the source and the rounded reconstruction of all below
//! (`exact`, with `prediction`), sample by sample; it is used only where all of them are complete in all slices, as
//! the transform overlaps slices.
//!
//! A predicted frame is coded as its difference from what an earlier one says of it, by the same transform and layers
//! (`motion`). That frame is rebuilt from the layers up to the reference layer alone, with its fractional bits, by the
//! encoder (`estimation`) as by any decoder (`references`); a test holds them equal bit for bit. The layers above
//! refine their own frame only. Blocks of 16x16 samples, or their four cells, have vectors of quarters of a sample,
//! which stand at the begin of layer 0 of their slice; between the middles of cells the prediction goes over from one
//! vector to the next. Small coefficients that stand alone are left out (`thinning`). Whether a frame is predicted at
//! all says a search that compares what blocks cost with and without; key frames are finer, as others rest on them.
//!
//! `Rate::Bytes` chooses the finest layer and the scale by a model of bytes over the number of significant
//! coefficients (`rate`) and then cuts the tails of the finest layer. Such a cut is not marked: a decoder finds the
//! end of any codeword itself and keeps what is certain, and the encoder forgets what it cut before it predicts from
//! it. Where layers were lost on the way, a key frame borrows them from the one before as far as that contradicts
//! nothing (`borrow`); a slice that was lost goes on as it moved. What rests on lost layers is marked as drifted until
//! a key frame comes, or a frame that is predicted from one which the receiver has acknowledged
//! ([`Encoder::acknowledge`]).

mod borrow;
#[cfg(test)]
mod closed_loop;
mod colour;
mod contexts;
mod decoder;
mod encoder;
mod estimation;
mod exact;
mod format;
mod layout;
mod memory;
mod motion;
mod parallel;
mod params;
mod picture;
mod planes;
mod prediction;
mod quantiser;
mod rate;
mod reading;
mod references;
mod tables;
mod thinning;
#[cfg(test)]
mod training;
mod transform;
mod weights;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub use format::Format;
pub use memory::{PictureMut, Plane, PlaneLayout, Word};
pub use rate::{Coded, Goal, Live, Rate, RateControl};

use fql_unit::MAX_DIMENSION;

use crate::Error;
use crate::error::check;

/// What an encoder needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderConfig {
    /// Width in luma samples, 1 to 8192.
    pub width: u32,
    /// Height in luma samples, 1 to 8192.
    pub height: u32,
    /// What the samples are.
    pub format: Format,
    /// How many layers the stream has, 1 to 15. With samples of B bits layers 0 to B are lossy, each with half
    /// the interval of the one below, layer B + 1 is exact, those above are empty.
    pub layers: u8,
    /// How many slices a unit has, 1 to 32; 0 chooses 1 to 8 by the size.
    pub slices: u8,
    /// How many threads work at most; 0 for one a core.
    pub threads: usize,
    /// How frames are predicted from earlier ones; `None` makes a key frame of each.
    pub motion: Option<Motion>,
}

/// How frames are predicted from earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Motion {
    /// The highest layer that is predicted from; `None` for the finest that a frame has. Layers above refine their
    /// own frame only.
    pub reference_layer: Option<u8>,
    /// How many earlier frames are kept to predict from, 1 to 16. One is enough where nobody acknowledges; where
    /// somebody does, as many as there are in two round trips.
    pub references: u8,
}

/// What is asked of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// How many bytes it may have.
    pub rate: Rate,
    /// Whether it must be a key frame.
    pub key: bool,
}

impl From<Rate> for Request {
    /// Nothing but a rate: the encoder chooses the kind of frame.
    fn from(rate: Rate) -> Self {
        Self { rate, key: false }
    }
}

/// What a decoder needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecoderConfig {
    /// Width in luma samples, 1 to 8192.
    pub width: u32,
    /// Height in luma samples, 1 to 8192.
    pub height: u32,
    /// What the samples are.
    pub format: Format,
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
    /// Whether it is a key frame, which decodes without any other.
    pub key: bool,
    /// What there was to predict it from.
    pub reference: Reference,
}

/// What a decoder had of the frame that a picture is predicted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// The picture is predicted from nothing: it is a key frame.
    None,
    /// All that the encoder predicted from.
    Whole,
    /// It, or a frame that it rests on, lacked layers that are predicted from: the picture is near what it should
    /// be, until the next key frame or one that is predicted from an acknowledged frame.
    Drifted,
    /// It never came: the picture is predicted from the nearest there is, or from grey, and best not shown.
    Missing,
}

/// Width and height, where they are in range.
fn check_size(width: u32, height: u32) -> Result<(usize, usize), Error> {
    check("the width", width, 1..=MAX_DIMENSION.into(), "1 to 8192")?;
    check("the height", height, 1..=MAX_DIMENSION.into(), "1 to 8192")?;
    Ok((width as usize, height as usize))
}

/// The tables that the specification refers to.
#[cfg(test)]
pub(crate) fn published() -> crate::published::Tables {
    vec![
        ("lossy", tables::TRAINED.to_vec()),
        ("predicted", tables::PREDICTED.to_vec()),
        ("exact", tables::EXACT.to_vec()),
    ]
}
