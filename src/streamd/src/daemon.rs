//! Starts what the daemon consists of, and ends it.

use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
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
use crate::config::{Addresses, Config};
use crate::descriptors;
use crate::http::health::{self, Readiness};
use crate::http::{self, figures, server};
use crate::listen::Bound;
use crate::logs;
use crate::media::pull::Pulls;
use crate::media::webtransport::{Endpoint, Identity};
use crate::media::{self, Media, MediaConfig, MediaSocket, rtc, rtmp, rtsp, srt};
use crate::notify::{self, State};
use crate::pages::Pages;
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
    descriptors::provide(&config);
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
    webtransport: Option<Endpoint>,
    rtmp: Option<rtmp::Server>,
    rtc: Option<rtc::Running>,
    srt: Option<srt::Server>,
    rtsp: Option<rtsp::Server>,
    pulls: Pulls,
    telling: JoinHandle<()>,
}

impl Daemon {
    async fn start(mut config: Config, figures: PrometheusHandle) -> Result<Self> {
        let bound = Bound::to("HTTP", config.http.listen)?;
        // Port 0 has become a real one, and IPv6 perhaps IPv4.
        config.http.listen = bound.address;
        let socket = MediaSocket::bind(config.fql.listen)
            .with_context(|| format!("FQL cannot be taken on {}", config.fql.listen))?;
        config.fql.listen = socket.local_addr()?;
        let browsers = config.webtransport.listen.map(bind_for_browsers).transpose()?;
        config.webtransport.listen = browsers.as_ref().map(UdpSocket::local_addr).transpose()?;
        let publishers = config.rtmp.listen.map(|asked| Bound::to("RTMP", asked)).transpose()?;
        config.rtmp.listen = publishers.as_ref().map(|bound| bound.address);
        let rtc_socket = config.rtc.listen.map(bind_for_webrtc).transpose()?;
        config.rtc.listen = rtc_socket.as_ref().map(UdpSocket::local_addr).transpose()?;
        let srt = config.srt.listen.map(|address| bind_for_srt(address, config.srt.latency)).transpose()?;
        config.srt.listen = srt.as_ref().map(srt::Port::address);
        let rtsp = config.rtsp.listen.map(rtsp::Port::bind).transpose()?;
        config.rtsp.listen = rtsp.as_ref().map(rtsp::Port::address);
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
        let identity =
            browsers.is_some().then(|| Identity::new(certificate.as_ref(), &config.data)).transpose()?;
        let start =
            |(socket, identity)| Endpoint::start(socket, identity, media.web().clone(), service.clone());
        let webtransport = browsers.zip(identity.as_ref()).map(start).transpose()?;
        if let Some(address) = config.webtransport.listen {
            tracing::info!(%address, "WebTransport is taken");
        }

        let rtmp = publishers
            .map(|bound| {
                anyhow::Ok(rtmp::Server::start(bound.listen()?, certificate.clone(), media.clone())?)
            })
            .transpose()?;
        if let Some(address) = config.rtmp.listen {
            tracing::info!(%address, "RTMP is taken");
        }
        let srt = srt.map(|port| port.serve(&media));
        if let Some(address) = config.srt.listen {
            tracing::info!(%address, "SRT is taken");
        }
        let rtsp = rtsp.map(|port| port.serve(service.clone(), media.clone())).transpose()?;
        if let Some(address) = config.rtsp.listen {
            tracing::info!(%address, "RTSP is given");
        }

        let (rtc, rtc_routes) = match rtc_socket {
            Some(socket) => {
                let (rtc, running) = rtc::start(&config, socket, media.clone()).await?;
                (Some(running), rtc::routes(rtc, media.clone()))
            }
            None => (None, Router::new()),
        };
        if let Some(address) = config.rtc.listen {
            tracing::info!(%address, "WebRTC is taken");
        }

        let pulls = Pulls::start(&config.pull, service.clone(), media.clone());

        let readiness = Arc::new(Readiness::default());
        let app = App::new(service.clone(), api::Settings::from(&config));
        let pages = Pages::new(service.clone(), &config);
        let hls = media::hls::Hls::new(service.clone(), media.clone());
        let addresses = Addresses::new(&config);
        let play = media::play::router(service.clone(), media.clone(), addresses, identity, hls.clone());
        let routes = api::router(app, play, pages.of_streams())
            .merge(pages.files())
            .merge(media::hls::router(hls))
            .merge(rtc_routes)
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
        notify::tell(State::Ready);
        tracing::info!(address = %config.http.listen, url = config.public_url(), "HTTP is answered");
        Ok(Self {
            service,
            readiness,
            http,
            server,
            stop,
            courier,
            media,
            webtransport,
            rtmp,
            rtc,
            srt,
            rtsp,
            pulls,
            telling,
        })
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
        notify::tell(State::Stopping);
        // Nobody begins to publish any more.
        drop(self.rtmp);
        if let Some(rtc) = self.rtc {
            rtc.end().await;
        }
        drop(self.srt);
        drop(self.rtsp);
        drop(self.pulls);
        // Sessions first: what their end brings is still stored, and told when the daemon runs again.
        let media = self.media;
        let _ = tokio::task::spawn_blocking({
            let media = media.clone();
            move || media.stop()
        })
        .await;
        media.end_web().await;
        if let Some(webtransport) = self.webtransport {
            webtransport.end().await;
        }
        let _ = self.telling.await;
        self.stop.send_replace(true);
        self.http.graceful_shutdown(Some(LAST_REQUESTS));
        let mut server = self.server;
        let _ = tokio::join!(server.wait_for(Option::is_some), self.courier);
        self.service.store().close().await;
    }
}

/// The UDP socket of WebTransport.
fn bind_for_webrtc(address: SocketAddr) -> Result<UdpSocket> {
    media::bind(address).with_context(|| format!("WebRTC cannot be taken on {address}"))
}

fn bind_for_browsers(address: SocketAddr) -> Result<UdpSocket> {
    media::bind(address).with_context(|| format!("WebTransport cannot be taken on {address}"))
}

/// The UDP port of SRT.
fn bind_for_srt(address: SocketAddr, latency: Duration) -> Result<srt::Port> {
    srt::Port::bind(address, latency).with_context(|| format!("SRT cannot be taken on {address}"))
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
