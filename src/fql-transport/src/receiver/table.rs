use bytes::Bytes;
use fql_unit::TrackTable;

use crate::error::Malformed;

/// The most parts of a track table: 64 tracks with the longest texts fill fewer of the smallest datagrams.
const MAX_PARTS: u8 = 128;

/// The track table as it comes in parts.
#[derive(Default)]
pub(super) struct Table {
    version: u16,
    parts: Vec<Option<Bytes>>,
    /// The last complete table.
    current: Option<(u16, TrackTable)>,
}

impl Table {
    /// The last complete table.
    pub(super) fn tracks(&self) -> Option<&TrackTable> {
        self.current.as_ref().map(|(_, tracks)| tracks)
    }

    /// Its version.
    pub(super) fn version(&self) -> Option<u16> {
        self.current.as_ref().map(|&(version, _)| version)
    }

    /// Takes a part. Gives the table when it is complete and new.
    pub(super) fn add(
        &mut self,
        version: u16,
        part: u8,
        parts: u8,
        bytes: Bytes,
    ) -> Result<Option<TrackTable>, Malformed> {
        if part >= parts || parts > MAX_PARTS {
            return Err(Malformed);
        }
        let newest = if self.parts.is_empty() { self.version() } else { Some(self.version) };
        // Tables that were overtaken by newer ones on the way.
        let is_old = newest.is_some_and(|newest| (version.wrapping_sub(newest) as i16) < 0);
        if is_old || self.version() == Some(version) {
            return Ok(None);
        }
        if self.version != version || self.parts.len() != usize::from(parts) {
            self.version = version;
            self.parts = vec![None; parts.into()];
        }
        self.parts[usize::from(part)] = Some(bytes);
        let Some(all) = self.parts.iter().cloned().collect::<Option<Vec<_>>>() else { return Ok(None) };
        self.parts.clear();
        let table = TrackTable::from_bytes(&all.concat())?;
        self.current = Some((version, table.clone()));
        Ok(Some(table))
    }
}
