//! The commands for streams themselves.

use serde_json::{Map, Value, json};

use crate::args::{NewStream, Remove, Show, UpdateStream};
use crate::client::Client;
use crate::commands::ask;
use crate::failure::{Failure, Kind, Result};
use crate::model::{SourceEvent, Stream};
use crate::output::{Output, read};
use crate::settings::{given_passphrase, given_source};
use crate::text::{escaped, pairs, table};

/// The path of a stream.
pub fn path(name: &str) -> String {
    format!("/v1/streams/{}", escaped(name))
}

/// Asks for a stream; where there is none, says what to do.
pub fn find(client: &Client, name: &str) -> Result<Value> {
    client.get(&path(name)).map_err(|failure| not_found(failure, name))
}

/// A failure with what to do where a stream is not there.
pub fn not_found(failure: Failure, name: &str) -> Failure {
    if failure.kind() != Kind::NotFound {
        return failure;
    }
    Failure::new(
        Kind::NotFound,
        format!("there is no stream {name}: stream list shows all, stream new makes one"),
    )
}

/// `stream new`.
pub fn create(client: &Client, output: Output, new: &NewStream) -> Result<()> {
    let passphrase = new.passphrase.as_deref().map(given_passphrase).transpose()?;
    let source = new.pull.as_deref().map(given_source).transpose()?;
    let answer = client.post("/v1/streams", &creation(new, passphrase, source))?;
    output.answer(answer, |stream: &Stream| {
        let mut lines = addresses(stream);
        if new.show_key {
            lines.extend(with_key(stream));
        }
        format!("✓ Stream {} created\n{}", stream.name, pairs(2, &lines))
    })
}

/// Only what was asked for: the server knows the defaults.
fn creation(new: &NewStream, passphrase: Option<String>, source: Option<String>) -> Value {
    let ring = without_nulls(json!({ "seconds": new.ring_seconds, "bytes": new.ring_bytes }));
    without_nulls(json!({
        "name": new.name,
        "layers": new.layers,
        "fec": new.fec,
        "region": new.region,
        "description": new.description,
        "record": new.record.then_some(true),
        "srtPassphrase": passphrase,
        "type": source.as_ref().map(|_| "pull"),
        "source": source,
        "always": new.always.then_some(true),
        "ring": Some(ring).filter(|ring| ring != &json!({})),
    }))
}

/// `stream update`.
pub fn update(client: &Client, output: Output, update: UpdateStream) -> Result<()> {
    let UpdateStream { stream, new_name, layers, fec, description, source, always, passphrase } = update;
    if source.as_deref() == Some("-") && passphrase.as_deref() == Some("-") {
        return Err(Failure::usage("only one of --source and --passphrase can come by standard input"));
    }
    let source = source.as_deref().map(given_source).transpose()?;
    let passphrase = passphrase.as_deref().map(given_passphrase).transpose()?;
    let change = without_nulls(json!({
        "name": new_name,
        "layers": layers,
        "fec": fec,
        "description": description,
        "source": source,
        "always": always,
        "srtPassphrase": passphrase,
    }));
    if change == json!({}) {
        let options = "--name, --layers, --fec, --description, --source, --always or --passphrase";
        return Err(Failure::usage(format!("nothing to change: give {options}")));
    }
    let answer = client.patch(&path(&stream), &change).map_err(|failure| not_found(failure, &stream))?;
    output.answer(without_secrets(answer), |stream: &Stream| format!("✓ Stream {} changed\n", stream.name))
}

/// A document without the members that were not given.
pub fn without_nulls(document: Value) -> Value {
    match document {
        Value::Object(members) => members.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        other => other,
    }
}

/// `stream list`.
pub fn list(client: &Client, output: Output) -> Result<()> {
    let all: Vec<Value> = client.get_all("/v1/streams")?.into_iter().map(without_secrets).collect();
    if output.is_json() {
        return output.json_document(&all.into());
    }
    if all.is_empty() {
        return output.text("There are no streams yet: stream new my-first-stream makes one.\n");
    }
    let rows = all.into_iter().map(|stream| read::<Stream>(stream).map(row)).collect::<Result<Vec<_>>>()?;
    output.text(&table(&["NAME", "STATE", "LAYERS", "FEC", "PLAYBACK ID", "CREATED"], &rows))
}

fn row(stream: Stream) -> Vec<String> {
    let Stream { name, state, layers, fec, playback_id, created_at, .. } = stream;
    vec![name, state, layers.to_string(), fec, playback_id, created_at]
}

/// `stream show`.
pub fn show(client: &Client, output: Output, show: &Show) -> Result<()> {
    let stream = find(client, &show.name)?;
    let stream = if show.show_key { stream } else { without_secrets(stream) };
    output.answer(stream, |stream: &Stream| description(stream, show.show_key))
}

/// Secrets are printed only for who asked for them: what is printed ends in logs.
pub fn without_secrets(mut stream: Value) -> Value {
    if let Some(members) = stream.as_object_mut() {
        members.remove("streamKey");
        members.remove("srtPassphrase");
    }
    stream
}

fn description(stream: &Stream, show_key: bool) -> String {
    let mut lines = vec![
        ("State", stream.state.clone()),
        ("Id", stream.id.clone()),
        ("Playback ID", stream.playback_id.clone()),
        ("Type", stream.kind.clone()),
        ("Layers", stream.layers.to_string()),
        ("FEC", stream.fec.clone()),
        ("Region", stream.region.clone()),
        ("Created", stream.created_at.clone()),
    ];
    if !stream.description.is_empty() {
        lines.insert(0, ("Description", stream.description.clone()));
    }
    lines.extend(stream.source.clone().map(|source| ("Source", source)));
    let opened = |always| if always { "always" } else { "while somebody watches" };
    lines.extend(stream.always.map(|always| ("Source open", opened(always).to_owned())));
    lines.extend(stream.source_status.as_ref().map(|status| ("Source state", status.to_string())));
    lines.extend(addresses(stream));
    lines.extend(stream.playback.fql.clone().map(|uri| ("FQL", uri)));
    if show_key {
        let hidden = || "not shown to this API key".to_owned();
        lines.push(("Stream key", stream.stream_key.clone().unwrap_or_else(hidden)));
        lines.extend(with_key(stream));
    }
    format!("{}\n{}", stream.name, pairs(2, &lines))
}

pub fn addresses(stream: &Stream) -> Vec<(&'static str, String)> {
    // Nobody sends a stream that is pulled.
    let ingest = stream.ingest.fql.clone().filter(|_| stream.source.is_none());
    let ingest = ingest.map(|address| ("Ingest", address));
    let page = stream.playback.page.clone().map(|address| ("Playback", address));
    ingest.into_iter().chain(page).collect()
}

/// Where ordinary encoders send it to, with the secrets that they need.
fn with_key(stream: &Stream) -> Vec<(&'static str, String)> {
    let Some(key) = &stream.stream_key else { return Vec::new() };
    let ingest = &stream.ingest;
    let rtmp = ingest.rtmp.as_ref().map(|address| ("RTMP", format!("{address}/{key}")));
    let srt = ingest.srt.as_ref().map(|address| ("SRT", format!("{address}?streamid={key}")));
    let passphrase = stream.srt_passphrase.as_ref().filter(|_| srt.is_some());
    let passphrase = passphrase.map(|passphrase| ("SRT passphrase", passphrase.clone()));
    let whip = ingest.whip.as_ref().map(|address| ("WHIP", format!("{address} with the bearer token {key}")));
    [rtmp, srt, passphrase, whip].into_iter().flatten().collect()
}

/// `stream source-events`.
pub fn source_events(client: &Client, output: Output, name: &str) -> Result<()> {
    let answer = client.get(&format!("{}/source-events", path(name)));
    let answer = answer.map_err(|failure| not_found(failure, name))?;
    output.answer(answer, |events: &Vec<SourceEvent>| {
        if events.is_empty() {
            return format!("No source of {name} was ever opened.\n");
        }
        let rows: Vec<_> = events.iter().map(event_row).collect();
        table(&["AT", "OUTCOME", "REASON", "ADDRESS", "TOOK", "DETAIL"], &rows)
    })
}

fn event_row(event: &SourceEvent) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    vec![
        event.at.clone(),
        event.outcome.clone(),
        text(&event.reason),
        text(&event.address),
        format!("{} ms", event.took_ms),
        text(&event.detail),
    ]
}

/// `stream rm`.
pub fn remove(client: &Client, output: Output, remove: &Remove) -> Result<()> {
    let what = format!("archiving {} ends all sessions for good", remove.names.join(", "));
    ask::confirm(remove.yes, &what)?;
    for name in &remove.names {
        client.delete(&path(name)).map_err(|failure| not_found(failure, name))?;
        output.done(&format!("Stream {name} archived"), &json!({ "archived": name }))?;
    }
    Ok(())
}

/// `stream pause`.
pub fn pause(client: &Client, output: Output, name: &str) -> Result<()> {
    act(client, output, name, "pause", "paused")
}

/// `stream resume`.
pub fn resume(client: &Client, output: Output, name: &str) -> Result<()> {
    act(client, output, name, "resume", "resumed")
}

fn act(client: &Client, output: Output, name: &str, action: &str, done: &str) -> Result<()> {
    let answer = client.post(&format!("{}/{action}", path(name)), &Value::Object(Map::new()));
    let answer = answer.map_err(|failure| not_found(failure, name))?;
    output.done(&format!("Stream {name} {done}"), &without_secrets(answer))
}

/// `stream rotate-key`.
pub fn rotate_key(client: &Client, output: Output, name: &str) -> Result<()> {
    let answer = client.post(&format!("{}/rotate-key", path(name)), &Value::Object(Map::new()));
    let answer = answer.map_err(|failure| not_found(failure, name))?;
    let key = answer.get("streamKey").and_then(Value::as_str).map(str::to_owned);
    output.done(&format!("Stream {name} has a new stream key; the old one is refused"), &answer)?;
    match key.filter(|_| !output.is_json()) {
        Some(key) => output.text(&pairs(2, &[("Stream key", key)])),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_part_of_the_path() {
        assert_eq!(path("../keys"), "/v1/streams/..%2Fkeys");
    }

    #[test]
    fn the_server_chooses_what_nobody_asked_for() {
        assert_eq!(without_nulls(json!({"a": null, "b": 1})), json!({"b": 1}));
    }
}
