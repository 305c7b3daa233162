//! `/healthz`: the process answers. `/readyz`: it can do its work, which its parts say.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{Router, get};
use serde::Serialize;
use sqlx::SqlitePool;

/// A store that takes longer than this is not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the daemon has started, and is not about to end.
#[derive(Default)]
pub struct Readiness {
    running: AtomicBool,
}

impl Readiness {
    /// Everything is started.
    pub fn started(&self) {
        self.running.store(true, Ordering::Relaxed);
    }

    /// The end begins: no new work, please.
    pub fn ending(&self) {
        self.running.store(false, Ordering::Relaxed);
    }
}

/// The answer of both: `status` is `ok`, or names what is not.
#[derive(Serialize)]
struct Health {
    status: &'static str,
}

/// The routes of both.
pub fn routes(readiness: Arc<Readiness>, store: SqlitePool) -> Router {
    let ready = Router::new().route("/readyz", get(ready)).with_state((readiness, store));
    ready.route("/healthz", get(async || Json(Health { status: "ok" })))
}

async fn ready(State((readiness, store)): State<(Arc<Readiness>, SqlitePool)>) -> (StatusCode, Json<Health>) {
    let not = |status| (StatusCode::SERVICE_UNAVAILABLE, Json(Health { status }));
    if !readiness.running.load(Ordering::Relaxed) {
        return not("starting or ending");
    }
    match tokio::time::timeout(PATIENCE, sqlx::query("SELECT COUNT(*) FROM webhooks").fetch_one(&store)).await
    {
        Ok(Ok(_)) => (StatusCode::OK, Json(Health { status: "ok" })),
        Ok(Err(error)) => {
            tracing::error!("the store does not answer: {error}");
            not("the store fails")
        }
        Err(_) => not("the store does not answer"),
    }
}
