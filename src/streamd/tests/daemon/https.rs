//! HTTPS by a certificate that changes while it runs.

use std::path::Path;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use reqwest::{Certificate, Client};
use tempfile::TempDir;

use super::browser::{Connection, source};
use super::program::{ADMINISTRATOR, Program, json};

/// Writes a new certificate for this machine and gives it in PEM.
fn write(folder: &Path) -> String {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).expect("it is a name");
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).expect("there is room");
    std::fs::write(folder.join("certificate.pem"), cert.pem()).expect("there is room");
    cert.pem()
}

/// A client that takes this certificate and no other.
fn trusting(pem: &str) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let certificate = Certificate::from_pem(pem.as_bytes()).expect("it is a certificate");
    Client::builder().no_proxy().tls_certs_only([certificate]).build().expect("it is configured")
}

/// A daemon with the certificate that is in its folder.
fn start(folder: &Path) -> Program {
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    let configuration = format!("[http.tls]\ncertificate = {certificate:?}\nkey = {key:?}\n");
    Program::start_with(folder, &[], &configuration)
}

async fn is_answered(client: &Client, program: &Program) -> bool {
    let answer = client.get(format!("{}/healthz", program.url)).send().await;
    answer.is_ok_and(|answer| answer.status() == 200)
}

#[tokio::test]
async fn a_new_certificate_is_taken_and_a_broken_one_is_not_and_connections_go_on() {
    let folder = TempDir::new().expect("there is room");
    let first = write(folder.path());
    let program = start(folder.path());
    let connected = trusting(&first);
    assert!(is_answered(&connected, &program).await);

    let second = write(folder.path());
    assert!(!is_answered(&trusting(&second), &program).await || program.log().contains("new certificate"));
    program.line("the new certificate is in use");
    assert!(is_answered(&trusting(&second), &program).await, "a new connection has the new certificate");
    assert!(!is_answered(&trusting(&first), &program).await, "and not the old one");
    assert!(is_answered(&connected, &program).await, "a connection that was there goes on");

    std::fs::write(folder.path().join("certificate.pem"), "broken").expect("there is room");
    let line = program.line("the old certificate stays in use");
    assert!(line.contains("holds no certificate in PEM"), "{line}");
    assert!(is_answered(&trusting(&second), &program).await);
    assert!(is_answered(&connected, &program).await);
}

#[tokio::test]
async fn webtransport_has_the_certificate_of_https_and_the_new_one_as_soon_as_that_has_it() {
    let folder = TempDir::new().expect("there is room");
    let first = write(folder.path());
    let program = start(folder.path());
    let client = trusting(&first);
    let new = client.post(format!("{}/v1/streams", program.url)).bearer_auth(ADMINISTRATOR);
    let new = new.header("content-type", "application/json").body(r#"{"name":"news"}"#);
    let id = json(new).await["playbackId"].as_str().expect("streams have one").to_owned();
    let play = json(client.get(format!("{}/play/{id}", program.url))).await;
    let source = source(&play, "webtransport");
    assert!(source.get("certificateHashes").is_none(), "{source}");
    let uri = source["uri"].as_str().expect("it has one");
    assert!(Connection::trusting(&first, uri).await.is_ok());

    let second = write(folder.path());
    program.line("the new certificate is in use");
    assert!(Connection::trusting(&second, uri).await.is_ok());
    assert!(Connection::trusting(&first, uri).await.is_err());
}

#[tokio::test]
async fn a_certificate_with_another_key_is_refused() {
    let (folder, other) = (TempDir::new().expect("there is room"), TempDir::new().expect("there is room"));
    let (_, _) = (write(folder.path()), write(other.path()));
    let load = |key: &Path| streamd::tls::load(&folder.path().join("certificate.pem"), &key.join("key.pem"));
    assert!(load(folder.path()).is_ok());
    let error = load(other.path()).expect_err("it is another key").to_string();
    assert!(error.contains("cannot be used with the key in"), "{error}");
}
