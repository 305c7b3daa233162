//! Every route against the description, and the description against every route.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tower_service::Service as _;

use super::*;
use crate::config::Config;
use crate::service;
use crate::store::Store;

const METHODS: [&str; 6] = ["get", "post", "put", "patch", "delete", "trace"];

async fn app(folder: &TempDir) -> App {
    let config = Config::default();
    let store = Store::open(folder.path()).await.unwrap();
    let service = Service::new(store, service::Settings::from(&config)).await.unwrap();
    service.ensure_administrator(Some(KEY), |_| {}).await.unwrap();
    App::new(service, Settings::from(&config))
}

const KEY: &str = "ak_abcdefghijklmnopqrstuvwxyz234567";

async fn status(router: &mut Router, method: &str, path: &str) -> StatusCode {
    let request = Request::builder().method(method.to_uppercase().as_str()).uri(path);
    let request = request.header("authorization", format!("Bearer {KEY}")).body(Body::empty()).unwrap();
    router.call(request).await.unwrap().status()
}

#[tokio::test]
async fn what_is_described_is_there_and_what_is_not_described_is_not() {
    let folder = TempDir::new().unwrap();
    let app = app(&folder).await;
    let mut router = router(app.clone(), Router::new(), Router::new());
    for (path, item) in app.document()["paths"].as_object().unwrap() {
        let filled = path.replace("{id}", "no-such-thing");
        assert!(!filled.contains('{'), "{path} has a parameter that this test does not know");
        for method in METHODS {
            let status = status(&mut router, method, &filled).await;
            let described = item.get(method).is_some();
            assert_eq!(status != StatusCode::METHOD_NOT_ALLOWED, described, "{method} {path}: {status}");
        }
    }
}

#[tokio::test]
async fn every_route_under_v1_is_described() {
    let folder = TempDir::new().unwrap();
    let app = app(&folder).await;
    let described = app.document()["paths"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    // axum does not tell its routes, but how it shows itself for debugging does.
    let shown = format!("{:?}", router(app, Router::new(), Router::new()));
    let mut routes =
        shown.split("\"/v1/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect::<Vec<_>>();
    routes.sort_unstable();
    routes.dedup();
    assert!(routes.len() > 10, "the routes are not shown any more: {shown}");
    for route in routes.into_iter().filter(|route| *route != "openapi.json") {
        assert!(described.contains(&format!("/v1/{route}")), "/v1/{route}");
    }
}

#[tokio::test]
async fn every_operation_has_what_clients_are_made_of() {
    let folder = TempDir::new().unwrap();
    let app = app(&folder).await;
    let mut names = Vec::new();
    for (path, item) in app.document()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let text = |member: &str| operation[member].as_str().unwrap_or_default().to_owned();
            assert!(!text("summary").is_empty(), "{method} {path}");
            names.push(text("operationId"));
            assert!(operation["tags"][0].is_string(), "{method} {path}");
            assert!(operation["security"][0].is_object(), "{method} {path}");
            let answers = operation["responses"].as_object().unwrap();
            assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path}");
            for needed in ["401", "405", "429", "500"] {
                assert!(answers.contains_key(needed), "{needed} of {method} {path}");
            }
        }
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "operations have names of their own");
}

#[tokio::test]
async fn every_reference_in_the_description_leads_somewhere() {
    let folder = TempDir::new().unwrap();
    let app = app(&folder).await;
    let mut open = vec![app.document()];
    let mut count = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Array(values) => open.extend(values),
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(app.document().pointer(pointer).is_some(), "{reference}");
                    count += 1;
                }
                open.extend(members.values());
            }
            _ => {}
        }
    }
    assert!(count > 50);
}

#[tokio::test]
async fn the_page_on_the_api_has_a_line_for_every_path() {
    let folder = TempDir::new().unwrap();
    let app = app(&folder).await;
    let page = include_str!("../../../../docs/api.md");
    for path in app.document()["paths"].as_object().unwrap().keys() {
        let (start, end) = path.split_once("{id}").unwrap_or((path, ""));
        let words = page.split_whitespace().map(|word| word.trim_matches(['\'', '`']));
        let is_there = words
            .filter_map(|word| word.strip_prefix("$STREAM_API_URL").unwrap_or(word).strip_prefix(start))
            .filter_map(|word| word.strip_suffix(end))
            .any(|id| path.contains('{') != id.is_empty() && !id.contains('/'));
        assert!(is_there, "{path}");
    }
}

mod whatever_comes {
    use axum::http::{HeaderMap, HeaderValue, Request};
    use proptest::prelude::*;

    use crate::api::once::HEADER;
    use crate::api::{Once, auth};
    use crate::service::{NewKey, NewStream};

    proptest! {
        #[test]
        fn an_authorization_is_a_token_or_a_problem(value: Vec<u8>) {
            let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
            let headers = HeaderMap::from_iter([("authorization".parse().unwrap(), value)]);
            if let Ok(token) = auth::bearer(&headers) {
                prop_assert!(!token.is_empty() && token.len() <= 256);
            }
        }

        #[test]
        fn an_idempotency_key_is_one_or_a_problem(value: Vec<u8>, body: Vec<u8>) {
            let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
            let (parts, ()) = Request::builder().header(HEADER, value).body(()).unwrap().into_parts();
            let _ = Once::of(&parts, &body);
        }

        #[test]
        fn a_body_is_what_is_asked_for_or_a_problem(body: Vec<u8>, text in r#"[\[{"a-z:,0-9.}\] ]{0,40}"#) {
            for body in [&body[..], text.as_bytes()] {
                let _ = crate::api::extract::parse::<NewStream>(body);
                let _ = crate::api::extract::parse::<NewKey>(body);
            }
        }
    }
}
