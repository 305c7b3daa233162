//! fql-convert as lines use it.

use std::sync::atomic::{AtomicU64, Ordering};

use fql_convert::{Converter, Input, Payload as Given, Settings};
use fql_unit::Media;

use super::takes::Target;
use crate::config::Convert;
use crate::media::{MediaUnit, Payload};

/// Why this program converts nothing: it can.
pub const MISSING: Option<&str> = None;

/// What comes out.
pub enum Made {
    /// What the units from here on are.
    Media(Media),
    /// A unit of it.
    Unit(fql_convert::Unit),
    /// Nothing comes any more, and why.
    Failed(String),
}

/// A conversion that is under way.
#[derive(Debug)]
pub struct Maker {
    converter: Converter,
    dropped: AtomicU64,
}

impl Maker {
    /// Begins; what comes out is given to `out`, on other threads.
    pub fn new(
        source: &Media,
        target: Target,
        config: &Convert,
        out: impl Fn(Made) + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let settings = Settings {
            video_bitrate: config.video_bitrate,
            audio_bitrate: config.audio_bitrate,
            hardware: config.hardware,
            ..Settings::default()
        };
        let target = match target {
            Target::H264 => fql_convert::Target::H264,
            Target::Aac => fql_convert::Target::Aac,
            Target::Opus => fql_convert::Target::Opus,
        };
        let told = move |output| match output {
            fql_convert::Output::Media(media) => out(Made::Media(media)),
            fql_convert::Output::Unit(unit) => out(Made::Unit(unit)),
            fql_convert::Output::Failed(error) => out(Made::Failed(error.to_string())),
        };
        let converter = Converter::new(source, target, &settings, told).map_err(|error| error.to_string())?;
        Ok(Self { converter, dropped: AtomicU64::new(0) })
    }

    /// Takes a unit.
    pub fn push(&mut self, unit: &MediaUnit) -> Result<(), String> {
        let payload = match &unit.payload {
            Payload::Whole(data) => Given::Whole(data),
            Payload::Layered(unit) => Given::Layered(unit),
        };
        let (pts, key) = (unit.pts(), unit.key);
        let input = Input { pts, duration: unit.duration, key, discont: unit.discont, payload };
        self.converter.push(input).map_err(|error| error.to_string())
    }

    /// Nothing of it comes before this time: sound is silent until then.
    pub fn fill(&mut self, until: u64) -> Result<(), String> {
        self.converter.fill(until).map_err(|error| error.to_string())
    }

    /// The next picture is a key picture, or one soon.
    pub fn ask_for_key(&self) {
        self.converter.ask_for_key();
    }

    /// The encoder, by the name of its element.
    pub fn encoder(&self) -> &str {
        self.converter.encoder()
    }

    /// How many units were left out, since the last call, because the encoder was behind.
    pub fn newly_dropped(&self) -> u64 {
        let dropped = self.converter.counts().dropped;
        dropped - self.dropped.swap(dropped, Ordering::Relaxed)
    }

    /// Gives out what is held back. Nothing can be pushed after it.
    pub fn finish(&self) {
        self.converter.finish();
    }
}
