//! `stream discover` against a server on a real socket.

mod common;

use common::{FakeApi, Ran, Reply, Request, run_at, run_with_input, stream};
use serde_json::{Value, json};

fn found() -> Value {
    json!({
        "devices": [
            {
                "id": "urn:uuid:1", "address": "192.168.7.20", "name": "Front\u{1b}[31m door", "manufacturer": "Example & Sons",
                "model": "EX-1", "problem": null, "needsCredentials": true,
                "sources": [
                    {"name": "Stream 1", "streamName": "front-door", "source": "rtsp://192.168.7.20:554/main?a=1",
                     "video": {"codec": "h264", "width": 1920, "height": 1080, "framesPerSecond": 25.0}},
                    {"name": "Stream 2", "streamName": "front-door-2", "source": "rtsp://192.168.7.20:554/sub", "video": null},
                ],
            },
            {
                "id": "urn:uuid:2", "address": "192.168.7.21", "name": null, "manufacturer": null, "model": "DS-1", "sources": [],
                "needsCredentials": true,
                "problem": {"reason": "unauthorized", "detail": "it wants the user name and the password of a user"},
            },
            {
                "id": "urn:uuid:3", "address": "192.168.7.22", "name": "Yard", "manufacturer": null, "model": null, "problem": null,
                "needsCredentials": false,
                "sources": [{"name": "a", "streamName": "yard", "source": "rtsp://192.168.7.22/a", "video": null}],
            },
        ],
        "isMore": false,
    })
}

fn api() -> FakeApi {
    FakeApi::start(|request: &Request| match request.path.as_str() {
        "/v1/discover" => Reply::ok(&found()),
        "/v1/streams" => {
            let asked = request.json();
            let stream = json!({
                "id": "s", "name": asked["name"], "type": "pull", "layers": 12, "playbackId": "p", "state": "idle",
                "streamKey": "sk_secret", "source": "rtsp://***@192.168.7.20:554/***",
                "playback": {"page": "http://127.0.0.1:8080/v/x"},
            });
            Reply(201, vec![], stream.to_string())
        }
        other => Reply::problem(404, other),
    })
}

/// Runs it with a password on standard input.
fn run(api: &FakeApi, arguments: &[&str]) -> Ran {
    let mut command = stream();
    command.env("STREAM_API_URL", &api.url).env("STREAM_API_KEY", "ak_test").arg("discover").args(arguments);
    run_with_input(command, "p@ss/word\n")
}

#[test]
fn cameras_are_listed_with_what_may_be_made_of_them() {
    let api = api();
    let ran = run_at(&api.url, &["discover"]);
    let expected = "\
ADDRESS       CAMERA                                STREAM        VIDEO                SOURCE
192.168.7.20  Front[31m door (Example & Sons EX-1)  front-door    h264 1920x1080 25/s  rtsp://192.168.7.20:554/main?a=1
                                                    front-door-2                       rtsp://192.168.7.20:554/sub
192.168.7.21  DS-1
192.168.7.22  Yard                                  yard                               rtsp://192.168.7.22/a
192.168.7.21: it wants the user name and the password of a user
stream discover --user NAME asks as a user of the cameras.
To make a stream of one: stream discover --address 192.168.7.20 --add front-door
";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, expected, ""));
    assert_eq!(api.requests()[0].json(), json!({ "timeoutMs": 3000 }));
    let ran = run_at(&api.url, &["discover", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&ran.out).unwrap(), found());
}

#[test]
fn a_camera_becomes_a_stream_in_one_step() {
    let api = api();
    let asked = ["--user", "ad min", "--password", "-", "--wait", "1", "--address", "192.168.7.20"];
    let ran = run(&api, &[&asked[..], &["--add", "front-door-2", "--always"]].concat());
    let expected = "✓ Stream front-door-2 created\n  Playback: http://127.0.0.1:8080/v/x\n  \
                    Source:   rtsp://***@192.168.7.20:554/***\n";
    assert_eq!((ran.code, ran.out.as_str()), (0, expected), "{ran:?}");
    let requests: Vec<Value> = api.requests().iter().map(Request::json).collect();
    let question = json!({
        "timeoutMs": 1000, "username": "ad min", "password": "p@ss/word", "addresses": ["192.168.7.20"],
    });
    let stream = json!({
        "name": "front-door-2", "type": "pull", "always": true,
        "source": "rtsp://ad%20min:p%40ss%2Fword@192.168.7.20:554/sub",
    });
    assert_eq!(requests, [question, stream]);

    // Of the camera at an address it is the first stream; without a user the address has none.
    let ran = run(&api, &["--add", "192.168.7.20", "--as", "garden", "--json"]);
    let made: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&made[0]["name"], &made[0]["streamKey"]), (&json!("garden"), &Value::Null), "{ran:?}");
    let source = api.requests().last().map(|request| request.json()["source"].clone());
    assert_eq!(source, Some(json!("rtsp://192.168.7.20:554/main?a=1")));
    let question = api.requests().iter().rev().nth(1).map(Request::json);
    assert_eq!(
        question,
        Some(json!({ "timeoutMs": 3000, "addresses": ["192.168.7.20"] })),
        "it is asked alone"
    );
}

#[test]
fn a_stream_is_made_of_the_camera_that_was_listed() {
    let api = api();
    let as_user = ["--user", "admin", "--password", "-"];
    let made = |arguments: &[&str]| {
        let ran = run(&api, &[&as_user[..], arguments].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        let requests: Vec<Value> = api.requests().iter().map(Request::json).collect();
        let [.., question, stream] = &requests[..] else { panic!("{requests:?}") };
        [&question["addresses"], &stream["name"], &stream["source"]].map(Value::clone)
    };
    // The address of the stream names its camera.
    let expected = [
        json!(["192.168.7.20"]),
        json!("front-door-2"),
        json!("rtsp://admin:p%40ss%2Fword@192.168.7.20:554/sub"),
    ];
    assert_eq!(made(&["--add", "rtsp://192.168.7.20:554/sub"]), expected);
    // A camera that was called like another when both were listed has its own name now.
    let name = "front-door-192-168-7-20-2";
    let expected = [json!(["192.168.7.20"]), json!(name), expected[2].clone()];
    assert_eq!(made(&["--address", "192.168.7.20", "--add", name]), expected);
    // Who asks for no user is not told one.
    let expected = [json!(["192.168.7.22"]), json!("yard"), json!("rtsp://192.168.7.22/a")];
    assert_eq!(made(&["--add", "192.168.7.22"]), expected);
    let ran = run(&api, &as_user);
    let hint = "stream discover --user admin --address 192.168.7.20 --add front-door\nA camera that asks for a user is given the \
                password then: by Basic of RTSP in clear.\n";
    assert!(ran.out.ends_with(hint), "{ran:?}");
}

#[test]
fn what_was_made_is_told_where_another_fails() {
    let api = FakeApi::start(|request: &Request| match request.path.as_str() {
        "/v1/discover" => Reply::ok(&found()),
        _ if request.json()["name"] == "yard" => Reply::problem(409, "there is a stream yard already"),
        _ => {
            let stream = json!({
                "id": "s", "name": request.json()["name"], "type": "pull", "layers": 12, "playbackId": "p", "state": "idle",
                "playback": {},
            });
            Reply(201, vec![], stream.to_string())
        }
    });
    let ran = run(&api, &["--add", "192.168.7.20", "--add", "192.168.7.22", "--json"]);
    let made: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((made.as_array().map(Vec::len), &made[0]["name"]), (Some(1), &json!("front-door")), "{ran:?}");
    assert!(ran.code != 0 && ran.err.contains("there is a stream yard already"), "{ran:?}");
}

#[test]
fn what_cannot_be_made_says_why() {
    let api = api();
    let fails = |arguments: &[&str], code: i32, words: &str| {
        let ran = run(&api, arguments);
        assert!(ran.code == code && ran.err.contains(words) && ran.out.is_empty(), "{words}: {ran:?}");
    };
    fails(&["--add", "front-door"], 2, "add --address with the camera's");
    fails(
        &["--address", "192.168.7.20", "--add", "front-door", "--add", "kitchen"],
        5,
        "no camera has told of a stream kitchen",
    );
    fails(&["--add", "192.168.7.21"], 5, "it wants the user name");
    fails(&["--user", "admin"], 2, "--password -");
    fails(&["--add", "a", "--add", "b", "--as", "c"], 2, "--as names one stream");
    fails(&["--password", "a"], 2, "--user");
    fails(&["--address", "camera.local"], 2, "camera.local");
    assert!(!api.requests().iter().any(|request| request.path == "/v1/streams"), "nothing was made");

    let off = json!({
        "type": "/docs#problem-disabled", "title": "No", "status": 403, "detail": "discover.enabled is false",
    });
    let api = FakeApi::always(403, &[], &off.to_string());
    let ran = run_at(&api.url, &["discover"]);
    assert_eq!((ran.code, ran.err.as_str()), (1, "stream: discover.enabled is false\n"));
    let api = FakeApi::always(200, &[], r#"{"devices": []}"#);
    let ran = run_at(&api.url, &["discover"]);
    assert!(ran.code == 0 && ran.out.starts_with("No camera has answered."), "{ran:?}");
}
