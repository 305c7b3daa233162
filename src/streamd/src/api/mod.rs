//! The service's face over HTTP: REST under `/v1`, described by `/v1/openapi.json` and, for people, by `/docs`.

mod auth;
pub mod client;
mod cookie;
mod docs;
mod extract;
mod ingest;
mod keys;
mod limits;
pub mod list;
mod once;
mod openapi;
pub mod problem;
mod session;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::cors::{Any, CorsLayer};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use extract::{Body, Id, Post, Query};
pub use once::{Answer, Answering, Once, Stop};
pub use problem::Problem;

use crate::config::Config;
use crate::discover::Discovery;
use crate::service::Service;
use crate::webhooks::manage::Rules;

/// The bounds of the HTTP API.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Requests a minute of an API key that has no limit of its own.
    pub key_rate: u32,
    /// Requests a minute of an address without an API key; IPv6 addresses count by their /64.
    pub address_rate: u32,
    /// The longest body of a request, in bytes.
    pub max_body: usize,
    /// How long a request's body may take to arrive.
    pub body_timeout: Duration,
    /// How long a request may take, its body included.
    pub timeout: Duration,
    /// What webhooks may be.
    pub webhooks: Rules,
    /// How cameras are looked for.
    pub discovery: Arc<Discovery>,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        Self {
            key_rate: config.limits.requests_per_minute,
            address_rate: config.limits.anonymous_requests_per_minute,
            max_body: config.limits.body_bytes,
            body_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            webhooks: Rules::new(&config.webhooks),
            discovery: Arc::new(Discovery::new(config)),
        }
    }
}

/// What every handler reaches.
#[derive(Debug, Clone)]
pub struct App {
    /// The rules.
    pub service: Service,
    settings: Arc<Settings>,
    limits: Arc<limits::RateLimits>,
    in_flight: Arc<once::InFlight>,
    document: Arc<openapi::Document>,
}

impl App {
    /// The API of `service`.
    pub fn new(service: Service, settings: Settings) -> Self {
        let document = Arc::new(openapi::Document::new(described().into_openapi(), service.settings()));
        Self {
            service,
            settings: Arc::new(settings),
            limits: Arc::default(),
            in_flight: Arc::default(),
            document,
        }
    }

    /// What webhooks may be.
    pub fn webhook_rules(&self) -> &Rules {
        &self.settings.webhooks
    }

    /// What looks for cameras.
    pub fn discovery(&self) -> &Discovery {
        &self.settings.discovery
    }

    /// The API's description, as it is served.
    pub fn document(&self) -> &serde_json::Value {
        self.document.value()
    }
}

/// Every route under `/v1` and `/session`, with its description. A route that is not made here is not described.
fn described() -> OpenApiRouter<App> {
    with_api_key().merge(with_stream_key()).merge(of_dashboard())
}

fn with_api_key() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(streams::create, streams::list))
        .routes(routes!(streams::show, streams::change, streams::archive))
        .routes(routes!(streams::stats))
        .routes(routes!(streams::source_events))
        .routes(routes!(streams::pause))
        .routes(routes!(streams::resume))
        .routes(routes!(streams::rotate_key))
        .routes(routes!(keys::create, keys::list))
        .routes(routes!(keys::show_own))
        .routes(routes!(keys::show, keys::revoke))
        .merge(crate::discover::api::routes())
        .merge(crate::webhooks::api::routes())
}

fn with_stream_key() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(ingest::settings))
}

/// They find out themselves who asks: by a cookie alone, or by a key in the body.
fn of_dashboard() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(session::begin, session::show, session::end))
}

/// All that is served over HTTP but for files. Nobody needs a key for `public` and `pages`; they count against the rate
/// of the address that asks. What is `public` is for pages of all origins, `pages` are not.
pub fn router(app: App, public: Router<App>, pages: Router<App>) -> Router {
    let (keyed, _) = with_api_key().split_for_parts();
    let (ingest, _) = with_stream_key().split_for_parts();
    let keyed = keyed
        .method_not_allowed_fallback(problem::method_not_allowed)
        .route_layer(middleware::from_fn_with_state(app.clone(), auth::require_api_key));
    let open = ingest
        .merge(public)
        .route("/v1/openapi.json", get(openapi::serve))
        .route("/docs", get(docs::serve))
        .method_not_allowed_fallback(problem::method_not_allowed)
        .route_layer(middleware::from_fn_with_state(app.clone(), limits::by_address));
    let pages = pages
        .layer(middleware::from_fn_with_state(app.clone(), limits::by_address))
        .merge(of_dashboard().split_for_parts().0)
        .method_not_allowed_fallback(problem::method_not_allowed);
    keyed
        .merge(open)
        .fallback(problem::no_such_page)
        .layer(cors())
        .merge(pages)
        .layer(middleware::from_fn_with_state(app.clone(), bounded_time))
        .with_state(app)
}

/// Pages of other origins may use the API with a bearer token. Not with the dashboard's cookie: browsers are not told
/// that they may send it, and the header that every request with it has is not among those allowed.
fn cors() -> CorsLayer {
    let answered =
        ["link", "location", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after"];
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("idempotency-key"),
        ])
        .expose_headers(answered.map(HeaderName::from_static))
        .max_age(Duration::from_secs(3600))
}

async fn bounded_time(State(app): State<App>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(app.settings.timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::timeout(app.settings.timeout).into_response(),
    }
}

#[cfg(test)]
mod tests;
