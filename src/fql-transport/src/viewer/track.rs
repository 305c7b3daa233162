use std::collections::VecDeque;

/// Units of which it is known what of them is sent.
const REMEMBERED: usize = 128;

/// What a viewer gets of one track.
#[derive(Default)]
pub(super) struct TrackOut {
    /// Whether layers are left out of it to keep the rate.
    pub(super) adapts: bool,
    /// The highest layer that is sent of the last units.
    units: VecDeque<(u64, u8)>,
}

impl TrackOut {
    /// The same, adapting to the rate or not.
    pub(super) fn adapting(self, adapts: bool) -> Self {
        Self { adapts, ..self }
    }

    /// Begins a unit: no layer above this one is sent of it.
    pub(super) fn begin(&mut self, number: u64, ceiling: u8) {
        if self.units.len() == REMEMBERED {
            self.units.pop_front();
        }
        self.units.push_back((number, ceiling));
    }

    /// The highest layer that is sent of a unit; `None` where nothing is, because the viewer came after it.
    pub(super) fn ceiling(&self, number: u64) -> Option<u8> {
        self.units.iter().rev().find(|&&(other, _)| other == number).map(|&(_, ceiling)| ceiling)
    }

    /// Sends no layer above this one any more of a unit.
    pub(super) fn lower(&mut self, number: u64, to: u8) {
        if let Some((_, ceiling)) = self.units.iter_mut().rev().find(|(other, _)| *other == number) {
            *ceiling = to.min(*ceiling);
        }
    }
}
