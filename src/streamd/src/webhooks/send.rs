//! One attempt at one delivery.

use std::error::Error as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderValue, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response};

use super::signature;
use super::target::{PublicNames, Targets};
use crate::config::Webhooks;

/// The header with the delivery's id; the same in every attempt.
pub const DELIVERY_HEADER: &str = "stream-delivery";
/// The header with the event's type.
pub const EVENT_HEADER: &str = "stream-event";

/// More of an answer is not read; the connection is closed then instead of used again.
const MOST_ANSWER: usize = 64 << 10;
/// The longest explanation that is kept.
const LONGEST_ERROR: usize = 200;

/// What is sent, and where.
pub struct Parcel<'a> {
    /// The delivery's id.
    pub delivery: &'a str,
    /// The event's type.
    pub kind: &'a str,
    /// The target.
    pub url: &'a str,
    /// The webhook's secret.
    pub secret: &'a str,
    /// The event as JSON.
    pub body: &'a str,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The status that was answered, if anything was.
    pub status: Option<u16>,
    /// Why it is not delivered; none if it is.
    pub error: Option<String>,
}

/// Sends deliveries, to targets that are allowed and nowhere else.
pub struct Sender {
    /// Made when it is first needed: it reads the system's certificate authorities, which takes a start's time and is
    /// of no use to a node without webhooks.
    client: OnceLock<Option<Client>>,
    targets: Arc<Targets>,
    timeout: Duration,
}

impl Sender {
    /// As configured.
    pub fn new(config: &Webhooks) -> Self {
        Self { client: OnceLock::new(), targets: Arc::new(Targets::new(config)), timeout: config.timeout }
    }

    fn client(&self) -> Option<&Client> {
        let make = || match self.builder().build() {
            Ok(client) => Some(client),
            // A system without any certificate authority can still be told of plain HTTP's deliveries.
            Err(error) => {
                tracing::warn!(
                    "webhooks cannot use HTTPS, the system has no certificate authorities: {error}"
                );
                self.builder().tls_certs_only([]).build().ok()
            }
        };
        self.client.get_or_init(make).as_ref()
    }

    fn builder(&self) -> ClientBuilder {
        const IDLE: Duration = Duration::from_secs(30);
        // A process that has no provider for TLS yet gets this one; one that has keeps its own.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .timeout(self.timeout)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(1)
            .dns_resolver(PublicNames(self.targets.clone()))
            .default_headers([(USER_AGENT, HeaderValue::from_static(AGENT))].into_iter().collect())
    }

    /// Makes one attempt.
    pub async fn send(&self, parcel: &Parcel<'_>) -> Outcome {
        // The URL is judged each time: what is allowed may have changed since it was set.
        let url = match self.targets.url(parcel.url) {
            Ok(url) => url,
            Err(refused) => return Outcome::failed(None, format!("the URL {refused}")),
        };
        let Some(client) = self.client() else {
            return Outcome::failed(None, "this node cannot make an HTTP client".to_owned());
        };
        let request = client
            .post(url)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header(
                signature::HEADER,
                signature::sign(parcel.secret, Timestamp::now().as_second(), parcel.body),
            )
            .header(DELIVERY_HEADER, parcel.delivery)
            .header(EVENT_HEADER, parcel.kind)
            .body(parcel.body.to_owned());
        match request.send().await {
            Ok(answer) => self.judge(answer).await,
            Err(error) => Outcome::failed(None, self.explain(&error)),
        }
    }

    async fn judge(&self, mut answer: Response) -> Outcome {
        let status = answer.status();
        let mut read = 0;
        // Nothing in the answer matters; it is read so that the connection can be used again.
        while let Ok(Some(piece)) = answer.chunk().await {
            read += piece.len();
            if read > MOST_ANSWER {
                break;
            }
        }
        let code = Some(status.as_u16());
        if status.is_success() {
            return Outcome { status: code, error: None };
        }
        let more = if status.is_redirection() { "; redirects are not followed" } else { "" };
        Outcome::failed(code, format!("the receiver answered {}{more}", status.as_u16()))
    }

    /// Why there was no answer, without the URL: a secret may be in it.
    fn explain(&self, error: &reqwest::Error) -> String {
        if error.is_timeout() {
            return format!("no answer within {} s", self.timeout.as_secs_f32());
        }
        let mut innermost = error.source();
        while let Some(inner) = innermost.and_then(|error| error.source()) {
            innermost = Some(inner);
        }
        let why = innermost.map_or_else(|| "the connection failed".to_owned(), ToString::to_string);
        let what = if error.is_connect() { "no connection" } else { "no answer" };
        format!("{what}: {}", why.chars().take(LONGEST_ERROR).collect::<String>())
    }
}

impl Outcome {
    fn failed(status: Option<u16>, error: String) -> Self {
        Self { status, error: Some(error) }
    }
}

const AGENT: &str = concat!("streamd/", env!("CARGO_PKG_VERSION"));
