//! End-to-end delay: a clock is filmed, and read again from the picture on the viewer's screen.

use std::time::Duration;

use anyhow::{Result, ensure};
use fql_tests::clip::{self, bundled};
use fql_tests::pipeline::load_plugin;
use fql_tests::relay::Link;

use crate::effort::Effort;
use crate::link::{Seen, Way};
use crate::loss::{DELAY, SRT_KEY_FRAMES, srt_kbits};
use crate::plot::{Axis, Line, Plot};
use crate::points::percentile;
use crate::report::Report;
use crate::ways::{LATENCY, fql, srt};

/// Shares of packets lost.
const LOSSES: [f64; 2] = [0.0, 0.05];

/// Measures in real time.
pub fn measure(effort: &Effort) -> Result<Report> {
    load_plugin()?;
    let clip = clip::frames(&bundled("bigbuckbunny.mp4"), usize::MAX)?;
    let mut report = Report::default();
    report.say(&format!(
        "From the moment at which a picture is filmed, which is stamped into it in milliseconds, to that at which it is \
         shown, read from the decoded picture: coding, {DELAY} ms of link, the latency budget of {LATENCY} ms, decoding. \
         Milliseconds; 720p at 25 frames a second, {} s a row. Pictures of FQL are shown when they are due, or as soon \
         as they are decoded; libsrt itself holds packets until they are due, so H.264 is shown as soon as it is \
         decoded. The elements behind it tell the end of a \
         picture by the beginning of the next, which costs up to 40 ms each at this rate.",
        seconds(effort)
    ));
    let mut rows = Vec::new();
    let mut lines = Vec::new();
    for loss in LOSSES {
        for way in ways(loss) {
            eprintln!("{}: {:.0} % lost", way.name, loss * 100.0);
            let link = Link { loss, delay: Duration::from_millis(DELAY), ..Link::default() };
            let seen = way.run(&clip, link, seconds(effort))?;
            ensure!(!seen.ages.is_empty(), "{} showed no picture", way.name);
            rows.push(cells(loss, &way, &seen));
            if loss == 0.0 {
                lines.push(distribution(way.name, &seen.ages));
            }
        }
    }
    report.table(["loss", "way", "least", "median", "95th percentile", "most", "pictures"], rows);
    let plot = Plot {
        title: "Age of pictures when they are shown, without losses".to_owned(),
        x: Axis::linear("at most so many milliseconds old"),
        y: Axis::from_zero("pictures, %"),
        lines,
    };
    report.show("bench-delay", "Distribution of the end-to-end delay", plot.svg());
    Ok(report)
}

/// Half of what losses take: every picture tells its age.
fn seconds(effort: &Effort) -> usize {
    effort.seconds.div_ceil(2)
}

fn ways(loss: f64) -> [Way; 3] {
    let at_once = Way { name: "FQL, shown at once", on_time: false, ..fql() };
    [
        Way { name: "FQL, shown when due", ..fql() },
        at_once,
        srt("H.264 over SRT", SRT_KEY_FRAMES, srt_kbits(loss)),
    ]
}

fn cells(loss: f64, way: &Way, seen: &Seen) -> [String; 7] {
    let at = |share| format!("{:.0}", percentile(&seen.ages, share).unwrap_or(f64::NAN));
    [
        format!("{:.0} %", loss * 100.0),
        way.name.to_owned(),
        at(0.0),
        at(0.5),
        at(0.95),
        at(1.0),
        seen.ages.len().to_string(),
    ]
}

/// How many of the pictures were at most so old.
fn distribution(name: &str, ages: &[f64]) -> Line {
    let points = (0..=100)
        .filter_map(|percent| Some((percentile(ages, f64::from(percent) / 100.0)?, f64::from(percent))));
    Line::smooth(name, points.collect())
}
