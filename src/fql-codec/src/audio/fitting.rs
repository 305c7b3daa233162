//! Chooses how many layers of a frame are coded, and with which intervals, so that they fit a number of bytes.

use crate::entropy;

use super::depth::Depth;
use super::ladder::{LAYERS_FOR_EXACTNESS, Ladder, STEPS_PER_OCTAVE};
use super::planes::{Planes, Quantized};
use super::rotation::Partners;
use super::weights::Weights;

/// Codes the lossy layers of frames of one shape.
#[derive(Debug, Clone)]
pub(super) struct Fitting {
    /// How many layers the stream has.
    pub layers: u8,
    /// How many bits a sample has.
    pub depth: Depth,
    /// How many channels a frame has.
    pub channels: usize,
    /// How many coefficients a channel has.
    pub frame: usize,
}

/// The lossy layers of a frame.
pub(super) struct Coded {
    /// The intervals; `None` where there is no sound.
    pub ladder: Option<Ladder>,
    /// What was quantized.
    pub source: Quantized,
    /// What the segments tell of it.
    pub planes: Planes,
    /// The layers.
    pub segments: Vec<Vec<u8>>,
    /// The sum of the lengths of all segments.
    pub bytes: usize,
}

impl Fitting {
    /// The lossy layers that fit into `budget` bytes. Where not all of them do, the intervals are enlarged by less
    /// than an octave so that one more fits. Layer 0 is always there, whatever its length.
    pub(super) fn code(
        &self,
        coefficients: &[i64],
        partners: Partners,
        weights: &Weights,
        budget: usize,
    ) -> Coded {
        let peak = coefficients.iter().map(|c| c.unsigned_abs()).max().unwrap_or(0);
        if peak < self.depth.least() {
            return self.silence(partners);
        }
        let above = STEPS_PER_OCTAVE * weights.octaves_above_peak();
        let ladder = Ladder::covering(peak, self.depth).enlarged(above);
        let layers = self.lossy_layers(ladder);
        let code_layers = |ladder, layers, budget| {
            let nothing = self.nothing(coefficients, partners, ladder);
            code_layers(nothing, weights, layers, budget)
        };
        let coded = code_layers(ladder, layers, budget);
        let count = coded.segments.len();
        if coded.bytes <= budget {
            return coded;
        }
        // Bytes grow about linearly with the logarithm of the interval from one layer to the next.
        let excess = (coded.bytes - budget) * usize::from(STEPS_PER_OCTAVE);
        let first = excess.div_ceil(coded.segments[count - 1].len()).max(1) as u16;
        for steps in first..STEPS_PER_OCTAVE {
            let trial = code_layers(ladder.enlarged(steps), count, budget);
            if trial.bytes <= budget {
                return trial;
            }
        }
        code_layers(ladder, (count - 1).max(1), usize::MAX)
    }

    /// Whether all lossy layers are there and the stream has an exact one.
    pub(super) fn leaves_room_for_exactness(&self, coded: &Coded) -> bool {
        let layers = coded.ladder.map_or(1, |ladder| self.lossy_layers(ladder));
        self.layers >= LAYERS_FOR_EXACTNESS && coded.segments.len() == layers
    }

    fn lossy_layers(&self, ladder: Ladder) -> usize {
        let reserved = u8::from(self.layers >= LAYERS_FOR_EXACTNESS);
        ladder.lossy_layers().min(self.layers - reserved).into()
    }

    fn silence(&self, partners: Partners) -> Coded {
        let ladder = Ladder::covering(0, self.depth);
        Coded {
            ladder: None,
            source: Quantized::new(&[], self.frame, ladder),
            planes: Planes::new(self.frame, self.channels, partners, 0),
            segments: vec![Vec::new()],
            bytes: 0,
        }
    }

    /// No layer yet.
    fn nothing(&self, coefficients: &[i64], partners: Partners, ladder: Ladder) -> Coded {
        Coded {
            ladder: Some(ladder),
            source: Quantized::new(coefficients, self.frame, ladder),
            planes: Planes::new(self.frame, self.channels, partners, ladder.planes()),
            segments: Vec::new(),
            bytes: 0,
        }
    }
}

/// Codes layers until there are `layers`, or one has exceeded the budget.
fn code_layers(mut coded: Coded, weights: &Weights, layers: usize, budget: usize) -> Coded {
    while coded.segments.len() < layers && coded.bytes <= budget {
        let mut coder = entropy::Encoder::new();
        let layer = coded.segments.len() as u8;
        if layer == 0 && coded.ladder.is_some() {
            coded.planes.code_weights(&mut coder, Some(weights));
        }
        for step in coded.ladder.map_or(0..0, |ladder| ladder.steps_of(layer, false)) {
            coded.planes.code(step, &mut coder, &coded.source);
        }
        let segment = coder.finish();
        coded.bytes += segment.len();
        coded.segments.push(segment);
    }
    coded
}
