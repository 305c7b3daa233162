//! Arguments of the commands for API keys.

use clap::{Args, Subcommand};

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make an API key; it is shown once
    #[command(
        after_help = "Examples:\n  stream keys create ci --scope streams:read --scope streams:write\n  stream \
        keys create encoder --scope ingest --max-streams 1 --expires 30d"
    )]
    Create(CreateKey),
    /// List the API keys
    #[command(visible_alias = "ls", after_help = "Examples:\n  stream keys list")]
    List,
    /// Revoke an API key: it is refused at once
    #[command(after_help = "Examples:\n  stream keys revoke key_a2b3c4d5e6f7a2b3")]
    Revoke {
        /// The key's id
        id: String,
    },
}

/// Arguments of `stream keys create`.
#[derive(Debug, Args)]
pub struct CreateKey {
    /// What it is for
    pub name: String,
    /// What it may do; several times, or with commas
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',', required = true)]
    #[arg(value_parser = ["streams:read", "streams:write", "ingest", "keys", "webhooks", "admin"])]
    pub scopes: Vec<String>,
    /// How many streams it may have
    #[arg(long, value_name = "COUNT")]
    pub max_streams: Option<u64>,
    /// How many layers its streams may have, 1 to 15
    #[arg(long, value_name = "LAYERS", value_parser = clap::value_parser!(u8).range(1..=15))]
    pub max_layers: Option<u8>,
    /// How many requests a minute it may make
    #[arg(long, value_name = "REQUESTS")]
    pub max_rate: Option<u64>,
    /// When it ends to be valid: in 12h or 30d, or at a time like 2030-01-31T12:00:00Z
    #[arg(long, value_name = "WHEN")]
    pub expires: Option<String>,
}
