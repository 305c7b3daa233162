//! A publisher, a server and a viewer in the module that browsers run, with lossy ways between them, in simulated time.
#![allow(dead_code, reason = "every test file uses a part of it")]

use std::collections::VecDeque;
use std::time::Duration;

use fql_player::{Module, SessionInput};
use fql_transport::{
    Accepted, Address, Arrival, EndReason, Endpoint, EndpointConfig, Fanout, FanoutConfig, Key, Receiver,
    ReceiverConfig, Seed, Sender, SenderConfig, ServerKey, Time, Viewer, ViewerConfig,
};
use fql_unit::{Timing, TrackTable, Unit};

const STEP: Duration = Duration::from_millis(1);
/// Of each way.
const DELAY: Duration = Duration::from_millis(20);
pub const PLAYBACK_ID: &str = "abc";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Browser;

impl Address for Browser {
    fn host(&self) -> u64 {
        1
    }
}

/// What JavaScript reads of the output of an event with media.
#[derive(Debug, Clone, PartialEq)]
pub struct Media {
    pub track: u8,
    pub layers: u8,
    pub is_key: bool,
    pub lost: u32,
    pub due: f64,
    pub pts: f64,
    pub duration: f64,
    pub bytes: Vec<u8>,
}

/// An event as JavaScript sees it.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    Started,
    Tracks(String),
    Unit(Media),
    Encoded(Media),
    Paused,
    Resumed,
    Ended(String),
}

/// A way on which each datagram is lost with some probability.
pub struct Way {
    pub loss: f64,
    random: u64,
    under_way: VecDeque<(Time, Vec<u8>)>,
    pub lost: u64,
}

impl Way {
    fn new(random: u64) -> Self {
        Self { loss: 0.0, random, under_way: VecDeque::new(), lost: 0 }
    }

    fn carry(&mut self, now: Time, datagram: &[u8]) {
        // A linear congruential generator: the same run everywhere.
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        if ((self.random >> 33) as f64) < self.loss * (1u64 << 31) as f64 {
            self.lost += 1;
        } else {
            self.under_way.push_back((now + DELAY, datagram.to_vec()));
        }
    }

    fn arrived(&mut self, now: Time) -> Option<Vec<u8>> {
        let (at, _) = self.under_way.front()?;
        if *at <= now { self.under_way.pop_front().map(|(_, datagram)| datagram) } else { None }
    }
}

pub struct World {
    pub now: Time,
    sender: Sender,
    relay: Receiver<()>,
    fanout: Fanout,
    endpoint: Endpoint<Browser>,
    viewer: Option<Viewer<Browser>>,
    /// Refuses viewers for this reason.
    pub refuses: Option<EndReason>,
    pub module: Module,
    pub session: u32,
    pub down: Way,
    pub up: Way,
    pub events: Vec<Event>,
}

impl World {
    /// A publisher of these tracks, and somebody who watches.
    pub fn new(tracks: TrackTable) -> Self {
        let now = Time::from_nanos(1_800_000_000_000_000_000);
        let key = Key::from_bytes([7; 32]);
        let mut sender = Sender::new(SenderConfig::new(key.clone()), Seed::from_bytes([1; 32]), now).unwrap();
        sender.set_tracks(now, tracks);
        let relay = ReceiverConfig { relay: true, ..ReceiverConfig::new(key) };
        let server_key = ServerKey::generate(Seed::from_bytes([2; 32]));
        let mut module = Module::default();
        let session = open(&mut module, &server_key.public().to_string(), now);
        Self {
            now,
            sender,
            relay: Receiver::new(relay, Seed::from_bytes([3; 32])).unwrap(),
            fanout: Fanout::new(FanoutConfig::default()),
            endpoint: Endpoint::new(EndpointConfig::new(server_key), Seed::from_bytes([4; 32])).unwrap(),
            viewer: None,
            refuses: None,
            module,
            session,
            down: Way::new(5),
            up: Way::new(6),
            events: Vec::new(),
        }
    }

    pub fn push(&mut self, track: u8, pts: Duration, unit: &Unit) {
        let timing = Timing { pts: pts.as_nanos() as u64, duration: 0 };
        self.sender.push_unit(self.now, track, timing, unit).unwrap();
    }

    pub fn pause(&mut self, paused: bool) {
        self.fanout.set_paused(self.now, paused);
    }

    pub fn end(&mut self, reason: EndReason) {
        self.viewer.as_mut().unwrap().close(self.now, reason);
    }

    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    fn step(&mut self) {
        self.now = self.now + STEP;
        let now = self.now;
        self.publish(now);
        while let Some(datagram) = self.up.arrived(now) {
            self.serve(now, &datagram);
        }
        self.give_on(now);
        while let Some(datagram) = self.down.arrived(now) {
            self.module.input(datagram.len()).unwrap().copy_from_slice(&datagram);
            self.module.session_datagram(self.session, millis(now));
        }
        while self.module.session_transmit(self.session, millis(now)) {
            self.up.carry(now, self.module.output());
        }
        while let Some(event) = event(&mut self.module, self.session) {
            self.events.push(event);
        }
    }

    fn publish(&mut self, now: Time) {
        while let Some(datagram) = self.sender.poll_transmit(now) {
            self.relay.handle_datagram(now, (), &datagram);
        }
        while let Some(((), datagram)) = self.relay.poll_transmit(now) {
            self.sender.handle_datagram(now, &datagram);
        }
        while let Some(event) = self.relay.poll_event() {
            self.fanout.handle_event(now, event);
        }
    }

    fn serve(&mut self, now: Time, datagram: &[u8]) {
        match self.endpoint.handle_datagram(now, Browser, datagram, &|_| None) {
            Arrival::Nothing | Arrival::Publisher { .. } => return,
            Arrival::Session(_) => {}
            Arrival::Viewer { accepted, .. } => match self.refuses {
                Some(reason) => return self.endpoint.refuse(now, Browser, accepted, reason),
                None => self.accept(now, accepted),
            },
        }
        if let Some(viewer) = &mut self.viewer {
            viewer.handle_datagram(now, Browser, datagram);
        }
    }

    fn accept(&mut self, now: Time, accepted: Accepted) {
        let mut viewer = Viewer::accepted(ViewerConfig::default(), accepted, now, Browser);
        self.fanout.join(now).iter().for_each(|item| viewer.push(now, item));
        self.viewer = Some(viewer);
    }

    fn give_on(&mut self, now: Time) {
        while let Some((_, datagram)) = self.endpoint.poll_transmit(now) {
            self.down.carry(now, &datagram);
        }
        let Some(viewer) = &mut self.viewer else { return };
        while let Some(item) = self.fanout.poll(now) {
            viewer.push(now, &item);
        }
        let mut datagram = Vec::new();
        while viewer.poll_transmit(now, &mut datagram).is_some() {
            self.down.carry(now, &datagram);
            datagram.clear();
        }
    }

    pub fn stats(&mut self) -> serde_json::Value {
        assert!(self.module.session_stats(self.session, millis(self.now)));
        serde_json::from_slice(self.module.output()).unwrap()
    }

    /// The media of a track.
    pub fn units(&self, track: u8) -> impl Iterator<Item = &Media> {
        self.events.iter().filter_map(move |event| match event {
            Event::Unit(media) if media.track == track => Some(media),
            _ => None,
        })
    }
}

pub fn millis(time: Time) -> f64 {
    time.as_nanos() as f64 / 1e6
}

/// Opens a session as JavaScript does.
pub fn open(module: &mut Module, key: &str, now: Time) -> u32 {
    let parts = [&[9; 32], key.as_bytes(), PLAYBACK_ID.as_bytes()].concat();
    module.input(parts.len()).unwrap().copy_from_slice(&parts);
    let lengths = SessionInput { key: key.len(), playback_id: PLAYBACK_ID.len(), token: 0 };
    module.open_session(millis(now), 300, 14, lengths).unwrap()
}

fn event(module: &mut Module, session: u32) -> Option<Event> {
    let kind = module.session_event(session);
    let output = module.output();
    let text = || String::from_utf8(output.to_vec()).unwrap();
    Some(match kind {
        0 => return None,
        1 => Event::Started,
        2 => Event::Tracks(text()),
        3 => Event::Unit(media(output)),
        4 => Event::Encoded(media(output)),
        5 => Event::Paused,
        6 => Event::Resumed,
        7 => Event::Ended(text()),
        _ => panic!("no such event: {kind}"),
    })
}

fn media(bytes: &[u8]) -> Media {
    let number = |at: usize| f64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    Media {
        track: bytes[0],
        layers: bytes[1],
        is_key: bytes[2] != 0,
        lost: u32::from_le_bytes(bytes[4..8].try_into().unwrap()),
        due: number(8),
        pts: number(16),
        duration: number(24),
        bytes: bytes[32..].to_vec(),
    }
}
