//! Speeds of two cores by the clock, what a frame waits for its encoder, and decoding in WebAssembly.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fql_tests::machine::OtherWork;

use crate::clips::{Clip, Clips};
use crate::effort::Effort;
use crate::ffmpeg::Peer;
use crate::ours::{self, Coding};
use crate::points::percentile;
use crate::processes::run;
use crate::race::{Clock, Contender, Speed, race};
use crate::report::Report;
use crate::targets::{self, Target};
use crate::worker;

/// Threads of everybody.
const THREADS: usize = 2;
/// Frames from one key frame to the next.
const KEY_INTERVAL: u32 = 25;
/// What live streams of 720p have, in kbit/s.
const KBITS: u32 = 2000;
/// 6 Mbit/s at 30 frames a second are so much at the 25 of the clip, in kbit/s.
const FULL_HD_KBITS: u32 = 5000;

/// Ours and a peer at the same work, and what ours has to reach.
struct Race<'a> {
    what: &'static str,
    clip: &'a Clip,
    coding: Coding,
    peer: Peer,
    encode: Target,
    decode: Option<Target>,
}

/// Adds tables and targets.
pub fn measure(clips: &Clips, effort: &Effort, report: &mut Report) -> Result<()> {
    let full_hd = clips.full_hd(effort.frames)?;
    let clip = clips.main();
    let live = Coding { kbits: Some(KBITS), key_interval: KEY_INTERVAL, threads: THREADS, ..Coding::WHOLE };
    let races = [
        Race {
            what: "720p, 2 Mbit/s with motion",
            clip,
            coding: live,
            peer: Peer::x264_at(KBITS, KEY_INTERVAL),
            encode: targets::MOTION_ENCODE,
            decode: Some(targets::MOTION_DECODE),
        },
        Race {
            what: "720p, lossless",
            clip,
            coding: Coding { threads: THREADS, ..Coding::WHOLE },
            peer: Peer::ffv1("FFV1", "-slices 4"),
            encode: targets::TWO_LOSSLESS_ENCODE,
            decode: Some(targets::TWO_LOSSLESS_DECODE),
        },
        Race {
            what: "1080p, 6 Mbit/s with motion",
            clip: &full_hd,
            coding: Coding { kbits: Some(FULL_HD_KBITS), ..live },
            peer: Peer::x264_at(FULL_HD_KBITS, KEY_INTERVAL),
            encode: targets::FULL_HD_ENCODE,
            decode: None,
        },
    ];
    report.say(&format!(
        "**Two cores**, by the clock: {} frames with {THREADS} threads, whole processes less what reading the files takes. \
         x264 is `-preset veryfast -tune psnr,zerolatency -g {KEY_INTERVAL}` with a buffer of 200 ms, FFV1 of level 3 has four \
         slices. The 1080p clip is bigbuckbunny scaled up, with as many bytes a frame as 6 Mbit/s have at 30 frames a second.",
        clip.frames.len()
    ));
    let other_work = OtherWork::start();
    let mut rows = Vec::new();
    for one in &races {
        eprintln!("{}", one.what);
        rows.extend(one.run(clips, effort, report)?);
    }
    report.table(["work", "codec", "encoding, frames/s", "times", "decoding, frames/s", "times"], rows);
    report.say(&format!("Others took {:.0} % of the machine meanwhile.", other_work.share() * 100.0));
    delay(clip, &live, report)?;
    wasm(clip, &live, clips, report)
}

impl Race<'_> {
    fn run(&self, clips: &Clips, effort: &Effort, report: &mut Report) -> Result<Vec<[String; 6]>> {
        let mut contenders = [
            Contender::ours(self.clip, &self.coding, &clips.folder)?,
            Contender::peer(&self.peer, self.clip, &clips.folder, THREADS),
        ];
        let frames = self.clip.frames.len() as f64;
        let speeds = race(&mut contenders, effort.rounds, frames, Clock::Wall)?;
        let (ours, peer) = (speeds[0], speeds[1]);
        let beside = |speed: f64| format!("{}: {speed:.0}", self.peer.name);
        report.targets.push(self.encode.beside(ours.encode, beside(peer.encode)));
        report.targets.extend(self.decode.map(|target| target.beside(ours.decode, beside(peer.decode))));
        Ok(contenders
            .iter()
            .zip(speeds)
            .map(|(contender, speed)| self.cells(&contender.name, speed, ours))
            .collect())
    }

    fn cells(&self, name: &str, speed: Speed, ours: Speed) -> [String; 6] {
        [
            self.what.to_owned(),
            name.to_owned(),
            format!("{:.1}", speed.encode),
            format!("{:.2}", speed.encode / ours.encode),
            format!("{:.1}", speed.decode),
            format!("{:.2}", speed.decode / ours.decode),
        ]
    }
}

/// How long a frame is in the encoder: no frame waits for a later one, so that is all of the delay.
fn delay(clip: &Clip, live: &Coding, report: &mut Report) -> Result<()> {
    let (_, times) = ours::encode_timed(&clip.frames, live)?;
    let mut times: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    let at = |share| percentile(&times, share).unwrap_or(f64::NAN);
    report.say(&format!(
        "From a frame of that clip to its unit, 2 Mbit/s with motion: {:.1} ms in the middle, 95 % within {:.1} ms, at most \
         {:.1} ms. No frame waits for a later one.",
        at(0.5),
        at(0.95),
        at(1.0)
    ));
    let frame = Duration::from_nanos(live.duration).as_secs_f64() * 1e3;
    report.targets.push(targets::ENCODER_DELAY.beside(at(0.95), format!("a frame: {frame:.0}")));
    Ok(())
}

/// Decoding by the player's module, one thread.
fn wasm(clip: &Clip, live: &Coding, clips: &Clips, report: &mut Report) -> Result<()> {
    eprintln!("WebAssembly");
    let file = clips.folder.join("wasm.units");
    worker::write(&file, &ours::encode(&clip.frames, live)?)?;
    let (width, height) = clip.size();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/player/bench/decode.mjs");
    let module = program.with_file_name("../wasm/fql_player.wasm");
    ensure!(module.exists(), "{}: build it by src/player/build --wasm", module.display());
    let mut node = Command::new("node");
    node.arg(&program).arg(&file).args([width.to_string(), height.to_string()]);
    let text = String::from_utf8(run(&mut node)?)?;
    let milliseconds: f64 = text
        .split(", ")
        .find_map(|part| part.split_once(" ms each")?.0.parse().ok())
        .with_context(|| format!("{} wrote {text:?}", program.display()))?;
    report.say(&format!(
        "The module of the browser player in node decodes the same units on one thread in {milliseconds:.1} ms each."
    ));
    report.targets.push(targets::WASM_DECODE.measured(1e3 / milliseconds));
    Ok(())
}
