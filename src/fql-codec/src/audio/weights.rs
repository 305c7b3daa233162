//! How much finer the intervals of each group of bands are than those of the ladder, in whole planes.
//!
//! The encoder chooses them so that the error is about equally far from being heard in all groups; a decoder needs to
//! know nothing of that. They stand at the beginning of layer 0.

use crate::entropy::{BitModel, Coder};

use super::bands;
use super::rotation::Partners;

/// The largest weight.
pub(super) const MOST: u8 = 15;
/// What the group before the first one is taken to have.
const BEFORE: u8 = 4;

/// The adaptive models of weights.
#[derive(Debug, Clone)]
pub(super) struct Models {
    /// Whether a weight is that of the group below; by what the partner did there.
    pub other: [BitModel; CONTEXTS],
    /// Whether it is less.
    pub less: [BitModel; CONTEXTS],
    /// By how much more than one it differs.
    pub more: [BitModel; 3],
}

/// What the partner did from the group below to this one: nothing, rise, fall, or there is none yet.
pub(super) const CONTEXTS: usize = 4;

/// The weights of all channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Weights {
    groups: usize,
    /// Of each group, channel after channel.
    values: Vec<u8>,
}

impl Weights {
    /// No group finer than another.
    pub(super) fn even(frame: usize, channels: usize) -> Self {
        let groups = bands::groups(frame);
        Self { groups, values: vec![0; groups * channels] }
    }

    /// With these values, channel after channel, each at most [`MOST`].
    pub(super) fn new(frame: usize, values: Vec<u8>) -> Self {
        Self { groups: bands::groups(frame), values }
    }

    /// By how many octaves the ladder begins above the peak, so that layer 0 stays small: where most groups are finer than
    /// the coarsest one, layer 0 tells much already.
    pub(super) fn octaves_above_peak(&self) -> u16 {
        let sum: usize = self.values.iter().map(|weight| usize::from(*weight)).sum();
        u16::from(sum >= 2 * self.values.len())
    }

    /// The weight of each band, channel after channel.
    pub(super) fn of_bands(&self, frame: usize) -> Vec<u8> {
        let channels = self.values.chunks_exact(self.groups);
        channels.flat_map(|groups| (0..bands::count(frame)).map(|band| groups[bands::group(band)])).collect()
    }

    /// Codes all of them. `None` where a decoder's bytes ended.
    pub(super) fn code<C: Coder>(
        frame: usize,
        channels: usize,
        partners: Partners,
        models: &mut Models,
        coder: &mut C,
        source: Option<&Self>,
    ) -> Option<Self> {
        let mut weights = Self::even(frame, channels);
        let groups = weights.groups;
        for (channel, partner) in partners.iter().enumerate().take(channels) {
            let partner = partner.map(usize::from).filter(|partner| *partner < channel);
            for group in 0..groups {
                let at = channel * groups + group;
                let context = partner.map_or(CONTEXTS - 1, |partner| weights.step(partner, group));
                let below = if group == 0 { BEFORE } else { weights.values[at - 1] };
                let change = || source.map_or(0, |source| i32::from(source.values[at]) - i32::from(below));
                let change = models.code(context, coder, change);
                if coder.is_exhausted() {
                    return None;
                }
                weights.values[at] = (i32::from(below) + change).clamp(0, MOST.into()) as u8;
            }
        }
        Some(weights)
    }

    /// The context that a channel's step from the group below gives.
    fn step(&self, channel: usize, group: usize) -> usize {
        let own = &self.values[channel * self.groups..];
        let below = if group == 0 { BEFORE } else { own[group - 1] };
        match own[group].cmp(&below) {
            std::cmp::Ordering::Equal => 0,
            std::cmp::Ordering::Greater => 1,
            std::cmp::Ordering::Less => 2,
        }
    }
}

impl Models {
    fn code<C: Coder>(&mut self, context: usize, coder: &mut C, change: impl Fn() -> i32) -> i32 {
        if !coder.code(&mut self.other[context], || change() != 0) {
            return 0;
        }
        let less = coder.code(&mut self.less[context], || change() < 0);
        let more = coder.code_integer(&mut self.more, || change().unsigned_abs() - 1);
        let change = more.min(MOST.into()) as i32 + 1;
        if less { -change } else { change }
    }
}
