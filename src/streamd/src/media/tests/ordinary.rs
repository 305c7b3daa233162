//! A running hub between publications and subscriptions, and between them and FQL.

use std::net::{SocketAddr, UdpSocket};

use fql_transport::{Receiver, ReceiverConfig, ReceiverEvent, View};
use fql_unit::encoded::Arrived;
use fql_unit::{Segment, Timing, Track, Unit, VideoInfo};

use super::clip::{self, KEYS, PICTURE, PICTURES};
use super::*;
use crate::config::Config;
use crate::service::State;

const PATIENCE: Duration = Duration::from_secs(20);
pub(super) const ORIGIN: Origin = Origin {
    protocol: Protocol::Rtmp,
    address: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5),
};

/// A service with one stream, and the threads of the hub.
pub(super) struct Hub {
    pub(super) bench: Bench,
    pub(super) media: Arc<Media>,
    pub(super) fql: SocketAddr,
}

impl Hub {
    pub(super) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let bench = Bench::new().await;
        let mut config = Config::default();
        change(&mut config);
        let socket = MediaSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let fql = socket.local_addr().unwrap();
        let config = MediaConfig::new(&config, ServerKey::from_bytes([9; 32]));
        let (media, events) = Media::start(config, socket, bench.service.clone()).unwrap();
        let media = Arc::new(media);
        bench.service.attach(media.clone());
        tokio::spawn(tell(bench.service.clone(), events));
        Self { bench, media, fql }
    }

    pub(super) fn key(&self) -> &str {
        self.bench.stream.stream_key.as_deref().unwrap()
    }

    pub(super) async fn publish(&self) -> Publication {
        self.media.publish(self.key(), ORIGIN).await.expect("nobody publishes the stream")
    }

    pub(super) fn subscribe(&self) -> Subscription {
        // The clip comes much faster than it would be shown, and is not to be lost for that.
        let how = Subscribing { most_behind: Duration::from_secs(60), ..Subscribing::default() };
        self.media.subscribe(&self.bench.stream.playback_id, how).unwrap()
    }

    pub(super) async fn state(&self) -> State {
        self.bench.service.stream(&self.bench.admin, "news").await.unwrap().state
    }
}

/// The next units of a subscription, and what came before them.
pub(super) async fn take(subscription: &mut Subscription, count: usize) -> Vec<Arc<MediaUnit>> {
    let mut units = Vec::new();
    while units.len() < count {
        let next = tokio::time::timeout(PATIENCE, subscription.next()).await.expect("units come");
        if let Watched::Unit(unit) = next.expect("the stream is there") {
            units.push(unit);
        }
    }
    units
}

pub(super) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn pictures_come_out_byte_for_byte_as_they_went_in_and_when() {
    let hub = Hub::new().await;
    let mut subscription = hub.subscribe();
    let mut publication = hub.publish().await;
    publication.tracks(clip::tracks()).unwrap();
    let pictures = clip::pictures(-7_000_000_000);
    for (i, picture) in pictures.iter().enumerate() {
        // As with B-frames: each is shown some time after it is decoded.
        let pts = picture.dts + (i as i64 % 3) * PICTURE;
        publication.unit(SourceUnit { pts, ..picture.clone() }).unwrap();
    }
    let units = take(&mut subscription, pictures.len()).await;
    let start = units[0].dts;
    for (i, (unit, picture)) in units.iter().zip(&pictures).enumerate() {
        assert_eq!(unit.data(), Some(&picture.data), "picture {i}");
        assert_eq!(unit.dts - start, PICTURE as u64 * i as u64);
        assert_eq!(unit.pts() - unit.dts, (i as u64 % 3) * PICTURE as u64);
        assert_eq!((unit.track, unit.key, unit.discont), (1, picture.key, false), "picture {i}");
    }
}

#[tokio::test]
async fn what_came_together_with_the_goodbye_comes_out_before_it() {
    let hub = Hub::new().await;
    let mut subscription = hub.subscribe();
    let mut publication = hub.publish().await;
    publication.tracks(clip::tracks()).unwrap();
    let pictures = clip::pictures(0);
    pictures.iter().for_each(|picture| publication.unit(picture.clone()).unwrap());
    publication.end();
    let mut count = 0;
    let until_offline = async {
        while let Some(watched) = subscription.next().await {
            match watched {
                Watched::Unit(_) => count += 1,
                Watched::Offline => break,
                Watched::Tracks(_) | Watched::Paused(_) => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, until_offline).await.expect("the publisher said goodbye");
    assert_eq!(count, pictures.len());
}

#[tokio::test]
async fn whoever_comes_later_begins_with_the_last_key_picture_and_shares_what_others_have() {
    let hub = Hub::new().await;
    let (mut first, mut publication) = (hub.subscribe(), hub.publish().await);
    publication.tracks(clip::tracks()).unwrap();
    let pictures = clip::pictures(0);
    let sent = 100;
    pictures[..sent].iter().for_each(|picture| publication.unit(picture.clone()).unwrap());
    let before = take(&mut first, sent).await;
    let key = pictures[..sent].iter().rposition(|picture| picture.key).unwrap();
    let mut second = hub.subscribe();
    let shared = take(&mut second, sent - key).await;
    for (unit, same) in before[key..].iter().zip(&shared) {
        assert!(Arc::ptr_eq(unit, same));
    }
    drop(first);
    drop(second);
    // Nobody has asked for a while: what there is comes out of the ring.
    let again = take(&mut hub.subscribe(), sent - key).await;
    assert_eq!(again[0].data(), Some(&pictures[key].data));
    assert!(again[0].key);
}

#[tokio::test]
async fn whoever_comes_long_after_the_only_key_picture_begins_with_it() {
    let hub = Hub::new().await;
    let mut publication = hub.publish().await;
    publication.tracks(clip::tracks()).unwrap();
    // One key picture and 75 that are predicted.
    let samples = clip::samples().into_iter().zip(clip::pictures(0)).take(76);
    let pictures: Vec<_> = samples.map(|(data, unit)| SourceUnit { data, ..unit }).collect();
    pictures.iter().for_each(|picture| publication.unit(picture.clone()).unwrap());
    until("all are in the ring", async || {
        let stats = hub.media.stats(&hub.bench.stream.id).unwrap_or_default();
        stats.tracks.first().is_some_and(|track| track.units_complete == 76)
    })
    .await;
    // After the latency nothing of a unit is waited for any more, where it comes at all.
    tokio::time::sleep(Config::default().fql.latency * 2).await;
    let units = take(&mut hub.subscribe(), pictures.len()).await;
    for (number, (unit, picture)) in units.iter().zip(&pictures).enumerate() {
        assert!(unit.data() == Some(&picture.data), "picture {number}");
    }
}

#[tokio::test]
async fn a_publisher_is_asked_for_a_key_picture_where_somebody_has_none_to_begin_with() {
    let hub = Hub::new().await;
    let mut publication = hub.publish().await;
    publication.tracks(clip::tracks()).unwrap();
    let pictures = clip::pictures(0);
    publication.unit(pictures[0].clone()).unwrap();
    let mut first = hub.subscribe();
    take(&mut first, 1).await;
    let asked = tokio::time::timeout(Duration::from_millis(50), publication.key_wanted().next()).await;
    assert!(asked.is_err(), "everybody has one");

    let hub = Hub::new().await;
    let mut publication = hub.publish().await;
    publication.tracks(clip::tracks()).unwrap();
    pictures[1..3].iter().for_each(|picture| publication.unit(picture.clone()).unwrap());
    let mut late = hub.subscribe();
    let wanted = publication.key_wanted();
    let asked = tokio::time::timeout(PATIENCE, wanted.next());
    asked.await.expect("a subscription waits for a key picture");
    pictures[KEYS..KEYS + 2].iter().for_each(|picture| publication.unit(picture.clone()).unwrap());
    assert_eq!(take(&mut late, 2).await[0].data(), Some(&pictures[KEYS].data));
}

#[tokio::test]
async fn whoever_is_slow_goes_on_with_a_key_picture_and_slows_nobody() {
    let hub = Hub::new().await;
    let most_behind = Duration::from_millis(400);
    let how = Subscribing { most_behind, ..Subscribing::default() };
    let mut slow = hub.media.subscribe(&hub.bench.stream.playback_id, how).unwrap();
    let (mut fast, mut publication) = (hub.subscribe(), hub.publish().await);
    publication.tracks(clip::tracks()).unwrap();
    let pictures = clip::pictures(0);
    let (early, late) = pictures.split_at(60);
    early.iter().for_each(|picture| publication.unit(picture.clone()).unwrap());
    take(&mut fast, early.len()).await;
    let first = take(&mut slow, 1).await;
    assert!(first[0].key);
    // What waits was less than 400 ms and the picture after it.
    let mut had = 1;
    while slow.try_next().is_some() {
        had += 1;
    }
    assert!((5..20).contains(&had), "{had} of {} pictures waited", early.len());
    for picture in late {
        publication.unit(picture.clone()).unwrap();
        take(&mut fast, 1).await;
        while let Some(watched) = slow.try_next() {
            let Watched::Unit(unit) = watched else { continue };
            assert!(unit.key && unit.discont, "the first one after the gap");
            assert!(late.iter().any(|picture| picture.key && Some(&picture.data) == unit.data()));
            return;
        }
    }
    panic!("there was no key picture for who was slow");
}

#[tokio::test]
async fn an_fql_viewer_gets_what_an_ordinary_encoder_sends() {
    let hub = Hub::new().await;
    let mut publication = hub.publish().await;
    publication.tracks(clip::tracks()).unwrap();
    let view = View {
        server: hub.media.public_key(),
        playback_id: hub.bench.stream.playback_id.clone(),
        token: None,
    };
    let viewer = tokio::task::spawn_blocking({
        let server = hub.fql;
        move || watch(server, view, 50)
    });
    until("the viewer is there", async || {
        hub.media.stats(&hub.bench.stream.id).is_some_and(|stats| stats.viewers_by_carrier.udp == 1)
    })
    .await;
    let pictures = clip::pictures(0);
    let sending = async {
        for picture in pictures.iter().chain(&clip::pictures(PICTURES as i64 * PICTURE)) {
            tokio::time::sleep(Duration::from_nanos(PICTURE as u64)).await;
            publication.unit(picture.clone()).unwrap();
        }
    };
    let got = tokio::select! {
        got = viewer => got.unwrap(),
        () = sending => panic!("the viewer has not got 50 pictures of {}", 2 * PICTURES),
    };
    let (tracks, units) = got;
    assert_eq!(tracks, clip::tracks());
    // Of what the link carries at first a large key picture may be too much: the next one is not.
    assert!(units.iter().any(|unit| *unit == pictures[0].data), "a key picture");
    assert!(units.iter().all(|unit| pictures[..KEYS].iter().any(|picture| picture.data == *unit)));
}

/// Watches a stream by FQL until so many pictures came whole.
fn watch(server: SocketAddr, view: View, count: usize) -> (TrackTable, Vec<Bytes>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    let begun = Instant::now();
    let now = || Time::from_nanos(begun.elapsed().as_nanos() as u64);
    let config = ReceiverConfig { latency: Duration::from_millis(500), ..ReceiverConfig::default() };
    let mut receiver = Receiver::viewing(config, view, server, Seed::from_bytes([5; 32]), now()).unwrap();
    let (mut tracks, mut units) = (TrackTable::default(), Vec::new());
    let mut buffer = [0; 2048];
    while units.len() < count {
        assert!(begun.elapsed() < PATIENCE, "{} of {count} pictures came", units.len());
        while let Some((to, datagram)) = receiver.poll_transmit(now()) {
            socket.send_to(&datagram, to).unwrap();
        }
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            receiver.handle_datagram(now(), from, &buffer[..length]);
        }
        while let Some(event) = receiver.poll_event() {
            match event {
                ReceiverEvent::Tracks(new) => tracks = new,
                ReceiverEvent::Unit { unit, .. } => units.extend(Arrived::of(&unit).unwrap().data),
                _ => {}
            }
        }
    }
    (tracks, units)
}

#[tokio::test]
async fn an_ordinary_player_gets_what_an_fql_publisher_sends_with_all_its_layers() {
    let hub = Hub::new().await;
    let mut subscription = hub.subscribe();
    let video = fql_unit::Media::Video(VideoInfo::new(64, 48, fql_unit::Chroma::Yuv420));
    let layered = Track { id: 7, name: String::new(), layers: 12, media: video };
    let encoded = clip::tracks().get(1).unwrap().clone();
    let tracks = TrackTable::new(vec![layered, encoded]).unwrap();
    let mut unit = Unit::new(12, 2, b"params").unwrap();
    for layer in 0..9 {
        unit.set(layer, 0, Segment::complete(vec![layer; 700]));
        unit.set(layer, 1, Segment::complete(vec![layer + 100; 20]));
    }
    // A new session does not take much at once.
    let picture = clip::pictures(0).swap_remove(1).data;
    let whole = fql_unit::encoded::AccessUnit {
        data: picture.clone(),
        importance: fql_unit::encoded::Importance::Key,
        key: true,
        discont: false,
        references: 0,
        composition: Some(80_000_000),
    };
    let units = [(7, unit.clone()), (1, whole.into_unit(3).unwrap())];
    let key = StreamKey::parse(hub.key()).unwrap();
    let server = hub.fql;
    let publisher = std::thread::spawn(move || send(server, &key, tracks, &units));
    let mut units = take(&mut subscription, 2).await;
    units.sort_by_key(|unit| unit.track);
    assert_eq!((units[0].data(), units[0].composition), (Some(&picture), 80_000_000));
    let Payload::Layered(got) = &units[1].payload else { panic!("{:?} is in layers", units[1]) };
    assert_eq!(got, &unit);
    publisher.join().unwrap();
    let offline = tokio::time::timeout(PATIENCE, async {
        while !matches!(subscription.next().await, Some(Watched::Offline)) {}
    });
    offline.await.expect("the publisher said goodbye");
}

/// Publishes units by FQL, as often as it takes until they are acknowledged, and says goodbye.
fn send(server: SocketAddr, key: &StreamKey, tracks: TrackTable, units: &[(u8, Unit)]) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
    let begun = Instant::now();
    let now = || Time::from_nanos(begun.elapsed().as_nanos() as u64);
    let mut sender = Sender::new(SenderConfig::publishing(key), Seed::from_bytes([6; 32]), now()).unwrap();
    sender.set_tracks(now(), tracks);
    let mut buffer = [0; 2048];
    let (mut is_sent, mut acknowledged) = (false, 0);
    loop {
        assert!(begun.elapsed() < PATIENCE, "the server takes no units");
        while let Some(datagram) = sender.poll_transmit(now()) {
            socket.send_to(&datagram, server).unwrap();
        }
        if let Ok((length, _)) = socket.recv_from(&mut buffer) {
            sender.handle_datagram(now(), &buffer[..length]);
        }
        while let Some(event) = sender.poll_event() {
            match event {
                fql_transport::SenderEvent::Acknowledged { .. } => acknowledged += 1,
                fql_transport::SenderEvent::Closed => return,
                _ => {}
            }
        }
        if sender.stats(now()).connected && !is_sent {
            is_sent = true;
            for (track, unit) in units {
                sender.push_unit(now(), *track, Timing { pts: 5, duration: 0 }, unit).unwrap();
            }
        }
        if acknowledged == units.len() {
            sender.close(now());
        }
    }
}

#[tokio::test]
async fn a_key_that_is_wrong_or_was_rotated_is_refused_before_any_media() {
    let hub = Hub::new().await;
    let other = format!("sk_{}", "b".repeat(32));
    for key in ["", "news", "sk_", &hub.key()[..20], &other] {
        assert_eq!(hub.media.publish(key, ORIGIN).await.unwrap_err(), Refused::UnknownKey, "{key}");
    }
    let before = hub.key().to_owned();
    let mut publication = hub.publish().await;
    let mut change = hub.bench.service.begin(&hub.bench.admin).await.unwrap();
    change.rotate_stream_key("news").await.unwrap();
    change.commit().await.unwrap();
    let ended = tokio::time::timeout(PATIENCE, publication.ended()).await.unwrap();
    assert_eq!(ended, Ended::KeyRotated);
    assert_eq!(publication.tracks(clip::tracks()), Err(Ended::KeyRotated));
    assert_eq!(hub.media.publish(&before, ORIGIN).await.unwrap_err(), Refused::UnknownKey);
}

#[tokio::test]
async fn an_archived_stream_takes_nobody_and_ends_who_publishes_and_who_watches() {
    let hub = Hub::new().await;
    let (mut publication, mut subscription) = (hub.publish().await, hub.subscribe());
    let mut change = hub.bench.service.begin(&hub.bench.admin).await.unwrap();
    change.archive_stream("news").await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(tokio::time::timeout(PATIENCE, publication.ended()).await.unwrap(), Ended::Archived);
    let over = tokio::time::timeout(PATIENCE, async { while subscription.next().await.is_some() {} });
    over.await.expect("the subscription is over");
    assert_eq!(hub.media.publish(hub.key(), ORIGIN).await.unwrap_err(), Refused::UnknownKey);
    let again = hub.media.subscribe(&hub.bench.stream.playback_id, Subscribing::default());
    assert_eq!(again.unwrap_err(), NotWatched::UnknownStream);
}

#[tokio::test]
async fn media_of_a_paused_stream_is_dropped_and_its_publisher_stays() {
    let hub = Hub::new().await;
    let (mut publication, mut subscription) = (hub.publish().await, hub.subscribe());
    publication.tracks(clip::tracks()).unwrap();
    let pictures = clip::pictures(0);
    publication.unit(pictures[0].clone()).unwrap();
    take(&mut subscription, 1).await;
    let change = async |is_paused: bool| {
        let mut change = hub.bench.service.begin(&hub.bench.admin).await.unwrap();
        match is_paused {
            true => change.pause_stream("news").await.unwrap(),
            false => change.resume_stream("news").await.unwrap(),
        };
        change.commit().await.unwrap();
    };
    change(true).await;
    pictures[1..10].iter().for_each(|picture| publication.unit(picture.clone()).unwrap());
    change(false).await;
    publication.unit(pictures[0].clone()).unwrap();
    let next = take(&mut subscription, 1).await;
    assert_eq!(next[0].number, 1, "nothing came while it was paused");
}

#[tokio::test]
async fn whoever_subscribes_to_a_paused_stream_begins_with_what_comes_after_the_pause() {
    let hub = Hub::new().await;
    // The first one keeps the units together for those who come.
    let (mut publication, mut first) = (hub.publish().await, hub.subscribe());
    publication.tracks(clip::tracks()).unwrap();
    let pictures = clip::pictures(0);
    pictures[..5].iter().for_each(|picture| publication.unit(picture.clone()).unwrap());
    take(&mut first, 5).await;
    let change = async |is_paused: bool| {
        let mut change = hub.bench.service.begin(&hub.bench.admin).await.unwrap();
        match is_paused {
            true => change.pause_stream("news").await.unwrap(),
            false => change.resume_stream("news").await.unwrap(),
        };
        change.commit().await.unwrap();
    };
    change(true).await;
    let how = Subscribing::default();
    let id = &hub.bench.stream.playback_id;
    let mut of_hub = hub.subscribe();
    let mut converted = hub.media.subscribe_as(id, how, Takes::TRANSPORT_STREAM).unwrap();
    change(false).await;
    // One that comes before the next key picture does not begin with the one before the pause, either.
    let mut late = hub.subscribe();
    pictures[5..8].iter().for_each(|picture| publication.unit(picture.clone()).unwrap());
    publication.unit(pictures[0].clone()).unwrap();
    for subscription in [&mut of_hub, &mut converted, &mut late] {
        let units = take(subscription, 1).await;
        assert!(units[0].key && units[0].number == 8, "{units:?}");
    }
}

#[tokio::test]
async fn a_second_publisher_is_refused_or_takes_over_as_the_configuration_says() {
    let hub = Hub::new().await;
    let first = hub.publish().await;
    let refused = hub.media.publish(hub.key(), ORIGIN).await;
    assert_eq!(refused.unwrap_err(), Refused::AlreadyLive);
    first.end();
    hub.publish().await.end();

    let hub = Hub::with(|config| config.fql.second_publisher = SecondPublisher::TakeOver).await;
    let (mut first, mut subscription) = (hub.publish().await, hub.subscribe());
    let mut second = hub.publish().await;
    assert_eq!(tokio::time::timeout(PATIENCE, first.ended()).await.unwrap(), Ended::Replaced);
    // What the first one still says, its end included, is of no account.
    drop(first);
    second.tracks(clip::tracks()).unwrap();
    second.unit(clip::pictures(0).swap_remove(0)).unwrap();
    take(&mut subscription, 1).await;
    assert_eq!(hub.state().await, State::Live);
}

#[tokio::test]
async fn a_publisher_that_drops_has_time_to_come_back_and_the_stream_goes_on() {
    let hub = Hub::new().await;
    let mut subscription = hub.subscribe();
    let pictures = clip::pictures(0);
    for _ in 0..2 {
        let mut publication = hub.publish().await;
        publication.tracks(clip::tracks()).unwrap();
        publication.unit(pictures[0].clone()).unwrap();
        drop(publication);
    }
    let units = take(&mut subscription, 2).await;
    assert!(units[1].dts > units[0].dts && units[1].number > units[0].number);
    assert!(units[1].discont && !units[0].discont);
    assert_eq!(hub.state().await, State::Live);

    let hub = Hub::with(|config| config.ingest.grace = Duration::from_millis(50)).await;
    let mut subscription = hub.subscribe();
    let publication = hub.publish().await;
    assert_eq!(hub.state().await, State::Live);
    drop(publication);
    let offline = tokio::time::timeout(PATIENCE, subscription.next()).await;
    assert!(matches!(offline, Ok(Some(Watched::Offline))), "{offline:?}");
    until("the stream is offline", async || hub.state().await == State::Offline).await;
}

#[tokio::test]
async fn a_stream_without_a_key_picture_at_first_that_jumps_and_changes_its_size_goes_on() {
    let hub = Hub::new().await;
    let (mut subscription, mut publication) = (hub.subscribe(), hub.publish().await);
    publication.tracks(clip::tracks()).unwrap();
    // It begins in the midst of a group of pictures.
    let pictures = clip::pictures(0);
    pictures[KEYS - 3..KEYS + 4].iter().for_each(|picture| publication.unit(picture.clone()).unwrap());
    // Its clock jumps forth, and back to before where it began.
    for start in [3_600_000_000_000, -7_200_000_000_000] {
        let jumped = clip::pictures(start);
        jumped[..3].iter().for_each(|picture| publication.unit(picture.clone()).unwrap());
    }
    let units = take(&mut subscription, 10).await;
    assert_eq!(units[0].data(), Some(&pictures[KEYS].data), "the first key picture");
    assert_eq!(units.iter().map(|unit| unit.discont).collect::<Vec<_>>()[1..4], [false; 3]);
    assert!(units[4].discont && units[7].discont, "{units:?}");
    for pair in units.windows(2) {
        let step = pair[1].dts - pair[0].dts;
        assert!((1..1_000_000_000).contains(&step), "{pair:?}");
    }
    // Another size: the tracks are told before the first picture of it.
    let mut smaller = clip::tracks().tracks().to_vec();
    if let fql_unit::Media::EncodedVideo(info) = &mut smaller[0].media {
        (info.width, info.height) = (640, 360);
    }
    let smaller = TrackTable::new(smaller).unwrap();
    publication.tracks(smaller.clone()).unwrap();
    clip::pictures(0)[KEYS - 1..KEYS + 1]
        .iter()
        .for_each(|picture| publication.unit(picture.clone()).unwrap());
    let Watched::Tracks(told) = next(&mut subscription).await else { panic!("the tracks come first") };
    assert_eq!(*told, smaller);
    let Watched::Unit(first) = next(&mut subscription).await else { panic!("a picture follows") };
    assert!(first.key && first.data() == Some(&pictures[KEYS].data), "{first:?}");
}

async fn next(subscription: &mut Subscription) -> Watched {
    let next = tokio::time::timeout(PATIENCE, subscription.next()).await.expect("something comes");
    next.expect("the stream is there")
}

#[tokio::test]
async fn figures_and_events_show_who_publishes_by_what_and_who_watches() {
    let hub = Hub::new().await;
    let mut publication = hub.publish().await;
    let watcher = Watcher { protocol: "hls", address: ORIGIN.address };
    let attendance = hub.media.attend(&hub.bench.stream.playback_id, watcher).unwrap();
    publication.tracks(clip::tracks()).unwrap();
    clip::pictures(0).into_iter().for_each(|picture| publication.unit(picture).unwrap());
    let stats = async || hub.bench.service.stream_stats(&hub.bench.admin, "news").await.unwrap();
    until("the figures are there", async || {
        stats().await.live.tracks.first().is_some_and(|track| track.units_complete > 100)
    })
    .await;
    let figures = stats().await;
    assert_eq!(figures.state, State::Live);
    let about = figures.live.publisher.unwrap();
    assert_eq!((about.protocol.as_str(), about.address.as_str()), ("rtmp", "127.0.0.1:5"));
    let codecs: Vec<&str> = figures.live.tracks.iter().map(|track| track.codec.as_str()).collect();
    assert_eq!(codecs, ["h264", "aac"]);
    assert_eq!((figures.live.viewers, figures.live.viewers_by_carrier.other), (1, 1));
    drop(attendance);
    until("the viewer is gone", async || stats().await.live.viewers == 0).await;
    publication.end();
    until("the stream is offline", async || hub.state().await == State::Offline).await;
}

#[tokio::test]
async fn the_end_of_the_hub_ends_publications_and_subscriptions() {
    let hub = Hub::new().await;
    let (mut publication, mut subscription) = (hub.publish().await, hub.subscribe());
    hub.media.stop();
    assert_eq!(tokio::time::timeout(PATIENCE, publication.ended()).await.unwrap(), Ended::Ending);
    let over = tokio::time::timeout(PATIENCE, async { while subscription.next().await.is_some() {} });
    over.await.expect("the subscription is over");
    assert_eq!(hub.media.publish(hub.key(), ORIGIN).await.unwrap_err(), Refused::Ending);
}

#[tokio::test]
async fn there_are_as_many_publications_as_there_may_be() {
    let hub = Hub::with(|config| config.ingest.max_publishers = 1).await;
    let first = hub.publish().await;
    assert_eq!(hub.media.publish(hub.key(), ORIGIN).await.unwrap_err(), Refused::Full);
    first.end();
    hub.publish().await;
}
