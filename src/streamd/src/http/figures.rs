//! `/metrics`: the daemon's figures as Prometheus reads them. `docs/metrics.md` names them all.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{Router, get};
use ipnet::IpNet;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::client::Client;
use crate::media::Media;
use crate::service::Service;

/// Upper ends of the ranges that durations are counted in, in seconds.
const SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];
/// How often that is.
const UPKEEP: Duration = Duration::from_secs(5);

/// Takes the figures of the whole process from now on.
pub fn install() -> Result<PrometheusHandle> {
    let builder = PrometheusBuilder::new().set_buckets(&SECONDS)?;
    let handle = builder.install_recorder().context("another recorder of figures is installed")?;
    metrics::gauge!("streamd_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

/// Takes what is measured now and then, and keeps the memory of durations bounded, for as long as it is polled.
pub async fn upkeep(handle: PrometheusHandle, service: Service, media: Arc<Media>) {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        ticks.tick().await;
        handle.run_upkeep();
        metrics::gauge!("streamd_streams").set(service.directory().len() as f64);
        let (viewers, live) = media.count();
        let by_carrier = [
            ("udp", viewers.udp),
            ("webtransport", viewers.webtransport),
            ("websocket", viewers.websocket),
            ("other", viewers.other),
        ];
        for (carrier, count) in by_carrier {
            metrics::gauge!("streamd_viewers", "carrier" => carrier).set(count as f64);
        }
        metrics::gauge!("streamd_live_streams").set(live as f64);
        if let Ok(bytes) = service.store().bytes().await {
            metrics::gauge!("streamd_store_bytes").set(bytes as f64);
        }
    }
}

struct Page {
    handle: PrometheusHandle,
    allow: Vec<IpNet>,
}

/// The route of the page, for clients in these networks.
pub fn routes(handle: PrometheusHandle, allow: Vec<IpNet>) -> Router {
    Router::new().route("/metrics", get(page)).with_state(Arc::new(Page { handle, allow }))
}

async fn page(State(page): State<Arc<Page>>, Extension(client): Extension<Client>) -> Response {
    if !page.allow.iter().any(|network| network.contains(&client.address)) {
        return (StatusCode::FORBIDDEN, "metrics.allow does not name your network\n").into_response();
    }
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, page.handle.render()).into_response()
}
