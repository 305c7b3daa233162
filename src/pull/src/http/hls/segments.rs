//! Segments, fetched one after the other and put together.

use std::ops::Range;

use bytes::Bytes;
use m3u8_rs::{Key, Map};
use reqwest::Url;

use super::super::Client;
use super::key::Keys;
use super::place::Due;
use super::playlist::join;
use crate::container::Container;
use crate::error::{Error, Reason};
use crate::out::{Out, Sink};
use crate::pace::Pace;
use crate::transport_stream::TransportStream;

/// The longest segment, and the longest initialization segment.
const MOST_SEGMENT: usize = 64 << 20;
/// The types of the boxes that an initialization segment begins with.
const FIRST_BOXES: [&[u8]; 3] = [b"ftyp", b"styp", b"moov"];

/// What segments are put together to.
#[derive(Default)]
pub(super) struct Segments {
    pace: Pace,
    /// How often what came had no connection with what was before.
    part: u64,
    reader: Reader,
    /// Whether what comes next has no connection with what came, also where the first of it could not be had.
    is_anew: bool,
    /// The initialization segment that was fetched last, and where it was.
    head: Option<(Url, Option<Range<u64>>, Bytes)>,
    keys: Keys,
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
    /// Given as fast as this clock goes.
    pub fn new(pace: Pace) -> Self {
        Self { pace, ..Self::default() }
    }

    pub async fn take<S: Sink>(
        &mut self,
        client: &Client,
        playlist: &Url,
        due: &Due<'_>,
        out: &mut Out<'_, S>,
    ) -> Result<(), Error> {
        self.is_anew |= due.is_anew;
        let url = join(playlist, &due.segment.uri)?;
        let (_, bytes) = client.all(&url, due.range.clone(), MOST_SEGMENT).await?;
        let bytes = self.keys.open(client, playlist, due.key, due.number, bytes).await?;
        let head = match due.map {
            Some((map, key)) => Some(self.head(client, playlist, map, key, due.number).await?),
            None => None,
        };
        if std::mem::take(&mut self.is_anew) {
            self.end(out).await?;
            self.part += 1;
            self.pace.begin(self.part);
        }
        match head {
            Some(head) => self.container(head, bytes, out).await,
            None => self.transport_stream(&bytes, out).await,
        }
    }

    /// An initialization segment, which most segments share.
    async fn head(
        &mut self,
        client: &Client,
        playlist: &Url,
        map: &Map,
        key: Option<&Key>,
        number: u64,
    ) -> Result<Bytes, Error> {
        let url = join(playlist, &map.uri)?;
        let range = map.byte_range.as_ref().map(|range| {
            let start = range.offset.unwrap_or(0);
            start..start.saturating_add(range.length)
        });
        match &self.head {
            Some((known, part, head)) if !self.is_anew && *known == url && *part == range => Ok(head.clone()),
            _ => {
                let (_, mut head) = client.all(&url, range.clone(), MOST_SEGMENT).await?;
                // Only a key that stands before it holds for it, which the reader of playlists does not tell.
                if !head.get(4..8).is_some_and(|kind| FIRST_BOXES.contains(&kind)) {
                    head = self.keys.open(client, playlist, key, number, head).await?;
                }
                self.head = Some((url, range, head.clone()));
                Ok(head)
            }
        }
    }

    async fn container<S: Sink>(
        &mut self,
        head: Bytes,
        bytes: Bytes,
        out: &mut Out<'_, S>,
    ) -> Result<(), Error> {
        if !matches!(&self.reader, Reader::Container(_, known) if *known == head) {
            self.end(out).await?;
            let mut container = Box::new(Container::new(self.pace.clone())?);
            container.push(head.clone(), out).await?;
            self.reader = Reader::Container(container, head);
        }
        let Reader::Container(container, _) = &mut self.reader else { return Ok(()) };
        container.push(bytes, out).await.map(drop)
    }

    async fn transport_stream<S: Sink>(&mut self, bytes: &[u8], out: &mut Out<'_, S>) -> Result<(), Error> {
        if !matches!(self.reader, Reader::TransportStream(_)) {
            self.end(out).await?;
            self.reader = Reader::TransportStream(Box::new(TransportStream::paced(self.pace.clone())));
        }
        let Reader::TransportStream(stream) = &mut self.reader else { return Ok(()) };
        stream.push(bytes, out).await
    }

    /// What comes next does not go on where this ended: a file is read anew, a transport stream says itself what is missing.
    pub async fn leave_out<S: Sink>(&mut self, out: &mut Out<'_, S>) -> Result<(), Error> {
        if let Reader::Container(..) = self.reader { self.end(out).await } else { Ok(()) }
    }

    /// Gives what has not been given.
    async fn end<S: Sink>(&mut self, out: &mut Out<'_, S>) -> Result<(), Error> {
        match std::mem::take(&mut self.reader) {
            Reader::None => Ok(()),
            Reader::TransportStream(mut stream) => stream.finish(out).await,
            Reader::Container(mut container, _) => container.finish(out).await.map(drop),
        }
    }

    /// Nothing more is to come.
    pub async fn finish<S: Sink>(mut self, out: &mut Out<'_, S>) -> Result<(), Error> {
        if let Reader::None = self.reader {
            return Err(Error::new(Reason::NoMedia, "the playlist names no segments"));
        }
        self.end(out).await
    }
}

#[cfg(test)]
mod tests {
    use m3u8_rs::{ByteRange, MediaSegment};

    use super::super::super::tests::{Server, anywhere};
    use super::*;
    use crate::out::tests::Taken;

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
            segments.is_anew = is_other;
            segments.head(&client, &base, &map(offset), None, 0).await.unwrap();
        }
        assert_eq!(
            *server.requests.lock().unwrap(),
            ["/init.mp4 bytes=0-1", "/init.mp4 bytes=0-1", "/init.mp4 bytes=4-5"]
        );
    }

    #[tokio::test]
    async fn what_begins_anew_does_so_though_its_first_segment_is_gone() {
        let server = Server::start("", |path| match path {
            "/gone.ts" => ("404 Gone", vec![]),
            _ => ("200 OK", vec![0; 188]),
        })
        .await;
        let client = Client::new(&anywhere()).unwrap();
        let base = Url::parse(&format!("http://{}/a.m3u8", server.host)).unwrap();
        let (mut segments, mut taken) = (Segments::default(), Taken::default());
        let (mut out, _) = Out::new(&mut taken);
        let mut parts = Vec::new();
        for (uri, is_anew) in
            [("a.ts", false), ("gone.ts", true), ("gone.ts", false), ("b.ts", false), ("c.ts", false)]
        {
            let segment = MediaSegment { uri: uri.to_owned(), ..MediaSegment::empty() };
            let due = Due { number: 0, segment: &segment, range: None, map: None, key: None, is_anew };
            let is_taken = segments.take(&client, &base, &due, &mut out).await.is_ok();
            assert_eq!(is_taken, uri != "gone.ts");
            parts.push((segments.part, segments.is_anew));
        }
        assert_eq!(parts, [(0, false), (0, true), (0, true), (1, false), (1, false)]);
    }
}
