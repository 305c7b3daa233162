use fql_unit::Unit;

use crate::Fec;
use crate::adaptive::{Estimate, Losses, Protector, Stake};
use crate::plan::{Cut, Parity, Plan, Protection, Sizes};
use crate::report::Counts;
use crate::{Time, rs};

/// How far targets are relaxed at most to keep the share of parity.
const MAX_RELAX: u32 = 14;

/// How much parity there is: the setting, and the losses that adaptive protection is computed for.
pub(super) struct Safety {
    fec: Fec,
    estimate: Estimate,
    protector: Protector,
}

/// What a track asks of its protection.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Claim {
    /// A picture hangs on its layer 0.
    pub(super) is_video: bool,
    /// Pictures are predicted from those on layers 0 and 1: where one is lost, all that follow are of no use until the
    /// next on layer 0.
    pub(super) is_predicted: bool,
    /// How many of the lowest layers of the unit later ones are predicted from.
    pub(super) reference_layers: u8,
    /// How far its targets are relaxed to keep the share of parity.
    pub(super) relax: u32,
    /// How much further those of one unit are, so that all that later ones are predicted from fits.
    pub(super) squeeze: u32,
}

impl Claim {
    /// What hangs on a block of this lowest layer, which is one of those that later pictures are predicted from, or not.
    fn stake(self, layer: u8, is_reference: bool) -> Stake {
        if is_reference {
            return Stake::Reference;
        }
        let layer = if self.is_predicted && layer == 1 { 0 } else { layer };
        Stake::of(layer, self.is_video)
    }
}

impl Safety {
    pub(super) fn new(fec: Fec) -> Self {
        Self { fec, estimate: Estimate::new(), protector: Protector::new() }
    }

    pub(super) fn fec(&self) -> &Fec {
        &self.fec
    }

    /// Whether parity follows the losses.
    pub(super) fn adapts(&self) -> bool {
        matches!(self.fec, Fec::Adaptive { .. })
    }

    pub(super) fn set_fec(&mut self, fec: Fec) {
        self.fec = fec;
    }

    pub(super) fn new_session(&mut self) {
        self.estimate.new_session();
    }

    /// Takes what the receiver counted.
    pub(super) fn handle_counts(&mut self, now: Time, counts: &Counts) {
        self.estimate.update(now, [counts.received, counts.lost, counts.bursts]);
    }

    /// The losses that protection is computed for.
    pub(super) fn losses(&self) -> Losses {
        self.estimate.losses()
    }

    /// Takes the number of datagrams that leave while the shards of a block do, and of how many units of the track.
    pub(super) fn set_spread(&mut self, datagrams: f64, units: f64) {
        self.protector.set(self.estimate.losses(), datagrams, units);
    }

    /// Plans a unit as the setting has it.
    pub(super) fn plan(&mut self, claim: Claim, unit: &Unit, cut: Cut, sizes: Sizes) -> Plan {
        Plan::new(unit, cut, sizes, &mut self.of(claim))
    }

    /// Plans a unit with as strong protection as the setting's share of parity allows.
    pub(super) fn plan_within_share(
        &mut self,
        claim: &mut Claim,
        unit: &Unit,
        cut: Cut,
        sizes: Sizes,
    ) -> Plan {
        let Fec::Adaptive { max_percent } = self.fec else { return self.plan(*claim, unit, cut, sizes) };
        // From one step below the last unit's, as it mostly stays the same.
        claim.relax = claim.relax.saturating_sub(1);
        loop {
            let plan = self.plan(*claim, unit, cut, sizes);
            let is_within = plan.parity * 100 <= plan.wire() * usize::from(max_percent);
            if is_within || claim.relax >= MAX_RELAX {
                return plan;
            }
            claim.relax += 1;
        }
    }

    /// Parity shards of a block of `sources` source shards, of which this is the lowest layer.
    pub(super) fn parity(&mut self, claim: Claim, layer: u8, sources: usize) -> usize {
        self.of(claim).parity(layer, sources).shards.min(rs::MAX_PARITY)
    }

    fn of(&mut self, claim: Claim) -> Setting<'_> {
        self.protector.set_relax(claim.relax + claim.squeeze);
        Setting { claim, fec: &self.fec, protector: &mut self.protector }
    }
}

/// The protection of one track.
struct Setting<'a> {
    claim: Claim,
    fec: &'a Fec,
    protector: &'a mut Protector,
}

impl Protection for Setting<'_> {
    fn parity(&mut self, layer: u8, sources: usize) -> Parity {
        match self.fec.fixed_parity(layer, sources) {
            Some(shards) => Parity { shards, suffices: true },
            None => {
                let stake = self.claim.stake(layer, self.is_reference(layer));
                self.protector.parity(stake, sources)
            }
        }
    }

    fn adapts(&self) -> bool {
        matches!(self.fec, Fec::Adaptive { .. })
    }

    fn reference_layers(&self) -> u8 {
        if self.adapts() { self.claim.reference_layers } else { 0 }
    }

    fn keeps_picture_apart(&self) -> bool {
        self.reference_layers() > 1 && self.protector.is_bursty()
    }
}
