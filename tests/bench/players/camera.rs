//! What is filmed, and how it is published.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use fql_tests::daemon::{Daemon, text, until};
use fql_tests::frame::Frame;
use fql_tests::lossy_run::FRAME_RATE;
use fql_tests::pipeline::Pipeline;

/// A key picture in so many: two seconds, as players of HLS want it.
pub const KEY_FRAMES: usize = 2 * FRAME_RATE;
const KBITS: u32 = 1000;

/// How a stream is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// H.264 by RTMP.
    Rtmp,
    /// H.264 by FQL.
    Encoded,
    /// Layers by FQL: players get H.264 that the server makes of them.
    Layers,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rtmp, Self::Encoded, Self::Layers];

    /// As it is named in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rtmp => "H.264 by RTMP",
            Self::Encoded => "H.264 by FQL",
            Self::Layers => "layers by FQL, converted",
        }
    }

    /// Elements from raw video to the server.
    fn elements(self, rtmp: &str, fql: &str) -> String {
        let h264 = format!(
            "x264enc tune=zerolatency speed-preset=veryfast key-int-max={KEY_FRAMES} bitrate={KBITS} \
               vbv-buf-capacity=200 ! video/x-h264,profile=main ! h264parse config-interval=-1"
        );
        match self {
            Self::Rtmp => format!("{h264} ! flvmux streamable=true ! rtmp2sink location={rtmp}"),
            Self::Encoded => format!("{h264} ! fqlfecsink {fql}"),
            Self::Layers => {
                format!("fqlenc layers=12 bitrate={KBITS} keyframe-interval={KEY_FRAMES} ! fqlfecsink {fql}")
            }
        }
    }
}

/// The clock that is filmed: milliseconds, which begin anew after 65 s.
#[derive(Debug)]
pub struct Clock {
    began: Instant,
    filmed: Mutex<HashSet<u16>>,
}

impl Clock {
    /// Begins now.
    pub fn start() -> Self {
        Self { began: Instant::now(), filmed: Mutex::default() }
    }

    fn stamp(&self) -> u16 {
        let stamp = self.began.elapsed().as_millis() as u16;
        self.filmed.lock().unwrap_or_else(PoisonError::into_inner).insert(stamp);
        stamp
    }

    /// How many milliseconds ago this picture was filmed; `None` where its clock cannot be read.
    pub fn age(&self, picture: &Frame) -> Option<f64> {
        let stamp = picture.number();
        let is_known = self.filmed.lock().unwrap_or_else(PoisonError::into_inner).contains(&stamp);
        let now = self.began.elapsed().as_secs_f64() * 1e3;
        is_known.then(|| (now - f64::from(stamp)).rem_euclid(65_536.0))
    }
}

/// A stream that is filmed.
#[derive(Debug)]
pub struct Camera {
    pipeline: Pipeline,
    id: String,
    /// By which it is played.
    pub playback_id: String,
}

impl Camera {
    /// Makes a stream, and what publishes pictures like this one to it.
    pub fn publish(daemon: &Daemon, source: Source, like: &Frame) -> Result<Self> {
        let stream = daemon.api().create_stream("filmed")?;
        let key = text(&stream, "streamKey")?;
        let rtmp = text(stream.get("ingest").context("a stream without ingest")?, "rtmp")?;
        let fql = format!("uri=udp://127.0.0.1:{}/filmed stream-key={key}", daemon.fql().port());
        let elements = source.elements(&format!("{rtmp}/{key}"), &fql);
        let pipeline = Pipeline::play(&format!(
            "appsrc name=camera is-live=true do-timestamp=true format=time block=true max-buffers=2
               caps=video/x-raw,format=I420,width={},height={},framerate={FRAME_RATE}/1,colorimetry=bt709 ! {elements}",
            like.width, like.height,
        ))
        .context(source.name())?;
        Ok(Self { pipeline, id: text(&stream, "id")?, playback_id: text(&stream, "playbackId")? })
    }

    /// Films the looped clip in real time until it is over.
    pub fn film(&self, clip: &[Frame], clock: &Clock, is_over: &AtomicBool) -> Result<()> {
        let camera = self.pipeline.app_src("camera")?;
        let frame_time = Duration::from_secs(1) / FRAME_RATE as u32;
        let mut due = Instant::now();
        for frame in clip.iter().cycle() {
            if is_over.load(Ordering::SeqCst) {
                break;
            }
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let mut frame = frame.clone();
            frame.stamp(clock.stamp());
            let mut buffer = gst::Buffer::from_slice(frame.samples);
            let duration = gst::ClockTime::try_from(frame_time)?;
            buffer.get_mut().context("a buffer that is not ours")?.set_duration(duration);
            camera
                .push_buffer(buffer)
                .map_err(|error| anyhow!("{error}: {}", self.pipeline.first_error()))?;
            due += frame_time;
        }
        Ok(())
    }

    /// Waits until the server has the stream, unless filming ends.
    pub fn is_live(&self, daemon: &Daemon, is_over: &AtomicBool) -> Result<()> {
        let (api, path) = (daemon.api(), format!("/v1/streams/{}", self.id));
        until("the stream is live", || {
            ensure!(!is_over.load(Ordering::SeqCst), "filming ended");
            Ok(api.get(&path)?.get("state").and_then(|state| state.as_str()) == Some("live"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_of_a_picture_is_read_from_its_clock() {
        let clock = Clock::start();
        let mut frame = Frame::new(256, 16, vec![0; 256 * 16 * 3 / 2]).unwrap();
        frame.stamp(clock.stamp());
        assert!(clock.age(&frame).is_some_and(|age| (0.0..60_000.0).contains(&age)));
        frame.stamp(60_000);
        assert_eq!(clock.age(&frame), None, "never filmed");
    }
}
