//! Units to samples.

use fql_unit::Unit;

use crate::Error;
use crate::entropy;

use super::concealment::Concealment;
use super::depth::{Depth, FRACTION};
use super::lapped::frame_len;
use super::params::Params;
use super::reading::{Exact, Reading, read};
use super::residual::Residual;
use super::synthesis::{Synthesis, Tail};
use super::window::Window;
use super::{DecoderConfig, Sound, check_channels, check_rate};

/// Root of the most energy that the coefficients of all channels may have, in 16-bit samples: that of any sound is
/// below half of it.
const MAX_NORM: u64 = 1 << 24;

/// Decodes the units of one track, in their order.
#[derive(Debug, Clone)]
pub struct Decoder {
    channels: usize,
    frame: usize,
    depth: Depth,
    synthesis: Synthesis,
    before: Before,
    concealment: Concealment,
}

/// What is known of the frame before the next one.
#[derive(Debug, Clone)]
enum Before {
    /// A decoded frame: its sequence number, its tail, and whether the tail is the encoder's own.
    Decoded { sequence: u8, tail: Tail, true_to_source: bool },
    /// A concealed one.
    Concealed(Tail),
    /// None.
    Nothing,
}

impl Decoder {
    /// A decoder that has heard nothing yet.
    pub fn new(config: DecoderConfig) -> Result<Self, Error> {
        check_rate(config.rate)?;
        let channels = check_channels(config.channels)?;
        let frame = frame_len(config.rate);
        let depth = Depth::new(config.format);
        Ok(Self {
            channels,
            frame,
            depth,
            synthesis: Synthesis::new(frame, channels),
            before: Before::Nothing,
            concealment: Concealment::new(frame, channels, depth),
        })
    }

    /// The most samples a channel that one unit gives: the encoder's [`frame_len`](super::Encoder::frame_len).
    pub fn frame_len(&self) -> usize {
        self.frame
    }

    /// Appends the samples of a unit to `out`, channels interleaved, from layers 0 to `max_layer`.
    ///
    /// Where nothing of layer 0 is there, it appends a concealment of the same length. Fails without a change of
    /// anything where the unit is not one of sound with this rate and these channels.
    pub fn decode(&mut self, unit: &Unit, max_layer: u8, out: &mut Vec<i32>) -> Result<Sound, Error> {
        let params = self.params(unit)?;
        let reading = read(unit, &params, max_layer, self.frame, self.channels);
        let samples = usize::from(params.samples);
        if !reading.any {
            self.conceal(samples, out);
            return Ok(Sound { samples, layers: 0, exact: false, concealed: true });
        }
        let coefficients = reading.planes.coefficients(params.ladder);
        if is_too_loud(&coefficients) {
            return Err(Error::Params("the coefficients are louder than any sound"));
        }
        let (mut tail, tail_is_true) = self.tail_before(&params);
        let decoded = self.synthesis.run(coefficients, &params, &mut tail);
        let all_planes = reading.all_planes;
        let lossy_layers = reading.layers;
        let start = out.len();
        let exact = self.write(reading, &params, &decoded, tail_is_true, out);
        self.concealment.heard(&out[start..]);
        self.before = Before::Decoded { sequence: params.sequence, tail, true_to_source: all_planes };
        let complete = matches!(exact, Written::Complete { .. });
        let exact = matches!(exact, Written::Complete { exact: true });
        Ok(Sound { samples, layers: lossy_layers + u8::from(complete), exact, concealed: false })
    }

    /// Appends `samples` samples a channel in place of a unit that was lost: the sound goes on and fades out within
    /// a few frames. The next unit's sound fades in within the overlap of two frames.
    pub fn conceal(&mut self, samples: usize, out: &mut Vec<i32>) {
        let ahead = self.concealment.conceal(samples, self.synthesis.overlap(), out);
        self.before = Before::Concealed(self.synthesis.tail_of(&ahead));
    }

    /// Forgets all that was heard, as after a seek.
    pub fn reset(&mut self) {
        self.before = Before::Nothing;
        self.concealment = Concealment::new(self.frame, self.channels, self.depth);
    }

    fn params(&self, unit: &Unit) -> Result<Params, Error> {
        if unit.slices() != 1 {
            return Err(Error::Params("a unit of sound has one slice"));
        }
        let params = Params::from_bytes(unit.params(), self.channels, self.depth)?;
        let skipped = if params.start { self.synthesis.overlap() } else { 0 };
        if usize::from(params.samples) > self.frame - skipped {
            return Err(Error::Params("the unit claims more samples than a frame has"));
        }
        if params.coded > unit.layers() {
            return Err(Error::Params("the unit claims more coded layers than the stream has"));
        }
        Ok(params)
    }

    /// The tail of the frame before, and whether it is the one that the encoder had.
    fn tail_before(&mut self, params: &Params) -> (Tail, bool) {
        if params.start {
            return (self.synthesis.silent_tail(), true);
        }
        match &self.before {
            Before::Decoded { sequence, tail, true_to_source }
                if sequence.wrapping_add(1) == params.sequence =>
            {
                (tail.clone(), *true_to_source)
            }
            Before::Concealed(tail) => (tail.clone(), false),
            Before::Decoded { .. } | Before::Nothing => {
                let ahead = self.concealment.conceal(0, self.synthesis.overlap(), &mut Vec::new());
                (self.synthesis.tail_of(&ahead), false)
            }
        }
    }

    fn write(
        &self,
        reading: Reading,
        params: &Params,
        decoded: &[i64],
        tail_is_true: bool,
        out: &mut Vec<i32>,
    ) -> Written {
        let window = Window::new(params, self.synthesis.overlap());
        let start = out.len();
        out.resize(start + window.range.len() * self.channels, 0);
        for (channel, values) in decoded.chunks_exact(self.frame).enumerate() {
            let places = out[start..].iter_mut().skip(channel).step_by(self.channels);
            for (place, value) in places.zip(&values[window.range.clone()]) {
                *place = self.depth.round(*value);
            }
        }
        match reading.exact {
            None => Written::Rough,
            Some(Exact::Nothing) => Written::Complete { exact: tail_is_true },
            Some(Exact::Residual(mut coder)) => {
                let samples = &mut out[start..];
                self.complete(&window, decoded, tail_is_true, &mut coder, samples)
            }
        }
    }

    /// Completes samples with the residual, as far as it goes.
    fn complete(
        &self,
        window: &Window,
        decoded: &[i64],
        tail_is_true: bool,
        coder: &mut entropy::Decoder,
        samples: &mut [i32],
    ) -> Written {
        let mut residual = Residual::new(self.channels, self.depth);
        for (at, channel) in window.order(self.channels) {
            // The overlap comes last: with another tail than the encoder's, its contexts are not the encoder's.
            if at < window.overlap && !tail_is_true {
                return Written::Complete { exact: false };
            }
            let value = decoded[channel * self.frame + at];
            let Some(sample) = residual.code(channel, value, coder, || 0) else { return Written::Rough };
            samples[(at - window.range.start) * self.channels + channel] = sample;
        }
        Written::Complete { exact: true }
    }
}

/// How the samples of a unit were written.
enum Written {
    /// Without all of the exact layer.
    Rough,
    /// With it; not exact where the frame before was not.
    Complete { exact: bool },
}

fn is_too_loud(coefficients: &[i64]) -> bool {
    let square = |c: &i64| {
        let value = (c.unsigned_abs() >> FRACTION).min(MAX_NORM);
        value * value
    };
    coefficients.iter().map(square).sum::<u64>() >= MAX_NORM * MAX_NORM
}
