//! Publishers, a server and viewers with the links between them, in simulated time: what the daemon does, without
//! sockets.
#![allow(dead_code, reason = "every test file uses a part of it")]

use std::collections::BTreeMap;
use std::time::Duration;

use fql_transport::{
    Address, Arrival, EndReason, Endpoint, EndpointConfig, Fanout, FanoutConfig, Receiver, ReceiverConfig,
    ReceiverEvent, Seed, Sender, SenderConfig, ServerKey, SessionId, StreamKey, Time, View, Viewer,
    ViewerConfig, ViewerEvent,
};
use fql_unit::{TrackTable, Unit};

use crate::world::{Link, STEP, Wire};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(pub u8);

impl Address for Host {
    fn host(&self) -> u64 {
        self.0.into()
    }
}

/// The server.
const SERVER: Host = Host(0);

/// A link with a bottleneck in front of it.
pub struct Path {
    pub wire: Wire,
    /// Bits a second that it carries, where it is limited, and how long its queue may become.
    pub rate: Option<f64>,
    pub queue: Duration,
    free: Time,
    pub overflowed: u64,
}

impl Path {
    pub fn new(link: Link, seed: u64) -> Self {
        let queue = Duration::from_millis(200);
        Self { wire: Wire::new(link, seed), rate: None, queue, free: Time::ZERO, overflowed: 0 }
    }

    fn carry(&mut self, now: Time, datagram: &[u8]) {
        let Some(rate) = self.rate else { return self.wire.carry(now, datagram) };
        let begin = self.free.max(now);
        if begin - now > self.queue {
            self.overflowed += 1;
            return;
        }
        self.free = begin + Duration::from_secs_f64((datagram.len() + 28) as f64 * 8.0 / rate);
        self.wire.carry(self.free, datagram);
    }
}

pub struct Publisher {
    pub sender: Sender,
    pub there: Path,
    pub back: Path,
}

pub struct Watcher {
    pub receiver: Receiver<Host>,
    pub there: Path,
    pub back: Path,
    /// What it saw, and when.
    pub seen: Vec<(Time, ReceiverEvent)>,
}

/// A server with one stream.
pub struct Hub {
    pub endpoint: Endpoint<Host>,
    pub publisher: Option<(SessionId, Receiver<Host>)>,
    pub fanout: Fanout,
    pub viewers: BTreeMap<SessionId, Viewer<Host>>,
    /// Which session a host has.
    pub sessions: BTreeMap<Host, SessionId>,
    pub ended: Vec<(SessionId, EndReason)>,
    pub receiver: ReceiverConfig,
    pub viewer: ViewerConfig,
}

pub struct World {
    pub now: Time,
    pub hub: Hub,
    pub publishers: BTreeMap<Host, Publisher>,
    pub watchers: BTreeMap<Host, Watcher>,
    key: StreamKey,
    server_key: ServerKey,
}

impl World {
    pub fn new() -> Self {
        let now = Time::from_nanos(1_000_000_000_000);
        let server_key = ServerKey::generate(Seed::from_bytes([1; 32]));
        let key = StreamKey::parse(&format!("sk_{}", "a".repeat(32))).unwrap();
        let config = EndpointConfig::new(server_key.clone());
        let hub = Hub {
            endpoint: Endpoint::new(config, Seed::from_bytes([2; 32])).unwrap(),
            publisher: None,
            fanout: Fanout::new(FanoutConfig::default()),
            viewers: BTreeMap::new(),
            sessions: BTreeMap::new(),
            ended: Vec::new(),
            receiver: ReceiverConfig { relay: true, ..ReceiverConfig::default() },
            viewer: ViewerConfig::default(),
        };
        Self { now, hub, publishers: BTreeMap::new(), watchers: BTreeMap::new(), key, server_key }
    }

    /// Somebody begins to publish.
    pub fn publish(&mut self, host: u8, link: Link, tracks: &TrackTable) -> Host {
        let config = SenderConfig { max_bitrate: Some(4_000_000), ..SenderConfig::publishing(&self.key) };
        let mut sender = Sender::new(config, Seed::from_bytes([host; 32]), self.now).unwrap();
        sender.set_tracks(self.now, tracks.clone());
        let host = Host(host);
        let seed = u64::from(host.0) << 8;
        let (there, back) = (Path::new(link, seed), Path::new(link, seed + 1));
        self.publishers.insert(host, Publisher { sender, there, back });
        host
    }

    /// Somebody begins to watch.
    pub fn watch(&mut self, host: u8, link: Link, config: ReceiverConfig) -> Host {
        let view = View { server: self.server_key.public(), playback_id: "abc".into(), token: None };
        let seed = Seed::from_bytes([host; 32]);
        let receiver = Receiver::viewing(config, view, SERVER, seed, self.now).unwrap();
        let seed = u64::from(host) << 8;
        let (there, back) = (Path::new(link, seed), Path::new(link, seed + 1));
        self.watchers.insert(Host(host), Watcher { receiver, there, back, seen: Vec::new() });
        Host(host)
    }

    /// Lets a millisecond pass.
    pub fn step(&mut self) {
        self.now = self.now + STEP;
        let now = self.now;
        for (&host, publisher) in &mut self.publishers {
            while let Some(datagram) = publisher.back.wire.arrived(now) {
                publisher.sender.handle_datagram(now, &datagram);
            }
            while let Some(datagram) = publisher.sender.poll_transmit(now) {
                publisher.there.carry(now, &datagram);
            }
            while let Some(datagram) = publisher.there.wire.arrived(now) {
                self.hub.handle(now, host, &datagram, &self.key);
            }
        }
        for (&host, watcher) in &mut self.watchers {
            while let Some(datagram) = watcher.back.wire.arrived(now) {
                self.hub.handle(now, host, &datagram, &self.key);
            }
        }
        for (to, datagram) in self.hub.work(now) {
            if let Some(publisher) = self.publishers.get_mut(&to) {
                publisher.back.carry(now, &datagram);
            } else if let Some(watcher) = self.watchers.get_mut(&to) {
                watcher.there.carry(now, &datagram);
            }
        }
        for watcher in self.watchers.values_mut() {
            while let Some(datagram) = watcher.there.wire.arrived(now) {
                watcher.receiver.handle_datagram(now, SERVER, &datagram);
            }
            while let Some((_, datagram)) = watcher.receiver.poll_transmit(now) {
                watcher.back.carry(now, &datagram);
            }
            watcher
                .seen
                .extend(std::iter::from_fn(|| watcher.receiver.poll_event()).map(|event| (now, event)));
        }
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

    pub fn connect(&mut self, publisher: Host) {
        self.run_until("a session", |world| world.publishers[&publisher].sender.stats(world.now).connected);
    }

    pub fn viewer(&self, host: Host) -> &Viewer<Host> {
        &self.hub.viewers[&self.hub.sessions[&host]]
    }
}

impl Hub {
    fn handle(&mut self, now: Time, from: Host, datagram: &[u8], key: &StreamKey) {
        let keys = |id: &_| (*id == key.id()).then(|| key.key());
        let session = match self.endpoint.handle_datagram(now, from, datagram, &keys) {
            Arrival::Nothing => return,
            Arrival::Session(session) => session,
            Arrival::Publisher { session, accepted, .. } => {
                let seed = Seed::from_bytes([3; 32]);
                let receiver = Receiver::accepted(self.receiver.clone(), accepted, seed, now, from).unwrap();
                if let Some((old, _)) = self.publisher.replace((session, receiver)) {
                    self.endpoint.release(old);
                }
                session
            }
            Arrival::Viewer { session, accepted, .. } => {
                let mut viewer = Viewer::accepted(self.viewer.clone(), accepted, now, from);
                for item in self.fanout.join(now) {
                    viewer.push(now, &item);
                }
                self.viewers.insert(session, viewer);
                self.sessions.insert(from, session);
                session
            }
        };
        if let Some(viewer) = self.viewers.get_mut(&session) {
            viewer.handle_datagram(now, from, datagram);
        } else if let Some((_, receiver)) = self.publisher.as_mut().filter(|(id, _)| *id == session) {
            receiver.handle_datagram(now, from, datagram);
        }
        self.forward(now);
    }

    /// Gives on what came, before anybody joins.
    fn forward(&mut self, now: Time) {
        if let Some((_, receiver)) = &mut self.publisher {
            while let Some(event) = receiver.poll_event() {
                self.fanout.handle_event(now, event);
            }
        }
        while let Some(item) = self.fanout.poll(now) {
            self.viewers.values_mut().for_each(|viewer| viewer.push(now, &item));
        }
    }

    fn work(&mut self, now: Time) -> Vec<(Host, Vec<u8>)> {
        let mut out = Vec::new();
        while let Some((to, datagram)) = self.endpoint.poll_transmit(now) {
            out.push((to, datagram.to_vec()));
        }
        if let Some((_, receiver)) = &mut self.publisher {
            while let Some((to, datagram)) = receiver.poll_transmit(now) {
                out.push((to, datagram.to_vec()));
            }
        }
        self.forward(now);
        for (&id, viewer) in &mut self.viewers {
            let mut datagram = Vec::new();
            while let Some(to) = viewer.poll_transmit(now, &mut datagram) {
                out.push((to, std::mem::take(&mut datagram)));
            }
            let next = viewer.poll_timeout();
            assert!(next.is_none_or(|time| time > now), "a viewer that is due again at once: {next:?}");
            while let Some(ViewerEvent::Ended { reason }) = viewer.poll_event() {
                self.ended.push((id, reason));
            }
        }
        for (id, _) in &self.ended {
            if self.viewers.remove(id).is_some() {
                self.endpoint.release(*id);
            }
        }
        out
    }
}

impl Watcher {
    /// The units that came so far.
    pub fn units(&self) -> impl Iterator<Item = (Time, u8, u64, &Unit)> {
        self.seen.iter().filter_map(|(at, event)| match event {
            ReceiverEvent::Unit { track, number, unit, .. } => Some((*at, *track, *number, unit)),
            _ => None,
        })
    }

    /// Units without a picture, or of which nothing came, of those from a number on.
    pub fn without_picture(&self, from: u64) -> u64 {
        let lost = |event: &ReceiverEvent| match event {
            ReceiverEvent::Unit { number, unit, lost, .. } if *number >= from => {
                lost + u64::from(!unit.has_picture())
            }
            _ => 0,
        };
        self.seen.iter().map(|(_, event)| lost(event)).sum()
    }
}
