//! Clients of WebRTC on sockets of their own against the daemon's HTTP and UDP, through a link that loses datagrams.

mod client;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use reqwest::header;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use self::client::{Client, KEY_EVERY};
use super::http::{FRAGMENT, SDP};
use super::*;
use crate::config::Config;
use crate::media::{Happened, MediaConfig, MediaSocket, tell};
use crate::service::{NewStream, Service, Stream};
use crate::store::Store;

const ADMIN: &str = "ak_abcdefghijklmnopqrstuvwxyz234567";
const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon's media and its face over HTTP, with one stream.
struct World {
    stream: Stream,
    service: Service,
    media: Arc<Media>,
    /// Where FQL is taken.
    #[cfg_attr(not(feature = "convert"), expect(dead_code, reason = "only streams in layers come by it"))]
    fql: SocketAddr,
    url: String,
    http: reqwest::Client,
    /// What was told of streams so far.
    told: Arc<Mutex<Vec<Happened>>>,
    _running: Running,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = TempDir::new().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let service = Service::new(store, crate::service::Settings::default()).await.unwrap();
        service.ensure_administrator(Some(ADMIN), |_| {}).await.unwrap();
        let admin = service.authenticate(ADMIN).await.unwrap();
        let mut change = service.begin(&admin).await.unwrap();
        let stream =
            change.create_stream(NewStream { name: "news".into(), ..NewStream::default() }).await.unwrap();
        change.commit().await.unwrap();

        let config = Config::default();
        let key = fql_transport::ServerKey::from_bytes([9; 32]);
        let socket = MediaSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let fql = socket.local_addr().unwrap();
        let (media, mut events) =
            Media::start(MediaConfig::new(&config, key), socket, service.clone()).unwrap();
        let media = Arc::new(media);
        service.attach(media.clone());
        let told = Arc::<Mutex<Vec<Happened>>>::default();
        let (overheard, heard) = (Arc::clone(&told), mpsc::channel(64));
        tokio::spawn(tell(service.clone(), heard.1));
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                overheard.lock().unwrap().push(event.happened.clone());
                heard.0.send(event).await.unwrap();
            }
        });
        let socket = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let (rtc, running) = start(&config, socket, media.clone()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = crate::http::around(routes(rtc, media.clone()), &config);
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        let http = reqwest::Client::new();
        Self { stream, service, media, fql, url, http, told, _running: running, _folder: folder }
    }

    /// Asks for something with these headers.
    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> reqwest::Response {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.http.request(method, format!("{}{path}", self.url)).body(body.to_owned());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.send().await.unwrap()
    }

    /// How often it was told that a stream is live, and that somebody watches.
    fn counted(&self) -> (usize, usize) {
        let told = self.told.lock().unwrap();
        let joined = |happened: &&Happened| matches!(happened, Happened::ViewerJoined(_));
        let live = |happened: &&Happened| matches!(happened, Happened::Live);
        (told.iter().filter(live).count(), told.iter().filter(joined).count())
    }

    fn key(&self) -> &str {
        self.stream.stream_key.as_deref().unwrap()
    }

    /// Posts an offer; gives the status, where the session is, and the body.
    async fn offer(&self, path: &str, key: Option<&str>, offer: String) -> (StatusCode, String, String) {
        let request =
            self.http.post(format!("{}{path}", self.url)).header(header::CONTENT_TYPE, "application/sdp");
        let request = key.into_iter().fold(request, |request, key| request.bearer_auth(key));
        let answer = request.body(offer).send().await.unwrap();
        let location = answer.headers().get(header::LOCATION).map(|value| value.to_str().unwrap().to_owned());
        (answer.status(), location.unwrap_or_default(), answer.text().await.unwrap())
    }

    async fn publisher(&self, loss: u32) -> (Client, String) {
        let (client, offer) = Client::publisher(loss);
        let (status, session, answer) = self.offer("/whip", Some(self.key()), offer).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        (client.begin(&answer), session)
    }

    /// A subscription to what viewers of WebRTC are given.
    #[cfg(feature = "convert")]
    fn subscribe(&self) -> crate::media::Subscription {
        let how = crate::media::Subscribing::default();
        self.media.subscribe_as(&self.stream.playback_id, how, crate::media::Takes::WEBRTC).unwrap()
    }

    async fn viewer(&self, loss: u32) -> (Client, String) {
        let path = format!("/play/{}/webrtc", self.stream.playback_id);
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let (client, offer) = Client::viewer(loss);
            let (status, session, answer) = self.offer(&path, None, offer).await;
            if status == StatusCode::CREATED {
                return (client.begin(&answer), session);
            }
            // Until the first pictures have come, there is nothing to play.
            assert_eq!(status, StatusCode::CONFLICT, "{answer}");
            assert!(tokio::time::Instant::now() < end, "{answer}");
        }
    }
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = tokio::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(tokio::time::Instant::now() < end, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_and_sound_go_from_a_publisher_to_viewers_whole_over_links_that_lose_a_tenth() {
    let world = World::new().await;
    let (publisher, session) = world.publisher(10).await;
    let (viewer, _) = world.viewer(10).await;
    until("a hundred pictures and sounds", || viewer.pictures().len() > 100 && viewer.sounds() > 100).await;
    let pictures = viewer.pictures();
    assert_eq!(pictures[0] % KEY_EVERY, 0, "{pictures:?}");
    // What could not be repaired is followed by a key picture.
    let is_whole = |pair: &[u32]| pair[1] == pair[0] + 1 || pair[1].is_multiple_of(KEY_EVERY);
    assert!(pictures.windows(2).all(is_whole), "{pictures:?}");
    assert!(publisher.lost() > 10 && viewer.lost() > 10);
    let gone = world.http.delete(format!("{}{session}", world.url)).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::OK);
    until("the publisher hears that it is over", || publisher.is_over()).await;
    let (status, _, detail) =
        world.offer(&format!("/play/{}/webrtc", world.stream.playback_id), None, Client::viewer(0).1).await;
    assert_eq!(status, StatusCode::CONFLICT, "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_asks_for_a_key_picture_gets_one_of_the_publisher() {
    let world = World::new().await;
    let (publisher, _) = world.publisher(0).await;
    let (viewer, _) = world.viewer(0).await;
    until("pictures", || viewer.pictures().len() > 5).await;
    let asked = publisher.keys_asked();
    // It may have been asked for a viewer that began just now, and no key picture be owed when it is time for the next.
    until("the publisher is asked", || {
        viewer.ask_for_key();
        publisher.keys_asked() > asked
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_is_asked_for_key_pictures_once_for_many_viewers_and_twice_a_second_at_most() {
    let world = World::new().await;
    let (publisher, _) = world.publisher(0).await;
    let mut viewers = Vec::new();
    for _ in 0..3 {
        viewers.push(world.viewer(0).await.0);
    }
    until("pictures", || viewers.iter().all(|viewer| viewer.pictures().len() > 5)).await;
    let (asked, begun) = (publisher.keys_asked(), Instant::now());
    until("the publisher is asked four times", || {
        viewers.iter().for_each(Client::ask_for_key);
        publisher.keys_asked() >= asked + 4
    })
    .await;
    // One may have been on its way before.
    assert!(begun.elapsed() > Duration::from_millis(900), "{:?}", begun.elapsed());
}

#[cfg(feature = "convert")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_of_what_is_converted_gets_the_key_picture_that_it_asks_for() {
    use crate::media::tests::layered::Publisher;
    /// Nanoseconds from one key picture to the next, where nobody asks.
    const INTERVAL: u64 = 2_000_000_000;

    let world = World::new().await;
    let _publisher = Publisher::of(&world.media, world.fql, &world.stream, (320, 176)).await;
    let (viewer, _) = world.viewer(0).await;
    until("pictures and sounds", || viewer.pictures().len() > 5 && viewer.sounds() > 5).await;
    let mut made = world.subscribe();
    let mut intervals = std::collections::BTreeSet::new();
    let two_in_one = async {
        loop {
            viewer.ask_for_key();
            if let Some(crate::media::Watched::Unit(unit)) = made.next().await
                && (unit.track, unit.key) == (1, true)
                && !intervals.insert(unit.pts() / INTERVAL)
            {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, two_in_one).await.expect("a key picture between those that come anyway");
}

#[cfg(feature = "convert")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_offers_no_such_pictures_gets_h264() {
    let world = World::new().await;
    let _publisher = crate::media::tests::vp8::Publisher::start(&world.media, &world.stream).await;
    let (viewer, _) = world.viewer(0).await;
    until("pictures of H.264", || viewer.pictures().len() > 25).await;
    drop(viewer);
    let mut as_it_is = world.subscribe();
    let begun = tokio::time::timeout(PATIENCE, as_it_is.next()).await.unwrap();
    let Some(crate::media::Watched::Tracks(tracks)) = begun else { panic!("{begun:?}") };
    let fql_unit::Media::EncodedVideo(info) = &tracks.tracks()[0].media else { panic!("{tracks:?}") };
    assert_eq!(info.codec, fql_unit::VideoCodec::Vp8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_key_is_refused_before_the_offer_is_read() {
    let world = World::new().await;
    let wrong = "sk_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    assert_eq!(world.offer("/whip", Some(wrong), "no offer".into()).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(world.offer("/whip", None, "no offer".into()).await.0, StatusCode::UNAUTHORIZED);
    let (status, _, detail) = world.offer(&format!("/whip/{wrong}"), None, "no offer".into()).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(!detail.contains(wrong), "{detail}");
    assert_eq!(world.offer("/whip", Some(world.key()), "no offer".into()).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(world.offer("/play/none/webrtc", None, "no offer".into()).await.0, StatusCode::NOT_FOUND);
}

/// The offer with another codec in place of these.
fn with_codec(offer: &str, codecs: &[&str], other: &str) -> String {
    codecs.iter().fold(offer.to_owned(), |offer, codec| offer.replace(codec, other))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_that_are_of_no_use_make_nobody_a_viewer_and_no_stream_live() {
    let world = World::new().await;
    let offer = Client::publisher(0).1;
    let foreign = with_codec(&offer, &["H264/90000"], "theora/90000");
    let foreign = with_codec(&foreign, &["opus/48000/2"], "PCMU/8000");
    let empty = offer.split("m=").next().unwrap().to_owned();
    let backwards = offer.replace("a=sendonly", "a=recvonly");
    for useless in [&foreign, &empty, &backwards] {
        let (status, _, detail) = world.offer("/whip", Some(world.key()), useless.clone()).await;
        assert_eq!(status, StatusCode::NOT_ACCEPTABLE, "{detail}");
    }
    assert_eq!(world.counted(), (0, 0));
    let (_publisher, _) = world.publisher(0).await;
    let (viewer, _) = world.viewer(0).await;
    until("pictures", || viewer.pictures().len() > 5).await;
    until("the viewer is told of", || world.counted() == (1, 1)).await;
    let path = format!("/play/{}/webrtc", world.stream.playback_id);
    let offer = Client::viewer(0).1;
    // Of the last one it is only known that nothing comes of it when the stream's tracks are.
    let sending = offer.replace("a=recvonly", "a=sendonly");
    let vp8 = with_codec(&with_codec(&offer, &["H264/90000"], "VP8/90000"), &["opus/48000/2"], "PCMU/8000");
    for useless in [&foreign, &empty, &sending, &vp8] {
        let (status, _, detail) = world.offer(&path, None, useless.clone()).await;
        assert_eq!(status, StatusCode::NOT_ACCEPTABLE, "{detail}");
    }
    assert_eq!(world.offer(&path, None, "hello".into()).await.0, StatusCode::BAD_REQUEST);
    // Events are told in order: after that of another viewer all that were to come have come.
    let (_another, _) = world.viewer(0).await;
    until("the other viewer is told of", || world.counted().1 > 1).await;
    assert_eq!(world.counted(), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_of_a_paused_stream_are_told_so_whether_anything_comes_or_not() {
    let world = World::new().await;
    let path = format!("/play/{}/webrtc", world.stream.playback_id);
    let (status, _, detail) = world.offer(&path, None, Client::viewer(0).1).await;
    assert!(status == StatusCode::CONFLICT && detail.contains("nobody publishes"), "{detail}");
    let admin = world.service.authenticate(ADMIN).await.unwrap();
    let mut change = world.service.begin(&admin).await.unwrap();
    change.pause_stream("news").await.unwrap();
    change.commit().await.unwrap();
    let (status, _, detail) = world.offer(&path, None, Client::viewer(0).1).await;
    assert!(status == StatusCode::CONFLICT && detail.contains("paused"), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_an_offer_is_read_before_its_key() {
    let world = World::new().await;
    let address = world.url.strip_prefix("http://").unwrap();
    for (target, key, status) in [
        ("/whip", "", "401"),
        ("/whip", "authorization: Bearer sk_unknown\r\n", "401"),
        ("/whip/sk_unknown", "", "404"),
        ("/play/unknown/webrtc", "", "404"),
    ] {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!("POST {target} HTTP/1.1\r\nhost: a\r\n{key}content-length: 60000\r\n\r\nv");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(answer, format!("HTTP/1.1 {status}").as_bytes(), "{target} {key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_be_asked_is_told_as_rfc_9725_and_http_have_it() {
    let world = World::new().await;
    let (_publisher, session) = world.publisher(0).await;
    let by_url = format!("/whip/{}", world.key());
    let play = format!("/play/{}/webrtc", world.stream.playback_id);
    let of = |answer: &reqwest::Response, name: &str| {
        answer.headers().get(name).map_or(String::new(), |value| value.to_str().unwrap().to_owned())
    };
    for endpoint in ["/whip", &by_url, &play] {
        // Kept for later versions (RFC 9725, 4.2).
        for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE"] {
            let answer = world.ask(method, endpoint, &[], "").await;
            assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {endpoint}");
            assert_eq!(of(&answer, "allow"), "POST", "{method} {endpoint}");
        }
        let answer = world.ask("OPTIONS", endpoint, &[], "").await;
        assert!(answer.status().is_success());
        assert_eq!((of(&answer, "accept-post"), of(&answer, "accept-patch")), (SDP.into(), String::new()));
        assert_eq!(of(&answer, "allow"), "POST, OPTIONS");
        let headers =
            [("authorization", &*format!("Bearer {}", world.key())), ("content-type", "text/plain")];
        let answer = world.ask("POST", endpoint, &headers, "v=0").await;
        assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{endpoint}");
        assert_eq!(of(&answer, "accept-post"), SDP);
    }
    for method in ["GET", "HEAD", "PUT", "POST"] {
        let answer = world.ask(method, &session, &[], "").await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(of(&answer, "allow"), "PATCH,DELETE");
    }
    let answer = world.ask("OPTIONS", &session, &[], "").await;
    assert_eq!((of(&answer, "accept-patch"), of(&answer, "accept-post")), (FRAGMENT.into(), String::new()));
    let answer = world.ask("PATCH", &session, &[("content-type", SDP)], "").await;
    assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(of(&answer, "accept-patch"), FRAGMENT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_candidates_name_their_ice_session() {
    let world = World::new().await;
    let (_client, offer) = Client::publisher(0);
    let ufrag = offer.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).unwrap().to_owned();
    let headers = [("authorization", &*format!("Bearer {}", world.key())), ("content-type", SDP)];
    let answer = world.ask("POST", "/whip", &headers, &offer).await;
    let of = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let (session, tag) = (of("location"), of("etag"));
    assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}: a strong tag (RFC 9725, 4.3.1)");
    assert_eq!(of("accept-patch"), FRAGMENT);
    let fragment = |ufrag: &str| format!("a=ice-ufrag:{ufrag}\r\na=ice-pwd:x\r\na=end-of-candidates\r\n");
    let patch = async |session: &str, tag: Option<&str>, ufrag: &str| {
        let tag = tag.map(|tag| ("if-match", tag));
        let headers: Vec<_> = [("content-type", FRAGMENT)].into_iter().chain(tag).collect();
        world.ask("PATCH", session, &headers, &fragment(ufrag)).await.status()
    };
    assert_eq!(patch(&session, Some(&tag), &ufrag).await, StatusCode::NO_CONTENT);
    assert_eq!(patch(&session, Some(&format!("\"other\", {tag}")), &ufrag).await, StatusCode::NO_CONTENT);
    assert_eq!(patch(&session, None, &ufrag).await, StatusCode::PRECONDITION_REQUIRED);
    assert_eq!(patch(&session, Some("\"other\""), &ufrag).await, StatusCode::PRECONDITION_FAILED);
    assert_eq!(patch(&session, Some("*"), "another").await, StatusCode::UNPROCESSABLE_ENTITY);
    let gone = "/whip/session/none";
    assert_eq!(patch(gone, None, &ufrag).await, StatusCode::NOT_FOUND);
    assert_eq!(patch(gone, Some(&tag), &ufrag).await, StatusCode::NOT_FOUND);
    assert_eq!(world.ask("DELETE", &session, &[], "").await.status(), StatusCode::OK);
    assert_eq!(world.ask("DELETE", &session, &[], "").await.status(), StatusCode::NOT_FOUND);
}
