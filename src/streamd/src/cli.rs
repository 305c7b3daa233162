//! The command line of the daemon: where its configuration comes from, and `check`.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};

use crate::config::{Config, Place, Problem, Sources};
use crate::tls;

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (FQL protocol 0.4)");

const EXAMPLES: &str = "Examples:
  streamd                                       starts with the defaults: HTTP on 8080, FQL on UDP 4242,
                                                for browsers on UDP 4433
  streamd --data ./data --http 127.0.0.1:8080   keeps its data here, answers HTTP to this machine only
  streamd --config /etc/streamd.toml            starts with this configuration
  streamd check --config /etc/streamd.toml      says what is wrong with it, and where

Every key of the file has an environment variable too; docs/configuration.md names them all.";

/// The daemon of The Stream: owns live streams, their keys and playback IDs, takes media in over FQL and gives
/// it out again.
#[derive(Parser)]
#[command(name = "streamd", version = VERSION, after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The configuration file, TOML [environment: STREAMD_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of the store and the key files [environment: STREAMD_DATA]
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<String>,
    /// Where HTTP is answered [environment: STREAMD_HTTP, default: [::]:8080]
    #[arg(long, global = true, value_name = "ADDR:PORT")]
    http: Option<String>,
    /// Where FQL is taken, UDP [environment: STREAMD_FQL, default: [::]:4242]
    #[arg(long, global = true, value_name = "ADDR:PORT")]
    fql: Option<String>,
    /// Where RTMP is taken, TCP, or "off" [environment: STREAMD_RTMP, default: [::]:1935]
    #[arg(long, global = true, value_name = "ADDR:PORT")]
    rtmp: Option<String>,
    /// Where SRT is taken and given, UDP, or "off" [environment: STREAMD_SRT, default: [::]:9000]
    #[arg(long, global = true, value_name = "ADDR:PORT")]
    srt: Option<String>,
    /// Where RTSP is given, TCP and UDP, or "off" [environment: STREAMD_RTSP, default: [::]:8554]
    #[arg(long, global = true, value_name = "ADDR:PORT")]
    rtsp: Option<String>,
    /// Where WebRTC's media comes and goes, UDP, or "off" [environment: STREAMD_RTC, default: [::]:8189]
    #[arg(long, global = true, value_name = "ADDR:PORT")]
    rtc: Option<String>,
    /// Where browsers get media, UDP, or "off" [environment: STREAMD_WEBTRANSPORT, default: [::]:4433]
    #[arg(long, global = true, value_name = "ADDR:PORT")]
    webtransport: Option<String>,
    /// off, error, warn, info, debug or trace [environment: STREAMD_LOG_LEVEL, default: info]
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
    /// text or json [environment: STREAMD_LOG_FORMAT, default: text]
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Checks the configuration and says what is wrong, and where
    Check,
}

/// What the command line asks for.
pub enum Task {
    /// To run with this configuration.
    Run(Box<Config>),
    /// Nothing more; this is to be said.
    Say(String),
}

impl Arguments {
    /// What is asked for, or everything that is wrong with the configuration.
    pub fn task(self) -> Result<Task> {
        let file = self.config.or_else(|| std::env::var_os("STREAMD_CONFIG").map(PathBuf::from));
        let flags = [
            ("--data", "data", self.data),
            ("--http", "http.listen", self.http),
            ("--fql", "fql.listen", self.fql),
            ("--rtmp", "rtmp.listen", self.rtmp),
            ("--srt", "srt.listen", self.srt),
            ("--rtsp", "rtsp.listen", self.rtsp),
            ("--rtc", "rtc.listen", self.rtc),
            ("--webtransport", "webtransport.listen", self.webtransport),
            ("--log-level", "log.level", self.log_level),
            ("--log-format", "log.format", self.log_format),
        ];
        let given =
            |(flag, key, text): (&'static str, &'static str, Option<String>)| Some((flag, key, text?));
        let environment = |name: &str| std::env::var(name).ok();
        let sources = Sources {
            file: file.map(read).transpose()?,
            environment: Some(&environment),
            flags: flags.into_iter().filter_map(given).collect(),
        };
        let config = Config::load(&sources).and_then(check_certificate);
        match (config, self.command) {
            (Err(problems), _) => bail!(list(&problems)),
            (Ok(_), Some(Command::Check)) => Ok(Task::Say("the configuration is valid".to_owned())),
            (Ok(config), None) => Ok(Task::Run(Box::new(config))),
        }
    }
}

fn read(path: PathBuf) -> Result<(PathBuf, String)> {
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("the configuration file {} cannot be read", path.display()))?;
    Ok((path, text))
}

/// A certificate that cannot be used is found before anything is started.
fn check_certificate(config: Config) -> Result<Config, Vec<Problem>> {
    let (Some(certificate), Some(key)) = (&config.http.certificate, &config.http.key) else {
        return Ok(config);
    };
    match tls::load(certificate, key) {
        Ok(_) => Ok(config),
        Err(error) => {
            let message = error.to_string();
            Err(vec![Problem { place: Place::Together, key: Some("http.tls".to_owned()), message }])
        }
    }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().fold(String::new(), |mut text, problem| {
        let separator = if text.is_empty() { "" } else { "\n" };
        write!(text, "{separator}{problem}").expect("a string takes everything");
        text
    })
}
