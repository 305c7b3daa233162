//! Filmed pictures through a publishing pipeline, a link that loses packets, and a viewing pipeline: what was on the
//! screen, and how old it was, by a clock in the picture.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use fql_tests::arrivals::Arrivals;
use fql_tests::clip;
use fql_tests::daemon::{Daemon, text};
use fql_tests::frame::{Frame, STAMP_ROWS};
use fql_tests::lossy_run::{FRAME_RATE, Numbers, free_port};
use fql_tests::machine::OtherWork;
use fql_tests::pipeline::Pipeline;
use fql_tests::relay::{Link, Relay};
use fql_tests::score::{Score, Shown};

const FRAME: Duration = Duration::from_millis(1000 / FRAME_RATE as u64);
/// How long the viewer waits for a picture, once all are filmed, before the stream counts as ended.
const PATIENCE: Duration = Duration::from_secs(2);
/// Frames at the start that are not counted: sessions begin, and rates settle.
const SKIP: usize = 2 * FRAME_RATE;

/// How pictures travel.
#[derive(Debug, Clone)]
pub struct Way {
    /// Its name in tables.
    pub name: &'static str,
    /// Elements from raw video to the network, as in gst-launch; `{to}` stands for the port to send to, with a name
    /// behind it where that is a server's, `{key}` for the stream key there.
    pub publish: String,
    /// Elements from the network to the decoder, the decoder named `decoder`; `{from}` stands for the port to listen on,
    /// or the address of the stream at a server.
    pub view: String,
    /// Whether the screen waits until a picture is due; otherwise it shows each as soon as it is decoded.
    pub on_time: bool,
    /// Whether what comes to the decoder are units of layers.
    pub in_layers: bool,
    /// What is between both.
    pub through: Through,
}

/// What is between a publisher and a viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// The relay.
    Relay,
    /// A server, and the relay between it and the viewer.
    Hub,
}

/// The relay, a server where there is one, and both pipelines without what is measured.
#[derive(Debug)]
struct Route {
    relay: Relay,
    /// Whether the viewer asks through the relay, rather than being sent to.
    is_asked: bool,
    publish: String,
    view: String,
    _hub: Option<Daemon>,
}

impl Route {
    fn new(way: &Way, link: Link) -> Result<Self> {
        match way.through {
            Through::Relay => Self::direct(way, link),
            Through::Hub => Self::hub(way, link),
        }
    }

    fn direct(way: &Way, link: Link) -> Result<Self> {
        let port = free_port()?;
        let relay = Relay::start((Ipv4Addr::LOCALHOST, 0).into(), (Ipv4Addr::LOCALHOST, port).into(), link)?;
        let publish = way.publish.replace("{to}", &relay.address().port().to_string());
        let view = way.view.replace("{from}", &port.to_string());
        Ok(Self { relay, is_asked: false, publish, view, _hub: None })
    }

    fn hub(way: &Way, link: Link) -> Result<Self> {
        let hub = Daemon::start("[limits]\nrequests_per_minute = 6000\n")?;
        let stream = hub.api().create_stream("bench")?;
        let relay = Relay::start((Ipv4Addr::LOCALHOST, 0).into(), hub.fql(), link)?;
        let playback = text(stream.get("playback").context("a stream without playback")?, "fql")?;
        let view = way
            .view
            .replace("{from}", &playback.replace(&hub.fql().to_string(), &relay.address().to_string()));
        let publish = way
            .publish
            .replace("{to}", &format!("{}/bench", hub.fql().port()))
            .replace("{key}", &text(&stream, "streamKey")?);
        Ok(Self { relay, is_asked: true, publish, view, _hub: Some(hub) })
    }

    /// Bytes towards the viewer that came to the relay, with the headers of UDP and IP.
    fn on_wire(&self) -> u64 {
        let counts = if self.is_asked { self.relay.backward() } else { self.relay.forward() };
        counts.bytes + 28 * counts.arrived
    }
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Pictures and freezes.
    pub score: Score,
    /// Bits a second towards the viewer at the relay, IP and UDP headers included.
    pub wire_rate: f64,
    /// The age of every new picture when it was shown, in milliseconds, sorted.
    pub ages: Vec<f64>,
    /// The share of the machine that others took meanwhile, 0 to 1.
    pub other_work: f64,
}

impl Seen {
    /// Share of the frames for which no new picture came, 0 to 1.
    pub fn frozen(&self) -> f64 {
        1.0 - self.score.delivered
    }
}

/// When each frame was filmed, by the clock in its picture.
#[derive(Debug)]
struct Filming {
    began: Instant,
    /// Numbers of frames by their stamps.
    numbers: Mutex<HashMap<u16, usize>>,
    is_over: AtomicBool,
}

impl Filming {
    fn new() -> Self {
        Self { began: Instant::now(), numbers: Mutex::default(), is_over: AtomicBool::new(false) }
    }

    /// What the clock shows: milliseconds since the filming began. Runs are shorter than a turn of it, 65 s.
    fn clock(&self) -> u16 {
        self.began.elapsed().as_millis() as u16
    }

    /// Films so many frames of the looped clip in real time.
    /// Gives the bits a second on the wire of the frames that count.
    fn film(&self, publishing: &Pipeline, clip: &[Frame], frames: usize, route: &Route) -> Result<f64> {
        let mut skipped = 0;
        let camera = publishing.app_src("camera")?;
        for number in 0..frames {
            let due = self.began + FRAME * number as u32;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if number == SKIP {
                skipped = route.on_wire();
            }
            let mut frame = clip[number % clip.len()].clone();
            let stamp = self.clock();
            frame.stamp(stamp);
            self.numbers.lock().unwrap_or_else(PoisonError::into_inner).insert(stamp, number);
            let mut buffer = gst::Buffer::from_slice(frame.samples);
            let duration = gst::ClockTime::try_from(FRAME)?;
            buffer.get_mut().context("a buffer that is not ours")?.set_duration(duration);
            camera.push_buffer(buffer).map_err(|error| anyhow!("{error}: {}", publishing.first_error()))?;
        }
        let seconds = (FRAME * frames.saturating_sub(SKIP).max(1) as u32).as_secs_f64();
        Ok((route.on_wire() - skipped) as f64 * 8.0 / seconds)
    }

    fn number(&self, stamp: u16) -> Option<usize> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).get(&stamp).copied()
    }
}

/// The screen of the viewer: what stood on it for each frame of the source.
#[derive(Debug)]
struct Screen<'a> {
    clip: &'a [Frame],
    shown: Frame,
    timeline: Vec<Shown>,
    ages: Vec<f64>,
}

impl<'a> Screen<'a> {
    /// A grey one.
    fn new(clip: &'a [Frame]) -> Self {
        let shown = Frame { samples: vec![128; clip[0].samples.len()], ..clip[0] };
        Self { clip, shown, timeline: Vec::new(), ages: Vec::new() }
    }

    /// The picture that stands there stays until this frame.
    fn stay(&mut self, until: usize) {
        for number in self.timeline.len()..until {
            let psnr = self.quality(number, &self.shown);
            self.timeline.push(Shown { new: false, psnr });
        }
    }

    /// `age` is how many milliseconds ago it was filmed, where its clock can be read.
    fn show(&mut self, number: usize, frame: Frame, new: bool, age: Option<f64>) {
        if number < self.timeline.len() {
            return; // Older than what stands there.
        }
        self.stay(number);
        let psnr = self.quality(number, &frame);
        self.timeline.push(Shown { new, psnr });
        self.shown = frame;
        if new && number >= SKIP {
            self.ages.extend(age);
        }
    }

    fn quality(&self, number: usize, shown: &Frame) -> f64 {
        self.clip[number % self.clip.len()].luma_psnr(shown, STAMP_ROWS)
    }
}

impl Way {
    /// Films the looped clip for so many seconds, through this link.
    pub fn run(&self, clip: &[Frame], link: Link, seconds: usize) -> Result<Seen> {
        let route = Route::new(self, link)?;
        let viewing = self.viewer(&route)?;
        let arrivals = self.in_layers.then(|| Arrivals::watch(&viewing, "decoder")).transpose()?;
        let publishing = self.publisher(&clip[0], &route)?;
        let frames = seconds * FRAME_RATE;
        let filming = Filming::new();
        let other_work = OtherWork::start();
        let mut screen = Screen::new(clip);
        let wire_rate = thread::scope(|scope| {
            let camera = scope.spawn(|| {
                let filmed = filming.film(&publishing, clip, frames, &route);
                filming.is_over.store(true, Ordering::SeqCst);
                filmed
            });
            watch(&viewing, &filming, &mut screen, |pts| {
                arrivals.as_ref().is_none_or(|new| new.is_new(pts))
            })?;
            camera.join().map_err(|_| anyhow!("the filming thread panicked"))?
        })?;
        screen.stay(frames);
        screen.ages.sort_by(f64::total_cmp);
        let counted = screen.timeline.get(SKIP..).unwrap_or_default();
        let score = Score::new(counted).context("nothing to score")?;
        Ok(Seen { score, wire_rate, ages: screen.ages, other_work: other_work.share() })
    }

    fn viewer(&self, route: &Route) -> Result<Pipeline> {
        // 20 ms is the lateness that video sinks allow.
        let sync = if self.on_time { "sync=true max-lateness=20000000" } else { "sync=false" };
        Pipeline::play(&format!(
            "{} ! video/x-raw,format=I420 ! appsink name=screen {sync} qos=false max-buffers=50",
            route.view
        ))
        .context(self.name)
    }

    fn publisher(&self, first: &Frame, route: &Route) -> Result<Pipeline> {
        Pipeline::play(&format!(
            "appsrc name=camera is-live=true do-timestamp=true format=time block=true max-buffers=2
               caps=video/x-raw,format=I420,width={},height={},framerate={FRAME_RATE}/1,colorimetry=bt709 ! {}",
            first.width,
            first.height,
            route.publish
        ))
        .context(self.name)
    }
}

/// Watches until nothing more comes.
fn watch(
    viewing: &Pipeline,
    filming: &Filming,
    screen: &mut Screen,
    is_new: impl Fn(gst::ClockTime) -> bool,
) -> Result<()> {
    let sink = viewing.app_sink("screen")?;
    let mut numbers = Numbers::default();
    loop {
        let was_over = filming.is_over.load(Ordering::SeqCst);
        let Some(sample) = sink.try_pull_sample(gst::ClockTime::try_from(PATIENCE)?) else {
            if was_over || sink.is_eos() {
                return Ok(());
            }
            continue;
        };
        let now = filming.began.elapsed();
        let frame = clip::frame(&sample)?;
        let buffer = sample.buffer().context("a sample without a buffer")?;
        let pts = buffer.pts().context("a picture without a time")?;
        let stamp = frame.number();
        let read = filming.number(stamp);
        if let Some(number) = numbers.of(buffer, read) {
            let age = read.map(|_| now.as_secs_f64() * 1e3 - f64::from(stamp));
            screen.show(number, frame, is_new(pts), age);
        }
    }
}
