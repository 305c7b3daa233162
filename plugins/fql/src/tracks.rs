//! The tracks of a sender: one for each of its pads, announced together.

use fql_unit::{Media, Track, TrackTable};

/// What the pads of a sender have said of their tracks so far.
#[derive(Debug, Default)]
pub struct Tracks {
    /// By the pad's number, which is the track's id.
    known: std::collections::BTreeMap<u8, Track>,
    announced: bool,
}

/// A table to announce, or that there is nothing new.
pub type Announcement = Option<TrackTable>;

impl Tracks {
    /// A pad's caps say what its track is. Gives the table to announce, if one was announced before and this one
    /// differs.
    pub fn describe(
        &mut self,
        id: u8,
        name: &str,
        media: Media,
        layers: u8,
    ) -> Result<Announcement, fql_unit::Error> {
        let track = Track { id, name: name.to_owned(), layers, media };
        TrackTable::new(vec![track.clone()])?;
        if self.known.get(&id) == Some(&track) {
            return Ok(None);
        }
        self.known.insert(id, track);
        if self.announced { self.table().map(Some) } else { Ok(None) }
    }

    /// The first unit is about to be sent: gives the table to announce, if none was announced before.
    pub fn begin(&mut self) -> Result<Announcement, fql_unit::Error> {
        if std::mem::replace(&mut self.announced, true) {
            return Ok(None);
        }
        self.table().map(Some)
    }

    /// A new session begins with the same tracks.
    pub fn announce_again(&mut self) {
        self.announced = false;
    }

    /// A pad is gone.
    pub fn remove(&mut self, id: u8) -> Result<Announcement, fql_unit::Error> {
        let known = self.known.remove(&id).is_some();
        if known && self.announced { self.table().map(Some) } else { Ok(None) }
    }

    /// Forgets all, as for a new session.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    fn table(&self) -> Result<TrackTable, fql_unit::Error> {
        TrackTable::new(self.known.values().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use fql_unit::DataInfo;

    use super::*;

    fn data(caps: &str) -> Media {
        Media::Data(DataInfo { caps: caps.into() })
    }

    fn ids(announcement: Announcement) -> Option<Vec<u8>> {
        announcement.map(|table| table.tracks().iter().map(|track| track.id).collect())
    }

    #[test]
    fn all_tracks_that_are_known_at_the_first_unit_are_announced_together() {
        let mut tracks = Tracks::default();
        assert_eq!(ids(tracks.describe(1, "b", data("a/b"), 1).unwrap()), None);
        assert_eq!(ids(tracks.describe(0, "a", data("a/b"), 1).unwrap()), None);
        assert_eq!(ids(tracks.begin().unwrap()), Some(vec![0, 1]));
        assert_eq!(ids(tracks.begin().unwrap()), None);
    }

    #[test]
    fn later_tracks_and_changes_are_announced_at_once_and_repetitions_are_not() {
        let mut tracks = Tracks::default();
        tracks.describe(0, "a", data("a/b"), 1).unwrap();
        tracks.begin().unwrap();
        assert_eq!(ids(tracks.describe(0, "a", data("a/b"), 1).unwrap()), None);
        assert_eq!(ids(tracks.describe(0, "a", data("a/c"), 1).unwrap()), Some(vec![0]));
        assert_eq!(ids(tracks.describe(7, "", data("a/c"), 1).unwrap()), Some(vec![0, 7]));
        assert_eq!(ids(tracks.remove(0).unwrap()), Some(vec![7]));
        assert_eq!(ids(tracks.remove(0).unwrap()), None);
    }

    #[test]
    fn a_track_that_cannot_be_is_an_error_and_changes_nothing() {
        let mut tracks = Tracks::default();
        assert!(tracks.describe(0, "a", data("a/b"), 16).is_err());
        assert!(tracks.describe(0, &"x".repeat(65), data("a/b"), 1).is_err());
        assert_eq!(ids(tracks.begin().unwrap()), Some(vec![]));
    }
}
