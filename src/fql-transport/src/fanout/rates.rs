use std::sync::Arc;
use std::time::Duration;

use super::block::{Part, TrackKind, Workshop};
use crate::adaptive::Need;
use crate::datagram::{HEADER, TAG};
use crate::message::SOURCE_OVERHEAD;
use crate::meter::Meter;
use crate::{Fec, Time};

/// Rates are told anew after this time.
const UPDATE: Duration = Duration::from_millis(100);
/// How much the newest block counts in the mean size of blocks.
const NEWEST: f64 = 0.1;
/// Bytes of UDP and IP headers that rates are counted with.
const HEADERS: usize = 28;

/// What the layers of a track take on the wire.
#[derive(Default)]
pub(super) struct TrackMeter {
    layers: Vec<LayerMeter>,
    /// How many layers later units are predicted from, of the newest unit.
    reference_layers: u8,
    /// Source shards of a block of these in the mean.
    reference_sources: f64,
}

#[derive(Default)]
struct LayerMeter {
    wire: Meter,
    /// Source shards of a block in the mean.
    sources: f64,
}

/// What a stream takes on the wire, without parity.
#[derive(Clone, Default)]
pub(crate) struct Rates {
    pub(crate) tracks: Vec<TrackRates>,
    workshop: Arc<Workshop>,
}

/// The same of a track.
#[derive(Clone)]
pub(crate) struct TrackRates {
    pub(crate) kind: TrackKind,
    /// By the lowest layer of shards, or the layer of whole units.
    pub(crate) layers: Vec<LayerRate>,
    pub(crate) reference: ReferenceRate,
}

/// The same of all layers that later units are predicted from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReferenceRate {
    /// How many layers these are.
    pub(crate) layers: u8,
    rate: LayerRate,
}

/// The same of the shards of one layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerRate {
    /// Bits a second.
    pub(crate) bits: f64,
    sources: usize,
}

/// The rates that viewers were told last.
#[derive(Default)]
pub(super) struct Told {
    pub(super) rates: Arc<Rates>,
    at: Option<Time>,
}

impl TrackMeter {
    /// Counts a source shard.
    pub(super) fn add(&mut self, now: Time, layer: u8, content: usize) {
        let layer = usize::from(layer);
        if self.layers.len() <= layer {
            self.layers.resize_with(layer + 1, LayerMeter::default);
        }
        self.layers[layer].wire.add(now, HEADERS + HEADER + TAG + SOURCE_OVERHEAD + content);
    }

    /// Counts a block.
    pub(super) fn add_block(&mut self, part: Part, sources: usize) {
        let mean = match part {
            Part::Reference => Some(&mut self.reference_sources),
            Part::Layer(layer) => self.layers.get_mut(usize::from(layer)).map(|meter| &mut meter.sources),
        };
        let Some(mean) = mean else { return };
        let weight = if *mean == 0.0 { 1.0 } else { NEWEST };
        *mean += weight * (sources as f64 - *mean);
    }

    /// A unit begins, of which later ones are predicted from so many layers.
    pub(super) fn begin(&mut self, reference_layers: u8) {
        self.reference_layers = reference_layers;
    }

    pub(super) fn reference(&self, now: Time) -> ReferenceRate {
        let layers = self.layers.iter().take(self.reference_layers.into());
        let bits = layers.map(|meter| meter.wire.bits_per_second(now) as f64).sum();
        let rate = LayerRate { bits, sources: self.reference_sources.round() as usize };
        ReferenceRate { layers: self.reference_layers, rate }
    }

    pub(super) fn rates(&self, now: Time) -> Vec<LayerRate> {
        let rate = |meter: &LayerMeter| LayerRate {
            bits: meter.wire.bits_per_second(now) as f64,
            sources: meter.sources.round() as usize,
        };
        self.layers.iter().map(rate).collect()
    }
}

impl Told {
    /// Tells the rates, if it is time to.
    pub(super) fn update(
        &mut self,
        now: Time,
        workshop: &Arc<Workshop>,
        tracks: impl FnOnce() -> Vec<TrackRates>,
    ) {
        if self.at.is_none_or(|at| now >= at + UPDATE) {
            self.at = Some(now);
            self.rates = Arc::new(Rates { tracks: tracks(), workshop: workshop.clone() });
        }
    }
}

impl Rates {
    /// Bits a second of the parity that the shards of a layer have for a viewer with this need.
    pub(crate) fn parity(&self, layer: u8, rate: LayerRate, kind: TrackKind, fec: &Fec, need: Need) -> f64 {
        self.parity_of(Part::Layer(layer), rate, kind, fec, need)
    }

    /// The same of all layers of a track that later units are predicted from, in one block.
    pub(crate) fn parity_together(&self, track: &TrackRates, fec: &Fec, need: Need) -> f64 {
        self.parity_of(Part::Reference, track.reference.rate, track.kind, fec, need)
    }

    fn parity_of(&self, part: Part, rate: LayerRate, kind: TrackKind, fec: &Fec, need: Need) -> f64 {
        if rate.sources == 0 {
            return 0.0;
        }
        let rows = self.workshop.protection(kind, part, rate.sources, fec, need);
        rate.bits * rows as f64 / rate.sources as f64
    }
}
