//! The pages without a browser: which file, in which encoding, with which headers.

use std::borrow::Cow;

use axum::body::{Body, to_bytes};
use axum::http::Method;
use rust_embed::{EmbeddedFile, Metadata};
use tempfile::TempDir;
use tower_service::Service as _;

use super::*;
use crate::service::{self, Settings};
use crate::store::Store;

const KEY: &str = "ak_abcdefghijklmnopqrstuvwxyz234567";

/// What a build would have left.
fn built(path: &str) -> Option<EmbeddedFile> {
    let bytes: &[u8] = match path {
        "index.html" => b"the dashboard",
        "index.html.br" => b"it in brotli",
        "index.html.gz" => b"it in gzip",
        "watch.html" => b"a stream",
        "embed.html" => b"a player",
        "player.js" => b"export {}",
        "assets/player-B4x_9-Zk.wasm" => b"\0asm",
        "assets/notes.txt" => b"notes",
        _ => return None,
    };
    let mut hash = [0; 32];
    hash[..bytes.len().min(32)].copy_from_slice(&bytes[..bytes.len().min(32)]);
    Some(EmbeddedFile { data: Cow::Borrowed(bytes), metadata: Metadata::__rust_embed_new(hash, None, None) })
}

fn nothing(_: &str) -> Option<EmbeddedFile> {
    None
}

struct Bench {
    router: Router,
    playback_id: String,
    _folder: TempDir,
}

impl Bench {
    async fn new(find: fn(&str) -> Option<EmbeddedFile>) -> Self {
        Self::configured(find, Config::default()).await
    }

    async fn configured(find: fn(&str) -> Option<EmbeddedFile>, config: Config) -> Self {
        let folder = TempDir::new().unwrap();
        let store = Store::open(folder.path()).await.unwrap();
        let service = Service::new(store, Settings::default()).await.unwrap();
        service.ensure_administrator(Some(KEY), |_| {}).await.unwrap();
        let admin = service.authenticate(KEY).await.unwrap();
        let mut change = service.begin(&admin).await.unwrap();
        let new = service::NewStream { name: "news".to_owned(), ..service::NewStream::default() };
        let playback_id = change.create_stream(new).await.unwrap().playback_id;
        change.commit().await.unwrap();
        let pages = Pages::with(service, Files::from(find), Guard::new(&config));
        Self { router: pages.files().merge(pages.of_streams()), playback_id, _folder: folder }
    }

    async fn ask(&mut self, method: Method, path: &str, headers: &[(&str, &str)]) -> (Response<()>, Vec<u8>) {
        let mut request = Request::builder().method(method).uri(path).header("host", "192.0.2.7:8080");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.router.call(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        (Response::from_parts(parts, ()), to_bytes(body, 1 << 20).await.unwrap().to_vec())
    }

    async fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> (Response<()>, Vec<u8>) {
        self.ask(Method::GET, path, headers).await
    }
}

type Response<T> = axum::http::Response<T>;

fn header<'a>(answer: &'a Response<()>, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// A directive of the policy that an answer has.
fn directive<'a>(answer: &'a Response<()>, name: &str) -> &'a str {
    let mut all = header(answer, "content-security-policy").split(';').map(str::trim);
    all.find_map(|one| one.strip_prefix(name)?.strip_prefix(' ')).unwrap_or_default()
}

#[tokio::test]
async fn a_name_leads_to_the_page_of_its_playback_id() {
    let mut bench = Bench::new(built).await;
    let (answer, _) = bench.get("/v/news?muted=1", &[]).await;
    assert_eq!(answer.status(), 302);
    assert_eq!(header(&answer, "location"), format!("/v/{}?muted=1", bench.playback_id));
    assert_eq!(header(&answer, "cache-control"), "no-store");
    let path = format!("/v/{}", bench.playback_id);
    let (answer, body) = bench.get(&path, &[]).await;
    assert_eq!((answer.status().as_u16(), &body[..]), (200, &b"a stream"[..]));
    assert_eq!(header(&answer, "content-type"), "text/html; charset=utf-8");
    assert_eq!(header(&answer, "cache-control"), "no-cache");
}

#[tokio::test]
async fn a_stream_that_is_not_there_has_a_page_that_says_so() {
    let mut bench = Bench::new(built).await;
    for path in ["/v/nobody", "/embed/nobody", "/embed/news", "/v/%3Cscript%3E"] {
        let (answer, body) = bench.get(path, &[]).await;
        assert_eq!(answer.status(), 404, "{path}");
        let body = String::from_utf8(body).unwrap();
        assert!(body.contains("No such stream") && !body.contains("<script"), "{body}");
        assert!(directive(&answer, "style-src").starts_with("'sha256-"), "{path}");
    }
}

#[tokio::test]
async fn only_the_embedded_player_may_be_framed() {
    let mut bench = Bench::new(built).await;
    let embed = format!("/embed/{}", bench.playback_id);
    let watch = format!("/v/{}", bench.playback_id);
    for (path, framed_by) in
        [("/", "'none'"), (&watch, "'none'"), ("/v/nobody", "'none'"), (&embed, "*"), ("/embed/nobody", "*")]
    {
        let (answer, _) = bench.get(path, &[]).await;
        assert_eq!(directive(&answer, "frame-ancestors"), framed_by, "{path}");
        assert_eq!(directive(&answer, "default-src"), "'none'", "{path}");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header(&answer, "referrer-policy"), "same-origin", "{path}");
        assert!(header(&answer, "permissions-policy").contains("autoplay=(self)"), "{path}");
        let is_dashboard = path == "/";
        assert_eq!(header(&answer, "permissions-policy").contains("camera=(self)"), is_dashboard, "{path}");
    }
}

/// Where a page may connect to that was asked at this host.
async fn connects_to(config: Config, host: &str) -> Vec<String> {
    let mut bench = Bench::configured(built, config).await;
    let request = Request::builder().uri("/").header("host", host);
    let answer = bench.router.call(request.body(Body::empty()).unwrap()).await.unwrap();
    let answer = Response::from_parts(answer.into_parts().0, ());
    assert_eq!(directive(&answer, "script-src"), "'self' 'wasm-unsafe-eval'", "{host}");
    directive(&answer, "connect-src").split(' ').map(str::to_owned).collect()
}

#[tokio::test]
async fn a_page_connects_to_this_daemon_and_to_nobody_else() {
    assert_eq!(
        connects_to(Config::default(), "192.0.2.7:8080").await,
        ["'self'", "ws://192.0.2.7:8080", "wss://192.0.2.7:8080", "https://192.0.2.7:4433"]
    );
    assert_eq!(
        connects_to(Config::default(), "[2001:db8::1]:8080").await,
        ["'self'", "ws://*:8080", "wss://*:8080", "https://*:4433"]
    );
    let mut config = Config::default();
    config.http.public_url = Some("https://live.example.com/tv".to_owned());
    config.webtransport.advertise = vec!["media.example.com".to_owned(), "192.0.2.9:443".to_owned()];
    assert_eq!(
        connects_to(config.clone(), "10.0.0.7:8080").await,
        ["'self'", "wss://live.example.com", "https://media.example.com:4433", "https://192.0.2.9:443"]
    );
    config.webtransport.listen = None;
    assert_eq!(connects_to(config, "10.0.0.7:8080").await, ["'self'", "wss://live.example.com"]);
}

#[tokio::test]
async fn a_host_that_is_none_gets_nothing_into_the_policy() {
    let own = connects_to(Config::default(), "127.0.0.1:8080").await;
    for host in ["a; script-src *", "a b", "*", "a, b", "a/b", "a:99999", "", "'none'"] {
        let origins = connects_to(Config::default(), host).await;
        assert!(origins.iter().all(|origin| own.contains(origin)), "{host}: {origins:?}");
    }
}

#[tokio::test]
async fn a_client_gets_the_smallest_encoding_that_it_takes() {
    let mut bench = Bench::new(built).await;
    for (takes, encoding, text) in [
        ("gzip, deflate, br, zstd", "br", "it in brotli"),
        ("gzip, deflate", "gzip", "it in gzip"),
        ("GZIP;q=0.5, br;q=0", "gzip", "it in gzip"),
        ("br; q=0.0, gzip;q=x", "", "the dashboard"),
        ("", "", "the dashboard"),
        ("identity", "", "the dashboard"),
    ] {
        let (answer, body) = bench.get("/", &[("accept-encoding", takes)]).await;
        assert_eq!(header(&answer, "content-encoding"), encoding, "{takes}");
        assert_eq!(String::from_utf8(body).unwrap(), text, "{takes}");
        assert_eq!(header(&answer, "vary"), "accept-encoding");
        assert_eq!(header(&answer, "content-type"), "text/html; charset=utf-8");
    }
    let path = format!("/v/{}", bench.playback_id);
    let (answer, _) = bench.get(&path, &[("accept-encoding", "br")]).await;
    assert_eq!(header(&answer, "content-encoding"), "", "what was not worth it is there as it is");
}

#[tokio::test]
async fn a_client_that_has_a_file_is_not_sent_it_again() {
    let mut bench = Bench::new(built).await;
    let (plain, _) = bench.get("/", &[]).await;
    let (packed, _) = bench.get("/", &[("accept-encoding", "br")]).await;
    let (plain, packed) = (header(&plain, "etag").to_owned(), header(&packed, "etag").to_owned());
    assert_ne!(plain, packed);
    for tags in [plain.clone(), format!("W/{plain}"), format!("\"other\", {plain}"), "*".to_owned()] {
        let (answer, body) = bench.get("/", &[("if-none-match", &tags)]).await;
        assert_eq!((answer.status().as_u16(), body.len()), (304, 0), "{tags}");
        assert_eq!(header(&answer, "etag"), plain);
        assert!(!header(&answer, "content-security-policy").is_empty());
    }
    let (answer, _) = bench.get("/", &[("if-none-match", &plain), ("accept-encoding", "br")]).await;
    assert_eq!(answer.status(), 200, "it has another encoding");
}

#[tokio::test]
async fn what_is_named_by_its_content_is_kept_for_ever() {
    let mut bench = Bench::new(built).await;
    let (answer, body) = bench.get("/assets/player-B4x_9-Zk.wasm", &[]).await;
    assert_eq!(header(&answer, "content-type"), "application/wasm");
    assert!(header(&answer, "cache-control").contains("immutable"));
    assert_eq!((header(&answer, "x-content-type-options"), &body[..]), ("nosniff", &b"\0asm"[..]));
    let (answer, _) = bench.get("/assets/notes.txt", &[]).await;
    assert_eq!(header(&answer, "cache-control"), "no-cache");
    for path in [
        "/assets/none-12345678.js",
        "/assets/",
        "/assets/../index.html",
        "/assets/%2e%2e/index.html",
        "/assets//etc/passwd",
    ] {
        let (answer, _) = bench.get(path, &[]).await;
        assert_eq!(answer.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn a_head_is_a_get_without_its_body() {
    let mut bench = Bench::new(built).await;
    for path in ["/", "/player.js", "/assets/player-B4x_9-Zk.wasm"] {
        let (get, body) = bench.get(path, &[]).await;
        let (head, nothing) = bench.ask(Method::HEAD, path, &[]).await;
        assert_eq!((head.status(), nothing.len()), (get.status(), 0), "{path}");
        assert_eq!(header(&head, "content-length"), body.len().to_string(), "{path}");
        assert_eq!(header(&head, "etag"), header(&get, "etag"), "{path}");
    }
}

#[tokio::test]
async fn the_player_may_be_loaded_from_anywhere_and_the_pages_may_not() {
    let mut bench = Bench::new(built).await;
    let (answer, _) = bench.get("/player.js", &[("origin", "https://example.org")]).await;
    assert_eq!(header(&answer, "access-control-allow-origin"), "*");
    assert_eq!(header(&answer, "cross-origin-resource-policy"), "cross-origin");
    assert_eq!(header(&answer, "content-type"), "text/javascript; charset=utf-8");
    for path in ["/", "/v/news", "/assets/player-B4x_9-Zk.wasm"] {
        let (answer, _) = bench.get(path, &[("origin", "https://example.org")]).await;
        assert_eq!(header(&answer, "access-control-allow-origin"), "", "{path}");
    }
}

#[tokio::test]
async fn a_daemon_without_pages_says_how_to_build_them() {
    let mut bench = Bench::new(nothing).await;
    let watch = format!("/v/{}", bench.playback_id);
    for path in ["/", &watch] {
        let (answer, body) = bench.get(path, &[]).await;
        assert_eq!(answer.status(), 501);
        assert!(String::from_utf8(body).unwrap().contains("<code>src/player/build</code>"));
    }
    assert_eq!(bench.get("/player.js", &[]).await.0.status(), 404);
    assert_eq!(bench.get("/v/news", &[]).await.0.status(), 302);
}
