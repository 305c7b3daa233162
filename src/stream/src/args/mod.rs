//! The arguments of the program.

mod discover;
mod files;
mod keys;
mod media;
mod streams;
mod webhooks;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub use discover::Discover;
pub use files::{Info, Thin};
pub use keys::{CreateKey, Keys};
pub use media::{Play, Push};
pub use streams::{Named, NewStream, Remove, Show, Stats, UpdateStream};
pub use webhooks::{AddWebhook, Deliveries, UpdateWebhook, WebhookId, Webhooks};

const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"), " (FQL protocol 0.4)");

const AFTER: &str = "\
Start here:
  streamd                                       on this machine; prints an API key at its first start
  stream login                                  asks for the key and keeps it
  stream new my-first-stream --layers 12 --region auto --fec \"unequal:3,2,1,0\"
  stream push my-first-stream --input my-video.mp4
  stream play my-first-stream

Exit codes:
  0  done
  1  failed
  2  wrong arguments, or a value that the server refused
  3  the API cannot be reached
  4  no API key, or one that may not do this
  5  there is no such stream, key or webhook
  6  in the way of something that exists, such as another stream of that name
  7  too many requests, or a limit of the API key is reached
  130  interrupted twice";

/// Live media in quality layers: create streams, push media into them, watch them.
#[derive(Debug, Parser)]
#[command(name = "stream", display_name = "stream-cli", version = VERSION, after_help = AFTER)]
#[command(disable_help_subcommand = true, arg_required_else_help = true)]
pub struct Cli {
    /// For all commands.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Arguments of all commands.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options of all commands")]
pub struct Global {
    /// Where the API is [default: http://127.0.0.1:8080]
    #[arg(long, global = true, env = "STREAM_API_URL", value_name = "URL", hide_env_values = true)]
    pub api_url: Option<String>,
    /// The API key; - reads it from standard input. Others can see arguments: the environment or stream login is
    /// safer
    #[arg(long, global = true, env = "STREAM_API_KEY", value_name = "KEY", hide_env_values = true)]
    pub api_key: Option<String>,
    /// The configuration file [default: stream/config.toml in $XDG_CONFIG_HOME or ~/.config]
    #[arg(long, global = true, env = "STREAM_CONFIG", value_name = "FILE", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    pub json: bool,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Keep the API's address and a key for it, after checking them
    #[command(after_help = "Examples:\n  stream login\n  stream login --api-url https://api.example.com\n  \
        echo \"$KEY\" | stream login --api-key -")]
    Login,
    /// Create a stream
    #[command(after_help = "Examples:\n  stream new my-first-stream --layers 12 --region auto --fec \
        \"unequal:3,2,1,0\"\n  stream new hall --description \"The big hall\" --json\n  stream new front-door --pull \
        rtsp://camera.local/live\n  echo rtsp://admin:$PASSWORD@camera.local/live | stream new front-door --pull - \
        --always\n\nThe protection --fec is none, \
        equal:2 (two parity packets for every ten),\nunequal:3,2,1,0 (three for layer 0, two for layer 1, ...), \
        adaptive, or adaptive:40%.")]
    New(NewStream),
    /// List the streams
    #[command(visible_alias = "ls", after_help = "Examples:\n  stream list\n  stream list --json")]
    List,
    /// Show one stream
    #[command(
        after_help = "Examples:\n  stream show my-first-stream\n  stream show my-first-stream --show-key"
    )]
    Show(Show),
    /// Change a stream
    #[command(
        after_help = "Examples:\n  stream update my-first-stream --fec adaptive\n  stream update hall --name \
        big-hall\n  echo rtsp://admin:$PASSWORD@camera.local/live | stream update front-door --source -\n  stream \
        update front-door --always true"
    )]
    Update(UpdateStream),
    /// Archive a stream: its sessions end, its key is refused, its name is free again
    #[command(after_help = "Examples:\n  stream rm my-first-stream\n  stream rm my-first-stream --yes")]
    Rm(Remove),
    /// Show what happens to a stream: rates, layers, loss, viewers
    #[command(
        after_help = "Examples:\n  stream stats my-first-stream\n  stream stats my-first-stream --watch\n  \
        stream stats my-first-stream --watch --json    one JSON object a second, one on a line"
    )]
    Stats(Stats),
    /// Show what became of the latest attempts to fetch a stream that is pulled
    #[command(
        after_help = "Examples:\n  stream source-events front-door\n  stream source-events front-door --json"
    )]
    SourceEvents(Named),
    /// Drop what comes in, without ending the publisher's session
    #[command(after_help = "Examples:\n  stream pause my-first-stream")]
    Pause(Named),
    /// Go on after a pause
    #[command(after_help = "Examples:\n  stream resume my-first-stream")]
    Resume(Named),
    /// Give a stream a new stream key; the old one is refused at once
    #[command(
        after_help = "Examples:\n  stream rotate-key my-first-stream\n  stream rotate-key my-first-stream --json"
    )]
    RotateKey(Named),
    /// Find ONVIF cameras on the server's local network, and make pulled streams of theirs
    #[command(after_help = discover::EXAMPLES)]
    Discover(Discover),
    /// Send media to a stream
    #[command(after_help = media::PUSH_EXAMPLES)]
    Push(Push),
    /// Watch a stream in a window, or write it to a file
    #[command(after_help = media::PLAY_EXAMPLES)]
    Play(Play),
    /// Copy a .fql file without its layers above one
    #[command(after_help = files::THIN_EXAMPLES)]
    Thin(Thin),
    /// Tell what a .fql file holds: tracks, duration, rates, index
    #[command(after_help = "Examples:\n  stream info recording.fql\n  stream info recording.fql --json")]
    Info(Info),
    /// API keys: create, list, revoke
    #[command(subcommand)]
    Keys(Keys),
    /// Webhooks: add, list, show, update, rm, test, deliveries
    #[command(subcommand)]
    Webhooks(Webhooks),
    /// Print the completions for a shell
    #[command(
        after_help = "Examples:\n  stream completions bash > ~/.local/share/bash-completion/completions/stream\n  \
        stream completions zsh > ~/.zfunc/_stream\n  stream completions fish > \
        ~/.config/fish/completions/stream.fish"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_contradict_nothing() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_page_has_every_command_and_every_option() {
        fn check(page: &str, path: &str, command: &clap::Command) {
            let path = format!("{path} {}", command.get_name());
            if !command.has_subcommands() {
                assert!(page.contains(&format!("`{path}")), "nothing about {path}");
            }
            for option in command.get_arguments().filter_map(|argument| argument.get_long()) {
                assert!(page.contains(&format!("`--{option}")), "nothing about --{option} of {path}");
            }
            command.get_subcommands().for_each(|inner| check(page, &path, inner));
        }
        let page = include_str!("../../../../docs/cli.md");
        let command = Cli::command();
        command.get_subcommands().for_each(|inner| check(page, "stream", inner));
        for option in command.get_arguments().filter_map(|argument| argument.get_long()) {
            assert!(page.contains(&format!("`--{option}")), "nothing about --{option}");
        }
        for code in AFTER.lines().skip_while(|line| *line != "Exit codes:").skip(1) {
            let (code, meaning) = code.trim().split_once("  ").unwrap();
            assert!(page.contains(&format!("| {code} | {meaning} |")), "nothing about exit code {code}");
        }
    }

    #[test]
    fn every_command_explains_itself_with_an_example() {
        fn check(path: &str, command: &clap::Command) {
            let path = format!("{path} {}", command.get_name());
            assert!(command.get_about().is_some(), "{path} says nothing");
            for inner in command.get_subcommands() {
                check(&path, inner);
            }
            if !command.has_subcommands() {
                let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(examples.starts_with("Examples:\n  stream "), "{path} has no example");
            }
        }
        for command in Cli::command().get_subcommands() {
            check("stream", command);
        }
    }
}
