//! Many publishers and many viewers against the real daemon on this machine, and what they cost it.

use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use fql_tests::clip::bundled;
use fql_tests::crowd::{Client, Cost, Crowd, Material, Publisher, Rates, Stage, Viewer};
use fql_tests::daemon::{Daemon, text};

/// Publishers and viewers on the loopback address, and what each costs the daemon.
///
/// Examples:
///   load --publishers 100 --kbits 300
///   load --publishers 1 --kbits 2000 --viewers 200
#[derive(Debug, Parser)]
#[command(verbatim_doc_comment)]
struct Options {
    /// Streams with a publisher each, 1 to 1000
    #[arg(long, default_value_t = 1)]
    publishers: usize,
    /// Rate of media of each, in kbit/s
    #[arg(long, default_value_t = 2000)]
    kbits: u32,
    /// Viewers, shared evenly between the streams, 0 to 2000
    #[arg(long, default_value_t = 0)]
    viewers: usize,
    /// How long to measure, in seconds, 1 to 600
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Threads that publish and as many that watch
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

/// What is not measured: sessions begin, and rates settle.
const WARM_UP: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    match load(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn load(options: &Options) -> Result<()> {
    ensure!((1..=1000).contains(&options.publishers), "--publishers is not from 1 to 1000");
    ensure!(options.viewers <= 2000, "--viewers is not from 0 to 2000");
    ensure!((1..=600).contains(&options.seconds), "--seconds is not from 1 to 600");
    gst::init()?;
    println!("Coding the clip at {} kbit/s ...", options.kbits);
    let material = Arc::new(Material::code(&bundled("bigbuckbunny.mp4"), options.kbits)?);
    let daemon = Daemon::start("[limits]\nrequests_per_minute = 1000000\n")?;
    let idle = Cost::of(daemon.pid())?;

    let epoch = Instant::now();
    let streams =
        (0..options.publishers).map(|number| Stream::create(&daemon, number)).collect::<Result<Vec<_>>>()?;
    let publishers = streams
        .iter()
        .map(|stream| Client::new(daemon.fql(), Publisher::new(&stream.key, Arc::clone(&material))?))
        .collect::<Result<Vec<_>>>()?;
    let viewers = (0..options.viewers)
        .map(|number| Client::new(daemon.fql(), Viewer::new(&streams[number % streams.len()].fql)?))
        .collect::<Result<Vec<_>>>()?;

    let stage = Stage::default();
    let (published, watched, cost) = thread::scope(|scope| -> Result<_> {
        let publishing = Crowd::start(scope, &stage, epoch, publishers, options.threads);
        let watching = Crowd::start(scope, &stage, epoch, viewers, options.threads);
        thread::sleep(WARM_UP);
        stage.measure();
        let (before, began) = (Cost::of(daemon.pid())?, Instant::now());
        thread::sleep(Duration::from_secs(options.seconds));
        let cost = Cost::of(daemon.pid())?.since(before, began.elapsed());
        stage.stop();
        Ok((publishing.gather()?, watching.gather()?, cost))
    })?;
    report(options, &published, &watched, idle, cost);
    check(&published, &watched)
}

/// A stream of the daemon under test.
struct Stream {
    key: String,
    fql: String,
}

impl Stream {
    fn create(daemon: &Daemon, number: usize) -> Result<Self> {
        let stream = daemon.api().create_stream(&format!("load-{number}"))?;
        let fql = text(stream.get("playback").context("a stream without playback")?, "fql")?;
        Ok(Self { key: text(&stream, "streamKey")?, fql })
    }
}

fn report(options: &Options, published: &[Publisher], watched: &[Viewer], idle: Cost, cost: Rates) {
    let connected = published.iter().filter(|publisher| publisher.is_connected()).count();
    println!(
        "{connected} of {} publishers are live, each with {} kbit/s of media",
        published.len(),
        options.kbits
    );
    let share = |sum: f64, count: usize| sum / count.max(1) as f64;
    if !watched.is_empty() {
        let pictures: u64 = watched.iter().map(Viewer::pictures).sum();
        let new: u64 = watched.iter().map(Viewer::new_pictures).sum();
        let layers = share(watched.iter().map(Viewer::mean_layers).sum(), watched.len());
        let rate = share(watched.iter().map(Viewer::kbits).sum(), watched.len());
        println!(
            "{} viewers: {:.2} % of {pictures} pictures came, {layers:.1} layers complete, {rate:.0} kbit/s on the wire each",
            watched.len(),
            share(100.0 * new as f64, pictures as usize)
        );
    }
    println!(
        "the daemon took {:.1} % of one core, and {:.1} MiB",
        cost.cores * 100.0,
        cost.memory / 1048576.0
    );
    let clients = published.len() + watched.len();
    println!(
        "a session: {:.2} % of one core, {:.0} KiB beyond the {:.1} MiB of an idle daemon",
        cost.cores * 100.0 / clients as f64,
        (cost.memory - idle.memory) / 1024.0 / clients as f64,
        idle.memory / 1048576.0
    );
}

/// Figures of sessions that do not work say nothing.
fn check(published: &[Publisher], watched: &[Viewer]) -> Result<()> {
    let offline = published.iter().filter(|publisher| !publisher.is_connected()).count();
    ensure!(offline == 0, "{offline} publishers are not live");
    let blind = watched.iter().filter(|viewer| viewer.new_pictures() == 0).count();
    ensure!(blind == 0, "{blind} viewers saw nothing");
    Ok(())
}
