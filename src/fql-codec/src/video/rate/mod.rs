//! How long the intervals are, so that a frame has the bytes that it may have: [`Rate`] asks, the model of bytes over
//! intervals ([`model`]) answers for one frame, and the control ([`control`]) asks frame by frame.

mod control;
mod model;

pub use control::RateControl;
pub(super) use model::{Finest, Model};

/// Key frames, from which many others are predicted, have intervals shorter by 1.5 octaves: the factor in 1/256.
const KEY_FACTOR: u64 = 91;

/// How many bytes a unit may have, or how fine it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// All layers that the stream has, at their nominal intervals.
    WholeLadder,
    /// At most this many bytes in all segments together. All intervals are scaled by one factor from 1 to 2, and
    /// layers from that on where the bytes are spent are empty.
    Bytes(usize),
    /// The finest interval of frames that are predicted, in 1/256 of a sample's unit, whatever bytes that takes; key
    /// frames, from which many others are predicted, are 1.5 layers finer. For measurements at constant quality.
    Interval(u32),
    /// What [`RateControl`] thinks best for either kind of frame.
    Live(Live),
}

/// What a frame of a live stream should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    /// As a key frame.
    pub key: Goal,
    /// Predicted from another one.
    pub predicted: Goal,
    /// Bytes that it must not exceed, or it is late.
    pub most: usize,
}

/// An interval, as far as it does not take too many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goal {
    /// The finest interval, in 1/256 of a sample's unit.
    pub interval: u32,
    /// Where that is expected to take more bytes than these, it is as long as it must be to take no more.
    pub bytes: usize,
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coded {
    /// Whether it is a key frame.
    pub key: bool,
    /// Bytes of all its segments.
    pub bytes: usize,
    /// Its finest interval, in 1/256 of a sample's unit.
    pub interval: u32,
}

impl Rate {
    /// Bytes that a frame must not exceed.
    pub(super) fn most(self) -> usize {
        match self {
            Self::WholeLadder | Self::Interval(_) => usize::MAX,
            Self::Bytes(bytes) => bytes,
            Self::Live(live) => live.most,
        }
    }
}

impl Live {
    fn goal(self, key: bool) -> Goal {
        if key { self.key } else { self.predicted }
    }
}

/// The interval of key frames among frames that are predicted with this one.
fn key_interval(predicted: u32) -> u32 {
    (u64::from(predicted) * KEY_FACTOR / 256) as u32
}
