//! Starts what the daemon consists of, and ends it.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::api::{self, App};
use crate::config::Config;
use crate::http::health::{self, Readiness};
use crate::http::{self, figures, server};
use crate::listen::Bound;
use crate::logs;
use crate::media::{self, Media, MediaConfig, MediaSocket};
use crate::service::{self, Service};
use crate::store::Store;
use crate::tls::Certificate;
use crate::webhooks::{Backoff, Courier};

/// How long requests under way may take once the end has begun.
const LAST_REQUESTS: Duration = Duration::from_secs(5);
/// How long the whole end may take.
const LONGEST_END: Duration = Duration::from_secs(10);

/// Runs until SIGTERM or SIGINT.
pub fn run(config: Config) -> Result<()> {
    logs::install(config.log)?;
    let figures = figures::install()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signals = Signals::new()?;
        let daemon = tokio::select! {
            daemon = Daemon::start(config, figures) => daemon?,
            () = signals.next() => return Ok(()),
        };
        let failed = daemon.run_until(&mut signals).await;
        daemon.end(&mut signals).await;
        failed
    })
}

/// Everything that runs.
struct Daemon {
    service: Service,
    readiness: Arc<Readiness>,
    http: Handle<SocketAddr>,
    server: watch::Receiver<Option<String>>,
    stop: watch::Sender<bool>,
    courier: JoinHandle<()>,
    media: Arc<Media>,
    telling: JoinHandle<()>,
}

impl Daemon {
    async fn start(mut config: Config, figures: PrometheusHandle) -> Result<Self> {
        let bound = Bound::to(config.http.listen)?;
        // Port 0 has become a real one, and IPv6 perhaps IPv4.
        config.http.listen = bound.address;
        let socket = MediaSocket::bind(config.fql.listen)
            .with_context(|| format!("FQL cannot be taken on {}", config.fql.listen))?;
        config.fql.listen = socket.local_addr()?;
        let certificate = certificate(&config)?;
        let store = Store::open(&config.data).await?;
        let service = Service::new(store, service::Settings::from(&config)).await?;
        let preset = std::env::var("STREAMD_ADMIN_KEY").ok();
        service.ensure_administrator(preset.as_deref(), print_key).await?;

        let (stop, stopped) = watch::channel(false);
        let recorded = service.recorded().clone();
        let courier = Courier::new(service.store().clone(), &config.webhooks, Backoff::default(), recorded);
        let courier = tokio::spawn(Arc::new(courier).run(stopped));

        let media = MediaConfig::new(&config, media::server_key(&config.data)?);
        let (media, events) = Media::start(media, socket, service.clone()).context("FQL cannot be taken")?;
        let media = Arc::new(media);
        service.attach(media.clone());
        let telling = tokio::spawn(media::tell(service.clone(), events));
        tracing::info!(address = %config.fql.listen, "FQL is taken");

        let readiness = Arc::new(Readiness::default());
        let app = App::new(service.clone(), api::Settings::from(&config));
        let routes = api::router(app, media::play::router(service.clone(), media.clone()))
            .merge(health::routes(readiness.clone(), service.store().read().clone()))
            .merge(figures::routes(figures.clone(), config.metrics.allow.clone()));
        tokio::spawn(figures::upkeep(figures, service.clone(), media.clone()));
        let http = Handle::new();
        let server = serve(
            http::around(routes, &config),
            bound.listen()?,
            certificate,
            http.clone(),
            config.limits.connections,
        );
        readiness.started();
        tracing::info!(address = %config.http.listen, url = config.public_url(), "HTTP is answered");
        Ok(Self { service, readiness, http, server, stop, courier, media, telling })
    }

    /// Until a signal comes, or what cannot go on fails.
    async fn run_until(&self, signals: &mut Signals) -> Result<()> {
        let mut server = self.server.clone();
        tokio::select! {
            () = signals.next() => Ok(()),
            failed = server.wait_for(Option::is_some) => {
                let why = failed.ok().and_then(|failed| failed.clone()).unwrap_or_default();
                Err(anyhow::anyhow!("HTTP cannot be answered any more: {why}"))
            }
        }
    }

    /// Ends everything, in the order in which it is needed; at once if another signal comes.
    async fn end(self, signals: &mut Signals) {
        tracing::info!("ending");
        tokio::select! {
            ended = tokio::time::timeout(LONGEST_END, self.end_in_order()) => match ended {
                Ok(()) => tracing::info!("ended"),
                Err(_) => tracing::warn!("not everything ended in time; what was stored is safe"),
            },
            () = signals.next() => tracing::warn!("ending at once"),
        }
    }

    async fn end_in_order(self) {
        self.readiness.ending();
        // Sessions first: what their end brings is still stored, and told when the daemon runs again.
        let media = self.media;
        let _ = tokio::task::spawn_blocking(move || media.stop()).await;
        let _ = self.telling.await;
        self.stop.send_replace(true);
        self.http.graceful_shutdown(Some(LAST_REQUESTS));
        let mut server = self.server;
        let _ = tokio::join!(server.wait_for(Option::is_some), self.courier);
        self.service.store().close().await;
    }
}

/// The certificate that is configured, followed from now on.
fn certificate(config: &Config) -> Result<Option<RustlsConfig>> {
    let (Some(certificate), Some(key)) = (&config.http.certificate, &config.http.key) else {
        return Ok(None);
    };
    let certificate = Certificate::open(certificate, key)?;
    let taken = certificate.config.clone();
    tokio::spawn(certificate.follow());
    Ok(Some(taken))
}

/// Answers HTTP in a task of its own; the watch says when that ends, and why.
fn serve(
    routes: Router,
    listener: std::net::TcpListener,
    certificate: Option<RustlsConfig>,
    handle: Handle<SocketAddr>,
    connections: usize,
) -> watch::Receiver<Option<String>> {
    let (ended, watch) = watch::channel(None);
    tokio::spawn(async move {
        let why = match server::serve(routes, listener, certificate, handle, connections).await {
            Ok(()) => "it was ended".to_owned(),
            Err(error) => error.to_string(),
        };
        ended.send_replace(Some(why));
    });
    watch
}

/// The one time that the key can be seen. Not through the log: logs are kept.
fn print_key(key: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever closed standard output does not want to know.
    let _ = writeln!(out, "Administrator API key: {key}").and_then(|()| out.flush());
}

/// The signals that end the daemon.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be waited for")?;
        let interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be waited for")?;
        Ok(Self { terminate, interrupt })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
