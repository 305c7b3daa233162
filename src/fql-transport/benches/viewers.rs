//! What viewers of one stream cost a server: `cargo bench -p fql-transport --bench viewers` prints how many datagrams
//! a second one core seals for them, and the share of a core that they take, sockets not included.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fql_transport::{
    Arrival, Endpoint, EndpointConfig, Fanout, FanoutConfig, Key, Receiver, ReceiverConfig, Seed, Sender,
    SenderConfig, ServerKey, SessionId, Time, View, Viewer, ViewerConfig,
};
use fql_unit::{Chroma, Media, Segment, Timing, Track, TrackTable, Unit, VideoInfo};

const VIEWERS: u16 = 200;
const FRAMES: u32 = 250;
const FRAME: Duration = Duration::from_millis(40);
/// About 2 Mbit/s in layers, each less than twice the one below.
const LADDER: [usize; 6] = [250, 450, 900, 1700, 3000, 3700];
const KEY: Key = Key::from_bytes([1; 32]);
const STEP: Duration = Duration::from_millis(1);

fn tracks() -> TrackTable {
    let media = Media::Video(VideoInfo { frame_rate: (25, 1), ..VideoInfo::new(1280, 720, Chroma::Yuv420) });
    TrackTable::new(vec![Track { id: 0, name: String::new(), layers: 10, media }]).unwrap()
}

fn frame() -> Unit {
    let mut unit = Unit::new(10, 4, [0; 8]).unwrap();
    for (layer, size) in LADDER.iter().enumerate() {
        for slice in 0..4 {
            let bytes: Vec<u8> = (0..size / 4).map(|i| (i * 7 + layer) as u8).collect();
            unit.set(layer as u8, slice, Segment::complete(bytes));
        }
    }
    unit
}

/// The publisher, whose datagrams all arrive.
struct Source {
    sender: Sender,
    relay: Receiver<()>,
}

impl Source {
    fn new(now: Time) -> Self {
        let config = SenderConfig::new(KEY);
        let relay = ReceiverConfig { relay: true, ..ReceiverConfig::new(KEY) };
        let mut sender = Sender::new(config, Seed::from_bytes([1; 32]), now).unwrap();
        sender.set_tracks(now, tracks());
        Self { sender, relay: Receiver::new(relay, Seed::from_bytes([2; 32])).unwrap() }
    }

    fn step(&mut self, now: Time) {
        while let Some(datagram) = self.sender.poll_transmit(now) {
            self.relay.handle_datagram(now, (), &datagram);
        }
        while let Some((_, datagram)) = self.relay.poll_transmit(now) {
            self.sender.handle_datagram(now, &datagram);
        }
    }
}

/// One viewer in front of its screen.
struct Watcher {
    receiver: Receiver<SocketAddr>,
    count: u64,
}

fn main() {
    println!(
        "{VIEWERS} viewers of one stream of {} kbit/s of media",
        LADDER.iter().sum::<usize>() * 25 * 8 / 1000
    );
    println!("loss   datagrams/s  of them parity  parity computed  datagrams/s of one core  share of a core");
    for loses in [false, true] {
        measure(loses);
    }
}

fn measure(loses: bool) {
    let mut now = Time::from_nanos(1_000_000_000);
    let server_key = ServerKey::generate(Seed::from_bytes([3; 32]));
    let server: SocketAddr = "127.0.0.1:4242".parse().unwrap();
    let mut endpoint =
        Endpoint::new(EndpointConfig::new(server_key.clone()), Seed::from_bytes([4; 32])).unwrap();
    let mut source = Source::new(now);
    let mut fanout = Fanout::new(FanoutConfig::default());
    let mut watchers: HashMap<SocketAddr, Watcher> = HashMap::new();
    let mut viewers: HashMap<SessionId, Viewer<SocketAddr>> = HashMap::new();
    for i in 0..VIEWERS {
        let view = View { server: server_key.public(), playback_id: "a".into(), token: None };
        let mut seed = [5; 32];
        seed[..2].copy_from_slice(&i.to_be_bytes());
        let config = ReceiverConfig::default();
        let receiver = Receiver::viewing(config, view, server, Seed::from_bytes(seed), now).unwrap();
        let host = format!("10.0.{}.{}:9", i / 256, i % 256).parse().unwrap();
        watchers.insert(host, Watcher { receiver, count: 0 });
    }
    let unit = frame();
    let (mut busy, mut datagrams) = (Duration::ZERO, 0u64);
    let mut out = Vec::new();
    for frame in 0..FRAMES {
        let timing =
            Timing { pts: u64::from(frame) * FRAME.as_nanos() as u64, duration: FRAME.as_nanos() as u64 };
        source.sender.push_unit(now, 0, timing, &unit).unwrap();
        for _ in 0..FRAME.as_millis() {
            now = now + STEP;
            source.step(now);
            let mut reports = Vec::new();
            for (&host, watcher) in &mut watchers {
                while let Some((_, datagram)) = watcher.receiver.poll_transmit(now) {
                    reports.push((host, datagram));
                }
                while watcher.receiver.poll_event().is_some() {}
            }
            let mut sent = Vec::new();
            let began = Instant::now();
            while let Some(event) = source.relay.poll_event() {
                fanout.handle_event(now, event);
            }
            while let Some(item) = fanout.poll(now) {
                viewers.values_mut().for_each(|viewer| viewer.push(now, &item));
            }
            for (host, datagram) in reports {
                match endpoint.handle_datagram(now, host, &datagram, &|_| None) {
                    Arrival::Session(session) => {
                        viewers.get_mut(&session).unwrap().handle_datagram(now, host, &datagram);
                    }
                    Arrival::Viewer { session, accepted, .. } => {
                        let mut viewer = Viewer::accepted(ViewerConfig::default(), accepted, now, host);
                        fanout.join(now).iter().for_each(|item| viewer.push(now, item));
                        viewer.handle_datagram(now, host, &datagram);
                        viewers.insert(session, viewer);
                    }
                    _ => {}
                }
            }
            for viewer in viewers.values_mut() {
                let mut start = out.len();
                while let Some(to) = viewer.poll_transmit(now, &mut out) {
                    sent.push((to, start..out.len()));
                    start = out.len();
                }
            }
            // The first two seconds are of handshakes, and of finding what the way carries.
            if frame >= 50 {
                busy += began.elapsed();
                datagrams += sent.len() as u64;
            }
            let answers = std::iter::from_fn(|| endpoint.poll_transmit(now)).collect::<Vec<_>>();
            for (to, datagram) in answers {
                watchers.get_mut(&to).unwrap().receiver.handle_datagram(now, server, &datagram);
            }
            for (to, range) in sent {
                let watcher = watchers.get_mut(&to).unwrap();
                watcher.count += 1;
                if !(loses && watcher.count.is_multiple_of(10)) {
                    watcher.receiver.handle_datagram(now, server, &out[range]);
                }
            }
            out.clear();
        }
    }
    let seconds = f64::from(FRAMES - 50) * FRAME.as_secs_f64();
    let stats = viewers.values().map(|viewer| viewer.stats(now));
    let (sources, parity) = stats.fold((0, 0), |(sources, parity), stats| {
        (sources + stats.source_shards, parity + stats.parity_shards)
    });
    println!(
        "{:4}% {:12.0} {:14.0}% {:10} rows {:24.0} {:16.2}",
        if loses { 10 } else { 0 },
        datagrams as f64 / seconds,
        100.0 * parity as f64 / (sources + parity) as f64,
        fanout.stats(now).rows_computed,
        datagrams as f64 / busy.as_secs_f64(),
        busy.as_secs_f64() / seconds,
    );
}
