//! What is told to whom, how often and in which order.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::receiver::Receiver;
use super::*;
use crate::store::to_millis;
use crate::webhooks::{deliveries, signature};

async fn taking() -> Receiver {
    Receiver::answering(|_| Response::default()).await
}

#[tokio::test]
async fn an_event_is_told_signed_to_those_who_asked_for_it() {
    let folder = TempDir::new().expect("there is room");
    let node = Node::open(&folder, allowing()).await;
    let (mut told, mut other) = (taking().await, taking().await);
    let webhook = node.webhook(&told.url(), &["stream.live"]).await;
    let other_webhook = node.webhook(&other.url(), &["stream.offline"]).await;
    let running = node.deliver();
    node.happen(EventKind::StreamLive, "a").await;

    let got = told.next().await;
    assert_eq!(got.body["type"], "stream.live");
    assert_eq!(got.body["sequence"], 1);
    assert_eq!(name_of(&got.body), "a");
    assert!(got.body["id"].as_str().is_some_and(|id| id.starts_with("evt_")));
    let at = got.body["createdAt"].as_str().expect("it has a time");
    assert!(at.parse::<jiff::Timestamp>().is_ok(), "{at}");

    let header = |name: &str| got.headers[name].to_str().expect("it is text").to_owned();
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("stream-event"), "stream.live");
    let sent = header(signature::HEADER);
    let seconds = sent.strip_prefix("t=").and_then(|rest| rest.split(',').next()).expect("it has a time");
    let seconds: i64 = seconds.parse().expect("it is seconds");
    assert!((jiff::Timestamp::now().as_second() - seconds).abs() < 60);
    assert_eq!(sent, signature::sign(&webhook.secret.clone().expect("it was just made"), seconds, &got.text));

    let list = node.deliveries_when(&webhook, are_delivered).await;
    assert_eq!(list.len(), 1);
    assert_eq!(header("stream-delivery"), list[0].id);
    assert_eq!((list[0].attempts, list[0].status_code, &list[0].error), (1, Some(200), &None));
    assert!(node.deliveries(&other_webhook).await.is_empty());
    running.stop().await;
    assert!(other.rest().is_empty());
}

#[tokio::test]
async fn a_change_that_does_not_last_is_not_told() {
    let folder = TempDir::new().expect("there is room");
    let node = Node::open(&folder, allowing()).await;
    let webhook = node.webhook("http://127.0.0.1:9/", &["stream.live"]).await;
    let mut change = node.service.begin(&node.administrator).await.expect("the store takes changes");
    change.record(EventKind::StreamLive, &json!({})).await.expect("the store takes events");
    drop(change);
    assert!(node.deliveries(&webhook).await.is_empty());
}

#[tokio::test]
async fn a_webhook_that_names_no_events_gets_all_but_those_of_viewers() {
    let folder = TempDir::new().expect("there is room");
    let node = Node::open(&folder, allowing()).await;
    let webhook = node.webhook("http://127.0.0.1:9/", &[]).await;
    for kind in EventKind::ALL {
        node.happen(kind, "a").await;
    }
    let told: Vec<String> = node.deliveries(&webhook).await.into_iter().map(|d| d.event).collect();
    assert_eq!(told.len(), EventKind::ALL.len() - 2);
    assert!(told.iter().all(|event| !event.starts_with("viewer.")), "{told:?}");
}

#[tokio::test]
async fn events_arrive_in_order_though_the_receiver_fails_meanwhile() {
    let folder = TempDir::new().expect("there is room");
    let node = Node::open(&folder, allowing()).await;
    let asked = AtomicUsize::new(0);
    let mut receiver = Receiver::answering(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0..3 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        _ => Response::default(),
    })
    .await;
    let webhook = node.webhook(&receiver.url(), &["stream.live"]).await;
    for name in ["a", "b", "c", "d"] {
        node.happen(EventKind::StreamLive, name).await;
    }
    let running = node.deliver();
    let list = node.deliveries_when(&webhook, are_delivered).await;
    running.stop().await;
    let names: Vec<String> = receiver.rest().iter().map(|got| name_of(&got.body).to_owned()).collect();
    assert_eq!(names, ["a", "a", "a", "a", "b", "c", "d"]);
    assert_eq!(list.iter().map(|delivery| delivery.attempts).collect::<Vec<_>>(), [4, 1, 1, 1]);
}

#[tokio::test]
async fn an_event_that_is_never_taken_lets_the_others_pass_and_is_given_up_visibly() {
    let folder = TempDir::new().expect("there is room");
    let config = config::Webhooks { give_up_after: Duration::from_secs(2), ..allowing() };
    let node = Node::open(&folder, config).await;
    let receiver = Receiver::answering(|got| match name_of(&got.body) {
        "poison" => StatusCode::BAD_GATEWAY.into_response(),
        _ => Response::default(),
    })
    .await;
    let webhook = node.webhook(&receiver.url(), &["stream.live"]).await;
    node.happen(EventKind::StreamLive, "poison").await;
    node.happen(EventKind::StreamLive, "a").await;
    let running = node.deliver();

    let list = node.deliveries_when(&webhook, |list| list[1].state == DeliveryState::Delivered).await;
    assert_eq!(list[0].state, DeliveryState::Pending, "it is not given up for the others");
    let list = node.deliveries_when(&webhook, |list| list[0].state == DeliveryState::Failed).await;
    running.stop().await;
    assert!(list[0].attempts > FAST.patience, "{:?}", list[0]);
    assert_eq!(list[0].status_code, Some(502));
    assert_eq!(list[0].error.as_deref(), Some("the receiver answered 502"));
    assert_eq!(list[0].next_attempt_at, None);
}

#[tokio::test]
async fn a_slow_receiver_holds_up_nobody_but_itself() {
    let folder = TempDir::new().expect("there is room");
    let node = Node::open(&folder, config::Webhooks { concurrency: 2, ..allowing() }).await;
    let slow = Receiver::slow(Duration::from_secs(3600)).await;
    let fast = taking().await;
    let slow_webhook = node.webhook(&slow.url(), &["stream.live"]).await;
    let fast_webhook = node.webhook(&fast.url(), &["stream.live"]).await;
    for number in 0..20 {
        node.happen(EventKind::StreamLive, &number.to_string()).await;
    }
    let begun = Instant::now();
    let running = node.deliver();
    node.deliveries_when(&fast_webhook, are_delivered).await;
    assert!(begun.elapsed() < node.config.timeout, "the fast one had everything before the slow one had one");
    let list = node.deliveries_when(&slow_webhook, |list| list[0].attempts == 1).await;
    running.stop().await;
    assert_eq!(list[0].error.as_deref(), Some("no answer within 5 s"));
    assert!(list[1..].iter().all(|delivery| delivery.attempts == 0), "one after the other");
}

#[tokio::test]
async fn what_is_due_when_the_end_begins_is_told_before_it() {
    let folder = TempDir::new().expect("there is room");
    let node = Node::open(&folder, allowing()).await;
    let receiver = taking().await;
    let webhook = node.webhook(&receiver.url(), &["stream.offline"]).await;
    let running = node.deliver();
    for name in ["a", "b", "c"] {
        node.happen(EventKind::StreamOffline, name).await;
    }
    running.stop().await;
    let list = node.deliveries(&webhook).await;
    assert!(list.len() == 3 && are_delivered(&list), "{list:?}");
}

#[tokio::test]
async fn what_is_not_delivered_outlives_a_restart() {
    let folder = TempDir::new().expect("there is room");
    let node = Node::open(&folder, allowing()).await;
    let mut receiver = taking().await;
    let webhook = node.webhook(&receiver.url(), &["stream.live"]).await;
    node.happen(EventKind::StreamLive, "a").await;
    node.service.store().close().await;
    drop(node);

    let node = Node::open(&folder, allowing()).await;
    let running = node.deliver();
    assert_eq!(name_of(&receiver.next().await.body), "a");
    node.deliveries_when(&webhook, are_delivered).await;
    running.stop().await;
}

#[tokio::test]
async fn a_receiver_that_is_not_there_gets_it_when_it_is() {
    let folder = TempDir::new().expect("there is room");
    let node = Node::open(&folder, allowing()).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = closed.local_addr().expect("it is bound");
    drop(closed);
    let webhook = node.webhook(&format!("http://{address}/hook"), &["stream.live"]).await;
    node.happen(EventKind::StreamLive, "a").await;
    let running = node.deliver();
    let list = node.deliveries_when(&webhook, |list| list[0].attempts >= 2).await;
    let error = list[0].error.clone().expect("nobody was there");
    assert!(error.starts_with("no connection: "), "{error}");
    assert!(error.to_lowercase().contains("refused"), "{error}");

    let listener = tokio::net::TcpListener::bind(address).await.expect("the port is free");
    let routes = axum::Router::new().route("/hook", axum::routing::post(async || "thanks"));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    node.deliveries_when(&webhook, are_delivered).await;
    running.stop().await;
}

#[tokio::test]
async fn a_webhook_that_is_not_enabled_is_told_nothing_until_it_is() {
    let folder = TempDir::new().expect("there is room");
    let node = Node::open(&folder, allowing()).await;
    let mut receiver = taking().await;
    let webhook = node.webhook(&receiver.url(), &["stream.live"]).await;
    node.happen(EventKind::StreamLive, "before").await;
    enable(&node, &webhook, false).await;
    node.happen(EventKind::StreamLive, "meanwhile").await;
    let running = node.deliver();
    enable(&node, &webhook, true).await;
    node.happen(EventKind::StreamLive, "after").await;
    node.deliveries_when(&webhook, are_delivered).await;
    running.stop().await;
    let names: Vec<String> = receiver.rest().iter().map(|got| name_of(&got.body).to_owned()).collect();
    assert_eq!(names, ["before", "after"]);
}

async fn enable(node: &Node, webhook: &Webhook, enabled: bool) {
    let changes = manage::WebhookChanges { enabled: Some(enabled), ..Default::default() };
    let mut change = node.service.begin(&node.administrator).await.expect("the store takes changes");
    manage::update(&mut change, &Rules::new(&node.config), &webhook.id, changes).await.expect("it is there");
    change.commit().await.expect("the store takes changes");
}

#[tokio::test]
async fn what_is_old_is_given_up_and_what_is_over_is_forgotten() {
    const DAY: i64 = 24 * 3600 * 1000;
    let folder = TempDir::new().expect("there is room");
    let node = Node::open(&folder, allowing()).await;
    let webhook = node.webhook("http://127.0.0.1:9/", &["stream.live"]).await;
    node.happen(EventKind::StreamLive, "a").await;
    let now = to_millis(jiff::Timestamp::now());

    let mut db = node.service.store().write().await.expect("the store takes changes");
    assert_eq!(deliveries::give_up(&mut db, DAY, now).await.expect("it is SQL"), 0);
    assert_eq!(deliveries::give_up(&mut db, DAY, now + DAY).await.expect("it is SQL"), 1);
    db.commit().await.expect("the store takes changes");
    let list = node.deliveries(&webhook).await;
    assert_eq!(list[0].state, DeliveryState::Failed);
    assert_eq!(list[0].error.as_deref(), Some("not tried: those before it failed for too long"));

    let mut db = node.service.store().write().await.expect("the store takes changes");
    assert_eq!(deliveries::forget(&mut db, 7 * DAY, now + DAY).await.expect("it is SQL"), 0);
    assert_eq!(deliveries::forget(&mut db, 7 * DAY, now + 8 * DAY).await.expect("it is SQL"), 1);
    db.commit().await.expect("the store takes changes");
    assert!(node.deliveries(&webhook).await.is_empty());
}

#[tokio::test]
async fn the_lists_of_a_webhook_are_bounded() {
    const FAR: i64 = i64::MAX / 2;
    let folder = TempDir::new().expect("there is room");
    let node = Node::open(&folder, allowing()).await;
    let webhook = node.webhook("http://127.0.0.1:9/", &["stream.live"]).await;
    let mut change = node.service.begin(&node.administrator).await.expect("the store takes changes");
    for _ in 0..10_005 {
        change.record(EventKind::StreamLive, &json!({})).await.expect("the store takes events");
    }
    change.commit().await.expect("the store takes changes");

    let mut db = node.service.store().write().await.expect("the store takes changes");
    assert_eq!(deliveries::give_up(&mut db, FAR, 0).await.expect("it is SQL"), 5);
    assert_eq!(deliveries::pending(&mut *db).await.expect("it is SQL"), 10_000);
    sqlx::query("UPDATE deliveries SET state = 'delivered'").execute(&mut *db).await.expect("it is SQL");
    assert_eq!(deliveries::forget(&mut db, FAR, 0).await.expect("it is SQL"), 9_005);
    db.commit().await.expect("the store takes changes");
    assert_eq!(node.deliveries(&webhook).await.len(), 100, "a page of what is left");
}

#[tokio::test]
async fn a_webhook_that_is_deleted_takes_its_deliveries_with_it() {
    let folder = TempDir::new().expect("there is room");
    let node = Node::open(&folder, allowing()).await;
    let webhook = node.webhook("http://127.0.0.1:9/", &["stream.live"]).await;
    node.happen(EventKind::StreamLive, "a").await;
    let mut change = node.service.begin(&node.administrator).await.expect("the store takes changes");
    manage::delete(&mut change, &webhook.id).await.expect("it is there");
    assert!(manage::delete(&mut change, &webhook.id).await.is_err());
    change.commit().await.expect("the store takes changes");
    let left = deliveries::pending(node.service.store().read()).await.expect("it is SQL");
    assert_eq!(left, 0);
}
