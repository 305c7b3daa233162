//! Files that are written and read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use gst::prelude::*;

use super::Player;

/// Two seconds of layered video, and of layered sound.
pub const PICTURES: &str = "videotestsrc pattern=ball num-buffers=50 ! \
    video/x-raw,format=I420,width=64,height=48,framerate=25/1 ! fqlenc bitrate=500";
pub const SOUND: &str = "audiotestsrc wave=ticks num-buffers=50 samplesperbuffer=1920 ! \
    audio/x-raw,format=S16LE,rate=48000,channels=2 ! fqlenc bitrate=128";

/// A folder of one test, removed at its end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("fql-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Everything that came through a pad.
#[derive(Default, Clone)]
pub struct Came {
    pub buffers: Vec<gst::Buffer>,
    pub segments: Vec<gst::FormattedSegment<gst::ClockTime>>,
    pub caps: Vec<gst::Caps>,
    pub tags: Vec<gst::TagList>,
    pub gaps: usize,
    pub has_ended: bool,
}

impl Came {
    pub fn bytes(&self) -> Vec<Vec<u8>> {
        self.buffers.iter().map(super::bytes).collect()
    }

    /// Presentation and, where they differ, decoding times, in nanoseconds.
    pub fn times(&self) -> Vec<(u64, Option<u64>)> {
        let time = |buffer: &gst::Buffer| {
            let (pts, dts) = (buffer.pts().unwrap(), buffer.dts());
            (pts.nseconds(), dts.filter(|dts| *dts != pts).map(gst::ClockTime::nseconds))
        };
        self.buffers.iter().map(time).collect()
    }

    /// Presentation times in milliseconds.
    pub fn millis(&self) -> Vec<u64> {
        self.buffers.iter().map(|buffer| buffer.pts().unwrap().mseconds()).collect()
    }
}

/// What came through pads, by their names.
#[derive(Default, Clone)]
pub struct Heard(Arc<Mutex<BTreeMap<String, Came>>>);

impl Heard {
    /// Listens to a pad from now on.
    pub fn listen(&self, pad: &gst::Pad, name: &str) {
        self.0.lock().unwrap().insert(name.to_owned(), Came::default());
        let (all, name) = (self.clone(), name.to_owned());
        pad.add_probe(gst::PadProbeType::DATA_DOWNSTREAM | gst::PadProbeType::EVENT_FLUSH, move |_, info| {
            let mut all = all.0.lock().unwrap();
            let came = all.get_mut(&name).unwrap();
            match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => came.buffers.push(buffer.clone()),
                Some(gst::PadProbeData::Event(event)) => came.take(event),
                _ => (),
            }
            gst::PadProbeReturn::Ok
        });
    }

    pub fn of(&self, name: &str) -> Came {
        self.0.lock().unwrap().get(name).cloned().unwrap_or_default()
    }

    pub fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }
}

impl Came {
    fn take(&mut self, event: &gst::Event) {
        match event.view() {
            gst::EventView::Caps(caps) => self.caps.push(caps.caps_owned()),
            gst::EventView::Segment(segment) => {
                self.segments.push(segment.segment().downcast_ref::<gst::ClockTime>().unwrap().clone());
            }
            gst::EventView::Tag(tag) => self.tags.push(tag.tag_owned()),
            gst::EventView::Gap(_) => self.gaps += 1,
            gst::EventView::Eos(_) => self.has_ended = true,
            // What came before a flush is of no account.
            gst::EventView::FlushStop(_) => {
                (self.buffers, self.segments, self.gaps, self.has_ended) = Default::default();
            }
            _ => (),
        }
    }
}

/// Writes what each description makes into a file. Gives what went into each pad of the muxer.
pub fn record(file: &Path, options: &str, tracks: &[&str]) -> Heard {
    let mut description = format!("fqlmux name=mux {options} ! filesink location={} ", file.display());
    for track in tracks {
        description += &format!("{track} ! mux. ");
    }
    let player = Player::new(&description);
    let heard = Heard::default();
    for pad in player.pipeline.by_name("mux").unwrap().sink_pads() {
        heard.listen(&pad, &pad.name());
    }
    player.pipeline.set_state(gst::State::Playing).unwrap();
    player.wait_for_eos();
    assert_eq!(player.warnings(), Vec::<String>::new());
    heard
}

/// A file that is read.
pub struct Reading {
    pub player: Player,
    pub heard: Heard,
    has_all_pads: Arc<AtomicBool>,
}

impl Reading {
    /// Reads a file, by pulling or, with a queue between, by pushing; every track into a sink of its own.
    pub fn prepare(file: &Path, source: &str) -> Self {
        let player = Player::new(&source.replace("FILE", &file.display().to_string()));
        let heard = Heard::default();
        let (for_pads, pipeline) = (heard.clone(), player.pipeline.downgrade());
        player.pipeline.by_name("demux").unwrap().connect_pad_added(move |_, pad| {
            for_pads.listen(pad, &pad.name());
            let pipeline = pipeline.upgrade().unwrap();
            // Behind a queue, as in every player: no track waits for another one's sink.
            let queue = gst::ElementFactory::make("queue").build().unwrap();
            queue.set_property("max-size-time", 0u64);
            queue.set_property("max-size-buffers", 0u32);
            let sink = gst::ElementFactory::make("fakesink").property("sync", false).build().unwrap();
            pipeline.add_many([&queue, &sink]).unwrap();
            queue.link(&sink).unwrap();
            pad.link(&queue.static_pad("sink").unwrap()).unwrap();
            queue.sync_state_with_parent().unwrap();
            sink.sync_state_with_parent().unwrap();
        });
        let has_all_pads = Arc::new(AtomicBool::new(false));
        let all = has_all_pads.clone();
        let demux = player.pipeline.by_name("demux").unwrap();
        demux.connect_no_more_pads(move |_| all.store(true, Ordering::SeqCst));
        Self { player, heard, has_all_pads }
    }

    /// Reads all of a file.
    pub fn all(file: &Path, source: &str) -> Self {
        let reading = Self::prepare(file, source);
        reading.play_to_end();
        reading
    }

    pub fn play_to_end(&self) {
        self.player.pipeline.set_state(gst::State::Playing).unwrap();
        self.player.wait_for_eos();
    }

    /// Goes to PAUSED and waits for the first buffers.
    pub fn preroll(&self) {
        self.player.pipeline.set_state(gst::State::Paused).unwrap();
        super::wait_for("all pads", || self.has_all_pads.load(Ordering::SeqCst));
        let (result, _, _) = self.player.pipeline.state(gst::ClockTime::from_seconds(30));
        result.unwrap_or_else(|_| panic!("no preroll: {:?}", self.player.errors()));
    }

    /// Seeks in PAUSED, and waits until it is done.
    pub fn seek(&self, seek: gst::Event) {
        assert!(self.player.pipeline.send_event(seek), "the seek is refused");
        let (result, _, _) = self.player.pipeline.state(gst::ClockTime::from_seconds(30));
        result.unwrap_or_else(|_| panic!("no preroll after a seek: {:?}", self.player.errors()));
    }
}

/// By pulling.
pub const PULL: &str = "filesrc location=FILE ! fqldemux name=demux";
/// By pushing, from a source that goes where it is told.
pub const PUSH: &str = "filesrc location=FILE ! queue ! fqldemux name=demux";
/// Pushes the bytes of a file, and its end.
pub fn push_file(source: &gst_app::AppSrc, file: &Path) {
    for piece in std::fs::read(file).unwrap().chunks(1_000) {
        source.push_buffer(gst::Buffer::from_slice(piece.to_vec())).unwrap();
    }
    source.end_of_stream().unwrap();
}
