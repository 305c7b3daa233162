//! ffmpeg publishes by RTMP and RTMPS, and the hub gives out what it sent.

use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};

use axum_server::tls_rustls::RustlsConfig;
use rcgen::generate_simple_self_signed;

use super::clip;
use super::ordinary::{Hub, take, until};
use super::*;
use crate::listen::Bound;
use crate::media::rtmp::Server;
use crate::service::State;

/// A hub that takes publishers by RTMP.
struct Ingest {
    hub: Hub,
    address: SocketAddr,
    server: Server,
}

impl Ingest {
    async fn new(certificate: Option<RustlsConfig>) -> Self {
        let hub = Hub::new().await;
        let bound = Bound::to("RTMP", "127.0.0.1:0".parse().unwrap()).unwrap();
        let address = bound.address;
        let server = Server::start(bound.listen().unwrap(), certificate, hub.media.clone()).unwrap();
        Self { hub, address, server }
    }

    fn url(&self, scheme: &str, key: &str) -> String {
        format!("{scheme}://{}/live/{key}", self.address)
    }
}

/// Publishes the clip as it is, as these arguments say; to its end where they are of no other opinion.
async fn publish(url: String, arguments: &'static [&'static str]) -> Output {
    let run = move || {
        Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error"])
            .args(arguments)
            .args(["-i", clip::PATH, "-c", "copy", "-f", "flv", &url])
            .stdin(Stdio::null())
            .output()
            .expect("ffmpeg is installed")
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn certificate() -> RustlsConfig {
    let made = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = TempDir::new().unwrap();
    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    RustlsConfig::from_config(Arc::new(crate::tls::load(&certificate, &key).unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ffmpeg_publishes_by_rtmp_and_rtmps_comes_out_byte_for_byte() {
    let ingest = Ingest::new(Some(certificate())).await;
    let samples = clip::samples();
    for scheme in ["rtmp", "rtmps"] {
        let mut subscription = ingest.hub.subscribe();
        let done = publish(ingest.url(scheme, ingest.hub.key()), &["-t", "2"]).await;
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let mut pictures = Vec::new();
        let mut sounds = 0;
        while pictures.len() < 25 {
            let unit = take(&mut subscription, 1).await.remove(0);
            match unit.track {
                1 => pictures.push(unit),
                _ => sounds += 1,
            }
        }
        for (i, (unit, sample)) in pictures.iter().zip(&samples).enumerate() {
            assert_eq!(unit.data(), Some(sample), "picture {i} by {scheme}");
            assert_eq!((unit.dts - pictures[0].dts) / 1_000_000, 40 * i as u64);
        }
        assert!(sounds > 40, "{sounds} frames of sound");
        until("a goodbye ends it at once", async || ingest.hub.state().await == State::Offline).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publishers_are_told_why_they_are_refused_or_ended() {
    let ingest = Ingest::new(None).await;
    let refused = |done: Output, why: &str| {
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success() && said.contains(why), "{said}");
    };
    refused(publish(ingest.url("rtmp", "wrong"), &[]).await, "Server error: no stream has this key");
    assert_eq!(ingest.hub.state().await, State::Offline);
    let url = ingest.url("rtmp", ingest.hub.key());
    let first = tokio::spawn(publish(url.clone(), &["-stream_loop", "-1", "-re"]));
    until("the first is live", async || ingest.hub.state().await == State::Live).await;
    refused(publish(url, &[]).await, "Server error: another publisher is live");
    assert_eq!(ingest.hub.state().await, State::Live);
    drop(ingest.server);
    let media = ingest.hub.media.clone();
    tokio::task::spawn_blocking(move || media.stop()).await.unwrap();
    refused(first.await.unwrap(), "Server error: the server is ending");
}
