use std::collections::VecDeque;

use fql_unit::{MAX_LAYERS, Media, Track, Unit};

use super::SenderEvent;
use super::rate::Share;
use super::safety::Claim;
use crate::Time;
use crate::meter::Meter;
use crate::plan::Plan;
use crate::replay::nearest;
use crate::report::Ack;
use crate::stats::SenderTrackStats;

/// Media bytes for each byte on the wire, before anything was planned.
const START_EFFICIENCY: f64 = 0.45;
/// Bytes on the wire that this counts for.
const START_WIRE: f64 = 512.0;
/// What is left of older units with every new one, in what media takes on the wire.
const FADE: f64 = 0.85;

/// How many units are remembered that were told of before the receiver spoke of them; it speaks of no more.
const MAX_TOLD: usize = 32;

/// What a sender knows of a track.
pub(super) struct TrackState {
    pub(super) id: u8,
    pub(super) layers: u8,
    /// Whether it is video or sound, in layers or encoded.
    pub(super) is_layered: bool,
    /// The pictures or frames of another encoder, which are sent whole or not at all.
    pub(super) is_encoded: bool,
    /// Whether a reference was left out since the last key unit of an encoded track: those that follow are of no use.
    pub(super) is_broken: bool,
    pub(super) claim: Claim,
    /// The number of the next unit.
    pub(super) next: u64,
    /// The number after the last acknowledged unit.
    acknowledged: u64,
    /// Units that were told of before, and are not again.
    told: VecDeque<u64>,
    /// Bytes of media and on the wire in the latest units, fading: what media takes on the wire. Small units take more
    /// of it, units of silence are headers alone: so that they count by their bytes.
    lately: [f64; 2],
    wire: Meter,
    media: Meter,
    layer_media: Vec<Meter>,
    layers_sent: u8,
    layers_acknowledged: u8,
}

impl TrackState {
    /// A track whose next unit has this number.
    pub(super) fn new(id: u8, next: u64) -> Self {
        Self {
            id,
            layers: 1,
            is_layered: false,
            is_encoded: false,
            is_broken: false,
            claim: Claim::default(),
            next,
            acknowledged: next,
            told: VecDeque::new(),
            lately: [START_WIRE * START_EFFICIENCY, START_WIRE],
            wire: Meter::default(),
            media: Meter::default(),
            layer_media: Vec::new(),
            layers_sent: 0,
            layers_acknowledged: 0,
        }
    }

    /// Takes what the track table says of it.
    pub(super) fn describe(&mut self, track: &Track) {
        self.layers = track.layers;
        self.is_layered = !matches!(track.media, Media::Data(_));
        self.is_encoded = track.media.is_encoded();
        self.claim.is_video = track.media.is_video();
        self.claim.is_predicted = matches!(track.media, Media::EncodedVideo(_));
        self.layer_media.resize_with(track.layers.into(), Meter::default);
    }

    /// A receiver that knows nothing of the past: what was sent to another is not acknowledged any more.
    pub(super) fn new_session(&mut self) {
        self.acknowledged = self.next;
    }

    /// Learns from a plan of a whole unit how many bytes media takes on the wire.
    pub(super) fn measure_efficiency(&mut self, plan: &Plan) {
        for (sum, new) in self.lately.iter_mut().zip([plan.media, plan.wire()]) {
            *sum = *sum * FADE + new as f64;
        }
    }

    /// Media bytes for each byte on the wire.
    fn efficiency(&self) -> f64 {
        let [media, wire] = self.lately;
        media / wire.max(1.0)
    }

    /// Counts a unit that is sent.
    pub(super) fn record(&mut self, now: Time, unit: &Unit, plan: &Plan) {
        self.wire.add(now, plan.wire());
        self.media.add(now, plan.media);
        self.layers_sent = plan.cut.layers;
        for (layer, meter) in self.layer_media.iter_mut().enumerate().take(plan.cut.layers.into()) {
            let segments = (0..unit.slices()).filter_map(|slice| unit.segment(layer as u8, slice));
            let bytes: usize = segments.map(|segment| segment.data().len()).sum();
            let is_top = layer + 1 == usize::from(plan.cut.layers);
            meter.add(now, if is_top { (bytes as f64 * plan.cut.top) as usize } else { bytes });
        }
    }

    /// Bits a second on the wire over the last second.
    pub(super) fn wire_rate(&self, now: Time) -> u64 {
        self.wire.bits_per_second(now)
    }

    /// A unit was told of before the receiver speaks of it.
    pub(super) fn told(&mut self, number: u64) {
        if self.told.len() == MAX_TOLD {
            self.told.pop_front();
        }
        self.told.push_back(number);
    }

    /// Takes an acknowledgement of a receiver that wants no layer above `max_layer`. Gives an event for each unit that
    /// it is the first to speak of.
    pub(super) fn acknowledge(&mut self, ack: &Ack, max_layer: u8) -> Vec<SenderEvent> {
        let last = nearest(self.next, ack.last.into(), 32);
        if last >= self.next {
            return Vec::new();
        }
        let (track, first) = (self.id, self.acknowledged);
        let units = ack.layers.iter().enumerate().filter_map(|(back, &layers)| {
            let number = last.checked_sub(back as u64).filter(|&number| number >= first)?;
            if self.told.contains(&number) {
                return None;
            }
            // Who wants no more is not to keep an encoder from predicting from more.
            let layers = if layers > max_layer { MAX_LAYERS } else { layers };
            Some(SenderEvent::Acknowledged { track, number, layers })
        });
        let mut events: Vec<_> = units.collect();
        events.reverse();
        if last >= first {
            self.acknowledged = last + 1;
            self.layers_acknowledged = ack.layers.first().copied().unwrap_or(0);
        }
        events
    }

    /// Video adapts to the rate; sound only where there is no video, because it takes little.
    pub(super) fn share(&self, now: Time, has_video: bool) -> Share {
        let adapts = self.claim.is_video || (self.is_layered && !has_video);
        Share {
            track: self.id,
            fixed: (!adapts).then(|| self.wire_rate(now)),
            media: self.media.bits_per_second(now),
            efficiency: self.efficiency(),
            is_layered: self.is_layered,
        }
    }

    pub(super) fn stats(&self, now: Time) -> SenderTrackStats {
        SenderTrackStats {
            id: self.id,
            units: self.next,
            media_rate: self.media.bits_per_second(now),
            layer_rates: self.layer_media.iter().map(|meter| meter.bits_per_second(now)).collect(),
            layers_sent: self.layers_sent,
            layers_acknowledged: self.layers_acknowledged,
        }
    }
}
