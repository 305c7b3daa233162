//! Many cameras at one daemon, one of which misbehaves: what the others notice of it, and what it costs.

mod process;
mod rogue;
mod verdict;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fql_transport::Time;
use serde_json::{Value, json};

use crate::crowd::{Client, Crowd, Stage, Viewer};
use crate::daemon::{Api, Daemon, text, within};
use crate::program::Program;
pub use process::Sample;
pub use rogue::Rogue;
pub use verdict::{Verdict, Watched};

/// Pictures a second of a camera, as `tests/e2e/rtsp_camera.py` makes them.
const RATE: u32 = 15;
/// How wide the pictures of the first camera are, and how much wider those of each further one.
const WIDTHS: (u32, u32) = (128, 8);
/// Until all cameras are live.
const OPENING: Duration = Duration::from_secs(60);
/// How often the process is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How often a line is printed.
const PROGRESS: Duration = Duration::from_secs(30);
/// Threads that watch.
const THREADS: usize = 2;

/// Sources are waited for so short that the camera that misbehaves has many chances.
const CONFIGURATION: &str = "[pull]\nallow_private = true\ntimeout = \"4s\"\nlongest_wait = \"1s\"\n\
    [limits]\nrequests_per_minute = 1000000\n";

/// A run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Cameras, the one that misbehaves among them, 2 to 200.
    pub cameras: usize,
    /// How long all are watched before the last one begins to misbehave: what the others are compared with.
    pub before: Duration,
    /// How long after that.
    pub beside: Duration,
}

impl Plan {
    /// Runs it, and says on standard error how far it is.
    pub fn run(self) -> Result<Verdict> {
        ensure!((2..=200).contains(&self.cameras), "not from 2 to 200 cameras");
        let (_servers, camera) = start_cameras(self.cameras)?;
        let rogue = Rogue::start(camera)?;
        let daemon = Daemon::start(CONFIGURATION)?;
        let good = self.cameras - 1;
        let names: Vec<_> = (0..self.cameras).map(|number| format!("camera-{number}")).collect();
        let mut viewers = Vec::new();
        for (number, name) in names.iter().enumerate() {
            let port = if number < good { camera } else { rogue.port() };
            let source = format!("rtsp://127.0.0.1:{port}/camera{number}");
            let stream = daemon
                .api()
                .post("/v1/streams", &json!({ "name": name, "type": "pull", "source": source }))?;
            if number < good {
                let fql = text(stream.get("playback").context("a stream without playback")?, "fql")?;
                viewers.push(Client::new(daemon.fql(), Viewer::new(&fql)?.with_diary())?);
            }
        }

        let epoch = Instant::now();
        let now = || Time::from_nanos(epoch.elapsed().as_nanos() as u64);
        let stage = Stage::default();
        let (watched, times, samples) = thread::scope(|scope| -> Result<_> {
            // Whatever fails here, the viewers have to stop.
            let _stop = StopAtEnd(&stage);
            let crowd = Crowd::start(scope, &stage, epoch, viewers, THREADS);
            within(OPENING, "all cameras are live", || all_live(&daemon.api(), &names[..good]))?;
            let mut samples = Vec::new();
            look(&daemon, &rogue, self.before, &mut samples)?;
            let misbehaves = now();
            let quiet = samples.len();
            daemon.api().call("PATCH", &stream(&names[good]), Some(&json!({ "always": true })))?;
            look(&daemon, &rogue, self.beside, &mut samples)?;
            let end = now();
            stage.stop();
            Ok((crowd.gather()?, [misbehaves, end], (samples, quiet)))
        })?;
        // A stream is live before the last of its viewers sees it.
        let firsts = watched.iter().filter_map(|viewer| Some(viewer.diary().first()?.at));
        let begun = firsts.max().context("nothing was seen")?.min(times[0]);
        let times = [begun, times[0], times[1]];
        let events = names.iter().map(|name| daemon.api().get(&format!("{}/source-events", stream(name))));
        let events = events.collect::<Result<Vec<_>>>()?;
        let [good_events @ .., rogue_events] = &events[..] else { unreachable!("there are at least two") };
        let cameras = watched.iter().zip(good_events).enumerate().map(|(number, (viewer, events))| {
            let width = WIDTHS.0 + WIDTHS.1 * number as u32;
            Watched::new(number, viewer.diary(), times, width, events)
        });
        Ok(Verdict {
            rate: RATE,
            cameras: cameras.collect(),
            samples: samples.0,
            quiet: samples.1,
            connections: rogue.connections(),
            reasons: reasons(rogue_events),
        })
    }
}

/// Stops the viewers when it is dropped, however that comes.
struct StopAtEnd<'a>(&'a Stage);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// So many cameras in one program, and its port.
fn start_cameras(count: usize) -> Result<(Program, u16)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/rtsp_camera.py");
    // The system's own Python has the system's modules; another one may be before it in the path.
    let mut command = Command::new("/usr/bin/python3");
    command.arg(script).args(["--count", &count.to_string()]).stdin(Stdio::null());
    let (program, out) = Program::with_output("rtsp_camera.py", &mut command)?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    Ok((program, line.trim().parse().context("the cameras did not start")?))
}

fn stream(name: &str) -> String {
    format!("/v1/streams/{name}")
}

fn all_live(api: &Api, names: &[String]) -> Result<bool> {
    for name in names {
        if api.get(&stream(name))?["sourceStatus"]["state"] != "live" {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Looks at the daemon's process for so long.
fn look(daemon: &Daemon, rogue: &Rogue, time: Duration, samples: &mut Vec<Sample>) -> Result<()> {
    let begun = Instant::now();
    let mut said = begun;
    while begun.elapsed() < time {
        thread::sleep(LOOK.min(time.saturating_sub(begun.elapsed())));
        let sample = Sample::of(daemon.pid())?;
        if said.elapsed() >= PROGRESS {
            said = Instant::now();
            eprintln!(
                "{:4.0} of {} s: {:.1} MiB, {} threads, {} files, {} connections to the one that misbehaves",
                begun.elapsed().as_secs_f64(),
                time.as_secs(),
                sample.memory / 1048576.0,
                sample.threads,
                sample.files,
                rogue.connections()
            );
        }
        samples.push(sample);
    }
    Ok(())
}

/// How often each reason stands in a list of events.
fn reasons(events: &Value) -> Vec<(String, usize)> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for event in events.as_array().into_iter().flatten() {
        let reason = event["reason"].as_str().or(event["outcome"].as_str()).unwrap_or("none");
        match counts.iter_mut().find(|(known, _)| known == reason) {
            Some((_, count)) => *count += 1,
            None => counts.push((reason.to_owned(), 1)),
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}
