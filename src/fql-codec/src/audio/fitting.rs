//! Chooses how many layers of a frame are coded, and with which intervals, so that they fit a number of bytes.

use crate::entropy;

use super::ladder::{LAYERS_FOR_EXACTNESS, Ladder, STEPS_PER_OCTAVE};
use super::lapped::FRACTION;
use super::planes::{Planes, Quantized};

/// Codes the lossy layers of frames of one shape.
#[derive(Debug, Clone)]
pub(super) struct Fitting {
    /// How many layers the stream has.
    pub layers: u8,
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
    pub(super) fn code(&self, coefficients: &[i64], budget: usize) -> Coded {
        let peak = coefficients.iter().map(|c| c.unsigned_abs()).max().unwrap_or(0);
        if peak >> (FRACTION - 1) == 0 {
            return self.silence();
        }
        let ladder = Ladder::covering(peak);
        let layers = self.lossy_layers(ladder);
        let coded = self.code_layers(coefficients, ladder, layers, budget);
        let count = coded.segments.len();
        if coded.bytes <= budget {
            return coded;
        }
        // Bytes grow about linearly with the logarithm of the interval from one layer to the next.
        let excess = (coded.bytes - budget) * usize::from(STEPS_PER_OCTAVE);
        let first = excess.div_ceil(coded.segments[count - 1].len()).max(1) as u16;
        for steps in first..STEPS_PER_OCTAVE {
            let trial = self.code_layers(coefficients, ladder.enlarged(steps), count, budget);
            if trial.bytes <= budget {
                return trial;
            }
        }
        self.code_layers(coefficients, ladder, (count - 1).max(1), usize::MAX)
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

    fn silence(&self) -> Coded {
        let ladder = Ladder::covering(0);
        Coded {
            ladder: None,
            source: Quantized::new(&[], ladder),
            planes: Planes::new(self.frame, self.channels),
            segments: vec![Vec::new()],
            bytes: 0,
        }
    }

    /// Codes layers until there are `layers`, or one has exceeded the budget.
    fn code_layers(&self, coefficients: &[i64], ladder: Ladder, layers: usize, budget: usize) -> Coded {
        let mut coded = Coded {
            ladder: Some(ladder),
            source: Quantized::new(coefficients, ladder),
            planes: Planes::new(self.frame, self.channels),
            segments: Vec::new(),
            bytes: 0,
        };
        while coded.segments.len() < layers && coded.bytes <= budget {
            let mut coder = entropy::Encoder::new();
            for plane in ladder.planes_of(coded.segments.len() as u8, false) {
                coded.planes.code(plane, &mut coder, &coded.source);
            }
            let segment = coder.finish();
            coded.bytes += segment.len();
            coded.segments.push(segment);
        }
        coded
    }
}
