//! Units of encoded media under a bound of the rate. A part of one is of no use, and so are pictures predicted from
//! one that is not there.

use fql_unit::Unit;

use super::media::Media;
use crate::Time;
use crate::plan::{Cut, Plan, Sizes};

/// How far pictures that others are predicted from may run ahead of the rate, in seconds of it: a key picture takes
/// several times what the others take, and the encoder makes up for it within about this time.
const AHEAD: f64 = 1.0;
/// The same for sound, which must not suffer from what pictures took.
const AHEAD_SOUND: f64 = 2.0;

impl Media {
    /// Plans the unit whole, or without its bytes where it does not fit under `max_bitrate`, or is predicted from one
    /// that was left out: what is left of it then tells the receiver what to make of it. Pictures that nothing is
    /// predicted from go first. `None` where nothing is left.
    pub(super) fn fit_whole(
        &mut self,
        now: Time,
        at: usize,
        unit: &Unit,
        sizes: Sizes,
        whole: Plan,
    ) -> Option<Plan> {
        let reserve = self.reserve(now, at);
        let state = &mut self.tracks[at];
        let layer = sizes.lies_on.unwrap_or(0);
        let ahead = match (state.claim.is_predicted, layer) {
            (false, _) => AHEAD_SOUND,
            (true, 0 | 1) => AHEAD,
            (true, _) => 0.0,
        };
        let fits = self.bucket.as_mut().is_none_or(|bucket| {
            whole.wire() as f64 <= bucket.available(now) - reserve + bucket.in_seconds(ahead)
        });
        state.is_broken &= !unit.flags.key;
        if fits && !state.is_broken {
            return Some(whole);
        }
        state.is_broken |= state.claim.is_predicted && layer < 2;
        self.units_trimmed += 1;
        let claim = state.claim;
        let cut = Cut { layers: layer.min(whole.cut.layers), top: 1.0 };
        (layer > 0).then(|| self.safety.plan(claim, unit, cut, sizes))
    }
}
