//! Log lines on standard error, as text or JSON.
//!
//! The level is that of this project's own code. Libraries are heard from warnings on, whatever it is: some write
//! headers and addresses with secrets in them at lower levels.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::config::{Format, Level, Log};

/// Whose lines the level is for.
const OURS: [&str; 3] = ["streamd", "fql_transport", "fql_unit"];

/// Writes the lines of the whole process from now on.
pub fn install(config: Log) -> anyhow::Result<()> {
    tracing::subscriber::set_global_default(subscriber(config, std::io::stderr))?;
    Ok(())
}

/// What writes lines to `writer`.
fn subscriber<W>(config: Log, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(writer);
    let lines = match config.format {
        Format::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
        Format::Text => lines.with_ansi(is_terminal()).boxed(),
    };
    Registry::default().with(lines.with_filter(filter(config.level)))
}

fn filter(level: Level) -> Targets {
    let level = match level {
        Level::Off => LevelFilter::OFF,
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    OURS.iter().fold(Targets::new().with_default(level.min(LevelFilter::WARN)), |targets, ours| {
        targets.with_target(*ours, level)
    })
}

fn is_terminal() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stderr())
}
