//! Every example pipeline that needs no hardware, run as its user runs it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fql_tests::clip::{self, bundled};
use fql_tests::daemon::{Daemon, text, until};
use fql_tests::lossy_run::free_port;
use fql_tests::pipeline::plugin_folder;
use fql_tests::program::Program;

/// Starts a script of `pipelines/`.
fn start(name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Program> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pipelines").join(name);
    let mut command = Command::new(path);
    command.args(arguments).envs(environment.iter().copied()).env("PASSPHRASE", "umbrella");
    Program::start(name, &mut command)
}

/// A folder of this test alone, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("fql-{name}-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn ffmpeg(arguments: &[&str]) -> Result<()> {
    let status =
        Command::new("ffmpeg").args(["-nostdin", "-loglevel", "error", "-y"]).args(arguments).status();
    ensure!(status.context("ffmpeg")?.success(), "ffmpeg {arguments:?} failed");
    Ok(())
}

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn a_file_crosses_and_is_recorded_with_picture_and_sound() -> Result<()> {
    let folder = Folder::new("record")?;
    let (recording, port) = (folder.file("recording.mkv"), free_port()?);
    let clip = bundled("bigbuckbunny.mp4").display().to_string();
    let uri = format!("udp://127.0.0.1:{port}");
    let recorder = start("receive-and-record", &[&recording, &uri], &[])?;
    start("file-to-stream", &[&clip, &format!("{uri}/bunny")], &[])?.ends_well(LIMIT)?;
    recorder.ends_well(LIMIT)?;

    let frames = clip::frames(Path::new(&recording), usize::MAX)?;
    ensure!(frames.len() >= 130, "only {} of 132 frames were recorded", frames.len());
    let source = clip::frames(Path::new(&clip), 1)?;
    let psnr = source[0].luma_psnr(&frames[0], 0);
    ensure!(psnr > 25.0, "the first recorded frame has {psnr:.1} dB against the source's first");
    let sound = folder.file("sound.wav");
    ffmpeg(&["-i", &recording, "-vn", &sound])?;
    ensure!(fs::metadata(&sound)?.len() > 5 * 48_000 * 2, "the recorded sound is too short");
    Ok(())
}

#[test]
fn sound_alone_arrives_bit_for_bit() -> Result<()> {
    let folder = Folder::new("sound")?;
    let (source, received) = (folder.file("source.wav"), folder.file("received.wav"));
    let clip = bundled("bigbuckbunny.mp4").display().to_string();
    ffmpeg(&["-i", &clip, "-vn", "-ac", "2", "-c:a", "pcm_s16le", &source])?;
    let uri = format!("udp://127.0.0.1:{}", free_port()?);
    let sink = format!("wavenc ! filesink location={received}");
    let listener = start("receive-sound", &[&uri], &[("AUDIO_SINK", &sink)])?;
    start("sound-only", &[&source, &format!("{uri}/radio")], &[])?.ends_well(LIMIT)?;
    listener.ends_well(LIMIT)?;

    let samples = |file: &str| -> Result<Vec<u8>> {
        let raw = format!("{file}.raw");
        ffmpeg(&["-i", file, "-f", "s16le", &raw])?;
        Ok(fs::read(raw)?)
    };
    let (source, received) = (samples(&source)?, samples(&received)?);
    ensure!(
        received == source,
        "{} bytes of sound came back from {}, or others",
        received.len(),
        source.len()
    );
    Ok(())
}

/// Two seconds of a small picture and a tone.
fn small_clip(folder: &Folder) -> Result<String> {
    let clip = folder.file("clip.mp4");
    let video = ["-f", "lavfi", "-i", "testsrc=size=160x120:rate=25:duration=2"];
    let sound = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=2"];
    let codecs = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "2", &clip];
    ffmpeg(&[&video[..], &sound, &codecs].concat())?;
    Ok(clip)
}

/// How many units of each track a finished file has, and the bytes of its video above layer 3.
fn contents(file: &str) -> Result<(u64, u64, u64)> {
    let mut reader = fql_file::FileReader::new(fs::File::open(file)?);
    let loaded = reader.index()?;
    ensure!(!loaded.is_rebuilt, "{file} has no index");
    let [video, sound] = loaded.index.summaries.as_slice() else {
        anyhow::bail!("{file} has not two tracks")
    };
    Ok((video.units, sound.units, video.layer_bytes.iter().skip(4).sum()))
}

#[test]
fn a_file_is_coded_thinned_and_played() -> Result<()> {
    let folder = Folder::new("file")?;
    let (whole, thin, shown) = (folder.file("whole.fql"), folder.file("thin.fql"), folder.file("shown.y4m"));
    start("file-to-file", &[&small_clip(&folder)?, &whole], &[])?.ends_well(LIMIT)?;
    start("thin-file", &[&whole, &thin, "3"], &[])?.ends_well(LIMIT)?;
    let ((video, sound, above), thinned) = (contents(&whole)?, contents(&thin)?);
    ensure!(
        video == 50 && sound > 100 && above > 10_000,
        "{video} pictures, {sound} pieces of sound, {above} bytes"
    );
    ensure!(thinned == (video, sound, 0), "the copy has {thinned:?}");
    let screen = format!("y4menc ! filesink location={shown}");
    let sinks = [("VIDEO_SINK", screen.as_str()), ("AUDIO_SINK", "fakesink"), ("MAX_LAYER", "3")];
    let mut pictures = Vec::new();
    for file in [&whole, &thin] {
        start("play-file", &[file], &sinks)?.ends_well(LIMIT)?;
        pictures.push(fs::read(&shown)?);
    }
    ensure!(pictures[0] == pictures[1], "the copy shows other pictures than the lower layers of the file");
    ensure!(pictures[0].len() > 50 * 160 * 120 * 3 / 2, "{} bytes of pictures", pictures[0].len());
    Ok(())
}

#[test]
fn a_stream_is_recorded_as_it_comes() -> Result<()> {
    let folder = Folder::new("as-it-comes")?;
    let (clip, recording) = (small_clip(&folder)?, folder.file("recording.fql"));
    let uri = format!("udp://127.0.0.1:{}", free_port()?);
    let recorder = start("record-to-file", &[&recording, &uri], &[])?;
    start("file-to-stream", &[&clip, &format!("{uri}/clip")], &[])?.ends_well(LIMIT)?;
    recorder.ends_well(LIMIT)?;
    let (video, sound, _) = contents(&recording)?;
    ensure!(video >= 45 && sound >= 120, "{video} of 50 pictures, {sound} pieces of sound");
    Ok(())
}

#[test]
fn a_viewer_watches_one_way() -> Result<()> {
    let clip = bundled("bigbuckbunny.mp4").display().to_string();
    let uri = format!("udp://127.0.0.1:{}", free_port()?);
    let folder = Folder::new("one-way")?;
    let shown = folder.file("shown.y4m");
    let screen = format!("y4menc ! filesink location={shown}");
    let sinks = [("VIDEO_SINK", screen.as_str()), ("AUDIO_SINK", "fakesink sync=true")];
    let viewer = start("receive-and-show", &[&uri], &sinks)?;
    start("one-way", &[&clip, &format!("{uri}/bunny")], &[])?.ends_well(LIMIT)?;
    viewer.ends_well(LIMIT)?;
    // Whoever joins one way may miss the start, not more.
    let frames = fs::metadata(&shown)?.len() / (1280 * 720 * 3 / 2);
    ensure!(frames >= 100, "only {frames} of 132 frames were shown");
    Ok(())
}

#[test]
fn a_group_is_watched_from_its_sender_alone() -> Result<()> {
    let folder = Folder::new("multicast")?;
    let screen = Screen::new(&folder);
    let uri = format!("udp://232.42.42.1:{}", free_port()?);
    let joined = [("IFACE", "lo"), ("FROM", "127.0.0.1")];
    let viewer = start("multicast-receive", &[&uri], &[&screen.sinks()[..], &joined].concat())?;
    let clip = bundled("bigbuckbunny.mp4").display().to_string();
    start("multicast-send", &[&clip, &format!("{uri}/bunny")], &[("IFACE", "lo")])?.ends_well(LIMIT)?;
    viewer.ends_well(LIMIT)?;
    let frames = screen.bytes() / (1280 * 720 * 3 / 2);
    ensure!(frames >= 100, "only {frames} of 132 frames were shown");
    Ok(())
}

/// What a script shows, as a file.
struct Screen {
    file: String,
    sink: String,
}

impl Screen {
    fn new(folder: &Folder) -> Self {
        let file = folder.file("shown.y4m");
        Self { sink: format!("y4menc ! filesink location={file} async=false buffer-mode=unbuffered"), file }
    }

    fn sinks(&self) -> [(&str, &str); 2] {
        [("VIDEO_SINK", &self.sink), ("AUDIO_SINK", "fakesink sync=true async=false")]
    }

    fn bytes(&self) -> u64 {
        fs::metadata(&self.file).map_or(0, |file| file.len())
    }
}

#[test]
fn a_camera_is_watched() -> Result<()> {
    let folder = Folder::new("camera")?;
    let screen = Screen::new(&folder);
    let uri = format!("udp://127.0.0.1:{}", free_port()?);
    let _viewer = start("receive-and-show", &[&uri], &screen.sinks())?;
    let format = "video/x-raw,format=I420,width=320,height=240,framerate=25/1";
    let _camera = start("camera-to-stream", &["", &uri], &[("SOURCE", "test"), ("FORMAT", format)])?;
    until("ten pictures", || Ok(screen.bytes() > 10 * 320 * 240 * 3 / 2))
}

/// An IP camera, which is gone when this is.
struct IpCamera {
    process: Child,
    address: String,
}

impl IpCamera {
    fn start() -> Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/rtsp_camera.py");
        // The system's own Python has the system's modules; another one may be before it in the path.
        let mut process = Command::new("/usr/bin/python3").arg(script).stdout(Stdio::piped()).spawn()?;
        let mut port = String::new();
        BufReader::new(process.stdout.take().context("no output")?).read_line(&mut port)?;
        let address = format!("rtsp://127.0.0.1:{}/camera", port.trim());
        Ok(Self { process, address })
    }
}

impl Drop for IpCamera {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn an_ip_camera_is_sent_on_as_it_is_with_its_sound() -> Result<()> {
    let (folder, daemon, camera) = (Folder::new("ip-camera")?, Daemon::start("")?, IpCamera::start()?);
    let stream = daemon.api().create_stream("camera")?;
    let key = folder.file("key.txt");
    fs::write(&key, text(&stream, "streamKey")?)?;
    let uri = format!("udp://{}/camera", daemon.fql());
    let _sender = start("rtsp-camera", &[&camera.address, &uri], &[("STREAM_KEY_FILE", &key)])?;
    until("H.264 and sound arrive", || {
        let stats = daemon.api().get("/v1/streams/camera/stats")?;
        let tracks = stats["tracks"].as_array().cloned().unwrap_or_default();
        let has = |is: &dyn Fn(&serde_json::Value) -> bool| {
            tracks.iter().any(|track| is(track) && track["unitsComplete"].as_u64() > Some(20))
        };
        Ok(has(&|track| track["codec"] == "h264") && has(&|track| track["kind"] == "audio"))
    })
}

#[test]
fn an_ip_camera_is_sent_on_in_layers() -> Result<()> {
    let (folder, camera) = (Folder::new("ip-layers")?, IpCamera::start()?);
    let screen = Screen::new(&folder);
    let uri = format!("udp://127.0.0.1:{}", free_port()?);
    let _viewer = start("receive-and-show", &[&uri], &screen.sinks())?;
    let _sender = start("rtsp-camera", &[&camera.address, &uri], &[("MODE", "layers"), ("SOUND", "none")])?;
    until("ten pictures", || Ok(screen.bytes() > 10 * 320 * 240 * 3 / 2))
}

#[test]
fn a_file_is_published_to_the_daemon_and_watched() -> Result<()> {
    let (folder, daemon) = (Folder::new("daemon")?, Daemon::start("")?);
    let stream = daemon.api().create_stream("bunny")?;
    let uri = text(stream.get("playback").context("a stream without playback")?, "fql")?;
    let shown = folder.file("shown.y4m");
    let screen = format!("y4menc ! filesink location={shown}");
    let viewer = start("watch", &[&uri], &[("VIDEO_SINK", &screen), ("AUDIO_SINK", "fakesink sync=true")])?;
    let clip = bundled("bigbuckbunny.mp4").display().to_string();
    let key = text(&stream, "streamKey")?;
    start("file-to-daemon", &[&clip, &daemon.url()], &[("STREAM_KEY", &key)])?.ends_well(LIMIT)?;
    let frames = || fs::metadata(&shown).map_or(0, |file| file.len()) / (1280 * 720 * 3 / 2);
    until("the pictures", || Ok(frames() >= 120)).with_context(|| format!("{} of 132", frames()))?;
    drop(viewer);
    Ok(())
}

#[test]
fn an_encoder_box_publishes_what_it_encodes_itself() -> Result<()> {
    let (folder, daemon) = (Folder::new("box")?, Daemon::start("")?);
    let stream = daemon.api().create_stream("box")?;
    let key = folder.file("key.txt");
    fs::write(&key, text(&stream, "streamKey")?)?;
    let uri = format!("udp://{}/box", daemon.fql());
    let environment = [("STREAM_KEY_FILE", key.as_str()), ("SOURCE", "test"), ("ENCODER", "x264enc")];
    let encoder = start("encoder-box", &["/dev/video0", &uri], &environment)?;
    until("H.264 arrives", || {
        let stats = daemon.api().get("/v1/streams/box/stats")?;
        let tracks = stats["tracks"].as_array().cloned().unwrap_or_default();
        Ok(tracks.iter().any(|track| track["codec"] == "h264" && track["unitsComplete"].as_u64() > Some(20)))
    })?;
    drop(encoder);
    Ok(())
}

#[test]
fn a_file_of_any_name_is_found() -> Result<()> {
    let folder = Folder::new("names")?;
    let file = folder.0.join("100%25 of it #1? (\u{e9}).mp4");
    fs::write(&file, "")?;
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pipelines/lib/plugin.sh");
    let run = Command::new("bash")
        .args(["-euo", "pipefail", "-c", ". \"$0\"; file_uri \"$1\""])
        .args([&library, &file])
        .env("GST_PLUGIN_PATH", plugin_folder()?)
        .output()?;
    let uri = String::from_utf8(run.stdout)?;
    let (back, _) = gst::glib::filename_from_uri(&uri).context(uri.clone())?;
    ensure!(back == file.canonicalize()?, "{} became {uri}", file.display());
    Ok(())
}

#[test]
fn a_missing_file_is_named() -> Result<()> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pipelines");
    for name in ["file-to-stream", "one-way", "multicast-send", "sound-only"] {
        let run = Command::new(scripts.join(name))
            .arg("no/such.mp4")
            .env("GST_PLUGIN_PATH", plugin_folder()?)
            .output()?;
        let errors = String::from_utf8(run.stderr)?;
        ensure!(
            !run.status.success() && errors == format!("{name}: no/such.mp4: there is no such file\n"),
            errors
        );
    }
    Ok(())
}

#[test]
fn every_script_explains_itself() -> Result<()> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pipelines");
    let mut count = 0;
    for entry in fs::read_dir(scripts)? {
        let path = entry?.path();
        if path.is_dir() {
            continue;
        }
        let help = Command::new(&path).arg("--help").env("GST_PLUGIN_PATH", plugin_folder()?).output()?;
        let text = String::from_utf8(help.stdout)?;
        let name = path.file_name().and_then(|name| name.to_str()).context("a script without a name")?;
        ensure!(
            help.status.success() && text.contains(&format!("pipelines/{name}")),
            "{name} --help: {text}"
        );
        count += 1;
    }
    ensure!(count >= 18, "only {count} scripts");
    Ok(())
}
