use std::collections::VecDeque;

/// Units of which it is known what of them is sent.
const REMEMBERED: usize = 128;

/// What a viewer gets of one track.
#[derive(Default)]
pub(super) struct TrackOut {
    /// Whether layers are left out of it to keep the rate.
    pub(super) adapts: bool,
    units: VecDeque<UnitOut>,
}

/// What a viewer gets of one unit.
#[derive(Debug, Clone, Copy)]
struct UnitOut {
    number: u64,
    /// The highest layer that is sent.
    ceiling: u8,
    /// How many of the lowest layers have one block together; 0 where each has its own.
    together: u8,
}

impl TrackOut {
    /// The same, adapting to the rate or not.
    pub(super) fn adapting(self, adapts: bool) -> Self {
        Self { adapts, ..self }
    }

    /// Begins a unit: no layer above this one is sent of it, and so many of the lowest have one block together.
    pub(super) fn begin(&mut self, number: u64, ceiling: u8, together: u8) {
        if self.units.len() == REMEMBERED {
            self.units.pop_front();
        }
        self.units.push_back(UnitOut { number, ceiling, together });
    }

    /// The highest layer that is sent of a unit; `None` where nothing is, because the viewer came after it.
    pub(super) fn ceiling(&self, number: u64) -> Option<u8> {
        self.get(number).map(|unit| unit.ceiling)
    }

    /// How many of the lowest layers of a unit have one block together.
    pub(super) fn together(&self, number: u64) -> u8 {
        self.get(number).map_or(0, |unit| unit.together)
    }

    fn get(&self, number: u64) -> Option<&UnitOut> {
        self.units.iter().rev().find(|unit| unit.number == number)
    }

    /// Sends no layer above this one any more of a unit.
    pub(super) fn lower(&mut self, number: u64, to: u8) {
        if let Some(unit) = self.units.iter_mut().rev().find(|unit| unit.number == number) {
            unit.ceiling = to.min(unit.ceiling);
        }
    }
}
