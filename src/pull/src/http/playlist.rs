//! HLS (RFC 8216): a playlist that is read again and again, and the segments that it names.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use m3u8_rs::{Key, KeyMethod, Map, MediaPlaylist, MediaSegment, Playlist, VariantStream};
use reqwest::Url;
use tokio::time::{Instant, sleep_until};

use super::stream::peer;
use super::{Client, body, follow};
use crate::address::Address;
use crate::container::Container;
use crate::error::{Error, Reason};
use crate::out::{Out, Sink};
use crate::reach::Rules;
use crate::transport_stream::TransportStream;

/// The longest playlist.
const MOST_PLAYLIST: usize = 2 << 20;
/// The most segments of a playlist: a day of them, each of a second.
const MOST_SEGMENTS: usize = 86_400;
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
        let due = place.take(&playlist)?;
        for due in &due {
            match segments.take(&client, &url, due, out).await {
                Ok(()) => failed = 0,
                // One that is gone from the server is left out: the window has moved on.
                Err(error) if is_of_the_segment(&error) && failed < PATIENCE => {
                    failed += 1;
                    segments.discontinue();
                    tracing::debug!(number = due.number, %error, "a segment is left out");
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
    let (url, response) = client.get(address.url(), None).await?;
    out.connected(peer(&response));
    match parse(&body(response, MOST_PLAYLIST).await?)? {
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
    let url = follow(base, uri).ok_or_else(|| Error::malformed("the playlist names what is no address"))?;
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

/// A segment that has not been taken.
#[derive(Debug)]
struct Due<'a> {
    number: u64,
    segment: &'a MediaSegment,
    map: Option<&'a Map>,
    key: Option<&'a Key>,
}

impl Place {
    /// The segments that have not been taken.
    fn take<'a>(&mut self, playlist: &'a MediaPlaylist) -> Result<Vec<Due<'a>>, Error> {
        let (first, count) = (playlist.media_sequence, playlist.segments.len() as u64);
        if playlist.segments.len() > MOST_SEGMENTS {
            let detail = format!("the playlist names more than {MOST_SEGMENTS} segments");
            return Err(Error::new(Reason::TooLarge, detail));
        }
        let end = first
            .checked_add(count)
            .ok_or_else(|| Error::malformed("the playlist numbers its segments past the last number"))?;
        let begin = if playlist.end_list { first } else { end.saturating_sub(BEHIND as u64).max(first) };
        let next = match self.next {
            // All that is there was taken: up to one playlist that is older than the one before.
            Some(next) if next >= end && next - end <= count => next,
            Some(next) if (first..end).contains(&next) => next,
            // The window has moved on without us, or the numbers begin anew.
            _ => begin,
        };
        self.next = Some(next.max(end));
        // Keys and maps hold until the next, and may stand before what is skipped.
        let (mut map, mut key) = (None, None);
        let all = playlist.segments.iter().enumerate().map(|(index, segment)| {
            map = segment.map.as_ref().or(map);
            key = segment.key.as_ref().or(key);
            Due { number: first + index as u64, segment, map, key }
        });
        Ok(all.filter(|due| due.number >= next).collect())
    }
}

/// What segments are put together to.
#[derive(Default)]
struct Segments {
    reader: Reader,
    /// Where the range after the last one begins.
    range_end: u64,
    /// The initialization segment that was fetched last, and where it was.
    head: Option<(Url, Option<Range<u64>>, Bytes)>,
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
        due: &Due<'_>,
        out: &mut Out<'_, S>,
    ) -> Result<(), Error> {
        let segment = due.segment;
        if due.key.is_some_and(|key| key.method != KeyMethod::None) {
            return Err(Error::malformed("its segments are encrypted"));
        }
        let range = segment.byte_range.as_ref().map(|range| {
            let start = range.offset.unwrap_or(self.range_end);
            start..start.saturating_add(range.length)
        });
        self.range_end = range.as_ref().map_or(0, |range| range.end);
        let (_, bytes) = client.all(&join(playlist, &segment.uri)?, range, MOST_SEGMENT).await?;
        match due.map {
            Some(map) => {
                let head = self.head(client, playlist, map, segment.discontinuity).await?;
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

    /// An initialization segment, which most segments share.
    async fn head(
        &mut self,
        client: &Client,
        playlist: &Url,
        map: &Map,
        is_other: bool,
    ) -> Result<Bytes, Error> {
        let url = join(playlist, &map.uri)?;
        let range = map.byte_range.as_ref().map(|range| {
            let start = range.offset.unwrap_or(0);
            start..start.saturating_add(range.length)
        });
        match &self.head {
            Some((known, part, head)) if !is_other && *known == url && *part == range => Ok(head.clone()),
            _ => {
                let (_, head) = client.all(&url, range.clone(), MOST_SEGMENT).await?;
                self.head = Some((url, range, head.clone()));
                Ok(head)
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
    use std::sync::{Arc, OnceLock};

    use m3u8_rs::ByteRange;

    use super::super::tests::{Server, anywhere};
    use super::*;
    use crate::out::tests::Taken;

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
    fn a_recording_is_taken_from_its_beginning() {
        assert_eq!(numbers(Place::default().take(&playlist(0, 5, true))), [0, 1, 2, 3, 4]);
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
        let maps: String = due.iter().filter_map(|due| due.map).map(|map| map.uri.as_str()).collect();
        assert_eq!(maps, ["a", &"b".repeat(40)].concat());
        let keys: Vec<_> = due.iter().filter(|due| due.key.is_some()).map(|due| due.number).collect();
        assert_eq!(keys, [97, 98, 99]);
    }

    #[test]
    fn a_playlist_of_many_segments_is_gone_through_once() {
        // With a look back from each segment it would not come to an end here.
        let count = MOST_SEGMENTS as u64;
        assert_eq!(Place::default().take(&playlist(0, count, true)).unwrap().len(), MOST_SEGMENTS);
        let error = Place::default().take(&playlist(0, count + 1, true)).unwrap_err();
        assert_eq!(error.reason, Reason::TooLarge);
    }

    const CREDENTIALS: &str = "Basic bWU6d29yZA==";

    #[tokio::test]
    async fn credentials_of_the_address_go_with_all_that_it_names() {
        let other = Server::start("", |_| ("200 OK", vec![0; 188])).await;
        let (stranger, own) = (other.host.clone(), Arc::new(OnceLock::<String>::new()));
        let server = Server::start(CREDENTIALS, {
            let own = Arc::clone(&own);
            move |path| match path {
                "/all.m3u8" => ("200 OK", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlive/a.m3u8\n".to_vec()),
                "/live/a.m3u8" => {
                    let list = format!(
                        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n#EXTINF:1,\nhttp://{}/b.ts\n\
                         #EXTINF:1,\nhttp://{stranger}/c.ts\n#EXT-X-ENDLIST\n",
                        own.get().unwrap()
                    );
                    ("200 OK", list.into_bytes())
                }
                _ => ("200 OK", vec![0; 188]),
            }
        })
        .await;
        own.set(server.host.clone()).unwrap();
        let address = Address::parse(&format!("http://me:word@{}/all.m3u8", server.host)).unwrap();
        let mut taken = Taken::default();
        let (mut out, _) = Out::new(&mut taken);
        pull(&address, &anywhere(), &mut out).await.unwrap();
        let asked = |path: &str| format!("{path} {}", CREDENTIALS.to_ascii_lowercase());
        let expected = ["/all.m3u8", "/live/a.m3u8", "/live/a.ts", "/b.ts"].map(asked);
        assert_eq!(*server.requests.lock().unwrap(), expected);
        assert_eq!(*other.requests.lock().unwrap(), ["/c.ts"]);
    }

    #[tokio::test]
    async fn an_initialization_segment_is_fetched_once() {
        let server = Server::start("", |_| ("206 Part", vec![0; 2])).await;
        let client = Client::new(&anywhere()).unwrap();
        let base = Url::parse(&format!("http://{}/a.m3u8", server.host)).unwrap();
        let map = |offset: u64| Map {
            uri: "init.mp4".to_owned(),
            byte_range: Some(ByteRange { length: 2, offset: Some(offset) }),
            ..Map::default()
        };
        let mut segments = Segments::default();
        for (offset, is_other) in [(0, false), (0, false), (0, true), (4, false), (4, false)] {
            segments.head(&client, &base, &map(offset), is_other).await.unwrap();
        }
        assert_eq!(
            *server.requests.lock().unwrap(),
            ["/init.mp4 bytes=0-1", "/init.mp4 bytes=0-1", "/init.mp4 bytes=4-5"]
        );
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
