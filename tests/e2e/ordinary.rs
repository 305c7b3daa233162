//! Ordinary encoders in, ordinary players out: each way in is published once and read by every way out at the same
//! time, by programs of others. All have to get the clip's pictures and its sound, both at the same time, and an end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use fql_tests::ordinary::check::{Expected, check};
use fql_tests::ordinary::clip::Clip;
use fql_tests::ordinary::encoders::{self, AAC, H264, H264_B_FRAMES};
use fql_tests::ordinary::folder::Folder;
use fql_tests::ordinary::players::{End, Kind, Player};
use fql_tests::ordinary::stage::Stage;
use fql_tests::pipeline::load_plugin;
use fql_tests::program::Program;

/// Seconds of a publication.
const SECONDS: u32 = 12;
/// How long a program may take to end when it should, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A way out, as it is read.
struct Way {
    name: &'static str,
    player: Player,
    expected: Expected,
    end: End,
}

impl Way {
    fn new(name: &'static str, player: Player) -> Self {
        Self { name, player, expected: Expected::ALL, end: End::Itself }
    }

    fn expecting(self, change: impl FnOnce(&mut Expected)) -> Self {
        let mut expected = self.expected;
        change(&mut expected);
        Self { expected, ..self }
    }

    fn ending(self, end: End) -> Self {
        Self { end, ..self }
    }
}

/// Those that can wait for a stream that is not live yet.
fn early(stage: &Stage) -> Result<Vec<Way>> {
    let srt = stage.srt()?;
    let id = format!("#!::r={},m=request", stage.playback_id());
    let ffmpeg = Player::ffmpeg(&["-srt_streamid", &id, "-i", &srt], &[], Kind::Both)?;
    Ok(vec![Way::new("SRT, ffmpeg", ffmpeg)])
}

/// Those that ask when it is.
fn late(stage: &Stage, clip: &Arc<Clip>) -> Result<Vec<Way>> {
    let ffmpeg = |protocol: &str, kind| -> Result<Player> {
        Player::ffmpeg(&["-i", &stage.source(protocol)?], &[], kind)
    };
    let hls = stage.source("hls")?;
    let fql = stage.source("fql")?;
    let fqlsrc = format!("fqlsrc name=media uri=\"{fql}\" latency=500");
    let hlsdemux2 = format!("uridecodebin3 name=media uri={hls}");
    Ok(vec![
        Way::new("HLS, ffmpeg", ffmpeg("hls", Kind::Both)?),
        // Where a playlist has its end, that of GStreamer 1.22 counts times anew, and takes the last segment for played.
        Way::new("HLS, hlsdemux2", Player::gst(&hlsdemux2, clip)?).expecting(|it| it.tail = 60),
        Way::new(".ts, ffmpeg", ffmpeg("ts", Kind::Both)?),
        Way::new(".mp4, ffmpeg", ffmpeg("mp4", Kind::Both)?),
        Way::new("FQL, fqlsrc", Player::gst_of_pads(&fqlsrc, ["media.video_0", "media.audio_0"], clip)?)
            .ending(End::StandsStill)
            .expecting(|it| (it.settles, it.uneven, it.tail) = (50, 0.2, 5)),
        Way::new(".aac, ffmpeg", ffmpeg("aac", Kind::Sound)?).expecting(|it| it.pictures = false),
    ])
}

/// A way in.
struct In {
    name: &'static str,
    /// How the clip is coded.
    coding: [&'static [&'static str]; 2],
    publish: fn(&Path, &Stage) -> Result<Program>,
    /// The last pictures that may be lost with the connection.
    tail: u32,
}

impl In {
    /// One that says goodbye when all has arrived.
    const fn new(
        name: &'static str,
        coding: [&'static [&'static str]; 2],
        publish: fn(&Path, &Stage) -> Result<Program>,
    ) -> Self {
        Self { name, coding, publish, tail: 0 }
    }

    /// Publishes the clip, and reads it in every way.
    fn plays_everywhere(self) -> Result<()> {
        load_plugin()?;
        let folder = Folder::new("ordinary")?;
        let (clip, file) = (Arc::new(Clip::new(SECONDS)), folder.file("clip.mkv"));
        clip.write(&file, &self.coding.concat())?;
        let stage = Stage::new()?;
        let mut ways = early(&stage)?;
        let publisher = (self.publish)(&file, &stage)?;
        stage.is_live()?;
        ways.extend(late(&stage, &clip)?);
        publisher.ends_well(Duration::from_secs(SECONDS.into()) + PATIENCE)?;
        stage.is_offline()?;
        let mut wrong = Vec::new();
        for way in ways {
            let tail = way.expected.tail + self.tail;
            let ends = way.player.ends(way.end, PATIENCE, &clip, tail).context("its end");
            let checked =
                ends.and_then(|recording| check(&recording, &clip, Expected { tail, ..way.expected }));
            match checked {
                Ok(figures) => println!("{} -> {}: {figures}", self.name, way.name),
                Err(error) => wrong.push(format!("{} -> {}: {error:#}", self.name, way.name)),
            }
        }
        if !wrong.is_empty() {
            bail!("{}\n{}", wrong.join("\n"), stage.daemon().log()?);
        }
        Ok(())
    }
}

#[test]
fn what_ffmpeg_sends_by_rtmp_with_b_frames_plays_everywhere() -> Result<()> {
    In::new("RTMP, ffmpeg", [H264_B_FRAMES, AAC], encoders::ffmpeg_rtmp).plays_everywhere()
}

#[test]
fn what_gstreamer_sends_by_rtmp_plays_everywhere() -> Result<()> {
    In::new("RTMP, rtmp2sink", [H264, AAC], encoders::gst_rtmp).plays_everywhere()
}

/// An encoder that ends its connection does not wait until all of it has arrived, and libsrt gives nothing out before its
/// time has come.
const LOST_WITH_SRT: u32 = 8;

#[test]
fn what_ffmpeg_sends_by_srt_plays_everywhere() -> Result<()> {
    let srt = In::new("SRT, ffmpeg", [H264, AAC], encoders::ffmpeg_srt);
    In { tail: LOST_WITH_SRT, ..srt }.plays_everywhere()
}

#[test]
fn what_gstreamer_sends_by_srt_plays_everywhere() -> Result<()> {
    let srt = In::new("SRT, srtsink", [H264, AAC], encoders::gst_srt);
    In { tail: LOST_WITH_SRT, ..srt }.plays_everywhere()
}

#[test]
fn h264_that_is_sent_by_fql_plays_everywhere() -> Result<()> {
    In::new("FQL with H.264, streamapisink", [H264, AAC], encoders::gst_fql).plays_everywhere()
}
