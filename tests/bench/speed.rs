//! Frames a second: of one core at some rates of key frames, beside JPEG 2000 and x264 intra, and of two.

use anyhow::Result;

use crate::clips::{Clip, Clips};
use crate::effort::Effort;
use crate::ffmpeg::{Peer, packet_bytes};
use crate::ours::Coding;
use crate::plot::{Axis, Line, Plot};
use crate::race::{Clock, Contender, Speed, race};
use crate::report::{Report, count};
use crate::targets;
use crate::two_cores;

/// Bytes a frame.
const RATES: [usize; 3] = [10_000, 20_000, 34_000];
/// The one for which targets are set.
const TARGET: usize = 20_000;

/// Who is measured at one rate.
struct Row {
    name: String,
    bytes: f64,
    speed: Speed,
}

/// Measures the main clip.
pub fn measure(clips: &Clips, effort: &Effort) -> Result<Report> {
    let clip = clips.main();
    let mut report = Report::default();
    let (width, height) = clip.size();
    report.say(&format!(
        "**One core**, key frames alone of {}, {width}x{height}, {} frames: frames a second of user time, one thread, whole processes less what reading the files takes; \
         *times* are those of FQL. JPEG 2000 is OpenJPEG, x264 `-preset medium -tune psnr -g 1`, decoded by ffmpeg's own decoder, \
         both with their SIMD.",
        clip.name,
        clip.frames.len()
    ));
    let mut rates = Vec::new();
    for bytes in RATES {
        eprintln!("{}: {bytes} bytes a frame", clip.name);
        rates.push(at(clip, clips, effort, bytes)?);
    }
    let rows = rates.iter().flat_map(|rate| rate.iter().map(|row| cells(row, &rate[0])));
    report.table(["codec", "bytes a frame", "encoding", "times", "decoding", "times"], rows);
    let encoding = plot("Encoding", clip, &rates, |speed| speed.encode);
    report.show("bench-speed-encoding", "Frames a second that one core encodes", encoding);
    let decoding = plot("Decoding", clip, &rates, |speed| speed.decode);
    report.show("bench-speed-decoding", "Frames a second that one core decodes", decoding);
    if let Some(at) = RATES.iter().position(|&bytes| bytes == TARGET).filter(|_| clip.is_main()) {
        let Speed { encode, decode } = rates[at][0].speed;
        report.targets.push(targets::ENCODE.measured(encode));
        report.targets.push(targets::DECODE.measured(decode));
    }
    two_cores::measure(clips, effort, &mut report)?;
    Ok(report)
}

fn at(clip: &Clip, clips: &Clips, effort: &Effort, bytes: usize) -> Result<Vec<Row>> {
    let peers = [Peer::jpeg_2000(clip.raw_bytes() / bytes), Peer::x264_near(bytes, clip, &clips.folder)?];
    let mut contenders = vec![Contender::ours(clip, &Coding::bytes(bytes), &clips.folder)?];
    contenders.extend(peers.iter().map(|peer| Contender::peer(peer, clip, &clips.folder, 1)));
    let frames = clip.frames.len() as f64;
    let speeds = race(&mut contenders, effort.rounds, frames, Clock::UserTime)?;
    let mut rows = Vec::new();
    for (contender, speed) in contenders.iter().zip(speeds) {
        let coded = match contender.read_coded {
            Some(_) => packet_bytes(&contender.coded)? as f64,
            None => std::fs::metadata(&contender.coded)?.len() as f64,
        };
        rows.push(Row { name: contender.name.clone(), bytes: coded / frames, speed });
    }
    Ok(rows)
}

fn cells(row: &Row, ours: &Row) -> [String; 6] {
    [
        row.name.clone(),
        count(row.bytes),
        format!("{:.1}", row.speed.encode),
        format!("{:.2}", row.speed.encode / ours.speed.encode),
        format!("{:.1}", row.speed.decode),
        format!("{:.2}", row.speed.decode / ours.speed.decode),
    ]
}

fn plot(title: &str, clip: &Clip, rates: &[Vec<Row>], speed: fn(&Speed) -> f64) -> String {
    let line = |who: usize| {
        let points = rates.iter().map(|rate| (rate[who].bytes / 1000.0, speed(&rate[who].speed)));
        Line::new(&rates[0][who].name, points.collect())
    };
    Plot {
        title: format!("{title} {} on one core", clip.name),
        x: Axis::from_zero("kB a frame"),
        y: Axis::from_zero("frames a second"),
        lines: (0..rates[0].len()).map(line).collect(),
    }
    .svg()
}
