//! FQL in datagrams of QUIC, over a link that loses every tenth packet and takes 30 ms each way: with the congestion
//! controller of the daemon's WebTransport what FQL sends arrives, and the loss is repaired. With QUIC's own the same
//! stream starves, since to Cubic every lost packet means to send less.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use data_encoding::BASE64;
use fql_tests::machine::OtherWork;
use fql_tests::relay::{Link, Relay};
use fql_transport::{Key, Receiver, ReceiverConfig, ReceiverEvent, Seed, Sender, SenderConfig, Time};
use fql_unit::{Chroma, Media, Segment, Timing, Track, TrackTable, Unit, VideoInfo};
use quinn::congestion::{ControllerFactory, CubicConfig};
use streamd::media::webtransport::{Identity, SetByFql, transport};
use wtransport::endpoint::IncomingSessionFuture;
use wtransport::tls::Sha256Digest;
use wtransport::{ClientConfig, Connection, Endpoint};

const KEY: Key = Key::from_bytes([7; 32]);
const FRAME: Duration = Duration::from_millis(40);
/// Bytes of each layer of a frame: 2.5 Mbit/s of media.
const LAYERS: [usize; 6] = [300, 600, 1100, 2200, 3800, 4500];
/// Until FQL has found the rate.
const WARM_UP: Duration = Duration::from_secs(6);
/// What is measured after that.
const MEASURED: Duration = Duration::from_secs(10);

/// A run during which something else kept the machine busy says nothing of the protocol, which takes its delays for
/// queues: it is made anew, so often.
const ATTEMPTS: usize = 4;

/// What a viewer got in the time that is measured.
#[derive(Debug, Default)]
struct Outcome {
    units: u64,
    complete: u64,
    bytes: u64,
}

impl Outcome {
    /// Megabits of media a second.
    fn rate(&self) -> f64 {
        self.bytes as f64 * 8.0 / MEASURED.as_secs_f64() / 1e6
    }
}

/// Megabits of media a second that are sent.
fn pushed() -> f64 {
    LAYERS.iter().sum::<usize>() as f64 * 8.0 / FRAME.as_secs_f64() / 1e6
}

#[derive(Debug, Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn now(self) -> Time {
        Time::from_nanos(1 + self.0.elapsed().as_nanos() as u64)
    }
}

fn tracks() -> Result<TrackTable> {
    let media = Media::Video(VideoInfo { frame_rate: (25, 1), ..VideoInfo::new(1280, 720, Chroma::Yuv420) });
    Ok(TrackTable::new(vec![Track { id: 0, name: String::new(), layers: LAYERS.len() as u8, media }])?)
}

fn unit() -> Result<Unit> {
    let mut unit = Unit::new(LAYERS.len() as u8, 1, [0; 8])?;
    for (layer, size) in LAYERS.into_iter().enumerate() {
        unit.set(layer as u8, 0, Segment::complete(vec![layer as u8; size]));
    }
    Ok(unit)
}

/// Sends units by a session until it ends.
async fn send(session: Connection) -> Result<()> {
    let clock = Clock(Instant::now());
    let mut sender = Sender::new(SenderConfig::new(KEY), Seed::from_os()?, clock.now())?;
    sender.set_tracks(clock.now(), tracks()?);
    let mut frames = tokio::time::interval(FRAME);
    let unit = unit()?;
    let mut number = 0;
    loop {
        while let Some(datagram) = sender.poll_transmit(clock.now()) {
            session.send_datagram(&datagram)?;
        }
        while sender.poll_event().is_some() {}
        let now = clock.now();
        let wait = sender.poll_timeout().map_or(FRAME, |due| due - now);
        tokio::select! {
            datagram = session.receive_datagram() => sender.handle_datagram(clock.now(), &datagram?),
            _ = frames.tick() => {
                let timing = Timing { pts: number * FRAME.as_nanos() as u64, duration: FRAME.as_nanos() as u64 };
                number += 1;
                sender.push_unit(clock.now(), 0, timing, &unit)?;
            }
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Watches what comes by a session.
async fn watch(session: Connection) -> Result<Outcome> {
    let clock = Clock(Instant::now());
    let config = ReceiverConfig { latency: Duration::from_millis(400), ..ReceiverConfig::new(KEY) };
    let mut receiver = Receiver::new(config, Seed::from_os()?)?;
    let mut outcome = Outcome::default();
    while clock.0.elapsed() < WARM_UP + MEASURED {
        while let Some(((), datagram)) = receiver.poll_transmit(clock.now()) {
            session.send_datagram(&datagram)?;
        }
        while let Some(event) = receiver.poll_event() {
            if let ReceiverEvent::Unit { unit, .. } = event
                && clock.0.elapsed() >= WARM_UP
            {
                outcome.units += 1;
                outcome.complete += u64::from(unit.complete_layers_everywhere() == unit.layers());
                outcome.bytes += unit.payload_len() as u64;
            }
        }
        let now = clock.now();
        let wait = receiver.poll_timeout().map_or(FRAME, |due| due - now).min(FRAME);
        tokio::select! {
            datagram = session.receive_datagram() => receiver.handle_datagram(clock.now(), (), &datagram?),
            () = tokio::time::sleep(wait) => {}
        }
    }
    Ok(outcome)
}

async fn run(congestion: Arc<dyn ControllerFactory + Send + Sync>) -> Result<Outcome> {
    let folder = tempfile::TempDir::new()?;
    let identity = Identity::new(None, folder.path())?;
    let mut server = quinn::ServerConfig::with_crypto(Arc::new(identity.tls()?));
    server.transport_config(Arc::new(transport(congestion)));
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let quic = quinn::Endpoint::server(server, local)?;
    let link = Link { loss: 0.1, delay: Duration::from_millis(30), ..Link::default() };
    let relay = Relay::start(local, quic.local_addr()?, link)?;
    let serving = tokio::spawn(async move {
        let incoming = quic.accept().await.context("the endpoint is closed")?;
        send(IncomingSessionFuture::with_quic_incoming(incoming).await?.accept().await?).await
    });

    let digest = |hash: &String| -> Result<Sha256Digest> {
        let bytes = BASE64.decode(hash.as_bytes())?.try_into();
        Ok(Sha256Digest::new(bytes.ok().context("a hash has 32 bytes")?))
    };
    let hashes = identity.hashes().iter().map(digest).collect::<Result<Vec<_>>>()?;
    let config =
        ClientConfig::builder().with_bind_address(local).with_server_certificate_hashes(hashes).build();
    let session = Endpoint::client(config)?.connect(format!("https://{}/", relay.address())).await?;
    let outcome = watch(session).await;
    serving.abort();
    ensure!(relay.backward().lost > 0, "the link loses nothing");
    outcome
}

/// What is not as it should be.
fn broken_clause(ours: &Outcome, cubic: &Outcome) -> Option<&'static str> {
    if ours.rate() < 0.9 * pushed() {
        return Some("what FQL sends does not arrive");
    }
    if ours.complete * 10 < ours.units * 9 {
        return Some("what is lost is not repaired");
    }
    (cubic.rate() > 0.5 * ours.rate()).then_some("Cubic starves nothing")
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_lossy_link_fql_keeps_its_rate_where_cubic_starves_it() {
    for attempt in 1..=ATTEMPTS {
        let others = OtherWork::start();
        let (ours, cubic) = tokio::join!(run(Arc::new(SetByFql)), run(Arc::new(CubicConfig::default())));
        let (ours, cubic) = (ours.unwrap(), cubic.unwrap());
        println!("{:.2} Mbit/s of media pushed", pushed());
        println!("set by FQL: {:.2} Mbit/s, {} of {} units complete", ours.rate(), ours.complete, ours.units);
        println!(
            "Cubic:      {:.2} Mbit/s, {} of {} units complete",
            cubic.rate(),
            cubic.complete,
            cubic.units
        );
        match broken_clause(&ours, &cubic) {
            None => return,
            Some(_) if others.is_disturbing() && attempt < ATTEMPTS => {}
            Some(clause) => panic!("{clause}; others took {:.0} % of the machine", others.share() * 100.0),
        }
    }
}
