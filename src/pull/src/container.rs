//! Matroska, WebM and MP4, fragmented or not, as they come: GStreamer's demuxers.

use std::str::FromStr;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use gst::prelude::*;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::error::{Error, Reason};
use crate::gather::Gather;
use crate::merge::Merge;
use crate::out::{Out, Sink, Unit};
use crate::pace::Pace;
use crate::tap::{self, Given, Giver, Times};

/// Bytes that wait for the demuxer.
const MOST_WAITING: u64 = 2 << 20;
/// What it is given at once.
const PIECE: usize = 64 << 10;
/// What it gives that waits to be taken.
const MOST_GIVEN: usize = 64;
/// The most tracks that are looked at.
const MOST_TRACKS: usize = 16;
/// How long the demuxer is left alone while enough waits for it.
const PAUSE: Duration = Duration::from_millis(10);
/// How often a file may be gone on with at another place. There are few: one for an index at its end, one back.
const MOST_SEEKS: usize = 16;
/// What tells Matroska and WebM: the first bytes of EBML.
const EBML: [u8; 4] = [0x1a, 0x45, 0xdf, 0xa3];

/// A file that is being read.
pub(crate) struct Container {
    running: Option<Running>,
    /// Too few bytes to say what it is.
    head: BytesMut,
    /// How long it is, where any part of it can be had.
    length: Option<u64>,
    seeks: usize,
    merge: Merge,
    gather: Gather,
    pace: Pace,
    is_over: bool,
}

/// What to do next for a file that is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// To go on.
    GoOn,
    /// To go on with the byte at this place, where the index is, or where the media is that it names.
    GoOnAt(u64),
}

/// Runs until it is dropped.
struct Running {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    given: mpsc::Receiver<Given>,
    place: Arc<Mutex<Place>>,
}

/// Where the demuxer reads.
struct Place {
    /// The next byte that it is given.
    next: u64,
    /// It wants to go on elsewhere.
    wanted: Option<u64>,
    /// It takes what it is given; before, it would be thrown away with what is of another place.
    is_ready: bool,
}

impl Container {
    /// Of what comes from its beginning to its end.
    pub fn new(pace: Pace) -> Result<Self, Error> {
        Self::open(pace, None)
    }

    /// Of so many bytes, any of which can be had.
    pub fn of_length(length: u64) -> Result<Self, Error> {
        Self::open(Pace::default(), Some(length))
    }

    fn open(pace: Pace, length: Option<u64>) -> Result<Self, Error> {
        gst::init().map_err(|error| Error::malformed(error.to_string()))?;
        let (running, head) = (None, BytesMut::new());
        let (merge, gather) = (Merge::default(), Gather::default());
        Ok(Self { running, head, length, seeks: 0, merge, gather, pace, is_over: false })
    }

    /// Takes bytes, and waits until most of what they give is due.
    pub async fn push<S: Sink>(&mut self, mut bytes: Bytes, out: &mut Out<'_, S>) -> Result<Next, Error> {
        if self.running.is_none() {
            self.head.extend_from_slice(&bytes);
            if self.head.len() < EBML.len() {
                return Ok(Next::GoOn);
            }
            self.running = Some(Running::start(self.head.starts_with(&EBML), self.length)?);
            bytes = std::mem::take(&mut self.head).freeze();
        }
        while !bytes.is_empty() {
            let piece = bytes.split_to(PIECE.min(bytes.len()));
            if let Next::GoOnAt(place) = self.room(out).await? {
                return Ok(Next::GoOnAt(place));
            }
            if let Some(running) = &self.running {
                running.push(piece);
            }
        }
        self.room(out).await
    }

    /// Waits until the demuxer takes more.
    async fn room<S: Sink>(&mut self, out: &mut Out<'_, S>) -> Result<Next, Error> {
        loop {
            let Some(running) = &mut self.running else { return Ok(Next::GoOn) };
            if let Some(place) = running.seek() {
                return self.go_on_at(place);
            }
            let has_room = running.has_room();
            let given = tokio::select! {
                biased;
                given = running.given.recv() => given,
                () = sleep(PAUSE), if !has_room => continue,
                () = std::future::ready(()), if has_room => return Ok(Next::GoOn),
            };
            self.take(given, out).await?;
        }
    }

    /// Nothing more is to come: waits until all of it was given.
    pub async fn finish<S: Sink>(&mut self, out: &mut Out<'_, S>) -> Result<Next, Error> {
        let Some(running) = &self.running else { return Err(Error::malformed("it is empty")) };
        let _ = running.source.end_of_stream();
        while !self.is_over {
            let Some(running) = &mut self.running else { break };
            let given = tokio::select! {
                given = running.given.recv() => given,
                () = sleep(PAUSE) => match running.seek() {
                    Some(place) => return self.go_on_at(place),
                    None => continue,
                },
            };
            self.take(given, out).await?;
        }
        while let Some(unit) = self.merge.rest() {
            self.give(unit, out).await?;
        }
        for unit in self.gather.finish(out).await? {
            self.hand_on(unit, out).await?;
        }
        Ok(Next::GoOn)
    }

    fn go_on_at(&mut self, place: u64) -> Result<Next, Error> {
        self.seeks += 1;
        let is_inside = self.length.is_some_and(|length| place < length);
        if self.seeks > MOST_SEEKS || !is_inside {
            return Err(Error::malformed("its index leads to places that are not there"));
        }
        Ok(Next::GoOnAt(place))
    }

    async fn take<S: Sink>(&mut self, given: Option<Given>, out: &mut Out<'_, S>) -> Result<(), Error> {
        match given {
            Some(Given::Media(track, media)) => self.gather.media(track, media, out).await,
            Some(Given::Tracks(0)) => Err(Error::new(Reason::NoMedia, "it has no track that can be taken")),
            Some(Given::Tracks(tracks)) => {
                self.gather.expect(tracks);
                self.merge.expect((0..=u8::MAX).take(tracks));
                Ok(())
            }
            Some(Given::Unit(unit)) => {
                // It comes, if only to wait for another track.
                out.touch();
                self.merge.push(unit);
                while let Some(unit) = self.merge.next() {
                    self.give(unit, out).await?;
                }
                Ok(())
            }
            Some(Given::Failed(error)) => Err(error),
            Some(Given::End) | None => {
                self.is_over = true;
                Ok(())
            }
        }
    }

    async fn give<S: Sink>(&mut self, unit: Unit, out: &mut Out<'_, S>) -> Result<(), Error> {
        for unit in self.gather.unit(unit, out).await? {
            self.hand_on(unit, out).await?;
        }
        Ok(())
    }

    async fn hand_on<S: Sink>(&mut self, unit: Unit, out: &mut Out<'_, S>) -> Result<(), Error> {
        self.pace.wait(unit.dts).await;
        out.unit(unit)
    }
}

impl Running {
    fn start(is_matroska: bool, length: Option<u64>) -> Result<Self, Error> {
        let (giver, given) = mpsc::channel(MOST_GIVEN);
        let source = gst_app::AppSrc::builder().format(gst::Format::Bytes).max_bytes(0).build();
        // Only MP4 has its index where it says nothing to who has not read on.
        let place = match length.filter(|_| !is_matroska) {
            Some(length) => seekable(&source, length),
            None => Arc::new(Mutex::new(Place { next: 0, wanted: None, is_ready: true })),
        };
        let times = if is_matroska { Times::Written } else { Times::Both };
        let demuxer = make(if is_matroska { "matroskademux" } else { "qtdemux" })?;
        let pipeline = gst::Pipeline::new();
        pipeline.add_many([source.upcast_ref(), &demuxer]).map_err(Error::unlinked)?;
        source.link(&demuxer).map_err(Error::unlinked)?;
        tap::watch(&pipeline, giver.clone());
        let (next, taken) = (Arc::new(AtomicU8::new(0)), Arc::new(AtomicUsize::new(0)));
        demuxer.connect_pad_added({
            let (pipeline, giver, taken) = (pipeline.downgrade(), giver.clone(), Arc::clone(&taken));
            move |_, pad| {
                let Some(pipeline) = pipeline.upgrade() else { return };
                if taken.load(Ordering::Relaxed) >= MOST_TRACKS {
                    return;
                }
                match take_pad(&pipeline, pad, next.load(Ordering::Relaxed), times, &giver) {
                    Ok(true) => {
                        next.fetch_add(1, Ordering::Relaxed);
                        taken.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(false) => {}
                    Err(error) => {
                        let _ = tap::give(&giver, Given::Failed(error));
                    }
                }
            }
        });
        demuxer.connect_no_more_pads(move |_| {
            let _ = tap::give(&giver, Given::Tracks(taken.load(Ordering::Relaxed)));
        });
        let running = Self { pipeline, source, given, place };
        match running.pipeline.set_state(gst::State::Playing) {
            Ok(_) => Ok(running),
            Err(_) => Err(Error::malformed("the demuxer does not start")),
        }
    }

    fn push(&self, piece: Bytes) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        // What is of the place before is of no use.
        if place.wanted.is_none() {
            place.next += piece.len() as u64;
            // What fails says why where it failed.
            let _ = self.source.push_buffer(gst::Buffer::from_slice(piece));
        }
    }

    fn has_room(&self) -> bool {
        let is_ready = self.place.lock().unwrap_or_else(PoisonError::into_inner).is_ready;
        is_ready && self.source.current_level_bytes() < MOST_WAITING
    }

    /// Where the demuxer wants to go on, if that is elsewhere: from now on it is given what is there.
    fn seek(&self) -> Option<u64> {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = place.wanted.take()?;
        place.next = wanted;
        Some(wanted)
    }
}

/// Lets the demuxer go on at any place of the file.
fn seekable(source: &gst_app::AppSrc, length: u64) -> Arc<Mutex<Place>> {
    source.set_stream_type(gst_app::AppStreamType::Seekable);
    source.set_size(i64::try_from(length).unwrap_or(i64::MAX));
    let place = Arc::new(Mutex::new(Place { next: 0, wanted: None, is_ready: false }));
    let (seeks, needs) = (Arc::clone(&place), Arc::clone(&place));
    let callbacks = gst_app::AppSrcCallbacks::builder()
        .seek_data(move |_, wanted| {
            let mut place = seeks.lock().unwrap_or_else(PoisonError::into_inner);
            // It begins with one to the beginning.
            place.wanted = (wanted != place.next).then_some(wanted);
            place.is_ready = false;
            true
        })
        .need_data(move |_, _| needs.lock().unwrap_or_else(PoisonError::into_inner).is_ready = true);
    source.set_callbacks(callbacks.build());
    place
}

impl Drop for Running {
    fn drop(&mut self) {
        // First nobody waits to give something any more.
        self.given.close();
        while self.given.try_recv().is_ok() {}
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Takes a track of the file, if it is one that can be taken.
fn take_pad(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    track: u8,
    times: Times,
    giver: &Giver,
) -> Result<bool, Error> {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let Some((parsers, caps)) = chain(&caps) else {
        tracing::debug!(%caps, "a track is left out");
        return Ok(false);
    };
    let caps = gst::Caps::from_str(caps).map_err(|error| Error::malformed(error.to_string()))?;
    let mut elements: Vec<gst::Element> = parsers.iter().map(|name| make(name)).collect::<Result<_, _>>()?;
    elements.push(tap::sink(track, &caps, times, giver.clone()).upcast());
    pipeline.add_many(&elements).map_err(Error::unlinked)?;
    gst::Element::link_many(&elements).map_err(Error::unlinked)?;
    for element in &elements {
        element.sync_state_with_parent().map_err(Error::unlinked)?;
    }
    let sink = elements[0].static_pad("sink").ok_or_else(|| Error::malformed("a parser takes nothing"))?;
    pad.link(&sink).map_err(|error| Error::malformed(error.to_string()))?;
    Ok(true)
}

/// The elements that a track goes through, and what comes out.
fn chain(caps: &gst::Caps) -> Option<(&'static [&'static str], &'static str)> {
    let structure = caps.structure(0)?;
    let chain: (&[&str], _) = match structure.name().as_str() {
        "video/x-h264" => (&["h264parse"], "video/x-h264, stream-format=avc, alignment=au"),
        "video/x-h265" => (&["h265parse"], "video/x-h265, stream-format=hvc1, alignment=au"),
        "video/x-av1" => (&["av1parse"], "video/x-av1, stream-format=obu-stream, alignment=tu"),
        "video/x-vp8" => (&["identity"], "video/x-vp8"),
        "video/x-vp9" => (&["vp9parse"], "video/x-vp9, alignment=super-frame"),
        "audio/mpeg" if structure.get::<i32>("mpegversion").is_ok_and(|version| version != 1) => {
            (&["aacparse"], "audio/mpeg, stream-format=raw")
        }
        "audio/x-opus" => (&["opusparse"], "audio/x-opus"),
        _ => return None,
    };
    Some(chain)
}

pub(crate) fn make(name: &str) -> Result<gst::Element, Error> {
    gst::ElementFactory::make(name)
        .build()
        .map_err(|_| Error::malformed(format!("GStreamer's element {name} is not installed")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::out::tests::Taken;

    /// A short file with sound.
    fn sound() -> Vec<u8> {
        let text = "audiotestsrc num-buffers=20 ! opusenc ! webmmux ! appsink name=sink sync=false";
        let pipeline = gst::parse::launch(text).unwrap().downcast::<gst::Pipeline>().unwrap();
        let sink = pipeline.by_name("sink").unwrap().downcast::<gst_app::AppSink>().unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let mut file = Vec::new();
        while let Ok(sample) = sink.pull_sample() {
            file.extend_from_slice(&sample.buffer().unwrap().map_readable().unwrap());
        }
        pipeline.set_state(gst::State::Null).unwrap();
        file
    }

    async fn read(file: &[u8]) -> (Result<(), Error>, Taken) {
        let mut taken = Taken::default();
        let (mut out, _) = Out::new(&mut taken);
        let mut container = Container::new(Pace::default()).unwrap();
        let mut read = container.push(Bytes::copy_from_slice(file), &mut out).await;
        if read.is_ok() {
            read = container.finish(&mut out).await;
        }
        (read.map(drop), taken)
    }

    #[tokio::test]
    async fn a_track_that_cannot_be_taken_says_why() {
        gst::init().unwrap();
        let file = sound();
        let (whole, taken) = read(&file).await;
        assert_eq!((whole, taken.tables), (Ok(()), 1));
        assert!(taken.units > 10, "{}", taken.units);
        let parser = gst::ElementFactory::find("opusparse").unwrap();
        gst::Registry::get().remove_feature(&parser);
        let error = read(&file).await.0.unwrap_err();
        gst::Registry::get().add_feature(&parser).unwrap();
        assert_eq!(error, Error::malformed("GStreamer's element opusparse is not installed"));
    }
}
