//! Samples to units.

use bytes::Bytes;
use fql_unit::{Segment, Unit};

use crate::Error;
use crate::entropy;

use super::analysis::{Analysis, Spectrum};
use super::depth::Depth;
use super::fitting::{Coded, Fitting};
use super::lapped::frame_len;
use super::masking::Masking;
use super::params::Params;
use super::reading::read;
use super::residual::Residual;
use super::rotation;
use super::synthesis::{Synthesis, Tail};
use super::window::Window;
use super::{EncoderConfig, Rate, check_channels, check_layers, check_rate};

/// Encodes one track.
#[derive(Debug, Clone)]
pub struct Encoder {
    channels: usize,
    frame: usize,
    depth: Depth,
    fitting: Fitting,
    analysis: Analysis,
    masking: Masking,
    synthesis: Synthesis,
    /// What a decoder keeps of the frame before.
    tail: Tail,
    /// The last `overlap` samples of the frame before, channels interleaved.
    history: Vec<i32>,
    sequence: u8,
    started: bool,
}

impl Encoder {
    /// An encoder at the start of a stream.
    pub fn new(config: EncoderConfig) -> Result<Self, Error> {
        check_rate(config.rate)?;
        check_layers(config.layers)?;
        let channels = check_channels(config.channels)?;
        let frame = frame_len(config.rate);
        let depth = Depth::new(config.format);
        let synthesis = Synthesis::new(frame, channels);
        Ok(Self {
            channels,
            frame,
            depth,
            fitting: Fitting { layers: config.layers, depth, channels, frame },
            analysis: Analysis::new(frame, channels, depth),
            masking: Masking::new(frame),
            tail: synthesis.silent_tail(),
            history: vec![0; synthesis.overlap() * channels],
            synthesis,
            sequence: 0,
            started: false,
        })
    }

    /// How many samples a channel [`Encoder::encode`] takes: 12 to 16 ms.
    pub fn frame_len(&self) -> usize {
        self.frame
    }

    /// How many samples a channel the encoder holds back, a quarter of a frame: 3 to 4 ms. A frame and this last
    /// 20 ms at most.
    pub fn delay(&self) -> usize {
        self.synthesis.overlap()
    }

    /// Encodes a frame: [`Encoder::frame_len`] samples a channel, channels interleaved, in the range of the format.
    ///
    /// The first unit of a stream holds [`Encoder::delay`] samples less than a frame, every other one a frame, which
    /// begins where the unit before ended; [`unit_samples`](super::unit_samples) tells.
    pub fn encode(&mut self, interleaved: &[i32], rate: Rate) -> Result<Unit, Error> {
        let needed = self.frame * self.channels;
        if interleaved.len() != needed {
            return Err(Error::TooFewSamples { what: "a frame of sound", value: interleaved.len(), needed });
        }
        self.check_range(interleaved)?;
        let samples = self.available();
        self.encode_frame(interleaved, samples, rate)
    }

    /// Ends the stream: encodes the samples that are left, fewer than or as many as a frame and perhaps none, and
    /// those that the encoder held back. All units together then hold exactly the samples that were given. The
    /// next frame begins a new stream.
    pub fn finish(&mut self, interleaved: &[i32], rate: Rate) -> Result<Vec<Unit>, Error> {
        let whole = self.frame * self.channels;
        if interleaved.len() > whole || !interleaved.len().is_multiple_of(self.channels) {
            let what = "the end of a sound, a frame or less,";
            return Err(Error::TooFewSamples { what, value: interleaved.len(), needed: whole });
        }
        self.check_range(interleaved)?;
        let held_back = if self.started { self.delay() } else { 0 };
        let mut left = held_back + interleaved.len() / self.channels;
        let mut units = Vec::new();
        let mut frame = interleaved.to_vec();
        while left > 0 {
            frame.resize(whole, 0);
            let samples = left.min(self.available());
            units.push(self.encode_frame(&frame, samples, rate)?);
            left -= samples;
            frame.clear();
        }
        self.reset();
        Ok(units)
    }

    /// Forgets the samples that were held back; the next frame begins a new stream.
    pub fn reset(&mut self) {
        self.tail = self.synthesis.silent_tail();
        self.history.fill(0);
        self.started = false;
    }

    fn check_range(&self, samples: &[i32]) -> Result<(), Error> {
        let range = self.depth.range();
        match samples.iter().find(|sample| !range.contains(sample)) {
            None => Ok(()),
            Some(sample) => Err(Error::Sample { value: *sample, bits: self.depth.format().bits() }),
        }
    }

    fn available(&self) -> usize {
        if self.started { self.frame } else { self.frame - self.delay() }
    }

    fn encode_frame(&mut self, interleaved: &[i32], samples: usize, rate: Rate) -> Result<Unit, Error> {
        let source = [self.history.as_slice(), interleaved].concat();
        let Spectrum { coefficients, division, rotations } = self.analysis.run(&source);
        let budget = match rate {
            Rate::WholeLadder => usize::MAX,
            Rate::Bytes(bytes) => bytes,
        };
        let partners = rotation::partners(&rotations, self.channels);
        let weights = self.masking.weights(&coefficients, &rotations);
        let mut coded = self.fitting.code(&coefficients, partners, &weights, budget);
        let mut params = Params {
            start: !self.started,
            exact: false,
            division,
            sequence: self.sequence,
            coded: coded.segments.len() as u8,
            samples: samples as u16,
            ladder: coded.ladder,
            rotations,
        };
        let exact = self.exact_layer(&coded, &params, &source, budget.saturating_sub(coded.bytes));
        if let Some((segment, tail)) = exact {
            params.exact = true;
            params.coded += 1;
            coded.segments.push(segment);
            self.tail = tail;
        }
        let unit = self.unit(&params, &coded.segments, budget)?;
        if !params.exact {
            self.follow(&unit, &params, &coded);
        }
        let kept = self.delay() * self.channels;
        self.history.copy_from_slice(&interleaved[interleaved.len() - kept..]);
        self.sequence = self.sequence.wrapping_add(1);
        self.started = true;
        Ok(unit)
    }

    /// The exact layer and the tail of the frame with it, where the stream has one and it fits.
    fn exact_layer(
        &mut self,
        coded: &Coded,
        params: &Params,
        source: &[i32],
        budget: usize,
    ) -> Option<(Vec<u8>, Tail)> {
        // Where there is no sound, exactness may cost nothing.
        let affordable = budget > 0 || params.ladder.is_none();
        if !self.fitting.leaves_room_for_exactness(coded) || !affordable {
            return None;
        }
        let mut coder = entropy::Encoder::new();
        let mut planes = coded.planes.clone();
        let rest = params.ladder.map_or(0..0, |ladder| ladder.steps_of(params.coded, true));
        let any_planes = !rest.is_empty();
        for step in rest {
            planes.code(step, &mut coder, &coded.source);
        }
        let mut tail = self.tail.clone();
        let decoded = self.synthesis.run(planes.coefficients(params.ladder), params, &mut tail);
        let window = Window::new(params, self.delay());
        let nothing_left = window.order(self.channels).all(|(at, channel)| {
            self.depth.round(decoded[channel * self.frame + at]) == source[at * self.channels + channel]
        });
        if nothing_left && !any_planes {
            return Some((Vec::new(), tail));
        }
        let mut residual = Residual::new(self.channels, self.depth);
        for (at, channel) in window.order(self.channels) {
            let sample = source[at * self.channels + channel];
            residual.code(channel, decoded[channel * self.frame + at], &mut coder, || sample);
        }
        let segment = coder.finish();
        (segment.len() <= budget).then_some((segment, tail))
    }

    /// The segments as a unit. Where even layer 0 does not fit, its tail is cut off.
    fn unit(&self, params: &Params, segments: &[Vec<u8>], budget: usize) -> Result<Unit, Error> {
        let mut unit = Unit::new(self.fitting.layers, 1, params.to_bytes(self.channels))?;
        unit.set_coded_layers(params.coded);
        for (layer, segment) in segments.iter().enumerate() {
            let cut = if layer == 0 { segment.len().min(budget) } else { segment.len() };
            let data = Bytes::copy_from_slice(&segment[..cut]);
            let whole = cut == segment.len();
            let segment = if whole { Segment::complete(data) } else { Segment::truncated(data) };
            unit.set(layer as u8, 0, segment);
        }
        Ok(unit)
    }

    /// Keeps the tail that a decoder keeps of a unit without an exact layer.
    fn follow(&mut self, unit: &Unit, params: &Params, coded: &Coded) {
        let coefficients = if unit.is_complete() {
            coded.planes.coefficients(params.ladder)
        } else {
            read(unit, params, 0, self.frame, self.channels).planes.coefficients(params.ladder)
        };
        self.synthesis.run(coefficients, params, &mut self.tail);
    }
}
