//! The coder of one video stream, and when it makes key frames.

use fql_codec::video::{Encoder, EncoderConfig, Motion, RateControl, Request};
use fql_unit::{Attachments, Unit};
use gst::ClockTime;

use crate::acknowledgement::{Acknowledgement, Awaited};
use crate::planes::{FrameError, Frames};
use crate::rate::Allowance;
use crate::refresh::{Interval, Refresh};
use crate::settings::EncoderSettings;

/// The most frames that can be kept to predict from.
const MOST_REFERENCES: usize = 16;
/// How many more are kept than come until a frame is acknowledged: what is lost comes in bursts.
const SPARE_REFERENCES: usize = 4;

/// What is asked of a frame.
#[derive(Debug, Clone, Copy)]
pub struct Demand {
    /// What it may take.
    pub allowance: Allowance,
    /// How often there is a key frame.
    pub interval: Interval,
    /// Whether it has to be a key frame.
    pub key: bool,
    /// When it is presented, in times of the stream.
    pub pts: Option<ClockTime>,
    /// When it is presented, in running time.
    pub running_time: Option<ClockTime>,
    /// How long it is shown; `None` where nobody knows.
    pub duration: Option<ClockTime>,
}

/// Codes the frames of a stream.
pub struct Coding {
    config: EncoderConfig,
    encoder: Encoder,
    rate: RateControl,
    refresh: Refresh,
    awaited: Awaited,
    /// How many frames are kept to predict from.
    references: usize,
}

/// How frames are predicted, as properties say; `None` where all are key frames.
pub fn motion(settings: &EncoderSettings) -> Option<Motion> {
    let reference_layer = u8::try_from(settings.reference_layer).ok();
    let is_predicted = !Interval::of_property(settings.keyframe_interval).is_every_frame();
    is_predicted.then_some(Motion { reference_layer, references: 1 })
}

impl Coding {
    /// With this encoder, and a rate in kbit/s to begin with.
    pub fn new(config: EncoderConfig, kbit_per_second: u32) -> Result<Self, fql_codec::Error> {
        Ok(Self {
            config,
            encoder: Encoder::new(config)?,
            rate: RateControl::new(kbit_per_second),
            refresh: Refresh::default(),
            awaited: Awaited::default(),
            references: 1,
        })
    }

    /// Follows properties that change while it plays. Frames that are to be predicted after all need an encoder that
    /// does so.
    pub fn follow(&mut self, settings: &EncoderSettings) -> Result<(), fql_codec::Error> {
        let Some(motion) = motion(settings).filter(|motion| self.config.motion != Some(*motion)) else {
            return Ok(());
        };
        if self.config.motion.replace(motion).is_some() {
            self.encoder.set_reference_layer(motion.reference_layer);
            return Ok(());
        }
        self.encoder = Encoder::new(self.config)?;
        self.references = 1;
        self.restart();
        Ok(())
    }

    /// What comes has no connection with what came.
    pub fn restart(&mut self) {
        self.refresh.restart();
        self.awaited.clear();
    }

    /// The receiver has spoken of frames. As many are kept from then on as come in about two round trips.
    pub fn acknowledge(&mut self, told: impl IntoIterator<Item = Acknowledgement>) {
        for Acknowledgement { running_time, layers } in told {
            if let Some((number, later)) = self.awaited.take(running_time) {
                self.keep((2 * later + SPARE_REFERENCES).min(MOST_REFERENCES));
                self.encoder.acknowledge(number, layers);
            }
        }
    }

    fn keep(&mut self, references: usize) {
        if references > self.references {
            self.references = references;
            self.encoder.set_references(references as u8);
        }
    }

    /// Codes the picture in a buffer, with what travels with it.
    pub fn encode(
        &mut self,
        frames: &mut Frames,
        buffer: &gst::BufferRef,
        attachments: &Attachments,
        demand: Demand,
    ) -> Result<Unit, FrameError> {
        let fps = frames.info().fps();
        let rate = (fps.numer().max(0) as u32, fps.denom().max(0) as u32);
        let key = demand.key || self.refresh.is_due(demand.interval, rate, demand.pts);
        self.rate.set_kbit_per_second(demand.allowance.bitrate);
        self.rate.set_longest_burst(ClockTime::from_mseconds(demand.allowance.burst.into()).nseconds());
        self.rate.set_key_interval(demand.interval.frames(rate));
        let rate = self.rate.next(demand.duration.map_or(0, ClockTime::nseconds));
        let number = self.encoder.number();
        let mut unit = frames.encode(&mut self.encoder, buffer, Request { rate, key })?;
        unit.attach(attachments);
        self.rate.spent(self.encoder.coded());
        self.refresh.coded(unit.flags.key, demand.pts);
        if let Some(running_time) = demand.running_time {
            self.awaited.push(running_time, number);
        }
        Ok(unit)
    }
}
