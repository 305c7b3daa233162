//! What a file holds of a track, in numbers.

use fql_unit::wire::{Reader, put_signed, put_varint};
use fql_unit::{MAX_LAYERS, Unit};

use crate::{Error, StoredUnit};

/// What a file holds of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The track.
    pub track: u8,
    /// How many units it has.
    pub units: u64,
    /// At how many of them a viewer can begin.
    pub keys: u64,
    /// The earliest presentation time, in nanoseconds.
    pub begin: i64,
    /// The latest end of a unit, in nanoseconds.
    pub end: i64,
    /// Bytes of media on each layer, from layer 0 up; layers above have none. Empty where the units were not looked
    /// into.
    pub layer_bytes: Vec<u64>,
}

impl Summary {
    pub(crate) fn new(first: &StoredUnit) -> Self {
        let (track, begin, end) = (first.track, first.pts, first.end());
        Self { track, units: 0, keys: 0, begin, end, layer_bytes: Vec::new() }
    }

    /// Counts a unit; its layers only where it is given with its bytes.
    pub(crate) fn count(&mut self, stored: &StoredUnit) {
        self.units += 1;
        self.keys += u64::from(stored.flags.key);
        self.begin = self.begin.min(stored.pts);
        self.end = self.end.max(stored.end());
        if let Ok(unit) = stored.unit() {
            self.count_layers(&unit);
        }
    }

    fn count_layers(&mut self, unit: &Unit) {
        let layers = usize::from(unit.coded_layers()).max(self.layer_bytes.len());
        self.layer_bytes.resize(layers, 0);
        for (layer, _, segment) in unit.segments() {
            self.layer_bytes[usize::from(layer)] += segment.data().len() as u64;
        }
    }

    /// How long the track lasts, in nanoseconds.
    pub fn duration(&self) -> u64 {
        u64::try_from(self.end.saturating_sub(self.begin)).unwrap_or(0)
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.track);
        put_varint(out, self.units);
        put_varint(out, self.keys);
        put_signed(out, self.begin);
        put_signed(out, self.end);
        put_varint(out, self.layer_bytes.len() as u64);
        self.layer_bytes.iter().for_each(|bytes| put_varint(out, *bytes));
    }

    pub(crate) fn read(r: &mut Reader) -> Result<Self, Error> {
        const WHAT: &str = "the summary of a track";
        let mut summary = Self {
            track: r.u8(WHAT)?,
            units: r.varint(WHAT)?,
            keys: r.varint(WHAT)?,
            begin: r.signed(WHAT)?,
            end: r.signed(WHAT)?,
            layer_bytes: Vec::new(),
        };
        let layers = r.varint(WHAT)?;
        if layers > u64::from(MAX_LAYERS) {
            let what = "the number of layers in the summary of a track";
            return Err(fql_unit::Error::OutOfRange { what, value: layers, expected: "at most 15" }.into());
        }
        for _ in 0..layers {
            summary.layer_bytes.push(r.varint(WHAT)?);
        }
        Ok(summary)
    }
}
