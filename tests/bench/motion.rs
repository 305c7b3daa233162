//! Rates of video with motion against PSNR, beside x264: at constant quality, and as live streams with a bitrate.

use anyhow::Result;

use crate::clips::{Clip, Clips};
use crate::curve::Curve;
use crate::effort::Effort;
use crate::ffmpeg::Peer;
use crate::ours::{self, Coding};
use crate::plot::{Axis, Line, Plot};
use crate::points::Point;
use crate::report::{Report, count};
use crate::targets::{MOTION_AT, MOTION_LEAST, MOTION_LOW, Met, Target};

/// Frames from one key frame to the next, of all.
const KEY_INTERVAL: u32 = 50;
/// Slices of our frames.
const SLICES: u8 = 4;
/// The finest intervals of our predicted frames, in 1/256 of a sample's unit: half an octave apart.
const INTERVALS: [u32; 11] =
    [32_768, 23_170, 16_384, 11_585, 8_192, 5_793, 4_096, 2_896, 2_048, 1_448, 1_024];
/// Constant qualities of x264, from few bytes to many.
const QUALITIES: [usize; 11] = [47, 43, 39, 35, 31, 28, 25, 22, 19, 16, 12];
/// Live bitrates in kbit/s.
const RATES: [u32; 7] = [125, 250, 500, 1000, 2000, 4000, 8000];
/// The rates in kbit/s at which the curves are compared.
const COMPARED: [f64; 8] = [60.0, 120.0, 239.0, 474.0, 948.0, 1939.0, 3904.0, 7470.0];
/// Curves end where they pass this luma PSNR in dB.
const MOST_LUMA: f64 = 50.0;

/// Measures all clips.
pub fn measure(clips: &Clips, effort: &Effort) -> Result<Report> {
    let mut report = Report::default();
    report.say(&format!(
        "The first {} frames of each clip, a key frame in {KEY_INTERVAL}, {SLICES} slices, all layers in one stream, \
         whole units with their headers counted; PSNR is the mean over frames, of luma. x264 is `-preset veryfast -tune \
         psnr,zerolatency -g {KEY_INTERVAL}`. *Constant quality* is one interval for all predicted frames and `-crf`; \
         *live* is a bitrate with a bucket of 200 ms, which no frame exceeds, of both (`-maxrate`, `-bufsize`). What lies \
         between two measured points is on a piecewise cubic over the logarithm of the rate. Curves end \
         where they pass {MOST_LUMA} dB.",
        clips.main().frames.len()
    ));
    for clip in &clips.all {
        eprintln!("{}: motion", clip.name);
        let measured = Measured::new(clip, clips, effort)?;
        measured.tell(effort, &mut report);
        report.targets.extend(measured.targets());
    }
    Ok(report)
}

/// What ours and x264 make of one clip.
struct Measured<'a> {
    clip: &'a Clip,
    constant: Pair,
    live: Pair,
}

/// Ours and the peer, in one way of choosing quality.
struct Pair {
    ours: Vec<Point>,
    peer: Vec<Point>,
}

/// Ours beside the peer at one rate.
struct Compared {
    kbits: f64,
    ours: f64,
    peer: f64,
}

impl Compared {
    fn difference(&self) -> f64 {
        self.ours - self.peer
    }
}

impl Pair {
    fn curves(&self) -> (Curve, Curve) {
        (Curve::through(&self.ours), Curve::through(&self.peer))
    }

    fn at(&self, clip: &Clip, kbits: f64) -> Option<Compared> {
        let (ours, peer) = self.curves();
        let (ours, peer) = (ours.luma_at(clip.bytes(kbits))?, peer.luma_at(clip.bytes(kbits))?);
        Some(Compared { kbits, ours, peer })
    }

    /// The bitrates that were asked for, with what both made of them.
    fn rows(&self, effort: &Effort) -> impl Iterator<Item = (u32, Point, Point)> {
        let asked = RATES.iter().step_by(effort.thinning);
        asked.zip(&self.ours).zip(&self.peer).map(|((&kbits, &ours), &peer)| (kbits, ours, peer))
    }

    /// In percent of the peer's rate.
    fn bd_rate(&self) -> Option<f64> {
        let (ours, peer) = self.curves();
        Some(ours.bd_rate(&peer)? * 100.0)
    }
}

impl<'a> Measured<'a> {
    fn new(clip: &'a Clip, clips: &Clips, effort: &Effort) -> Result<Self> {
        let frames = &clip.frames;
        let duration = (1e9 / clip.rate) as u64;
        let coding =
            Coding { key_interval: KEY_INTERVAL, slices: SLICES, threads: 0, duration, ..Coding::WHOLE };
        let wanted = |point: &Point| point.luma <= MOST_LUMA;
        let peer = |peer: Peer| peer.point(clip, &clips.folder);
        let constant = Pair {
            ours: until(INTERVALS.iter().step_by(effort.thinning), wanted, |&interval| {
                ours::point(frames, &Coding { interval: Some(interval), ..coding })
            })?,
            peer: until(QUALITIES.iter().step_by(effort.thinning), wanted, |&quality| {
                peer(Peer::x264_live(quality, KEY_INTERVAL))
            })?,
        };
        let live = Pair {
            ours: until(RATES.iter().step_by(effort.thinning), wanted, |&kbits| {
                ours::point(frames, &Coding { kbits: Some(kbits), ..coding })
            })?,
            peer: until(RATES.iter().step_by(effort.thinning), wanted, |&kbits| {
                peer(Peer::x264_at(kbits, KEY_INTERVAL))
            })?,
        };
        Ok(Self { clip, constant, live })
    }

    fn tell(&self, effort: &Effort, report: &mut Report) {
        let (width, height) = self.clip.size();
        report.say(&format!("**{}**, {width}x{height}, {} frames a second:", self.clip.name, self.clip.rate));
        report.table(
            ["kbit/s, constant quality", "FQL, dB", "x264, dB", "FQL over x264"],
            COMPARED.iter().filter_map(|&kbits| self.constant.at(self.clip, kbits)).map(|at| {
                [
                    count(at.kbits),
                    format!("{:.2}", at.ours),
                    format!("{:.2}", at.peer),
                    format!("{:+.2}", at.difference()),
                ]
            }),
        );
        let peer = Curve::through(&self.live.peer);
        report.table(
            ["kbit/s, live", "FQL took", "FQL, dB", "x264 took", "x264, dB", "FQL over x264 at its rate"],
            self.live.rows(effort).map(|(kbits, ours, theirs)| {
                let over = peer.luma_at(ours.bytes).map(|luma| ours.luma - luma);
                [
                    count(f64::from(kbits)),
                    count(self.clip.kbits(ours.bytes)),
                    format!("{:.2}", ours.luma),
                    count(self.clip.kbits(theirs.bytes)),
                    format!("{:.2}", theirs.luma),
                    over.map_or("-".to_owned(), |over| format!("{over:+.2}")),
                ]
            }),
        );
        let percent =
            |rate: Option<f64>| rate.map_or("no common range".to_owned(), |rate| format!("{rate:+.1} %"));
        report.say(&format!(
            "BD-rate against x264 (what FQL takes more for the same PSNR): {} at constant quality, {} live.",
            percent(self.constant.bd_rate()),
            percent(self.live.bd_rate())
        ));
        report.show(
            &format!("bench-motion-{}", self.clip.name),
            &format!("Rate against luma PSNR with motion on {}", self.clip.name),
            self.plot(),
        );
    }

    fn plot(&self) -> String {
        let line = |name: &str, points: &[Point]| {
            let mut points: Vec<_> =
                points.iter().map(|point| (self.clip.kbits(point.bytes), point.luma)).collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            Line::new(name, points)
        };
        let (width, height) = self.clip.size();
        Plot {
            title: format!("With motion: {}, {width}x{height}", self.clip.name),
            x: Axis::log("kbit/s"),
            y: Axis::linear("luma PSNR, dB"),
            lines: vec![
                line("FQL", &self.constant.ours),
                line("x264 veryfast zerolatency", &self.constant.peer),
                line("FQL live", &self.live.ours),
                line("x264 live", &self.live.peer),
            ],
        }
        .svg()
    }

    /// The targets of this clip.
    fn targets(&self) -> Vec<Met> {
        let compared = |kbits: f64| self.constant.at(self.clip, kbits);
        if self.clip.name == "bbbs" {
            let at = |(kbits, target): (f64, Target)| {
                let at = compared(kbits)?;
                Some(target.beside(at.difference(), beside(&at)))
            };
            return MOTION_AT.into_iter().filter_map(at).collect();
        }
        let all: Vec<Compared> = COMPARED.into_iter().filter_map(compared).collect();
        let Some((_, least)) = MOTION_LEAST.into_iter().find(|(name, _)| *name == self.clip.name) else {
            return Vec::new();
        };
        let (low, high): (Vec<_>, Vec<_>) = all.into_iter().partition(|at| at.kbits <= MOTION_LOW);
        let worst = |(compared, target): (Vec<Compared>, Target)| {
            let least = compared.into_iter().min_by(|a, b| a.difference().total_cmp(&b.difference()))?;
            Some(target.beside(least.difference(), beside(&least)))
        };
        [low, high].into_iter().zip(least).filter_map(worst).collect()
    }
}

/// What the peer has there.
fn beside(at: &Compared) -> String {
    format!("x264: {:.1} dB at {} kbit/s, FQL {:.1}", at.peer, count(at.kbits), at.ours)
}

/// The points of a rising curve, up to the first one that nobody wants any more.
fn until<T>(
    settings: impl Iterator<Item = T>,
    is_wanted: impl Fn(&Point) -> bool,
    measure: impl Fn(T) -> Result<Point>,
) -> Result<Vec<Point>> {
    let mut points = Vec::new();
    for setting in settings {
        let point = measure(setting)?;
        points.push(point);
        if !is_wanted(&point) {
            break;
        }
    }
    Ok(points)
}
