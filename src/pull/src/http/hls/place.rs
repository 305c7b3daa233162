//! Which segments of a playlist are next.

use std::ops::Range;

use m3u8_rs::{Key, Map, MediaPlaylist, MediaSegment};

use crate::error::Error;

/// How many segments before the newest a live playlist is begun (RFC 8216, 6.3.3).
const BEHIND: usize = 3;

/// Which segment is next.
#[derive(Debug, Default)]
pub(super) struct Place {
    next: Option<u64>,
}

/// A segment that has not been taken.
#[derive(Debug)]
pub(super) struct Due<'a> {
    pub number: u64,
    pub segment: &'a MediaSegment,
    /// Which part of the file it is, if it is no whole one.
    pub range: Option<Range<u64>>,
    /// Its initialization segment, with the key that was in force where that is named.
    pub map: Option<(&'a Map, Option<&'a Key>)>,
    pub key: Option<&'a Key>,
    /// Whether it has no connection with the one before.
    pub is_anew: bool,
}

impl Place {
    /// The segments that have not been taken.
    pub fn take<'a>(&mut self, playlist: &'a MediaPlaylist) -> Result<Vec<Due<'a>>, Error> {
        let (first, count) = (playlist.media_sequence, playlist.segments.len() as u64);
        let end = first
            .checked_add(count)
            .ok_or_else(|| Error::malformed("the playlist numbers its segments past the last number"))?;
        let begin = if playlist.end_list { first } else { end.saturating_sub(BEHIND as u64).max(first) };
        let (next, goes_on) = match self.next {
            // All that is there was taken: up to one playlist that is older than the one before.
            Some(next) if next >= end && next - end <= count => (next, true),
            Some(next) if (first..end).contains(&next) => (next, true),
            // The window has moved on without us, or the numbers begin anew.
            _ => (begin, self.next.is_none()),
        };
        self.next = Some(next.max(end));
        // Keys and maps hold until the next, and ranges go on where the one before ended: all may stand before what is
        // skipped.
        let (mut map, mut key, mut before) = (None, None, ("", 0));
        let all = playlist.segments.iter().enumerate().map(|(index, segment)| {
            let range = segment.byte_range.as_ref().map(|range| {
                let start = range.offset.unwrap_or(if before.0 == segment.uri { before.1 } else { 0 });
                start..start.saturating_add(range.length)
            });
            before = (&segment.uri, range.as_ref().map_or(0, |range| range.end));
            key = segment.key.as_ref().or(key);
            map = segment.map.as_ref().map(|map| (map, key)).or(map);
            let number = first + index as u64;
            let is_anew = segment.discontinuity || (number == next && !goes_on);
            Due { number, segment, range, map, key, is_anew }
        });
        Ok(all.filter(|due| due.number >= next).collect())
    }
}

#[cfg(test)]
mod tests {
    use m3u8_rs::{ByteRange, KeyMethod};

    use super::super::playlist::MOST_SEGMENTS;
    use super::*;
    use crate::error::Reason;

    fn playlist(first: u64, count: u64, is_over: bool) -> MediaPlaylist {
        let segment = |number| MediaSegment { uri: format!("{number}.ts"), ..MediaSegment::empty() };
        MediaPlaylist {
            media_sequence: first,
            end_list: is_over,
            segments: (0..count).map(|index| segment(first.wrapping_add(index))).collect(),
            ..MediaPlaylist::default()
        }
    }

    fn numbers(due: Result<Vec<Due<'_>>, Error>) -> Vec<u64> {
        due.unwrap().iter().map(|due| due.number).collect()
    }

    #[test]
    fn a_live_window_is_followed() {
        let mut place = Place::default();
        assert_eq!(numbers(place.take(&playlist(10, 6, false))), [13, 14, 15]);
        assert_eq!(numbers(place.take(&playlist(10, 6, false))), [] as [u64; 0]);
        assert_eq!(
            numbers(place.take(&playlist(9, 6, false))),
            [] as [u64; 0],
            "a cache answered with an older one"
        );
        assert_eq!(numbers(place.take(&playlist(12, 6, false))), [16, 17]);
        assert_eq!(numbers(place.take(&playlist(40, 6, false))), [43, 44, 45], "the window has jumped");
        assert_eq!(numbers(place.take(&playlist(0, 4, false))), [1, 2, 3], "the numbers begin anew");
    }

    #[test]
    fn what_does_not_go_on_is_told() {
        let mut place = Place::default();
        let mut anew = |playlist: &MediaPlaylist| -> Vec<u64> {
            let due = place.take(playlist).unwrap();
            due.iter().filter(|due| due.is_anew).map(|due| due.number).collect()
        };
        assert_eq!(anew(&playlist(10, 6, false)), [] as [u64; 0], "nothing was before it");
        let mut other = playlist(14, 6, false);
        other.segments[3].discontinuity = true;
        assert_eq!(anew(&other), [17]);
        assert_eq!(anew(&playlist(40, 6, false)), [43]);
        assert_eq!(anew(&playlist(0, 4, false)), [1]);
    }

    #[test]
    fn a_recording_is_taken_from_its_beginning() {
        assert_eq!(numbers(Place::default().take(&playlist(0, 5, true))), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn numbers_past_the_last_are_refused() {
        let mut place = Place::default();
        assert_eq!(numbers(place.take(&playlist(u64::MAX - 2, 2, true))), [u64::MAX - 2, u64::MAX - 1]);
        for first in [u64::MAX - 2, u64::MAX] {
            let error = place.take(&playlist(first, 3, true)).map(drop).unwrap_err();
            assert_eq!(error.reason, Reason::Malformed);
        }
    }

    #[test]
    fn maps_and_keys_hold_until_the_next() {
        let mut window = playlist(0, 100, true);
        let map = |uri: &str| Some(Map { uri: uri.to_owned(), ..Map::default() });
        (window.segments[0].map, window.segments[60].map) = (map("a"), map("b"));
        window.segments[97].key = Some(Key { method: KeyMethod::AES128, ..Key::default() });
        let mut place = Place { next: Some(59) };
        let due = place.take(&window).unwrap();
        let maps: String = due.iter().filter_map(|due| due.map).map(|(map, _)| map.uri.as_str()).collect();
        assert_eq!(maps, ["a", &"b".repeat(40)].concat());
        let keys: Vec<_> = due.iter().filter(|due| due.key.is_some()).map(|due| due.number).collect();
        assert_eq!(keys, [97, 98, 99]);
    }

    #[test]
    fn ranges_go_on_after_those_that_are_not_taken() {
        let mut window = playlist(10, 6, false);
        let parts = [
            ("a", 5, Some(7)),
            ("a", 6, None),
            ("a", 7, None),
            ("a", 8, None),
            ("b", 9, None),
            ("b", u64::MAX, None),
        ];
        for (segment, (uri, length, offset)) in window.segments.iter_mut().zip(parts) {
            segment.uri = uri.to_owned();
            segment.byte_range = Some(ByteRange { length, offset });
        }
        let ranges = |due: Vec<Due<'_>>| due.into_iter().filter_map(|due| due.range).collect::<Vec<_>>();
        let mut place = Place::default();
        assert_eq!(ranges(place.take(&window).unwrap()), [25..33, 0..9, 9..u64::MAX]);
        window.media_sequence = 40;
        assert_eq!(ranges(place.take(&window).unwrap())[0], 25..33, "the window has jumped");
    }

    #[test]
    fn a_playlist_of_many_segments_is_gone_through_once() {
        // With a look back from each segment it would not come to an end here.
        let count = MOST_SEGMENTS as u64;
        assert_eq!(Place::default().take(&playlist(0, count, true)).unwrap().len(), MOST_SEGMENTS);
    }

    proptest::proptest! {
        #[test]
        fn no_window_makes_it_panic(
            windows in proptest::collection::vec(
                (proptest::prop_oneof![0_u64.., u64::MAX - 40..], 0_u64..40, proptest::bool::ANY), 1..6
            )
        ) {
            let mut place = Place::default();
            for (first, count, is_over) in windows {
                let _ = place.take(&playlist(first, count, is_over));
            }
        }
    }
}
