//! The daemon is killed under load, again and again: what it answered with success is there when it starts again, what
//! it did not answer is there whole or not at all, and a request that is sent again is not done twice.

mod common;

use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use common::{Client, Daemon};
use serde_json::{Value, json};
use tempfile::TempDir;

/// `STREAMD_KILLS` sets another number.
const KILLS: u32 = 1000;
const FIRST_STARTS: u32 = 50;
const WORKERS: usize = 3;
/// The most that a round works after the first answer before it is killed.
const MAX_WORK: Duration = Duration::from_millis(60);

#[test]
fn nothing_that_was_answered_with_success_is_lost_when_the_daemon_is_killed() {
    let kills = std::env::var("STREAMD_KILLS")
        .map_or(KILLS, |kills| kills.parse().expect("STREAMD_KILLS is a number"));
    let data = TempDir::new().unwrap();
    let mut workers = (0..WORKERS).map(Worker::new).collect::<Vec<_>>();
    for round in 0..kills {
        // Now and then it is killed while it starts.
        let is_up = round % 8 != 7;
        let daemon = if is_up { Daemon::start(data.path()) } else { Daemon::spawn(data.path(), &[]) };
        let clients = workers.iter().map(|_| daemon.admin()).collect::<Vec<_>>();
        thread::scope(|scope| {
            let (answered, answers) = channel();
            for (worker, client) in workers.iter_mut().zip(&clients) {
                let answered = answered.clone();
                scope.spawn(move || {
                    worker.settle(client, &answered);
                    worker.work(client, &answered);
                });
            }
            drop(answered);
            if is_up {
                // On a busy machine that takes its time. Without any, all have failed, and say so when they are joined.
                let _ = answers.recv();
            }
            thread::sleep(MAX_WORK.mul_f64(fraction(round)));
            daemon.kill();
        });
    }

    let daemon = Daemon::start(data.path());
    let (mut seen, mut done) = (0, 0);
    for worker in &mut workers {
        worker.settle(&daemon.admin(), &channel().0);
        seen += worker.check_all(&daemon.admin());
        done += worker.done;
    }
    let listed = list(&daemon.admin(), "/v1/streams?limit=100").len();
    let archived = list(&daemon.admin(), "/v1/streams?limit=100&archived=true").len();
    assert_eq!(listed + archived, seen, "no stream came twice, none from nowhere");
    let rounds = kills - kills / 8;
    assert!(done >= rounds, "every round gets something done: {done} changes in {rounds} rounds");
    println!("{kills} kills, {done} changes answered with success, {seen} streams");
}

#[test]
fn a_first_start_that_is_killed_at_any_moment_leaves_a_folder_that_starts() {
    for round in 0..FIRST_STARTS {
        let data = TempDir::new().unwrap();
        let first = Daemon::spawn(data.path(), &[]);
        thread::sleep(MAX_WORK.mul_f64(fraction(round)));
        first.kill();
        let second = Daemon::start(data.path());
        second.admin().post("/v1/streams", json!({ "name": "first" })).expect(201);
    }
}

/// Spreads the moments of the kills evenly, without the same from round to round.
fn fraction(round: u32) -> f64 {
    (f64::from(round) * 0.618_033_988_75).fract()
}

fn list(client: &Client, first: &str) -> Vec<Value> {
    let (mut path, mut all) = (Some(first.to_owned()), Vec::new());
    while let Some(next) = path {
        let answer = client.get(&next);
        let link = answer.header("link");
        path = link.strip_prefix('<').and_then(|link| link.split('>').next()).map(str::to_owned);
        all.extend(answer.expect(200).as_array().unwrap().clone());
    }
    all
}

/// Makes and changes streams of its own, one request after the other, and remembers what it was told.
struct Worker {
    number: usize,
    count: u32,
    streams: Vec<Known>,
    /// The request that was not answered.
    open: Option<Request>,
    done: u32,
}

/// What a stream was when the daemon last told.
struct Known {
    id: String,
    told: Told,
}

#[derive(Clone, PartialEq, Debug)]
struct Told {
    description: String,
    state: String,
    stream_key: Option<String>,
}

impl Told {
    fn of(stream: &Value) -> Self {
        Self {
            description: stream["description"].as_str().unwrap().to_owned(),
            state: stream["state"].as_str().unwrap().to_owned(),
            stream_key: stream["streamKey"].as_str().map(str::to_owned),
        }
    }
}

#[derive(Clone)]
struct Request {
    /// The stream that it changes; none: it makes one.
    stream: Option<usize>,
    method: &'static str,
    path: String,
    body: Option<String>,
    idempotency_key: String,
}

impl Worker {
    fn new(number: usize) -> Self {
        Self { number, count: 0, streams: Vec::new(), open: None, done: 0 }
    }

    /// Sends the request again that was not answered, and holds its stream against what was told before.
    fn settle(&mut self, client: &Client, answered: &Sender<()>) {
        let Some(open) = self.open.clone() else { return };
        if let Some(stream) = open.stream {
            let before = self.streams[stream].told.clone();
            let Some(answer) =
                client.try_send("GET", &format!("/v1/streams/{}", self.streams[stream].id), None, &[])
            else {
                return;
            };
            let now = Told::of(&answer.expect(200));
            assert!(now == before || matches_request(&open, &before, &now), "{before:?} became {now:?}");
        }
        self.send(client, open, answered);
    }

    fn work(&mut self, client: &Client, answered: &Sender<()>) {
        while self.open.is_none() {
            let request = self.next_request();
            self.send(client, request, answered);
        }
    }

    fn next_request(&mut self) -> Request {
        self.count += 1;
        let count = self.count;
        let idempotency_key = format!("worker {} request {count}", self.number);
        let newest = self.streams.len().checked_sub(1);
        let open = newest.filter(|&stream| self.streams[stream].told.state != "archived");
        let request = |stream, method, path: String, body: Option<Value>| Request {
            stream,
            method,
            path,
            body: body.map(|body| body.to_string()),
            idempotency_key,
        };
        let Some(stream) = open else {
            let body = json!({ "name": format!("kill-{}-{count}", self.number) });
            return request(None, "POST", "/v1/streams".to_owned(), Some(body));
        };
        let path = format!("/v1/streams/{}", self.streams[stream].id);
        match count % 6 {
            1 => request(open, "PATCH", path, Some(json!({ "description": format!("change {count}") }))),
            2 => request(open, "POST", format!("{path}/pause"), None),
            3 => request(open, "POST", format!("{path}/rotate-key"), None),
            4 => request(open, "POST", format!("{path}/resume"), None),
            5 => request(open, "PATCH", path, Some(json!({ "description": format!("last change {count}") }))),
            _ => request(open, "DELETE", path, None),
        }
    }

    fn send(&mut self, client: &Client, request: Request, answered: &Sender<()>) {
        let headers = [("idempotency-key", request.idempotency_key.as_str())];
        let headers = if request.method == "POST" { &headers[..] } else { &[] };
        let Some(answer) = client.try_send(request.method, &request.path, request.body.as_deref(), headers)
        else {
            self.open = Some(request);
            return;
        };
        let stream = answer.expect(if request.stream.is_some() { 200 } else { 201 });
        let told = Told::of(&stream);
        match request.stream {
            Some(number) => self.streams[number].told = told,
            None => self.streams.push(Known { id: stream["id"].as_str().unwrap().to_owned(), told }),
        }
        self.open = None;
        self.done += 1;
        // The round may wait for the first one only, or for none.
        let _ = answered.send(());
    }

    /// Holds all streams against what was told of them; gives how many there are.
    fn check_all(&self, client: &Client) -> usize {
        for known in &self.streams {
            let now = Told::of(&client.get(&format!("/v1/streams/{}", known.id)).expect(200));
            assert_eq!(now, known.told, "{}", known.id);
        }
        self.streams.len()
    }
}

/// Whether a request makes `after` of `before`.
fn matches_request(request: &Request, before: &Told, after: &Told) -> bool {
    let mut expected = before.clone();
    match request.path.rsplit('/').next() {
        Some("pause") => "paused".clone_into(&mut expected.state),
        Some("resume") => "offline".clone_into(&mut expected.state),
        Some("rotate-key") => expected.stream_key.clone_from(&after.stream_key),
        _ if request.method == "DELETE" => {
            "archived".clone_into(&mut expected.state);
            expected.stream_key = None;
        }
        _ => {
            let body = serde_json::from_str::<Value>(request.body.as_deref().unwrap()).unwrap();
            body["description"].as_str().unwrap().clone_into(&mut expected.description);
        }
    }
    *after == expected
}
