//! Taking the layers above one out of units, and copying a file without them.

use std::io::{self, Read, Write};

use fql_unit::encoded::Arrived;
use fql_unit::{Media, TrackTable, Unit};

use crate::{Ending, Error, FileReader, ReadError, Record, StoredUnit, Writer, WriterOptions};

/// The unit without its layers above `max_layer`; `None` where nothing of use is left: an access unit of another
/// encoder that lies above it. A unit that has no such layers stays as it is.
pub fn unit(mut unit: Unit, media: &Media, max_layer: u8) -> Option<Unit> {
    let kept = max_layer.saturating_add(1);
    if media.is_encoded() {
        let arrived = Arrived::of(&unit).ok()?;
        return (arrived.importance.layer() <= max_layer && unit.coded_layers() <= kept).then_some(unit);
    }
    if unit.coded_layers() > kept {
        unit.set_coded_layers(kept);
    }
    Some(unit)
}

/// A stored unit without its layers above `max_layer`, as [`unit`] makes it.
pub fn stored(stored: &StoredUnit, media: &Media, max_layer: u8) -> Result<Option<StoredUnit>, Error> {
    let before = stored.unit()?;
    let coded = before.coded_layers();
    let Some(after) = unit(before, media, max_layer) else { return Ok(None) };
    if after.coded_layers() == coded {
        return Ok(Some(stored.clone()));
    }
    Ok(Some(StoredUnit { unit: after.to_bytes().into(), ..stored.clone() }))
}

/// Whether a unit has lost layers that others are predicted from.
fn drifts(before: &StoredUnit, after: &StoredUnit) -> bool {
    let is_whole = |stored: &StoredUnit| stored.unit().is_ok_and(|unit| unit.has_whole_reference());
    before.unit.len() != after.unit.len() && is_whole(before) && !is_whole(after)
}

/// What became of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Bytes of the file that was read.
    pub read: u64,
    /// Bytes of the file that was written.
    pub written: u64,
    /// Units that were written.
    pub units: u64,
    /// Units that were left out as a whole.
    pub left_out: u64,
    /// Units that lost layers which others are predicted from: pictures drift from there to the next key frame.
    pub drifting: u64,
    /// Bytes that could not be understood.
    pub damaged: u64,
    /// Whether the file that was read had no end.
    pub was_cut: bool,
}

/// Why a copy failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The copy cannot be written.
    #[error("writing failed: {0}")]
    Write(#[source] io::Error),
    /// Something in it cannot become a part of a file.
    #[error(transparent)]
    Format(#[from] Error),
    /// Whoever was asked did not want it any more.
    #[error("the copy was given up")]
    GivenUp,
}

/// Copies a file without the layers above `max_layer`: tracks, tags and times stay as they are, the index is made for
/// the copy. `goes_on` is told how many bytes were read, often, and ends the copy with `false`.
pub fn copy(
    input: impl Read,
    output: &mut impl Write,
    max_layer: u8,
    serial: u16,
    mut goes_on: impl FnMut(u64) -> bool,
) -> Result<Report, CopyError> {
    let mut reader = FileReader::new(input);
    let mut copy =
        Copy { writer: None, serial, max_layer, table: TrackTable::default(), report: Report::default() };
    while let Some(parsed) = reader.next_record()? {
        if !goes_on(reader.position()) {
            return Err(CopyError::GivenUp);
        }
        let bytes = copy.take(parsed.record)?;
        output.write_all(&bytes).map_err(CopyError::Write)?;
    }
    let bytes = copy.writer().finish();
    output.write_all(&bytes).map_err(CopyError::Write)?;
    let mut report = copy.report;
    if let Ending::Cut(rest) = reader.ending() {
        report.was_cut = true;
        report.damaged += rest;
    }
    Ok(Report { read: reader.position(), written: copy.writer().written(), ..report })
}

struct Copy {
    writer: Option<Writer>,
    serial: u16,
    max_layer: u8,
    table: TrackTable,
    report: Report,
}

impl Copy {
    fn writer(&mut self) -> &mut Writer {
        let serial = self.serial;
        self.writer.get_or_insert_with(|| Writer::new(WriterOptions { serial, ..WriterOptions::default() }))
    }

    /// What is to be written of a record.
    fn take(&mut self, record: Record) -> Result<Vec<u8>, Error> {
        match record {
            Record::Head(head) => {
                let options =
                    WriterOptions { serial: self.serial, created: head.created, ..WriterOptions::default() };
                self.writer.get_or_insert_with(|| Writer::new(options));
                Ok(Vec::new())
            }
            Record::Tracks(table) => {
                let bytes = self.writer().tracks(&table);
                self.table = table;
                Ok(bytes)
            }
            Record::Tags(tags) => Ok(self.writer().tags(&tags)),
            Record::Unit(stored) => self.take_unit(&stored),
            Record::Damage(bytes) => {
                self.report.damaged += bytes;
                Ok(Vec::new())
            }
            Record::Index(_) | Record::End(_) => Ok(Vec::new()),
        }
    }

    fn take_unit(&mut self, unit: &StoredUnit) -> Result<Vec<u8>, Error> {
        let thinned = match self.table.get(unit.track) {
            Some(track) => stored(unit, &track.media, self.max_layer),
            None => Err(Error::UnknownTrack(unit.track)),
        };
        match thinned {
            Ok(Some(thinned)) => {
                self.report.units += 1;
                self.report.drifting += u64::from(drifts(unit, &thinned));
                self.writer().unit(&thinned)
            }
            Ok(None) => {
                self.report.left_out += 1;
                Ok(Vec::new())
            }
            // A record that is whole, but holds no unit: what wrote it made a mistake.
            Err(_) => {
                self.report.damaged += unit.unit.len() as u64;
                Ok(Vec::new())
            }
        }
    }
}
