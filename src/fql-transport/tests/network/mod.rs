//! Streams, and others, that share one bottleneck in simulated time.

use std::collections::BTreeMap;
use std::time::Duration;

use fql_transport::{
    CongestionState, Key, Receiver, ReceiverConfig, ReceiverEvent, Seed, Sender, SenderConfig, SenderEvent,
    Time,
};
use fql_unit::{Chroma, Media, Segment, Timing, Track, TrackTable, Unit, VideoInfo};

pub const KEY: Key = Key::from_bytes([42; 32]);
pub const FRAME: Duration = Duration::from_millis(40);
const STEP: Duration = Duration::from_millis(1);
const HEADERS: usize = 28;
/// Bytes of the layers of a frame, as those of the bundled clip at 720p.
const LADDER: [usize; 10] = [284, 482, 1_457, 3_956, 8_640, 15_732, 28_769, 48_633, 73_841, 240_000];

/// A small generator (splitmix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Where all datagrams pass one after the other: what does not fit into the queue is dropped.
pub struct Bottleneck {
    /// Bits a second; `None` for no limit.
    pub rate: Option<u64>,
    /// How long a datagram may wait.
    pub queue: Duration,
    free_at: Time,
    pub dropped: u64,
}

impl Bottleneck {
    pub fn new(rate: Option<u64>, queue_ms: u64) -> Self {
        Self { rate, queue: Duration::from_millis(queue_ms), free_at: Time::ZERO, dropped: 0 }
    }

    /// When so many bytes are through; `None` where they are dropped.
    fn pass(&mut self, now: Time, bytes: usize) -> Option<Time> {
        let Some(rate) = self.rate else { return Some(now) };
        let leaves = self.free_at.max(now) + Duration::from_secs_f64(bytes as f64 * 8.0 / rate as f64);
        if leaves - now > self.queue {
            self.dropped += 1;
            return None;
        }
        self.free_at = leaves;
        Some(leaves)
    }
}

/// What the way of one stream does beside the bottleneck.
#[derive(Clone, Copy)]
pub struct Way {
    /// One way.
    pub delay: Duration,
    pub jitter: Duration,
    pub loss: f64,
    /// Mean length of a run of losses.
    pub burst: f64,
    /// The share of reports that is lost.
    pub report_loss: f64,
}

impl Way {
    pub const CLEAN: Self = Self {
        delay: Duration::from_millis(30),
        jitter: Duration::ZERO,
        loss: 0.0,
        burst: 1.0,
        report_loss: 0.0,
    };
}

/// A picture that came.
#[derive(Debug, Clone, Copy)]
pub struct Picture {
    pub due: Time,
    pub layers: u8,
}

/// A stream: an encoder that follows what it is told two frames later, a sender, a receiver.
pub struct Stream {
    pub sender: Sender,
    receiver: Receiver<u8>,
    pub way: Way,
    dice: Dice,
    is_losing: bool,
    there: BTreeMap<(Time, u64), Vec<u8>>,
    back: BTreeMap<(Time, u64), Vec<u8>>,
    count: u64,
    began: Time,
    frames: u32,
    /// Media bits a second that the encoder would make by itself.
    pub wanted: u64,
    told: [u64; 3],
    pub pictures: Vec<Picture>,
    /// Each tenth of a second: its end, bits a second sent, delivered (of the network), allowed, and the state.
    pub trace: Vec<Sample>,
    sent: u64,
    passed: u64,
}

#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub at: Time,
    pub sent: u64,
    pub passed: u64,
    pub allowed: u64,
    pub state: Option<CongestionState>,
}

impl Stream {
    pub fn new(
        now: Time,
        way: Way,
        latency_ms: u64,
        max_bitrate: Option<u64>,
        wanted: u64,
        seed: u8,
    ) -> Self {
        let config = SenderConfig { max_bitrate, ..SenderConfig::new(KEY) };
        let mut sender = Sender::new(config, Seed::from_bytes([seed; 32]), now).unwrap();
        sender.set_tracks(now, table());
        let latency = Duration::from_millis(latency_ms);
        let config = ReceiverConfig { latency, ..ReceiverConfig::new(KEY) };
        Self {
            sender,
            receiver: Receiver::new(config, Seed::from_bytes([!seed; 32])).unwrap(),
            way,
            dice: Dice(seed.into()),
            is_losing: false,
            there: BTreeMap::new(),
            back: BTreeMap::new(),
            count: 0,
            began: now,
            frames: 0,
            wanted,
            told: [500_000; 3],
            pictures: Vec::new(),
            trace: Vec::new(),
            sent: 0,
            passed: 0,
        }
    }

    fn is_lost(&mut self) -> bool {
        let Way { loss, burst, .. } = self.way;
        let roll = self.dice.share();
        if burst <= 1.0 {
            return roll < loss;
        }
        let leave = 1.0 / burst;
        self.is_losing = if self.is_losing { roll >= leave } else { roll < loss * leave / (1.0 - loss) };
        self.is_losing
    }

    fn step(&mut self, now: Time, bottleneck: &mut Bottleneck) {
        while let Some(datagram) = take(&mut self.there, now) {
            self.passed += (datagram.len() + HEADERS) as u64;
            self.receiver.handle_datagram(now, 1, &datagram);
        }
        while let Some(datagram) = take(&mut self.back, now) {
            self.sender.handle_datagram(now, &datagram);
        }
        if now >= self.began + FRAME * self.frames {
            self.film(now);
        }
        while let Some(datagram) = self.sender.poll_transmit(now) {
            let wire = datagram.len() + HEADERS;
            self.sent += wire as u64;
            let Some(leaves) = bottleneck.pass(now, wire) else { continue };
            let is_lost = self.is_lost();
            if !is_lost {
                self.count += 1;
                let arrives = leaves + self.way.delay + self.way.jitter.mul_f64(self.dice.share());
                self.there.insert((arrives, self.count), datagram.to_vec());
            }
        }
        while let Some((_, datagram)) = self.receiver.poll_transmit(now) {
            if self.dice.share() >= self.way.report_loss {
                self.count += 1;
                self.back.insert((now + self.way.delay, self.count), datagram.to_vec());
            }
        }
        while let Some(event) = self.sender.poll_event() {
            if let SenderEvent::MediaRate { bits_per_second, .. } = event {
                self.told[2] = bits_per_second;
            }
        }
        while let Some(event) = self.receiver.poll_event() {
            if let ReceiverEvent::Unit { unit, due, .. } = event
                && unit.has_picture()
            {
                self.pictures.push(Picture { due, layers: unit.complete_layers_everywhere() });
            }
        }
        if (now - self.began).as_millis().is_multiple_of(100) {
            self.sample(now);
        }
    }

    fn sample(&mut self, now: Time) {
        let stats = self.sender.stats(now);
        let rate = |bytes: u64| bytes * 80;
        self.trace.push(Sample {
            at: now,
            sent: rate(std::mem::take(&mut self.sent)),
            passed: rate(std::mem::take(&mut self.passed)),
            allowed: stats.allowed_rate.unwrap_or(0),
            state: stats.congestion,
        });
    }

    fn film(&mut self, now: Time) {
        let bits = self.wanted.min(self.told[0]);
        self.told.rotate_left(1);
        self.told[2] = self.told[1];
        let mut left = (bits as f64 / 8.0 / 25.0 * (0.9 + 0.2 * self.dice.share())) as usize;
        let mut unit = Unit::new(12, 4, b"param").unwrap();
        for (layer, size) in LADDER.into_iter().enumerate() {
            let is_whole = size <= left;
            let size = size.min(left);
            left -= size;
            for slice in 0..4 {
                let data = vec![slice; size / 4];
                let segment = if is_whole { Segment::complete(data) } else { Segment::truncated(data) };
                unit.set(layer as u8, slice, segment);
            }
            if left == 0 {
                break;
            }
        }
        let timing = Timing { pts: (FRAME * self.frames).as_nanos() as u64, duration: 40_000_000 };
        self.sender.push_unit(now, 3, timing, &unit).unwrap();
        self.frames += 1;
    }

    /// Bits a second that came through from one second of the run to another.
    pub fn passed(&self, from: f64, to: f64) -> f64 {
        mean(self.window(from, to).map(|sample| sample.passed as f64))
    }

    /// Bits a second that were allowed.
    pub fn allowed(&self, from: f64, to: f64) -> (f64, f64) {
        let rates = self.window(from, to).map(|sample| sample.allowed as f64);
        rates.fold((f64::MAX, 0.0), |(least, most), rate| (least.min(rate), most.max(rate)))
    }

    pub fn window(&self, from: f64, to: f64) -> impl Iterator<Item = &Sample> {
        let seconds = |sample: &&Sample| (sample.at - self.began).as_secs_f64();
        self.trace.iter().filter(move |sample| seconds(sample) > from && seconds(sample) <= to)
    }

    /// The longest time at the viewer without a new picture, beyond one frame's own, in milliseconds.
    pub fn freeze(&self, from: f64, to: f64) -> u128 {
        let seconds = |time: Time| (time - self.began).as_secs_f64();
        let dues = self.pictures.iter().map(|picture| picture.due);
        let dues: Vec<Time> = dues.filter(|due| seconds(*due) > from && seconds(*due) <= to).collect();
        assert!(!dues.is_empty(), "no picture between {from} and {to} s");
        dues.windows(2).map(|pair| (pair[1] - pair[0]).saturating_sub(FRAME).as_millis()).max().unwrap_or(0)
    }

    /// The fewest and the most layers that pictures came with, but for one in fifty at either end.
    pub fn layers(&self, from: f64, to: f64) -> (u8, u8) {
        let seconds = |time: Time| (time - self.began).as_secs_f64();
        let came = self.pictures.iter().filter(|p| seconds(p.due) > from && seconds(p.due) <= to);
        let mut layers: Vec<u8> = came.map(|picture| picture.layers).collect();
        layers.sort_unstable();
        let edge = layers.len() / 50;
        (layers[edge], layers[layers.len() - 1 - edge])
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count.max(1))
}

fn take(under_way: &mut BTreeMap<(Time, u64), Vec<u8>>, now: Time) -> Option<Vec<u8>> {
    let (&(time, count), _) = under_way.first_key_value()?;
    if time > now { None } else { under_way.remove(&(time, count)) }
}

fn table() -> TrackTable {
    let media = Media::Video(VideoInfo { frame_rate: (25, 1), ..VideoInfo::new(1280, 720, Chroma::Yuv420) });
    TrackTable::new(vec![Track { id: 3, name: "video".into(), layers: 12, media }]).unwrap()
}

/// A flow that does as TCP: more by a packet each round trip, half after a loss.
pub struct Aimd {
    delay: Duration,
    window: f64,
    threshold: f64,
    next: u64,
    acked: u64,
    in_flight: BTreeMap<u64, Time>,
    acks: BTreeMap<(Time, u64), ()>,
    recovers_until: u64,
    passed: u64,
    /// Bits a second that came through in each tenth of a second.
    pub trace: Vec<u64>,
}

const PACKET: usize = 1200;

impl Aimd {
    pub fn new(delay: Duration) -> Self {
        Self {
            delay,
            window: 10.0,
            threshold: f64::MAX,
            next: 0,
            acked: 0,
            in_flight: BTreeMap::new(),
            acks: BTreeMap::new(),
            recovers_until: 0,
            passed: 0,
            trace: Vec::new(),
        }
    }

    fn step(&mut self, now: Time, bottleneck: &mut Bottleneck) {
        while let Some((&(time, number), ())) = self.acks.first_key_value()
            && time <= now
        {
            self.acks.remove(&(time, number));
            self.handle_ack(number);
        }
        // Nothing has come back for very long: all is lost.
        if self.in_flight.first_key_value().is_some_and(|(_, &sent)| now - sent > Duration::from_secs(1)) {
            self.in_flight.clear();
            (self.threshold, self.window) = ((self.window / 2.0).max(2.0), 2.0);
        }
        while (self.in_flight.len() as f64) < self.window.floor() {
            self.in_flight.insert(self.next, now);
            if let Some(leaves) = bottleneck.pass(now, PACKET) {
                self.acks.insert((leaves + self.delay * 2, self.next), ());
            }
            self.next += 1;
        }
        if now.as_nanos().is_multiple_of(100_000_000) {
            self.trace.push(std::mem::take(&mut self.passed) * 80);
        }
    }

    fn handle_ack(&mut self, number: u64) {
        self.passed += PACKET as u64;
        self.in_flight.remove(&number);
        self.acked = self.acked.max(number);
        let is_slow_start = self.window < self.threshold;
        self.window += if is_slow_start { 1.0 } else { 1.0 / self.window };
        // Three after it came: it is lost.
        while let Some((&oldest, _)) = self.in_flight.first_key_value()
            && oldest + 3 <= self.acked
        {
            self.in_flight.remove(&oldest);
            if oldest >= self.recovers_until {
                self.recovers_until = self.next;
                self.window = (self.window / 2.0).max(2.0);
                self.threshold = self.window;
            }
        }
    }

    pub fn passed(&self, from: f64, to: f64) -> f64 {
        let at = |seconds: f64| ((seconds * 10.0) as usize).min(self.trace.len());
        mean(self.trace[at(from)..at(to)].iter().map(|&rate| rate as f64))
    }
}

/// Everything that shares the bottleneck.
pub struct Network {
    pub now: Time,
    began: Time,
    pub bottleneck: Bottleneck,
    pub streams: Vec<Stream>,
    pub others: Vec<Aimd>,
}

impl Network {
    pub fn new(rate: Option<u64>, queue_ms: u64) -> Self {
        let now = Time::from_nanos(1_000_000_000_000);
        let bottleneck = Bottleneck::new(rate, queue_ms);
        Self { now, began: now, bottleneck, streams: Vec::new(), others: Vec::new() }
    }

    /// Runs until so many seconds after the beginning.
    pub fn run_to(&mut self, seconds: f64) {
        let end = self.began + Duration::from_secs_f64(seconds);
        while self.now < end {
            self.now = self.now + STEP;
            for stream in &mut self.streams {
                stream.step(self.now, &mut self.bottleneck);
            }
            for other in &mut self.others {
                other.step(self.now, &mut self.bottleneck);
            }
        }
    }
}
