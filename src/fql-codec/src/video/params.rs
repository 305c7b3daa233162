//! The parameters that every segment of a unit needs, as the bytes that travel with it.

use crate::Error;

/// A picture that needs no other.
const KEY: u8 = 0;
/// A picture that is predicted from an earlier one.
const PREDICTED: u8 = 1;
/// The most frames between a picture and the one that it is predicted from.
pub(super) const MAX_DISTANCE: u8 = 16;

/// What holds for a whole frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Params {
    /// All intervals are (256 + scale) / 256 times their nominal length.
    pub(super) scale: u8,
    /// Which frame it is: one more than the one before, modulo 256.
    pub(super) number: u8,
    /// How many earlier frames later ones may be predicted from, 1 to 16: those that a decoder keeps.
    pub(super) window: u8,
    /// How many frames back the one is that it is predicted from, 1 to the window; `None` for a key frame.
    pub(super) distance: Option<u8>,
}

impl Params {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let Self { scale, number, window, distance } = self;
        match distance {
            None => vec![KEY, scale, number, window],
            Some(distance) => vec![PREDICTED, scale, number, window, distance],
        }
    }

    /// Bytes that follow are left to later versions.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (scale, number, window, distance) = match *bytes {
            [KEY, scale, number, window, ..] => (scale, number, window, None),
            [PREDICTED, scale, number, window, distance, ..] => (scale, number, window, Some(distance)),
            [] | [KEY | PREDICTED, ..] => return Err(Error::Params("they end too soon")),
            _ => return Err(Error::Params("the kind of frame is neither key (0) nor predicted (1)")),
        };
        if window > MAX_DISTANCE {
            return Err(Error::Params("more than 16 frames are to be kept"));
        }
        if distance.is_some_and(|distance| !(1..=window).contains(&distance)) {
            return Err(Error::Params("the frame is predicted from one that is not kept"));
        }
        Ok(Self { scale, number, window, distance })
    }
}
