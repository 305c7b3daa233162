//! The API's description: OpenAPI 3.1, made of the handlers' own, with what all of them have in common written in here
//! once: headers, problems, rates.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::problem::{Document as ProblemDocument, Kind};
use super::{App, docs};
use crate::service;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The description: as JSON to look into, as it is sent, and as a page for people.
#[derive(Debug)]
pub(super) struct Document {
    value: Value,
    bytes: Bytes,
    pub(super) page: Bytes,
}

impl Document {
    pub(super) fn new(handlers: utoipa::openapi::OpenApi, settings: &service::Settings) -> Self {
        let mut value = serde_json::to_value(handlers).expect("a description can be written as JSON");
        value["info"] = json!({
            "title": "The Stream: control API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Streams, their keys and playback IDs, API keys and webhooks. Times are RFC 3339, rates \
                            bit/s. Errors are problem documents (RFC 9457).",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        });
        value["servers"] = json!([{ "url": "/" }]);
        describe_components(&mut value);
        limit_regions(&mut value, &settings.region);
        for (path, operations) in value["paths"].as_object_mut().into_iter().flatten() {
            for method in METHODS {
                if let Some(operation) = operations.get_mut(method) {
                    describe_operation(path, method, operation);
                }
            }
        }
        let bytes = serde_json::to_vec(&value).expect("a description can be written as JSON").into();
        let page = docs::page(&value).into();
        Self { value, bytes, page }
    }

    pub(super) fn value(&self) -> &Value {
        &self.value
    }
}

pub(super) async fn serve(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], app.document.bytes.clone())
}

fn describe_components(document: &mut Value) {
    let mut schemas = Vec::new();
    ProblemDocument::schemas(&mut schemas);
    schemas
        .push((ProblemDocument::name().into_owned(), <ProblemDocument as utoipa::PartialSchema>::schema()));
    for (name, schema) in schemas {
        document["components"]["schemas"][name] = json!(schema);
    }
    document["components"]["securitySchemes"] = json!({
        "apiKey": { "type": "http", "scheme": "bearer", "description": "An API key: ak_..." },
        "streamKey": { "type": "http", "scheme": "bearer", "description": "A stream key: sk_..." },
        "session": { "type": "apiKey", "in": "cookie", "name": "stream_session",
            "description": "A dashboard session, with the header X-Stream-Dashboard: 1 (over HTTPS the cookie is \
                            __Host-stream_session). It stands for the API key that signed in wherever that is taken." },
    });
    document["components"]["responses"] = Kind::ALL
        .into_iter()
        .map(|kind| (kind.status().as_str().to_owned(), problem_response(kind)))
        .collect::<Map<_, _>>()
        .into();
    document["components"]["headers"] = json!({
        "RateLimit-Limit": header("How many requests a minute are allowed", "integer"),
        "RateLimit-Remaining": header("How many are left now", "integer"),
        "RateLimit-Reset": header("In how many seconds all of them are there again", "integer"),
        "Retry-After": header("In how many seconds to ask again", "integer"),
        "WWW-Authenticate": header("What to come with", "string"),
        "Allow": header("What can be done", "string"),
        "Link": header("Where the next page is, as RFC 8288 writes it: `<...>; rel=\"next\"`; not on the last one", "string"),
        "Location": header("Where it is from now on", "string"),
        "Idempotency-Replayed": header("`true` where the request was answered before, and not done again", "string"),
    });
}

fn header(description: &str, kind: &str) -> Value {
    json!({ "description": description, "schema": { "type": kind } })
}

fn problem_response(kind: Kind) -> Value {
    let mut headers = json!({});
    match kind {
        Kind::Unauthenticated => add_headers(&mut headers, &["WWW-Authenticate"]),
        Kind::MethodNotAllowed => add_headers(&mut headers, &["Allow"]),
        Kind::TooManyRequests => add_headers(&mut headers, &["Retry-After"]),
        _ => {}
    }
    add_headers(&mut headers, &["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]);
    let description = match kind {
        Kind::IdempotencyKeyReused => Kind::InvalidField.title(),
        Kind::Disabled => "The key may not do this, or the daemon is configured not to",
        kind => kind.title(),
    };
    let schema = json!({ "$ref": "#/components/schemas/Problem" });
    json!({ "description": description, "headers": headers, "content": { "application/problem+json": { "schema": schema } } })
}

fn add_headers(headers: &mut Value, names: &[&str]) {
    for name in names {
        headers[name] = json!({ "$ref": format!("#/components/headers/{name}") });
    }
}

/// The regions that a stream can have depend on the node.
fn limit_regions(document: &mut Value, region: &str) {
    for schema in ["NewStream", "StreamChanges"] {
        document["components"]["schemas"][schema]["properties"]["region"]["enum"] =
            json!(["auto", region, null]);
    }
}

/// Adds what every operation has and no handler repeats.
fn describe_operation(path: &str, method: &str, operation: &mut Value) {
    let has_body = operation.get("requestBody").is_some();
    // Signing in twice is no harm, nor is looking twice.
    let is_post = method == "post" && !matches!(path, "/session" | "/v1/discover");
    if is_post {
        let parameter = json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Something random: sent again with the same, the request is answered again but not done again, for a day",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
        });
        match operation.get_mut("parameters").and_then(Value::as_array_mut) {
            Some(parameters) => parameters.push(parameter),
            None => operation["parameters"] = json!([parameter]),
        }
    }
    // Whoever is signed in to the dashboard asks as his API key.
    if let Some(ways) = operation["security"].as_array_mut().filter(|ways| ways[0].get("apiKey").is_some()) {
        ways.push(json!({ "session": [] }));
    }
    let mut has_query = false;
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        let in_query = parameter["in"] == "query";
        has_query |= in_query;
        if in_query {
            not_null(&mut parameter["schema"]);
        }
    }
    for (status, response) in operation["responses"].as_object_mut().into_iter().flatten() {
        let mut headers = response.get("headers").cloned().unwrap_or_else(|| json!({}));
        add_headers(&mut headers, &["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]);
        if status == "201" {
            add_headers(&mut headers, &["Location"]);
        }
        if is_post {
            add_headers(&mut headers, &["Idempotency-Replayed"]);
        }
        if method == "get" && has_query {
            add_headers(&mut headers, &["Link"]);
        }
        response["headers"] = headers;
    }
    let in_path = path.contains('{');
    let can_conflict = method != "get";
    for (status, applies) in [
        ("400", has_body || in_path),
        ("401", true),
        ("403", true),
        ("404", in_path),
        ("405", true),
        ("408", true),
        ("409", can_conflict),
        ("413", has_body),
        ("415", has_body),
        ("422", has_body || has_query || is_post),
        ("429", true),
        ("500", true),
        // Where there is no network to look in.
        ("503", path == "/v1/discover"),
    ] {
        if applies && operation["responses"].get(status).is_none() {
            operation["responses"][status] = json!({ "$ref": format!("#/components/responses/{status}") });
        }
    }
}

/// A query has no null: a parameter that may be left out is not one that may be null.
fn not_null(schema: &mut Value) {
    if let Some(kinds) = schema.get("type").and_then(Value::as_array) {
        let kind = kinds.iter().find(|kind| *kind != "null").cloned();
        if let Some(kind) = kind {
            schema["type"] = kind;
        }
    }
}
