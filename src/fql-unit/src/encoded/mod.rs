//! Media that another encoder made: one access unit is one unit, whole on one of the layers of its track.
//!
//! A viewer without the higher layers sees fewer frames instead of coarser ones, so the layer says how much depends
//! on an access unit: see [`Importance`]. The [`Judge`] reads that from the few bytes of a header.

mod av1;
mod bits;
mod chain;
mod judge;
mod nal;
mod shape;
mod vp;

use bytes::Bytes;

use crate::wire::{Reader, put_signed};
use crate::{Error, Segment, Unit};

pub use chain::{Chain, Usable};
pub use judge::{Framing, Judge, Judgement};
pub use nal::unescaped;
pub use shape::{AudioShape, VideoShape, most_reordered};

/// How many layers a track of encoded video has: one for each [`Importance`].
pub const ENCODED_VIDEO_LAYERS: u8 = 3;
/// How many layers a track of encoded sound has: every access unit is as important as the others.
pub const ENCODED_AUDIO_LAYERS: u8 = 1;

const PARAMS: &str = "the parameters of an encoded unit";
const LAYER: u8 = 0x0f;
const HAS_DECODING_TIME: u8 = 0x10;

/// How much depends on an access unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Importance {
    /// Parameter sets, and pictures that decode without others.
    Key,
    /// Other pictures are predicted from it.
    Reference,
    /// No other picture needs it.
    Disposable,
}

impl Importance {
    /// The layer on which such an access unit lies.
    pub fn layer(self) -> u8 {
        self as u8
    }

    fn of_layer(layer: u8) -> Self {
        match layer {
            0 => Self::Key,
            1 => Self::Reference,
            _ => Self::Disposable,
        }
    }
}

/// An access unit that goes into a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessUnit {
    /// Its bytes as the caps of the track say.
    pub data: Bytes,
    /// How much depends on it; [`Importance::Key`] for all sound.
    pub importance: Importance,
    /// Whether a viewer can join here.
    pub key: bool,
    /// Whether access units before it are missing in the source.
    pub discont: bool,
    /// How many access units before it on its track were more important than [`Importance::Disposable`], modulo 256: so
    /// that a receiver can tell whether one that others need is among those that it lost. Of no account for sound.
    pub references: u8,
    /// How long after its decoding time it is presented, in nanoseconds; `None` where it has no decoding time of its
    /// own.
    pub composition: Option<i64>,
}

impl AccessUnit {
    /// The unit of a track of so many layers, 1 to 15: the bytes lie on one layer, those below are complete and
    /// empty. On a track with fewer layers the highest one holds what belongs above it.
    pub fn into_unit(self, layers: u8) -> Result<Unit, Error> {
        let layer = self.importance.layer().min(layers.saturating_sub(1));
        let mut unit = Unit::new(layers, 1, self.params(layer, layers))?;
        unit.flags.key = self.key;
        unit.flags.discont = self.discont;
        for below in 0..layer {
            unit.set(below, 0, Segment::complete(Bytes::new()));
        }
        unit.set(layer, 0, Segment::complete(self.data));
        Ok(unit)
    }

    /// The parameters of the unit: none on a track of one layer, unless it has a decoding time of its own; else a byte
    /// with the layer and, in bit 4, whether the composition time follows, the number of references, and the
    /// composition time, signed, as a zigzag varint.
    fn params(&self, layer: u8, layers: u8) -> Vec<u8> {
        match self.composition {
            None if layers == 1 => Vec::new(),
            None => vec![layer, self.references],
            Some(nanos) => {
                let mut out = vec![layer | HAS_DECODING_TIME, self.references];
                put_signed(&mut out, nanos);
                out
            }
        }
    }
}

/// What a unit of encoded media holds after its way through a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// How much depends on it.
    pub importance: Importance,
    /// As in [`AccessUnit`].
    pub references: u8,
    /// As in [`AccessUnit`].
    pub composition: Option<i64>,
    /// Whether it was left out on purpose, by the sender or for this receiver, and not lost.
    pub is_left_out: bool,
    /// All bytes of the access unit; `None` where some are lost, or it was left out on the way.
    pub data: Option<Bytes>,
}

impl Arrived {
    /// Reads a unit of encoded media.
    pub fn of(unit: &Unit) -> Result<Self, Error> {
        let mut r = Reader::new(unit.params());
        let (head, references) = match r.remaining() {
            0 => (0, 0),
            _ => (r.u8(PARAMS)?, r.u8(PARAMS)?),
        };
        let layer = head & LAYER;
        if layer >= unit.layers() {
            let (what, value) = ("the layer of an encoded unit", u64::from(layer));
            return Err(Error::OutOfRange { what, value, expected: "below the number of layers" });
        }
        let composition = match head & HAS_DECODING_TIME {
            0 => None,
            _ => Some(r.signed(PARAMS)?),
        };
        let segment = unit.segment(layer, 0).filter(|segment| segment.is_complete());
        let data = segment.map(|segment| segment.data().clone());
        let is_left_out = unit.coded_layers() <= layer;
        Ok(Self { importance: Importance::of_layer(layer), references, composition, is_left_out, data })
    }
}
