//! Reads the layers of a unit as far as they are there.

use fql_unit::{Segment, Unit};

use crate::entropy::Decoder;

use super::ladder::Ladder;
use super::params::Params;
use super::planes::{Planes, Unknown};
use super::rotation;

/// What a unit told of its coefficients.
pub(super) struct Reading<'a> {
    /// The coefficients.
    pub planes: Planes,
    /// How many layers were read completely, without the exact one.
    pub layers: u8,
    /// Whether anything was there.
    pub any: bool,
    /// Whether all planes that the encoder coded were read.
    pub all_planes: bool,
    /// The exact layer behind its planes.
    pub exact: Option<Exact<'a>>,
}

/// The exact layer behind its planes.
pub(super) enum Exact<'a> {
    /// There is no difference left.
    Nothing,
    /// The differences follow.
    Residual(Decoder<'a>),
}

/// Reads the layers of a unit up to `max_layer`.
pub(super) fn read<'a>(
    unit: &'a Unit,
    params: &Params,
    max_layer: u8,
    frame: usize,
    channels: usize,
) -> Reading<'a> {
    let mut reading = Reading {
        planes: Planes::new(
            frame,
            channels,
            rotation::partners(&params.rotations, channels),
            params.ladder.map_or(0, Ladder::planes),
        ),
        layers: 0,
        // The parameters alone tell of silence.
        any: params.ladder.is_none(),
        all_planes: params.ladder.is_none() || params.coded == 0,
        exact: None,
    };
    for layer in 0..params.coded.min(max_layer.saturating_add(1)) {
        let Some(segment) = unit.segment(layer, 0).filter(|segment| !segment.is_missing()) else { break };
        reading.any = true;
        if !reading.read_layer(layer, segment, params) {
            break;
        }
    }
    reading
}

impl<'a> Reading<'a> {
    /// Returns whether the layer was complete.
    fn read_layer(&mut self, layer: u8, segment: &'a Segment, params: &Params) -> bool {
        let mut coder = Decoder::new(segment.data());
        let mut steps = params.steps_of(layer);
        let end = steps.end;
        let nothing_left = steps.is_empty() && segment.is_complete() && segment.data().is_empty();
        if layer == 0 && params.ladder.is_some() && !self.planes.code_weights(&mut coder, None) {
            return false;
        }
        if !steps.all(|step| self.planes.code(step, &mut coder, &Unknown)) {
            return false;
        }
        self.all_planes |= end == params.end();
        if params.is_exact_layer(layer) {
            self.exact = Some(if nothing_left { Exact::Nothing } else { Exact::Residual(coder) });
        } else {
            self.layers += 1;
        }
        true
    }
}
