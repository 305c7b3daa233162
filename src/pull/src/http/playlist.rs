//! HLS (RFC 8216): a playlist that is read again and again, and the segments that it names.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use m3u8_rs::{KeyMethod, MediaPlaylist, MediaSegment, Playlist, VariantStream};
use reqwest::Url;
use tokio::time::{Instant, sleep_until};

use super::Client;
use super::stream::peer;
use crate::address::Address;
use crate::container::Container;
use crate::error::{Error, Reason};
use crate::out::{Out, Sink};
use crate::reach::Rules;
use crate::transport_stream::TransportStream;

/// The longest playlist.
const MOST_PLAYLIST: usize = 2 << 20;
/// The longest segment, and the longest initialization segment.
const MOST_SEGMENT: usize = 64 << 20;
/// How many segments before the newest a live playlist is begun (RFC 8216, 6.3.3).
const BEHIND: usize = 3;
/// The shortest time between two looks at a playlist, and the longest.
const LOOK: Range<Duration> = Duration::from_millis(500)..Duration::from_secs(30);
/// Segments that fail, one after the other, before all of it has.
const PATIENCE: usize = 3;

pub(crate) async fn pull<S: Sink>(
    address: &Address,
    rules: &Rules,
    out: &mut Out<'_, S>,
) -> Result<(), Error> {
    let client = Client::new(rules)?;
    let (url, mut playlist) = open(&client, address, out).await?;
    let mut segments = Segments::default();
    let mut place = Place::default();
    let mut failed = 0;
    loop {
        let looked = Instant::now();
        let due = place.take(&playlist);
        for (number, segment) in &due {
            match segments.take(&client, &url, segment, out).await {
                Ok(()) => failed = 0,
                // One that is gone from the server is left out: the window has moved on.
                Err(error) if is_of_the_segment(&error) && failed < PATIENCE => {
                    failed += 1;
                    segments.discontinue();
                    tracing::debug!(number, %error, "a segment is left out");
                }
                Err(error) => return Err(error),
            }
        }
        if playlist.end_list {
            return segments.finish(out).await;
        }
        // A playlist that has not changed is looked at again after half the time.
        let target = Duration::from_secs(playlist.target_duration);
        let wait = if due.is_empty() { target / 2 } else { target };
        sleep_until(looked + wait.clamp(LOOK.start, LOOK.end)).await;
        playlist = media_playlist(&client.all(&url, None, MOST_PLAYLIST).await?.1)?;
    }
}

fn is_of_the_segment(error: &Error) -> bool {
    matches!(error.reason, Reason::NotFound | Reason::Lost | Reason::Refused)
}

/// The playlist of the best rendition.
async fn open<S: Sink>(
    client: &Client,
    address: &Address,
    out: &mut Out<'_, S>,
) -> Result<(Url, MediaPlaylist), Error> {
    let response = client.get(address.url(), None).await?;
    out.connected(peer(&response));
    let url = response.url().clone();
    drop(response);
    let (url, bytes) = client.all(&url, None, MOST_PLAYLIST).await?;
    match parse(&bytes)? {
        Playlist::MediaPlaylist(playlist) => Ok((url, playlist)),
        Playlist::MasterPlaylist(playlist) => {
            let uri =
                best(&playlist.variants).ok_or_else(|| Error::malformed("the playlist names no stream"))?;
            let (url, bytes) = client.all(&join(&url, uri)?, None, MOST_PLAYLIST).await?;
            Ok((url, media_playlist(&bytes)?))
        }
    }
}

fn best(variants: &[VariantStream]) -> Option<&str> {
    let streams = variants.iter().filter(|variant| !variant.is_i_frame);
    streams.max_by_key(|variant| variant.bandwidth).map(|variant| variant.uri.as_str())
}

fn parse(bytes: &[u8]) -> Result<Playlist, Error> {
    if !bytes.trim_ascii_start().starts_with(b"#EXTM3U") {
        return Err(Error::malformed("it is no playlist"));
    }
    m3u8_rs::parse_playlist_res(bytes).map_err(|_| Error::malformed("the playlist cannot be read"))
}

fn media_playlist(bytes: &[u8]) -> Result<MediaPlaylist, Error> {
    match parse(bytes)? {
        Playlist::MediaPlaylist(playlist) => Ok(playlist),
        Playlist::MasterPlaylist(_) => {
            Err(Error::malformed("a playlist leads to another that is none of segments"))
        }
    }
}

fn join(base: &Url, uri: &str) -> Result<Url, Error> {
    let url = base.join(uri).map_err(|_| Error::malformed("the playlist names what is no address"))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(Error::malformed("the playlist leads to something else than http:// and https://")),
    }
}

/// Which segment is next.
#[derive(Debug, Default)]
struct Place {
    next: Option<u64>,
}

impl Place {
    /// The segments that have not been taken, with their numbers.
    fn take(&mut self, playlist: &MediaPlaylist) -> Vec<(u64, MediaSegment)> {
        let (first, count) = (playlist.media_sequence, playlist.segments.len() as u64);
        let end = first.saturating_add(count);
        let begin = if playlist.end_list { first } else { end.saturating_sub(BEHIND as u64).max(first) };
        let next = match self.next {
            // All that is there was taken: up to one playlist that is older than the one before.
            Some(next) if next >= end && next - end <= count => next,
            Some(next) if (first..end).contains(&next) => next,
            // The window has moved on without us, or the numbers begin anew.
            _ => begin,
        };
        self.next = Some(next.max(end));
        let skipped = usize::try_from(next.saturating_sub(first)).unwrap_or(usize::MAX);
        let mut due: Vec<_> =
            (first..).zip(&playlist.segments).skip(skipped).map(|(n, s)| (n, s.clone())).collect();
        // Keys and maps hold until the next, and may stand before what is skipped.
        for (number, segment) in &mut due {
            let before = usize::try_from(*number - first).unwrap_or(0);
            let earlier = &playlist.segments[..=before.min(playlist.segments.len() - 1)];
            segment.map = earlier.iter().rev().find_map(|segment| segment.map.clone());
            segment.key = earlier.iter().rev().find_map(|segment| segment.key.clone());
        }
        due
    }
}

/// What segments are put together to.
#[derive(Default)]
struct Segments {
    reader: Reader,
    /// Where the range after the last one begins.
    range_end: u64,
}

#[derive(Default)]
enum Reader {
    #[default]
    None,
    TransportStream(Box<TransportStream>),
    /// With the bytes of its initialization segment.
    Container(Box<Container>, Bytes),
}

impl Segments {
    async fn take<S: Sink>(
        &mut self,
        client: &Client,
        playlist: &Url,
        segment: &MediaSegment,
        out: &mut Out<'_, S>,
    ) -> Result<(), Error> {
        if segment.key.as_ref().is_some_and(|key| key.method != KeyMethod::None) {
            return Err(Error::malformed("its segments are encrypted"));
        }
        let range = segment.byte_range.as_ref().map(|range| {
            let start = range.offset.unwrap_or(self.range_end);
            start..start.saturating_add(range.length)
        });
        self.range_end = range.as_ref().map_or(0, |range| range.end);
        let (_, bytes) = client.all(&join(playlist, &segment.uri)?, range, MOST_SEGMENT).await?;
        match &segment.map {
            Some(map) => {
                let range = map.byte_range.as_ref().map(|range| {
                    let start = range.offset.unwrap_or(0);
                    start..start.saturating_add(range.length)
                });
                let (_, head) = client.all(&join(playlist, &map.uri)?, range, MOST_SEGMENT).await?;
                self.container(head, &bytes, segment.discontinuity, out).await
            }
            None => {
                if !matches!(self.reader, Reader::TransportStream(_)) {
                    self.reader = Reader::TransportStream(Box::new(TransportStream::paced()));
                }
                let Reader::TransportStream(stream) = &mut self.reader else { return Ok(()) };
                stream.push(&bytes, out).await
            }
        }
    }

    async fn container<S: Sink>(
        &mut self,
        head: Bytes,
        bytes: &[u8],
        is_other: bool,
        out: &mut Out<'_, S>,
    ) -> Result<(), Error> {
        let goes_on = matches!(&self.reader, Reader::Container(_, known) if *known == head && !is_other);
        if !goes_on {
            let mut container = Box::new(Container::new()?);
            container.push(&head, out).await?;
            self.reader = Reader::Container(container, head);
        }
        let Reader::Container(container, _) = &mut self.reader else { return Ok(()) };
        container.push(bytes, out).await
    }

    /// What comes next does not follow what came before.
    fn discontinue(&mut self) {
        if let Reader::Container(..) = self.reader {
            self.reader = Reader::None;
        }
    }

    async fn finish<S: Sink>(self, out: &mut Out<'_, S>) -> Result<(), Error> {
        match self.reader {
            Reader::None => Err(Error::new(Reason::NoMedia, "the playlist names no segments")),
            Reader::TransportStream(mut stream) => stream.finish(out).await,
            Reader::Container(mut container, _) => container.finish(out).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn playlist(first: u64, count: u64, is_over: bool) -> MediaPlaylist {
        let segment = |number| MediaSegment { uri: format!("{number}.ts"), ..MediaSegment::empty() };
        MediaPlaylist {
            media_sequence: first,
            end_list: is_over,
            segments: (first..first + count).map(segment).collect(),
            ..MediaPlaylist::default()
        }
    }

    fn numbers(due: &[(u64, MediaSegment)]) -> Vec<u64> {
        due.iter().map(|(number, _)| *number).collect()
    }

    #[test]
    fn a_live_window_is_followed() {
        let mut place = Place::default();
        assert_eq!(numbers(&place.take(&playlist(10, 6, false))), [13, 14, 15]);
        assert_eq!(numbers(&place.take(&playlist(10, 6, false))), [] as [u64; 0]);
        assert_eq!(
            numbers(&place.take(&playlist(9, 6, false))),
            [] as [u64; 0],
            "a cache answered with an older one"
        );
        assert_eq!(numbers(&place.take(&playlist(12, 6, false))), [16, 17]);
        assert_eq!(numbers(&place.take(&playlist(40, 6, false))), [43, 44, 45], "the window has jumped");
        assert_eq!(numbers(&place.take(&playlist(0, 4, false))), [1, 2, 3], "the numbers begin anew");
    }

    #[test]
    fn a_recording_is_taken_from_its_beginning() {
        assert_eq!(numbers(&Place::default().take(&playlist(0, 5, true))), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn playlists_lead_to_no_other_scheme() {
        let base = Url::parse("https://origin/live/index.m3u8").unwrap();
        assert_eq!(join(&base, "../a.ts").unwrap().as_str(), "https://origin/a.ts");
        for uri in ["file:///etc/passwd", "rtsp://a/b", "data:text/plain,a"] {
            assert_eq!(join(&base, uri).unwrap_err().reason, Reason::Malformed, "{uri}");
        }
    }

    #[test]
    fn what_is_no_playlist_is_refused() {
        for text in ["", "<html>", "#EXTINF:1\na.ts"] {
            assert_eq!(parse(text.as_bytes()).unwrap_err().reason, Reason::Malformed);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_window_makes_it_panic(windows in proptest::collection::vec((0_u64.., 0_u64..20, proptest::bool::ANY), 1..6)) {
            let mut place = Place::default();
            for (first, count, is_over) in windows {
                let _ = place.take(&playlist(first.min(u64::MAX - 32), count, is_over));
            }
        }
    }
}
