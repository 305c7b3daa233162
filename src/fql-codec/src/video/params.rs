//! The parameters that every segment of a unit needs, as the bytes that travel with it.

use crate::Error;

/// A picture that needs no other.
const INTRA: u8 = 0;

/// What holds for a whole frame. On the wire: a byte for the kind of frame (0: intra; others are for prediction to
/// come), and one for the scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Params {
    /// All intervals are (256 + scale) / 256 times their nominal length.
    pub(super) scale: u8,
}

impl Params {
    pub(super) fn to_bytes(self) -> [u8; 2] {
        [INTRA, self.scale]
    }

    /// Bytes that follow are left to later versions.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        match *bytes {
            [INTRA, scale, ..] => Ok(Self { scale }),
            [INTRA] | [] => Err(Error::Params("they end before the interval scale")),
            _ => Err(Error::Params("the kind of frame is not intra (0), the only one that is known")),
        }
    }
}
