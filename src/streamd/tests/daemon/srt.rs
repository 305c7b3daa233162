//! Encoders and players of others by SRT: ffmpeg, GStreamer and srt-live-transmit.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::{PATIENCE, Program, json};

const VIDEO: &[&str] =
    &["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p"];
/// How many pictures are shown after one that comes before them at most, with two B-frames in a row.
const REORDERED: usize = 3;

/// A daemon with a stream.
struct Studio {
    program: Program,
    folder: TempDir,
    port: u16,
    key: String,
    playback_id: String,
}

impl Studio {
    async fn new() -> Self {
        Self::with("").await
    }

    async fn with(configuration: &str) -> Self {
        let folder = TempDir::new().expect("there is room");
        let program = Program::start_with(folder.path(), &[], configuration);
        let line = program.line("SRT is taken");
        let port = line.rsplit_once("127.0.0.1:").expect("it is the address").1;
        let port =
            port.chars().take_while(char::is_ascii_digit).collect::<String>().parse().expect("it is a port");
        let stream = json(program.post("/v1/streams", &json!({ "name": "news" }))).await;
        let text = |name: &str| stream[name].as_str().expect("it is there").to_owned();
        let (key, playback_id) = (text("streamKey"), text("playbackId"));
        Self { program, folder, port, key, playback_id }
    }

    fn url(&self) -> String {
        format!("srt://127.0.0.1:{}?transtype=live", self.port)
    }

    fn request(&self) -> String {
        format!("#!::r={},m=request", self.playback_id)
    }

    /// Seconds of pictures and sound as a file.
    fn clip(&self, seconds: u32) -> PathBuf {
        let path = self.folder.path().join("clip.ts");
        let pictures = format!("testsrc2=size=192x108:rate=25:duration={seconds}");
        let sound = format!("sine=frequency=440:sample_rate=48000:duration={seconds}");
        let mut args = vec!["-f", "lavfi", "-i", &pictures, "-f", "lavfi", "-i", &sound];
        args.extend(VIDEO);
        args.extend(["-c:a", "aac", "-ac", "2", "-f", "mpegts", path.to_str().expect("it is text")]);
        succeeded(ffmpeg(&args).output().expect("ffmpeg starts"));
        path
    }

    async fn state(&self) -> String {
        let stream = json(self.program.get("/v1/streams/news")).await;
        stream["state"].as_str().expect("it is there").to_owned()
    }

    async fn wait_for_state(&self, state: &str) {
        let begun = Instant::now();
        while self.state().await != state {
            assert!(
                begun.elapsed() < PATIENCE,
                "the stream does not become {state}:\n{}",
                self.program.log()
            );
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// Waits until so many watch.
    async fn wait_for_viewers(&self, count: u64) {
        let begun = Instant::now();
        loop {
            let stats: Value = json(self.program.get("/v1/streams/news/stats")).await;
            if stats["viewers"].as_u64() == Some(count) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{stats}\n{}", self.program.log());
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

/// A program that is killed when its test has failed.
struct Running(Option<Child>);

impl Running {
    fn start(command: &mut Command) -> Self {
        Self(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it is installed")))
    }

    /// What it printed until its end.
    async fn output(mut self) -> Output {
        let child = self.0.take().expect("it runs");
        let id = child.id().to_string();
        let waiting =
            tokio::task::spawn_blocking(move || child.wait_with_output().expect("it can be waited for"));
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(output) => output.expect("it does not panic"),
            Err(_) => {
                let _ = Command::new("kill").args(["-9", &id]).status();
                panic!("it does not end");
            }
        }
    }

    fn kill(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

fn succeeded(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).expect("it prints text")
}

fn ffmpeg(args: &[&str]) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-y", "-v", "error"]).args(args);
    command
}

/// Publishes a file as fast as it is shown.
fn push(studio: &Studio, clip: &Path, stream_id: &str) -> Running {
    let clip = clip.to_str().expect("it is text");
    Running::start(&mut ffmpeg(&[
        "-re",
        "-i",
        clip,
        "-map",
        "0",
        "-c",
        "copy",
        "-f",
        "mpegts",
        "-srt_streamid",
        stream_id,
        &studio.url(),
    ]))
}

/// Records what is played, or one kind of it.
fn play(studio: &Studio, of: &str, taken: &Path) -> Running {
    let (stream_id, url) = (studio.request(), studio.url());
    let mut command = ffmpeg(&["-srt_streamid", &stream_id, "-i", &url, "-map", of, "-c", "copy"]);
    Running::start(command.args(["-f", "mpegts"]).arg(taken))
}

/// The checksums of the frames of sound, or of the pictures that are decoded, in what ffmpeg reads.
fn checksums(input: &[&str], of: &str) -> Vec<String> {
    let mut args = input.to_vec();
    args.extend(["-map", of, "-f", "framehash", "-hash", "sha256", "-"]);
    let printed = succeeded(ffmpeg(&args).output().expect("ffmpeg starts"));
    let rows = printed.lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| row.rsplit(',').next().expect("it has columns").trim().to_owned()).collect()
}

/// Fails unless all of `part` is somewhere in `whole`, one after the other, and is most of it. What is lost with the end
/// of a connection are the last ones in the order of decoding: of the last that are shown some may be missing.
fn assert_most_of(part: &[String], whole: &[String]) {
    let start =
        part.first().and_then(|first| whole.iter().position(|one| one == first)).expect("it begins in it");
    let (most, last) = part.split_at(part.len().saturating_sub(REORDERED));
    let (begun, rest) = whole[start..].split_at_checked(most.len()).expect("there is no more of it");
    assert_eq!(most, begun);
    let mut rest = rest.iter();
    assert!(last.iter().all(|one| rest.any(|other| other == one)), "the last ones are of something else");
    assert!(part.len() * 10 >= whole.len() * 7, "{} of {}", part.len(), whole.len());
}

#[tokio::test]
async fn what_ffmpeg_publishes_ffmpeg_plays_to_its_end() {
    let studio = Studio::new().await;
    let clip = studio.clip(4);
    let taken = studio.folder.path().join("taken.ts");
    let player = play(&studio, "0", &taken);
    studio.wait_for_viewers(1).await;
    let encoder = push(&studio, &clip, &studio.key);
    studio.wait_for_state("live").await;
    succeeded(encoder.output().await);
    // The encoder's end is the stream's, at once, and the player's.
    succeeded(player.output().await);
    studio.wait_for_state("offline").await;
    let (clip, taken) = (clip.to_str().expect("it is text"), taken.to_str().expect("it is text"));
    for of in ["0:v", "0:a"] {
        assert_most_of(&checksums(&["-i", taken], of), &checksums(&["-i", clip], of));
    }
    assert!(!studio.program.log().contains(&studio.key), "the key is in the log");
}

#[tokio::test]
async fn a_wrong_key_is_refused_in_the_handshake() {
    let studio = Studio::new().await;
    let clip = studio.clip(1);
    for stream_id in
        ["sk_wrong", "#!::r=sk_wrong,m=publish", "", "#!::m=publish", &studio.request().replace("r=", "r=x")]
    {
        let output = push(&studio, &clip, stream_id).output().await;
        assert!(!output.status.success(), "{stream_id:?} was taken");
    }
    // The playback ID is public, and no key.
    let output = push(&studio, &clip, &format!("#!::r={},m=publish", studio.playback_id)).output().await;
    assert!(!output.status.success());
    assert_eq!(studio.state().await, "offline");
}

#[tokio::test]
async fn the_caller_is_told_why_it_is_refused() {
    use fql_srt::{Call, Connection, Error};
    let studio = Studio::new().await;
    let address = ([127, 0, 0, 1], studio.port).into();
    for (stream_id, code) in [
        ("sk_wrong", 1401),
        ("#!::r=sk_wrong,m=publish", 1401),
        ("#!::r=nothing,m=request", 1404),
        ("#!::r=x,m=bidirectional", 1400),
        ("#!::u=somebody", 1400),
    ] {
        let call = Call {
            address,
            stream_id: stream_id.into(),
            passphrase: None,
            latency: std::time::Duration::from_millis(120),
        };
        match Connection::call(call).await {
            Err(Error::Refused(reject)) => assert_eq!(reject.code(), code, "{stream_id}"),
            other => panic!("{stream_id}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_second_publisher_is_refused_in_the_handshake_and_the_longer_latency_counts() {
    use fql_srt::{Call, Connection, Error};
    use std::time::Duration;
    let studio = Studio::with("srt.latency = \"250ms\"").await;
    let call = |latency| Call {
        address: ([127, 0, 0, 1], studio.port).into(),
        stream_id: studio.key.clone(),
        passphrase: None,
        latency: Duration::from_millis(latency),
    };
    let first = Connection::call(call(20)).await.expect("nobody publishes yet");
    let latency = first.statistics().expect("it is there").latency;
    assert_eq!(latency, Duration::from_millis(250), "what the daemon asks for");
    studio.wait_for_state("live").await;
    match Connection::call(call(20)).await {
        Err(Error::Refused(reject)) => assert_eq!(reject.code(), 1409),
        other => panic!("{other:?}"),
    }
    drop(first);
    studio.wait_for_state("offline").await;

    let studio = Studio::with("fql.second_publisher = \"take-over\"").await;
    let call = |latency| Call {
        address: ([127, 0, 0, 1], studio.port).into(),
        stream_id: studio.key.clone(),
        passphrase: None,
        latency: Duration::from_millis(latency),
    };
    let first = Connection::call(call(20)).await.expect("nobody publishes yet");
    studio.wait_for_state("live").await;
    let second = Connection::call(call(400)).await.expect("it takes over");
    let latency = second.statistics().expect("it is there").latency;
    assert_eq!(latency, Duration::from_millis(400), "what the encoder asks for");
    let ended = tokio::time::timeout(PATIENCE, first.receive(&mut [0; fql_srt::MAX_PAYLOAD])).await;
    assert_eq!(ended.expect("the first one is ended"), None);
    assert_eq!(studio.state().await, "live");
}

#[tokio::test]
async fn gstreamer_publishes_and_plays() {
    let studio = Studio::new().await;
    let taken = studio.folder.path().join("taken.ts");
    let mut player = Command::new("gst-launch-1.0");
    player
        .args(["-q", "-e", "srtsrc", "auto-reconnect=false"])
        .arg(format!("uri={}", studio.url()))
        .arg(format!("streamid={}", studio.request()));
    player.args(["!", "filesink"]).arg(format!("location={}", taken.display()));
    let player = Running::start(&mut player);
    studio.wait_for_viewers(1).await;
    let mut encoder = Command::new("gst-launch-1.0");
    let pipeline = "-q videotestsrc num-buffers=100 is-live=true ! video/x-raw,width=192,height=108,framerate=25/1 ! \
                    x264enc tune=zerolatency key-int-max=25 ! h264parse ! mux. \
                    audiotestsrc num-buffers=200 is-live=true samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 ! \
                    avenc_aac ! aacparse ! mux. mpegtsmux name=mux alignment=7 ! srtsink wait-for-connection=true";
    encoder.args(pipeline.split_whitespace());
    encoder.arg(format!("uri={}", studio.url())).arg(format!("streamid=#!::r={},m=publish", studio.key));
    let encoder = Running::start(&mut encoder);
    studio.wait_for_state("live").await;
    succeeded(encoder.output().await);
    // Its source takes the end of a connection for a failure.
    player.output().await;
    let pictures = checksums(&["-i", taken.to_str().expect("it is text")], "0:v");
    assert!(pictures.len() >= 80, "{} of 100 pictures", pictures.len());
}

#[tokio::test]
async fn srt_live_transmit_carries_it_on() {
    let studio = Studio::new().await;
    let clip = studio.clip(3);
    let taken = studio.folder.path().join("taken.ts");
    let mut player = Command::new("srt-live-transmit");
    let from = format!("{}&streamid={}", studio.url(), studio.playback_id);
    player.args(["-q", "-a:no", &from, "file://con"]);
    player.stdout(Stdio::piped());
    let player = Running::start(&mut player);
    studio.wait_for_viewers(1).await;
    succeeded(push(&studio, &clip, &studio.key).output().await);
    let output = player.output().await;
    std::fs::write(&taken, &output.stdout).expect("there is room");
    let of = "0:a";
    let clip = checksums(&["-i", clip.to_str().expect("it is text")], of);
    assert_most_of(&checksums(&["-i", taken.to_str().expect("it is text")], of), &clip);
}

#[tokio::test]
async fn an_encoder_that_is_gone_without_a_word_may_come_back_and_the_player_stays() {
    let studio = Studio::new().await;
    let clip = studio.clip(6);
    let taken = studio.folder.path().join("taken.ts");
    let player = play(&studio, "0:v", &taken);
    studio.wait_for_viewers(1).await;
    let mut first = push(&studio, &clip, &studio.key);
    studio.wait_for_state("live").await;
    studio.program.line("tracks by SRT");
    first.kill();
    // Nobody said goodbye: libsrt finds it out after 5 s.
    studio.program.line("a publisher by SRT has ended");
    assert_eq!(studio.state().await, "live");
    let second = push(&studio, &clip, &studio.key);
    succeeded(second.output().await);
    succeeded(player.output().await);
    studio.wait_for_state("offline").await;
    let pictures = checksums(&["-i", taken.to_str().expect("it is text")], "0:v").len();
    assert!(pictures > 150, "{pictures} pictures: those of the second encoder are missing");
}

#[tokio::test]
async fn a_stream_with_a_passphrase_takes_and_gives_nothing_without_it() {
    let studio = Studio::new().await;
    let change = json!({ "srtPassphrase": "open-sesame" });
    json(studio.program.patch("/v1/streams/news", &change)).await;
    let clip = studio.clip(2);
    let call = |stream_id: &str, passphrase: Option<&str>| fql_srt::Call {
        address: ([127, 0, 0, 1], studio.port).into(),
        stream_id: stream_id.into(),
        passphrase: passphrase.map(Into::into),
        latency: std::time::Duration::from_millis(120),
    };
    for stream_id in [&studio.key, &studio.request()] {
        for passphrase in [None, Some("open-barley")] {
            let refused = fql_srt::Connection::call(call(stream_id, passphrase)).await;
            assert!(matches!(refused, Err(fql_srt::Error::Refused(_))), "{refused:?}");
        }
    }
    let player =
        fql_srt::Connection::call(call(&studio.request(), Some("open-sesame"))).await.expect("it may");
    let url = format!("{}&passphrase=open-sesame", studio.url());
    let clip = clip.to_str().expect("it is text");
    let args = ["-re", "-i", clip, "-c", "copy", "-f", "mpegts", "-srt_streamid", &studio.key, &url];
    let encoder = Running::start(&mut ffmpeg(&args));
    let mut payload = [0; fql_srt::MAX_PAYLOAD];
    let length = tokio::time::timeout(PATIENCE, player.receive(&mut payload))
        .await
        .expect("media comes")
        .expect("it goes on");
    assert_eq!((payload[0], length % 188), (0x47, 0));
    succeeded(encoder.output().await);
    assert!(!studio.program.log().contains("open-sesame"), "the passphrase is in the log");
}

#[tokio::test]
async fn whoever_is_connected_with_another_passphrase_is_ended_when_it_changes() {
    let studio = Studio::new().await;
    let call = |stream_id: &str, passphrase: Option<&str>| fql_srt::Call {
        address: ([127, 0, 0, 1], studio.port).into(),
        stream_id: stream_id.into(),
        passphrase: passphrase.map(Into::into),
        latency: std::time::Duration::from_millis(120),
    };
    let until_it_ends = async |connection: &fql_srt::Connection| {
        let mut payload = [0; fql_srt::MAX_PAYLOAD];
        let over = async { while connection.receive(&mut payload).await.is_some() {} };
        tokio::time::timeout(PATIENCE, over).await.expect("it is ended");
    };
    // From none to one, from one to another, and to none again.
    let mut before = None;
    for passphrase in [Some("open-sesame"), Some("open-barley"), None] {
        let publisher = fql_srt::Connection::call(call(&studio.key, before)).await.expect("it may");
        let reader = fql_srt::Connection::call(call(&studio.request(), before)).await.expect("it may");
        studio.wait_for_state("live").await;
        studio.wait_for_viewers(1).await;
        // A change of something else ends nobody.
        let change = json!({ "description": format!("before {passphrase:?}") });
        json(studio.program.patch("/v1/streams/news", &change)).await;
        let change = json!({ "srtPassphrase": passphrase.unwrap_or_default() });
        json(studio.program.patch("/v1/streams/news", &change)).await;
        until_it_ends(&publisher).await;
        until_it_ends(&reader).await;
        studio.wait_for_state("offline").await;
        studio.wait_for_viewers(0).await;
        before = passphrase;
    }
    let log = studio.program.log();
    assert_eq!(log.matches("the stream has another passphrase").count(), 6, "{log}");
    assert!(!log.contains("open-sesame") && !log.contains("open-barley"), "a passphrase is in the log");
}
