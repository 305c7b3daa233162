//! Delay to ordinary players: a clock is filmed, published as H.264 or in layers, and read again from the pictures that
//! players of WebRTC and of Low-Latency HLS decode.

mod camera;
mod hls;
mod screen;
mod whep;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use fql_tests::clip::{self, bundled};
use fql_tests::daemon::Daemon;
use fql_tests::frame::Frame;
use fql_tests::pipeline::load_plugin;

use crate::effort::Effort;
use crate::points::percentile;
use crate::report::Report;

use camera::{Camera, Clock, KEY_FRAMES, Source};
use screen::Screen;

/// How long players settle before pictures count.
const SETTLING: Duration = Duration::from_secs(3);

/// Measures in real time.
pub fn measure(effort: &Effort) -> Result<Report> {
    load_plugin()?;
    let clip = clip::frames(&bundled("bigbuckbunny.mp4"), usize::MAX)?;
    let clip: Vec<Frame> = clip.iter().map(half).collect::<Result<_>>()?;
    let seconds = effort.seconds.div_ceil(2) as u64;
    let mut rows = Vec::new();
    let mut hold_back = 0.0;
    for source in Source::ALL {
        let daemon = Daemon::start("[limits]\nrequests_per_minute = 100000\n")?;
        let clock = Clock::start();
        let is_over = AtomicBool::new(false);
        let camera = Camera::publish(&daemon, source, &clip[0])?;
        let webrtc = format!("{}/play/{}/webrtc", daemon.url(), camera.playback_id);
        thread::scope(|scope| {
            let filming = scope.spawn(|| {
                let filmed = camera.film(&clip, &clock, &is_over);
                is_over.store(true, Ordering::SeqCst);
                filmed
            });
            let played = camera.is_live(&daemon, &is_over).and_then(|()| {
                let time = Duration::from_secs(seconds);
                let ages = Screen::watch(&clock, whep::ELEMENTS, time, |screen| {
                    whep::play(&webrtc, screen, &is_over)
                })?;
                rows.push(cells(source.name(), "WHEP", &ages)?);
                let ages = Screen::watch(&clock, hls::ELEMENTS, time, |screen| {
                    hold_back = hls::play(&daemon, &camera.playback_id, screen, &is_over)?;
                    Ok(())
                })?;
                rows.push(cells(source.name(), "LL-HLS", &ages)?);
                Ok(())
            });
            is_over.store(true, Ordering::SeqCst);
            let filmed = filming.join().map_err(|_| anyhow!("the filming thread panicked"))?;
            played.and(filmed)
        })?;
    }
    let mut report = Report::default();
    report.say(&format!(
        "From the moment at which a picture is filmed, which is stamped into it in milliseconds, to that at which a \
         player has decoded it, as soon as it came: coding, publishing, `streamd`, packets or parts of 0.33 s, \
         decoding, all on the same machine. Milliseconds; {}x{} at 25 frames a second and about 1 Mbit/s, H.264 from \
         `x264enc tune=zerolatency` with a key picture in {KEY_FRAMES}, {seconds} s a row. FQL is received with the \
         latency budget of 120 ms that the server has by default. A player of LL-HLS keeps {hold_back:.1} s away from the end \
         of its playlist (`PART-HOLD-BACK`), which comes on top; one of WebRTC shows pictures at once.",
        clip[0].width, clip[0].height,
    ));
    report
        .table(["published as", "played by", "least", "median", "95th percentile", "most", "pictures"], rows);
    Ok(report)
}

fn cells(source: &str, player: &str, ages: &[f64]) -> Result<[String; 7]> {
    ensure!(!ages.is_empty(), "{player} showed no picture of {source}");
    let at = |share| format!("{:.0}", percentile(ages, share).unwrap_or(f64::NAN));
    let cells =
        [source.to_owned(), player.to_owned(), at(0.0), at(0.5), at(0.95), at(1.0), ages.len().to_string()];
    eprintln!("  {}", cells.join(" | "));
    Ok(cells)
}

/// Every second sample of every second row: the machine codes, converts, and decodes at once.
fn half(frame: &Frame) -> Result<Frame> {
    let (width, height) = (frame.width, frame.height);
    let luma = width * height;
    let planes = [(0, width, height), (luma, width / 2, height / 2), (luma * 5 / 4, width / 2, height / 2)];
    let mut samples = Vec::with_capacity(frame.samples.len() / 4);
    for (from, width, height) in planes {
        let rows = frame.samples[from..from + width * height].chunks_exact(width).step_by(2);
        samples.extend(rows.flat_map(|row| row.iter().step_by(2)));
    }
    Frame::new(width / 2, height / 2, samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_picture_has_every_second_sample_of_each_plane() {
        let samples = (0..8 * 8 * 3 / 2).map(|sample| sample as u8).collect();
        let frame = half(&Frame::new(8, 8, samples).unwrap()).unwrap();
        assert_eq!((frame.width, frame.height), (4, 4));
        assert_eq!(frame.samples[..8], [0, 2, 4, 6, 16, 18, 20, 22]);
        assert_eq!(frame.samples[16..], [64, 66, 72, 74, 80, 82, 88, 90]);
    }
}
