//! Live streams and their threads without any network: sessions are agreed on in memory.

#[cfg(feature = "convert")]
mod b_frames;
mod clip;
mod hls;
#[cfg(feature = "convert")]
pub(super) mod layered;
mod ordinary;
mod rtmp;
mod rtsp;
#[cfg(feature = "convert")]
pub(super) mod vp8;

use bytes::Bytes;
use fql_transport::{Accepted, Arrival, EndReason, Sender, SenderConfig, StreamKey};
use tempfile::TempDir;

use super::live::LiveStream;
use super::peer::{Peer, Way};
use super::worker::{Newcomer, Passed, Return};
use super::*;
use crate::config::SecondPublisher;
use crate::service::{Caller, Entry, NewStream, Settings, Stream, Viewer};
use crate::store::Store;

const ADMIN: &str = "ak_abcdefghijklmnopqrstuvwxyz234567";
const START: Time = Time::from_nanos(5_000_000_000);
const RULES: Rules = Rules {
    second_publisher: SecondPublisher::Refuse,
    latency: Duration::from_millis(120),
    grace: Duration::from_secs(10),
};

/// A service with one stream, and a server that takes publishers.
struct Bench {
    service: Service,
    admin: Caller,
    stream: Stream,
    endpoint: Endpoint<Peer>,
    publishers: u8,
    _folder: TempDir,
}

impl Bench {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let service = Service::new(store, Settings::default()).await.unwrap();
        service.ensure_administrator(Some(ADMIN), |_| {}).await.unwrap();
        let admin = service.authenticate(ADMIN).await.unwrap();
        let mut change = service.begin(&admin).await.unwrap();
        let new = NewStream { name: "news".to_owned(), ..NewStream::default() };
        let stream = change.create_stream(new).await.unwrap();
        change.commit().await.unwrap();
        let config = EndpointConfig::new(ServerKey::from_bytes([9; 32]));
        let endpoint = Endpoint::new(config, Seed::from_bytes([1; 32])).unwrap();
        Self { service, admin, stream, endpoint, publishers: 0, _folder: folder }
    }

    fn entry(&self) -> Arc<Entry> {
        self.service.directory().by_id(&self.stream.id).unwrap()
    }

    /// A publisher that has agreed on a session, with the datagram that it begins with.
    fn publisher(&mut self, from: Peer) -> Newcomer {
        self.publishers += 1;
        let key = StreamKey::parse(self.stream.stream_key.as_deref().unwrap()).unwrap();
        let config = SenderConfig::publishing(&key);
        let mut sender = Sender::new(config, Seed::from_bytes([100 + self.publishers; 32]), START).unwrap();
        let (accepted, datagram) =
            self.agree(&mut sender, from, &key).expect("both talk until they have agreed");
        Newcomer { accepted, from, datagram }
    }

    fn agree(&mut self, sender: &mut Sender, from: Peer, key: &StreamKey) -> Option<(Accepted, Bytes)> {
        let keys = |_: &_| Some(key.key());
        while let Some(datagram) = sender.poll_transmit(START) {
            if let Arrival::Publisher { accepted, .. } =
                self.endpoint.handle_datagram(START, from, &datagram, &keys)
            {
                return Some((accepted, datagram));
            }
            while let Some((_, answer)) = self.endpoint.poll_transmit(START) {
                sender.handle_datagram(START, &answer);
            }
        }
        None
    }

    /// A worker, and what it gives back.
    fn worker(&self) -> (Worker, Arc<Returns>) {
        let shared = self.shared(mpsc::channel(16).0);
        let returns = Arc::clone(&shared.returns);
        (Worker::new(shared), returns)
    }

    fn shared(&self, events: mpsc::Sender<Event>) -> Shared {
        Shared {
            clock: Clock(Instant::now()),
            socket: Arc::new(MediaSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap()),
            web: Arc::new(Web::new(Room { webtransport: 1, websocket: 1 }).unwrap()),
            returns: Arc::default(),
            board: Arc::default(),
            sources: Arc::new(Sources::new()),
            events,
            rules: RULES,
            service: self.service.clone(),
            sent: Sent::new(),
        }
    }
}

fn peer(port: u16) -> Peer {
    Peer { remote: ([127, 0, 0, 1], port).into(), way: Way::Udp(None) }
}

/// Why a worker did not take a publisher with what the router had read of the stream before.
fn refused(bench: &mut Bench, before: Arc<Entry>) -> Option<EndReason> {
    let newcomer = bench.publisher(peer(1000));
    let (worker, returns) = bench.worker();
    let (inbox, commands) = Inbox::new();
    inbox.tell(Command::Publish(before, newcomer));
    inbox.tell(Command::Stop);
    worker.run(&commands);
    returns.take().into_iter().find_map(|given| match given {
        Return::Refused(_, _, reason) => Some(reason),
        Return::Released(_) => None,
    })
}

#[tokio::test]
async fn a_publisher_is_held_against_what_its_stream_is_when_its_thread_takes_it() {
    let mut bench = Bench::new().await;
    let before = bench.entry();
    assert_eq!(refused(&mut bench, before.clone()), None);

    let mut change = bench.service.begin(&bench.admin).await.unwrap();
    change.rotate_stream_key("news").await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(refused(&mut bench, before), Some(EndReason::KeyRotated));

    let before = bench.entry();
    let mut change = bench.service.begin(&bench.admin).await.unwrap();
    change.archive_stream("news").await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(refused(&mut bench, before), Some(EndReason::Archived));
}

#[tokio::test]
async fn made_up_datagrams_neither_move_a_publisher_nor_keep_another_out() {
    let mut bench = Bench::new().await;
    let mut live = LiveStream::new(bench.entry(), &RULES);
    let first = bench.publisher(peer(1000));
    let (session, mut made_up) = (first.accepted.session(), first.datagram.to_vec());
    assert!(live.publish(START, &RULES, first).is_ok());

    let later = START + Duration::from_millis(1900);
    *made_up.last_mut().unwrap() ^= 1;
    live.handle_datagram(later, session, peer(6666), &made_up);
    let address = live.stats(later).publisher.map(|publisher| publisher.address);
    assert_eq!(address.as_deref(), Some("127.0.0.1:1000"));

    let second = bench.publisher(peer(2000));
    let third = bench.publisher(peer(3000));
    assert!(live.publish(later, &RULES, second).is_err(), "the first one was heard a moment ago");
    assert!(live.publish(later + Duration::from_millis(200), &RULES, third).is_ok());
}

#[tokio::test]
async fn nobody_waits_for_a_worker_that_is_far_behind() {
    let (inbox, _commands) = Inbox::new();
    let session = Bench::new().await.publisher(peer(1)).accepted.session();
    let datagram = Bytes::from_static(b"datagram");
    let batch =
        || vec![Passed { session, from: peer(1), arrived: Time::ZERO, datagram: datagram.clone() }; 1000];
    let passed = (0..1000).take_while(|_| inbox.pass(batch())).count();
    assert!((10..100).contains(&passed), "{passed} thousand datagrams wait");
    // What is no datagram always finds room, at once: a full queue would hold this thread for ever.
    (0..10_000).for_each(|_| inbox.tell(Command::Stop));
}

#[tokio::test]
async fn viewers_that_come_and_go_fill_no_memory_and_hide_no_stream_that_goes_live() {
    let (events, mut heard) = mpsc::channel(8);
    let shared = Bench::new().await.shared(events);
    let viewer = Viewer { id: "view_a".into(), protocol: "fql".into(), address: "192.0.2.1:1".into() };
    for _ in 0..100 {
        shared.tell("str_a", Happened::ViewerJoined(viewer.clone()));
    }
    shared.tell("str_a", Happened::Live);
    drop(shared);
    let mut all = Vec::new();
    while let Some(event) = heard.recv().await {
        all.push(event.happened);
    }
    assert!(matches!(all.pop(), Some(Happened::Live)));
    assert!((4..8).contains(&all.len()), "{} of 100", all.len());
}
