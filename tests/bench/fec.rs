//! How fast one core sends and receives: error correction, sealing and all.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use fql_transport::{Key, Receiver, ReceiverConfig, Seed, Sender, SenderConfig, Time};
use fql_unit::{Chroma, Media, Segment, Timing, Track, TrackTable, Unit, VideoInfo};

use crate::effort::Effort;
use crate::plot::{Axis, Line, Plot};
use crate::points::median;
use crate::report::{Report, count};

const KEY: Key = Key::from_bytes([1; 32]);
const FRAME: Duration = Duration::from_millis(40);
const FRAMES: u64 = 50;
/// Frames before them: shards are spaced in time, so the first frames leave later than they come.
const WARM_UP: u64 = 5;
/// Bytes of each of five layers in four slices: about a lossless 720p frame.
const LAYER: usize = 86_000;
/// Settings of `fec`.
const SETTINGS: [&str; 4] = ["none", "equal:1", "equal:3", "equal:6"];

/// Bits of media a second.
#[derive(Debug, Clone, Copy)]
struct Speed {
    sending: f64,
    receiving: f64,
    /// Parity shards for each source shard.
    parity: f64,
}

/// Measures some settings, round by round.
pub fn measure(effort: &Effort) -> Result<Report> {
    let mut rounds = Vec::new();
    for round in 1..=effort.rounds {
        eprintln!("round {round} of {}", effort.rounds);
        let both = |fec| Ok([one(fec, false)?, one(fec, true)?]);
        rounds.push(SETTINGS.map(both).into_iter().collect::<Result<Vec<_>>>()?);
    }
    let middle = |setting: usize, lossy: usize, of: fn(&Speed) -> f64| {
        median(rounds.iter().map(|round| of(&round[setting][lossy])).collect()) / 1e6
    };
    let mut report = Report::default();
    report.say(&format!(
        "Mbit/s of media on one core, frames of {} bytes, sealing included; without the build option `simd-accel`. With \
         losses there is less to open, and the rate counts what was sent.",
        count(5.0 * LAYER as f64)
    ));
    let rows = SETTINGS.iter().enumerate().map(|(i, name)| {
        [
            (*name).to_owned(),
            format!("{:.0} %", 100.0 * rounds[0][i][0].parity),
            count(middle(i, 0, |speed| speed.sending)),
            count(middle(i, 0, |speed| speed.receiving)),
            count(middle(i, 1, |speed| speed.receiving)),
        ]
    });
    report.table(["`fec`", "parity", "sending", "receiving", "receiving, 10 % lost"], rows);
    let line = |name, lossy, of: fn(&Speed) -> f64| {
        let points = (0..SETTINGS.len()).map(|i| (100.0 * rounds[0][i][0].parity, middle(i, lossy, of)));
        Line::new(name, points.collect())
    };
    let plot = Plot {
        title: "Media through one core, sealing included".to_owned(),
        x: Axis::from_zero("parity, % of the media"),
        y: Axis::from_zero("Mbit/s of media"),
        lines: vec![
            line("sending", 0, |speed| speed.sending),
            line("receiving", 0, |speed| speed.receiving),
            line("receiving with 10 % lost", 1, |speed| speed.receiving),
        ],
    };
    report.show("bench-fec", "Throughput of one core against parity", plot.svg());
    Ok(report)
}

/// Sends frames and receives them, without each tenth datagram where `loses`.
fn one(fec: &str, loses: bool) -> Result<Speed> {
    let mut now = Time::from_nanos(1_000_000_000);
    let config =
        SenderConfig { fec: Some(fec.parse()?), congestion_control: false, ..SenderConfig::new(KEY) };
    let mut sender = Sender::new(config, Seed::from_bytes([1; 32]), now)?;
    let mut receiver = Receiver::new(ReceiverConfig::new(KEY), Seed::from_bytes([2; 32]))?;
    sender.set_tracks(now, tracks()?);
    meet(&mut sender, &mut receiver, now);
    let unit = unit()?;
    let (mut sending, mut receiving, mut count) = (Duration::ZERO, Duration::ZERO, 0u64);
    for number in 0..WARM_UP + FRAMES {
        if number == WARM_UP {
            (sending, receiving) = (Duration::ZERO, Duration::ZERO);
        }
        let timing = Timing { pts: FRAME.as_nanos() as u64 * number, duration: FRAME.as_nanos() as u64 };
        let began = Instant::now();
        sender.push_unit(now, 0, timing, &unit)?;
        sending += began.elapsed();
        for _ in 0..FRAME.as_millis() {
            now = now + Duration::from_millis(1);
            let began = Instant::now();
            let datagrams: Vec<_> = std::iter::from_fn(|| sender.poll_transmit(now)).collect();
            sending += began.elapsed();
            let began = Instant::now();
            for datagram in datagrams {
                count += 1;
                if !(loses && count.is_multiple_of(10)) {
                    receiver.handle_datagram(now, (), &datagram);
                }
            }
            while receiver.poll_event().is_some() {}
            receiving += began.elapsed();
        }
    }
    let stats = sender.stats(now);
    ensure!(stats.source_shards > 0, "nothing was sent");
    let bits = (unit.payload_len() * 8) as f64 * FRAMES as f64;
    Ok(Speed {
        sending: bits / sending.as_secs_f64(),
        receiving: bits / receiving.as_secs_f64(),
        parity: stats.parity_shards as f64 / stats.source_shards as f64,
    })
}

/// The handshake.
fn meet(sender: &mut Sender, receiver: &mut Receiver<()>, now: Time) {
    loop {
        let hello: Vec<_> = std::iter::from_fn(|| sender.poll_transmit(now)).collect();
        hello.iter().for_each(|datagram| receiver.handle_datagram(now, (), datagram));
        let answers: Vec<_> = std::iter::from_fn(|| receiver.poll_transmit(now)).collect();
        answers.iter().for_each(|(_, datagram)| sender.handle_datagram(now, datagram));
        if hello.is_empty() && answers.is_empty() {
            return;
        }
    }
}

fn tracks() -> Result<TrackTable> {
    let media = Media::Video(VideoInfo { frame_rate: (25, 1), ..VideoInfo::new(1280, 720, Chroma::Yuv420) });
    Ok(TrackTable::new(vec![Track { id: 0, name: String::new(), layers: 10, media }])?)
}

fn unit() -> Result<Unit> {
    let mut unit = Unit::new(10, 4, [0; 8])?;
    for layer in 0..5 {
        for slice in 0..4u8 {
            let bytes = (0..LAYER / 4).map(|i| (i * 7 + usize::from(layer * 4 + slice)) as u8);
            unit.set(layer, slice, Segment::complete(bytes.collect::<Vec<_>>()));
        }
    }
    Ok(unit)
}
