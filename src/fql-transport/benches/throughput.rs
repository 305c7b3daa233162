//! How fast one core sends and receives. `cargo bench -p fql-transport` prints a table.

use std::time::{Duration, Instant};

use fql_transport::{Key, Receiver, ReceiverConfig, Seed, Sender, SenderConfig, Time};
use fql_unit::{Chroma, Media, Segment, Timing, Track, TrackTable, Unit, VideoInfo};

const KEY: Key = Key::from_bytes([1; 32]);
const FRAME: Duration = Duration::from_millis(40);
const FRAMES: u64 = 50;
/// A lossless 720p frame: 5 layers of 4 slices.
const LAYER: usize = 86_000;

struct Speed {
    /// Bits of media a second.
    sending: f64,
    receiving: f64,
    parity: u64,
    sources: u64,
}

fn tracks() -> TrackTable {
    let media = Media::Video(VideoInfo {
        width: 1280,
        height: 720,
        chroma: Chroma::Yuv420,
        bits: 8,
        frame_rate: (25, 1),
        pixel_aspect: (1, 1),
        colorimetry: String::new(),
    });
    TrackTable::new(vec![Track { id: 0, name: String::new(), layers: 10, media }]).unwrap()
}

fn frame() -> Unit {
    let mut unit = Unit::new(10, 4, [0; 8]).unwrap();
    for layer in 0..5 {
        for slice in 0..4u8 {
            let bytes = (0..LAYER / 4).map(|i| (i * 7 + usize::from(layer * 4 + slice)) as u8);
            unit.set(layer, slice, Segment::complete(bytes.collect::<Vec<_>>()));
        }
    }
    unit
}

/// Sends frames and receives them without each tenth datagram, where `loses`.
fn measure(fec: &str, loses: bool) -> Speed {
    let mut now = Time::from_nanos(1_000_000_000);
    let config = SenderConfig { fec: Some(fec.parse().unwrap()), ..SenderConfig::new(KEY) };
    let mut sender = Sender::new(config, Seed::from_bytes([1; 32]), now).unwrap();
    let mut receiver = Receiver::new(ReceiverConfig::new(KEY), Seed::from_bytes([2; 32])).unwrap();
    sender.set_tracks(now, tracks());
    receiver.handle_datagram(now, (), &sender.poll_transmit(now).unwrap());
    sender.handle_datagram(now, &receiver.poll_transmit(now).unwrap().1);
    let unit = frame();
    let (mut sending, mut receiving, mut count) = (Duration::ZERO, Duration::ZERO, 0);
    for number in 0..FRAMES {
        let timing = Timing { pts: FRAME.as_nanos() as u64 * number, duration: FRAME.as_nanos() as u64 };
        let began = Instant::now();
        sender.push_unit(now, 0, timing, &unit).unwrap();
        sending += began.elapsed();
        for _ in 0..FRAME.as_millis() {
            now = now + Duration::from_millis(1);
            let began = Instant::now();
            let datagrams: Vec<_> = std::iter::from_fn(|| sender.poll_transmit(now)).collect();
            sending += began.elapsed();
            let began = Instant::now();
            for datagram in datagrams {
                count += 1;
                if !(loses && count % 10 == 0) {
                    receiver.handle_datagram(now, (), &datagram);
                }
            }
            while receiver.poll_event().is_some() {}
            receiving += began.elapsed();
        }
    }
    let stats = sender.stats(now);
    let bits = (unit.payload_len() * 8) as f64 * FRAMES as f64;
    Speed {
        sending: bits / sending.as_secs_f64(),
        receiving: bits / receiving.as_secs_f64(),
        parity: stats.parity_shards,
        sources: stats.source_shards,
    }
}

fn main() {
    println!("Mbit/s of media on one core, frames of {} bytes", 5 * LAYER);
    println!("fec              parity  sending  receiving  receiving with 10 % lost");
    for fec in ["none", "equal:1", "equal:3", "equal:6"] {
        let (whole, lossy) = (measure(fec, false), measure(fec, true));
        println!(
            "{fec:16} {:5.0}% {:8.0} {:10.0} {:10.0}",
            100.0 * whole.parity as f64 / whole.sources as f64,
            whole.sending / 1e6,
            whole.receiving / 1e6,
            lossy.receiving / 1e6,
        );
    }
}
