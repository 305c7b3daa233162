use std::net::SocketAddr;
use std::time::Duration;

use fql_transport::{Seed, Sender, SenderConfig, StreamKey};
use fql_unit::{Chroma, Media, Segment, Timing, Track, TrackTable, Unit, VideoInfo};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use super::{Clock, Stream};

/// Time between units.
const FRAME: Duration = Duration::from_millis(40);
/// Bytes of each layer: about 2 Mbit/s.
const LAYERS: [usize; 6] = [250, 450, 900, 1700, 3000, 3700];

/// A publisher by UDP, which goes on until it is dropped.
pub struct Publisher(JoinHandle<()>);

impl Publisher {
    /// Publishes something to the stream at this `host:port`.
    pub async fn start(to: &str, stream: &Stream) -> Self {
        let to: SocketAddr = to.parse().expect("it is an address");
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port is free");
        socket.connect(to).await.expect("it is on this machine");
        let key = StreamKey::parse(&stream.key).expect("it is a stream key");
        Self(tokio::spawn(publish(socket, key)))
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn publish(socket: UdpSocket, key: StreamKey) {
    let clock = Clock::new();
    let config = SenderConfig::publishing(&key);
    let mut sender =
        Sender::new(config, Seed::from_os().unwrap(), clock.now()).expect("the defaults are good");
    sender.set_tracks(clock.now(), tracks());
    let mut frames = tokio::time::interval(FRAME);
    let mut buffer = [0; 2048];
    for number in 0u64.. {
        let now = clock.now();
        let timing = Timing { pts: number * FRAME.as_nanos() as u64, duration: FRAME.as_nanos() as u64 };
        sender.push_unit(now, 0, timing, &unit()).expect("the unit fits the track");
        loop {
            let now = clock.now();
            while let Some(datagram) = sender.poll_transmit(now) {
                let _ = socket.send(&datagram).await;
            }
            while sender.poll_event().is_some() {}
            let wait = sender.poll_timeout().map_or(FRAME, |due| (due - now).max(Duration::from_millis(1)));
            tokio::select! {
                received = socket.recv(&mut buffer) => if let Ok(len) = received {
                    sender.handle_datagram(clock.now(), &buffer[..len]);
                },
                () = tokio::time::sleep(wait) => {}
                _ = frames.tick() => break,
            }
        }
    }
}

fn tracks() -> TrackTable {
    let media = Media::Video(VideoInfo { frame_rate: (25, 1), ..VideoInfo::new(1280, 720, Chroma::Yuv420) });
    let layers = LAYERS.len() as u8;
    TrackTable::new(vec![Track { id: 0, name: String::new(), layers, media }]).expect("it is one track")
}

fn unit() -> Unit {
    let mut unit = Unit::new(LAYERS.len() as u8, 1, [0; 8]).expect("so many layers are allowed");
    for (layer, size) in LAYERS.into_iter().enumerate() {
        unit.set(layer as u8, 0, Segment::complete((0..size).map(|i| i as u8).collect::<Vec<u8>>()));
    }
    unit
}
