//! What a session costs a frame: `cargo bench -p fql-transport --bench session`.
//!
//! Without error correction that is cutting and sealing, or opening and putting together; the other settings add
//! parity, or its use where each tenth datagram is lost. `tests/bench/run fec` makes a table of it.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::time::Duration;

use bytes::Bytes;
use fql_transport::{Key, Receiver, ReceiverConfig, Seed, Sender, SenderConfig, Time};
use fql_unit::{Chroma, Media, Segment, Timing, Track, TrackTable, Unit, VideoInfo};

const KEY: Key = Key::from_bytes([1; 32]);
const FRAME: Duration = Duration::from_millis(40);
/// Bytes of each of five layers in four slices: about a lossless 720p frame.
const LAYER: usize = 86_000;

/// Frames until as many leave as come.
const WARM_UP: usize = 5;

/// A sender and a receiver that know each other.
struct Session {
    now: Time,
    sender: Sender,
    receiver: Receiver<()>,
    unit: Unit,
}

impl Session {
    fn new(fec: &str) -> Self {
        let now = Time::from_nanos(1_000_000_000);
        let config = SenderConfig {
            fec: Some(fec.parse().unwrap()),
            congestion_control: false,
            ..SenderConfig::new(KEY)
        };
        let mut sender = Sender::new(config, Seed::from_bytes([1; 32]), now).unwrap();
        let mut receiver = Receiver::new(ReceiverConfig::new(KEY), Seed::from_bytes([2; 32])).unwrap();
        sender.set_tracks(now, tracks());
        for _ in 0..3 {
            while let Some(datagram) = sender.poll_transmit(now) {
                receiver.handle_datagram(now, (), &datagram);
            }
            while let Some((_, datagram)) = receiver.poll_transmit(now) {
                sender.handle_datagram(now, &datagram);
            }
        }
        let mut session = Self { now, sender, receiver, unit: unit() };
        // Shards are spaced in time, so the first frames leave later than they come.
        let sent = (0..WARM_UP).map(|_| session.send().len()).last().unwrap();
        assert!(sent > 5 * LAYER / 1200, "{sent} datagrams are not a frame");
        session
    }

    /// The datagrams of the next frame.
    fn send(&mut self) -> Vec<Bytes> {
        let pts = self.now.as_nanos();
        self.sender
            .push_unit(self.now, 0, Timing { pts, duration: FRAME.as_nanos() as u64 }, &self.unit)
            .unwrap();
        let mut datagrams = Vec::new();
        for _ in 0..FRAME.as_millis() {
            self.now = self.now + Duration::from_millis(1);
            datagrams.extend(std::iter::from_fn(|| self.sender.poll_transmit(self.now)));
        }
        datagrams
    }

    /// Takes them, without each tenth where `loses`.
    fn receive(&mut self, datagrams: &[Bytes], loses: bool) {
        for (i, datagram) in datagrams.iter().enumerate() {
            if !(loses && i % 10 == 9) {
                self.receiver.handle_datagram(self.now, (), datagram);
            }
        }
        while self.receiver.poll_event().is_some() {}
    }

    /// The reports back, without which the sender would end the session.
    fn report(&mut self) {
        while let Some((_, datagram)) = self.receiver.poll_transmit(self.now) {
            self.sender.handle_datagram(self.now, &datagram);
        }
        while self.sender.poll_event().is_some() {}
    }
}

fn tracks() -> TrackTable {
    let media = Media::Video(VideoInfo { frame_rate: (25, 1), ..VideoInfo::new(1280, 720, Chroma::Yuv420) });
    TrackTable::new(vec![Track { id: 0, name: String::new(), layers: 10, media }]).unwrap()
}

fn unit() -> Unit {
    let mut unit = Unit::new(10, 4, [0; 8]).unwrap();
    for layer in 0..5 {
        for slice in 0..4u8 {
            let bytes = (0..LAYER / 4).map(|i| (i * 7 + usize::from(layer * 4 + slice)) as u8);
            unit.set(layer, slice, Segment::complete(bytes.collect::<Vec<_>>()));
        }
    }
    unit
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a frame of 430 kB");
    group.sample_size(20).throughput(Throughput::Bytes(5 * LAYER as u64));
    for fec in ["none", "equal:1", "equal:3", "equal:6"] {
        let mut session = Session::new(fec);
        group.bench_function(format!("fec={fec}, sending"), |bench| {
            bench.iter_custom(|count| {
                let mut spent = Duration::ZERO;
                for _ in 0..count {
                    let began = std::time::Instant::now();
                    let datagrams = session.send();
                    spent += began.elapsed();
                    session.receive(&datagrams, false);
                    session.report();
                }
                spent
            });
        });
        for (loses, name) in [(false, "receiving"), (true, "receiving with 10 % lost")] {
            let session = std::cell::RefCell::new(Session::new(fec));
            let send = || {
                session.borrow_mut().report();
                session.borrow_mut().send()
            };
            let receive = |datagrams: Vec<Bytes>| session.borrow_mut().receive(&datagrams, loses);
            group.bench_function(format!("fec={fec}, {name}"), |bench| {
                bench.iter_batched(send, receive, BatchSize::PerIteration);
            });
        }
    }
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
