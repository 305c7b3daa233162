//! Bytes a frame against PSNR: each layer, and bitrates beside JPEG 2000 and x264 intra.

use anyhow::{Context, Result};

use crate::clips::{Clip, Clips};
use crate::curve::Curve;
use crate::effort::Effort;
use crate::ffmpeg::Peer;
use crate::ours::{self, Coding};
use crate::plot::{Axis, Line, Plot};
use crate::points::Point;
use crate::report::{Report, count};
use crate::targets;

/// Ratios of compression that JPEG 2000 is asked for; ours then gets the bytes that it took.
const RATIOS: [usize; 6] = [320, 160, 80, 40, 20, 10];
/// Quantisers of x264, from few bytes to many.
const QUANTISERS: [usize; 8] = [51, 45, 39, 34, 29, 24, 19, 14];
/// Beyond this luma PSNR in dB nothing is measured: what is wanted there is exactness.
const MOST_LUMA: f64 = 50.0;
/// Layers are measured on every fifth frame.
const EVERY: usize = 5;

/// Measures all clips.
pub fn measure(clips: &Clips, effort: &Effort) -> Result<Report> {
    let mut report = Report::default();
    report.say(&format!(
        "The first {} frames of each clip; PSNR is the mean over frames, of luma. JPEG 2000 is OpenJPEG with the 9/7 \
         wavelet; FQL gets the bytes that it took. x264 codes intra pictures alone (`-preset medium -tune psnr -g 1 \
         -qp`); its PSNR at the same bytes lies between two quantisers. What lies beyond {MOST_LUMA} dB is left out.",
        clips.main().frames.len()
    ));
    for clip in &clips.all {
        eprintln!("{}: bitrates", clip.name);
        let curves = Curves::new(clip, clips, effort)?;
        curves.tell(clip, &mut report);
    }
    layers(clips, &mut report)?;
    Ok(report)
}

/// What ours and the peers make of one clip.
struct Curves {
    /// Of JPEG 2000's compression, one for each of its points and of ours.
    ratios: Vec<usize>,
    ours: Vec<Point>,
    jpeg_2000: Vec<Point>,
    x264: Vec<Point>,
}

impl Curves {
    fn new(clip: &Clip, clips: &Clips, effort: &Effort) -> Result<Self> {
        let (mut ratios, mut ours, mut jpeg_2000) = (Vec::new(), Vec::new(), Vec::new());
        for &ratio in RATIOS.iter().step_by(effort.thinning) {
            let peer = Peer::jpeg_2000(ratio).point(clip, &clips.folder)?;
            if peer.luma > MOST_LUMA {
                break;
            }
            ours.push(ours::point(&clip.frames, &Coding::bytes(peer.bytes.round() as usize))?);
            jpeg_2000.push(peer);
            ratios.push(ratio);
        }
        let quantisers = QUANTISERS.iter().step_by(effort.thinning);
        let points = quantisers.map(|&quantiser| Peer::x264(quantiser).point(clip, &clips.folder));
        let mut x264 = points.collect::<Result<Vec<_>>>()?;
        x264.retain(|point| point.luma <= MOST_LUMA);
        Ok(Self { ratios, ours, jpeg_2000, x264 })
    }

    fn tell(&self, clip: &Clip, report: &mut Report) {
        let (width, height) = clip.size();
        report.say(&format!("**{}**, {width}x{height}:", clip.name));
        let against =
            |ours: f64, peer: Option<f64>| peer.map_or("-".to_owned(), |peer| format!("{:+.2}", ours - peer));
        let x264 = Curve::through(&self.x264);
        let rows = self.ours.iter().zip(&self.jpeg_2000).map(|(ours, peer)| {
            let x264 = x264.luma_at(ours.bytes);
            [
                count(peer.bytes),
                count(ours.bytes),
                format!("{:.2}", ours.luma),
                format!("{:.2}", peer.luma),
                x264.map_or("-".to_owned(), |luma| format!("{luma:.2}")),
                against(ours.luma, Some(peer.luma)),
                against(ours.luma, x264),
                against(ours.all, Some(peer.all)),
            ]
        });
        report.table(
            [
                "bytes a frame",
                "FQL took",
                "FQL, dB",
                "JPEG 2000, dB",
                "x264 intra, dB",
                "FQL over JPEG 2000",
                "FQL over x264",
                "FQL over JPEG 2000, all planes",
            ],
            rows,
        );
        report.show(
            &format!("bench-rate-{}", clip.name),
            &format!("Bytes a frame against luma PSNR on {}", clip.name),
            self.plot(clip),
        );
        if clip.is_main() {
            let measured = targets::PSNR.iter().filter_map(|(ratio, target)| {
                let at = self.ratios.iter().position(|of| of == ratio)?;
                let ours = self.ours.get(at)?;
                Some(target.measured(ours.luma))
            });
            report.targets.extend(measured);
        }
    }

    fn plot(&self, clip: &Clip) -> String {
        let points = |points: &[Point]| {
            let mut points: Vec<_> = points.iter().map(|point| (point.bytes / 1000.0, point.luma)).collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            points
        };
        let (width, height) = clip.size();
        Plot {
            title: format!("Intra pictures of {}, {width}x{height}", clip.name),
            x: Axis::log("kB a frame"),
            y: Axis::linear("luma PSNR, dB"),
            lines: vec![
                Line::new("FQL", points(&self.ours)),
                Line::new("JPEG 2000 (OpenJPEG, 9/7)", points(&self.jpeg_2000)),
                Line::new("x264 intra, preset medium", points(&self.x264)),
            ],
        }
        .svg()
    }
}

/// The ladder of each clip.
fn layers(clips: &Clips, report: &mut Report) -> Result<()> {
    let mut ladders = Vec::new();
    for clip in &clips.all {
        eprintln!("{}: layers", clip.name);
        let frames: Vec<_> = clip.frames.iter().step_by(EVERY).cloned().collect();
        ladders.push((clip.name, ours::ladder(&frames)?));
    }
    report.say(&format!(
        "**What each layer gives**, with those below it: bytes a frame and luma PSNR in dB, of every {EVERY}th frame."
    ));
    let row = |layer: usize| -> Vec<String> {
        let interval = if layer < 9 { (512 >> layer).to_string() } else { "exact".to_owned() };
        let cells = ladders.iter().flat_map(|(_, ladder)| {
            let point = ladder[layer];
            let luma = if point.luma >= 99.0 { "exact".to_owned() } else { format!("{:.1}", point.luma) };
            [count(point.bytes), luma]
        });
        [layer.to_string(), interval].into_iter().chain(cells).collect()
    };
    let names = ladders.iter().flat_map(|(name, _)| [format!("{name}: bytes"), "dB".to_owned()]);
    let columns = ["layer".to_owned(), "interval".to_owned()].into_iter().chain(names).collect();
    report.wide_table(columns, (0..usize::from(ours::LAYERS)).map(row));
    let lines = ladders.iter().map(|(name, ladder)| {
        let lossy = ladder.iter().filter(|point| point.luma < 99.0);
        Line::new(name, lossy.map(|point| (point.bytes / 1000.0, point.luma)).collect())
    });
    let plot = Plot {
        title: "Layers 0 to 8 of the whole ladder".to_owned(),
        x: Axis::log("kB a frame, with the layers below"),
        y: Axis::linear("luma PSNR, dB"),
        lines: lines.collect(),
    };
    report.show("bench-layers", "What each layer gives", plot.svg());
    ladders.first().context("no clip").map(|_| ())
}
