//! Signing in to the dashboard, over real sockets: who gets in, who stays in, and who is kept out.

mod common;

use common::{ADMIN, Answer, Client, Daemon};
use serde_json::{Value, json};
use tempfile::TempDir;

const OWN_PAGE: (&str, &str) = ("x-stream-dashboard", "1");

fn daemon() -> (Daemon, TempDir) {
    let data = TempDir::new().unwrap();
    (Daemon::start(data.path()), data)
}

/// A browser that shows the dashboard: it keeps the cookie, and sends what a browser sends.
struct Browser {
    client: Client,
    cookie: Option<String>,
}

impl Browser {
    fn new(daemon: &Daemon) -> Self {
        Self { client: Client::new(daemon.http(), None), cookie: None }
    }

    fn signed_in(daemon: &Daemon, key: &str) -> Self {
        let mut browser = Self::new(daemon);
        browser.sign_in(key).expect(200);
        browser
    }

    /// Sends this and nothing else but the cookie.
    fn send(&self, method: &str, path: &str, body: Option<&str>, headers: &[(&str, &str)]) -> Answer {
        let cookie = self.cookie.as_deref().map(|cookie| ("cookie", cookie));
        let headers = headers.iter().copied().chain(cookie).collect::<Vec<_>>();
        self.client.try_send(method, path, body, &headers).unwrap()
    }

    fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string());
        self.send(method, path, body.as_deref(), &[OWN_PAGE, ("sec-fetch-site", "same-origin")])
    }

    fn sign_in(&mut self, key: &str) -> Answer {
        let answer = self.ask("POST", "/session", Some(json!({ "key": key })));
        self.keep(&answer);
        answer
    }

    fn sign_out(&mut self) -> Answer {
        let answer = self.ask("DELETE", "/session", None);
        self.keep(&answer);
        answer
    }

    fn keep(&mut self, answer: &Answer) {
        let set = answer.header("set-cookie");
        let Some((cookie, attributes)) = set.split_once("; ") else { return };
        let ends = attributes.split("; ").any(|attribute| attribute == "Max-Age=0");
        self.cookie = (!ends).then(|| cookie.to_owned());
    }
}

#[test]
fn a_person_signs_in_works_and_signs_out() {
    let (daemon, _data) = daemon();
    let mut browser = Browser::new(&daemon);
    browser.ask("GET", "/session", None).problem(401);
    let session = browser.sign_in(ADMIN).expect(200);
    assert_eq!((&session["name"], &session["scopes"]), (&json!("administrator (preset)"), &json!(["admin"])));
    assert_eq!(session["usage"], json!({ "streams": 0, "streamsLeft": 10_000 }));
    assert_eq!(browser.ask("GET", "/session", None).expect(200), session);
    let stream = browser.ask("POST", "/v1/streams", Some(json!({ "name": "stage" }))).expect(201);
    assert!(stream["streamKey"].as_str().unwrap().starts_with("sk_"));
    let path = format!("/v1/streams/{}", stream["id"].as_str().unwrap());
    assert_eq!(browser.ask("GET", &path, None).expect(200), stream);
    browser.ask("DELETE", &path, None).expect(200);

    let cookie = browser.cookie.clone();
    let out = browser.sign_out();
    assert_eq!(out.status, 204);
    assert_eq!(browser.cookie, None, "{}", out.header("set-cookie"));
    browser.cookie = cookie;
    browser.ask("GET", "/v1/streams", None).problem(401);
    browser.ask("GET", "/session", None).problem(401);
    browser.ask("DELETE", "/session", None).problem(401);
}

#[test]
fn the_cookie_is_out_of_reach_for_scripts_and_other_sites() {
    let (daemon, _data) = daemon();
    let answer = Browser::new(&daemon).sign_in(ADMIN);
    let set = answer.header("set-cookie").to_owned();
    let (cookie, attributes) = set.split_once("; ").unwrap();
    let (name, token) = cookie.split_once('=').unwrap();
    assert_eq!((name, token.len()), ("stream_session", 43));
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Strict; Max-Age=604800");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.expect(200).to_string().contains(token));
}

#[test]
fn over_https_the_cookie_is_for_https_and_this_host_alone() {
    let data = TempDir::new().unwrap();
    let daemon = Daemon::start_with(data.path(), &[("STREAMD_HTTP_TRUSTED_PROXIES", "127.0.0.1")]);
    let browser = Browser::new(&daemon);
    let https = ("x-forwarded-proto", "https");
    let body = json!({ "key": ADMIN }).to_string();
    let answer = browser.send("POST", "/session", Some(&body), &[OWN_PAGE, https]);
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-stream_session=") && cookie.ends_with("; Secure"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    browser.send("GET", "/v1/streams", None, &[OWN_PAGE, https, ("cookie", cookie)]).expect(200);
    let plain = cookie.replace("__Host-", "");
    browser.send("GET", "/v1/streams", None, &[OWN_PAGE, https, ("cookie", &plain)]).problem(401);
    let downgraded = [OWN_PAGE, https, ("cookie", cookie), ("origin", "http://example.org")];
    browser.send("GET", "/v1/streams", None, &downgraded).problem(403);
}

#[test]
fn what_does_not_come_from_the_dashboards_own_page_is_refused() {
    let (daemon, _data) = daemon();
    let browser = Browser::signed_in(&daemon, ADMIN);
    let own = format!("http://{}", daemon.http());
    let body = json!({ "name": "forged" }).to_string();
    let post = |headers: &[(&str, &str)]| browser.send("POST", "/v1/streams", Some(&body), headers);
    for forged in [
        &[][..],
        &[("x-stream-dashboard", "0")],
        &[("sec-fetch-site", "same-origin"), ("origin", &own)],
        &[OWN_PAGE, ("sec-fetch-site", "cross-site")],
        &[OWN_PAGE, ("sec-fetch-site", "same-site")],
        &[OWN_PAGE, ("sec-fetch-site", "none")],
        &[OWN_PAGE, ("origin", "https://evil.example")],
        &[OWN_PAGE, ("origin", "null")],
        &[OWN_PAGE, ("origin", &format!("{own}0"))],
        &[OWN_PAGE, ("origin", &own), ("origin", "https://evil.example")],
        // What a form can send without asking first.
        &[("content-type", "text/plain"), ("origin", "https://evil.example")],
        &[("content-type", "application/x-www-form-urlencoded")],
    ] {
        post(forged).problem(403);
    }
    for (method, path) in [("GET", "/v1/streams"), ("GET", "/session"), ("DELETE", "/session")] {
        browser.send(method, path, None, &[]).problem(403);
    }
    assert_eq!(daemon.admin().get("/v1/streams").expect(200), json!([]));
    post(&[OWN_PAGE, ("origin", &own)]).expect(201);
}

#[test]
fn nobody_is_signed_in_by_another_sites_page() {
    let (daemon, _data) = daemon();
    let browser = Browser::new(&daemon);
    let body = json!({ "key": ADMIN }).to_string();
    for forged in [
        &[][..],
        &[OWN_PAGE, ("origin", "https://evil.example")],
        &[OWN_PAGE, ("sec-fetch-site", "cross-site")],
        &[("content-type", "text/plain")],
    ] {
        let answer = browser.send("POST", "/session", Some(&body), forged);
        answer.problem(403);
        assert_eq!(answer.header("set-cookie"), "");
    }
    browser.send("POST", "/session", Some(&body), &[OWN_PAGE, ("content-type", "text/plain")]).problem(415);
}

#[test]
fn pages_of_other_origins_cannot_ask_with_the_cookie() {
    let (daemon, _data) = daemon();
    let nobody = Client::new(daemon.http(), None);
    let asked = [
        ("origin", "https://evil.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-stream-dashboard"),
    ];
    let answer = nobody.try_send("OPTIONS", "/v1/streams", None, &asked).unwrap();
    assert!(!answer.header("access-control-allow-headers").contains("x-stream-dashboard"));
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    let answer = nobody.try_send("OPTIONS", "/session", None, &asked).unwrap();
    assert_eq!(answer.header("access-control-allow-origin"), "");
    assert_eq!(answer.header("access-control-allow-headers"), "");
    for path in ["/session", "/"] {
        let answer = nobody.try_send("GET", path, None, &[("origin", "https://evil.example")]).unwrap();
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
}

#[test]
fn a_planted_session_is_not_taken_over() {
    let (daemon, _data) = daemon();
    let attacker = Browser::signed_in(&daemon, ADMIN);
    let mut victim = Browser::new(&daemon);
    victim.cookie = attacker.cookie.clone();
    victim.sign_in(ADMIN).expect(200);
    assert_ne!(victim.cookie, attacker.cookie);
    attacker.ask("GET", "/session", None).problem(401);
    let two = format!("{}; {}", victim.cookie.as_deref().unwrap(), attacker.cookie.as_deref().unwrap());
    victim.cookie = Some(two);
    victim.ask("GET", "/v1/streams", None).problem(401);
}

#[test]
fn a_bearer_token_goes_before_the_cookie() {
    let (daemon, _data) = daemon();
    let key = json!({ "name": "reader", "scopes": ["streams:read"] });
    let key = daemon.admin().post("/v1/keys", key).expect(201);
    let browser = Browser::signed_in(&daemon, ADMIN);
    let bearer = format!("Bearer {}", key["key"].as_str().unwrap());
    let own = browser.send("GET", "/v1/keys/self", None, &[("authorization", &bearer)]).expect(200);
    assert_eq!(own["id"], key["id"]);
    let wrong = [OWN_PAGE, ("authorization", "Bearer ak_of_nobody")];
    browser.send("GET", "/v1/keys/self", None, &wrong).problem(401);
}

#[test]
fn a_session_can_do_what_its_key_can_and_ends_with_it() {
    let (daemon, _data) = daemon();
    let admin = daemon.admin();
    let key =
        json!({ "name": "reader", "scopes": ["streams:read"], "limits": { "streams": 3, "rate": 1000 } });
    let key = admin.post("/v1/keys", key).expect(201);
    let text = key["key"].as_str().unwrap();
    let (here, there) = (Browser::signed_in(&daemon, text), Browser::signed_in(&daemon, text));
    for browser in [&here, &there] {
        let list = browser.ask("GET", "/v1/streams", None);
        assert_eq!(list.header("ratelimit-limit"), "1000");
        list.expect(200);
        browser.ask("POST", "/v1/streams", Some(json!({ "name": "mine" }))).problem(403);
        let own = browser.ask("GET", "/v1/keys/self", None).expect(200);
        assert_eq!((&own["id"], &own["limits"]["streams"]), (&key["id"], &json!(3)));
        assert_eq!(own["usage"], json!({ "streams": 0, "streamsLeft": 3 }));
    }
    admin.delete(&format!("/v1/keys/{}", key["id"].as_str().unwrap())).expect(200);
    for mut browser in [here, there] {
        browser.ask("GET", "/v1/streams", None).problem(401);
        browser.ask("GET", "/session", None).problem(401);
        browser.sign_in(text).problem(401);
    }
}

#[test]
fn a_restart_signs_nobody_out() {
    let (daemon, data) = daemon();
    let mut browser = Browser::signed_in(&daemon, ADMIN);
    daemon.kill();
    let daemon = Daemon::start(data.path());
    browser.client = Client::new(daemon.http(), None);
    browser.ask("GET", "/v1/streams", None).expect(200);
}

#[test]
fn who_guesses_keys_or_tokens_is_stopped() {
    let data = TempDir::new().unwrap();
    let few = [("STREAMD_LIMITS_ANONYMOUS_REQUESTS_PER_MINUTE", "10")];
    let daemon = Daemon::start_with(data.path(), &few);
    let mut guesser = Browser::new(&daemon);
    let statuses = (0..40).map(|_| guesser.sign_in("ak_guess").status).collect::<Vec<_>>();
    assert_eq!(statuses.first(), Some(&401));
    assert!(statuses.iter().filter(|status| **status == 401).count() < 20, "{statuses:?}");
    guesser.sign_in(ADMIN).problem(429);
    guesser.cookie = Some(format!("stream_session={}", "A".repeat(43)));
    let refused = guesser.ask("GET", "/v1/streams", None);
    refused.problem(429);
    assert!(!refused.header("retry-after").is_empty());
}

#[test]
fn what_one_signs_in_with_is_checked() {
    let (daemon, _data) = daemon();
    let browser = Browser::new(&daemon);
    for (body, field) in
        [(json!({}), "key"), (json!({ "key": 7 }), "key"), (json!({ "key": ADMIN, "user": "a" }), "user")]
    {
        let answer = browser.ask("POST", "/session", Some(body));
        assert_eq!(answer.problem(422), [field]);
        assert!(!answer.body.to_string().contains(ADMIN));
    }
    browser.send("POST", "/session", Some("{"), &[OWN_PAGE]).problem(400);
    browser.send("PUT", "/session", Some("{}"), &[OWN_PAGE]).problem(405);
}

#[test]
fn a_dashboard_that_polls_stays_within_a_keys_rate() {
    let data = TempDir::new().unwrap();
    let usual = [("STREAMD_LIMITS_REQUESTS_PER_MINUTE", "600")];
    let daemon = Daemon::start_with(data.path(), &usual);
    daemon.admin().post("/v1/streams", json!({ "name": "stage" })).expect(201);
    let browser = Browser::signed_in(&daemon, ADMIN);
    // Two minutes of a page that asks for the figures once a second, all at once and without the bucket filling.
    for _ in 0..120 {
        browser.ask("GET", "/v1/streams/stage/stats", None).expect(200);
    }
    let left = browser.ask("GET", "/session", None).header("ratelimit-remaining").parse::<u32>().unwrap();
    assert!(left >= 400, "{left}");
}
