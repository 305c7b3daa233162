use fql_unit::{Chroma, VideoInfo};

use crate::Error;

/// What the samples of a picture are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format {
    /// The colours, and how much of them there is.
    pub chroma: Chroma,
    /// Whether a plane of opacity, of full size, follows the others.
    pub alpha: bool,
    /// Bits a sample: 8, 10 or 12.
    pub bits: u8,
}

/// What a plane that is coded holds: for RGB not the one that comes and goes, but what the colour transform makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Luma,
    Chroma,
    Alpha,
}

impl Format {
    /// 8-bit samples without opacity.
    pub const fn new(chroma: Chroma) -> Self {
        Self { chroma, alpha: false, bits: 8 }
    }

    /// How many planes a picture has: luma or green first, then Cb and Cr or blue and red, then opacity.
    pub const fn planes(self) -> usize {
        let colours = match self.chroma {
            Chroma::Grey => 1,
            Chroma::Yuv420 | Chroma::Yuv422 | Chroma::Yuv444 | Chroma::Rgb => 3,
        };
        colours + self.alpha as usize
    }

    /// Width and height of a plane, for a picture of this size.
    pub fn plane_size(self, plane: usize, width: usize, height: usize) -> (usize, usize) {
        let (across, down) = match self.role(plane) {
            Role::Luma | Role::Alpha => (1, 1),
            Role::Chroma => self.subsampling(),
        };
        (width.div_ceil(across), height.div_ceil(down))
    }

    /// The index of the exact layer: 9, 11 or 13. Those below are lossy.
    pub const fn exact_layer(self) -> u8 {
        self.bits + 1
    }

    /// The largest value of a sample.
    pub(super) fn max(self) -> i32 {
        (1 << self.bits) - 1
    }

    pub(super) fn role(self, plane: usize) -> Role {
        match plane {
            0 => Role::Luma,
            _ if self.alpha && plane + 1 == self.planes() => Role::Alpha,
            _ => Role::Chroma,
        }
    }

    /// How many pixels across and down share a chroma sample.
    pub(super) fn subsampling(self) -> (usize, usize) {
        match self.chroma {
            Chroma::Yuv420 => (2, 2),
            Chroma::Yuv422 => (2, 1),
            Chroma::Grey | Chroma::Yuv444 | Chroma::Rgb => (1, 1),
        }
    }

    /// Bits of the coded samples of a plane: the colour differences of RGB have one more.
    pub(super) fn coded_bits(self, plane: usize) -> u32 {
        u32::from(self.bits) + u32::from(self.chroma == Chroma::Rgb && self.role(plane) == Role::Chroma)
    }

    /// The finest lossy layer.
    pub(super) fn finest(self) -> u32 {
        self.bits.into()
    }

    /// Fractional bits of the transform: six, or as many as are left of 16, so that products fit in 32 bits.
    pub(super) fn fraction(self) -> u32 {
        let most = (0..self.planes()).map(|plane| self.coded_bits(plane)).max().unwrap_or(0);
        6.min(16 - most)
    }

    pub(super) fn check(self) -> Result<(), Error> {
        if [8, 10, 12].contains(&self.bits) {
            return Ok(());
        }
        let (what, expected) = ("the number of bits a sample", "8, 10 or 12");
        Err(Error::OutOfRange { what, value: self.bits.into(), expected })
    }
}

impl From<Chroma> for Format {
    fn from(chroma: Chroma) -> Self {
        Self::new(chroma)
    }
}

impl From<&VideoInfo> for Format {
    fn from(info: &VideoInfo) -> Self {
        Self { chroma: info.chroma, alpha: info.alpha, bits: info.bits }
    }
}
