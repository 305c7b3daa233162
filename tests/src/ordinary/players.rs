//! Players of others that record what they get, each up to the end of what it reads.

use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use gst::prelude::*;

use super::clip::{Clip, SOUND_RATE};
use super::folder::Folder;
use super::parts::{self, Written};
use super::recording::{Picture, Piece, Recording};
use crate::clip::frame;
use crate::daemon::{until, within};
use crate::pipeline::Pipeline;
use crate::program::Program;

/// How long one that stays is looked at when all has come.
const QUIET: Duration = Duration::from_millis(500);

/// Milliseconds for which a client of WHEP waits for packets that are missing, and by which others may be late before its
/// clock begins anew.
const WHEP_LATENCY: u32 = 3000;

/// A player that reads.
#[derive(Debug)]
pub enum Player {
    /// The program, and where it writes to.
    Ffmpeg(Program, Folder),
    /// The pipeline, and what it got so far.
    Gst(Pipeline, Arc<Mutex<Recording>>),
    /// What takes parts of Low-Latency HLS, and where it writes them to.
    Parts(JoinHandle<Result<()>>, Folder),
}

/// How a player comes to its end when the publisher has said goodbye.
#[derive(Debug, Clone, Copy)]
pub enum End {
    /// By itself, with success.
    Itself,
    /// It stays, since the stream may go on.
    StandsStill,
}

/// What a player is to record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Pictures and sound.
    Both,
    /// Sound, of what has nothing else.
    Sound,
}

impl Player {
    /// ffmpeg, which reads `input`: options and an address.
    pub fn ffmpeg(input: &[&str], kind: Kind) -> Result<Self> {
        let folder = Folder::new("player")?;
        let program = record_by_ffmpeg(input, ["0:v:0", "0:a:0"], kind, &folder)?;
        Ok(Self::Ffmpeg(program, folder))
    }

    /// A player of Low-Latency HLS, of the multivariant playlist at this address.
    pub fn parts(index: &str) -> Result<Self> {
        let folder = Folder::new("parts")?;
        let (index, written) = (index.to_owned(), Written::at(folder.path()));
        let thread = std::thread::Builder::new().name("parts".into());
        Ok(Self::Parts(thread.spawn(move || parts::play(&index, &written))?, folder))
    }

    /// GStreamer, with a pipeline in which the element `media` decodes pictures and sound.
    pub fn gst(source: &str, clip: &Arc<Clip>) -> Result<Self> {
        Self::gst_of_pads(source, ["media.", "media."], clip)
    }

    /// GStreamer, with a pipeline that has these pads of pictures and of sound, decoded or not.
    pub fn gst_of_pads(source: &str, [pictures, sound]: [&str; 2], clip: &Arc<Clip>) -> Result<Self> {
        let decode = if pictures.ends_with('.') { "" } else { "decodebin !" };
        Self::pipeline(
            &format!(
                "{source} {pictures} ! queue ! {decode} videoconvert ! video/x-raw,format=I420 !
                 appsink name=pictures sync=false {sound} ! queue ! {decode} audioconvert ! audioresample !
                 audio/x-raw,format=F32LE,rate={SOUND_RATE},channels=1 ! appsink name=sound sync=false"
            ),
            clip,
        )
    }

    /// GStreamer with a whole pipeline, which has the sinks `pictures` and `sound`.
    pub fn pipeline(description: &str, clip: &Arc<Clip>) -> Result<Self> {
        Self::recording(Pipeline::parse(description)?, clip)
    }

    /// GStreamer with a whole pipeline that has a client of WHEP named `in`, chains that begin with `pictures-in` and
    /// `sound-in`, and these sinks. The client shows both by the times of RTP and what reports say of them, and not by when
    /// packets came: a machine that is busy with others moves nothing then.
    pub fn whep(description: &str, clip: &Arc<Clip>) -> Result<Self> {
        let pipeline = Pipeline::parse(description)?;
        pipeline.element_of("rtpbin")?.set_property_from_str("buffer-mode", "none");
        pipeline.element_of("webrtcbin")?.set_property("latency", WHEP_LATENCY);
        let chain = |name| pipeline.element(name)?.static_pad("sink").context("a chain without a sink pad");
        let chains = [("video", chain("pictures-in")?), ("audio", chain("sound-in")?)];
        pipeline.element("in")?.connect_pad_added(move |source, pad| {
            let (source, chains) = (source.clone(), chains.clone());
            // Either may come first, and a pad says only with its caps which it is: before them it would fit both.
            let link = move |pad: &gst::Pad, caps: &gst::CapsRef| {
                let media =
                    caps.structure(0).and_then(|it| it.get::<String>("media").ok()).unwrap_or_default();
                let linked = chains.iter().find(|(of, _)| *of == media).map(|(_, sink)| pad.link(sink));
                if !matches!(linked, Some(Ok(_) | Err(gst::PadLinkError::WasLinked))) {
                    gst::element_error!(source, gst::StreamError::Failed, ("nothing takes {caps}"));
                }
            };
            let later = link.clone();
            pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
                let Some(gst::EventView::Caps(event)) = info.event().map(|event| event.view()) else {
                    return gst::PadProbeReturn::Ok;
                };
                later(pad, event.caps());
                gst::PadProbeReturn::Remove
            });
            if let Some(caps) = pad.current_caps() {
                link(pad, &caps);
            }
        });
        Self::recording(pipeline, clip)
    }

    fn recording(pipeline: Pipeline, clip: &Arc<Clip>) -> Result<Self> {
        let got: Arc<Mutex<Recording>> = Arc::default();
        let (clip, noted) = (Arc::clone(clip), Arc::clone(&got));
        record(&pipeline, "pictures", move |sample, time| {
            let picture = Picture::of(&frame(sample)?, time, &clip);
            noted.lock().unwrap_or_else(PoisonError::into_inner).pictures.push(picture);
            Ok(())
        })?;
        let noted = Arc::clone(&got);
        record(&pipeline, "sound", move |sample, time| {
            let buffer = sample.buffer().context("a sample without a buffer")?.map_readable()?;
            let value = |four: &[u8]| f32::from_le_bytes([four[0], four[1], four[2], four[3]]);
            let samples = buffer.chunks_exact(4).map(value).collect();
            noted.lock().unwrap_or_else(PoisonError::into_inner).sound.push(Piece { time, samples });
            Ok(())
        })?;
        pipeline.start()?;
        Ok(Self::Gst(pipeline, got))
    }

    /// Waits until it has come to its end, as it should, within `limit`; one that stays has all but the last `tail`
    /// pictures. Gives what it got.
    pub fn ends(self, end: End, limit: Duration, clip: &Clip, tail: u32) -> Result<Recording> {
        match self {
            Self::Ffmpeg(program, folder) => {
                program.ends_well(limit)?;
                Recording::read(folder.path(), clip)
            }
            Self::Parts(thread, folder) => {
                within(limit, "the playlists have their end", || Ok(thread.is_finished()))?;
                thread.join().unwrap_or_else(|_| bail!("a panic"))?;
                let Written { pictures, sound } = Written::at(folder.path());
                let [pictures, sound] = [pictures, sound].map(|file| file.display().to_string());
                let input = ["-i", &pictures, "-i", &sound];
                let ffmpeg = record_by_ffmpeg(&input, ["0:v:0", "1:a:0"], Kind::Both, &folder)?;
                ffmpeg.ends_well(limit)?;
                Recording::read(folder.path(), clip)
            }
            Self::Gst(pipeline, got) => {
                let got = || got.lock().unwrap_or_else(PoisonError::into_inner).clone();
                match end {
                    End::Itself => pipeline.wait(limit)?,
                    End::StandsStill => {
                        let has_all = || {
                            Ok(got()
                                .pictures
                                .last()
                                .is_some_and(|last| last.number + 1 + tail >= clip.count()))
                        };
                        // Where not all comes, the check says what there is.
                        let _ = until("all pictures are there", has_all);
                        ensure!(!pipeline.ended_within(QUIET)?, "it ended, and the stream may go on");
                    }
                }
                Ok(got())
            }
        }
    }
}

/// Starts an ffmpeg that writes these streams of its input as a recording to a folder.
fn record_by_ffmpeg(
    input: &[&str],
    [pictures, sound]: [&str; 2],
    kind: Kind,
    folder: &Folder,
) -> Result<Program> {
    let file = |name: &str| folder.file(name).display().to_string();
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-loglevel", "error", "-y", "-copyts"]).args(input);
    // Times are those of the pictures, not rounded to a frame rate.
    let pictures =
        ["-map", pictures, "-fps_mode", "passthrough", "-enc_time_base", "1:90000", "-pix_fmt", "yuv420p"];
    let rate = SOUND_RATE.to_string();
    let sound = ["-map", sound, "-ac", "1", "-ar", &rate, "-c:a", "pcm_s16le"];
    if kind == Kind::Both {
        command.args(pictures).args(["-f", "rawvideo", &file("video.yuv")]);
        command.args(pictures).args(["-f", "framecrc", &file("video.txt")]);
    }
    command.args(sound).args(["-f", "s16le", &file("audio.pcm")]);
    command.args(sound).args(["-f", "framecrc", &file("audio.txt")]);
    Program::start(&format!("ffmpeg {}", input.join(" ")), &mut command)
}

/// Gives each sample that comes to a sink to `note`, with its running time in seconds.
fn record(
    pipeline: &Pipeline,
    name: &str,
    note: impl Fn(&gst::Sample, f64) -> Result<()> + Send + 'static,
) -> Result<()> {
    let take = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let noted = running_time(&sample).and_then(|time| note(&sample, time));
        noted.map(|()| gst::FlowSuccess::Ok).map_err(|error| {
            gst::element_error!(sink, gst::StreamError::Failed, ("{error:#}"));
            gst::FlowError::Error
        })
    };
    let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(take).build();
    pipeline.app_sink(name)?.set_callbacks(callbacks);
    Ok(())
}

fn running_time(sample: &gst::Sample) -> Result<f64> {
    let segment = sample.segment().and_then(|segment| segment.downcast_ref::<gst::ClockTime>());
    let pts = sample.buffer().and_then(|buffer| buffer.pts()).context("a buffer without a time")?;
    match segment.context("a segment of no time")?.to_running_time_full(pts) {
        Some(gst::Signed::Positive(time)) => Ok(time.nseconds() as f64 / 1e9),
        Some(gst::Signed::Negative(time)) => Ok(time.nseconds() as f64 / -1e9),
        None => bail!("{pts} is not in its segment"),
    }
}
