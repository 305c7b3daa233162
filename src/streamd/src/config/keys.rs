//! The table of all keys: what the file, the environment and `docs/configuration.md` go by.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::value::span_text;
use super::{Config, Format, Level, SecondPublisher, Value, authority, default_data_folder};

/// One thing that can be configured.
pub struct Key {
    /// Its whole name, sections and all.
    pub name: &'static str,
    /// Its default as it would stand in the file.
    pub default: &'static str,
    /// What it means, for `docs/configuration.md`.
    pub meaning: &'static str,
    takes: Takes,
}

/// What a key takes, and how it is set.
enum Takes {
    /// A whole number in a range.
    Whole(RangeInclusive<u64>, fn(&mut Config, u64)),
    /// A length of time in a range.
    Span(RangeInclusive<Duration>, fn(&mut Config, Duration)),
    /// True or false.
    Flag(fn(&mut Config, bool)),
    /// One of some words.
    Word(&'static [&'static str], fn(&mut Config, &str)),
    /// Text: what is expected; setting it gives none if it is not that.
    Text(&'static str, fn(&mut Config, &str) -> Option<()>),
    /// A list of texts, as `Text`.
    Texts(&'static str, fn(&mut Config, &[&str]) -> Option<()>),
}

impl Key {
    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        let name = self.name.strip_suffix(".listen").unwrap_or(self.name);
        format!("STREAMD_{}", name.replace('.', "_").to_uppercase())
    }

    /// What it takes, in words that go on after "expected".
    pub fn expects(&self) -> String {
        match &self.takes {
            Takes::Whole(range, _) => format!("a whole number from {} to {}", range.start(), range.end()),
            Takes::Span(range, _) => {
                let (least, most) = (span_text(*range.start()), span_text(*range.end()));
                format!("a time with its unit (ms, s, m, h, d) from \"{least}\" to \"{most}\"")
            }
            Takes::Flag(_) => "true or false".to_owned(),
            Takes::Word(words, _) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                quoted.join(" or ")
            }
            Takes::Text(what, _) | Takes::Texts(what, _) => (*what).to_owned(),
        }
    }

    /// Sets it; none if it does not take this value.
    pub fn set(&self, config: &mut Config, value: &Value) -> Option<()> {
        match &self.takes {
            Takes::Whole(range, set) => set(config, value.whole().filter(|number| range.contains(number))?),
            Takes::Span(range, set) => set(config, value.span().filter(|span| range.contains(span))?),
            Takes::Flag(set) => set(config, value.flag()?),
            Takes::Word(words, set) => set(config, value.text().filter(|word| words.contains(word))?),
            Takes::Text(_, set) => set(config, value.text()?)?,
            Takes::Texts(_, set) => set(config, &value.texts()?)?,
        }
        Some(())
    }
}

/// The key of this name.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Whether keys stand under this name.
pub fn is_section(name: &str) -> bool {
    KEYS.iter().any(|key| key.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

/// The key whose name is written most like this one. The last word of a name counts most: `seconds` outside of
/// its section means `ring.seconds`.
pub fn nearest(name: &str) -> &'static str {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let distance = |key: &&Key| {
        let of_last = strsim::damerau_levenshtein(&last(key.name), &last(name));
        (strsim::damerau_levenshtein(key.name, name)).min(of_last * 2 + 1)
    };
    KEYS.iter().min_by_key(distance).map_or("", |key| key.name)
}

const fn seconds(from: u64, to: u64) -> RangeInclusive<Duration> {
    Duration::from_secs(from)..=Duration::from_secs(to)
}

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// All keys, in the order of `docs/configuration.md`.
pub const KEYS: &[Key] = &[
    Key {
        name: "data",
        default: "\"\"",
        meaning: "The folder that holds the store and the key files. Empty: `$XDG_DATA_HOME/streamd`, or `~/.local/share/streamd`, or `/var/lib/streamd` for root. It is created with mode 0700.",
        takes: Takes::Text("the path of a folder", |config, text| {
            config.data = if text.is_empty() { default_data_folder() } else { PathBuf::from(text) };
            Some(())
        }),
    },
    Key {
        name: "region",
        default: "\"local\"",
        meaning: "The name of this node's region; `auto` in a request stands for it.",
        takes: Takes::Text("1 to 63 letters a-z, digits and dashes", |config, text| {
            let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            config.region =
                Some(text).filter(|text| matches!(text.len(), 1..=63) && text.bytes().all(valid))?.to_owned();
            Some(())
        }),
    },
    Key {
        name: "http.listen",
        default: "\"[::]:8080\"",
        meaning: "Where the control API and the pages are answered. `[::]` is every address, IPv4 included; where IPv6 is off it becomes `0.0.0.0`.",
        takes: Takes::Text(
            "an address and a port as \"127.0.0.1:8080\", \"[::]:8080\" or \":8080\"",
            |config, text| {
                config.http.listen = listen(text)?;
                Some(())
            },
        ),
    },
    Key {
        name: "http.public_url",
        default: "\"\"",
        meaning: "The address that clients reach the daemon by, as `https://live.example.com`; the URLs in answers begin with it. Empty: made from `http.listen`, which is right on one machine only.",
        takes: Takes::Text("an http or https URL without credentials, query and fragment", |config, text| {
            config.http.public_url = public_url(text)?;
            Some(())
        }),
    },
    Key {
        name: "http.trusted_proxies",
        default: "[]",
        meaning: "Networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed; from everybody else these headers are ignored. See [behind a proxy](proxy.md).",
        takes: Takes::Texts(NETWORKS, |config, texts| {
            config.http.trusted_proxies = networks(texts)?;
            Some(())
        }),
    },
    Key {
        name: "http.tls.certificate",
        default: "\"\"",
        meaning: "A PEM file with the certificate and the chain after it; with `http.tls.key` it makes `http.listen` HTTPS. Read again when the file changes; connections go on.",
        takes: Takes::Text("the path of a PEM file", |config, text| {
            config.http.certificate = path(text);
            Some(())
        }),
    },
    Key {
        name: "http.tls.key",
        default: "\"\"",
        meaning: "A PEM file with the certificate's private key.",
        takes: Takes::Text("the path of a PEM file", |config, text| {
            config.http.key = path(text);
            Some(())
        }),
    },
    Key {
        name: "fql.listen",
        default: "\"[::]:4242\"",
        meaning: "The UDP address and port of all publishers and viewers.",
        takes: Takes::Text(
            "an address and a port as \"127.0.0.1:4242\", \"[::]:4242\" or \":4242\"",
            |config, text| {
                config.fql.listen = listen(text)?;
                Some(())
            },
        ),
    },
    Key {
        name: "fql.advertise",
        default: "[]",
        meaning: "What clients are told instead of `fql.listen`, the best first: the outer address behind NAT, or a name. Without a port it is that of `fql.listen`. Empty: the host of `http.public_url`, else `fql.listen`.",
        takes: Takes::Texts(HOSTS, |config, texts| {
            config.fql.advertise = hosts(texts)?;
            Some(())
        }),
    },
    Key {
        name: "fql.second_publisher",
        default: "\"refuse\"",
        meaning: "What happens to a second publisher of a stream that is live: it is refused, or it takes over and the first one's session ends.",
        takes: Takes::Word(&["refuse", "take-over"], |config, word| {
            let takes_over = word == "take-over";
            config.fql.second_publisher =
                if takes_over { SecondPublisher::TakeOver } else { SecondPublisher::Refuse };
        }),
    },
    Key {
        name: "fql.latency",
        default: "\"120ms\"",
        meaning: "The time that publishers are given from the recording of a moment until the daemon no longer waits for it. More of it repairs longer losses.",
        takes: Takes::Span(Duration::from_millis(20)..=Duration::from_secs(8), |config, span| {
            config.fql.latency = span;
        }),
    },
    Key {
        name: "fql.max_sessions",
        default: "4096",
        meaning: "Most sessions at a time, publishers and viewers together. Others are refused.",
        takes: Takes::Whole(1..=1_000_000, |config, number| config.fql.max_sessions = number as usize),
    },
    Key {
        name: "fql.max_half_open",
        default: "1024",
        meaning: "Most handshakes that are begun and not finished. Only addresses that have shown themselves by a cookie take one.",
        takes: Takes::Whole(1..=100_000, |config, number| config.fql.max_half_open = number as usize),
    },
    Key {
        name: "ingest.grace",
        default: "\"10s\"",
        meaning: "How long a stream stays live for a publisher by RTMP, SRT or WHIP that is gone without a goodbye, so that it can come back. Publishers by FQL have the 5 s after which silence ends their session.",
        takes: Takes::Span(Duration::ZERO..=Duration::from_secs(300), |config, span| {
            config.ingest.grace = span;
        }),
    },
    Key {
        name: "ingest.max_publishers",
        default: "1024",
        meaning: "Most publishers by RTMP, SRT and WHIP at a time. Others are refused.",
        takes: Takes::Whole(1..=100_000, |config, number| config.ingest.max_publishers = number as usize),
    },
    Key {
        name: "pull.enabled",
        default: "true",
        meaning: "Whether sources of pulled streams are opened. See [pulled streams](pull.md).",
        takes: Takes::Flag(|config, flag| config.pull.enabled = flag),
    },
    Key {
        name: "pull.allow_private",
        default: "false",
        meaning: "Whether sources may be at loopback and private addresses (127.0.0.0/8, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, ::1, fc00::/7), and whether `rist://` and `tsudp://` may take what is sent to this machine or to a group. Other special addresses, those of cloud metadata among them, need `pull.allowed_networks` even so.",
        takes: Takes::Flag(|config, flag| config.pull.allow_private = flag),
    },
    Key {
        name: "pull.allowed_networks",
        default: "[]",
        meaning: "Networks that sources may be in whatever they are, as the one of the cameras.",
        takes: Takes::Texts(NETWORKS, |config, texts| {
            config.pull.allowed_networks = networks(texts)?;
            Some(())
        }),
    },
    Key {
        name: "pull.grace",
        default: "\"30s\"",
        meaning: "How long a source stays open after the last viewer has gone.",
        takes: Takes::Span(Duration::ZERO..=Duration::from_secs(HOUR), |config, span| {
            config.pull.grace = span;
        }),
    },
    Key {
        name: "pull.timeout",
        default: "\"10s\"",
        meaning: "How long connecting to a source may take, its first media after that, and a pause in its media.",
        takes: Takes::Span(seconds(1, 120), |config, span| config.pull.timeout = span),
    },
    Key {
        name: "pull.longest_wait",
        default: "\"60s\"",
        meaning: "The longest wait before a source that failed is tried again; the first is about a second, and each one more is twice as long.",
        takes: Takes::Span(seconds(1, HOUR), |config, span| config.pull.longest_wait = span),
    },
    Key {
        name: "discover.enabled",
        default: "false",
        meaning: "Whether cameras on the local network are looked for when somebody who may make streams asks. See [finding cameras](pull.md#finding-cameras).",
        takes: Takes::Flag(|config, flag| config.discover.enabled = flag),
    },
    Key {
        name: "discover.interfaces",
        default: "[]",
        meaning: "The IPv4 addresses of this machine from which cameras are looked for. Empty: those of all interfaces that multicast, but for loopback.",
        takes: Takes::Texts("a list of IPv4 addresses as [\"192.168.7.2\"]", |config, texts| {
            let addresses = texts.iter().map(|text| text.parse().ok()).collect::<Option<_>>();
            config.discover.interfaces = addresses?;
            Some(())
        }),
    },
    Key {
        name: "rtmp.listen",
        default: "\"[::]:1935\"",
        meaning: "The TCP address and port of publishers by RTMP. Empty or `off`: there is none.",
        takes: Takes::Text(
            "an address and a port as \"127.0.0.1:1935\", \"[::]:1935\" or \":1935\", or \"off\"",
            |config, text| {
                config.rtmp.listen = listen_or_off(text)?;
                Some(())
            },
        ),
    },
    Key {
        name: "srt.listen",
        default: "\"[::]:9000\"",
        meaning: "The UDP address and port of publishers and readers by SRT. Empty or `off`: there is none.",
        takes: Takes::Text(
            "an address and a port as \"127.0.0.1:9000\", \"[::]:9000\" or \":9000\", or \"off\"",
            |config, text| {
                config.srt.listen = listen_or_off(text)?;
                Some(())
            },
        ),
    },
    Key {
        name: "srt.latency",
        default: "\"120ms\"",
        meaning: "The latency that the daemon asks publishers and readers by SRT for. Where the other end asks for a longer one, that counts.",
        takes: Takes::Span(Duration::from_millis(20)..=Duration::from_secs(8), |config, span| {
            config.srt.latency = span;
        }),
    },
    Key {
        name: "rtsp.listen",
        default: "\"[::]:8554\"",
        meaning: "The TCP address and port of readers by RTSP. Those who want media by UDP are sent it from the UDP port of the same number and the next. Empty or `off`: there is none.",
        takes: Takes::Text(
            "an address and a port as \"127.0.0.1:8554\", \"[::]:8554\" or \":8554\", or \"off\"",
            |config, text| {
                config.rtsp.listen = listen_or_off(text)?;
                Some(())
            },
        ),
    },
    Key {
        name: "rtc.listen",
        default: "\"[::]:8189\"",
        meaning: "The UDP address and port of all media by WebRTC: WHIP in, WHEP out. Empty or `off`: there is neither.",
        takes: Takes::Text(
            "an address and a port as \"127.0.0.1:8189\", \"[::]:8189\" or \":8189\", or \"off\"",
            |config, text| {
                config.rtc.listen = listen_or_off(text)?;
                Some(())
            },
        ),
    },
    Key {
        name: "rtc.advertise",
        default: "[]",
        meaning: "What WebRTC clients are told instead of `rtc.listen`, the best first: the outer address behind NAT, or a name, which is looked up once. Without a port it is that of `rtc.listen`. Empty: the host of `http.public_url`, and the addresses of this machine.",
        takes: Takes::Texts(HOSTS, |config, texts| {
            config.rtc.advertise = hosts(texts)?;
            Some(())
        }),
    },
    Key {
        name: "convert.enabled",
        default: "true",
        meaning: "Whether tracks are converted for players that do not take them as they are: layers to H.264, AAC and Opus, AAC to Opus for WebRTC. See [conversion](conversion.md).",
        takes: Takes::Flag(|config, flag| config.convert.enabled = flag),
    },
    Key {
        name: "convert.max",
        default: "8",
        meaning: "Most tracks that are converted at a time, of all streams together. Players that need one more are answered with 503.",
        takes: Takes::Whole(0..=10_000, |config, number| config.convert.max = number as usize),
    },
    Key {
        name: "convert.hardware",
        default: "true",
        meaning: "Whether encoders of H.264 in hardware are preferred, where GStreamer has one that works.",
        takes: Takes::Flag(|config, flag| config.convert.hardware = flag),
    },
    Key {
        name: "convert.video_bitrate",
        default: "0",
        meaning: "Bits a second of H.264 that is made. 0: by the size and the rate of the pictures, 2.5 Mbit/s for 1280x720 with 25 a second.",
        takes: Takes::Whole(0..=500_000_000, |config, number| config.convert.video_bitrate = number as u32),
    },
    Key {
        name: "convert.audio_bitrate",
        default: "64000",
        meaning: "Bits a second and channel of AAC and Opus that are made.",
        takes: Takes::Whole(8_000..=256_000, |config, number| config.convert.audio_bitrate = number as u32),
    },
    Key {
        name: "webtransport.listen",
        default: "\"[::]:4433\"",
        meaning: "The UDP address and port of browsers' WebTransport sessions. Empty or `off`: there is none, and browsers watch by WebSocket.",
        takes: Takes::Text(
            "an address and a port as \"127.0.0.1:4433\", \"[::]:4433\" or \":4433\", or \"off\"",
            |config, text| {
                config.webtransport.listen = listen_or_off(text)?;
                Some(())
            },
        ),
    },
    Key {
        name: "webtransport.advertise",
        default: "[]",
        meaning: "What browsers are told instead of `webtransport.listen`, the best first: the outer address behind NAT, or a name. Without a port it is that of `webtransport.listen`. Empty: the host of `http.public_url`, else the host that the browser asked.",
        takes: Takes::Texts(HOSTS, |config, texts| {
            config.webtransport.advertise = hosts(texts)?;
            Some(())
        }),
    },
    Key {
        name: "webtransport.max_sessions",
        default: "512",
        meaning: "Most WebTransport sessions at a time, half of them of one host. Others are refused. `fql.max_sessions` counts them, too.",
        takes: Takes::Whole(1..=100_000, |config, number| config.webtransport.max_sessions = number as usize),
    },
    Key {
        name: "websocket.max_connections",
        default: "512",
        meaning: "Most WebSockets at a time, half of them of one host. Others are refused. `fql.max_sessions` counts them, too; `limits.connections` does not. Each takes a file descriptor.",
        takes: Takes::Whole(1..=100_000, |config, number| config.websocket.max_connections = number as usize),
    },
    Key {
        name: "ring.seconds",
        default: "50",
        meaning: "Seconds of each live stream that the hub keeps. A stream can have its own.",
        takes: Takes::Whole(1..=3600, |config, number| config.ring.seconds = number as u32),
    },
    Key {
        name: "ring.bytes",
        default: "33554432",
        meaning: "Bytes of each live stream that the hub keeps at most, whatever `ring.seconds` says. A stream can have its own.",
        takes: Takes::Whole(1 << 20..=1 << 34, |config, number| config.ring.bytes = number),
    },
    Key {
        name: "limits.streams",
        default: "10000",
        meaning: "Most streams that are not archived, of all API keys together.",
        takes: Takes::Whole(1..=1_000_000, |config, number| config.limits.streams = number),
    },
    Key {
        name: "limits.requests_per_minute",
        default: "600",
        meaning: "Requests a minute of one API key whose own limits say nothing.",
        takes: Takes::Whole(1..=1_000_000, |config, number| {
            config.limits.requests_per_minute = number as u32;
        }),
    },
    Key {
        name: "limits.anonymous_requests_per_minute",
        default: "120",
        meaning: "Requests a minute of one address without a valid API key.",
        takes: Takes::Whole(1..=1_000_000, |config, number| {
            config.limits.anonymous_requests_per_minute = number as u32;
        }),
    },
    Key {
        name: "limits.body_bytes",
        default: "262144",
        meaning: "Most bytes in the body of a request.",
        takes: Takes::Whole(1024..=1 << 26, |config, number| config.limits.body_bytes = number as usize),
    },
    Key {
        name: "limits.connections",
        default: "512",
        meaning: "Most HTTP connections at a time. Where there are as many, the one that has waited longest for its next request is closed for a new one. Where all are busy, an eighth more are taken, and what viewers ask for (`/play/`) is answered 503 on them. Half of those are for everything else, and the rest for what is asked with a key: `/whip`, `/v1/` (with a dashboard session, too), health and metrics; others are answered 503. Beyond that they are closed at once. Each takes a file descriptor; `streamd` raises its own limit for them as far as the hard one (`ulimit -Hn`).",
        takes: Takes::Whole(1..=1_000_000, |config, number| config.limits.connections = number as usize),
    },
    Key {
        name: "webhooks.allow_private",
        default: "false",
        meaning: "Whether webhooks may go to loopback and private addresses (127.0.0.0/8, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, ::1, fc00::/7). Other special addresses, those of cloud metadata among them, need `webhooks.allowed_networks` even so.",
        takes: Takes::Flag(|config, flag| config.webhooks.allow_private = flag),
    },
    Key {
        name: "webhooks.allowed_networks",
        default: "[]",
        meaning: "Networks that webhooks may go to whatever they are.",
        takes: Takes::Texts(NETWORKS, |config, texts| {
            config.webhooks.allowed_networks = networks(texts)?;
            Some(())
        }),
    },
    Key {
        name: "webhooks.max",
        default: "100",
        meaning: "Most webhooks.",
        takes: Takes::Whole(0..=10_000, |config, number| config.webhooks.max = number),
    },
    Key {
        name: "webhooks.concurrency",
        default: "32",
        meaning: "Most deliveries under way at a time. One webhook has one under way at most.",
        takes: Takes::Whole(1..=1024, |config, number| config.webhooks.concurrency = number as usize),
    },
    Key {
        name: "webhooks.timeout",
        default: "\"10s\"",
        meaning: "How long one attempt may take, from the look-up of the name to the end of the answer.",
        takes: Takes::Span(seconds(1, 120), |config, span| config.webhooks.timeout = span),
    },
    Key {
        name: "webhooks.give_up_after",
        default: "\"1d\"",
        meaning: "How long a delivery is tried before it is given up.",
        takes: Takes::Span(seconds(1, 30 * DAY), |config, span| config.webhooks.give_up_after = span),
    },
    Key {
        name: "webhooks.keep",
        default: "\"7d\"",
        meaning: "How long deliveries that are over stay in the list. At most 1000 a webhook stay anyway.",
        takes: Takes::Span(seconds(HOUR, 365 * DAY), |config, span| config.webhooks.keep = span),
    },
    Key {
        name: "metrics.allow",
        default: "[\"127.0.0.0/8\", \"::1/128\"]",
        meaning: "Networks that may read `/metrics`. Behind a proxy set `http.trusted_proxies`, or everybody seems to be the proxy.",
        takes: Takes::Texts(NETWORKS, |config, texts| {
            config.metrics.allow = networks(texts)?;
            Some(())
        }),
    },
    Key {
        name: "log.level",
        default: "\"info\"",
        meaning: "The least important lines that are written to standard error.",
        takes: Takes::Word(&["off", "error", "warn", "info", "debug", "trace"], |config, word| {
            config.log.level = match word {
                "off" => Level::Off,
                "error" => Level::Error,
                "warn" => Level::Warn,
                "debug" => Level::Debug,
                "trace" => Level::Trace,
                _ => Level::Info,
            };
        }),
    },
    Key {
        name: "log.format",
        default: "\"text\"",
        meaning: "How lines look: for people, or one JSON object a line.",
        takes: Takes::Word(&["text", "json"], |config, word| {
            config.log.format = if word == "json" { Format::Json } else { Format::Text };
        }),
    },
];

const NETWORKS: &str = "a list of networks as [\"10.0.0.0/8\", \"2001:db8::/32\", \"192.0.2.1\"]";

const HOSTS: &str =
    "a list of hosts, each with a port or without, as [\"media.example.com\", \"203.0.113.7:4242\"]";

fn hosts(texts: &[&str]) -> Option<Vec<String>> {
    texts.iter().map(|text| authority(text).map(|_| (*text).to_owned())).collect()
}

fn networks(texts: &[&str]) -> Option<Vec<IpNet>> {
    let network = |text: &&str| match text.parse::<IpNet>() {
        Ok(network) => Some(network.trunc()),
        Err(_) => text.parse::<IpAddr>().ok().map(IpNet::from),
    };
    texts.iter().map(network).collect()
}

/// A path, or none for the empty text.
fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| PathBuf::from(text))
}

fn listen(text: &str) -> Option<std::net::SocketAddr> {
    if let Some(port) = text.strip_prefix(':') {
        return port.parse().ok().map(super::everywhere);
    }
    text.parse().ok()
}

/// An address to listen on, or `Some(None)` for the empty text and `off`.
fn listen_or_off(text: &str) -> Option<Option<std::net::SocketAddr>> {
    if matches!(text, "" | "off") { Some(None) } else { listen(text).map(Some) }
}

/// The URL without a slash at its end, or `Some(None)` for the empty text.
fn public_url(text: &str) -> Option<Option<String>> {
    if text.is_empty() {
        return Some(None);
    }
    let url = reqwest::Url::parse(text).ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let valid = matches!(url.scheme(), "http" | "https") && plain && url.fragment().is_none();
    valid.then(|| Some(url.as_str().trim_end_matches('/').to_owned()))
}
