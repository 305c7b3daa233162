//! The whole way: the real daemon, the real command line, a link that loses every tenth datagram, a viewer, webhooks.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fql_tests::arrivals::Arrivals;
use fql_tests::clip;
use fql_tests::daemon::{Daemon, text, until};
use fql_tests::frame::{Frame, STAMP_ROWS};
use fql_tests::inbox::Inbox;
use fql_tests::lossy_run::{FRAME_RATE, Numbers, free_port};
use fql_tests::pipeline::{Pipeline, load_plugin};
use fql_tests::program::Program;
use fql_tests::relay::{Link, Relay};
use fql_tests::score::{Score, Shown};
use fql_tests::stamped::{Stamped, likeness, sound};
use serde_json::json;

/// Pictures of this size: with larger ones an encoder, a relay, a daemon and a viewer that measures what it sees need
/// more than half of two cores, which a machine that others share does not always give.
const SIZE: (usize, usize) = (640, 360);
/// Frames of the pushed file: long enough for all that happens to it.
const FRAMES: u16 = 30 * FRAME_RATE as u16;
/// Pictures until sender, daemon and viewer have learnt the link, which are not judged.
const SETTLING: usize = 2 * FRAME_RATE;
/// Samples a second at which sound is compared.
const SOUND_RATE: u32 = 4000;

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("fql-streamd-{}-{}", std::process::id(), free_port()?));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A picture that a viewer saw.
#[derive(Debug)]
struct Seen {
    frame: Frame,
    number: u16,
    new: bool,
    at: Instant,
}

/// A viewer whose pictures are kept, to be measured later, and whose sound is recorded.
struct Viewer {
    pipeline: Pipeline,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Viewer {
    fn watch(uri: &str, recording: &Path) -> Result<Self> {
        load_plugin()?;
        let pipeline = Pipeline::parse(&format!(
            "fqlsrc name=r uri=\"{uri}\" latency=200
             r.video_0 ! queue ! fqldec name=decoder ! appsink name=screen sync=true max-lateness=20000000 qos=false
             r.audio_0 ! queue ! fqldec ! audioconvert ! wavenc ! filesink location={}",
            recording.display()
        ))?;
        let arrivals = Arrivals::watch(&pipeline, "decoder")?;
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let noted = Arc::clone(&seen);
        let mut numbers = Numbers::default();
        let look = move |sink: &gst_app::AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let buffer = sample.buffer().ok_or(gst::FlowError::Error)?;
            let pts = buffer.pts().ok_or(gst::FlowError::Error)?;
            let frame = clip::frame(&sample).map_err(|_| gst::FlowError::Error)?;
            let Some(number) = numbers.of(buffer, Some(frame.number().into())) else {
                return Ok(gst::FlowSuccess::Ok);
            };
            let number = number as u16;
            let seen = Seen { frame, number, new: arrivals.is_new(pts), at: Instant::now() };
            noted.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
            Ok(gst::FlowSuccess::Ok)
        };
        pipeline
            .app_sink("screen")?
            .set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(look).build());
        pipeline.start()?;
        Ok(Self { pipeline, seen })
    }

    fn look<T>(&self, at: impl FnOnce(&mut Vec<Seen>) -> T) -> T {
        at(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn count(&self) -> usize {
        self.look(|seen| seen.len())
    }

    /// All pictures since this was called last.
    fn take(&self) -> Vec<Seen> {
        self.look(std::mem::take)
    }

    /// Waits until so many pictures are there.
    fn sees(&self, pictures: usize) -> Result<()> {
        until(&format!("{pictures} pictures"), || {
            ensure!(!self.pipeline.ended_within(Duration::ZERO)?, "the stream ended");
            Ok(self.count() >= pictures)
        })
    }
}

/// What was on the screen for each frame from the first picture to the last.
fn timeline(seen: &[Seen], stamped: &Stamped) -> Vec<Shown> {
    let mut shown: Vec<Shown> = Vec::new();
    let mut expected = seen.first().map_or(0, |first| first.number);
    for picture in seen {
        for _ in expected..picture.number {
            let psnr = shown.last().map_or(0.0, |last| last.psnr);
            shown.push(Shown { new: false, psnr });
        }
        let psnr = stamped.frame(picture.number).luma_psnr(&picture.frame, STAMP_ROWS);
        shown.push(Shown { new: picture.new, psnr });
        expected = picture.number + 1;
    }
    shown
}

#[test]
fn a_pushed_clip_crosses_a_lossy_link_to_a_viewer_and_everybody_is_told() -> Result<()> {
    let (folder, inbox) = (Folder::new()?, Inbox::open()?);
    let stamped = Stamped::new(SIZE)?;
    let (file, recording) = (folder.0.join("stamped.mkv"), folder.0.join("sound.wav"));
    stamped.write(&file, FRAMES)?;

    // Publishers are told the relay's address: what they send crosses the link.
    let entrance = free_port()?;
    let config = format!(
        "[fql]\nadvertise = [\"127.0.0.1:{entrance}\"]\n[webhooks]\nallow_private = true\n[limits]\nrequests_per_minute = 6000\n"
    );
    let daemon = Daemon::start(&config)?;
    let link = Link { loss: 0.1, delay: Duration::from_millis(30), seed: 7, ..Link::default() };
    let relay = Relay::start(([127, 0, 0, 1], entrance).into(), daemon.fql(), link)?;
    let api = daemon.api();
    let kinds =
        ["created", "live", "offline", "paused", "resumed", "archived"].map(|kind| format!("stream.{kind}"));
    let kinds = [&kinds[..], &["viewer.joined".to_owned(), "viewer.left".to_owned()]].concat();
    api.post("/v1/webhooks", &json!({ "url": inbox.url(), "events": kinds }))?;

    let fec = "unequal:3,2,1,0";
    let said = daemon.run(&["new", "my-first-stream", "--layers", "12", "--region", "auto", "--fec", fec])?;
    for line in [
        "✓ Stream my-first-stream created".to_owned(),
        format!("Ingest:   udp://127.0.0.1:{entrance}/my-first-stream"),
        format!("Playback: {}/v/my-first-stream", daemon.url()),
    ] {
        ensure!(said.contains(&line), "no {line:?} in {said}");
    }
    let stream = api.get("/v1/streams/my-first-stream")?;
    let playback_id = text(&stream, "playbackId")?;

    let mut push = daemon.command(&["push", "my-first-stream", "--input", &file.display().to_string()])?;
    let push = Program::spawn("stream push", &mut push)?;
    let state = || text(&api.get("/v1/streams/my-first-stream")?, "state");
    until("the stream is live", || Ok(state()? == "live"))?;
    let play = api.get(&format!("/play/{playback_id}"))?;
    let uri = format!("fql://{}/play/{playback_id}?server-key={}", daemon.fql(), text(&play, "serverKey")?);
    let viewer = Viewer::watch(&uri, &recording)?;
    viewer.sees(SETTLING + 5 * FRAME_RATE)?;
    let stats = api.get("/v1/streams/my-first-stream/stats")?;
    ensure!(
        stats["viewers"] == 1 && stats["tracks"].as_array().is_some_and(|tracks| tracks.len() == 2),
        "{stats}"
    );

    // Paused: no pictures, but nobody has to connect again.
    daemon.run(&["pause", "my-first-stream"])?;
    ensure!(state()? == "paused");
    let is_quiet = |last: &Seen| last.at.elapsed() > Duration::from_secs(1);
    until("the picture stands still", || Ok(viewer.look(|seen| seen.last().is_some_and(is_quiet))))?;
    let before_pause = viewer.take();
    daemon.run(&["resume", "my-first-stream"])?;
    viewer.sees(SETTLING + 3 * FRAME_RATE)?;
    ensure!(state()? == "live");
    let after_pause = viewer.take();

    let count = |name: &str| {
        let stats = api.get("/v1/streams/my-first-stream/stats")?;
        stats["packets"][name].as_u64().with_context(|| format!("no {name} in {stats}"))
    };
    // What the link loses is counted a little later; those of the handshake are nobody's.
    let dropped = relay.forward().lost;
    until("the losses are counted", || Ok(count("lost")? + 10 >= dropped))
        .with_context(|| format!("{:?} were counted, the link lost {dropped}", count("lost")))?;
    let (counted, dropped) = (count("lost")?, relay.forward().lost);
    ensure!(counted <= dropped, "{counted} were counted as lost, the link lost {dropped}");
    ensure!(count("recovered")? > 0, "nothing was recovered");

    drop(push);
    until("the stream is offline", || Ok(state()? == "offline"))?;
    drop(viewer);
    until("the viewer is gone", || Ok(inbox.kinds()?.contains(&"viewer.left".to_owned())))?;
    daemon.run(&["rm", "my-first-stream", "--yes"])?;
    let mut expected = kinds;
    expected.sort();
    until("all webhooks", || {
        let mut came = inbox.kinds()?;
        came.sort();
        came.dedup();
        Ok(came == expected)
    })
    .with_context(|| format!("came: {:?}", inbox.kinds()))?;

    for (part, seen) in [("before the pause", &before_pause), ("after it", &after_pause)] {
        let shown = timeline(&seen[SETTLING..], &stamped);
        let score = Score::new(&shown).context("no pictures")?;
        println!("{part}: {score}");
        ensure!(score.delivered > 0.97, "{part}: {score}");
        ensure!(score.p5_psnr > 25.0 && score.mean_psnr > 28.0, "{part}: {score}");
    }
    let heard = sound(&recording, SOUND_RATE)?;
    let source = sound(&file, SOUND_RATE)?;
    let start = 2 * SOUND_RATE as usize;
    let piece =
        heard.get(start..start + SOUND_RATE as usize).context("less than three seconds of sound came")?;
    let likeness = likeness(&source, piece);
    ensure!(likeness > 0.9, "the sound resembles its source by {likeness:.3} only");
    Ok(())
}

#[test]
fn a_killed_daemon_comes_back_and_everybody_with_it() -> Result<()> {
    let folder = Folder::new()?;
    let mut daemon = Daemon::start("")?;
    daemon.run(&["new", "news"])?;
    let mut push =
        Program::spawn("stream push", &mut daemon.command(&["push", "news", "--input", "test://"])?)?;
    let stream = daemon.api().get("/v1/streams/news")?;
    let uri = text(stream.get("playback").context("a stream without playback")?, "fql")?;
    let viewer = Viewer::watch(&uri, &folder.0.join("sound.wav"))?;
    viewer.sees(FRAME_RATE)?;
    for how in ["killed", "stopped"] {
        if how == "killed" {
            daemon.kill()?;
        } else {
            daemon.stop()?;
        }
        daemon.restart()?;
        viewer.take();
        viewer.sees(FRAME_RATE).with_context(|| format!("after it was {how}"))?;
        push.still_runs()?;
        let stream = daemon.api().get("/v1/streams/news")?;
        ensure!(text(&stream, "state")? == "live", "{stream}");
    }
    Ok(())
}
