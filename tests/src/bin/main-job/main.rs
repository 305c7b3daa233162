//! The main job of `pipelines/quickstart`: the daemon, a stream, and a clip that crosses a link that loses packets on
//! its way there and comes out watchable.

mod interrupt;
mod progress;
mod screen;

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use fql_tests::arrivals::Arrivals;
use fql_tests::clip::{self, bundled};
use fql_tests::daemon::{Daemon, Ports, free_tcp_port, text};
use fql_tests::frame::Frame;
use fql_tests::ladder;
use fql_tests::lossy_run::free_port;
use fql_tests::machine::OtherWork;
use fql_tests::pipeline::{Pipeline, load_plugin};
use fql_tests::program::Program;
use fql_tests::relay::{Link, Relay};
use fql_tests::score::Score;

use progress::Progress;
use screen::Screen;

/// Starts the daemon, creates a stream, pushes a video with sound in a loop through a link that loses packets, and
/// shows what a viewer got. Goes on until Ctrl-C, for others to watch.
///
/// Examples:
///   pipelines/quickstart
///   pipelines/quickstart --input my-video.mp4 --loss 0.2 --burst 5
///   pipelines/quickstart --check
#[derive(Debug, Parser)]
#[command(name = "pipelines/quickstart", verbatim_doc_comment)]
struct Options {
    /// The video to send [default: the bundled clip]
    #[arg(long)]
    input: Option<PathBuf>,
    /// Share of packets that the link loses, 0 to 0.9
    #[arg(long, default_value_t = 0.1)]
    loss: f64,
    /// Mean length of a run of lost packets
    #[arg(long, default_value_t = 1.0)]
    burst: f64,
    /// Rate of the video in kbit/s, all layers together
    #[arg(long, default_value_t = 4000)]
    bitrate: u32,
    /// The most kbit/s on the wire, parity, sound and headers included
    #[arg(long, default_value_t = 6500)]
    max_bitrate: u32,
    /// Folder for the decoded file and the picture of the layers
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// End after one round; fail where the picture froze for more than a frame or is worse than it should be
    #[arg(long)]
    check: bool,
}

/// The stream that is made.
const STREAM: &str = "my-first-stream";
/// The ports that the README names; others are used where these are taken.
const HTTP_PORT: u16 = 8080;
const FQL_PORT: u16 = 4242;
const WEBTRANSPORT_PORT: u16 = 4433;
/// How long nothing may come before it is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often is looked whether all still runs.
const LOOK: Duration = Duration::from_millis(250);
/// How often `--check` tries on a busy machine.
const ATTEMPTS: u32 = 3;
/// With `--check` and the bundled clip at the default rate and loss: the picture may not be worse than this.
const CHECKED_PSNR: f64 = 30.0;
/// The most frames in a row without a new picture that `--check` accepts.
const CHECKED_FREEZE: usize = 1;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    ensure!((0.0..=0.9).contains(&options.loss), "--loss is {}, it must be from 0 to 0.9", options.loss);
    ensure!(options.burst >= 1.0, "--burst is {}, it must be at least 1", options.burst);
    interrupt::watch()?;
    load_plugin()?;
    std::fs::create_dir_all(&options.out)
        .with_context(|| format!("cannot make {}", options.out.display()))?;
    let input = options.input.clone().unwrap_or_else(|| bundled("bigbuckbunny.mp4"));
    ensure!(input.is_file(), "{}: there is no such file", input.display());

    let source = clip::frames(&input, screen::KEPT)?;
    let (score, stage) = measure(options, &input, &source)?;

    let picture = options.out.join("layers.png");
    let steps = ladder::draw(middle(&source)?, &picture)?;
    let figure = |step: &ladder::Step| step.psnr.map_or("exact".to_owned(), |psnr| format!("{psnr:.1} dB"));
    let figures: Vec<_> = steps.iter().map(|step| format!("{} {}", step.name, figure(step))).collect();
    println!("  ladder    {}", figures.join(", "));
    println!("\nThe decoded file:        {}", recording(options).display());
    println!("A frame layer by layer:  {}", picture.display());

    if options.check {
        check(&score)?;
        println!("\nAll went well.");
        return Ok(());
    }
    stage.go_on()
}

fn recording(options: &Options) -> PathBuf {
    options.out.join("received.mkv")
}

/// Pushes the input and scores what came, for the check without the first second. With `--check`, a run that failed
/// while others kept the machine busy says nothing, and is made anew.
fn measure(options: &Options, input: &Path, source: &[Frame]) -> Result<(Score, Stage)> {
    let mut attempt = 1;
    loop {
        let other_work = OtherWork::start();
        let stage = Stage::set(options)?;
        let (received, stage) = stage.perform(options, input, source.len())?;
        let disturbed = other_work.is_disturbing();
        println!("Measuring the picture against the source ...");
        let (all, settled) = received.scores(source).context("no picture came")?;
        println!("  picture   {all}");
        println!("  settled   {settled} (without the first second)");
        if !options.check || attempt == ATTEMPTS || !disturbed || check(&settled).is_ok() {
            return Ok((settled, stage));
        }
        println!("\nSomething else kept the machine busy meanwhile; once more.\n");
        attempt += 1;
    }
}

/// The daemon with a stream, and the link that publishers reach it by.
struct Stage {
    // In the order in which they end.
    push: Option<Program>,
    relay: Relay,
    /// The link that browsers watch over.
    _to_browsers: Relay,
    daemon: Daemon,
    /// Where viewers watch.
    uri: String,
    page: String,
}

impl Stage {
    fn set(options: &Options) -> Result<Self> {
        let ports = Ports {
            http: if_free_tcp(HTTP_PORT)?,
            fql: if_free(FQL_PORT)?,
            webtransport: if_free(WEBTRANSPORT_PORT)?,
        };
        let (entrance, exit) = (free_port()?, free_port()?);
        let config = format!(
            "[fql]\nadvertise = [\"127.0.0.1:{entrance}\"]\n[webtransport]\nadvertise = [\"127.0.0.1:{exit}\"]\n"
        );
        let daemon = Daemon::start_at(ports, &config)?;
        let delay = Duration::from_millis(30);
        let link = Link { loss: options.loss, burst: options.burst, delay, ..Link::default() };
        let local = |port| (Ipv4Addr::LOCALHOST, port).into();
        let relay = Relay::start(local(entrance), daemon.fql(), link)?;
        let to_browsers = Relay::start(local(exit), daemon.webtransport(), link)?;
        println!("The daemon answers on {}, its data is in {}.\n", daemon.url(), daemon.data().display());

        let new = ["new", STREAM, "--layers", "12", "--region", "auto", "--fec", "unequal:3,2,1,0"];
        println!("$ stream {}\n{}", new.join(" "), daemon.run(&new)?);
        let stream = daemon.api().get(&format!("/v1/streams/{STREAM}"))?;
        let playback = stream.get("playback").context("a stream without playback")?;
        // What is pushed crosses the link, and what browsers watch; the viewer that is measured is spared.
        let entrance = format!("127.0.0.1:{entrance}");
        let uri = text(playback, "fql")?.replace(&entrance, &daemon.fql().to_string());
        let page = text(playback, "page")?;
        Ok(Self { push: None, relay, _to_browsers: to_browsers, daemon, uri, page })
    }

    /// Pushes the input, and watches so many pictures of it.
    fn perform(mut self, options: &Options, input: &Path, pictures: usize) -> Result<(Screen, Self)> {
        let view = format!(
            "fqlsrc name=r uri=\"{}\" latency=200
  r.video_0 ! queue ! fqldec name=decoder ! tee name=picture
  picture. ! queue ! appsink name=screen sync=false
  picture. ! queue ! x264enc tune=zerolatency speed-preset=ultrafast pass=quant quantizer=16 ! h264parse ! file.
  r.audio_0 ! queue ! fqldec ! audioconvert ! flacenc ! queue ! file.
  matroskamux name=file offset-to-zero=true ! filesink location=\"{}\"",
            self.uri,
            recording(options).display()
        );
        let (bitrate, max) = (options.bitrate.to_string(), options.max_bitrate.to_string());
        let input = input.display().to_string();
        let rates = ["--bitrate", &bitrate, "--audio-bitrate", "256", "--max-bitrate", &max];
        let push = [&["push", STREAM, "--input", &input, "--loop"], &rates[..]].concat();
        println!("Watching with:\n  gst-launch-1.0 {view}\n\n$ stream {}", push.join(" "));
        println!(
            "The link to the daemon loses {:.0} % of the packets and takes 30 ms; so does the one to browsers.\n",
            options.loss * 100.0
        );
        println!("Watch it in a browser on this machine:  {}\n", self.page);

        let viewing = Pipeline::play(&view)?;
        let arrivals = Arrivals::watch(&viewing, "decoder")?;
        let screen = Screen::watch(&viewing.app_sink("screen")?, arrivals);
        let log = std::fs::File::create(options.out.join("push.log"))?;
        let mut command = self.daemon.command(&push)?;
        let push = Program::spawn("stream push", command.stdout(log.try_clone()?).stderr(log))?;
        let push = self.push.insert(push);
        let mut progress = Progress::new(pictures);
        let mut last = (Instant::now(), 0);
        while screen.count() < pictures {
            if viewing.ended_within(Duration::from_millis(250)).context("watching")? {
                bail!("the stream ended after {} pictures", screen.count());
            }
            interrupt::check()?;
            push.still_runs().with_context(|| format!("see {}", options.out.join("push.log").display()))?;
            if screen.count() > last.1 {
                last = (Instant::now(), screen.count());
            }
            ensure!(last.0.elapsed() < PATIENCE, "no picture came for {} seconds", PATIENCE.as_secs());
            progress.show(&viewing, screen.count())?;
        }
        viewing.end(PATIENCE).context("watching")?;
        progress.finish(&viewing, &self.relay)?;
        Ok((screen, self))
    }

    /// Leaves the stream running for others, until Ctrl-C.
    fn go_on(mut self) -> Result<()> {
        let (url, key) = (self.daemon.url(), self.daemon.key());
        println!(
            "\nThe stream goes on. Watch it in a browser on this machine, over one more link of that kind:"
        );
        println!("\n  {}\n", self.page);
        println!("or from another terminal:\n");
        println!("  GST_PLUGIN_PATH={} gst-launch-1.0 playbin3 uri=\"{}\"\n", plugins()?, self.uri);
        println!("The dashboard is at {url}/ ; sign in with {key}\nThe same from a terminal:\n");
        println!("  export STREAM_API_URL={url} STREAM_API_KEY={key}");
        println!("  stream list; stream stats {STREAM} --watch\n\nCtrl-C ends it.");
        let push = self.push.as_mut().context("nothing is pushed")?;
        while !interrupt::has_come() {
            push.still_runs()?;
            std::thread::sleep(LOOK);
        }
        println!("\nEnded.");
        Ok(())
    }
}

fn plugins() -> Result<String> {
    Ok(fql_tests::pipeline::plugin_folder()?.display().to_string())
}

/// This port of the loopback address where nobody has it, else any free one.
fn if_free_tcp(port: u16) -> Result<u16> {
    if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() { Ok(port) } else { free_tcp_port() }
}

fn if_free(port: u16) -> Result<u16> {
    if UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() { Ok(port) } else { free_port() }
}

fn middle(frames: &[Frame]) -> Result<&Frame> {
    frames.get(frames.len() / 2).context("the input has no video")
}

fn check(score: &Score) -> Result<()> {
    ensure!(
        score.longest_freeze <= CHECKED_FREEZE,
        "the picture froze for {} frames, more than {CHECKED_FREEZE}",
        score.longest_freeze
    );
    ensure!(
        score.mean_psnr > CHECKED_PSNR,
        "a mean PSNR of {:.1} dB is under {CHECKED_PSNR}",
        score.mean_psnr
    );
    Ok(())
}
