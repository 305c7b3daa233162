//! Stamped video from a publishing pipeline through the relay to a viewing pipeline, and what the viewer saw.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use gst::prelude::*;

use crate::arrivals::Arrivals;
use crate::clip;
use crate::frame::{Frame, STAMP_ROWS};
use crate::machine::OtherWork;
use crate::pipeline::{Pipeline, load_plugin};
use crate::relay::{Counts, Link, Relay};
use crate::score::{Score, Shown, Timeline};

/// Frames a second of the source.
pub const FRAME_RATE: usize = 25;

/// A run to make.
#[derive(Debug, Clone)]
pub struct LossyRun {
    /// What the link does.
    pub link: Link,
    /// From which frames on it has another rate.
    pub rates: Vec<(usize, Option<u64>)>,
    /// Frames to send: the clip in a loop, each stamped with its number.
    pub frames: usize,
    /// Frames at the start that are not counted.
    pub skip: usize,
    /// Properties of `fqlenc`, as in gst-launch.
    pub encoder: String,
    /// Properties of `fqlfecsink`, without the address.
    pub sink: String,
    /// Properties of `fqlsrc`, without the address.
    pub source: String,
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What the viewer saw.
    pub score: Score,
    /// The same frame by frame, with those that are not counted.
    pub timeline: Timeline,
    /// Bytes on the wire towards the viewer, headers included, that had come to the relay by each frame.
    pub wire: Vec<u64>,
    /// What passed between the encoder and the sender, in order.
    pub encoder: Vec<Encoded>,
    /// Bits a second on the wire towards the viewer, IP and UDP headers included.
    pub wire_rate: f64,
    /// Datagrams towards the viewer at the relay.
    pub forward: Counts,
    /// The share of the machine's cores that others took meanwhile, 0 to 1.
    pub other_work: f64,
    /// Whether that is so much that the figures are theirs.
    pub is_disturbed: bool,
    /// Statistics of the sending element at its end.
    pub sent: gst::Structure,
    /// Statistics of the receiving element at its end.
    pub received: gst::Structure,
}

/// What passed at the encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoded {
    /// It was told a media rate in kbit/s.
    Told(u32),
    /// It gave a unit of so many bytes.
    Unit(usize),
}

/// The links that the documentation gives figures for: share lost, and mean length of a run of losses.
pub const LINKS: [(f64, f64); 5] = [(0.0, 1.0), (0.05, 1.0), (0.1, 1.0), (0.2, 1.0), (0.1, 5.0)];

/// The rate on the wire of a standard run, everything included, in kbit/s.
pub const WIRE_KBITS: u32 = 2000;

impl LossyRun {
    /// Video alone over 30 ms each way within a budget of 120 ms, [`WIRE_KBITS`] on the wire; the first second is
    /// not counted.
    pub fn standard(loss: f64, burst: f64, seed: u64, seconds: usize, fec: &str) -> Self {
        Self {
            link: Link { loss, burst, delay: Duration::from_millis(30), seed, ..Link::default() },
            rates: Vec::new(),
            frames: seconds * FRAME_RATE,
            skip: FRAME_RATE,
            encoder: "bitrate=2000 layers=12".to_owned(),
            sink: format!("passphrase=umbrella fec={fec} max-bitrate={WIRE_KBITS}"),
            source: "passphrase=umbrella latency=120".to_owned(),
        }
    }

    /// Sends `clip` through the link in real time.
    pub fn run(&self, clip: &[Frame]) -> Result<Outcome> {
        load_plugin()?;
        let port = free_port()?;
        let relay =
            Relay::start((Ipv4Addr::LOCALHOST, 0).into(), (Ipv4Addr::LOCALHOST, port).into(), self.link)?;
        // Late frames are dropped as a window would drop them; 20 ms is what video sinks allow.
        let viewing = Pipeline::play(&format!(
            "fqlsrc name=r uri=udp://127.0.0.1:{port} {} r.video_0 ! queue ! fqldec name=decoder !
             appsink name=screen sync=true max-lateness=20000000 qos=false max-buffers=50",
            self.source
        ))?;
        let arrivals = Arrivals::watch(&viewing, "decoder")?;
        let first = clip.first().context("an empty clip")?;
        let publishing = Pipeline::play(&format!(
            "appsrc name=camera format=time block=true max-buffers=2
               caps=video/x-raw,format=I420,width={},height={},framerate={FRAME_RATE}/1,colorimetry=bt709 !
             fqlenc name=encoder {} ! queue max-size-buffers=2 ! fqlfecsink name=s uri=udp://{} {}",
            first.width,
            first.height,
            self.encoder,
            relay.address(),
            self.sink
        ))?;

        let encoded = watch_encoder(&publishing)?;
        let other_work = OtherWork::start();
        let (wire, timeline) = thread::scope(|scope| {
            let camera = scope.spawn(|| self.film(&publishing, clip, &relay));
            let timeline = self.watch(&viewing, &arrivals, clip);
            let wire = camera.join().map_err(|_| anyhow!("the filming thread panicked"))??;
            Ok::<_, anyhow::Error>((wire, timeline?))
        })?;
        publishing.wait(Duration::from_secs(20)).context("publishing")?;
        let forward = relay.forward();
        Ok(Outcome {
            score: Score::new(timeline.get(self.skip..).unwrap_or_default()).context("nothing to score")?,
            timeline: Timeline(timeline),
            wire,
            encoder: std::mem::take(&mut *encoded.lock().unwrap_or_else(PoisonError::into_inner)),
            wire_rate: on_wire(&forward) as f64 * 8.0 * FRAME_RATE as f64 / self.frames as f64,
            forward,
            is_disturbed: other_work.is_disturbing(),
            other_work: other_work.share(),
            sent: publishing.stats("s")?,
            received: viewing.stats("r")?,
        })
    }

    /// Gives the bytes that had come to the relay by each frame.
    fn film(&self, publishing: &Pipeline, clip: &[Frame], relay: &Relay) -> Result<Vec<u64>> {
        let mut wire = Vec::new();
        let camera = publishing.app_src("camera")?;
        let duration = gst::ClockTime::SECOND / FRAME_RATE as u64;
        for number in 0..self.frames {
            if let Some((_, rate)) = self.rates.iter().find(|(frame, _)| *frame == number) {
                relay.set_rate(*rate);
            }
            wire.push(on_wire(&relay.forward()));
            let mut buffer = gst::Buffer::from_slice(source(clip, number).samples);
            let fields = buffer.get_mut().context("a buffer that is not ours")?;
            fields.set_pts(duration * number as u64);
            fields.set_duration(duration);
            camera.push_buffer(buffer).map_err(|error| anyhow!("{error}: {}", publishing.first_error()))?;
        }
        camera.end_of_stream()?;
        Ok(wire)
    }

    /// What was on the screen for every frame of the source.
    fn watch(&self, viewing: &Pipeline, arrivals: &Arrivals, clip: &[Frame]) -> Result<Vec<Shown>> {
        let screen = viewing.app_sink("screen")?;
        let grey = |frame: &Frame| Frame { samples: vec![16; frame.samples.len()], ..*frame };
        let mut shown = grey(clip.first().context("an empty clip")?);
        let mut timeline: Vec<Shown> = Vec::new();
        let stays = |timeline: &mut Vec<Shown>, until: usize, shown: &Frame| {
            for number in timeline.len()..until {
                let psnr = source(clip, number).luma_psnr(shown, STAMP_ROWS);
                timeline.push(Shown { new: false, psnr });
            }
        };
        let limit = gst::ClockTime::from_seconds(30);
        while let Some(sample) = screen.try_pull_sample(limit) {
            let frame = clip::frame(&sample)?;
            let number = usize::from(frame.number());
            let pts = sample.buffer().and_then(|buffer| buffer.pts()).context("a picture without a time")?;
            if number >= self.frames || number < timeline.len() {
                continue; // A picture whose stamp cannot be read is not a new picture.
            }
            stays(&mut timeline, number, &shown);
            let psnr = source(clip, number).luma_psnr(&frame, STAMP_ROWS);
            timeline.push(Shown { new: arrivals.is_new(pts), psnr });
            shown = frame;
        }
        ensure!(screen.is_eos(), "the picture stopped after {}: {}", timeline.len(), viewing.first_error());
        stays(&mut timeline, self.frames, &shown);
        Ok(timeline)
    }
}

/// Bytes with the headers of UDP and IP.
fn on_wire(counts: &Counts) -> u64 {
    counts.bytes + 28 * counts.arrived
}

/// Notes what passes at the source pad of the encoder.
fn watch_encoder(publishing: &Pipeline) -> Result<Arc<Mutex<Vec<Encoded>>>> {
    let pad = publishing.element("encoder")?.static_pad("src").context("an encoder without a source pad")?;
    let noted = Arc::new(Mutex::new(Vec::new()));
    let encoded = Arc::clone(&noted);
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_UPSTREAM;
    pad.add_probe(kinds, move |_, info| {
        let told = |event: &gst::Event| event.structure()?.get("bitrate").ok();
        let entry = match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => Some(Encoded::Unit(buffer.size())),
            Some(gst::PadProbeData::Event(event)) => told(event).map(Encoded::Told),
            _ => None,
        };
        encoded.lock().unwrap_or_else(PoisonError::into_inner).extend(entry);
        gst::PadProbeReturn::Ok
    });
    Ok(noted)
}

/// Frame `number` of the looped clip with its stamp.
fn source(clip: &[Frame], number: usize) -> Frame {
    let mut frame = clip[number % clip.len()].clone();
    frame.stamp(number as u16);
    frame
}

/// A UDP port of the loopback address that nobody uses now.
pub fn free_port() -> Result<u16> {
    first_free(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
}

/// The first port for which this holds, of those that the system does not give to clients: one of those could be taken
/// before whoever it is for has it.
pub fn first_free(is_free: impl Fn(u16) -> bool) -> Result<u16> {
    let first = fastrand::u16(..20_000);
    let port = (0..20_000).map(|i| 10_000 + (first + i) % 20_000).find(|&port| is_free(port));
    port.context("no port is free")
}
