//! What a run has shown, as figures and as a judgement.

use std::fmt;
use std::time::Duration;

use anyhow::{Result, bail};
use fql_transport::Time;
use serde_json::Value;

use super::process::Sample;
use super::rogue::Rogue;
use crate::crowd::Seen;

/// The share of its pictures that a camera has to show, by its nominal rate.
const SHOWN: f64 = 0.97;
/// A pause that is longer is one that is noticed: what a player keeps ready does not last so long.
const PAUSE: Duration = Duration::from_secs(1);
/// Memory is judged where there is so much time to grow in, in seconds of which each has a sample.
const JUDGED: usize = 120;
/// Seconds in which the camera that misbehaves has to have done everything once.
const REHEARSED: usize = 90;
/// What memory may differ by, from the second quarter to the last: a share, and bytes.
const GROWTH: (f64, f64) = (0.03, 4e6);
/// What connections of the camera that misbehaves hold for a moment.
const HELD: usize = 40;

/// What a run has shown.
#[derive(Debug)]
pub struct Verdict {
    /// Nominal pictures a second of each camera.
    pub rate: u32,
    /// The cameras that behave.
    pub cameras: Vec<Watched>,
    /// The daemon's process, each second.
    pub samples: Vec<Sample>,
    /// Those of the samples from before the last camera misbehaved.
    pub quiet: usize,
    /// How often the camera that misbehaves was connected to.
    pub connections: usize,
    /// Of what reasons its latest attempts ended, and how many.
    pub reasons: Vec<(String, usize)>,
}

/// What was seen of a camera.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// Its number.
    pub number: usize,
    /// Before the last camera misbehaved.
    pub before: Span,
    /// Beside that.
    pub beside: Span,
    /// Pictures that are not so wide as its own, and how wide the last of them was.
    pub foreign: (usize, u32),
    /// What became of attempts to open it, the newest first: `live`, or a reason.
    pub events: Vec<String>,
}

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Span {
    /// Its length.
    pub time: Duration,
    /// Pictures that came.
    pub pictures: usize,
    /// Pictures that did not.
    pub lost: u64,
    /// The longest time without one.
    pub longest_pause: Duration,
}

impl Span {
    fn of(seen: &[Seen], begin: Time, end: Time) -> Self {
        let of_it = || seen.iter().filter(|seen| seen.at >= begin && seen.at < end);
        let times = std::iter::once(begin).chain(of_it().map(|seen| seen.at));
        let pauses = times.zip(of_it().map(|seen| seen.at).chain([end])).map(|(one, next)| next - one);
        Self {
            time: end - begin,
            pictures: of_it().count(),
            lost: of_it().map(|seen| seen.lost).sum(),
            longest_pause: pauses.max().unwrap_or_default(),
        }
    }

    fn share(&self, rate: u32) -> f64 {
        self.pictures as f64 / (self.time.as_secs_f64() * f64::from(rate))
    }
}

impl Watched {
    /// A camera whose pictures are so wide. `times` are the beginning, when the other one misbehaves, and the end.
    pub fn new(number: usize, seen: &[Seen], times: [Time; 3], width: u32, events: &Value) -> Self {
        let word = |event: &Value| event["reason"].as_str().or(event["outcome"].as_str()).map(str::to_owned);
        Self {
            number,
            before: Span::of(seen, times[0], times[1]),
            beside: Span::of(seen, times[1], times[2]),
            foreign: seen
                .iter()
                .filter(|seen| seen.width != width)
                .fold((0, width), |(count, _), seen| (count + 1, seen.width)),
            events: events.as_array().into_iter().flatten().filter_map(word).collect(),
        }
    }

    /// What is wrong with what was seen of it.
    fn faults(&self, rate: u32) -> Vec<String> {
        let Self { number, beside, foreign, events, .. } = self;
        let mut faults = Vec::new();
        if beside.share(rate) < SHOWN {
            faults
                .push(format!("camera {number} showed {:.1} % of its pictures", beside.share(rate) * 100.0));
        }
        if beside.lost > 0 {
            faults.push(format!("{} pictures of camera {number} were lost", beside.lost));
        }
        if beside.longest_pause > PAUSE {
            let pause = beside.longest_pause.as_secs_f64();
            faults.push(format!("camera {number} showed nothing for {pause:.1} s"));
        }
        if let (count @ 1.., width) = *foreign {
            faults.push(format!("{count} pictures of camera {number} are not its own: {width} wide"));
        }
        if *events != ["live"] {
            faults.push(format!("camera {number} was opened anew: {events:?}"));
        }
        faults
    }
}

impl Verdict {
    /// Fails where the cameras that behave were touched, or memory grew.
    pub fn judge(&self) -> Result<()> {
        let mut faults: Vec<String> =
            self.cameras.iter().flat_map(|camera| camera.faults(self.rate)).collect();
        if self.busy().len() >= REHEARSED && self.connections < Rogue::repertoire() {
            faults.push(format!("the one that misbehaves was opened {} times only", self.connections));
        }
        faults.extend(self.growth());
        if let (Some(before), Some(after)) = (self.quiet().last(), self.samples.last())
            && (after.threads > before.threads + HELD || after.files > before.files + HELD)
        {
            faults.push(format!(
                "from {} threads and {} files to {} and {}",
                before.threads, before.files, after.threads, after.files
            ));
        }
        if !faults.is_empty() {
            bail!("{}", faults.join("; "));
        }
        Ok(())
    }

    fn quiet(&self) -> &[Sample] {
        &self.samples[..self.quiet]
    }

    fn busy(&self) -> &[Sample] {
        &self.samples[self.quiet..]
    }

    fn growth(&self) -> Option<String> {
        let (early, late) = self.memory()?;
        (late > early * (1.0 + GROWTH.0) + GROWTH.1)
            .then(|| format!("memory grew from {:.1} to {:.1} MiB", early / 1048576.0, late / 1048576.0))
    }

    /// The most memory in the second quarter since the last camera misbehaves, and in the last one; `None` where
    /// there was too little time.
    fn memory(&self) -> Option<(f64, f64)> {
        let beside = self.busy();
        let most = |samples: &[Sample]| samples.iter().map(|sample| sample.memory).fold(0.0, f64::max);
        let quarter = beside.len() / 4;
        (beside.len() >= JUDGED).then(|| (most(&beside[quarter..2 * quarter]), most(&beside[3 * quarter..])))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cameras = self.cameras.len();
        writeln!(f, "{cameras} cameras, and one that misbehaves\n")?;
        writeln!(f, "| | before | beside |\n| --- | --- | --- |")?;
        let spans = |span: fn(&Watched) -> Span| self.cameras.iter().map(span).collect::<Vec<_>>();
        let (before, beside) = (spans(|camera| camera.before), spans(|camera| camera.beside));
        let mut row = |name: &str, cell: &dyn Fn(&[Span]) -> String| {
            writeln!(f, "| {name} | {} | {} |", cell(&before), cell(&beside))
        };
        row("seconds", &|spans| format!("{:.0}", spans[0].time.as_secs_f64()))?;
        row("pictures", &|spans| spans.iter().map(|span| span.pictures).sum::<usize>().to_string())?;
        row("of those that were due, the camera with the fewest", &|spans| {
            let fewest = spans.iter().map(|span| span.share(self.rate)).fold(f64::MAX, f64::min);
            format!("{:.1} %", fewest * 100.0)
        })?;
        row("lost", &|spans| spans.iter().map(|span| span.lost).sum::<u64>().to_string())?;
        row("longest pause of any, ms", &|spans| {
            spans.iter().map(|span| span.longest_pause).max().unwrap_or_default().as_millis().to_string()
        })?;
        let mut row = |name: &str, cell: &dyn Fn(&[Sample]) -> Option<String>| {
            let cell = |samples| cell(samples).unwrap_or_else(|| "-".to_owned());
            writeln!(f, "| {name} | {} | {} |", cell(self.quiet()), cell(self.busy()))
        };
        row("cores", &|samples| {
            let [first, .., last] = samples else { return None };
            Some(format!("{:.2}", (last.seconds - first.seconds) / (samples.len() - 1) as f64))
        })?;
        row("memory at the end, MiB", &|samples| Some(format!("{:.1}", samples.last()?.memory / 1048576.0)))?;
        row("threads and files at the end", &|samples| {
            let last = samples.last()?;
            Some(format!("{}, {}", last.threads, last.files))
        })?;
        if let Some((early, late)) = self.memory() {
            writeln!(
                f,
                "\nThe most memory in the second quarter {:.1} MiB, in the last {:.1} MiB",
                early / 1048576.0,
                late / 1048576.0
            )?;
        }
        let reasons: Vec<_> =
            self.reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        writeln!(
            f,
            "\nThe one that misbehaves: {} connections; of its latest hundred events {}",
            self.connections,
            reasons.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn seen(from: u64, to: u64) -> Vec<Seen> {
        let at = |number: u64| Time::from_nanos(number * 100_000_000);
        (from..to).map(|number| Seen { at: at(number), lost: 0, width: 128 }).collect()
    }

    fn watched(seen: &[Seen], events: &Value) -> Watched {
        let second = |number: u64| Time::from_nanos(number * 1_000_000_000);
        Watched::new(7, seen, [second(0), second(10), second(20)], 128, events)
    }

    fn verdict(camera: Watched, memory: impl Fn(usize) -> f64) -> Verdict {
        let sample = |at| Sample { memory: memory(at), seconds: at as f64 * 0.5, threads: 9, files: 20 };
        Verdict {
            rate: 10,
            cameras: vec![camera],
            samples: (0..300).map(sample).collect(),
            quiet: 60,
            connections: 40,
            reasons: vec![("lost".into(), 40)],
        }
    }

    #[test]
    fn a_camera_that_nothing_happened_to_is_well() {
        let live = json!([{ "outcome": "live", "reason": null }]);
        let well = watched(&seen(0, 200), &live);
        assert_eq!((well.before.pictures, well.beside.pictures), (100, 100));
        assert_eq!(well.beside.longest_pause, Duration::from_millis(100));
        let verdict = verdict(well, |_| 1e8);
        verdict.judge().unwrap();
        let text = verdict.to_string();
        assert!(text.contains("| cores | 0.50 | 0.50 |") && text.contains("40 connections"), "{text}");
    }

    #[test]
    fn whatever_touches_a_camera_is_named() {
        let live = json!([{ "outcome": "live", "reason": null }]);
        let fault = |camera| verdict(camera, |_| 1e8).judge().unwrap_err().to_string();
        let mut away = seen(0, 150);
        away.extend(seen(165, 200));
        assert!(fault(watched(&away, &live)).contains("showed nothing for 1.6 s"));
        assert!(fault(watched(&seen(0, 190), &live)).contains("90.0 % of its pictures"));
        let mut other = seen(0, 200);
        other[150].width = 136;
        other[160].lost = 2;
        let text = fault(watched(&other, &live));
        assert!(
            text.contains("are not its own: 136 wide") && text.contains("2 pictures of camera 7 were lost")
        );
        let again =
            json!([{ "outcome": "live" }, { "outcome": "failed", "reason": "lost" }, { "outcome": "live" }]);
        assert!(fault(watched(&seen(0, 200), &again)).contains("opened anew"));
        let leaks = verdict(watched(&seen(0, 200), &live), |at| 1e8 + at as f64 * 1e5);
        assert!(leaks.judge().unwrap_err().to_string().contains("memory grew"));
    }
}
