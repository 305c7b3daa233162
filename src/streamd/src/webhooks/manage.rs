//! The rules of webhooks: who may have them, what they may be, and how they are shown.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::TEST;
use super::deliveries::{self, DeliveryRow, Occurrence};
use super::rows::{self, WebhookRow};
use super::target::Targets;
use crate::config;
use crate::service::Caller;
use crate::service::page::now;
use crate::service::{
    Change, Cursor, Error, EventKind, FieldError, Page, PageRequest, Result, Scope, Service,
};
use crate::store::{from_millis, to_millis};

const MAX_DESCRIPTION: usize = 500;
const MAX_EVENTS: usize = 32;

/// How a webhook's secret begins.
const SECRET_PREFIX: &str = "whsec_";

/// What an operator allows webhooks.
#[derive(Clone, Debug)]
pub struct Rules {
    targets: Targets,
    max: u64,
}

impl Rules {
    /// As configured.
    pub fn new(config: &config::Webhooks) -> Self {
        Self { targets: Targets::new(config), max: config.max }
    }
}

/// What a new webhook is asked to be.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewWebhook {
    /// Where events go: an `https` or `http` URL without credentials. Deliveries to addresses that are not public are
    /// refused unless the node is configured to make them.
    #[schema(pattern = "^https?://[^#]+$", max_length = 2048)]
    pub url: String,
    /// Which events it is told, as in `stream.live`; all but `viewer.joined` and `viewer.left` where none are given.
    #[serde(default)]
    #[schema(max_items = 32, value_type = Option<Vec<EventKind>>)]
    pub events: Option<Vec<String>>,
    /// For people.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// Whether it is told anything; true where nothing is given.
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// What is to change of a webhook; what is not given stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookChanges {
    /// Where events go.
    #[serde(default)]
    #[schema(pattern = "^https?://[^#]+$", max_length = 2048)]
    pub url: Option<String>,
    /// Which events it is told.
    #[serde(default)]
    #[schema(max_items = 32, value_type = Option<Vec<EventKind>>)]
    pub events: Option<Vec<String>>,
    /// For people.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub description: Option<String>,
    /// Whether it is told anything. What happens while it is not is not told later; what waited before is.
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// A webhook as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// `wh_…`
    #[schema(pattern = "^wh_[a-z2-7]{16}$")]
    pub id: String,
    /// Where events go.
    pub url: String,
    /// Which events it is told.
    pub events: Vec<String>,
    /// For people.
    pub description: String,
    /// Whether it is told anything.
    pub enabled: bool,
    /// What its deliveries are signed with: `whsec_…`, in the answer to its making and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub secret: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed.
    pub updated_at: Timestamp,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum DeliveryState {
    /// It will be tried, or tried again.
    Pending,
    /// The receiver has it.
    Delivered,
    /// It was given up.
    Failed,
}

/// One event on its way to one webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// `dlv_…`
    #[schema(pattern = "^dlv_[a-z2-7]{16}$")]
    pub id: String,
    /// The event's type, as in `stream.live`.
    pub event: String,
    /// `evt_…`, the same for all webhooks that are told of it.
    pub event_id: String,
    /// Its number among those of the webhook, in the order of what happened.
    #[schema(minimum = 1)]
    pub sequence: i64,
    /// What became of it.
    pub state: DeliveryState,
    /// How often it was tried.
    #[schema(minimum = 0)]
    pub attempts: i64,
    /// The status that the receiver answered last; null if it never did.
    pub status_code: Option<i64>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it happened.
    pub created_at: Timestamp,
    /// When it was last tried.
    pub attempted_at: Option<Timestamp>,
    /// When it is tried next; null if it waits for those before it, or is over.
    pub next_attempt_at: Option<Timestamp>,
}

/// Part of the list of all webhooks.
pub async fn list(service: &Service, caller: &Caller, request: &PageRequest) -> Result<Page<Webhook>> {
    caller.require(Scope::Webhooks)?;
    let rows = rows::page(service.store().read(), request.after.position(), request.rows()).await?;
    let page = request.page(rows, |row| (row.created_at, &row.id));
    Ok(Page { items: page.items.into_iter().map(shown).collect(), next: page.next })
}

/// One webhook.
pub async fn get(service: &Service, caller: &Caller, id: &str) -> Result<Webhook> {
    caller.require(Scope::Webhooks)?;
    let row = rows::by_id(service.store().read(), id).await?;
    row.map(shown).ok_or_else(|| not_found(id))
}

/// Part of what a webhook was and will be told, the latest first.
pub async fn deliveries(
    service: &Service,
    caller: &Caller,
    id: &str,
    request: &PageRequest,
) -> Result<Page<Delivery>> {
    get(service, caller, id).await?;
    // This list is ordered by number, from the last one down.
    let before = if request.after == Cursor::start() { i64::MAX } else { request.after.position().0 };
    let rows = deliveries::page(service.store().read(), id, before, request.rows()).await?;
    let page = request.page(rows, |row| (row.sequence, &row.id));
    Ok(Page { items: page.items.into_iter().map(delivery).collect(), next: page.next })
}

/// Makes a webhook. Its secret is in the answer, and nowhere else.
pub async fn create(change: &mut Change, rules: &Rules, new: NewWebhook) -> Result<Webhook> {
    change.caller()?.require(Scope::Webhooks)?;
    check(rules, Some(&new.url), new.events.as_deref(), new.description.as_deref())?;
    let most = i64::try_from(rules.max).unwrap_or(i64::MAX);
    if rows::count(change.database()).await? >= most {
        return Err(Error::conflict(
            None,
            format!("there are {most} webhooks, which is the most (webhooks.max)"),
        ));
    }
    let id = crate::random::id("wh_");
    let secret = crate::random::secret(SECRET_PREFIX);
    let now = to_millis(now());
    let row = WebhookRow {
        url: new.url,
        events: events(new.events.unwrap_or_default()),
        description: new.description.unwrap_or_default(),
        enabled: new.enabled.unwrap_or(true),
        secret: change.vault().seal(&id, secret.as_bytes()),
        failures: 0,
        retry_at: 0,
        created_at: now,
        updated_at: now,
        id,
    };
    rows::insert(change.database(), &row).await?;
    Ok(Webhook { secret: Some(secret), ..shown(row) })
}

/// Changes a webhook. What waited for it is tried at once.
pub async fn update(
    change: &mut Change,
    rules: &Rules,
    id: &str,
    changes: WebhookChanges,
) -> Result<Webhook> {
    let mut row = owned(change, id).await?;
    check(rules, changes.url.as_deref(), changes.events.as_deref(), changes.description.as_deref())?;
    row.url = changes.url.unwrap_or(row.url);
    row.events = changes.events.map_or(row.events, events);
    row.description = changes.description.unwrap_or(row.description);
    row.enabled = changes.enabled.unwrap_or(row.enabled);
    (row.failures, row.retry_at) = (0, 0);
    row.updated_at = to_millis(now());
    rows::update(change.database(), &row).await?;
    Ok(shown(row))
}

/// Deletes a webhook and what it was still to be told.
pub async fn delete(change: &mut Change, id: &str) -> Result<()> {
    change.caller()?.require(Scope::Webhooks)?;
    if rows::delete(change.database(), id).await? { Ok(()) } else { Err(not_found(id)) }
}

/// Sends an event of the type `webhook.test` to one webhook, whatever events it wants.
pub async fn test(change: &mut Change, id: &str) -> Result<Delivery> {
    let webhook = owned(change, id).await?;
    if !webhook.enabled {
        return Err(Error::conflict(None, "the webhook is not enabled, so nothing is sent to it"));
    }
    let event = crate::random::id("evt_");
    let data = json!({ "webhook": shown(webhook) });
    let told = Occurrence { id: &event, kind: TEST, at: now(), data: &data };
    let made = deliveries::insert(change.database(), id, &told).await?;
    let row = deliveries::by_id(change.database(), &made).await?;
    row.map(delivery).ok_or_else(|| Error::not_found("delivery", &made))
}

/// The webhook, for a caller who may change it.
async fn owned(change: &mut Change, id: &str) -> Result<WebhookRow> {
    change.caller()?.require(Scope::Webhooks)?;
    rows::by_id(change.database(), id).await?.ok_or_else(|| not_found(id))
}

fn not_found(id: &str) -> Error {
    Error::not_found("webhook", id)
}

fn check(
    rules: &Rules,
    url: Option<&str>,
    events: Option<&[String]>,
    description: Option<&str>,
) -> Result<()> {
    let mut errors = Vec::new();
    if let Some(refused) = url.and_then(|url| rules.targets.url(url).err()) {
        errors.push(FieldError::new("url", refused.to_string()));
    }
    let events = events.unwrap_or_default();
    if events.len() > MAX_EVENTS {
        errors.push(FieldError::new("events", format!("has more than {MAX_EVENTS} entries")));
    }
    if let Some(at) = events.iter().take(MAX_EVENTS).position(|event| EventKind::from_name(event).is_none()) {
        let known = EventKind::ALL.map(EventKind::name).join(", ");
        errors.push(FieldError::new(&format!("events[{at}]"), format!("is not one of {known}")));
    }
    if description.is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
        errors.push(FieldError::new("description", format!("is longer than {MAX_DESCRIPTION} characters")));
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
}

/// Events as they are stored; where none are asked for, those that come to everybody.
fn events(mut asked: Vec<String>) -> String {
    if asked.is_empty() {
        let on_request = [EventKind::ViewerJoined, EventKind::ViewerLeft];
        let common = EventKind::ALL.into_iter().filter(|kind| !on_request.contains(kind));
        asked = common.map(|kind| kind.name().to_owned()).collect();
    }
    asked.sort_unstable();
    asked.dedup();
    asked.join(" ")
}

fn shown(row: WebhookRow) -> Webhook {
    Webhook {
        id: row.id,
        url: row.url,
        events: row.events.split(' ').map(str::to_owned).collect(),
        description: row.description,
        enabled: row.enabled,
        secret: None,
        created_at: from_millis(row.created_at),
        updated_at: from_millis(row.updated_at),
    }
}

fn delivery(row: DeliveryRow) -> Delivery {
    let state = match row.state.as_str() {
        "delivered" => DeliveryState::Delivered,
        "failed" => DeliveryState::Failed,
        _ => DeliveryState::Pending,
    };
    let next = (row.state == "aside").then(|| from_millis(row.retry_at));
    Delivery {
        id: row.id,
        event: row.kind,
        event_id: row.event_id,
        sequence: row.sequence,
        state,
        attempts: row.attempts,
        status_code: row.status,
        error: row.error,
        created_at: from_millis(row.created_at),
        attempted_at: row.attempted_at.map(from_millis),
        next_attempt_at: next,
    }
}
