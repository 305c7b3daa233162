//! Sessions that last: clocks that drift apart and wrap, pauses, and rates so low that small things add up.

mod world;

use std::time::Duration;

use fql_transport::{Receiver, ReceiverConfig, ReceiverEvent, Seed, Sender, SenderConfig, Time};
use fql_unit::{Timing, Unit};
use world::{Dice, KEY, Link, World, sound_table, unit, video_table};

#[test]
fn nothing_adds_up_in_the_queue_of_a_low_rate() {
    for (rate, duration, one_way) in [
        (16_000, 20, true),
        (16_000, 20, false),
        (64_000, 20, false),
        // Units that are not as frequent as their duration says: blocks close with fewer of them than planned.
        (64_000, 5, true),
        (64_000, 5, false),
    ] {
        let sender = SenderConfig { one_way, max_bitrate: Some(rate), ..SenderConfig::new(KEY) };
        let mut world = World::with(sender, ReceiverConfig::new(KEY), Link::PERFECT, 1);
        world.sender.set_tracks(world.now, sound_table(4));
        world.run(Duration::from_millis(300));
        let (start, before) = (world.now, world.there.bytes);
        let mut dice = Dice(3);
        for _ in 0..50 * 20 {
            let pts = (world.now - start).as_nanos() as u64;
            let timing = Timing { pts, duration: duration * 1_000_000 };
            let unit = unit(&mut dice, 4, 1, &[10, 20, 40, 60]);
            world.sender.push_unit(world.now, 5, timing, &unit).unwrap();
            world.run(Duration::from_millis(20));
            let queued = world.sender.stats(world.now).queued;
            assert!(queued <= 10, "{queued} datagrams wait at {rate} bit/s");
        }
        let sent = (world.there.bytes - before) * 8 / 20;
        assert!((rate * 9 / 10..=rate).contains(&sent), "{sent} bit/s of {rate}");
        let dropped = world.sender.stats(world.now).units_dropped;
        assert!(
            rate < 64_000 || one_way || dropped <= 100,
            "{dropped} of 1000 units dropped: layers should be"
        );
    }
}

/// A receiver and a sender with a clock of its own, on a link of 20 ms, and what is due when.
struct Apart {
    sender: Sender,
    receiver: Receiver<u8>,
    now: Time,
    /// The sender's clock at the receiver's `start`, and how many millionths faster it runs.
    offset: u64,
    ppm: i64,
    start: Time,
    there: Vec<(Time, Vec<u8>)>,
    back: Vec<(Time, Vec<u8>)>,
    /// From delivery to presentation, of each unit.
    waits: Vec<Duration>,
    events: usize,
}

const WAY: Duration = Duration::from_millis(20);

impl Apart {
    fn new(one_way: bool, start: Time, offset: u64, ppm: i64) -> Self {
        let config = SenderConfig { one_way, ..SenderConfig::new(KEY) };
        let mut apart = Self {
            sender: Sender::new(config, Seed::from_bytes([3; 32]), Time::from_nanos(offset)).unwrap(),
            receiver: Receiver::new(ReceiverConfig::new(KEY), Seed::from_bytes([4; 32])).unwrap(),
            now: start,
            offset,
            ppm,
            start,
            there: Vec::new(),
            back: Vec::new(),
            waits: Vec::new(),
            events: 0,
        };
        apart.sender.set_tracks(Time::from_nanos(offset), video_table(4));
        apart.run(Duration::from_millis(500));
        apart
    }

    /// The sender's time.
    fn other(&self) -> Time {
        let passed = (self.now - self.start).as_nanos() as i64;
        Time::from_nanos(self.offset + (passed + passed / 1_000_000 * self.ppm) as u64)
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step();
            self.now = self.now + Duration::from_millis(2);
        }
    }

    fn step(&mut self) {
        let (now, other) = (self.now, self.other());
        for (_, datagram) in self.there.extract_if(.., |(time, _)| *time <= now) {
            self.receiver.handle_datagram(now, 1, &datagram);
        }
        for (_, datagram) in self.back.extract_if(.., |(time, _)| *time <= now) {
            self.sender.handle_datagram(other, &datagram);
        }
        while let Some(datagram) = self.sender.poll_transmit(other) {
            self.there.push((now + WAY, datagram.to_vec()));
        }
        while let Some((_, datagram)) = self.receiver.poll_transmit(now) {
            self.back.push((now + WAY, datagram.to_vec()));
        }
        assert!(self.sender.poll_timeout().is_none_or(|time| time > other));
        assert!(self.receiver.poll_timeout().is_none_or(|time| time > now));
        while self.sender.poll_event().is_some() {}
        while let Some(event) = self.receiver.poll_event() {
            match event {
                ReceiverEvent::Unit { due, .. } => self.waits.push(due - now),
                _ => self.events += 1,
            }
        }
    }

    /// Plays video of 25 frames a second.
    fn play(&mut self, frames: usize) {
        let mut dice = Dice(5);
        for _ in 0..frames {
            let pts = self.other().as_nanos();
            let unit: Unit = unit(&mut dice, 4, 1, &[100, 200]);
            let timing = Timing { pts, duration: 40_000_000 };
            self.sender.push_unit(self.other(), 3, timing, &unit).unwrap();
            self.run(Duration::from_millis(40));
        }
    }

    fn check_waits(&mut self, what: &str) {
        let waits = std::mem::take(&mut self.waits);
        assert!(!waits.is_empty());
        let least = waits.iter().min().unwrap();
        assert!(*least >= Duration::from_millis(70), "{what}: {least:?} until presentation");
    }
}

/// Just before 32 bits of microseconds wrap.
const WRAP: u64 = (1u64 << 32) * 1000 - 3_000_000_000;

#[test]
fn wire_times_wrap_on_either_clock_and_nothing_happens() {
    for one_way in [false, true] {
        for (start, offset) in [(WRAP, 7_000_000_000), (7_000_000_000, WRAP), (WRAP, WRAP)] {
            let mut apart = Apart::new(one_way, Time::from_nanos(start), offset, 200);
            apart.play(200);
            apart.check_waits("across a wrap");
            let (sent, received) = (apart.sender.stats(apart.other()), apart.receiver.stats(apart.now));
            assert_eq!((sent.sessions, received.sessions, apart.events), (1, 1, 2));
            assert!(received.units_complete >= 199 && received.units_partial == 0, "{received:?}");
            assert!(received.queueing_delay < Duration::from_millis(20), "{:?}", received.queueing_delay);
            if let Some(peer) = sent.peer {
                assert!(peer.round_trip < Duration::from_millis(60), "{:?}", peer.round_trip);
            }
        }
    }
}

#[test]
fn after_a_long_pause_media_comes_in_time_whatever_the_clocks_did() {
    for ppm in [-200, -80, 200] {
        let mut apart = Apart::new(false, Time::from_nanos(1_000_000_000_000), 50_000_000_000, ppm);
        apart.play(250);
        apart.check_waits("before the pause");
        apart.run(Duration::from_secs(600));
        apart.play(50);
        apart.check_waits("after the pause");
        assert_eq!(apart.events, 2, "the session lived through the pause");
    }
}
