//! The daemon's configuration: what can be set ([`keys`]), where it comes from, and what it means.
//!
//! Three places can set a key, the later ones win: one TOML file, the environment, the command line. Each key
//! stands once in the table of [`keys`], with its default, its environment variable, what it takes and what it
//! means; the file, the environment and `docs/configuration.md` all go by that table.

mod addresses;
mod file;
pub mod keys;
mod problem;
mod value;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

pub use addresses::Addresses;
pub use problem::{Place, Problem};
pub use value::Value;

/// Everything that can be configured. The keys of the TOML file have the same names.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The folder that holds the store and the key files.
    pub data: PathBuf,
    /// The name of this node's region, which `auto` stands for.
    pub region: String,
    /// The control API and the pages.
    pub http: Http,
    /// The media port.
    pub fql: Fql,
    /// Publishers that are ordinary encoders.
    pub ingest: Ingest,
    /// Sources of streams that are pulled.
    pub pull: Pull,
    /// The search for cameras.
    pub discover: Discover,
    /// RTMP.
    pub rtmp: Rtmp,
    /// SRT.
    pub srt: Srt,
    /// RTSP.
    pub rtsp: Rtsp,
    /// WebRTC: WHIP and WHEP.
    pub rtc: Rtc,
    /// What is converted for ordinary players.
    pub convert: Convert,
    /// The media port of browsers.
    pub webtransport: WebTransport,
    /// Where browsers get media if not there.
    pub websocket: WebSocket,
    /// What the hub keeps of each stream, unless the stream says otherwise.
    pub ring: Ring,
    /// Bounds on what clients may ask for.
    pub limits: Limits,
    /// Notifications to other servers.
    pub webhooks: Webhooks,
    /// The page of figures.
    pub metrics: Metrics,
    /// What the daemon says about itself.
    pub log: Log,
}

/// Keys under `[http]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Http {
    /// Where HTTP (or HTTPS) is answered.
    pub listen: SocketAddr,
    /// The address that clients reach it by, without a slash at its end; none: derived from `listen`.
    pub public_url: Option<String>,
    /// Networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The certificate chain in PEM; none: plain HTTP.
    pub certificate: Option<PathBuf>,
    /// The certificate's private key in PEM.
    pub key: Option<PathBuf>,
}

/// Keys under `[fql]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fql {
    /// The UDP port of all publishers and viewers.
    pub listen: SocketAddr,
    /// `host` or `host:port` that clients are told instead of `listen`.
    pub advertise: Vec<String>,
    /// What happens to a second publisher of a stream that is live.
    pub second_publisher: SecondPublisher,
    /// The time between the recording of a moment and its showing that publishers are told.
    pub latency: Duration,
    /// Most sessions at a time, publishers and viewers together.
    pub max_sessions: usize,
    /// Most handshakes that are begun and not finished.
    pub max_half_open: usize,
}

/// Keys under `[ingest]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Ingest {
    /// How long a stream stays live for a publisher that is gone without a goodbye.
    pub grace: Duration,
    /// Most publishers at a time.
    pub max_publishers: usize,
}

/// Keys under `[pull]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pull {
    /// Whether sources are opened at all.
    pub enabled: bool,
    /// Whether loopback and private addresses are valid sources, and whether media may be sent to this machine.
    pub allow_private: bool,
    /// Networks that are valid sources whatever they are.
    pub allowed_networks: Vec<IpNet>,
    /// How long a source stays open after the last viewer.
    pub grace: Duration,
    /// How long connecting may take, the first media after it, and a pause in it.
    pub timeout: Duration,
    /// The longest wait before a source that failed is tried again.
    pub longest_wait: Duration,
}

/// Keys under `[discover]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Discover {
    /// Whether cameras are looked for at all.
    pub enabled: bool,
    /// The addresses of this machine from which they are; none: all interfaces that multicast.
    pub interfaces: Vec<Ipv4Addr>,
}

/// Keys under `[rtmp]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rtmp {
    /// The TCP port of publishers; none: there is no RTMP.
    pub listen: Option<SocketAddr>,
}

/// Keys under `[srt]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Srt {
    /// The UDP port of publishers and readers; none: there is no SRT.
    pub listen: Option<SocketAddr>,
    /// The latency that the daemon asks for; the longer one of both ends counts.
    pub latency: Duration,
}

/// Keys under `[rtsp]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rtsp {
    /// The TCP port of readers, and with the next one the UDP ports that they are sent media from; none: there is no RTSP.
    pub listen: Option<SocketAddr>,
}

/// Keys under `[rtc]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rtc {
    /// The UDP port of WHIP's and WHEP's media; none: there is neither.
    pub listen: Option<SocketAddr>,
    /// `host` or `host:port` that browsers are told instead of `listen`.
    pub advertise: Vec<String>,
}

/// Keys under `[convert]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Convert {
    /// Whether tracks are converted for players that do not take them as they are.
    pub enabled: bool,
    /// Most tracks at a time.
    pub max: usize,
    /// Whether encoders in hardware are preferred.
    pub hardware: bool,
    /// Bits a second of H.264; 0 goes by the size and the rate of the pictures.
    pub video_bitrate: u32,
    /// Bits a second and channel of AAC and Opus.
    pub audio_bitrate: u32,
}

/// Keys under `[webtransport]`.
#[derive(Clone, Debug, PartialEq)]
pub struct WebTransport {
    /// The UDP port of browsers; none: they watch by WebSocket.
    pub listen: Option<SocketAddr>,
    /// `host` or `host:port` that browsers are told instead of `listen`.
    pub advertise: Vec<String>,
    /// Most sessions at a time.
    pub max_sessions: usize,
}

/// Keys under `[websocket]`.
#[derive(Clone, Debug, PartialEq)]
pub struct WebSocket {
    /// Most connections at a time.
    pub max_connections: usize,
}

/// What happens to a second publisher of a stream that is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondPublisher {
    /// The first one goes on, the second is refused.
    Refuse,
    /// The second one takes over, the first one's session ends.
    TakeOver,
}

/// Keys under `[ring]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ring {
    /// Seconds of media that are kept.
    pub seconds: u32,
    /// Bytes of media that are kept at most.
    pub bytes: u64,
}

/// Keys under `[limits]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Most streams that are not archived.
    pub streams: u64,
    /// Requests a minute of one API key whose own limits say nothing.
    pub requests_per_minute: u32,
    /// Requests a minute of one address without a valid API key.
    pub anonymous_requests_per_minute: u32,
    /// Most bytes in a request's body.
    pub body_bytes: usize,
    /// Most HTTP connections at a time.
    pub connections: usize,
}

/// Keys under `[webhooks]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhooks {
    /// Whether loopback and private addresses are valid targets.
    pub allow_private: bool,
    /// Networks that are valid targets whatever they are.
    pub allowed_networks: Vec<IpNet>,
    /// Most webhooks.
    pub max: u64,
    /// Most deliveries under way at a time.
    pub concurrency: usize,
    /// How long one attempt may take in all.
    pub timeout: Duration,
    /// How long a delivery is tried before it is given up.
    pub give_up_after: Duration,
    /// How long deliveries that are over stay in the list.
    pub keep: Duration,
}

/// Keys under `[metrics]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// Networks that may read `/metrics`.
    pub allow: Vec<IpNet>,
}

/// Keys under `[log]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Log {
    /// The least important lines that are written.
    pub level: Level,
    /// How lines look.
    pub format: Format,
}

/// How much the daemon says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Nothing.
    Off,
    /// What failed and needs somebody.
    Error,
    /// What went wrong and was dealt with.
    Warn,
    /// What happens to streams and to the daemon.
    Info,
    /// Each request and each session.
    Debug,
    /// Everything.
    Trace,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A variable's value by its name.
pub type Environment<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Where configuration comes from, besides the defaults.
#[derive(Default)]
pub struct Sources<'a> {
    /// The TOML file: how it is called in messages, and its text.
    pub file: Option<(PathBuf, String)>,
    /// The environment.
    pub environment: Option<&'a Environment<'a>>,
    /// What the command line said: the flag, the key it sets and the value.
    pub flags: Vec<(&'static str, &'static str, String)>,
}

impl Config {
    /// The configuration that the sources say, or everything that is wrong with them.
    pub fn load(sources: &Sources<'_>) -> Result<Self, Vec<Problem>> {
        let mut config = Self::default();
        let mut problems = Vec::new();
        if let Some((path, text)) = &sources.file {
            file::apply(&mut config, path, text, &mut problems);
        }
        for key in keys::KEYS {
            let variable = key.variable();
            let Some(text) = sources.environment.and_then(|read| read(&variable)) else { continue };
            let place = Place::Environment(variable);
            set(&mut config, key, &Value::Plain(text), place, &mut problems);
        }
        for (flag, name, text) in &sources.flags {
            let key = keys::find(name).expect("flags set keys that exist");
            set(&mut config, key, &Value::Plain(text.clone()), Place::Flag(flag), &mut problems);
        }
        config.check_together(&mut problems);
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    /// What is wrong although each key alone is right.
    fn check_together(&self, problems: &mut Vec<Problem>) {
        let missing = match (&self.http.certificate, &self.http.key) {
            (Some(_), None) => "http.tls.key",
            (None, Some(_)) => "http.tls.certificate",
            _ => return,
        };
        let message = "HTTPS needs both http.tls.certificate and http.tls.key".to_owned();
        problems.push(Problem { place: Place::Together, key: Some(missing.to_owned()), message });
    }

    /// The address of the control API and the pages as clients reach it, without a slash at its end.
    pub fn public_url(&self) -> String {
        if let Some(url) = &self.http.public_url {
            return url.clone();
        }
        let scheme = if self.http.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", reachable(self.http.listen))
    }

    /// `host:port` of the media port as clients reach it, the best first; never empty.
    pub fn media_addresses(&self) -> Vec<String> {
        if self.fql.advertise.is_empty() {
            return vec![self.derived_address(self.fql.listen, None)];
        }
        complete(&self.fql.advertise, self.fql.listen.port())
    }

    /// `host:port` of a listener as clients reach it; none where there is none.
    pub fn address_of(&self, listen: Option<SocketAddr>) -> Option<String> {
        listen.map(|listen| self.derived_address(listen, None))
    }

    /// `host:port` of what WebRTC clients are told instead of `rtc.listen`, whose port this is.
    pub fn rtc_addresses(&self, port: u16) -> Vec<String> {
        complete(&self.rtc.advertise, port)
    }

    /// Where nothing is advertised: the address that is listened on, and if that is every address, the host of
    /// the public URL, since who reaches one mostly reaches the other; or else the host that `asked` for this answer
    /// was reached by.
    fn derived_address(&self, listen: SocketAddr, asked: Option<&str>) -> String {
        let public = self.http.public_url.as_deref().and_then(host_of);
        match public.as_deref().or(asked) {
            Some(host) if listen.ip().is_unspecified() => format!("{host}:{}", listen.port()),
            _ => reachable(listen).to_string(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: default_data_folder(),
            region: "local".to_owned(),
            http: Http {
                listen: everywhere(8080),
                public_url: None,
                trusted_proxies: Vec::new(),
                certificate: None,
                key: None,
            },
            fql: Fql {
                listen: everywhere(4242),
                advertise: Vec::new(),
                second_publisher: SecondPublisher::Refuse,
                latency: Duration::from_millis(120),
                max_sessions: 4096,
                max_half_open: 1024,
            },
            ingest: Ingest { grace: Duration::from_secs(10), max_publishers: 1024 },
            pull: Pull {
                enabled: true,
                allow_private: false,
                allowed_networks: Vec::new(),
                grace: Duration::from_secs(30),
                timeout: Duration::from_secs(10),
                longest_wait: Duration::from_secs(60),
            },
            discover: Discover { enabled: false, interfaces: Vec::new() },
            rtmp: Rtmp { listen: Some(everywhere(1935)) },
            srt: Srt { listen: Some(everywhere(9000)), latency: Duration::from_millis(120) },
            rtsp: Rtsp { listen: Some(everywhere(8554)) },
            rtc: Rtc { listen: Some(everywhere(8189)), advertise: Vec::new() },
            convert: Convert {
                enabled: true,
                max: 8,
                hardware: true,
                video_bitrate: 0,
                audio_bitrate: 64_000,
            },
            webtransport: WebTransport {
                listen: Some(everywhere(4433)),
                advertise: Vec::new(),
                max_sessions: 512,
            },
            websocket: WebSocket { max_connections: 512 },
            ring: Ring { seconds: 50, bytes: 32 << 20 },
            limits: Limits {
                streams: 10_000,
                requests_per_minute: 600,
                anonymous_requests_per_minute: 120,
                body_bytes: 256 << 10,
                connections: 512,
            },
            webhooks: Webhooks {
                allow_private: false,
                allowed_networks: Vec::new(),
                max: 100,
                concurrency: 32,
                timeout: Duration::from_secs(10),
                give_up_after: Duration::from_secs(24 * 3600),
                keep: Duration::from_secs(7 * 24 * 3600),
            },
            metrics: Metrics { allow: loopback() },
            log: Log { level: Level::Info, format: Format::Text },
        }
    }
}

/// Where the store lives if nothing says so: `/var/lib/streamd` for root, else the user's data folder.
fn default_data_folder() -> PathBuf {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = folder("HOME");
    if let Some(data) = folder("XDG_DATA_HOME") {
        return data.join("streamd");
    }
    match home {
        Some(home) if home != std::path::Path::new("/root") => home.join(".local/share/streamd"),
        _ => PathBuf::from("/var/lib/streamd"),
    }
}

fn everywhere(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))
}

fn loopback() -> Vec<IpNet> {
    ["127.0.0.0/8", "::1/128"].map(|network| network.parse().expect("it is a network")).to_vec()
}

/// The address by which this machine itself reaches what listens on `address`.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        return SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port());
    }
    address
}

/// Hosts of which each has a port: its own, or this.
fn complete(hosts: &[String], port: u16) -> Vec<String> {
    let complete = |host: &String| match authority(host) {
        Some((_, Some(_))) => host.clone(),
        _ => format!("{host}:{port}"),
    };
    hosts.iter().map(complete).collect()
}

/// The host of a URL, in brackets if it is an IPv6 address.
fn host_of(url: &str) -> Option<String> {
    Some(reqwest::Url::parse(url).ok()?.host()?.to_string())
}

/// `host` or `host:port`, an IPv6 address in brackets: its host and its port.
fn authority(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => {
            (host, Some(port.parse().ok().filter(|port| *port > 0)?))
        }
        _ => (text, None),
    };
    let host_is_valid = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => is_host_name(host),
    };
    host_is_valid.then_some((host, port))
}

fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// Sets one key, or says why not.
fn set(config: &mut Config, key: &keys::Key, value: &Value, place: Place, problems: &mut Vec<Problem>) {
    if key.set(config, value).is_none() {
        let message = format!("expected {}, got {value}", key.expects());
        problems.push(Problem { place, key: Some(key.name.to_owned()), message });
    }
}
