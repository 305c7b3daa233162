//! Where refresh points are in a file.

use std::collections::BTreeMap;

use fql_unit::wire::{Reader, put_signed, put_string, put_varint};
use fql_unit::{Track, TrackTable};

use crate::{Error, StoredUnit, Summary};

/// The most entries that an index has. Where there would be more, they are twice as far from each other.
pub const MAX_ENTRIES: usize = 1 << 17;

const MAX_TABLE: usize = 24_576;
const MAX_SUMMARIES: u64 = 256;

/// A refresh point: a unit at which a viewer can begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The unit's track.
    pub track: u8,
    /// When the unit is presented, in nanoseconds.
    pub pts: i64,
    /// Where its record begins, in bytes from the beginning of the file.
    pub offset: u64,
    /// Where the track table begins that holds for it: reading has to begin there.
    pub table: u64,
}

/// Some of the refresh points of a file, and what the file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Index {
    /// All tracks that the file ever has, each as it was described last.
    pub table: TrackTable,
    /// What there is of each track, in the order of their ids.
    pub summaries: Vec<Summary>,
    /// In the order in which they stand in the file.
    pub entries: Vec<Entry>,
}

impl Index {
    /// What there is of a track.
    pub fn summary(&self, track: u8) -> Option<&Summary> {
        self.summaries.iter().find(|summary| summary.track == track)
    }

    /// The earliest presentation time in nanoseconds; 0 where there is no unit.
    pub fn begin(&self) -> i64 {
        self.summaries.iter().map(|summary| summary.begin).min().unwrap_or(0)
    }

    /// The latest end of a unit in nanoseconds; 0 where there is no unit.
    pub fn end(&self) -> i64 {
        self.summaries.iter().map(|summary| summary.end).max().unwrap_or(0)
    }

    /// Where to begin to read so that of each of these tracks all is read that is presented from a time on: the
    /// earliest in the file of the last refresh points at or before that time. Tracks that ended before it do not
    /// count where there are others. `None` where there is no refresh point at all.
    pub fn start(&self, time: i64, is_wanted: impl Fn(&Track) -> bool) -> Option<Entry> {
        let wanted = || self.table.tracks().iter().filter(|track| is_wanted(track));
        let lasts = |track: &&Track| self.summary(track.id).is_some_and(|summary| summary.end > time);
        let before = |track: &Track| self.at_or_before(track.id, time);
        let first = |entries: &mut dyn Iterator<Item = Entry>| entries.min_by_key(|entry| entry.offset);
        first(&mut wanted().filter(lasts).filter_map(before))
            .or_else(|| first(&mut wanted().filter_map(before)))
    }

    /// The last refresh point of a track at or before a time, or the first one where there is none.
    pub fn at_or_before(&self, track: u8, time: i64) -> Option<Entry> {
        let mut entries = self.entries.iter().filter(|entry| entry.track == track);
        let is_before = |entry: &&Entry| entry.pts <= time;
        entries.clone().filter(is_before).max_by_key(|entry| entry.pts).or_else(|| entries.next()).copied()
    }

    /// As the body of a record.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.entries.len() * 12);
        put_string(&mut out, &self.table.to_bytes());
        put_varint(&mut out, self.summaries.len() as u64);
        self.summaries.iter().for_each(|summary| summary.write(&mut out));
        put_varint(&mut out, self.entries.len() as u64);
        let mut last = Entry { track: 0, pts: 0, offset: 0, table: 0 };
        for entry in &self.entries {
            out.push(entry.track);
            put_signed(&mut out, entry.pts.wrapping_sub(last.pts));
            put_varint(&mut out, entry.offset.wrapping_sub(last.offset));
            put_varint(&mut out, entry.offset.wrapping_sub(entry.table));
            last = *entry;
        }
        out
    }

    /// Reads what [`Index::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        const COUNT: &str = "the number of refresh points";
        const ENTRY: &str = "a refresh point";
        let mut r = Reader::new(bytes);
        let table = TrackTable::from_bytes(r.string(MAX_TABLE, "the track table of the index")?)?;
        let count = limited(r.varint("the number of summaries")?, MAX_SUMMARIES, "the number of summaries")?;
        let summaries = (0..count).map(|_| Summary::read(&mut r)).collect::<Result<_, _>>()?;
        let count = limited(r.varint(COUNT)?, MAX_ENTRIES as u64, COUNT)?;
        let mut entries = Vec::new();
        let mut last = Entry { track: 0, pts: 0, offset: 0, table: 0 };
        for _ in 0..count {
            let track = r.u8(ENTRY)?;
            let pts = last.pts.wrapping_add(r.signed(ENTRY)?);
            let (step, back) = (r.varint(ENTRY)?, r.varint(ENTRY)?);
            let offset = last.offset.checked_add(step);
            let table = offset.and_then(|offset| offset.checked_sub(back));
            let (Some(offset), Some(table)) = (offset, table) else {
                let (what, expected) = ("the step to a refresh point", "within the file");
                return Err(fql_unit::Error::OutOfRange { what, value: step.max(back), expected }.into());
            };
            last = Entry { track, pts, offset, table };
            entries.push(last);
        }
        Ok(Self { table, summaries, entries })
    }
}

fn limited(value: u64, limit: u64, what: &'static str) -> Result<u64, Error> {
    if value <= limit {
        return Ok(value);
    }
    Err(fql_unit::Error::OutOfRange { what, value, expected: "at most what the specification allows" }.into())
}

/// Makes an index while a file is written or read, in bounded memory.
#[derive(Debug)]
pub struct IndexBuilder {
    /// From one entry of a track to the next, in nanoseconds.
    interval: i64,
    tracks: BTreeMap<u8, Track>,
    summaries: BTreeMap<u8, Summary>,
    entries: Vec<Entry>,
    /// The time of the last entry of each track.
    last: [Option<i64>; 256],
}

impl IndexBuilder {
    /// With at least so many nanoseconds from one entry of a track to the next.
    pub fn new(interval: u64) -> Self {
        Self {
            interval: i64::try_from(interval).unwrap_or(i64::MAX).max(1),
            tracks: BTreeMap::new(),
            summaries: BTreeMap::new(),
            entries: Vec::new(),
            last: [None; 256],
        }
    }

    /// These tracks are described from here on.
    pub fn tracks(&mut self, table: &TrackTable) {
        for track in table.tracks() {
            // Files repeat the table every few seconds.
            if self.tracks.get(&track.id) == Some(track) {
                continue;
            }
            let before = self.tracks.insert(track.id, track.clone());
            // Many tables together may hold more than one can.
            if TrackTable::new(self.tracks.values().cloned().collect()).is_err() {
                match before {
                    Some(before) => self.tracks.insert(track.id, before),
                    None => self.tracks.remove(&track.id),
                };
            }
        }
    }

    /// A unit stands at an offset; the table that holds for it at another. Its layers are counted where it is given
    /// with its bytes.
    pub fn unit(&mut self, stored: &StoredUnit, offset: u64, table: u64) {
        let summary = self.summaries.entry(stored.track).or_insert_with(|| Summary::new(stored));
        summary.count(stored);
        if !stored.flags.key {
            return;
        }
        let last = &mut self.last[usize::from(stored.track)];
        if last.is_some_and(|last| stored.pts < last.saturating_add(self.interval)) {
            return;
        }
        *last = Some(stored.pts);
        self.entries.push(Entry { track: stored.track, pts: stored.pts, offset, table });
        if self.entries.len() > MAX_ENTRIES {
            self.thin_out();
        }
    }

    /// Makes room: entries of a track are twice as far from each other, or more, from here on.
    fn thin_out(&mut self) {
        while self.entries.len() > MAX_ENTRIES / 2 && self.interval < i64::MAX {
            self.interval = self.interval.saturating_mul(2);
            let (interval, mut last) = (self.interval, [None; 256]);
            self.entries.retain(|entry| {
                let last: &mut Option<i64> = &mut last[usize::from(entry.track)];
                let stays = last.is_none_or(|last| entry.pts >= last.saturating_add(interval));
                if stays {
                    *last = Some(entry.pts);
                }
                stays
            });
        }
    }

    /// The index of all that came so far.
    pub fn index(&self) -> Index {
        let tracks = self.tracks.values().cloned().collect();
        Index {
            table: TrackTable::new(tracks).unwrap_or_default(),
            summaries: self.summaries.values().cloned().collect(),
            entries: self.entries.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use fql_unit::{DataInfo, Media};
    use proptest::prelude::*;

    use super::*;
    use crate::StoredFlags;

    const SECOND: u64 = 1_000_000_000;

    fn unit(track: u8, pts: i64, key: bool) -> StoredUnit {
        let flags = StoredFlags { key, ..StoredFlags::default() };
        StoredUnit { track, pts, dts: None, duration: Some(40_000_000), flags, unit: Bytes::new() }
    }

    fn table(ids: &[u8]) -> TrackTable {
        let media = Media::Data(DataInfo { caps: "a/b".into() });
        let track = |id: &u8| Track { id: *id, name: String::new(), layers: 1, media: media.clone() };
        TrackTable::new(ids.iter().map(track).collect()).unwrap()
    }

    fn seconds(n: u64) -> i64 {
        (n * SECOND) as i64
    }

    /// Track 0 has a key unit every two seconds for ten seconds, track 1 one every second for five.
    fn index() -> Index {
        let mut builder = IndexBuilder::new(SECOND);
        builder.tracks(&table(&[0, 1]));
        for n in 0..10 {
            builder.unit(&unit(0, seconds(n), n % 2 == 0), 100 + n * 100, 20);
            if n < 5 {
                builder.unit(&unit(1, seconds(n), true), 150 + n * 100, 20);
            }
        }
        builder.index()
    }

    #[test]
    fn reading_begins_where_every_track_that_lasts_can_begin() {
        let index = index();
        let start = |time, ids: &[u8]| {
            index.start(time, |track| ids.contains(&track.id)).map(|entry| (entry.track, entry.offset))
        };
        assert_eq!(start(seconds(3), &[0, 1]), Some((0, 300)));
        assert_eq!(start(seconds(3), &[1]), Some((1, 450)));
        assert_eq!(start(seconds(9), &[0, 1]), Some((0, 900)));
        assert_eq!(start(seconds(9), &[1]), Some((1, 550)));
        assert_eq!(start(-1, &[0, 1]), Some((0, 100)));
        assert_eq!(start(0, &[]), None);
        assert_eq!((index.begin(), index.end()), (0, seconds(9) + 40_000_000));
        assert_eq!(index.summary(0).map(|s| (s.units, s.keys)), Some((10, 5)));
    }

    #[test]
    fn an_index_comes_back_as_it_went() {
        let index = index();
        assert_eq!(Index::from_bytes(&index.to_bytes()), Ok(index));
    }

    #[test]
    fn an_index_of_many_days_is_bounded_and_even() {
        let mut builder = IndexBuilder::new(SECOND / 2);
        builder.tracks(&table(&[0, 1]));
        for n in 0..300_000 {
            for track in [0, 1] {
                builder.unit(&unit(track, seconds(n), true), n * 100 + u64::from(track), 20);
            }
        }
        let entries = builder.index().entries;
        assert!(entries.len() <= MAX_ENTRIES && entries.len() > MAX_ENTRIES / 4, "{}", entries.len());
        let of_first: Vec<_> = entries.iter().filter(|entry| entry.track == 0).collect();
        let steps = of_first.windows(2).map(|pair| pair[1].pts - pair[0].pts);
        assert_eq!(steps.clone().max(), steps.min());
    }

    #[test]
    fn the_index_of_ten_hours_takes_less_than_a_megabyte() {
        let mut builder = IndexBuilder::new(SECOND / 2);
        builder.tracks(&table(&[0, 1]));
        let mut offset = 100;
        for n in 0..10 * 3600 * 2 {
            for (track, bytes) in [(0, 200_000), (1, 12_000)] {
                builder.unit(&unit(track, seconds(n) / 2, true), offset, offset - offset % 1_000_000);
                offset += bytes;
            }
        }
        let bytes = builder.index().to_bytes().len();
        assert!((100_000..1_000_000).contains(&bytes), "{bytes}");
    }

    #[test]
    fn times_that_run_backwards_fill_no_memory() {
        let mut builder = IndexBuilder::new(1);
        builder.tracks(&table(&[0]));
        for n in 0..1_000i64 {
            builder.unit(&unit(0, -n, true), n as u64, 0);
        }
        assert_eq!(builder.index().entries.len(), 1);
    }

    #[test]
    fn more_tracks_than_a_table_can_hold_are_not_all_in_the_index() {
        let mut builder = IndexBuilder::new(1);
        for id in 0..=255 {
            builder.tracks(&table(&[id]));
        }
        assert_eq!(builder.index().table.tracks().len(), 64);
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_index_or_an_error(bytes: Vec<u8>) {
            let _ = Index::from_bytes(&bytes);
        }

        #[test]
        fn a_damaged_index_never_points_before_the_file(at: usize, byte: u8) {
            let mut bytes = index().to_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(index) = Index::from_bytes(&bytes) {
                prop_assert!(index.entries.iter().all(|entry| entry.table <= entry.offset));
            }
        }
    }
}
