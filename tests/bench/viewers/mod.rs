//! Many viewers of one stream by HLS and by WebRTC, and what they cost the server.

mod crew;
pub mod hls;
pub mod http;
mod nginx;
pub mod playlist;
mod source;
mod tally;
pub mod whep;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fql_tests::crowd::{Cost, Rates};
use fql_tests::daemon::Daemon;
use tokio::runtime::Runtime;

use crate::effort::Effort;
use crate::report::{Report, count};

use crew::Crew;
use hls::{Place, Viewers};
use nginx::Nginx;
use source::Live;
use tally::{Counts, Tally};

/// How long viewers come and rates settle before anything counts.
const WARM_UP: Duration = Duration::from_secs(10);
/// How long the first segment may take.
const FIRST_SEGMENT: Duration = Duration::from_secs(20);
/// Of the stream beyond what is measured: sessions begin and end.
const SPARE: Duration = Duration::from_secs(25);
/// Every viewer by HLS has two connections.
const CONFIGURATION: &str = "[limits]\nconnections = 4096\nrequests_per_minute = 1000000\n";

/// One row of the table.
struct Row {
    name: &'static str,
    viewers: usize,
    cost: Rates,
    /// Memory before there was a viewer.
    idle: f64,
    seconds: f64,
    counts: Counts,
    /// What is counted as a piece, and how many the viewer had who had fewest.
    fewest: String,
    missing: String,
}

/// Measures in real time; files go to a folder.
pub fn measure(folder: &Path, effort: &Effort) -> Result<Report> {
    let (by_hls, by_whep) = if effort.seconds < 20 { (40, 10) } else { (500, 100) };
    let time = Duration::from_secs(effort.seconds as u64);
    let file = source::code(folder, WARM_UP + FIRST_SEGMENT + time + SPARE)?;
    rustix::process::setrlimit(rustix::process::Resource::Nofile, descriptors())?;
    let runtime = Runtime::new()?;
    let bench = Bench { folder, file: &file, runtime: &runtime, time };
    let rows = [
        bench.hls("LL-HLS, parts of 0.33 s", by_hls, true)?,
        bench.hls("HLS, segments of 2 s", by_hls, false)?,
        bench.nginx("the same segments as files of nginx", by_hls)?,
        bench.whep(by_whep)?,
    ];
    let mut report = Report::default();
    report.say(&format!(
        "One stream of 2 Mbit/s (H.264 of 720p and AAC), published by RTMP, and viewers on the loopback address, \
         in {} s a row. Viewers take everything that a browser does, and show nothing: those of HLS have a \
         connection for picture and one for sound, load playlists in gzip, by blocking reload where there are parts, \
         and take each segment or part; those of WHEP have a session with DTLS and SRTP each. CPU is that of the server's processes alone (user and system time), \
         as a share of one core; memory is what the row added to that of a server without viewers. Viewers run on \
         the same two cores.",
        effort.seconds
    ));
    report.table(
        [
            "viewers of",
            "viewers",
            "cores",
            "of a core a viewer",
            "memory a viewer",
            "Mbit/s out",
            "requests/s",
            "pieces of the viewer with fewest",
            "failures, stalls",
            "lost",
        ],
        rows.iter().map(Row::cells),
    );
    Ok(report)
}

struct Bench<'a> {
    folder: &'a Path,
    file: &'a Path,
    runtime: &'a Runtime,
    time: Duration,
}

impl Bench<'_> {
    /// A server that nobody watches yet, what it uses, and its stream.
    fn begin(&self) -> Result<(Daemon, Live)> {
        let daemon = Daemon::start(CONFIGURATION)?;
        let live = Live::publish(&daemon, self.file)?;
        Ok((daemon, live))
    }

    fn place(&self, daemon: &Daemon, live: &Live, low_latency: bool) -> Result<Place> {
        let host: SocketAddr = daemon.url().trim_start_matches("http://").parse()?;
        let base = format!("/play/{}/hls/", live.playback_id);
        let place = Place { host, base, low_latency };
        self.runtime.block_on(hls::is_playable(&place, FIRST_SEGMENT))?;
        Ok(place)
    }

    fn hls(&self, name: &'static str, viewers: usize, low_latency: bool) -> Result<Row> {
        eprintln!("{viewers} viewers of {name}");
        let (daemon, live) = self.begin()?;
        let place = self.place(&daemon, &live, low_latency)?;
        let cost = || Cost::of(daemon.pid());
        let row = self.watch(name, &place, viewers, cost)?;
        let counted = daemon.api().get(&format!("/v1/streams/{}/stats", live.id))?;
        let counted = counted.get("viewers").and_then(serde_json::Value::as_u64);
        ensure!(counted >= Some(viewers as u64), "streamd counts {counted:?} viewers");
        Ok(row)
    }

    fn nginx(&self, name: &'static str, viewers: usize) -> Result<Row> {
        eprintln!("{viewers} viewers of {name}");
        let (daemon, live) = self.begin()?;
        let place = self.place(&daemon, &live, false)?;
        let tally = Arc::new(Tally::default());
        let nginx = Nginx::start(self.runtime, &place, self.folder, &tally)?;
        self.runtime.block_on(hls::is_playable(&nginx.place(), FIRST_SEGMENT))?;
        let row = self.watch(name, &nginx.place(), viewers, || nginx.cost())?;
        ensure!(tally.counts().failures == 0, "copying failed: {}", tally.words());
        Ok(row)
    }

    /// Lets viewers of HLS play.
    fn watch(
        &self,
        name: &'static str,
        place: &Place,
        count: usize,
        cost: impl Fn() -> Result<Cost>,
    ) -> Result<Row> {
        let idle = cost()?.memory;
        let viewers = Viewers::start(self.runtime, place, count);
        std::thread::sleep(WARM_UP);
        let (before, first, began) = (cost()?, viewers.tally.counts(), Instant::now());
        std::thread::sleep(self.time);
        let elapsed = began.elapsed();
        let (cost, counts) = (cost()?.since(before, elapsed), viewers.tally.counts().since(first));
        let words = viewers.tally.words();
        ensure!(counts.failures == 0, "{} viewers of {name} gave up: {words}", counts.failures);
        ensure!(viewers.fewest() > 0, "a viewer of {name} has had nothing");
        let fewest = viewers.fewest().to_string();
        let missing = "0".to_owned();
        let seconds = elapsed.as_secs_f64();
        Ok(Row { name, viewers: count, cost, idle, seconds, counts, fewest, missing }.told())
    }

    fn whep(&self, viewers: usize) -> Result<Row> {
        eprintln!("{viewers} viewers of WHEP");
        let (daemon, live) = self.begin()?;
        let idle = Cost::of(daemon.pid())?.memory;
        let crew = Crew::start(&format!("{}/play/{}/webrtc", daemon.url(), live.playback_id), viewers)?;
        std::thread::sleep(WARM_UP);
        crew.measure();
        let (before, began) = (Cost::of(daemon.pid())?, Instant::now());
        std::thread::sleep(self.time);
        let elapsed = began.elapsed();
        let cost = Cost::of(daemon.pid())?.since(before, elapsed);
        let had = crew.gather()?;
        let sum = |of: fn(&whep::Had) -> u64| had.iter().map(of).sum::<u64>();
        let (lost, repaired) = (sum(|had| had.lost), sum(|had| had.repaired));
        let fewest = had.iter().map(|had| had.packets).min().context("no viewer")?;
        ensure!(fewest > 0, "a viewer of WHEP was sent nothing");
        ensure!(lost == 0, "{lost} packets of WHEP never came");
        let has_sound = had.iter().all(|had| had.streams > 1);
        let name = if has_sound { "WHEP, picture and sound" } else { "WHEP, picture alone" };
        let counts =
            Counts { bytes: sum(|had| had.bytes), stalls: sum(|had| had.stalls), ..Counts::default() };
        let missing = format!("0, {} repaired", count(repaired as f64));
        let (seconds, fewest) = (elapsed.as_secs_f64(), format!("{} packets", count(fewest as f64)));
        Ok(Row { name, viewers, cost, idle, seconds, counts, fewest, missing }.told())
    }
}

impl Row {
    /// The same, said at once: the others take minutes.
    fn told(self) -> Self {
        eprintln!("  {}", self.cells().join(" | "));
        self
    }

    fn cells(&self) -> [String; 10] {
        let each = self.viewers as f64;
        let rate = |number: u64| number as f64 / self.seconds;
        let requests = match self.counts.requests {
            0 => "-".to_owned(),
            requests => count(rate(requests)),
        };
        [
            self.name.to_owned(),
            self.viewers.to_string(),
            format!("{:.2}", self.cost.cores),
            format!("{:.3} %", self.cost.cores * 100.0 / each),
            format!("{:.0} KiB", (self.cost.memory - self.idle) / 1024.0 / each),
            count(rate(self.counts.bytes) * 8.0 / 1e6),
            requests,
            self.fewest.clone(),
            format!("{}, {}", self.counts.failures, self.counts.stalls),
            self.missing.clone(),
        ]
    }
}

/// As many file descriptors as there may be: every connection takes one.
fn descriptors() -> rustix::process::Rlimit {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    rustix::process::Rlimit { current: limit.maximum, ..limit }
}
