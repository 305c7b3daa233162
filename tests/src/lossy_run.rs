//! Stamped video from a publishing pipeline through the relay to a viewing pipeline, and what the viewer saw.

use std::net::{Ipv4Addr, UdpSocket};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};

use crate::arrivals::Arrivals;
use crate::clip;
use crate::frame::{Frame, STAMP_ROWS};
use crate::machine::OtherWork;
use crate::pipeline::{Pipeline, load_plugin};
use crate::relay::{Counts, Link, Relay};
use crate::score::{Score, Shown};

/// Frames a second of the source.
pub const FRAME_RATE: usize = 25;

/// A run to make.
#[derive(Debug, Clone)]
pub struct LossyRun {
    /// What the link does.
    pub link: Link,
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
             fqlenc {} ! queue max-size-buffers=2 ! fqlfecsink name=s uri=udp://{} {}",
            first.width,
            first.height,
            self.encoder,
            relay.address(),
            self.sink
        ))?;

        let other_work = OtherWork::start();
        let timeline = thread::scope(|scope| {
            let camera = scope.spawn(|| self.film(&publishing, clip));
            let timeline = self.watch(&viewing, &arrivals, clip);
            camera.join().map_err(|_| anyhow!("the filming thread panicked"))??;
            timeline
        })?;
        publishing.wait(Duration::from_secs(20)).context("publishing")?;
        let forward = relay.forward();
        Ok(Outcome {
            score: Score::new(timeline.get(self.skip..).unwrap_or_default()).context("nothing to score")?,
            wire_rate: (forward.bytes + 28 * forward.arrived) as f64 * 8.0 * FRAME_RATE as f64
                / self.frames as f64,
            forward,
            is_disturbed: other_work.is_disturbing(),
            other_work: other_work.share(),
            sent: publishing.stats("s")?,
            received: viewing.stats("r")?,
        })
    }

    fn film(&self, publishing: &Pipeline, clip: &[Frame]) -> Result<()> {
        let camera = publishing.app_src("camera")?;
        let duration = gst::ClockTime::SECOND / FRAME_RATE as u64;
        for number in 0..self.frames {
            let mut buffer = gst::Buffer::from_slice(source(clip, number).samples);
            let fields = buffer.get_mut().context("a buffer that is not ours")?;
            fields.set_pts(duration * number as u64);
            fields.set_duration(duration);
            camera.push_buffer(buffer).map_err(|error| anyhow!("{error}: {}", publishing.first_error()))?;
        }
        camera.end_of_stream()?;
        Ok(())
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

/// Frame `number` of the looped clip with its stamp.
fn source(clip: &[Frame], number: usize) -> Frame {
    let mut frame = clip[number % clip.len()].clone();
    frame.stamp(number as u16);
    frame
}

/// A UDP port of the loopback address that nobody uses now.
pub fn free_port() -> Result<u16> {
    Ok(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
