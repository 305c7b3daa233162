//! Arguments of the commands for webhooks.

use clap::{Args, Subcommand};

/// What to do with webhooks.
#[derive(Debug, Subcommand)]
pub enum Webhooks {
    /// Have events sent to an address; the secret that signs them is shown once
    #[command(
        after_help = "Examples:\n  stream webhooks add https://example.com/hook --event stream.live --event \
        stream.offline"
    )]
    Add(AddWebhook),
    /// List the webhooks
    #[command(visible_alias = "ls", after_help = "Examples:\n  stream webhooks list")]
    List,
    /// Show one webhook
    #[command(after_help = "Examples:\n  stream webhooks show wh_a2b3c4d5e6f7a2b3")]
    Show(WebhookId),
    /// Change a webhook
    #[command(
        after_help = "Examples:\n  stream webhooks update wh_a2b3c4d5e6f7a2b3 --disable\n  stream webhooks \
        update wh_a2b3c4d5e6f7a2b3 --event stream.created,stream.archived"
    )]
    Update(UpdateWebhook),
    /// Remove a webhook
    #[command(after_help = "Examples:\n  stream webhooks rm wh_a2b3c4d5e6f7a2b3 --yes")]
    Rm {
        /// The webhook's id
        id: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Send a test event to a webhook
    #[command(after_help = "Examples:\n  stream webhooks test wh_a2b3c4d5e6f7a2b3")]
    Test(WebhookId),
    /// Show what was sent to a webhook, and what became of it
    #[command(after_help = "Examples:\n  stream webhooks deliveries wh_a2b3c4d5e6f7a2b3 --limit 50")]
    Deliveries(Deliveries),
}

/// A webhook and nothing else.
#[derive(Debug, Args)]
pub struct WebhookId {
    /// The webhook's id
    pub id: String,
}

/// Arguments of `stream webhooks add`.
#[derive(Debug, Args)]
pub struct AddWebhook {
    /// Where to send events
    pub url: String,
    /// Which events; several times, or with commas
    #[arg(long = "event", value_name = "EVENT", value_delimiter = ',', required = true)]
    pub events: Vec<String>,
    /// A sentence for people
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
}

/// Arguments of `stream webhooks update`.
#[derive(Debug, Args)]
pub struct UpdateWebhook {
    /// The webhook's id
    pub id: String,
    /// Another address
    #[arg(long)]
    pub url: Option<String>,
    /// Other events; several times, or with commas
    #[arg(long = "event", value_name = "EVENT", value_delimiter = ',')]
    pub events: Option<Vec<String>>,
    /// Another sentence for people
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Send events again
    #[arg(long, conflicts_with = "disable")]
    pub enable: bool,
    /// Send no events
    #[arg(long)]
    pub disable: bool,
}

/// Arguments of `stream webhooks deliveries`.
#[derive(Debug, Args)]
pub struct Deliveries {
    /// The webhook's id
    pub id: String,
    /// How many, the latest first
    #[arg(long, default_value_t = 20, value_name = "COUNT")]
    pub limit: usize,
}
