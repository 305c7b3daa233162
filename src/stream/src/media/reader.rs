//! Files and addresses decoded: a pipeline of its own that gives samples and ends, apart from the one that sends.

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gst::prelude::*;

use crate::failure::{Failure, Result};
use crate::media::bus::Missing;
use crate::media::plugins::element;

/// How much may wait in a track: pictures are large.
const WAITING: u32 = 4;
/// How long GStreamer may take to find out what an input is.
const OPEN: Duration = Duration::from_secs(30);
/// How long it may take at first for what can be begun anew: now and then uridecodebin3 stops while it opens an input
/// that it opens the next time. Each attempt may take twice as long as the one before, until `OPEN` is over.
const FIRST: Duration = Duration::from_secs(3);
/// How long announced tracks may take to come.
const SETTLE: Duration = Duration::from_secs(3);
/// How often to look for them.
const LOOK: Duration = Duration::from_millis(10);
/// How long a reader waits for a sample until it looks whether something failed.
const PULL: gst::ClockTime = gst::ClockTime::from_mseconds(500);
/// Pieces in which standard input is read.
const PIECE: usize = 64 << 10;

/// What is to be read.
pub enum Origin<'a> {
    /// An address, `file://` too.
    Uri(&'a str),
    /// What was read already, and what goes on.
    Pipe(Vec<u8>, Box<dyn Read + Send>),
}

/// An input that is being decoded. Stops when it is dropped.
pub struct Reader {
    pipeline: gst::Pipeline,
    tracks: Vec<Track>,
}

/// A track of an input.
#[derive(Clone)]
pub struct Track {
    /// Such as `video_0`.
    pub name: String,
    sink: gst_app::AppSink,
}

impl Reader {
    /// Opens an input; it is there with all its tracks. `name` is for errors.
    pub fn open(name: &str, origin: Origin<'_>) -> Result<Self> {
        let opened = match origin {
            Origin::Uri(uri) => Self::try_to_open(name, uri)?,
            pipe @ Origin::Pipe(..) => Self::open_within(name, pipe, OPEN)?,
        };
        opened.ok_or_else(|| Failure::failed(format!("{name}: nothing came for {} s", OPEN.as_secs())))
    }

    fn try_to_open(name: &str, uri: &str) -> Result<Option<Self>> {
        let (begun, mut patience) = (Instant::now(), FIRST);
        while let Some(left) = OPEN.checked_sub(begun.elapsed()) {
            if let Some(reader) = Self::open_within(name, Origin::Uri(uri), patience.min(left))? {
                return Ok(Some(reader));
            }
            patience *= 2;
        }
        Ok(None)
    }

    /// `None` where nothing came.
    fn open_within(name: &str, origin: Origin<'_>, patience: Duration) -> Result<Option<Self>> {
        let pipeline = gst::Pipeline::new();
        let tracks = Arc::new(Mutex::new(Vec::new()));
        let decoder = decoder(&pipeline, origin)?;
        let (to, found) = (pipeline.downgrade(), tracks.clone());
        decoder.connect_pad_added(move |_, pad| {
            if let Some(pipeline) = to.upgrade()
                && let Some(track) = add_track(&pipeline, pad)
            {
                found.lock().unwrap_or_else(PoisonError::into_inner).push(track);
            }
        });
        let mut reader = Self { pipeline, tracks: Vec::new() };
        let came = reader.wait_for_tracks(&tracks, patience);
        if !came.map_err(|failure| Failure::failed(format!("{name}: {failure}")))? {
            return Ok(None);
        }
        reader.tracks = std::mem::take(&mut *tracks.lock().unwrap_or_else(PoisonError::into_inner));
        // In one order in every turn, video first.
        reader.tracks.sort_by_key(|track| (!track.name.starts_with("video"), track.name.clone()));
        if reader.tracks.is_empty() {
            return Err(Failure::failed(format!("{name}: there is nothing in it that GStreamer plays")));
        }
        Ok(Some(reader))
    }

    /// Waits until the tracks that GStreamer announces are there; those that it cannot decode after all hold up for a
    /// short time only. `false` where none are announced in time.
    fn wait_for_tracks(&self, found: &Mutex<Vec<Track>>, mut patience: Duration) -> Result<bool> {
        // An error is on the bus, with words.
        let _ = self.pipeline.set_state(gst::State::Playing);
        let bus = self.bus();
        let mut missing = Missing::default();
        let mut wanted = usize::MAX;
        let begun = Instant::now();
        while let Some(left) = patience.checked_sub(begun.elapsed()) {
            if let Some(message) =
                bus.timed_pop(gst::ClockTime::from_nseconds(left.min(LOOK).as_nanos() as u64))
            {
                match message.view() {
                    gst::MessageView::Error(error) => return Err(missing.failure(error)),
                    gst::MessageView::StreamsSelected(selected) => {
                        wanted = selected.streams().len();
                        patience = begun.elapsed() + SETTLE;
                    }
                    gst::MessageView::Eos(_) => return Ok(true),
                    _ => missing.note(&message),
                }
            }
            if found.lock().unwrap_or_else(PoisonError::into_inner).len() >= wanted {
                return Ok(true);
            }
        }
        Ok(wanted != usize::MAX)
    }

    /// The tracks, in one order for the same input.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// The next sample of a track; `None` at its end.
    pub fn next(&self, track: &Track) -> Result<Option<gst::Sample>> {
        loop {
            if let Some(sample) = track.sink.try_pull_sample(PULL) {
                return Ok(Some(sample));
            }
            if track.sink.is_eos() {
                return Ok(None);
            }
            self.check()?;
        }
    }

    /// Whether decoding failed so far.
    fn check(&self) -> Result<()> {
        let error = self.bus().pop_filtered(&[gst::MessageType::Error]);
        match error.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Error(error)) => Err(Missing::default().failure(error)),
            _ => Ok(()),
        }
    }

    fn bus(&self) -> gst::Bus {
        self.pipeline.bus().expect("a pipeline has a bus")
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // There is nothing to do where it does not stop.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn decoder(pipeline: &gst::Pipeline, origin: Origin<'_>) -> Result<gst::Element> {
    match origin {
        Origin::Uri(uri) => {
            let decoder = element("uridecodebin3")?;
            decoder.set_property("uri", uri);
            add(pipeline, &[&decoder])?;
            Ok(decoder)
        }
        Origin::Pipe(first, rest) => {
            let source = gst_app::AppSrc::builder().max_bytes(4 << 20).block(true).build();
            source.set_stream_type(gst_app::AppStreamType::Stream);
            let decoder = element("decodebin3")?;
            add(pipeline, &[source.upcast_ref(), &decoder])?;
            source.link(&decoder).map_err(|error| Failure::failed(error.to_string()))?;
            std::thread::spawn(move || pour(&source, first, rest));
            Ok(decoder)
        }
    }
}

/// Gives GStreamer what comes from a pipe, until the pipe or GStreamer has enough.
fn pour(source: &gst_app::AppSrc, first: Vec<u8>, mut rest: Box<dyn Read + Send>) {
    let mut next = first;
    while !next.is_empty() {
        if source.push_buffer(gst::Buffer::from_slice(next)).is_err() {
            return;
        }
        next = vec![0; PIECE];
        let len = loop {
            match rest.read(&mut next) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => (),
                // A pipe that breaks has ended.
                result => break result.unwrap_or(0),
            }
        };
        next.truncate(len);
    }
    // Where it does not take the end, it has ended before.
    let _ = source.end_of_stream();
}

fn add(pipeline: &gst::Pipeline, elements: &[&gst::Element]) -> Result<()> {
    pipeline.add_many(elements).map_err(|error| Failure::failed(error.to_string()))
}

fn add_track(pipeline: &gst::Pipeline, pad: &gst::Pad) -> Option<Track> {
    let sink = gst_app::AppSink::builder().sync(false).max_buffers(WAITING).build();
    pipeline.add(&sink).ok()?;
    sink.sync_state_with_parent().ok()?;
    pad.link(&sink.static_pad("sink")?).ok()?;
    Some(Track { name: pad.name().to_string(), sink })
}
