//! A small server of one stream, as a daemon is a large one: it takes a publisher and gives to viewers.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver as Channel, Sender as Commands, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fql_transport::{
    Arrival, EndReason, Endpoint, EndpointConfig, Fanout, FanoutConfig, Key, KeyId, Receiver, ReceiverConfig,
    Seed, ServerKey, SessionId, StreamKey, Time, Viewer, ViewerConfig,
};

pub const STREAM_KEY: &str = "sk_abcdefghijklmnopqrstuvwxyz234567";
/// The stream that is there, and the token that it asks for where it asks.
pub const PLAYBACK_ID: &str = "abcdefgh";
pub const TOKEN: &str = "let me in";

/// What a test makes the server do.
pub enum Command {
    /// Ends the publisher's session.
    EndPublisher(EndReason),
    /// Ends the sessions of viewers.
    EndViewers(EndReason),
    /// Pauses the stream, or lets it go on.
    Pause(bool),
    /// Answers a second publisher so; takes it over without.
    Refuse(Option<EndReason>),
    /// Asks viewers for the token.
    AskForToken,
    Stop,
}

/// What the server sees.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    pub publishers: usize,
    pub viewers: usize,
    /// Publishers accepted so far.
    pub accepted: usize,
}

pub struct Server {
    pub address: SocketAddr,
    commands: Commands<Command>,
    seen: Arc<Mutex<Seen>>,
    thread: Option<JoinHandle<()>>,
}

struct Loop {
    socket: UdpSocket,
    epoch: Instant,
    endpoint: Endpoint<SocketAddr>,
    publishers: HashMap<SessionId, Receiver<SocketAddr>>,
    fanout: Fanout,
    viewers: HashMap<SessionId, Viewer<SocketAddr>>,
    refuse: Option<EndReason>,
    asks_for_token: bool,
    paused: bool,
    accepted: usize,
}

pub fn server_key() -> ServerKey {
    ServerKey::from_bytes([9; 32])
}

impl Server {
    pub fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap())
    }

    pub fn start_at(address: SocketAddr) -> Self {
        let socket = UdpSocket::bind(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let address = socket.local_addr().unwrap();
        let (commands, incoming) = channel();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let for_loop = seen.clone();
        let thread = std::thread::spawn(move || Loop::new(socket).run(&incoming, &for_loop));
        Self { address, commands, seen, thread: Some(thread) }
    }

    pub fn publish_uri(&self) -> String {
        format!("udp://{}/stream", self.address)
    }

    pub fn play_uri(&self) -> String {
        format!("fql://{}/play/{PLAYBACK_ID}?server-key={}", self.address, server_key().public())
    }

    pub fn tell(&self, command: Command) {
        self.commands.send(command).unwrap();
    }

    pub fn seen(&self) -> Seen {
        *self.seen.lock().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn keys(id: &KeyId) -> Option<Key> {
    let known = StreamKey::parse(STREAM_KEY).unwrap();
    (*id == known.id()).then(|| known.key())
}

impl Loop {
    fn new(socket: UdpSocket) -> Self {
        let endpoint = Endpoint::new(EndpointConfig::new(server_key()), Seed::from_os().unwrap()).unwrap();
        Self {
            socket,
            epoch: Instant::now(),
            endpoint,
            publishers: HashMap::new(),
            fanout: Fanout::new(FanoutConfig::default()),
            viewers: HashMap::new(),
            refuse: None,
            asks_for_token: false,
            paused: false,
            accepted: 0,
        }
    }

    fn now(&self) -> Time {
        Time::from_nanos(self.epoch.elapsed().as_nanos() as u64)
    }

    fn run(&mut self, commands: &Channel<Command>, seen: &Mutex<Seen>) {
        let mut buffer = [0; 2048];
        loop {
            match self.socket.recv_from(&mut buffer) {
                Ok((len, from)) => self.handle(from, &buffer[..len]),
                Err(_) => self.poll(),
            }
            for command in commands.try_iter() {
                if matches!(command, Command::Stop) {
                    return;
                }
                self.obey(command);
            }
            self.poll();
            let (publishers, viewers) = (self.publishers.len(), self.viewers.len());
            *seen.lock().unwrap() = Seen { publishers, viewers, accepted: self.accepted };
        }
    }

    fn obey(&mut self, command: Command) {
        let now = self.now();
        match command {
            Command::EndPublisher(reason) => {
                self.publishers.values_mut().for_each(|receiver| receiver.end(now, reason));
            }
            Command::EndViewers(reason) => {
                self.viewers.values_mut().for_each(|viewer| viewer.close(now, reason));
            }
            Command::Pause(paused) => {
                self.paused = paused;
                self.publishers.values_mut().for_each(|receiver| receiver.set_paused(paused));
                self.fanout.set_paused(now, paused);
            }
            Command::Refuse(reason) => self.refuse = reason,
            Command::AskForToken => self.asks_for_token = true,
            Command::Stop => {}
        }
    }

    fn handle(&mut self, from: SocketAddr, datagram: &[u8]) {
        let now = self.now();
        match self.endpoint.handle_datagram(now, from, datagram, &keys) {
            Arrival::Nothing => {}
            Arrival::Session(session) => {
                if let Some(receiver) = self.publishers.get_mut(&session) {
                    receiver.handle_datagram(now, from, datagram);
                } else if let Some(viewer) = self.viewers.get_mut(&session) {
                    viewer.handle_datagram(now, from, datagram);
                }
            }
            Arrival::Publisher { session, accepted, .. } => {
                if let Some(reason) = self.refuse.filter(|_| !self.publishers.is_empty()) {
                    return self.endpoint.refuse(now, from, accepted, reason);
                }
                self.publishers.values_mut().for_each(|old| old.end(now, EndReason::Replaced));
                let config = ReceiverConfig { relay: true, paused: self.paused, ..ReceiverConfig::default() };
                let seed = Seed::from_os().unwrap();
                let mut receiver = Receiver::accepted(config, accepted, seed, now, from).unwrap();
                receiver.handle_datagram(now, from, datagram);
                self.publishers.insert(session, receiver);
                self.accepted += 1;
            }
            Arrival::Viewer { session, playback_id, token, accepted } => {
                if playback_id != PLAYBACK_ID {
                    return self.endpoint.refuse(now, from, accepted, EndReason::UnknownStream);
                }
                if self.asks_for_token && token.as_deref() != Some(TOKEN) {
                    return self.endpoint.refuse(now, from, accepted, EndReason::Unauthorized);
                }
                let mut viewer = Viewer::accepted(ViewerConfig::default(), accepted, now, from);
                for item in self.fanout.join(now) {
                    viewer.push(now, &item);
                }
                viewer.handle_datagram(now, from, datagram);
                self.viewers.insert(session, viewer);
            }
        }
    }

    fn poll(&mut self) {
        let now = self.now();
        for (session, receiver) in &mut self.publishers {
            while let Some((to, datagram)) = receiver.poll_transmit(now) {
                let _ = self.socket.send_to(&datagram, to);
            }
            while let Some(event) = receiver.poll_event() {
                self.fanout.handle_event(now, event);
            }
            if receiver.is_over() {
                self.endpoint.release(*session);
            }
        }
        self.publishers.retain(|_, receiver| !receiver.is_over());
        while let Some(item) = self.fanout.poll(now) {
            self.viewers.values_mut().for_each(|viewer| viewer.push(now, &item));
        }
        let mut over = Vec::new();
        for (session, viewer) in &mut self.viewers {
            let mut out = Vec::new();
            while let Some(to) = viewer.poll_transmit(now, &mut out) {
                let _ = self.socket.send_to(&out, to);
                out.clear();
            }
            if viewer.poll_event().is_some() {
                over.push(*session);
            }
        }
        for session in over {
            self.viewers.remove(&session);
            self.endpoint.release(session);
        }
        while let Some((to, datagram)) = self.endpoint.poll_transmit(now) {
            let _ = self.socket.send_to(&datagram, to);
        }
    }
}
