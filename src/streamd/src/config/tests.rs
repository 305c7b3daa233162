use super::*;

fn from_file(text: &str) -> Result<Config, Vec<Problem>> {
    Config::load(&Sources { file: Some(("streamd.toml".into(), text.to_owned())), ..Sources::default() })
}

/// What is said about a file, one line a problem.
fn said(text: &str) -> Vec<String> {
    from_file(text).expect_err("the file is wrong").iter().map(Problem::to_string).collect()
}

#[test]
fn nothing_configured_is_the_defaults() {
    assert_eq!(Config::load(&Sources::default()), Ok(Config::default()));
    assert_eq!(from_file(""), Ok(Config::default()));
}

#[test]
fn the_default_that_a_key_names_is_the_default() {
    for key in keys::KEYS {
        let file = format!("{} = {}", key.name, key.default);
        assert_eq!(from_file(&file), Ok(Config::default()), "{file}");
    }
}

#[test]
fn every_key_changes_something() {
    let others = [
        ("data", "\"/srv/streamd\""),
        ("region", "\"eu-1\""),
        ("http.listen", "\"127.0.0.1:80\""),
        ("http.public_url", "\"https://live.example.com/\""),
        ("http.trusted_proxies", "[\"10.0.0.1\"]"),
        ("fql.listen", "\":4243\""),
        ("fql.advertise", "[\"media.example.com\"]"),
        ("fql.second_publisher", "\"take-over\""),
        ("fql.latency", "\"1s\""),
        ("ingest.grace", "\"1s\""),
        ("pull.enabled", "false"),
        ("pull.allow_private", "true"),
        ("pull.allowed_networks", "[\"10.1.0.0/16\"]"),
        ("pull.grace", "\"1s\""),
        ("pull.timeout", "\"2s\""),
        ("pull.longest_wait", "\"2m\""),
        ("discover.enabled", "true"),
        ("discover.interfaces", "[\"192.168.7.2\"]"),
        ("rtmp.listen", "\"off\""),
        ("srt.listen", "\":9001\""),
        ("srt.latency", "\"200ms\""),
        ("rtsp.listen", "\"off\""),
        ("rtc.listen", "\"off\""),
        ("rtc.advertise", "[\"media.example.com\"]"),
        ("convert.enabled", "false"),
        ("convert.hardware", "false"),
        ("convert.audio_bitrate", "96000"),
        ("webtransport.listen", "\"off\""),
        ("webtransport.advertise", "[\"media.example.com\"]"),
        ("webhooks.allow_private", "true"),
        ("webhooks.allowed_networks", "[\"2001:db8::/32\"]"),
        ("webhooks.timeout", "\"2s\""),
        ("webhooks.give_up_after", "\"2h\""),
        ("webhooks.keep", "\"2d\""),
        ("metrics.allow", "[]"),
        ("log.level", "\"debug\""),
        ("log.format", "\"json\""),
    ];
    for key in keys::KEYS.iter().filter(|key| !key.name.starts_with("http.tls.")) {
        let value = others.iter().find(|(name, _)| *name == key.name).map_or("2000", |(_, value)| value);
        let value = if key.name == "ring.bytes" { "2000000" } else { value };
        let value = if key.name == "webhooks.concurrency" { "200" } else { value };
        let config = from_file(&format!("{} = {value}", key.name));
        assert!(config.is_ok(), "{}: {config:?}", key.name);
        assert_ne!(config, Ok(Config::default()), "{}", key.name);
    }
    let tls = from_file("[http.tls]\ncertificate = \"a.pem\"\nkey = \"b.pem\"").expect("both are there");
    assert_eq!(tls.http.certificate, Some("a.pem".into()));
    assert_eq!(tls.http.key, Some("b.pem".into()));
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let environment = |name: &str| match name {
        "STREAMD_HTTP" => Some("127.0.0.1:2".to_owned()),
        "STREAMD_RING_SECONDS" => Some("7".to_owned()),
        "STREAMD_WEBHOOKS_ALLOWED_NETWORKS" => Some("10.0.0.0/8, ::1".to_owned()),
        _ => None,
    };
    let file = "region = \"eu\"\nring.seconds = 5\nhttp.listen = \"127.0.0.1:1\"";
    let config = Config::load(&Sources {
        file: Some(("streamd.toml".into(), file.to_owned())),
        environment: Some(&environment),
        flags: vec![("--http", "http.listen", "127.0.0.1:3".to_owned())],
    })
    .expect("all of it is right");
    assert_eq!(config.region, "eu");
    assert_eq!(config.ring.seconds, 7);
    assert_eq!(config.http.listen.port(), 3);
    assert_eq!(config.webhooks.allowed_networks.len(), 2);
}

#[test]
fn a_wrong_value_is_named_with_its_place_its_key_and_what_is_expected() {
    assert_eq!(
        said("region = \"eu\"\n\n[ring]\n  seconds = 0\n"),
        ["streamd.toml:4:13: ring.seconds: expected a whole number from 1 to 3600, got 0"]
    );
    assert_eq!(
        said("log = { level = \"loud\" }"),
        [
            "streamd.toml:1:17: log.level: expected \"off\" or \"error\" or \"warn\" or \"info\" or \"debug\" or \
             \"trace\", got \"loud\""
        ]
    );
    assert_eq!(
        said("fql.latency = 120"),
        ["streamd.toml:1:15: fql.latency: expected a time with its unit (ms, s, m, h, d) from \"20ms\" to \
             \"8s\", got 120"]
    );
}

#[test]
fn all_wrong_values_are_named_at_once() {
    let said = said(
        "[http]\nlisten = \"here\"\npublic_url = \"ftp://example.com\"\ntrusted_proxies = [\"10.0.0.0/40\"]",
    );
    assert_eq!(said.len(), 3, "{said:?}");
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_one() {
    let cases = [
        ("[ring]\nsecond = 5", "streamd.toml:2:1: ring.second: no such key; did you mean ring.seconds?"),
        ("seconds = 5", "streamd.toml:1:1: seconds: no such key; did you mean ring.seconds?"),
        (
            "[http]\ntls_key = \"a\"",
            "streamd.toml:2:1: http.tls_key: no such key; did you mean http.tls.key?",
        ),
        ("regoin = \"a\"", "streamd.toml:1:1: regoin: no such key; did you mean region?"),
        ("[htpt]\nlisten = \":1\"", "streamd.toml:1:2: htpt: no such key; did you mean http.listen?"),
    ];
    for (file, expected) in cases {
        let said = said(file);
        assert_eq!(said.len(), 1, "{said:?}");
        // For a section that does not exist any key of the right one is a good answer.
        let (said, expected) = if file.starts_with("[htpt]") {
            (&said[0][..32], &expected[..32])
        } else {
            (&said[0][..], expected)
        };
        assert_eq!(said, expected);
    }
    assert_eq!(
        said("ring = 5"),
        ["streamd.toml:1:1: ring: is a section: write it as a table with keys in it"]
    );
}

#[test]
fn a_file_that_is_not_toml_is_named_with_line_and_column() {
    let said = said("region = \"eu\"\nlog = = 5\n");
    assert!(said[0].starts_with("streamd.toml:2:7: "), "{said:?}");
}

#[test]
fn environment_and_options_are_named_when_they_are_wrong() {
    let environment = |name: &str| (name == "STREAMD_RING_SECONDS").then(|| "much".to_owned());
    let flags = vec![("--http", "http.listen", "8080".to_owned())];
    let problems = Config::load(&Sources { file: None, environment: Some(&environment), flags });
    let said: Vec<String> = problems.expect_err("both are wrong").iter().map(Problem::to_string).collect();
    assert_eq!(
        said[0],
        "environment variable STREAMD_RING_SECONDS: ring.seconds: expected a whole number from 1 to 3600, got \"much\""
    );
    assert!(said[1].starts_with("option --http: http.listen: expected an address and a port"), "{said:?}");
}

#[test]
fn a_certificate_without_its_key_is_refused() {
    let said = said("http.tls.certificate = \"a.pem\"");
    assert_eq!(said, ["configuration: http.tls.key: HTTPS needs both http.tls.certificate and http.tls.key"]);
}

#[test]
fn a_public_url_with_credentials_is_refused() {
    assert!(from_file("http.public_url = \"https://me:secret@example.com\"").is_err());
    assert!(from_file("http.public_url = \"https://example.com/?a=b\"").is_err());
}

#[test]
fn clients_are_told_addresses_that_they_can_reach() {
    let config = Config::default();
    assert_eq!(config.public_url(), "http://127.0.0.1:8080");
    assert_eq!(config.media_addresses(), ["127.0.0.1:4242"]);

    let config = from_file("http.public_url = \"https://live.example.com/\"").expect("it is right");
    assert_eq!(config.public_url(), "https://live.example.com");
    assert_eq!(config.media_addresses(), ["live.example.com:4242"]);

    let config = from_file("fql.advertise = [\"a.example.com\", \"[2001:db8::1]\", \"203.0.113.7:99\"]");
    let addresses = config.expect("it is right").media_addresses();
    assert_eq!(addresses, ["a.example.com:4242", "[2001:db8::1]:4242", "203.0.113.7:99"]);
}

#[test]
fn what_is_advertised_must_be_hosts() {
    for wrong in ["a b", "", "http://a", "a:0", "a:65536", "2001:db8::1", "[nothing]", "a/b"] {
        assert!(from_file(&format!("fql.advertise = [\"{wrong}\"]")).is_err(), "{wrong:?}");
    }
}

#[test]
fn webtransport_can_be_off() {
    for off in ["\"off\"", "\"\""] {
        let config = from_file(&format!("webtransport.listen = {off}")).expect("it is right");
        assert_eq!(config.webtransport.listen, None);
    }
    assert!(from_file("webtransport.listen = \"of\"").is_err());
}

/// The rows of one section of `docs/configuration.md`.
fn rows(section: &str) -> String {
    let of_section =
        |key: &&keys::Key| key.name.split_once('.').map_or("", |(section, _)| section) == section;
    let row = |key: &keys::Key| {
        let (name, default, variable) = (key.name, key.default, key.variable());
        format!("| `{name}` | `{default}` | `{variable}` | {} | {} |\n", key.expects(), key.meaning)
    };
    keys::KEYS.iter().filter(of_section).map(row).collect()
}

#[test]
fn the_page_names_every_key_with_its_default_and_no_other() {
    let page = include_str!("../../../../docs/configuration.md");
    let sections = [
        "",
        "http",
        "fql",
        "ingest",
        "pull",
        "discover",
        "rtmp",
        "srt",
        "rtsp",
        "rtc",
        "convert",
        "webtransport",
        "websocket",
        "ring",
        "limits",
        "webhooks",
        "metrics",
        "log",
    ]
    .map(rows);
    let missing: Vec<&str> =
        sections.iter().filter(|rows| !page.contains(*rows)).map(String::as_str).collect();
    assert!(missing.is_empty(), "docs/configuration.md should have these rows:\n{}", missing.join("\n"));
    let rows = page.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, keys::KEYS.len() + 2, "the keys, and the two variables that are no keys");
}

#[test]
fn the_example_in_the_page_is_valid() {
    let page = include_str!("../../../../docs/configuration.md");
    let mut examples =
        page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    let first = examples.next().expect("there is an example");
    for example in std::iter::once(first).chain(examples) {
        assert!(from_file(example).is_ok(), "{:?}", from_file(example));
    }
}

proptest::proptest! {
    #[test]
    fn no_file_makes_it_panic(text in "\\PC*", structured in "(\\[?(http|ring|log)\\]?[.=\n ]{1,2}[a-z0-9\"\\[\\]{}]*\n?){0,8}") {
        let _ = from_file(&text);
        let _ = from_file(&structured);
    }

    #[test]
    fn no_value_makes_a_key_panic(text in "\\PC*") {
        let environment = |_: &str| Some(text.clone());
        let _ = Config::load(&Sources { file: None, environment: Some(&environment), flags: Vec::new() });
    }
}
