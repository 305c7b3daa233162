//! The API over real sockets, against the real daemon.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use common::{ADMIN, Client, Daemon};
use serde_json::{Value, json};
use tempfile::TempDir;

fn daemon() -> (Daemon, TempDir) {
    let data = TempDir::new().unwrap();
    (Daemon::start(data.path()), data)
}

/// A client with a new key that has these scopes and limits.
fn client(daemon: &Daemon, scopes: &[&str], limits: Value) -> Client {
    let key = json!({ "name": "a key", "scopes": scopes, "limits": limits });
    let key = daemon.admin().post("/v1/keys", key).expect(201);
    daemon.client(key["key"].as_str().unwrap())
}

#[test]
fn a_stream_lives_from_its_making_to_its_archive() {
    let (daemon, _data) = daemon();
    let admin = daemon.admin();
    let made = admin.post(
        "/v1/streams",
        json!({ "name": "my-first-stream", "layers": 12, "fec": "unequal:3,2,1,0", "region": "auto", "type": "push",
                "description": "", "record": false, "ring": { "seconds": 50, "bytes": 33_554_432 } }),
    );
    let location = made.header("location").to_owned();
    let stream = made.expect(201);
    assert_eq!(location, format!("/v1/streams/{}", stream["id"].as_str().unwrap()));
    assert_eq!(stream["state"], "offline");
    assert_eq!(stream["region"], "local");
    assert_eq!(stream["ring"], json!({ "seconds": 50, "bytes": 33_554_432 }));
    assert_eq!(admin.get(&location).expect(200), stream);
    assert_eq!(admin.get("/v1/streams/my-first-stream").expect(200), stream);
    assert_eq!(admin.get("/v1/streams").expect(200), json!([stream]));

    let changed = admin.patch(&location, json!({ "description": "the stage", "layers": 4 })).expect(200);
    assert_eq!((&changed["description"], &changed["layers"]), (&json!("the stage"), &json!(4)));
    assert_eq!(admin.post(&format!("{location}/pause"), json!({})).expect(200)["state"], "paused");
    assert_eq!(admin.get(&format!("{location}/stats")).expect(200)["state"], "paused");
    assert_eq!(admin.post(&format!("{location}/resume"), json!({})).expect(200)["state"], "offline");
    let rotated = admin.post(&format!("{location}/rotate-key"), json!({})).expect(200);
    assert_ne!(rotated["streamKey"], stream["streamKey"]);
    assert_eq!(rotated["playbackId"], stream["playbackId"]);

    let archived = admin.delete(&location).expect(200);
    assert_eq!((&archived["state"], &archived["streamKey"]), (&json!("archived"), &Value::Null));
    assert_eq!(admin.get("/v1/streams").expect(200), json!([]));
    assert_eq!(admin.get("/v1/streams?archived=true").expect(200), json!([archived]));
    admin.get("/v1/streams/my-first-stream").problem(404);
    admin.post(&format!("{location}/pause"), json!({})).problem(409);
    admin.post("/v1/streams", json!({ "name": "my-first-stream" })).expect(201);
}

#[test]
fn publishers_ask_with_their_stream_key() {
    let (daemon, _data) = daemon();
    let stream =
        daemon.admin().post("/v1/streams", json!({ "name": "camera", "fec": "equal:2" })).expect(201);
    let key = stream["streamKey"].as_str().unwrap();
    let settings = daemon.client(key).get("/v1/ingest").expect(200);
    assert_eq!(
        (&settings["stream"], &settings["fec"], &settings["layers"]),
        (&json!("camera"), &json!("equal:2"), &json!(12))
    );
    assert_eq!(settings["ingest"], stream["ingest"]);
    daemon.admin().get("/v1/ingest").problem(401);
    daemon.client(&format!("{key}a")).get("/v1/ingest").problem(401);
    daemon.client(key).get("/v1/streams").problem(401);
}

#[test]
fn whoever_has_no_valid_key_is_told_how_to_come() {
    let (daemon, _data) = daemon();
    let nobody = Client::new(daemon.http(), None);
    for answer in [nobody.get("/v1/streams"), daemon.client("ak_of_nobody").get("/v1/streams")] {
        answer.problem(401);
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"streamd\"");
    }
    for wrong in
        ["Basic YWRtaW46YWRtaW4=", "Bearer", "Bearer ", ADMIN, &format!("Bearer {}", "x".repeat(1000))]
    {
        let answer = nobody.try_send("GET", "/v1/streams", None, &[("authorization", wrong)]).unwrap();
        answer.problem(401);
    }
    let reader = client(&daemon, &["streams:read"], json!({}));
    reader.get("/v1/streams").expect(200);
    let refused = reader.post("/v1/streams", json!({ "name": "a" }));
    refused.problem(403);
    assert!(refused.body["detail"].as_str().unwrap().contains("streams:write"), "{}", refused.body);
    reader.get("/v1/keys").problem(403);
}

#[test]
fn a_revoked_key_is_refused_at_once() {
    let (daemon, _data) = daemon();
    let admin = daemon.admin();
    let key = admin.post("/v1/keys", json!({ "name": "a key", "scopes": ["streams:read"] })).expect(201);
    let holder = daemon.client(key["key"].as_str().unwrap());
    holder.get("/v1/streams").expect(200);
    let path = format!("/v1/keys/{}", key["id"].as_str().unwrap());
    assert!(admin.delete(&path).expect(200)["revokedAt"].is_string());
    holder.get("/v1/streams").problem(401);
    let shown = admin.get(&path).expect(200);
    assert!(shown.get("key").is_none());
    let own = admin.get("/v1/keys").expect(200)[0]["id"].as_str().unwrap().to_owned();
    admin.delete(&format!("/v1/keys/{own}")).problem(409);
}

#[test]
fn a_problem_names_the_field() {
    let (daemon, _data) = daemon();
    let admin = daemon.admin();
    for (body, fields) in [
        (json!({ "name": "A" }), vec!["name"]),
        (json!({}), vec!["name"]),
        (json!({ "name": 7 }), vec!["name"]),
        (json!({ "name": "a", "colour": "red" }), vec!["colour"]),
        (json!({ "name": "a", "layers": "twelve" }), vec!["layers"]),
        (json!({ "name": "a", "layers": 0, "fec": "much" }), vec!["layers", "fec"]),
        (json!({ "name": "a", "record": true }), vec!["record"]),
        (json!({ "name": "a", "type": "pull" }), vec!["source"]),
        (json!({ "name": "a", "type": "pull", "source": "file:///etc/passwd" }), vec!["source"]),
        (json!({ "name": "a", "always": true }), vec!["always"]),
        (json!({ "name": "a", "type": "tape" }), vec!["type"]),
        (json!({ "name": "a", "region": "mars" }), vec!["region"]),
        (json!({ "name": "a", "ring": [50, 33_554_432] }), vec!["ring"]),
        (json!({ "name": "a", "ring": { "seconds": "x" } }), vec!["ring.seconds"]),
        (json!({ "name": "a", "ring": { "hours": 1 } }), vec!["ring.hours"]),
        (json!({ "name": "a", "ring": { "seconds": 0 } }), vec!["ring.seconds"]),
    ] {
        assert_eq!(admin.post("/v1/streams", body.clone()).problem(422), fields, "{body}");
    }
    assert!(admin.post("/v1/streams", json!(["a"])).problem(422).is_empty());
    for (query, field) in
        [("limit=0", "limit"), ("limit=x", "limit"), ("cursor=x", "cursor"), ("colour=red", "colour")]
    {
        assert_eq!(admin.get(&format!("/v1/streams?{query}")).problem(422), [field]);
    }
    admin.post("/v1/streams", json!({ "name": "a" })).expect(201);
    assert_eq!(admin.post("/v1/streams", json!({ "name": "a" })).problem(409), ["name"]);
    assert_eq!(admin.get("/v1/streams").expect(200).as_array().unwrap().len(), 1);
}

#[test]
fn what_is_no_request_is_told_apart() {
    let (daemon, _data) = daemon();
    let admin = daemon.admin();
    let post = |body: &str, kind: &str| {
        admin.try_send("POST", "/v1/streams", Some(body), &[("content-type", kind)]).unwrap()
    };
    let syntax = post("{\"name\": \"a\",}", "application/json");
    syntax.problem(400);
    assert!(syntax.body["detail"].as_str().unwrap().contains("line 1 column 14"), "{}", syntax.body);
    post("", "application/json").problem(400);
    post(&"[".repeat(10_000), "application/json").problem(400);
    post("{\"name\": \"a\"}", "text/plain").problem(415);
    post(&format!("{{\"name\": \"{}\"}}", "a".repeat(300 << 10)), "application/json").problem(413);
    admin.get("/v1/nothing").problem(404);
    admin.get("/nothing").problem(404);
    admin.get("/v1/streams/no-such-stream").problem(404);
    admin.get("/v1/streams/%FF").problem(400);
    let put = admin.try_send("PUT", "/v1/streams", Some("{}"), &[]).unwrap();
    put.problem(405);
    assert!(put.header("allow").contains("POST"), "{}", put.header("allow"));
}

#[test]
fn a_request_that_is_sent_again_is_done_once() {
    let (daemon, data) = daemon();
    let admin = daemon.admin();
    let body = json!({ "name": "camera" });
    let first = admin.post_once("/v1/streams", body.clone(), "first");
    assert_eq!(first.header("idempotency-replayed"), "");
    let location = first.header("location").to_owned();
    let first = first.expect(201);
    let again = admin.post_once("/v1/streams", body.clone(), "first");
    assert_eq!((again.header("idempotency-replayed"), again.header("location")), ("true", location.as_str()));
    assert_eq!(again.expect(201), first, "the same answer, its secret included");
    admin.post_once("/v1/streams", json!({ "name": "another" }), "first").problem(422);
    admin.post_once(&format!("{location}/pause"), json!({}), "first").problem(422);
    admin.post_once("/v1/streams", body.clone(), "second").problem(409);
    admin.post_once("/v1/streams", body.clone(), &"x".repeat(256)).problem(422);

    let rotate = format!("{location}/rotate-key");
    let rotated = admin.post_once(&rotate, json!({}), "third").expect(200);
    assert_eq!(admin.post_once(&rotate, json!({}), "third").expect(200), rotated, "the key is rotated once");

    let other = client(&daemon, &["streams:write"], json!({}));
    other.post_once("/v1/streams", json!({ "name": "other" }), "first").expect(201);

    daemon.kill();
    let daemon = Daemon::start(data.path());
    assert_eq!(daemon.admin().post_once("/v1/streams", body, "first").expect(201), first);
}

#[test]
fn of_requests_at_once_with_one_idempotency_key_one_is_done() {
    let (daemon, _data) = daemon();
    let key = json!({ "name": "a key", "scopes": ["streams:read"] });
    let statuses = thread::scope(|scope| {
        let requests = (0..16)
            .map(|_| scope.spawn(|| daemon.admin().post_once("/v1/keys", key.clone(), "the same").status))
            .collect::<Vec<_>>();
        requests.into_iter().map(|request| request.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(statuses.iter().all(|status| matches!(status, 201 | 409)), "{statuses:?}");
    assert!(statuses.contains(&201));
    let keys = daemon.admin().get("/v1/keys").expect(200);
    assert_eq!(keys.as_array().unwrap().len(), 2, "the administrator's and one more");
}

#[test]
fn pages_lead_from_one_to_the_next() {
    let (daemon, _data) = daemon();
    let admin = daemon.admin();
    for number in 0..5 {
        admin.post("/v1/streams", json!({ "name": format!("stream-{number}") })).expect(201);
    }
    let (mut path, mut names) = (Some("/v1/streams?limit=2".to_owned()), Vec::new());
    while let Some(next) = path {
        let page = admin.get(&next);
        let link = page.header("link");
        path = link.strip_prefix('<').map(|link| link.strip_suffix(">; rel=\"next\"").unwrap().to_owned());
        let page = page.expect(200);
        assert!(page.as_array().unwrap().len() <= 2);
        names.extend(
            page.as_array().unwrap().iter().map(|stream| stream["name"].as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(names, ["stream-0", "stream-1", "stream-2", "stream-3", "stream-4"]);
}

#[test]
fn a_key_that_asks_too_often_is_told_when_to_ask_again() {
    let (daemon, _data) = daemon();
    let hasty = client(&daemon, &["streams:read"], json!({ "rate": 30 }));
    for left in (0..30).rev() {
        let answer = hasty.get("/v1/streams");
        assert_eq!((answer.status, answer.header("ratelimit-limit")), (200, "30"));
        let remaining = answer.header("ratelimit-remaining").parse::<i32>().unwrap();
        // A slow machine fills the bucket meanwhile.
        assert!((left..30).contains(&remaining), "{remaining} are left, {left} at least");
    }
    let mut refused = hasty.get("/v1/streams");
    while refused.status == 200 {
        refused = hasty.get("/v1/streams");
    }
    refused.problem(429);
    assert_eq!(refused.header("ratelimit-remaining"), "0");
    let wait = refused.header("retry-after").parse::<u64>().unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
    daemon.admin().get("/v1/streams").expect(200);
    thread::sleep(Duration::from_secs(wait) + Duration::from_millis(50));
    hasty.get("/v1/streams").expect(200);
}

#[test]
fn who_guesses_keys_is_stopped_and_nothing_else_is() {
    let data = TempDir::new().unwrap();
    let few = [("STREAMD_LIMITS_ANONYMOUS_REQUESTS_PER_MINUTE", "10")];
    let daemon = Daemon::start_with(data.path(), &few);
    let guesser = daemon.client("ak_guess");
    let statuses = (0..40).map(|_| guesser.get("/v1/streams").status).collect::<Vec<_>>();
    assert_eq!(statuses.first(), Some(&401));
    assert!(statuses.iter().filter(|status| **status == 401).count() < 20, "{statuses:?}");
    let refused = guesser.get("/v1/streams");
    refused.problem(429);
    assert!(!refused.header("retry-after").is_empty());
}

#[test]
fn pages_of_other_origins_may_ask() {
    let (daemon, _data) = daemon();
    let asked = [
        ("origin", "https://example.org"),
        ("access-control-request-method", "PATCH"),
        ("access-control-request-headers", "authorization,content-type,idempotency-key"),
    ];
    let nobody = Client::new(daemon.http(), None);
    let allowed = nobody.try_send("OPTIONS", "/v1/streams/any", None, &asked).unwrap();
    assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (200, "*"));
    assert!(allowed.header("access-control-allow-methods").contains("PATCH"));
    assert!(allowed.header("access-control-allow-headers").contains("idempotency-key"));
    let refused = nobody.get("/v1/streams");
    assert_eq!(refused.header("access-control-allow-origin"), "*", "a page must see why it is refused");
    assert!(refused.header("access-control-expose-headers").contains("link"));
}

#[test]
fn the_description_and_the_page_need_no_key_and_nothing_from_elsewhere() {
    let (daemon, _data) = daemon();
    let nobody = Client::new(daemon.http(), None);
    let document = nobody.get("/v1/openapi.json").expect(200);
    assert_eq!(document["openapi"], "3.1.0");
    let page = nobody.get("/docs");
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let page = page.expect(200);
    let page = page.as_str().unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            assert!(page.contains(&format!("{} {path}</code>", method.to_uppercase())), "{method} {path}");
        }
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("id=\"shape-{name}\"")), "{name}");
    }
    assert!(page.contains("id=\"problem-invalid-field\""), "where the type of a problem leads");
    assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("href=\"http"));
}

#[test]
fn a_body_that_never_ends_is_not_waited_for() {
    let (daemon, _data) = daemon();
    let mut slow = TcpStream::connect(daemon.http()).unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    let head = format!(
        "POST /v1/streams HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN}\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n{{"
    );
    slow.write_all(head.as_bytes()).unwrap();
    let began = Instant::now();
    // Others are answered meanwhile.
    daemon.admin().post("/v1/streams", json!({ "name": "meanwhile" })).expect(201);
    let mut answer = [0; 12];
    slow.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    assert!(began.elapsed() < Duration::from_secs(40));
    let _ = slow.shutdown(Shutdown::Both);
}

#[test]
fn who_is_refused_before_the_body_was_sent_reads_why_and_may_ask_again() {
    let (daemon, _data) = daemon();
    let mut connection = TcpStream::connect(daemon.http()).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    let mut answers = BufReader::new(connection.try_clone().unwrap());
    let head = "POST /v1/streams HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n";
    for _ in 0..3 {
        connection.write_all(head.as_bytes()).unwrap();
        let mut status = String::new();
        answers.read_line(&mut status).unwrap();
        assert_eq!(status, "HTTP/1.1 401 Unauthorized\r\n");
        // Only now, so that it meets a daemon that has answered.
        connection.write_all(&[b' '; 100_000]).unwrap();
        let mut length = 0;
        loop {
            let mut line = String::new();
            answers.read_line(&mut line).unwrap();
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        answers.read_exact(&mut vec![0; length]).unwrap();
    }
}

#[test]
fn a_stop_ends_well_and_a_start_goes_on() {
    let (daemon, data) = daemon();
    let stream = daemon.admin().post("/v1/streams", json!({ "name": "camera" })).expect(201);
    let status = daemon.terminate();
    assert!(status.success(), "{status}");
    let daemon = Daemon::start(data.path());
    let found = daemon.admin().get("/v1/streams/camera").expect(200);
    for member in ["id", "streamKey", "playbackId", "createdAt", "updatedAt"] {
        assert_eq!(found[member], stream[member]);
    }
    let key = stream["streamKey"].as_str().unwrap();
    daemon.client(key).get("/v1/ingest").expect(200);
}
