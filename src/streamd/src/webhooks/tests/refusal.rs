//! Where deliveries do not go, and what they do not wait for.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::receiver::Receiver;
use super::*;
use crate::service::Error;

/// The error of the first attempt at a delivery to this URL.
async fn error_of(config: config::Webhooks, url: &str) -> String {
    let folder = TempDir::new().expect("there is room");
    let node = Node::open(&folder, config).await;
    let webhook = node.webhook(url, &["stream.live"]).await;
    node.happen(EventKind::StreamLive, "a").await;
    let running = node.deliver();
    let list = node.deliveries_when(&webhook, |list| list[0].attempts > 0).await;
    running.stop().await;
    list[0].error.clone().expect("it is refused")
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_refused_when_it_is_connected_to() {
    let mut receiver = Receiver::answering(|_| Response::default()).await;
    let url = format!("http://localhost:{}/hook?token=hidden", receiver.address.port());
    let config = config::Webhooks { allow_private: false, ..allowing() };
    let error = error_of(config, &url).await;
    assert!(error.contains("is not a public address"), "{error}");
    assert!(!error.contains("hidden"), "{error}");
    assert!(receiver.rest().is_empty());
}

#[tokio::test]
async fn an_address_that_was_allowed_when_it_was_set_is_judged_again() {
    let folder = TempDir::new().expect("there is room");
    let mut receiver = Receiver::answering(|_| Response::default()).await;
    let node = Node::open(&folder, allowing()).await;
    let webhook = node.webhook(&receiver.url(), &["stream.live"]).await;
    node.happen(EventKind::StreamLive, "a").await;
    let node = Node { config: config::Webhooks { allow_private: false, ..allowing() }, ..node };
    let running = node.deliver();
    let list = node.deliveries_when(&webhook, |list| list[0].attempts > 0).await;
    running.stop().await;
    assert!(list[0].error.as_deref().is_some_and(|error| error.contains("127.0.0.1")), "{list:?}");
    assert!(receiver.rest().is_empty());
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let mut inner = Receiver::answering(|_| Response::default()).await;
    let url = inner.url();
    let outer = Receiver::answering(move |_| {
        (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, url.clone())]).into_response()
    })
    .await;
    let error = error_of(allowing(), &outer.url()).await;
    assert_eq!(error, "the receiver answered 307; redirects are not followed");
    assert!(inner.rest().is_empty());
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let folder = TempDir::new().expect("there is room");
    // Longer than the test may take: it is the bound on the answer that ends it.
    let node = Node::open(&folder, config::Webhooks { timeout: Duration::from_secs(60), ..allowing() }).await;
    let endless = Receiver::answering(|_| Response::new(Body::new(Endless))).await;
    let webhook = node.webhook(&endless.url(), &["stream.live"]).await;
    node.happen(EventKind::StreamLive, "a").await;
    let running = node.deliver();
    let list = node.deliveries_when(&webhook, are_delivered).await;
    running.stop().await;
    assert_eq!(list[0].attempts, 1);
}

/// A body that never ends.
struct Endless;

impl axum::body::HttpBody for Endless {
    type Data = axum::body::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        std::task::Poll::Ready(Some(Ok(http_body::Frame::data(axum::body::Bytes::from_static(
            &[b'a'; 4096],
        )))))
    }
}

#[tokio::test]
async fn targets_and_events_that_make_no_sense_are_refused_by_name() {
    let folder = TempDir::new().expect("there is room");
    let node = Node::open(&folder, config::Webhooks { allow_private: false, max: 0, ..allowing() }).await;
    let mut change = node.service.begin(&node.administrator).await.expect("the store takes changes");
    let rules = Rules::new(&node.config);
    let new = |url: &str, event: &str| NewWebhook {
        url: url.to_owned(),
        events: Some(vec!["stream.live".to_owned(), event.to_owned()]),
        description: Some("a".repeat(501)),
        enabled: None,
    };
    let error = manage::create(&mut change, &rules, new("http://10.0.0.1/", "stream.died")).await;
    let Err(Error::Invalid(fields)) = error else { panic!("{error:?}") };
    let fields: Vec<&str> = fields.iter().map(|field| field.field.as_str()).collect();
    assert_eq!(fields, ["url", "events[1]", "description"]);

    let enough = NewWebhook { description: None, ..new("https://example.com/", "stream.offline") };
    let error = manage::create(&mut change, &rules, enough).await;
    assert!(matches!(&error, Err(Error::Conflict { .. })), "{error:?}");
}
