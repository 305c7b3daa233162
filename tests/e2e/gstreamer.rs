//! Ordinary GStreamer pipelines, run as their users run them: what they publish by SRT, RTMP and WHIP comes out of the
//! daemon, and what the daemon has plays by WHEP.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fql_tests::clip;
use fql_tests::daemon::{Daemon, free_tcp_port, text, until, within};
use fql_tests::frame::Frame;
use fql_tests::lossy_run::free_port;
use fql_tests::pipeline::{Pipeline, plugin_folder};
use fql_tests::program::Program;
use fql_tests::stamped::sound;
use serde_json::Value;

/// How long a program may take for some seconds of media.
const LIMIT: Duration = Duration::from_secs(40);
/// How long a publisher may take to notice that its daemon was gone, or that nobody answers it, and to try again.
const AGAIN: Duration = Duration::from_secs(60);
const RATE: u32 = 48_000;
const TONE: u32 = 440;

const PICTURES: &str =
    "videotestsrc is-live=true pattern=smpte75 ! video/x-raw,format=I420,width=320,height=240,framerate=25/1";
const SOUND: &str = "audiotestsrc is-live=true freq=440 ! audio/x-raw,rate=48000,channels=2";

/// Starts `gst-launch-1.0` with a pipeline.
fn launch(description: &str) -> Result<Program> {
    Program::start(description, &mut gst_launch(description))
}

fn gst_launch(description: &str) -> Command {
    let mut command = Command::new("gst-launch-1.0");
    command.args(["-e", "-q"]).args(description.split_whitespace());
    command
}

/// A daemon with a stream.
struct Stage {
    daemon: Daemon,
    stream: Value,
}

impl Stage {
    fn new() -> Result<Self> {
        Self::with("")
    }

    /// With this configuration file of the daemon.
    fn with(config: &str) -> Result<Self> {
        // What is waited for is asked for often.
        let daemon = Daemon::start(&format!("[limits]\nrequests_per_minute = 6000\n{config}"))?;
        let stream = daemon.api().create_stream("stage")?;
        Ok(Self { daemon, stream })
    }

    fn key(&self) -> Result<String> {
        text(&self.stream, "streamKey")
    }

    /// Where the stream is published by this protocol.
    fn ingest(&self, protocol: &str) -> Result<String> {
        text(self.stream.get("ingest").context("no ingest")?, protocol)
    }

    /// The address of a way to play it.
    fn play(&self, way: &str) -> Result<String> {
        Ok(format!("{}/play/{}{way}", self.daemon.url(), text(&self.stream, "playbackId")?))
    }

    fn state(&self) -> Result<String> {
        text(&self.daemon.api().get("/v1/streams/stage")?, "state")
    }

    fn is_live(&self) -> Result<()> {
        until("the stream is live", || Ok(self.state()? == "live"))
    }

    /// Waits until tracks of these codecs have come, and units of each.
    fn has_tracks(&self, codecs: &[&str]) -> Result<()> {
        until("all tracks arrive", || {
            let stats = self.daemon.api().get("/v1/streams/stage/stats")?;
            let tracks = stats["tracks"].as_array().cloned().unwrap_or_default();
            Ok(codecs.iter().all(|codec| {
                let is_there =
                    |track: &Value| track["codec"] == *codec && track["unitsComplete"].as_u64() > Some(20);
                tracks.iter().any(is_there)
            }))
        })
    }

    /// Three seconds of the stream as ffmpeg gets them, with picture and sound as they were made.
    fn arrives(&self) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("played.mkv");
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-loglevel", "error", "-i", &self.play(".mp4")?]);
        command.args(["-t", "3", "-map", "0:v", "-map", "0:a", "-c", "copy"]).arg(&file);
        Program::start("ffmpeg", &mut command)?.ends_well(LIMIT)?;
        holds_what_was_made(&file)
    }
}

/// Whether a file has the test picture and the tone.
fn holds_what_was_made(file: &Path) -> Result<()> {
    let frames = clip::frames(file, usize::MAX)?;
    ensure!(frames.len() > 25, "only {} pictures came", frames.len());
    let psnr = made()?.luma_psnr(&frames[frames.len() / 2], 0);
    ensure!(psnr > 28.0, "the picture resembles what was made by {psnr:.1} dB only");
    let heard = sound(file, RATE)?;
    let middle = heard.len() / 2;
    let piece = heard.get(middle..middle + RATE as usize / 2).context("less than a second of sound came")?;
    let share = share_of_tone(piece);
    ensure!(share > 0.9, "the tone is {share:.2} of the sound only");
    Ok(())
}

/// The picture that `PICTURES` makes.
fn made() -> Result<Frame> {
    let picture = PICTURES.replace("is-live=true", "num-buffers=1");
    let pipeline = Pipeline::play(&format!("{picture} ! appsink name=out sync=false"))?;
    clip::frame(&pipeline.app_sink("out")?.pull_sample()?)
}

/// How much of the energy is that of the tone, by Goertzel's algorithm: 1 for a pure one.
fn share_of_tone(samples: &[f32]) -> f64 {
    let step = std::f64::consts::TAU * f64::from(TONE) / f64::from(RATE);
    let (mut re, mut im, mut energy) = (0.0, 0.0, 0.0);
    for (at, &sample) in samples.iter().enumerate() {
        let (sample, angle) = (f64::from(sample), step * at as f64);
        re += sample * angle.cos();
        im += sample * angle.sin();
        energy += sample * sample;
    }
    2.0 * (re * re + im * im) / (samples.len() as f64 * energy).max(1e-9)
}

/// `streamapisink` of the stage, and what goes into it.
fn publish(stage: &Stage, protocol: &str, tracks: &str) -> Result<Program> {
    launch(&publishing(stage, protocol, tracks)?)
}

fn publishing(stage: &Stage, protocol: &str, tracks: &str) -> Result<String> {
    let (url, key) = (stage.daemon.url(), stage.key()?);
    Ok(format!("streamapisink name=s api-url={url} stream-key={key} protocol={protocol} {tracks}"))
}

fn raw_arrives(protocol: &str) -> Result<()> {
    let stage = Stage::new()?;
    let _publisher = publish(&stage, protocol, &format!("{PICTURES} ! s. {SOUND} ! s."))?;
    stage.is_live()?;
    stage.arrives()
}

#[test]
fn raw_video_and_sound_are_published_by_srt() -> Result<()> {
    raw_arrives("srt")
}

#[test]
fn raw_video_and_sound_are_published_by_rtmp() -> Result<()> {
    raw_arrives("rtmp")
}

#[test]
fn raw_video_and_sound_are_published_by_whip() -> Result<()> {
    raw_arrives("whip")
}

/// A daemon that goes without a word and is there again at the same addresses gets the stream again, by itself.
fn comes_back(protocol: &str) -> Result<()> {
    let (rtmp, srt, rtc) = (free_tcp_port()?, free_port()?, free_port()?);
    let listen = |name: &str, port: u16| format!("[{name}]\nlisten = \"127.0.0.1:{port}\"\n");
    let mut stage = Stage::with(&[listen("rtmp", rtmp), listen("srt", srt), listen("rtc", rtc)].concat())?;
    let description = publishing(&stage, protocol, &format!("{PICTURES} ! s. {SOUND} ! s."))?;
    // What GStreamer holds for a fault of ours ends it.
    let mut publisher =
        Program::start(&description, gst_launch(&description).env("G_DEBUG", "fatal-criticals"))?;
    stage.is_live()?;
    stage.daemon.kill()?;
    stage.daemon.restart()?;
    within(AGAIN, "the stream is live again", || {
        publisher.still_runs()?;
        Ok(stage.state()? == "live")
    })?;
    let sound = if protocol == "whip" { "opus" } else { "aac" };
    stage.has_tracks(&["h264", sound])?;
    publisher.still_runs()
}

#[test]
fn a_daemon_that_restarts_gets_the_stream_again_by_srt() -> Result<()> {
    comes_back("srt")
}

#[test]
fn a_daemon_that_restarts_gets_the_stream_again_by_rtmp() -> Result<()> {
    comes_back("rtmp")
}

#[test]
fn a_daemon_that_restarts_gets_the_stream_again_by_whip() -> Result<()> {
    comes_back("whip")
}

#[test]
fn auto_goes_over_to_what_gets_through_where_udp_does_not() -> Result<()> {
    let (stage, _wall) = behind_a_firewall()?;
    let mut publisher = publish(&stage, "auto", &format!("{PICTURES} ! s. {SOUND} ! s."))?;
    comes_by_rtmp(&stage, &mut publisher)?;
    stage.has_tracks(&["h264", "aac"])?;
    stage.arrives()
}

/// A daemon that tells of FQL and RTMP, and a firewall before the former: what is sent there is swallowed.
fn behind_a_firewall() -> Result<(Stage, UdpSocket)> {
    let wall = UdpSocket::bind("127.0.0.1:0")?;
    let address = wall.local_addr()?;
    let stage = Stage::with(&format!("[fql]\nadvertise = [\"{address}\"]\n[srt]\nlisten = \"off\"\n"))?;
    Ok((stage, wall))
}

fn comes_by_rtmp(stage: &Stage, publisher: &mut Program) -> Result<()> {
    within(AGAIN, "the publisher comes by RTMP", || {
        publisher.still_runs()?;
        Ok(stage.daemon.api().get("/v1/streams/stage/stats")?["publisher"]["protocol"] == "rtmp")
    })
}

/// The tracks of a clip of five seconds with one key picture, which is its first.
fn file_of_one_key_picture() -> (PathBuf, String) {
    let file = clip::bundled("bigbuckbunny.mp4");
    let location = file.display();
    let tracks =
        format!("filesrc location={location} ! qtdemux name=d d.video_0 ! queue ! s. d.audio_0 ! queue ! s.");
    (file, tracks)
}

#[test]
fn a_short_file_waits_for_what_gets_through_where_udp_does_not() -> Result<()> {
    let (stage, _wall) = behind_a_firewall()?;
    let (file, tracks) = file_of_one_key_picture();
    let began = Instant::now();
    let mut publisher = publish(&stage, "auto", &tracks)?;
    comes_by_rtmp(&stage, &mut publisher)?;
    let folder = tempfile::tempdir()?;
    let played = folder.path().join("played.mkv");
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-loglevel", "error", "-i", &stage.play(".mp4")?]);
    command.args(["-t", "3", "-map", "0:v", "-c", "copy"]).arg(&played);
    Program::start("ffmpeg", &mut command)?.ends_well(LIMIT)?;
    publisher.ends_well(LIMIT)?;
    // The time that FQL had for a session, and the clip.
    ensure!(began.elapsed() > Duration::from_secs(15), "the file ran through");
    let (first, pictures) = (clip::frames(&file, 1)?, clip::frames(&played, usize::MAX)?);
    ensure!(pictures.len() > 50, "only {} pictures came", pictures.len());
    let psnr = first[0].luma_psnr(&pictures[0], 0);
    ensure!(psnr > 40.0, "the first picture is not that of the file: {psnr:.1} dB");
    Ok(())
}

#[test]
fn a_short_file_that_nobody_takes_does_not_end_well() -> Result<()> {
    let (stage, _wall) = behind_a_firewall()?;
    let (_, tracks) = file_of_one_key_picture();
    let said = complaint(&publishing(&stage, "fql", &format!("max-retries=0 {tracks}"))?)?;
    ensure!(said.contains("no session begins at the address that it names"), "{said}");
    Ok(())
}

/// What a program that fails says.
fn complaint(description: &str) -> Result<String> {
    let output = Command::new("gst-launch-1.0")
        .args(description.split_whitespace())
        .env("GST_PLUGIN_PATH", plugin_folder()?)
        .output()?;
    ensure!(!output.status.success(), "{description} ended well");
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_file_goes_by_srt_and_rtmp_as_it_is_to_its_end() -> Result<()> {
    for protocol in ["srt", "rtmp"] {
        let stage = Stage::new()?;
        let (_, tracks) = file_of_one_key_picture();
        let began = Instant::now();
        let publisher = publish(&stage, protocol, &tracks)?;
        stage.is_live()?;
        publisher.ends_well(LIMIT)?;
        ensure!(began.elapsed() > Duration::from_secs(5), "{protocol}: the file ran through");
        until("the stream is offline", || Ok(stage.state()? == "offline"))?;
    }
    Ok(())
}

#[test]
fn what_cannot_be_published_is_an_error_that_says_why() -> Result<()> {
    let stage = Stage::new()?;
    let (url, key) = (stage.daemon.url(), stage.key()?);
    let aac = "audiotestsrc is-live=true ! audioconvert ! avenc_aac ! s.";
    let sink = |protocol: &str, key: &str| {
        format!("streamapisink name=s api-url={url} stream-key={key} protocol={protocol}")
    };
    let said = complaint(&format!("{} {aac}", sink("whip", &key)))?;
    ensure!(said.contains("AAC cannot be carried by whip (pad sink_0)"), "{said}");
    let two = complaint(&format!("{} {PICTURES} ! s. {PICTURES} ! s.", sink("rtmp", &key)))?;
    ensure!(two.contains("rtmp carries one track of pictures and one of sound, no more"), "{two}");
    let wrong = "sk_wrongwrongwrongwrongwrongwrong77";
    for protocol in ["srt", "rtmp", "whip"] {
        let said = complaint(&format!("{} {PICTURES} ! s.", sink(protocol, wrong)))?;
        ensure!(said.contains("this stream key is not known here") && !said.contains(wrong), "{said}");
    }
    Ok(())
}

#[test]
fn auto_takes_the_next_protocol_where_elements_are_missing() -> Result<()> {
    let stage = Stage::new()?;
    let folder = tempfile::tempdir()?;
    let plugin = plugin_folder()?.join("libgststreamapi.so");
    std::os::unix::fs::symlink(plugin, folder.path().join("libgststreamapi.so"))?;
    let (url, key) = (stage.daemon.url(), stage.key()?);
    let description =
        format!("streamapisink name=s api-url={url} stream-key={key} {PICTURES} ! s. {SOUND} ! s.");
    let mut command = Command::new("gst-launch-1.0");
    command.args(description.split_whitespace()).env("GST_PLUGIN_PATH", folder.path());
    command.env("GST_REGISTRY", folder.path().join("registry"));
    let _publisher = Program::spawn("without FQL", &mut command)?;
    until("the publisher comes by SRT", || {
        Ok(stage.daemon.api().get("/v1/streams/stage/stats")?["publisher"]["protocol"] == "srt")
    })?;
    stage.arrives()
}

/// Starts a script of `pipelines/`.
fn script(name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Program> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pipelines").join(name);
    Program::start(name, Command::new(path).args(arguments).envs(environment.iter().copied()))
}

#[test]
fn the_scripts_publish_by_srt_and_rtmp() -> Result<()> {
    for protocol in ["srt", "rtmp"] {
        let stage = Stage::new()?;
        let key = stage.key()?;
        let _publisher =
            script(&format!("test-to-{protocol}"), &[&stage.ingest(protocol)?], &[("STREAM_KEY", &key)])?;
        stage.has_tracks(&["h264", "aac"])?;
    }
    Ok(())
}

#[test]
fn a_client_of_whip_publishes_and_one_of_whep_plays() -> Result<()> {
    // These clients leave out the loopback address.
    let stage = Stage::with("[rtc]\nlisten = \"0.0.0.0:0\"\n")?;
    let (key, folder) = (stage.key()?, tempfile::tempdir()?);
    let _publisher = script("test-to-whip", &[&stage.ingest("whip")?], &[("STREAM_KEY", &key)])?;
    stage.has_tracks(&["h264", "opus"])?;
    let [pictures, sound] = ["pictures.y4m", "sound.raw"].map(|name| folder.path().join(name));
    let to = |file: &Path| format!("filesink async=false buffer-mode=unbuffered location={}", file.display());
    let (screen, speaker) = (format!("y4menc ! {}", to(&pictures)), to(&sound));
    let sinks = [("VIDEO_SINK", screen.as_str()), ("AUDIO_SINK", speaker.as_str())];
    let _player = script("play-whep", &[&stage.play("/webrtc")?], &sinks)?;
    let length = |file: &Path| std::fs::metadata(file).map_or(0, |file| file.len());
    until("fifty pictures and a second of sound", || {
        Ok(length(&pictures) > 50 * 640 * 360 * 3 / 2 && length(&sound) > 48_000 * 2)
    })
    .with_context(|| format!("{} bytes of pictures, {} of sound", length(&pictures), length(&sound)))
}
