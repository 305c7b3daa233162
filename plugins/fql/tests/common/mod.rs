//! Senders and receivers for tests, and waiting for what they do.
#![allow(dead_code, reason = "every test file uses a part of it")]

pub mod files;
pub mod pictures;
pub mod server;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use gst::prelude::*;

/// How long anything may take that should happen at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// Once in a process: what a registration replaces takes the factories of elements that other tests have with it.
pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        gst::init().unwrap();
        gstfql::plugin_register_static().unwrap();
    });
}

/// Waits until a condition holds, looking every few milliseconds; panics when it never does.
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Runs something that must end within a time.
pub fn within(limit: Duration, what: &str, run: impl FnOnce() + Send + 'static) {
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        run();
        let _ = done.send(());
    });
    is_done.recv_timeout(limit).unwrap_or_else(|_| panic!("{what} takes longer than {limit:?}"));
}

/// A port that nobody has at present.
pub fn free_port() -> u16 {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub fn bytes(buffer: &gst::Buffer) -> Vec<u8> {
    buffer.map_readable().unwrap().to_vec()
}

/// A pipeline that is stopped at the end of the test.
pub struct Player {
    pub pipeline: gst::Pipeline,
    messages: Mutex<Vec<gst::Message>>,
}

impl Player {
    pub fn new(description: &str) -> Self {
        let launched = gst::parse::launch(description).unwrap();
        let pipeline = launched.downcast().unwrap_or_else(|element| {
            let pipeline = gst::Pipeline::new();
            pipeline.add(&element).unwrap();
            pipeline
        });
        Self { pipeline, messages: Mutex::default() }
    }

    pub fn stop(&self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }

    /// All messages since the start.
    fn messages(&self) -> Vec<gst::Message> {
        let mut messages = self.messages.lock().unwrap();
        messages.extend(self.pipeline.bus().unwrap().iter());
        messages.clone()
    }

    fn texts(&self, type_: gst::MessageType) -> Vec<String> {
        let text = |message: gst::Message| match message.view() {
            gst::MessageView::Error(error) => format!("{} {:?}", error.error(), error.debug()),
            gst::MessageView::Warning(warning) => format!("{} {:?}", warning.error(), warning.debug()),
            _ => String::new(),
        };
        self.messages().into_iter().filter(|message| message.type_() == type_).map(text).collect()
    }

    pub fn errors(&self) -> Vec<String> {
        self.texts(gst::MessageType::Error)
    }

    pub fn wait_for_error(&self) -> String {
        wait_for("an error", || !self.errors().is_empty());
        self.errors().remove(0)
    }

    pub fn wait_for_warning(&self) -> String {
        wait_for("a warning", || !self.warnings().is_empty());
        self.warnings().remove(0)
    }

    pub fn warnings(&self) -> Vec<String> {
        self.texts(gst::MessageType::Warning)
    }

    /// Waits for an element message that says that this became of a session, and gives it.
    pub fn wait_for_session(&self, state: &str) -> gst::Structure {
        let mut found = None;
        wait_for(&format!("a session that is {state}"), || {
            found = self.messages().iter().rev().find_map(|message| {
                let structure = message.structure().filter(|s| s.name() == "application/x-fql-session")?;
                (structure.get::<&str>("state") == Ok(state)).then(|| structure.to_owned())
            });
            found.is_some()
        });
        found.unwrap()
    }

    pub fn wait_for_eos(&self) {
        wait_for("the end of the stream", || {
            assert_eq!(self.errors(), Vec::<String>::new());
            self.messages().iter().any(|message| message.type_() == gst::MessageType::Eos)
        });
    }

    pub fn wait_for_state(&self, state: gst::State) {
        wait_for("a state", || self.pipeline.current_state() == state);
    }

    /// The values of a text field of all element messages with this structure, in order.
    pub fn told(&self, structure: &str, field: &str) -> Vec<String> {
        let value = |message: gst::Message| {
            let told = message.structure().filter(|s| s.name() == structure)?.get::<String>(field);
            told.ok()
        };
        self.messages().into_iter().filter_map(value).collect()
    }

    /// How many streams the last collection had.
    pub fn streams_announced(&self) -> usize {
        let mut collections = self.messages().into_iter().filter_map(|message| match message.view() {
            gst::MessageView::StreamCollection(collection) => Some(collection.stream_collection().len()),
            _ => None,
        });
        collections.next_back().unwrap_or(0)
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// What came out of the pads of a kind.
#[derive(Default)]
struct Heard {
    buffers: Vec<gst::Buffer>,
    /// Other caps than before, and before which buffer they came.
    changes: Vec<(gst::Caps, usize)>,
    caps: Option<gst::Caps>,
    gaps: usize,
    ended: bool,
}

type AllHeard = Arc<Mutex<HashMap<String, Heard>>>;

/// An `fqlsrc` whose pads are listened to.
pub struct Receiver {
    pub player: Player,
    pub source: gst::Element,
    heard: AllHeard,
    pads: Arc<Mutex<usize>>,
}

impl Receiver {
    pub fn start(uri: &str, options: &str) -> Self {
        Self::start_with(uri, options, &["video", "audio", "data"])
    }

    /// Listens to pads of these kinds and leaves others unlinked.
    pub fn start_with(uri: &str, options: &str, kinds: &'static [&'static str]) -> Self {
        let player = Player::new(&format!("fqlsrc name=source uri={uri} {options}"));
        let source = player.pipeline.by_name("source").unwrap();
        let (heard, pads) = (AllHeard::default(), Arc::new(Mutex::new(0)));
        let (for_pads, count, pipeline) = (heard.clone(), pads.clone(), player.pipeline.downgrade());
        source.connect_pad_added(move |_, pad| {
            *count.lock().unwrap() += 1;
            let kind = pad.name().split('_').next().unwrap().to_owned();
            if kinds.contains(&kind.as_str()) {
                listen(&pipeline.upgrade().unwrap(), pad, kind, for_pads.clone());
            }
        });
        player.pipeline.set_state(gst::State::Playing).unwrap();
        Self { player, source, heard, pads }
    }

    pub fn port(&self) -> u16 {
        let local = self.stats().get::<String>("local-address").unwrap();
        local.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    pub fn stats(&self) -> gst::Structure {
        self.source.property("stats")
    }

    pub fn pads_added(&self) -> usize {
        *self.pads.lock().unwrap()
    }

    pub fn buffers(&self, kind: &str) -> Vec<gst::Buffer> {
        self.heard.lock().unwrap().get(kind).map(|heard| heard.buffers.clone()).unwrap_or_default()
    }

    pub fn wait_for_buffers(&self, kind: &str, count: usize) {
        wait_for(&format!("{count} buffers of {kind}"), || {
            self.heard.lock().unwrap().get(kind).is_some_and(|heard| heard.buffers.len() >= count)
        });
    }

    pub fn caps(&self, kind: &str) -> gst::Caps {
        self.heard.lock().unwrap()[kind].caps.clone().unwrap()
    }

    /// The buffers that came with the same caps, with these.
    pub fn sections(&self, kind: &str) -> Vec<(gst::Caps, Vec<gst::Buffer>)> {
        let heard = self.heard.lock().unwrap();
        let Heard { buffers, changes, .. } = &heard[kind];
        let ends = changes.iter().skip(1).map(|(_, at)| *at).chain([buffers.len()]);
        changes
            .iter()
            .zip(ends)
            .map(|((caps, from), to)| (caps.clone(), buffers[*from..to].to_vec()))
            .collect()
    }

    pub fn gaps(&self, kind: &str) -> usize {
        self.heard.lock().unwrap().get(kind).map_or(0, |heard| heard.gaps)
    }

    pub fn ended(&self, kind: &str) -> bool {
        self.heard.lock().unwrap().get(kind).is_some_and(|heard| heard.ended)
    }
}

fn listen(pipeline: &gst::Pipeline, pad: &gst::Pad, kind: String, heard: AllHeard) {
    let sink = gst::ElementFactory::make("fakesink")
        .property("sync", false)
        .property("async", false)
        .build()
        .unwrap();
    let sink_pad = sink.static_pad("sink").unwrap();
    sink_pad.add_probe(gst::PadProbeType::DATA_DOWNSTREAM, move |_, info| {
        let mut heard = heard.lock().unwrap();
        let heard = heard.entry(kind.clone()).or_default();
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => heard.buffers.push(buffer.clone()),
            Some(gst::PadProbeData::Event(event)) => match event.view() {
                gst::EventView::Caps(caps) => {
                    heard.caps = Some(caps.caps_owned());
                    heard.changes.push((caps.caps_owned(), heard.buffers.len()));
                }
                gst::EventView::Gap(_) => heard.gaps += 1,
                gst::EventView::Eos(_) => heard.ended = true,
                _ => (),
            },
            _ => (),
        }
        gst::PadProbeReturn::Ok
    });
    pipeline.add(&sink).unwrap();
    sink.sync_state_with_parent().unwrap();
    pad.link(&sink_pad).unwrap();
}

/// What a sender is to send.
#[derive(Clone, Copy)]
pub struct Wanted {
    pub video: bool,
    pub audio: bool,
    pub data: bool,
    /// Frames of video, and as many pieces of sound of 40 ms.
    pub frames: u32,
    /// kbit/s of the video.
    pub bitrate: u32,
}

impl Wanted {
    pub const VIDEO: Self = Self { video: true, audio: false, data: false, frames: 100_000, bitrate: 500 };
    pub const AUDIO: Self = Self { video: false, audio: true, ..Self::VIDEO };
    pub const ALL: Self = Self { audio: true, data: true, ..Self::VIDEO };
}

/// An `fqlfecsink` with sources for it.
pub struct Sender {
    pub player: Player,
    pub sink: gst::Element,
}

/// The video that senders send.
const PICTURES: &str = "videotestsrc name=camera pattern=smpte num-buffers=FRAMES ! \
    capsfilter name=size caps=video/x-raw,format=I420,width=64,height=48,framerate=25/1";

impl Sender {
    pub fn new(receiver: &Receiver, options: &str, wanted: Wanted) -> Self {
        Self::to(&format!("udp://127.0.0.1:{}/stream", receiver.port()), options, wanted)
    }

    pub fn to(uri: &str, options: &str, wanted: Wanted) -> Self {
        let Wanted { frames, bitrate, .. } = wanted;
        let mut description = format!("fqlfecsink name=sink uri={uri} {options} ");
        if wanted.video {
            let pictures = PICTURES.replace("FRAMES", &frames.to_string());
            description +=
                &format!("{pictures} ! fqlenc bitrate={bitrate} ! queue max-size-buffers=3 ! sink. ");
        }
        if wanted.audio {
            description += &format!(
                "audiotestsrc wave=ticks samplesperbuffer=1920 num-buffers={frames} ! \
                 audio/x-raw,format=S16LE,rate=48000,channels=2 ! fqlenc bitrate=128 ! queue ! sink. "
            );
        }
        if wanted.data {
            description += "appsrc name=data format=time is-live=false caps=text/x-raw,format=utf8 ! sink. ";
        }
        let player = Player::new(&description);
        let sink = player.pipeline.by_name("sink").unwrap();
        Self { player, sink }
    }

    pub fn start(self) -> Self {
        self.player.pipeline.set_state(gst::State::Playing).unwrap();
        self
    }

    pub fn stop(&self) {
        self.player.stop();
    }

    /// Sends a piece of data that belongs to now.
    pub fn push_data(&self, data: &[u8]) {
        let source = self.player.pipeline.by_name("data").and_downcast::<gst_app::AppSrc>().unwrap();
        let mut buffer = gst::Buffer::from_slice(data.to_vec());
        buffer.get_mut().unwrap().set_pts(self.player.pipeline.current_running_time());
        source.push_buffer(buffer).unwrap();
    }
}

/// The first pictures that senders send.
pub fn test_pictures(count: u32) -> Vec<Vec<u8>> {
    let pictures = PICTURES.replace("FRAMES", &count.to_string());
    pull_all(&Player::new(&format!("{pictures} ! appsink name=out sync=false")))
}

/// What units of video with these caps decode to.
pub fn decode(caps: &gst::Caps, units: Vec<gst::Buffer>) -> Vec<Vec<u8>> {
    decode_with("fqldec", caps, units)
}

/// What buffers with these caps decode to.
pub fn decode_with(decoder: &str, caps: &gst::Caps, units: Vec<gst::Buffer>) -> Vec<Vec<u8>> {
    let player = Player::new(&format!(
        "appsrc name=in format=time max-bytes=0 ! {decoder} ! appsink name=out sync=false"
    ));
    let source = player.pipeline.by_name("in").and_downcast::<gst_app::AppSrc>().unwrap();
    source.set_caps(Some(caps));
    for unit in units {
        source.push_buffer(unit).unwrap();
    }
    source.end_of_stream().unwrap();
    pull_all(&player)
}

fn pull_all(player: &Player) -> Vec<Vec<u8>> {
    let sink = player.pipeline.by_name("out").and_downcast::<gst_app::AppSink>().unwrap();
    player.pipeline.set_state(gst::State::Playing).unwrap();
    std::iter::from_fn(|| sink.pull_sample().ok()).map(|s| bytes(&s.buffer_owned().unwrap())).collect()
}
