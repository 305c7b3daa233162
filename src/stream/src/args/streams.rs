//! Arguments of the commands for streams.

use clap::{ArgAction, Args};

/// A stream and nothing else.
#[derive(Debug, Args)]
pub struct Named {
    /// The stream's name or id
    pub name: String,
}

/// Arguments of `stream new`.
#[derive(Debug, Args)]
pub struct NewStream {
    /// The stream's name: 1 to 63 of a-z, 0-9 and -
    pub name: String,
    /// Quality layers, 1 to 15 (at most what the API key allows)
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=15))]
    pub layers: Option<u8>,
    /// The protection against loss
    #[arg(long, value_name = "SETTING")]
    pub fec: Option<String>,
    /// Where the stream lives; auto is the server's own region
    #[arg(long)]
    pub region: Option<String>,
    /// A sentence for people
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Record the stream
    #[arg(long)]
    pub record: bool,
    /// How much of the past the live ring holds, in seconds
    #[arg(long, value_name = "SECONDS")]
    pub ring_seconds: Option<u64>,
    /// How much the live ring holds at most, in bytes
    #[arg(long, value_name = "BYTES")]
    pub ring_bytes: Option<u64>,
    /// Encrypt SRT with this, 10 to 79 characters; - reads it from standard input
    #[arg(long, value_name = "PASSPHRASE")]
    pub passphrase: Option<String>,
    /// Have the server fetch it while somebody watches: rtsp://, srt://, http://….m3u8 and others; - reads the address,
    /// which may hold a password, from standard input
    #[arg(long, value_name = "URL")]
    pub pull: Option<String>,
    /// Fetch it while nobody watches, too
    #[arg(long, requires = "pull")]
    pub always: bool,
    /// Show where to send it by RTMP, SRT and WHIP with the stream key, which is secret
    #[arg(long)]
    pub show_key: bool,
}

/// Arguments of `stream update`.
#[derive(Debug, Args)]
pub struct UpdateStream {
    /// The stream's name or id
    pub stream: String,
    /// Another name
    #[arg(long = "name", value_name = "NAME")]
    pub new_name: Option<String>,
    /// Other quality layers, 1 to 15
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=15))]
    pub layers: Option<u8>,
    /// Another protection against loss
    #[arg(long, value_name = "SETTING")]
    pub fec: Option<String>,
    /// Another sentence for people
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Fetch it from there from now on, where the server fetches it; - reads the address, which may hold a password,
    /// from standard input
    #[arg(long, value_name = "URL")]
    pub source: Option<String>,
    /// Whether to fetch it while nobody watches, too
    #[arg(long, value_name = "true|false")]
    pub always: Option<bool>,
    /// Encrypt SRT with this, 10 to 79 characters, or with nothing where it is empty; - reads it from standard input
    #[arg(long, value_name = "PASSPHRASE")]
    pub passphrase: Option<String>,
}

/// Arguments of `stream show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The stream's name or id
    pub name: String,
    /// Show the stream key and the SRT passphrase too, which are secret
    #[arg(long)]
    pub show_key: bool,
}

/// Arguments of `stream rm`.
#[derive(Debug, Args)]
pub struct Remove {
    /// The streams' names or ids
    #[arg(required = true, value_name = "NAME", action = ArgAction::Append)]
    pub names: Vec<String>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
}

/// Arguments of `stream stats`.
#[derive(Debug, Args)]
pub struct Stats {
    /// The stream's name or id
    pub name: String,
    /// Show them anew every second, until Ctrl-C
    #[arg(long, short)]
    pub watch: bool,
}
