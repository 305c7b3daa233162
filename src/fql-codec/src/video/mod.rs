//! Pictures in quality layers.

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
    /// How many layers were decoded completely in every slice.
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
