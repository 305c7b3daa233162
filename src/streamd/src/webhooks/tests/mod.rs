//! Webhooks against real receivers on this machine.

mod delivery;
mod receiver;
mod refusal;
mod verification;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::manage::{self, Delivery, DeliveryState, NewWebhook, Rules, Webhook};
use super::{Backoff, Courier};
use crate::config::{self, Config};
use crate::service::{Caller, EventKind, PageRequest, Service, Settings};
use crate::store::Store;

const ADMINISTRATOR: &str = "ak_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Waits that a test can wait for.
const FAST: Backoff =
    Backoff { first: Duration::from_millis(10), longest: Duration::from_millis(40), patience: 4 };

/// What webhooks of tests may do: they stay on this machine.
fn allowing() -> config::Webhooks {
    config::Webhooks { allow_private: true, timeout: Duration::from_secs(5), ..Config::default().webhooks }
}

/// A node without media, whose deliveries go out when a test says so.
struct Node {
    service: Service,
    administrator: Caller,
    config: config::Webhooks,
}

/// The delivery loop of a node while it runs.
struct Running {
    stop: watch::Sender<bool>,
    done: JoinHandle<()>,
}

impl Running {
    async fn stop(self) {
        self.stop.send_replace(true);
        self.done.await.expect("it ends well");
    }
}

impl Node {
    async fn open(folder: &TempDir, config: config::Webhooks) -> Self {
        let store = Store::open(folder.path()).await.expect("the folder is there");
        let service = Service::new(store, Settings::default()).await.expect("the store is new");
        service.ensure_administrator(Some(ADMINISTRATOR), |_| {}).await.expect("it is a key");
        let administrator = service.authenticate(ADMINISTRATOR).await.expect("it is there");
        Self { service, administrator, config }
    }

    async fn webhook(&self, url: &str, events: &[&str]) -> Webhook {
        let events = Some(events.iter().map(|event| (*event).to_owned()).collect());
        let new = NewWebhook { url: url.to_owned(), events, description: None, enabled: None };
        let mut change = self.service.begin(&self.administrator).await.expect("the store takes changes");
        let made = manage::create(&mut change, &Rules::new(&self.config), new).await.expect("it is allowed");
        change.commit().await.expect("the store takes changes");
        made
    }

    /// Something happens to a stream of this name.
    async fn happen(&self, kind: EventKind, name: &str) {
        let mut change = self.service.begin(&self.administrator).await.expect("the store takes changes");
        change.record(kind, &json!({ "name": name })).await.expect("the store takes events");
        change.commit().await.expect("the store takes changes");
    }

    fn deliver(&self) -> Running {
        self.deliver_with(FAST)
    }

    fn deliver_with(&self, backoff: Backoff) -> Running {
        let store = self.service.store().clone();
        let courier = Courier::new(store, &self.config, backoff, Arc::new(Notify::new()));
        let (stop, stopped) = watch::channel(false);
        Running { stop, done: tokio::spawn(Arc::new(courier).run(stopped)) }
    }

    /// All deliveries of a webhook, in the order of what happened.
    async fn deliveries(&self, webhook: &Webhook) -> Vec<Delivery> {
        let request = PageRequest::new(Some(100), None).expect("it is a page");
        let page = manage::deliveries(&self.service, &self.administrator, &webhook.id, &request).await;
        let mut all = page.expect("the webhook is there").items;
        all.reverse();
        all
    }

    /// The deliveries of a webhook once they are as wanted.
    async fn deliveries_when(
        &self,
        webhook: &Webhook,
        wanted: impl Fn(&[Delivery]) -> bool,
    ) -> Vec<Delivery> {
        let wait = async {
            loop {
                let all = self.deliveries(webhook).await;
                if wanted(&all) {
                    return all;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(30), wait).await {
            Ok(all) => all,
            Err(_) => panic!("the deliveries stay as {:#?}", self.deliveries(webhook).await),
        }
    }
}

fn are_delivered(deliveries: &[Delivery]) -> bool {
    deliveries.iter().all(|delivery| delivery.state == DeliveryState::Delivered)
}

fn name_of(body: &Value) -> &str {
    body["data"]["name"].as_str().unwrap_or_default()
}
