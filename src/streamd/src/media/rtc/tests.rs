//! Clients of WebRTC on sockets of their own against the daemon's HTTP and UDP, through a link that loses datagrams.

mod client;

use std::time::Duration;

use axum::http::StatusCode;
use reqwest::header;
use tempfile::TempDir;
use tokio::net::TcpListener;

use self::client::{Client, KEY_EVERY};
use super::*;
use crate::config::Config;
use crate::media::{MediaConfig, MediaSocket, tell};
use crate::service::{NewStream, Service, Stream};
use crate::store::Store;

const ADMIN: &str = "ak_abcdefghijklmnopqrstuvwxyz234567";
const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon's media and its face over HTTP, with one stream.
struct World {
    stream: Stream,
    url: String,
    http: reqwest::Client,
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
        let (media, events) = Media::start(MediaConfig::new(&config, key), socket, service.clone()).unwrap();
        let media = Arc::new(media);
        service.attach(media.clone());
        tokio::spawn(tell(service.clone(), events));
        let socket = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let (rtc, running) = start(&config, socket, media.clone()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = crate::http::around(routes(rtc, media), &config);
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { stream, url, http: reqwest::Client::new(), _running: running, _folder: folder }
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
    viewer.ask_for_key();
    until("the publisher is asked", || publisher.keys_asked() > asked).await;
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
