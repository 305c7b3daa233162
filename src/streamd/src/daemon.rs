//! Starts what the daemon consists of, and ends it.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::api::{self, App};
use crate::config::Config;
use crate::service::{self, Service};
use crate::store::Store;

/// Runs until SIGTERM or SIGINT.
pub fn run(config: Config) -> Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> Result<()> {
    let store = Store::open(&config.data).await?;
    let service = Service::new(store, service::Settings::from(&config)).await?;
    let preset = std::env::var("STREAMD_ADMIN_KEY").ok();
    service.ensure_administrator(preset.as_deref(), print_key).await?;

    let app = App::new(service.clone(), api::Settings::from(&config));
    let router = api::router(app, Router::new()).into_make_service_with_connect_info::<SocketAddr>();
    let listen = config.http.listen;
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("HTTP cannot be answered on {listen}"))?;
    tracing::info!(address = %listener.local_addr()?, "HTTP is answered");
    axum::serve(listener, router).with_graceful_shutdown(ended()).await?;
    service.store().close().await;
    Ok(())
}

/// The one time that the key can be seen. Not through the log: logs are kept.
fn print_key(key: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever closed standard output does not want to know.
    let _ = writeln!(out, "Administrator API key: {key}").and_then(|()| out.flush());
}

async fn ended() {
    let mut terminate = signal(SignalKind::terminate()).expect("SIGTERM can be waited for");
    let mut interrupt = signal(SignalKind::interrupt()).expect("SIGINT can be waited for");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
