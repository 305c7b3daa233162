//! The commands: each asks the API for something and prints it, or does something with a file.

mod ask;
mod discover;
mod info;
mod keys;
mod login;
mod stats;
pub(crate) mod streams;
mod thin;
mod webhooks;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::{Cli, Command};
use crate::client::Client;
use crate::failure::Result;
use crate::output::Output;
use crate::settings::Settings;

/// Runs a command.
pub fn run(cli: Cli) -> Result<()> {
    let Cli { global, command } = cli;
    let output = Output::new(global.json);
    if let Command::Completions { shell } = command {
        return completions(output, shell);
    }
    // What has to do with files on this machine alone needs no settings, which may be broken.
    match &command {
        Command::Thin(arguments) => return thin::thin(arguments, output),
        Command::Info(arguments) => return info::info(arguments, output),
        _ => (),
    }
    if let Command::Login = command {
        return login::login(&global, output);
    }
    let settings = Settings::load(&global)?;
    if let Command::Play(play) = command {
        return self::play(&settings, &play, output);
    }
    #[cfg(feature = "media")]
    if matches!(&command, Command::Push(push) if crate::media::only_lists_devices(push)) {
        return crate::media::list_devices(output);
    }
    let client = Client::new(&settings)?;
    match command {
        Command::New(new) => streams::create(&client, output, &new),
        Command::List => streams::list(&client, output),
        Command::Show(show) => streams::show(&client, output, &show),
        Command::Update(update) => streams::update(&client, output, update),
        Command::Rm(remove) => streams::remove(&client, output, &remove),
        Command::SourceEvents(named) => streams::source_events(&client, output, &named.name),
        Command::Stats(stats) => stats::stats(&client, output, &stats),
        Command::Pause(named) => streams::pause(&client, output, &named.name),
        Command::Resume(named) => streams::resume(&client, output, &named.name),
        Command::RotateKey(named) => streams::rotate_key(&client, output, &named.name),
        Command::Discover(discover) => discover::discover(&client, output, &discover),
        Command::Push(push) => self::push(&client, &push, output),
        Command::Keys(command) => keys::run(&client, output, command),
        Command::Webhooks(command) => webhooks::run(&client, output, command),
        Command::Play(_)
        | Command::Login
        | Command::Thin(_)
        | Command::Info(_)
        | Command::Completions { .. } => unreachable!("handled above"),
    }
}

fn completions(output: Output, shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "stream", &mut script);
    output.text(&String::from_utf8_lossy(&script))
}

#[cfg(feature = "media")]
use crate::media::{play, push};

#[cfg(not(feature = "media"))]
fn push(_: &Client, _: &crate::args::Push, _: Output) -> Result<()> {
    Err(without_media())
}

#[cfg(not(feature = "media"))]
fn play(_: &Settings, _: &crate::args::Play, _: Output) -> Result<()> {
    Err(without_media())
}

#[cfg(not(feature = "media"))]
fn without_media() -> crate::failure::Failure {
    crate::failure::Failure::failed(
        "this stream was built without media: install GStreamer and build it with cargo install --features media",
    )
}
