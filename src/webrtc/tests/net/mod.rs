//! The server, its clients and the network between them, all on one thread and on a clock of their own.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fql_unit::TrackTable;
use fql_webrtc::{Endpoint, Event, MediaUnit, Output, Preparer, SessionId, Settings};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::Codec;
use str0m::media::{Direction, MediaData, MediaKind, MediaTime, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RawPacket;
use str0m::rtp::rtcp::Rtcp;
use str0m::{Candidate, Event as RtcEvent, Input, Output as RtcOutput, Rtc, RtcConfig};

const SERVER: &str = "192.0.2.1:8189";
const STEP: Duration = Duration::from_millis(5);
const FRAME: Duration = Duration::from_millis(40);

/// The parameter sets of 320x240 and the first bytes of an IDR picture.
pub const KEY: &[u8] = &[
    0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x0d, 0xda, 0x05, 0x07, 0xe4, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80, 0, 0, 0,
    1, 0x65, 0x88, 0x84,
];
/// The first bytes of a picture that is predicted and that others are predicted from.
const PREDICTED: &[u8] = &[0, 0, 0, 1, 0x41, 0x9a, 0x24];

/// A picture of several packets that ends with its number.
pub fn frame_bytes(frame: u32, key: bool) -> Vec<u8> {
    // No byte of a number is 0, so that it makes no start code.
    let number = frame.to_be_bytes().map(|byte| byte + 1);
    [if key { KEY } else { PREDICTED }, &[0x55; 3000], &number].concat()
}

/// The number of a picture or a packet of sound.
pub fn number(data: &[u8]) -> u32 {
    let last: [u8; 4] = data[data.len() - 4..].try_into().unwrap();
    u32::from_be_bytes(last.map(|byte| byte - 1))
}

/// A client on one address.
pub struct Client {
    pub rtc: Rtc,
    pub address: SocketAddr,
    pending: Option<SdpPendingOffer>,
    pub mids: Vec<Mid>,
    timeout: Instant,
    is_connected: bool,
    pub got: Vec<MediaData>,
    pub keys_asked: usize,
    /// What a viewer was reported.
    pub reports: Vec<Rtcp>,
}

impl Client {
    /// A client and its offer.
    pub fn new(
        now: Instant,
        config: RtcConfig,
        address: &str,
        direction: Direction,
        kinds: &[MediaKind],
    ) -> (Self, String) {
        let crypto = Arc::new(str0m::crypto::from_feature_flags());
        let mut rtc = config.set_crypto_provider(crypto).build(now);
        let address = address.parse().unwrap();
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        let mut change = rtc.sdp_api();
        let mids = kinds.iter().map(|kind| change.add_media(*kind, direction, None, None, None)).collect();
        let (offer, pending) = change.apply().unwrap();
        let client = Self {
            rtc,
            address,
            pending: Some(pending),
            mids,
            timeout: now,
            is_connected: false,
            got: Vec::new(),
            keys_asked: 0,
            reports: Vec::new(),
        };
        (client, offer.to_sdp_string())
    }

    fn take_answer(&mut self, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        self.rtc.sdp_api().accept_answer(self.pending.take().unwrap(), answer).unwrap();
    }

    fn write(&mut self, now: Instant, at: usize, time: Duration, data: Vec<u8>) {
        let Some(writer) = self.rtc.writer(self.mids[at]) else { return };
        let is_wanted = |codec| matches!(codec, Codec::H264 | Codec::Opus);
        let params = writer.payload_params().find(|params| is_wanted(params.spec().codec)).unwrap();
        let (pt, rate) = (params.pt(), params.spec().clock_rate);
        writer.write(pt, now, MediaTime::from(time).rebase(rate), data).unwrap();
    }

    fn drain(&mut self, sent: &mut VecDeque<Datagram>) {
        loop {
            match self.rtc.poll_output().unwrap() {
                RtcOutput::Timeout(at) => break self.timeout = at,
                RtcOutput::Transmit(transmit) => sent.push_back(Datagram {
                    from: self.address,
                    to: transmit.destination,
                    contents: transmit.contents.to_vec(),
                }),
                RtcOutput::Event(RtcEvent::Connected) => self.is_connected = true,
                RtcOutput::Event(RtcEvent::MediaData(data)) => self.got.push(data),
                RtcOutput::Event(RtcEvent::KeyframeRequest(_)) => self.keys_asked += 1,
                RtcOutput::Event(RtcEvent::RawPacket(packet)) => {
                    if let RawPacket::RtcpRx(report) = *packet {
                        self.reports.push(report);
                    }
                }
                RtcOutput::Event(_) => {}
            }
            if !self.rtc.is_alive() {
                break;
            }
        }
    }
}

struct Datagram {
    from: SocketAddr,
    to: SocketAddr,
    contents: Vec<u8>,
}

/// The server, its clients and the network between them.
pub struct Net {
    pub now: Instant,
    pub endpoint: Endpoint,
    pub clients: Vec<Client>,
    pub events: Vec<(SessionId, Event)>,
    /// Whether a datagram of media or of reports is lost, by the number of those that came before.
    pub loses: fn(usize) -> bool,
    media: usize,
    /// The same of what the server says in a handshake: clients of this library never say anything again.
    pub loses_of_handshake: fn(usize) -> bool,
    handshake: usize,
    pub lost: usize,
}

impl Net {
    pub fn new() -> Self {
        Self::with_room_for(8)
    }

    /// Where there may be so many sessions.
    pub fn with_room_for(most_sessions: usize) -> Self {
        let settings = Settings { candidates: vec![SERVER.parse().unwrap()], most_sessions };
        Self {
            now: Instant::now(),
            endpoint: Endpoint::new(settings).unwrap(),
            clients: Vec::new(),
            events: Vec::new(),
            loses: |_| false,
            media: 0,
            loses_of_handshake: |_| false,
            handshake: 0,
            lost: 0,
        }
    }

    /// A publisher of Opus and H.264.
    pub fn publisher(&mut self) -> (usize, SessionId) {
        let publish = |endpoint: &mut Endpoint, now, offer: &str| endpoint.publish(now, offer).unwrap();
        self.join(Self::publishing(), Direction::SendOnly, publish)
    }

    /// One that waits for the server to begin the handshake.
    pub fn waiting_publisher(&mut self) -> (usize, SessionId) {
        self.join(Self::publishing(), Direction::SendOnly, |endpoint, now, offer| {
            endpoint.publish(now, &offer.replace("a=setup:actpass", "a=setup:passive")).unwrap()
        })
    }

    fn publishing() -> RtcConfig {
        let config = RtcConfig::new().clear_codecs().enable_h264(true).enable_opus(true, false);
        // Ten pictures are kept for repairs.
        config.set_send_buffer_video(40)
    }

    /// A viewer of what this prepares.
    pub fn viewer(&mut self, preparer: &Preparer) -> (usize, SessionId) {
        let play = |endpoint: &mut Endpoint, now, offer: &str| endpoint.play(now, offer, preparer).unwrap();
        self.join(RtcConfig::new().enable_raw_packets(true), Direction::RecvOnly, play)
    }

    fn join(
        &mut self,
        config: RtcConfig,
        direction: Direction,
        ask: impl FnOnce(&mut Endpoint, Instant, &str) -> (SessionId, String),
    ) -> (usize, SessionId) {
        let kinds = [MediaKind::Audio, MediaKind::Video];
        let address = format!("192.0.2.9:{}", 4000 + self.clients.len());
        let (mut client, offer) = Client::new(self.now, config, &address, direction, &kinds);
        let (id, answer) = ask(&mut self.endpoint, self.now, &offer);
        client.take_answer(&answer);
        self.clients.push(client);
        (self.clients.len() - 1, id)
    }

    /// Lets 5 ms pass, and carries what is sent.
    pub fn step(&mut self) {
        self.now += STEP;
        let now = self.now;
        self.endpoint.handle_timeout(now);
        for client in self.clients.iter_mut().filter(|client| client.timeout <= now) {
            client.rtc.handle_input(Input::Timeout(now)).unwrap();
        }
        self.carry();
    }

    fn carry(&mut self) {
        let mut sent = VecDeque::new();
        loop {
            for client in &mut self.clients {
                client.drain(&mut sent);
            }
            while let Some(output) = self.endpoint.poll() {
                match output {
                    Output::Event(id, event) => self.events.push((id, event)),
                    Output::Transmit { to, contents, .. } => {
                        sent.push_back(Datagram { from: SERVER.parse().unwrap(), to, contents });
                    }
                }
            }
            let Some(datagram) = sent.pop_front() else { break };
            self.deliver(&datagram);
        }
    }

    fn deliver(&mut self, datagram: &Datagram) {
        if (128..192).contains(&datagram.contents[0]) {
            self.media += 1;
            if (self.loses)(self.media) {
                self.lost += 1;
                return;
            }
        }
        if (20..64).contains(&datagram.contents[0]) && datagram.from.to_string() == SERVER {
            self.handshake += 1;
            if (self.loses_of_handshake)(self.handshake) {
                self.lost += 1;
                return;
            }
        }
        if datagram.to.to_string() == SERVER {
            let to = Some(datagram.to.ip());
            return self.endpoint.receive(self.now, datagram.from, to, &datagram.contents);
        }
        let Some(client) = self.clients.iter_mut().find(|client| client.address == datagram.to) else {
            return;
        };
        let received = Receive::new(Protocol::Udp, datagram.from, datagram.to, &datagram.contents).unwrap();
        client.rtc.handle_input(Input::Receive(self.now, received)).unwrap();
    }

    pub fn run_until(&mut self, what: &str, mut is_done: impl FnMut(&Self) -> bool) {
        let end = self.now + Duration::from_secs(20);
        while !is_done(self) {
            assert!(self.now < end, "{what} took more than 20 s");
            self.step();
        }
    }

    /// Until both sides of all sessions know that they are connected.
    pub fn connect(&mut self) {
        self.run_until("connecting", Self::is_connected);
    }

    /// The same, with a clock that goes no faster than that of the machine, which OpenSSL looks at.
    pub fn connect_in_real_time(&mut self) {
        self.run_until("connecting", |net| {
            std::thread::sleep(net.now.saturating_duration_since(Instant::now()));
            net.is_connected()
        });
    }

    fn is_connected(&self) -> bool {
        let connected = self.events.iter().filter(|(_, event)| *event == Event::Connected).count();
        connected == self.clients.len() && self.clients.iter().all(|client| client.is_connected)
    }

    /// Publishes pictures of these numbers, 25 a second, with two packets of sound each.
    pub fn publish(&mut self, client: usize, frames: std::ops::Range<u32>, is_key: impl Fn(u32) -> bool) {
        for frame in frames {
            let (now, time) = (self.now, FRAME * frame);
            self.clients[client].write(now, 1, time, frame_bytes(frame, is_key(frame)));
            self.carry();
            for half in 0..2 {
                let number = (2 * frame + half).to_be_bytes().map(|byte| byte + 1);
                self.clients[client].write(now, 0, time + FRAME / 2 * half, [&[0xfc], &number[..]].concat());
                self.carry();
            }
            (0..8).for_each(|_| self.step());
        }
    }

    /// The units of a track that came out so far.
    pub fn units(&self, id: SessionId, track: u8) -> Vec<&MediaUnit> {
        let events = self.events.iter().filter(|(of, _)| *of == id);
        let units = events.filter_map(|(_, event)| match event {
            Event::Unit(unit) => Some(unit),
            _ => None,
        });
        units.filter(|unit| unit.track == track).collect()
    }

    /// The track tables that came out so far.
    pub fn tables(&self, id: SessionId) -> Vec<&TrackTable> {
        let events = self.events.iter().filter(|(of, _)| *of == id);
        let tables = events.filter_map(|(_, event)| match event {
            Event::Tracks(table) => Some(table),
            _ => None,
        });
        tables.collect()
    }
}
