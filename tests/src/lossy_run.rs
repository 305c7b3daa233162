//! Stamped video from a publishing pipeline through the relay to a viewing pipeline, and what the viewer saw.

use std::fmt;
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

/// All but what stands there frame by frame.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { score, timeline, wire_rate, forward, other_work, sent, received, .. } = self;
        writeln!(f, "{score}; {timeline:?}")?;
        writeln!(
            f,
            "{wire_rate:.0} bit/s on the wire, {forward:?}, {other_work:.3} of the machine taken by others"
        )?;
        write!(f, "{sent}\n{received}")
    }
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
        let mut numbers = Numbers::default();
        while let Some(sample) = screen.try_pull_sample(limit) {
            let frame = clip::frame(&sample)?;
            let buffer = sample.buffer().context("a sample without a buffer")?;
            let pts = buffer.pts().context("a picture without a time")?;
            let number = numbers.of(buffer, Some(frame.number().into()));
            let Some(number) = number.filter(|number| (timeline.len()..self.frames).contains(number)) else {
                continue;
            };
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

/// Which frames of the source pictures are. A picture that is predicted from what never came has what stood there before
/// in place of its stamp: it is known by how long it comes after one that was whole.
#[derive(Debug, Default)]
pub struct Numbers {
    /// The last picture that was whole.
    whole: Option<(gst::ClockTime, usize)>,
}

impl Numbers {
    /// The number of the frame that a picture is, with what its stamp says. `None` before the first one that is whole.
    pub fn of(&mut self, picture: &gst::BufferRef, stamp: Option<usize>) -> Option<usize> {
        let is_whole = !picture.flags().contains(gst::BufferFlags::CORRUPTED);
        self.at(picture.pts()?, stamp.filter(|_| is_whole))
    }

    fn at(&mut self, pts: gst::ClockTime, stamp: Option<usize>) -> Option<usize> {
        if let Some(number) = stamp {
            self.whole = Some((pts, number));
        }
        let (then, number) = self.whole?;
        let frames = (pts.checked_sub(then)?.nseconds() * FRAME_RATE as u64 + 500_000_000) / 1_000_000_000;
        Some(number + frames as usize)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_that_drift_are_known_by_their_time() {
        let (mut numbers, ms) = (Numbers::default(), gst::ClockTime::from_mseconds);
        assert_eq!(numbers.at(ms(80), None), None, "nothing to count from");
        assert_eq!(numbers.at(ms(120), Some(7)), Some(7));
        assert_eq!(numbers.at(ms(161), None), Some(8), "an uneven clock");
        assert_eq!(numbers.at(ms(239), None), Some(10), "one never came");
        assert_eq!(numbers.at(ms(280), Some(11)), Some(11));
    }
}
