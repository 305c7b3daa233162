//! Where streamd is built without conversion: it is never begun.

use bytes::Bytes;
use fql_unit::Media;

use super::takes::Target;
use crate::config::Convert;
use crate::media::MediaUnit;

/// Why this program converts nothing.
pub const MISSING: Option<&str> =
    Some("the stream would have to be converted, and this streamd was built without that");

/// What would come out.
#[allow(dead_code, reason = "nothing is made")]
pub enum Made {
    Media(Media),
    Unit(Unit),
    Failed(String),
}

/// One access unit.
pub struct Unit {
    pub pts: u64,
    pub duration: u64,
    pub key: bool,
    pub data: Bytes,
}

/// A conversion, of which there is none.
#[derive(Debug)]
pub enum Maker {}

impl Maker {
    pub fn new(
        _: &Media,
        _: Target,
        _: &Convert,
        _: impl Fn(Made) + Send + Sync + 'static,
    ) -> Result<Self, String> {
        Err(MISSING.unwrap_or_default().to_owned())
    }

    pub fn push(&mut self, _: &MediaUnit) -> Result<(), String> {
        match *self {}
    }

    pub fn fill(&mut self, _: u64) -> Result<(), String> {
        match *self {}
    }

    pub fn ask_for_key(&self) {
        match *self {}
    }

    pub fn encoder(&self) -> &str {
        match *self {}
    }

    pub fn newly_dropped(&self) -> u64 {
        match *self {}
    }

    pub fn finish(&self) {
        match *self {}
    }
}
