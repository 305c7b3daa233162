//! An endpoint, its publishers and its viewers without any network: what one sends the other gets at once, or what a
//! test makes of it.

mod doors;
mod sessions;

use fql_unit::{DataInfo, Media, Segment, Track, TrackTable, Unit};

use super::*;
use crate::{
    PublicKey, Receiver, ReceiverConfig, ReceiverEvent, Sender, SenderConfig, SenderEvent, StreamKey, View,
};

const STREAM_KEY: &str = "sk_abcdefghijklmnopqrstuvwxyz234567";
/// A peer's host and port.
type Peer = (u8, u16);

impl Address for Peer {
    fn host(&self) -> u64 {
        self.0.into()
    }
}

const PUBLISHER: Peer = (1, 1000);
const VIEWER: Peer = (2, 2000);
const SERVER: Peer = (0, 4242);
const START: Time = Time::from_nanos(5_000_000_000);

fn server_key() -> ServerKey {
    ServerKey::from_bytes([9; 32])
}

fn endpoint() -> Endpoint<Peer> {
    Endpoint::new(EndpointConfig::new(server_key()), Seed::from_bytes([1; 32])).unwrap()
}

fn stream_key() -> StreamKey {
    StreamKey::parse(STREAM_KEY).unwrap()
}

fn keys(id: &KeyId) -> Option<Key> {
    let known = stream_key();
    (*id == known.id()).then(|| known.key())
}

fn publisher() -> Sender {
    let mut sender =
        Sender::new(SenderConfig::publishing(&stream_key()), Seed::from_bytes([2; 32]), START).unwrap();
    let media = Media::Data(DataInfo { caps: "text/x-raw".into() });
    let track = Track { id: 0, name: String::new(), layers: 1, media };
    sender.set_tracks(START, TrackTable::new(vec![track]).unwrap());
    sender
}

fn view(playback_id: &str, server: PublicKey) -> View {
    View { server, playback_id: playback_id.into(), token: None }
}

fn viewer(view: View) -> Receiver<Peer> {
    Receiver::viewing(ReceiverConfig::default(), view, SERVER, Seed::from_bytes([3; 32]), START).unwrap()
}

/// All that an endpoint has to send now to this peer.
fn answers(endpoint: &mut Endpoint<Peer>, now: Time, to: Peer) -> Vec<Bytes> {
    std::iter::from_fn(|| endpoint.poll_transmit(now))
        .map(|(peer, datagram)| {
            assert_eq!(peer, to);
            datagram
        })
        .collect()
}

/// Lets an endpoint and a peer talk until one of them has a session to begin; gives it with its first datagram.
fn accept(
    endpoint: &mut Endpoint<Peer>,
    from: Peer,
    now: Time,
    mut poll: impl FnMut(Option<&[u8]>) -> Vec<Bytes>,
) -> Option<(Arrival, Bytes)> {
    let mut coming = poll(None);
    for _ in 0..10 {
        let mut answered = Vec::new();
        for datagram in coming {
            match endpoint.handle_datagram(now, from, &datagram, &keys) {
                Arrival::Nothing => {}
                arrival => return Some((arrival, datagram)),
            }
            for answer in answers(endpoint, now, from) {
                answered.extend(poll(Some(&answer)));
            }
        }
        coming = answered;
    }
    None
}

fn accept_publisher(
    endpoint: &mut Endpoint<Peer>,
    sender: &mut Sender,
    now: Time,
) -> Option<(Arrival, Bytes)> {
    accept(endpoint, PUBLISHER, now, |datagram| {
        datagram.into_iter().for_each(|datagram| sender.handle_datagram(now, datagram));
        std::iter::from_fn(|| sender.poll_transmit(now)).collect()
    })
}

fn accept_viewer(
    endpoint: &mut Endpoint<Peer>,
    viewer: &mut Receiver<Peer>,
    now: Time,
) -> Option<(Arrival, Bytes)> {
    accept(endpoint, VIEWER, now, |datagram| {
        datagram.into_iter().for_each(|datagram| viewer.handle_datagram(now, SERVER, datagram));
        std::iter::from_fn(|| viewer.poll_transmit(now)).map(|(_, datagram)| datagram).collect()
    })
}

fn text_unit(text: &str) -> Unit {
    let mut unit = Unit::new(1, 1, b"").unwrap();
    unit.set(0, 0, Segment::complete(text.to_owned()));
    unit
}

/// A server with one endpoint, the receivers of its publishers, and nothing for its viewers.
struct Server {
    endpoint: Endpoint<Peer>,
    receivers: HashMap<SessionId, Receiver<Peer>>,
    /// Viewers that were accepted.
    viewers: Vec<(SessionId, String, Accepted)>,
    /// What is done with new sessions instead.
    refusal: Option<EndReason>,
    /// Datagrams to the peer that get lost from now on.
    lost: usize,
    now: Time,
}

impl Server {
    fn new() -> Self {
        Self {
            endpoint: endpoint(),
            receivers: HashMap::new(),
            viewers: Vec::new(),
            refusal: None,
            lost: 0,
            now: START,
        }
    }

    fn handle(&mut self, from: Peer, datagram: &[u8]) {
        let now = self.now;
        match self.endpoint.handle_datagram(now, from, datagram, &keys) {
            Arrival::Nothing => {}
            Arrival::Session(session) => {
                if let Some(receiver) = self.receivers.get_mut(&session) {
                    receiver.handle_datagram(now, from, datagram);
                }
            }
            Arrival::Publisher { accepted, .. } | Arrival::Viewer { accepted, .. }
                if self.refusal.is_some() =>
            {
                self.endpoint.refuse(now, from, accepted, self.refusal.unwrap());
            }
            Arrival::Publisher { session, accepted, .. } => {
                let seed = Seed::from_bytes([5; 32]);
                let config = ReceiverConfig::default();
                let mut receiver = Receiver::accepted(config, accepted, seed, now, from).unwrap();
                receiver.handle_datagram(now, from, datagram);
                self.receivers.insert(session, receiver);
            }
            Arrival::Viewer { session, playback_id, accepted, .. } => {
                self.viewers.push((session, playback_id, accepted));
            }
        }
    }

    fn poll(&mut self) -> Vec<Bytes> {
        let now = self.now;
        let mut out: Vec<_> = std::iter::from_fn(|| self.endpoint.poll_transmit(now)).collect();
        for receiver in self.receivers.values_mut() {
            out.extend(std::iter::from_fn(|| receiver.poll_transmit(now)));
        }
        let over: Vec<_> = self
            .receivers
            .iter_mut()
            .filter_map(|(id, receiver)| {
                while receiver.poll_event().is_some() {}
                receiver.is_over().then_some(*id)
            })
            .collect();
        for session in over {
            self.receivers.remove(&session);
            self.endpoint.release(session);
        }
        let lost = self.lost.min(out.len());
        self.lost -= lost;
        out.into_iter().skip(lost).map(|(_, datagram)| datagram).collect()
    }

    /// Talks with a publisher for so long.
    fn serve(&mut self, sender: &mut Sender, ms: u64) {
        for _ in 0..ms {
            self.now = self.now + Duration::from_millis(1);
            while let Some(datagram) = sender.poll_transmit(self.now) {
                self.handle(PUBLISHER, &datagram);
            }
            for datagram in self.poll() {
                sender.handle_datagram(self.now, &datagram);
            }
        }
    }

    /// Talks with a viewer for so long.
    fn show(&mut self, viewer: &mut Receiver<Peer>, ms: u64) {
        for _ in 0..ms {
            self.now = self.now + Duration::from_millis(1);
            while let Some((_, datagram)) = viewer.poll_transmit(self.now) {
                self.handle(VIEWER, &datagram);
            }
            for datagram in self.poll() {
                viewer.handle_datagram(self.now, SERVER, &datagram);
            }
        }
    }

    fn receiver(&mut self) -> &mut Receiver<Peer> {
        self.receivers.values_mut().next().expect("a publisher's session")
    }
}

fn told(sender: &mut Sender) -> Vec<SenderEvent> {
    std::iter::from_fn(|| sender.poll_event()).collect()
}

fn told_viewer(viewer: &mut Receiver<Peer>) -> Vec<ReceiverEvent> {
    std::iter::from_fn(|| viewer.poll_event()).collect()
}

fn ended(reason: EndReason) -> [SenderEvent; 2] {
    [SenderEvent::Disconnected { reason }, SenderEvent::Closed]
}

/// The first message of a publisher with its cookie, as somebody recorded it.
fn record_first(endpoint: &mut Endpoint<Peer>, sender: &mut Sender) -> Bytes {
    let bare = sender.poll_transmit(START).unwrap();
    endpoint.handle_datagram(START, PUBLISHER, &bare, &keys);
    let cookies = answers(endpoint, START, PUBLISHER);
    assert_eq!(cookies.len(), 1);
    sender.handle_datagram(START, &cookies[0]);
    sender.poll_transmit(START).unwrap()
}
