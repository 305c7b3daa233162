//! `stream webhooks`.

use serde_json::{Map, Value, json};

use crate::args::{AddWebhook, Deliveries, UpdateWebhook, Webhooks};
use crate::client::Client;
use crate::commands::ask;
use crate::commands::streams::without_nulls;
use crate::failure::{Failure, Kind, Result};
use crate::model::{Delivery, Webhook};
use crate::output::{Output, read};
use crate::text::{escaped, pairs, table};

/// Runs one of the commands.
pub fn run(client: &Client, output: Output, command: Webhooks) -> Result<()> {
    match command {
        Webhooks::Add(add) => self::add(client, output, add),
        Webhooks::List => list(client, output),
        Webhooks::Show(webhook) => show(client, output, &webhook.id),
        Webhooks::Update(update) => self::update(client, output, update),
        Webhooks::Rm { id, yes } => remove(client, output, &id, yes),
        Webhooks::Test(webhook) => test(client, output, &webhook.id),
        Webhooks::Deliveries(deliveries) => self::deliveries(client, output, &deliveries),
    }
}

fn path(id: &str) -> String {
    format!("/v1/webhooks/{}", escaped(id))
}

fn not_found(id: &str) -> impl Fn(Failure) -> Failure {
    move |failure| match failure.kind() {
        Kind::NotFound => Failure::new(
            Kind::NotFound,
            format!("there is no webhook {id}: stream webhooks list shows all ids"),
        ),
        _ => failure,
    }
}

fn add(client: &Client, output: Output, add: AddWebhook) -> Result<()> {
    let AddWebhook { url, events, description } = add;
    let body = without_nulls(json!({ "url": url, "events": events, "description": description }));
    output.answer(client.post("/v1/webhooks", &body)?, |webhook: &Webhook| {
        format!("✓ Webhook {} added; its secret is not shown again\n{}", webhook.id, describe(webhook))
    })
}

fn describe(webhook: &Webhook) -> String {
    let mut lines = vec![
        ("URL", webhook.url.clone()),
        ("Events", webhook.events.join(", ")),
        ("Enabled", yes_or_no(webhook.enabled)),
    ];
    lines.extend(
        webhook.description.clone().filter(|text| !text.is_empty()).map(|text| ("Description", text)),
    );
    lines.extend(webhook.created_at.clone().map(|at| ("Created", at)));
    lines.extend(webhook.secret.clone().map(|secret| ("Secret", secret)));
    pairs(2, &lines)
}

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

fn list(client: &Client, output: Output) -> Result<()> {
    let all = client.get_all("/v1/webhooks")?;
    if output.is_json() {
        return output.json_document(&all.into());
    }
    let row = |webhook: Webhook| {
        vec![webhook.id, webhook.url, webhook.events.join(","), yes_or_no(webhook.enabled)]
    };
    let rows = all.into_iter().map(|webhook| read(webhook).map(row)).collect::<Result<Vec<_>>>()?;
    output.text(&table(&["ID", "URL", "EVENTS", "ENABLED"], &rows))
}

fn show(client: &Client, output: Output, id: &str) -> Result<()> {
    let answer = client.get(&path(id)).map_err(not_found(id))?;
    output.answer(answer, |webhook: &Webhook| format!("{}\n{}", webhook.id, describe(webhook)))
}

fn update(client: &Client, output: Output, update: UpdateWebhook) -> Result<()> {
    let UpdateWebhook { id, url, events, description, enable, disable } = update;
    let enabled = (enable || disable).then_some(enable);
    let change = without_nulls(
        json!({ "url": url, "events": events, "description": description, "enabled": enabled }),
    );
    if change == json!({}) {
        let text = "nothing to change: give --url, --event, --description, --enable or --disable";
        return Err(Failure::usage(text));
    }
    let answer = client.patch(&path(&id), &change).map_err(not_found(&id))?;
    output.answer(answer, |webhook: &Webhook| format!("✓ Webhook {id} changed\n{}", describe(webhook)))
}

fn remove(client: &Client, output: Output, id: &str, yes: bool) -> Result<()> {
    ask::confirm(yes, &format!("removing webhook {id} drops what is not delivered yet"))?;
    client.delete(&path(id)).map_err(not_found(id))?;
    output.done(&format!("Webhook {id} removed"), &json!({ "removed": id }))
}

fn test(client: &Client, output: Output, id: &str) -> Result<()> {
    let answer =
        client.post(&format!("{}/test", path(id)), &Value::Object(Map::new())).map_err(not_found(id))?;
    let sentence =
        format!("A test event is on its way: stream webhooks deliveries {id} shows what becomes of it");
    output.done(&sentence, &answer)
}

fn deliveries(client: &Client, output: Output, deliveries: &Deliveries) -> Result<()> {
    let Deliveries { id, limit } = deliveries;
    let mut all = client.get_all(&format!("{}/deliveries", path(id))).map_err(not_found(id))?;
    all.truncate(*limit);
    if output.is_json() {
        return output.json_document(&all.into());
    }
    let rows = all.into_iter().map(|delivery| read(delivery).map(row)).collect::<Result<Vec<_>>>()?;
    output.text(&table(&["ID", "EVENT", "STATE", "TRIES", "ANSWER", "CREATED"], &rows))
}

fn row(delivery: Delivery) -> Vec<String> {
    let answer = delivery.status_code.map(|code| code.to_string()).or(delivery.error);
    vec![
        delivery.id,
        delivery.event.unwrap_or_default(),
        delivery.state.unwrap_or_default(),
        delivery.attempts.to_string(),
        answer.unwrap_or_default(),
        delivery.created_at.unwrap_or_default(),
    ]
}
