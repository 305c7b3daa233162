//! The commands against a server on a real socket: what they ask, what they print, how they fail.

mod common;

use common::{FakeApi, Folder, Ran, Reply, Request, run, run_at, run_with_input, stream};
use serde_json::{Value, json};

fn a_stream() -> Value {
    json!({
        "id": "str_a2b3c4d5e6f7a2b3", "name": "my-first-stream", "description": "", "type": "push", "layers": 12,
        "fec": "unequal:3,2,1,0", "region": "local", "record": false, "streamKey": "sk_secret",
        "playbackId": "7r3kd2m5qxvnh4ta", "state": "offline",
        "srtPassphrase": "open-sesame",
        "ingest": {
            "fql": "udp://127.0.0.1:4242/my-first-stream", "rtmp": "rtmp://127.0.0.1:1935/live",
            "srt": "srt://127.0.0.1:9000", "whip": "http://127.0.0.1:8080/whip"
        },
        "playback": {"page": "http://127.0.0.1:8080/v/my-first-stream", "play": "http://x", "fql": "fql://x"},
        "ring": {"seconds": 50, "bytes": 33554432}, "createdAt": "2030-01-01T00:00:00Z", "archivedAt": null
    })
}

fn fails(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, code, "{ran:?}");
    assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
    for word in words {
        assert!(ran.err.contains(word), "nothing about {word}: {ran:?}");
    }
}

#[test]
fn the_version_is_one_line() {
    let ran = run(&["--version"]);
    assert_eq!(ran.out, format!("stream-cli v{} (FQL protocol 0.4)\n", env!("CARGO_PKG_VERSION")));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn a_stream_is_created_as_typed() {
    let api = FakeApi::start(|_| Reply(201, vec![], a_stream().to_string()));
    let typed = ["new", "my-first-stream", "--layers", "12", "--region", "auto", "--fec", "unequal:3,2,1,0"];
    let ran = run_at(&api.url, &typed);
    let expected = "✓ Stream my-first-stream created\n  Ingest:   udp://127.0.0.1:4242/my-first-stream\n  \
                    Playback: http://127.0.0.1:8080/v/my-first-stream\n";
    assert_eq!(ran.out, expected, "{ran:?}");
    let request = api.requests().remove(0);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/streams"));
    assert_eq!(request.authorization.as_deref(), Some("Bearer ak_test"));
    let asked = json!({"name": "my-first-stream", "layers": 12, "region": "auto", "fec": "unequal:3,2,1,0"});
    assert_eq!(request.json(), asked);
}

#[test]
fn json_is_what_the_api_answered() {
    let api = FakeApi::start(|_| Reply::ok(&a_stream()));
    let ran = run_at(&api.url, &["new", "my-first-stream", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&ran.out).unwrap(), a_stream());
}

#[test]
fn a_stream_key_is_shown_only_to_who_asks() {
    let api = FakeApi::start(|_| Reply::ok(&a_stream()));
    for arguments in [&["show", "x"][..], &["show", "x", "--json"]] {
        let ran = run_at(&api.url, arguments);
        assert!(ran.code == 0 && ran.out.contains("7r3kd2m5qxvnh4ta") && !ran.out.contains("sk_"), "{ran:?}");
        assert!(!ran.out.contains("open-sesame"), "{ran:?}");
    }
    for arguments in [&["show", "x", "--show-key"][..], &["show", "x", "--show-key", "--json"]] {
        assert!(run_at(&api.url, arguments).out.contains("sk_secret"));
    }
}

#[test]
fn who_asks_for_the_key_is_told_where_ordinary_encoders_send_to() {
    let api = FakeApi::start(|_| Reply::ok(&a_stream()));
    for command in ["new", "show"] {
        let ran = run_at(&api.url, &[command, "x", "--show-key"]);
        for line in [
            "  RTMP:           rtmp://127.0.0.1:1935/live/sk_secret\n",
            "  SRT:            srt://127.0.0.1:9000?streamid=sk_secret\n",
            "  SRT passphrase: open-sesame\n",
            "  WHIP:           http://127.0.0.1:8080/whip with the bearer token sk_secret\n",
        ] {
            assert!(ran.out.contains(line), "no {line}in {}", ran.out);
        }
    }
}

#[test]
fn a_passphrase_is_given_as_an_argument_or_by_standard_input() {
    let api = FakeApi::start(|_| Reply::ok(&a_stream()));
    let ran = run_at(&api.url, &["new", "x", "--passphrase", "open-sesame"]);
    assert!(ran.code == 0 && !ran.out.contains("open-sesame"), "{ran:?}");
    let input = |text: &str, arguments: &[&str]| {
        let mut command = stream();
        command.env("STREAM_API_URL", &api.url).env("STREAM_API_KEY", "ak_test").args(arguments);
        run_with_input(command, text)
    };
    let ran = input("from-a-pipe\n", &["update", "x", "--passphrase", "-"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "✓ Stream my-first-stream changed\n"), "{ran:?}");
    assert_eq!(run_at(&api.url, &["update", "x", "--passphrase", ""]).code, 0);
    fails(&input("\n", &["new", "x", "--passphrase", "-"]), 2, &["no passphrase"]);
    let asked: Vec<Value> =
        api.requests().iter().map(|request| request.json()["srtPassphrase"].clone()).collect();
    assert_eq!(asked, ["open-sesame", "from-a-pipe", ""], "and where there is none, nothing");
}

#[test]
fn a_list_has_all_pages() {
    let api = FakeApi::start(|request: &Request| {
        let named =
            |name: &str| json!([{"id": "s", "name": name, "layers": 1, "playbackId": "p", "state": "live"}]);
        match request.path.as_str() {
            "/v1/streams" => {
                let link = "Link: <https://public.example/v1/streams?cursor=2>; rel=\"next\"".to_owned();
                Reply(200, vec![link], named("first").to_string())
            }
            "/v1/streams?cursor=2" => Reply::ok(&named("second")),
            other => Reply::problem(404, other),
        }
    });
    let ran = run_at(&api.url, &["list"]);
    let names: Vec<&str> = ran.out.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ["NAME", "first", "second"], "{ran:?}");
}

#[test]
fn names_are_one_part_of_the_path() {
    let api = FakeApi::start(|_| Reply::problem(404, "no"));
    fails(&run_at(&api.url, &["show", "../keys?x#y"]), 5, &["there is no stream ../keys?x#y", "stream list"]);
    assert_eq!(api.requests()[0].path, "/v1/streams/..%2Fkeys%3Fx%23y");
}

#[test]
fn every_refusal_has_its_exit_code_and_says_what_to_do() {
    for (status, code, words) in [
        (400, 2, ["layers", "refused"]),
        (422, 2, ["layers", "refused"]),
        (401, 4, ["stream login", "STREAM_API_KEY"]),
        (403, 4, ["may not", "refused"]),
        (409, 6, ["layers", "refused"]),
        (429, 7, ["refused", "try again in 7 s"]),
        (500, 1, ["status 500", "refused"]),
    ] {
        let body = json!({"title": "x", "errors": [{"field": "layers", "message": "refused"}]}).to_string();
        let api = FakeApi::always(status, &["Retry-After: 7"], &body);
        fails(&run_at(&api.url, &["new", "x"]), code, &words);
    }
}

#[test]
fn errors_are_json_for_programs() {
    let api = FakeApi::start(|_| Reply::problem(409, "the name is taken"));
    let ran = run_at(&api.url, &["new", "x", "--json"]);
    let error: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(error, json!({"error": {"code": 6, "message": "the name is taken"}}));
}

#[test]
fn without_a_key_the_error_says_how_to_have_one() {
    let words = ["no API key for http://127.0.0.1:8080", "stream login", "STREAM_API_KEY", "first start"];
    fails(&run(&["list"]), 4, &words[..3]);
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    fails(&run_at(&url, &["list"]), 3, &[&url, "refused", "start streamd", "STREAM_API_URL"]);
}

#[test]
fn a_server_that_is_not_streamd_is_an_error() {
    for (status, headers, body) in [
        (200, vec![], "<html>hello"),
        (200, vec![], "{\"not\": \"a list\"}"),
        (200, vec![], "[{\"neither\": \"a stream\"}]"),
        (302, vec!["Location: https://elsewhere.example/"], ""),
        (502, vec![], "<html>bad gateway"),
    ] {
        fails(&run_at(&FakeApi::always(status, &headers, body).url, &["list"]), 1, &[]);
    }
}

#[test]
fn what_a_server_says_does_not_command_the_terminal() {
    let api = FakeApi::start(|_| Reply::problem(409, "red \u{1b}[31m\nand a second line"));
    fails(&run_at(&api.url, &["new", "x"]), 6, &["red [31m and a second line"]);
}

#[test]
fn nothing_is_removed_without_a_yes() {
    let api = FakeApi::start(|_| Reply(204, vec![], String::new()));
    fails(&run_at(&api.url, &["rm", "one", "two"]), 2, &["one, two", "--yes"]);
    assert!(api.requests().is_empty());
    let ran = run_at(&api.url, &["rm", "one", "two", "--yes"]);
    assert_eq!(ran.out, "✓ Stream one archived\n✓ Stream two archived\n");
    let asked: Vec<String> = api.requests().into_iter().map(|r| format!("{} {}", r.method, r.path)).collect();
    assert_eq!(asked, ["DELETE /v1/streams/one", "DELETE /v1/streams/two"]);
}

#[test]
fn login_checks_the_key_and_keeps_it_for_its_owner_alone() {
    let folder = Folder::new("login");
    let config = folder.0.join("stream").join("config.toml");
    let api = FakeApi::start(|request| match request.authorization.as_deref() {
        Some("Bearer ak_good") => Reply::ok(&json!([])),
        _ => Reply::problem(401, "unknown key"),
    });
    let login = || {
        let mut command = stream();
        command.env_remove("STREAM_CONFIG").env("XDG_CONFIG_HOME", &folder.0);
        command.args(["login", "--api-key", "-", "--api-url", &api.url]);
        command
    };
    fails(&run_with_input(login(), "ak_bad\n"), 4, &["does not accept the API key", "unknown key"]);
    assert!(!config.exists());
    let ran = run_with_input(login(), "ak_good\n");
    assert!(ran.code == 0 && !ran.out.contains("ak_good"), "{ran:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&config).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // The address and the key are now known without being told.
    let list = stream().env("STREAM_CONFIG", &config).arg("list").output().unwrap();
    assert!(Ran::from(list).out.starts_with("There are no streams yet"));
    // The key stays with its server.
    let elsewhere = FakeApi::start(|_| Reply::ok(&json!([])));
    let list =
        stream().env("STREAM_CONFIG", &config).args(["list", "--api-url", &elsewhere.url]).output().unwrap();
    fails(&list.into(), 4, &["no API key for"]);
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn a_flag_comes_before_the_environment() {
    let api = FakeApi::start(|_| Reply::ok(&json!([])));
    run_at("http://127.0.0.1:9", &["list", "--api-url", &api.url, "--api-key", "ak_flag"]);
    assert_eq!(api.requests()[0].authorization.as_deref(), Some("Bearer ak_flag"));
}

#[test]
fn a_key_is_made_with_scopes_limits_and_an_end() {
    let api = FakeApi::start(|_| {
        Reply(
            201,
            vec![],
            json!({"id": "key_1", "name": "ci", "scopes": ["ingest"], "key": "ak_new"}).to_string(),
        )
    });
    let ran = run_at(
        &api.url,
        &[
            "keys",
            "create",
            "ci",
            "--scope",
            "ingest,streams:read",
            "--max-layers",
            "9",
            "--expires",
            "2030-01-31T12:00:00Z",
        ],
    );
    assert!(ran.out.contains("ak_new"), "{ran:?}");
    let asked = json!({"name": "ci", "scopes": ["ingest", "streams:read"], "limits": {"layers": 9},
                       "expiresAt": "2030-01-31T12:00:00Z"});
    assert_eq!(api.requests()[0].json(), asked);
}

#[test]
fn webhooks_are_added_changed_tested_and_looked_at() {
    let hook =
        json!({"id": "wh_1", "url": "https://example.com/hook", "events": ["stream.live"], "enabled": true});
    let api = FakeApi::start(move |request| match (request.method.as_str(), request.path.as_str()) {
        (_, "/v1/webhooks/wh_1/deliveries") => Reply::ok(&json!([
            {"id": "dlv_1", "event": "stream.live", "state": "delivered", "attempts": 1, "statusCode": 204},
            {"id": "dlv_2", "event": "stream.live", "state": "pending", "attempts": 3, "error": "timed out"},
        ])),
        ("GET", "/v1/webhooks") => Reply::ok(&json!([hook])),
        (_, "/v1/webhooks" | "/v1/webhooks/wh_1" | "/v1/webhooks/wh_1/test") => Reply::ok(&hook),
        _ => Reply::problem(404, "no"),
    });
    let url = "https://example.com/hook";
    assert_eq!(run_at(&api.url, &["webhooks", "add", url, "--event", "stream.live"]).code, 0);
    assert_eq!(run_at(&api.url, &["webhooks", "update", "wh_1", "--disable"]).code, 0);
    assert_eq!(run_at(&api.url, &["webhooks", "test", "wh_1"]).code, 0);
    assert!(run_at(&api.url, &["webhooks", "show", "wh_1"]).out.contains(url));
    assert!(run_at(&api.url, &["webhooks", "list"]).out.contains(url));
    let deliveries = run_at(&api.url, &["webhooks", "deliveries", "wh_1", "--limit", "1"]);
    assert!(deliveries.out.contains("dlv_1") && !deliveries.out.contains("dlv_2"), "{deliveries:?}");
    fails(&run_at(&api.url, &["webhooks", "update", "wh_1"]), 2, &["nothing to change"]);
    fails(&run_at(&api.url, &["webhooks", "show", "wh_2"]), 5, &["wh_2", "stream webhooks list"]);
    let requests = api.requests();
    assert_eq!(requests[0].json(), json!({"url": url, "events": ["stream.live"]}));
    assert_eq!(requests[1].json(), json!({"enabled": false}));
}

fn a_pulled_stream() -> Value {
    let mut stream = a_stream();
    let status = json!({
        "state": "retrying", "since": "2030-01-01T00:00:00Z", "failures": 2, "reason": "unauthorized",
        "retryAt": "2030-01-01T00:00:02Z"
    });
    for (member, value) in [
        ("type", json!("pull")),
        ("source", json!("rtsp://***@camera.local/***")),
        ("always", json!(true)),
        ("sourceStatus", status),
        ("state", json!("idle")),
        ("streamKey", Value::Null),
    ] {
        stream[member] = value;
    }
    stream
}

#[test]
fn a_stream_is_pulled_from_an_address_of_an_argument_or_of_standard_input() {
    let api = FakeApi::start(|_| Reply::ok(&a_pulled_stream()));
    let address = "rtsp://admin:secret@camera.local/live";
    let ran = run_at(&api.url, &["new", "door", "--pull", address]);
    assert_eq!(
        ran.out, "✓ Stream my-first-stream created\n  Playback: http://127.0.0.1:8080/v/my-first-stream\n",
        "nobody sends it: {ran:?}"
    );
    let input = |text: &str, arguments: &[&str]| {
        let mut command = stream();
        command.env("STREAM_API_URL", &api.url).env("STREAM_API_KEY", "ak_test").args(arguments);
        run_with_input(command, text)
    };
    for arguments in [
        &["new", "door", "--pull", "-", "--always"][..],
        &["update", "door", "--source", "-"],
        &["update", "door", "--source", "-", "--always", "false"],
    ] {
        let ran = input(&format!("{address}\n"), arguments);
        assert!(ran.code == 0 && !ran.out.contains("secret"), "{ran:?}");
    }
    assert_eq!(run_at(&api.url, &["update", "door", "--always", "true"]).code, 0);
    fails(&input("\n", &["new", "door", "--pull", "-"]), 2, &["no address"]);
    fails(&input("\n", &["update", "door", "--source", "-"]), 2, &["no address"]);
    let both = ["update", "door", "--source", "-", "--passphrase", "-"];
    fails(&input("one\n", &both), 2, &["--source", "--passphrase", "standard input"]);
    fails(&run_at(&api.url, &["new", "door", "--always"]), 2, &["--pull"]);
    fails(&run_at(&api.url, &["update", "door", "--always", "maybe"]), 2, &["--always"]);
    fails(&run_at(&api.url, &["update", "door"]), 2, &["nothing to change", "--source", "--always"]);
    let asked: Vec<Value> = api.requests().iter().map(Request::json).collect();
    assert_eq!(
        asked,
        [
            json!({"name": "door", "type": "pull", "source": address}),
            json!({"name": "door", "type": "pull", "source": address, "always": true}),
            json!({"source": address}),
            json!({"source": address, "always": false}),
            json!({"always": true}),
        ]
    );
}

#[test]
fn what_a_source_does_and_did_is_shown() {
    let api = FakeApi::start(|request| match request.path.as_str() {
        "/v1/streams/door" => Reply::ok(&a_pulled_stream()),
        "/v1/streams/door/stats" => Reply::ok(&json!({
            "state": "idle", "sourceStatus": a_pulled_stream()["sourceStatus"], "publisher": null, "tracks": []
        })),
        "/v1/streams/door/source-events" => Reply::ok(&json!([
            {"at": "2030-01-01T00:00:00Z", "outcome": "failed", "reason": "unauthorized",
             "detail": "it answers\n\u{1b}[31m401", "address": "192.0.2.7:554", "tookMs": 14},
            {"at": "2029-12-31T00:00:00Z", "outcome": "live", "reason": null, "detail": null,
             "address": "192.0.2.7:554", "tookMs": 800},
        ])),
        "/v1/streams/quiet/source-events" => Reply::ok(&json!([])),
        _ => Reply::problem(404, "no"),
    });
    let state = "retrying (unauthorized), failed 2 times in a row, tried again at 2030-01-01T00:00:02Z";
    let shown = run_at(&api.url, &["show", "door"]);
    for words in ["rtsp://***@camera.local/***", state, "Source open:  always"] {
        assert!(shown.out.contains(words), "nothing about {words}: {}", shown.out);
    }
    assert!(!shown.out.contains("Ingest"), "nobody sends it: {}", shown.out);
    let stats = run_at(&api.url, &["stats", "door"]);
    assert!(stats.out.contains(&format!("Source:  {state}\n")), "{stats:?}");

    let events = run_at(&api.url, &["source-events", "door"]);
    let lines: Vec<&str> = events.out.lines().collect();
    assert_eq!(
        lines[1], "2030-01-01T00:00:00Z  failed   unauthorized  192.0.2.7:554  14 ms   it answers [31m401",
        "{events:?}"
    );
    assert!(lines[2].contains("live") && lines[2].ends_with("800 ms"), "{events:?}");
    let events = run_at(&api.url, &["source-events", "door", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&events.out).unwrap()[0]["tookMs"], 14);
    let none = run_at(&api.url, &["source-events", "quiet"]);
    assert_eq!(none.out, "No source of quiet was ever opened.\n", "{none:?}");
    fails(&run_at(&api.url, &["source-events", "nobody"]), 5, &["nobody", "stream list"]);
}

#[test]
fn stats_are_a_table_of_tracks() {
    let api = FakeApi::start(|_| {
        Reply::ok(&json!({
            "state": "live", "uptimeSeconds": 125, "viewers": 3,
            "publisher": {"address": "192.0.2.7:5000", "roundTripMs": 20.4, "queueingDelayMs": 1.0, "rate": 2_500_000},
            "tracks": [{"id": 0, "kind": "video", "name": "", "codec": "fql", "bitrate": 2_000_000, "frameRate": 25.0,
                        "layers": 12, "layerRates": [300_000, 400_000], "unitsComplete": 90, "unitsPartial": 9,
                        "unitsLost": 1}],
            "packets": {"received": 900, "lost": 100, "recovered": 80, "late": 2}, "delayMs": 120
        }))
    });
    let ran = run_at(&api.url, &["stats", "hall"]);
    for words in [
        "2:05",
        "192.0.2.7:5000, 2.50 Mbit/s, round trip 20 ms",
        "100 lost (10.0 %), 80 recovered",
        "300 400",
    ] {
        assert!(ran.out.contains(words), "nothing about {words}: {}", ran.out);
    }
}

#[test]
fn completions_are_scripts_that_their_shells_take() {
    for (shell, check) in [("bash", &["-n"][..]), ("zsh", &["-n"]), ("fish", &["--no-execute"])] {
        let script = run(&["completions", shell]).out;
        assert!(script.contains("rotate-key"), "{shell}");
        let folder = Folder::new(&format!("completions-{shell}"));
        let file = folder.0.join("script");
        std::fs::write(&file, script).unwrap();
        match std::process::Command::new(shell).args(check).arg(&file).output() {
            Ok(checked) => {
                assert!(checked.status.success(), "{shell}: {}", String::from_utf8_lossy(&checked.stderr));
            }
            // bash is everywhere; whoever has the others sees them checked too.
            Err(error) => assert!(shell != "bash", "{error}"),
        }
    }
}

#[test]
fn wrong_arguments_are_one_line_that_says_where_to_look() {
    fails(&run(&["new"]), 2, &["<NAME>", "see stream new --help"]);
    fails(&run(&["new", "x", "--layers", "16"]), 2, &["16", "1..=15", "see stream --help"]);
    fails(
        &run(&["keys", "create", "x", "--scop", "ingest"]),
        2,
        &["--scop'", "'--scope'", "stream keys create --help"],
    );
    fails(&run(&["pusch"]), 2, &["pusch", "'push'", "see stream --help"]);
    fails(&run(&["pusch", "--json"]), 2, &["{\"error\":{\"code\":2,"]);
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    use std::process::Stdio;
    let mut child =
        stream().args(["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}
