//! Sound, in layers or encoded, to AAC and Opus.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fql_codec::audio::{Decoder, DecoderConfig};
use fql_unit::{AudioCodec, AudioInfo, EncodedAudioInfo, Media};
use gst::prelude::*;

use crate::chain::{Chain, Plan};
use crate::converter::{Counting, Input, Payload, Sink, Target};
use crate::elements::{self, Element, set};
use crate::{Error, Settings, describe, samples};

/// How many buffers may wait for the encoder: more than of pictures, as they are short. It is a second or two of sound.
const MOST_WAITING: u64 = 100;
/// The longest gap that is filled from what was heard before it, in nanoseconds. After a longer one sound begins anew.
const LONGEST_FILL: u64 = 200_000_000;
/// The longest gap that is filled with silence where it is too long for that, in nanoseconds. After a longer one sound
/// begins anew: whatever times a publisher makes up, no more than this is made of them at once.
const LONGEST_SILENCE: u64 = 10_000_000_000;
/// How far what comes may be ahead of what has come out, in nanoseconds: as much may have to be made of silence between.
const MOST_AHEAD: u64 = 2 * LONGEST_SILENCE;
/// How often sound begins anew at most: each time a pipeline is made.
const ANEW_EVERY: Duration = Duration::from_secs(1);
/// No unit is longer than this, whatever it says of itself.
const LONGEST_UNIT: u64 = 1_000_000_000;
/// The shortest silence that is made before it is known how long it is.
const SHORTEST_SILENCE: u64 = 100_000_000;
/// Rates that AAC has and television sets take.
const AAC_RATES: [u32; 7] = [16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];
const OPUS_RATE: u32 = 48_000;

/// Converts the sound of one track.
#[derive(Debug)]
pub struct Sound {
    /// Where it is in layers.
    layered: Option<Layered>,
    recipe: Recipe,
    chain: Chain,
    encoder: &'static str,
    /// Where what came ends, and the silence after it, in nanoseconds.
    end: Option<u64>,
    /// When what the chain was given begins.
    begin: u64,
    /// When it began anew.
    anew: Option<Instant>,
}

/// What a chain is made by: now, and anew after a long gap.
struct Recipe {
    source: Media,
    target: Target,
    settings: Settings,
    sink: Sink,
    counting: Arc<Counting>,
}

/// Sound in layers.
#[derive(Debug)]
struct Layered {
    info: AudioInfo,
    decoder: Decoder,
    /// Where the sound that came ends, in nanoseconds.
    end: Option<u64>,
}

/// What comes out, beside its codec.
struct Shape {
    rate: u32,
    channels: u8,
}

impl Sound {
    pub fn new(
        source: &Media,
        target: Target,
        settings: &Settings,
        sink: Sink,
        counting: Arc<Counting>,
    ) -> Result<Self, Error> {
        let layered = match source {
            Media::Audio(info) => Some(Layered::new(info)?),
            _ => None,
        };
        let (source, settings) = (source.clone(), *settings);
        let recipe = Recipe { source, target, settings, sink, counting };
        let (chain, encoder) = recipe.chain()?;
        Ok(Self { layered, recipe, chain, encoder, end: None, begin: 0, anew: None })
    }

    pub fn encoder(&self) -> &str {
        self.encoder
    }

    pub fn push(&mut self, input: Input<'_>) -> Result<(), Error> {
        let made = match (&mut self.layered, input.payload) {
            (Some(layered), Payload::Layered(unit)) => layered.decode(unit, input.pts),
            (None, Payload::Whole(data)) => Some((data.to_vec(), input.pts, input.duration)),
            _ => None,
        };
        let counting = self.chain.counting();
        let Some((data, pts, duration)) = made.map(|(data, pts, long)| (data, pts, long.min(LONGEST_UNIT)))
        else {
            counting.unusable.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        };
        let is_far = self.is_far(pts);
        let is_too_soon = is_far && self.anew.is_some_and(|anew| anew.elapsed() < ANEW_EVERY);
        let is_ahead = !is_far && self.is_ahead(pts);
        if self.chain.waiting() >= MOST_WAITING || is_too_soon || is_ahead {
            counting.dropped.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        // The chain fills what is missing since the last that could be decoded, and would go on for hours with silence.
        if is_far {
            self.anew = Some(Instant::now());
            (self.chain, self.encoder) = self.recipe.chain()?;
            self.end = None;
        }
        if self.end.is_none() {
            self.begin = pts;
        }
        self.end = self.end.max(Some(pts.saturating_add(duration)));
        let mut buffer = gst::Buffer::from_mut_slice(data);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(pts));
            buffer.set_duration((duration > 0).then(|| gst::ClockTime::from_nseconds(duration)));
            if input.discont {
                buffer.set_flags(gst::BufferFlags::DISCONT);
            }
        }
        self.chain.push(buffer)
    }

    /// Nothing is heard up to this time, as far as can be known by now.
    pub fn fill(&mut self, until: u64) -> Result<(), Error> {
        let Some(end) = self.end else { return Ok(()) };
        let silence = until.saturating_sub(end);
        if silence < SHORTEST_SILENCE || self.is_far(until) || self.is_ahead(until) {
            return Ok(());
        }
        self.end = Some(until);
        self.chain.push_gap(end, silence)
    }

    /// Whether a time is so far from what came that the silence between would be too long.
    fn is_far(&self, time: u64) -> bool {
        self.end.is_some_and(|end| time > end.max(self.chain.reached()).saturating_add(LONGEST_SILENCE))
    }

    /// Whether a time is so far from what has come out that too much would have to be made at once. It is not what came
    /// that tells: several gaps that come at once would each be filled.
    fn is_ahead(&self, time: u64) -> bool {
        self.end.is_some() && time > self.chain.reached().max(self.begin).saturating_add(MOST_AHEAD)
    }

    pub fn finish(&self) {
        self.chain.finish();
    }
}

impl Recipe {
    /// A chain that runs, and the name of its encoder.
    fn chain(&self) -> Result<(Chain, &'static str), Error> {
        let no_sound = || Error::Undecodable("it is no sound".into());
        let (rate, channels, input, mut stages) = match &self.source {
            Media::EncodedAudio(info) => (info.rate, info.channels, encoded_caps(info)?, decoders(info)?),
            Media::Audio(info) => (info.rate, info.channels, raw_caps(info), Vec::new()),
            Media::Data(data) => {
                let (rate, channels, input) = mpeg_audio(&data.caps).ok_or_else(no_sound)?;
                (rate, channels, input, vec![gapless(&elements::MPEG_AUDIO_DECODER)?])
            }
            _ => return Err(no_sound()),
        };
        let shape = Shape::of(self.target, rate, channels);
        let (known, encoder) = shape.encoder(self.target, &self.settings)?;
        stages.extend([
            // Players stall where a piece is missing: silence is in its place.
            elements::AUDIORATE.make()?,
            elements::AUDIOCONVERT.make()?,
            elements::AUDIORESAMPLE.make()?,
            shape.filter()?,
            encoder,
        ]);
        let (output, describe): (_, fn(&gst::Caps) -> _) = match self.target {
            Target::Opus => (gst::Caps::builder("audio/x-opus").build(), describe::opus),
            _ => {
                let caps = gst::Caps::builder("audio/mpeg").field("mpegversion", 4i32);
                (caps.field("stream-format", "raw").build(), describe::aac)
            }
        };
        let delay = samples::time(known.delay, shape.rate);
        let (sink, counting) = (self.sink.clone(), self.counting.clone());
        let plan = Plan { input: &input, stages, output: &output, describe, delay, sink, counting };
        Ok((Chain::start(plan)?, known.name))
    }
}

impl std::fmt::Debug for Recipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { source, target, settings, .. } = self;
        let mut out = f.debug_struct("Recipe");
        out.field("source", source).field("target", target).field("settings", settings);
        out.finish_non_exhaustive()
    }
}

impl Layered {
    fn new(info: &AudioInfo) -> Result<Self, Error> {
        let config = DecoderConfig { rate: info.rate, channels: info.channels, format: info.format };
        let decoder = Decoder::new(config).map_err(|error| Error::Undecodable(error.to_string()))?;
        Ok(Self { info: info.clone(), decoder, end: None })
    }

    /// The samples of a unit, with those that fill a short gap before it; when they begin, and how long they are.
    fn decode(&mut self, unit: &fql_unit::Unit, pts: u64) -> Option<(Vec<u8>, u64, u64)> {
        let Self { info, decoder, end } = self;
        let mut out = Vec::new();
        let gap = end.map_or(0, |end| pts.saturating_sub(end));
        let missing = samples::count(gap, info.rate);
        if gap <= LONGEST_FILL && missing > decoder.frame_len() as u64 / 2 {
            decoder.conceal(missing as usize, &mut out);
        } else if gap > LONGEST_FILL {
            decoder.reset();
        }
        let filled = out.len() as u64 / u64::from(info.channels);
        // With all layers, as sound costs little.
        decoder.decode(unit, u8::MAX, &mut out).ok()?;
        let count = out.len() as u64 / u64::from(info.channels);
        let begin = pts.saturating_sub(samples::time(filled, info.rate));
        let duration = samples::time(count, info.rate);
        *end = Some(begin.saturating_add(duration));
        Some((samples::bytes(&out, info.format), begin, duration))
    }
}

impl Shape {
    fn of(target: Target, rate: u32, channels: u8) -> Self {
        let rate = match target {
            Target::Opus => OPUS_RATE,
            _ if AAC_RATES.contains(&rate) => rate,
            _ => 48_000,
        };
        Self { rate, channels: channels.min(2) }
    }

    fn encoder(
        &self,
        target: Target,
        settings: &Settings,
    ) -> Result<(&'static Element, gst::Element), Error> {
        let kind = if target == Target::Opus { &elements::OPUS_ENCODER } else { &elements::AAC_ENCODER };
        let (known, encoder) = kind.choose(settings.hardware)?;
        known.set_bitrate(&encoder, settings.audio_bitrate.saturating_mul(self.channels.into()));
        Ok((known, encoder))
    }

    fn filter(&self) -> Result<gst::Element, Error> {
        let filter = elements::CAPSFILTER.make()?;
        let caps = gst::Caps::builder("audio/x-raw")
            .field("rate", self.rate as i32)
            .field("channels", i32::from(self.channels))
            .build();
        filter.set_property("caps", caps);
        Ok(filter)
    }
}

fn raw_caps(info: &AudioInfo) -> gst::Caps {
    let channels = i32::from(info.channels);
    // Without positions more than two channels cannot be mixed to two.
    let mask = match info.channel_mask {
        0 => gst_audio::AudioChannelPosition::fallback_mask(info.channels.into()),
        mask => mask,
    };
    let caps = gst::Caps::builder("audio/x-raw")
        .field("format", samples::name(info.format))
        .field("layout", "interleaved")
        .field("rate", info.rate as i32)
        .field("channels", channels);
    match channels {
        1 => caps.build(),
        _ => caps.field("channel-mask", gst::Bitmask::new(mask)).build(),
    }
}

/// The rate, the channels and the caps of MPEG audio, layers I to III: a data track, of which the caps alone tell that it
/// is sound.
fn mpeg_audio(caps: &str) -> Option<(u32, u8, gst::Caps)> {
    let caps = gst::Caps::from_str(caps).ok()?;
    let given = caps.structure(0).filter(|given| given.name() == "audio/mpeg")?;
    let number = |name| given.get::<i32>(name).ok();
    if number("mpegversion") != Some(1) {
        return None;
    }
    let layer = number("layer").filter(|layer| (1..=3).contains(layer))?;
    let rate = number("rate").filter(|rate| (8_000..=48_000).contains(rate))?;
    let channels = number("channels").filter(|channels| (1..=2).contains(channels))?;
    let caps = gst::Caps::builder("audio/mpeg")
        .field("mpegversion", 1i32)
        .field("layer", layer)
        .field("rate", rate)
        .field("channels", channels)
        // A unit is a frame.
        .field("parsed", true)
        .build();
    Some((rate.try_into().ok()?, channels.try_into().ok()?, caps))
}

/// A decoder of which the samples follow each other. Times of some protocols are rounded to milliseconds: that is let be as
/// long as they fit.
fn gapless(kind: &elements::Kind) -> Result<gst::Element, Error> {
    let decoder = kind.make()?;
    set(&decoder, "tolerance", "40000000");
    Ok(decoder)
}

fn encoded_caps(info: &EncodedAudioInfo) -> Result<gst::Caps, Error> {
    let (rate, channels) = (info.rate as i32, i32::from(info.channels));
    let config = || gst::Buffer::from_slice(Bytes::from(info.config.clone()));
    Ok(match info.codec {
        AudioCodec::Aac => {
            let caps = gst::Caps::builder("audio/mpeg").field("mpegversion", 4i32);
            let caps = caps.field("rate", rate).field("channels", channels);
            match info.config.is_empty() {
                true => caps.field("stream-format", "adts").build(),
                false => caps
                    .field("stream-format", "raw")
                    .field("framed", true)
                    .field("codec_data", config())
                    .build(),
            }
        }
        AudioCodec::Opus => {
            if info.channels > 2 {
                return Err(Error::Undecodable("Opus of more than two channels is not taken".into()));
            }
            let caps = gst::Caps::builder("audio/x-opus").field("channel-mapping-family", 0i32);
            let caps = caps.field("rate", OPUS_RATE as i32).field("channels", channels);
            match info.config.is_empty() {
                true => caps.build(),
                false => caps.field("streamheader", gst::Array::new([config()])).build(),
            }
        }
    })
}

fn decoders(info: &EncodedAudioInfo) -> Result<Vec<gst::Element>, Error> {
    Ok(match info.codec {
        AudioCodec::Aac => {
            let decoder = gapless(&elements::AAC_DECODER)?;
            if info.config.is_empty() { vec![elements::AACPARSE.make()?, decoder] } else { vec![decoder] }
        }
        AudioCodec::Opus => vec![elements::OPUS_DECODER.make()?],
    })
}
