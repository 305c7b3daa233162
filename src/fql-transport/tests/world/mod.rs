//! A sender, a receiver and the link between them in one deterministic, simulated world: no socket, no clock, no sleep.
#![allow(dead_code, reason = "every test file uses a part of it")]

use std::collections::BTreeMap;
use std::time::Duration;

use fql_transport::{
    EndReason, Key, Receiver, ReceiverConfig, ReceiverEvent, Seed, Sender, SenderConfig, SenderEvent, Time,
};
use fql_unit::{
    AudioFormat, AudioInfo, Chroma, DataInfo, Media, Segment, Timing, Track, TrackTable, Unit, VideoInfo,
};

/// A small generator (splitmix64), so that a seed gives the same run everywhere.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to 1.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// What a link does to datagrams.
#[derive(Clone, Copy)]
pub struct Link {
    pub loss: f64,
    /// Mean length of a burst of losses; 1 for independent ones.
    pub burst: f64,
    pub delay: Duration,
    pub jitter: Duration,
    pub repeat: f64,
    pub corrupt: f64,
}

impl Link {
    pub const PERFECT: Self = Self {
        loss: 0.0,
        burst: 1.0,
        delay: Duration::from_millis(30),
        jitter: Duration::ZERO,
        repeat: 0.0,
        corrupt: 0.0,
    };

    pub fn losing(loss: f64, burst: f64) -> Self {
        Self { loss, burst, ..Self::PERFECT }
    }
}

/// A link with what is under way on it.
pub struct Wire {
    pub link: Link,
    dice: Dice,
    is_losing: bool,
    under_way: BTreeMap<(Time, u64), Vec<u8>>,
    count: u64,
    pub lost: u64,
    pub bytes: u64,
    /// Which datagrams, counted from 0, are lost for certain.
    pub drop: Option<Box<dyn Fn(u64) -> bool>>,
    offered: u64,
}

impl Wire {
    pub fn new(link: Link, seed: u64) -> Self {
        let under_way = BTreeMap::new();
        Self {
            link,
            dice: Dice(seed),
            is_losing: false,
            under_way,
            count: 0,
            lost: 0,
            bytes: 0,
            drop: None,
            offered: 0,
        }
    }

    fn loses(&mut self) -> bool {
        let Link { loss, burst, .. } = self.link;
        if burst <= 1.0 {
            return self.dice.share() < loss;
        }
        let leave = 1.0 / burst;
        let enter = loss * leave / (1.0 - loss);
        let change = if self.is_losing { leave } else { enter };
        self.is_losing ^= self.dice.share() < change;
        self.is_losing
    }

    pub fn carry(&mut self, now: Time, datagram: &[u8]) {
        self.bytes += datagram.len() as u64 + 28;
        self.offered += 1;
        if self.loses() || self.drop.as_ref().is_some_and(|drop| drop(self.offered - 1)) {
            self.lost += 1;
            return;
        }
        let copies = if self.dice.share() < self.link.repeat { 2 } else { 1 };
        for _ in 0..copies {
            let mut datagram = datagram.to_vec();
            if self.dice.share() < self.link.corrupt {
                let at = self.dice.below(datagram.len());
                datagram[at] ^= 1 << self.dice.below(8);
            }
            self.count += 1;
            let arrival = now + self.link.delay + self.link.jitter.mul_f64(self.dice.share());
            self.under_way.insert((arrival, self.count), datagram);
        }
    }

    pub fn arrived(&mut self, now: Time) -> Option<Vec<u8>> {
        let (&(time, count), _) = self.under_way.first_key_value()?;
        if time > now { None } else { self.under_way.remove(&(time, count)) }
    }
}

pub struct World {
    pub now: Time,
    pub sender: Sender,
    pub receiver: Receiver<u8>,
    pub there: Wire,
    pub back: Wire,
    pub sent: Vec<SenderEvent>,
    pub received: Vec<ReceiverEvent>,
    /// All datagrams of the sender in order, where a test asks for it.
    pub record: Option<Vec<Vec<u8>>>,
}

pub const KEY: Key = Key::from_bytes([42; 32]);

/// A sender that sends all it is given at once, whatever the link carries.
pub fn uncontrolled() -> SenderConfig {
    SenderConfig { congestion_control: false, ..SenderConfig::new(KEY) }
}

pub const STEP: Duration = Duration::from_millis(1);

impl World {
    pub fn new(link: Link, seed: u64) -> Self {
        Self::with(SenderConfig::new(KEY), ReceiverConfig::new(KEY), link, seed)
    }

    pub fn with(sender: SenderConfig, receiver: ReceiverConfig, link: Link, seed: u64) -> Self {
        let now = Time::from_nanos(1_000_000_000_000);
        let seeds = |n: u8| Seed::from_bytes([seed as u8 ^ n; 32]);
        Self {
            now,
            sender: Sender::new(sender, seeds(1), now).unwrap(),
            receiver: Receiver::new(receiver, seeds(2)).unwrap(),
            there: Wire::new(link, seed),
            back: Wire::new(link, !seed),
            sent: Vec::new(),
            received: Vec::new(),
            record: None,
        }
    }

    /// Lets a millisecond pass.
    pub fn step(&mut self) {
        self.now = self.now + STEP;
        let now = self.now;
        while let Some(datagram) = self.there.arrived(now) {
            self.receiver.handle_datagram(now, 1, &datagram);
        }
        while let Some(datagram) = self.back.arrived(now) {
            self.sender.handle_datagram(now, &datagram);
        }
        if self.sender.poll_timeout().is_some_and(|time| time <= now) {
            while let Some(datagram) = self.sender.poll_transmit(now) {
                if let Some(record) = &mut self.record {
                    record.push(datagram.to_vec());
                }
                self.there.carry(now, &datagram);
            }
            let next = self.sender.poll_timeout();
            assert!(next.is_none_or(|time| time > now), "a sender that is due again at once: {next:?}");
        }
        if self.receiver.poll_timeout().is_some_and(|time| time <= now) {
            while let Some((_, datagram)) = self.receiver.poll_transmit(now) {
                self.back.carry(now, &datagram);
            }
            let next = self.receiver.poll_timeout();
            assert!(next.is_none_or(|time| time > now), "a receiver that is due again at once: {next:?}");
        }
        self.sent.extend(std::iter::from_fn(|| self.sender.poll_event()));
        self.received.extend(std::iter::from_fn(|| self.receiver.poll_event()));
    }

    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    /// Runs until the condition holds; fails after a minute of simulated time.
    pub fn run_until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let end = self.now + Duration::from_secs(60);
        while !condition(self) {
            assert!(self.now < end, "within a minute: {what}");
            self.step();
        }
    }

    pub fn connect(&mut self) {
        self.run_until("a session", |world| world.sender.stats(world.now).connected);
    }

    /// Pushes a unit every 40 ms, beginning now.
    pub fn play(&mut self, track: u8, units: &[Unit]) {
        let start = self.now;
        for unit in units {
            let pts = (self.now - start).as_nanos() as u64;
            let timing = Timing { pts, duration: 40_000_000 };
            self.sender.push_unit(self.now, track, timing, unit).unwrap();
            self.run(Duration::from_millis(40));
        }
    }

    /// The units that came so far.
    pub fn units(&self) -> Vec<(u64, &Unit)> {
        let unit = |event| match event {
            &ReceiverEvent::Unit { number, ref unit, .. } => Some((number, unit)),
            _ => None,
        };
        self.received.iter().filter_map(unit).collect()
    }
}

pub fn video_table(layers: u8) -> TrackTable {
    let media = Media::Video(VideoInfo { frame_rate: (25, 1), ..VideoInfo::new(640, 360, Chroma::Yuv420) });
    TrackTable::new(vec![Track { id: 3, name: "video".into(), layers, media }]).unwrap()
}

pub fn sound_table(layers: u8) -> TrackTable {
    let format = AudioFormat::S16;
    let media = Media::Audio(AudioInfo { rate: 48_000, channels: 2, format, channel_mask: 3 });
    TrackTable::new(vec![Track { id: 5, name: "sound".into(), layers, media }]).unwrap()
}

pub fn data_table() -> TrackTable {
    let media = Media::Data(DataInfo { caps: "text/x-raw".into() });
    TrackTable::new(vec![Track { id: 9, name: String::new(), layers: 1, media }]).unwrap()
}

/// A unit with random segments: `sizes` are the bytes of each layer, shared by the slices.
pub fn unit(dice: &mut Dice, layers: u8, slices: u8, sizes: &[usize]) -> Unit {
    let mut unit = Unit::new(layers, slices, b"param").unwrap();
    for (layer, size) in sizes.iter().enumerate() {
        for slice in 0..slices {
            let len = size / usize::from(slices);
            let data: Vec<u8> = (0..len).map(|_| dice.next() as u8).collect();
            unit.set(layer as u8, slice, Segment::complete(data));
        }
    }
    unit
}

/// Why sessions of the receiver ended, in their order.
pub fn ended(world: &World) -> Vec<EndReason> {
    let reason = |event: &ReceiverEvent| match event {
        ReceiverEvent::Ended { reason } => Some(*reason),
        _ => None,
    };
    world.received.iter().filter_map(reason).collect()
}

/// So many units of a picture each, always the same.
pub fn frames(count: usize) -> Vec<Unit> {
    let mut dice = Dice(count as u64);
    (0..count).map(|_| unit(&mut dice, 10, 4, &[250, 450, 900])).collect()
}

/// A session that has begun, with a track of pictures.
pub fn playing(link: Link) -> World {
    let mut world = World::new(link, 5);
    world.sender.set_tracks(world.now, video_table(10));
    world.connect();
    world
}
