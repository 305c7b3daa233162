//! What a viewer sees over links that lose packets, beside H.264 over SRT.

use std::time::Duration;

use anyhow::Result;
use fql_tests::clip::{self, bundled};
use fql_tests::frame::Frame;
use fql_tests::lossy_run::{LINKS, WIRE_KBITS};
use fql_tests::pipeline::load_plugin;
use fql_tests::relay::Link;

use crate::effort::Effort;
use crate::link::{Seen, Way};
use crate::plot::{Axis, Line, Plot};
use crate::report::Report;
use crate::targets::{self, Met};
use crate::ways::{LATENCY, behind_hub, fql, one_way, srt};

/// How long a datagram travels, in milliseconds, each way.
pub const DELAY: u64 = 30;
/// Key pictures: one in a second, where nobody tells the encoder what came.
pub const KEY_FRAMES: usize = 25;
/// The same where somebody does: none is needed for what is lost.
pub const ACKNOWLEDGED_KEY_FRAMES: usize = 250;
/// The same of H.264, as many streams have it.
pub const SRT_KEY_FRAMES: usize = 50;
/// What MPEG transport stream, SRT, UDP and IP add to the pictures, measured without losses.
const SRT_OVERHEAD: f64 = 1.06;
/// How far the rate on the wire may be from the one that is to be met.
const NEAR: f64 = 0.04;
/// How often a way is run until its rate is met.
const MOST_RUNS: usize = 3;
/// The places of the ways in a run.
const ACKNOWLEDGED: usize = 0;
const ONE_WAY: usize = 1;
const BEHIND_HUB: usize = 2;
const SRT: usize = 3;

/// What the viewers of one link saw.
struct Run {
    loss: f64,
    burst: f64,
    seen: Vec<(&'static str, Seen)>,
}

/// Where ways are measured.
struct Bench<'a> {
    clip: &'a [Frame],
    seconds: usize,
}

/// Measures all links in real time.
pub fn measure(effort: &Effort) -> Result<Report> {
    load_plugin()?;
    let clip = clip::frames(&bundled("bigbuckbunny.mp4"), usize::MAX)?;
    let bench = Bench { clip: &clip, seconds: effort.seconds };
    let runs = LINKS.into_iter().map(|(loss, burst)| bench.link(loss, burst)).collect::<Result<Vec<_>>>()?;
    let mut report = Report::default();
    report.say(&format!(
        "bigbuckbunny, 1280x720 at 25 frames a second, {} s a link, through the same seeded relay: {WIRE_KBITS} kbit/s \
         on the wire at most with all headers, parity and what is sent again; {DELAY} ms each way with losses in both \
         directions, a latency budget of {LATENCY} ms. *FQL* publishes to a receiver that acknowledges, with adaptive protection and a \
         key picture in {ACKNOWLEDGED_KEY_FRAMES}, the others have one in {KEY_FRAMES}; *one way* has no return path and a protection chosen for the link; *behind \
         a hub* is a viewer of `streamd`, with the link between both, and the publisher's bitrate chosen so that the rate on \
         the wire is met. x264 is `veryfast`, `zerolatency` with a buffer of 200 ms and a key picture in {SRT_KEY_FRAMES}, in MPEG transport stream over libsrt, \
         with the bitrate at which it has FQL's rate on the wire. Pictures are told by a stamp, those that \
         a decoder marks as broken by their time. *Frozen* is the share of frames for which no new picture came: x264 \
         counts every picture as new, broken ones too, FQL those with all of layer 0. *Other work* is what else the machine did meanwhile.",
        effort.seconds
    ));
    let rows = runs.iter().flat_map(|run| {
        run.seen.iter().map(|(name, seen)| cells(&link_name(run.loss, run.burst), name, seen))
    });
    report.table(
        [
            "link",
            "way",
            "frozen",
            "longest freeze, frames",
            "mean PSNR",
            "5th percentile",
            "kbit/s on the wire",
            "other work",
        ],
        rows,
    );
    plots(&runs, &mut report);
    report.targets = targets(&runs);
    Ok(report)
}

impl Bench<'_> {
    /// All ways over one link.
    fn link(&self, loss: f64, burst: f64) -> Result<Run> {
        let link = Link { loss, burst, delay: Duration::from_millis(DELAY), ..Link::default() };
        let wire = f64::from(WIRE_KBITS) * 1e3;
        let ours = self.run(&fql(), link)?;
        let one_way = self.run(&one_way(parity(loss, burst)), link)?;
        let behind_hub = self.at_rate(hub_kbits(loss, burst), wire * 0.97, link, behind_hub)?;
        let srt = self.at_rate(srt_kbits(loss), ours.1.wire_rate, link, |kbits| {
            srt("H.264 over SRT", SRT_KEY_FRAMES, kbits)
        })?;
        Ok(Run { loss, burst, seen: vec![ours, one_way, behind_hub, srt] })
    }

    fn run(&self, way: &Way, link: Link) -> Result<(&'static str, Seen)> {
        eprintln!("{}: {}", way.name, link_name(link.loss, link.burst));
        Ok((way.name, way.run(self.clip, link, self.seconds)?))
    }

    /// A way with a bitrate in kbit/s at which it takes so many bits a second on the wire: beginning with this one.
    fn at_rate(
        &self,
        kbits: u32,
        wire: f64,
        link: Link,
        way: impl Fn(u32) -> Way,
    ) -> Result<(&'static str, Seen)> {
        let mut kbits = kbits;
        let mut seen = self.run(&way(kbits), link)?;
        for _ in 1..MOST_RUNS {
            let off = wire / seen.1.wire_rate.max(1.0);
            if (off - 1.0).abs() <= NEAR {
                break;
            }
            kbits = (f64::from(kbits) * off.clamp(0.5, 2.0)) as u32;
            seen = self.run(&way(kbits), link)?;
        }
        Ok(seen)
    }
}

/// What SRT's encoder is given first: what it sends a second time counts on the wire.
pub fn srt_kbits(loss: f64) -> u32 {
    (f64::from(WIRE_KBITS) * 0.96 / SRT_OVERHEAD * (1.0 - loss)) as u32
}

/// What a publisher is given first so that the hub's parity has room.
fn hub_kbits(loss: f64, burst: f64) -> u32 {
    let parity = if burst > 1.0 { 0.7 } else { 0.14 + 3.0 * loss };
    (f64::from(WIRE_KBITS) * 0.92 / (1.0 + parity)) as u32
}

/// Rows of parity for ten of media, where nobody reports losses.
fn parity(loss: f64, burst: f64) -> u8 {
    if burst > 1.0 { 9 } else { (2.0 + 40.0 * loss).min(10.0) as u8 }
}

/// The worst of all links.
fn targets(runs: &[Run]) -> Vec<Met> {
    let beside = |run: &Run| {
        let srt = &run.seen[SRT].1.score;
        format!(
            "H.264 over SRT: {:.1} dB, {} frames, with {}",
            srt.p5_psnr,
            srt.longest_freeze,
            link_name(run.loss, run.burst)
        )
    };
    let quality = |(way, target): (usize, targets::Target)| {
        let p5 = |run: &Run| run.seen[way].1.score.p5_psnr;
        let worst = runs.iter().min_by(|a, b| p5(a).total_cmp(&p5(b)))?;
        Some(target.beside(p5(worst), beside(worst)))
    };
    let freeze = |run: &&Run| run.seen[ACKNOWLEDGED].1.score.longest_freeze;
    let longest = runs.iter().max_by_key(freeze);
    let ways = [
        (ACKNOWLEDGED, targets::LOSS_ACKNOWLEDGED),
        (ONE_WAY, targets::LOSS_ONE_WAY),
        (BEHIND_HUB, targets::LOSS_BEHIND_HUB),
    ];
    let freezes = longest.map(|run| targets::LOSS_FREEZE.beside(freeze(&run) as f64, beside(run)));
    ways.into_iter().filter_map(quality).chain(freezes).collect()
}

fn plots(runs: &[Run], report: &mut Report) {
    let plot = |title: &str, y, value: fn(&Seen) -> f64| {
        let lines = runs[0].seen.iter().enumerate().map(|(way, (name, _))| {
            let single = runs.iter().filter(|run| run.burst <= 1.0);
            Line::new(name, single.map(|run| (run.loss * 100.0, value(&run.seen[way].1))).collect())
        });
        let x = Axis::from_zero("packets lost, %");
        Plot { title: title.to_owned(), x, y, lines: lines.collect() }.svg()
    };
    let mean =
        plot("What stands on the screen, mean", Axis::linear("luma PSNR, dB"), |seen| seen.score.mean_psnr);
    report.show("bench-loss-psnr", "Mean luma PSNR against packet loss", mean);
    let low = plot("What stands on the screen, the worst 5 %", Axis::linear("luma PSNR, dB"), |seen| {
        seen.score.p5_psnr
    });
    report.show("bench-loss-low", "5th percentile of luma PSNR against packet loss", low);
    let frozen = plot("Frames without a new picture", Axis::from_zero("frames frozen, %"), |seen| {
        seen.frozen() * 100.0
    });
    report.show("bench-loss-freezes", "Frozen frames against packet loss", frozen);
}

/// The name of a link in tables.
pub fn link_name(loss: f64, burst: f64) -> String {
    let bursts = if burst > 1.0 { format!(" in bursts of {burst}") } else { String::new() };
    format!("{:.0} %{bursts}", loss * 100.0)
}

fn cells(link: &str, name: &str, seen: &Seen) -> [String; 8] {
    [
        link.to_owned(),
        name.to_owned(),
        format!("{:.1} %", seen.frozen() * 100.0),
        seen.score.longest_freeze.to_string(),
        format!("{:.1}", seen.score.mean_psnr),
        format!("{:.1}", seen.score.p5_psnr),
        format!("{:.0}", seen.wire_rate / 1e3),
        format!("{:.0} %", seen.other_work * 100.0),
    ]
}
