//! The code in `docs/webhooks.md` that receivers verify deliveries with, run against a real delivery.

use std::io::Write;
use std::process::{Command, Stdio};

use axum::response::Response;

use super::receiver::{Got, Receiver};
use super::*;
use crate::webhooks::signature;

const PAGE: &str = include_str!("../../../../../docs/webhooks.md");

/// The code of one language in the page.
fn code(language: &str) -> &'static str {
    let rest = PAGE.split_once(&format!("```{language}\n")).expect("the page has the language").1;
    rest.split_once("```").expect("the code ends").0
}

/// A delivery as it came, and the secret of its webhook.
async fn delivery() -> (Got, String) {
    let folder = TempDir::new().expect("there is room");
    let node = Node::open(&folder, allowing()).await;
    let mut receiver = Receiver::answering(|_| Response::default()).await;
    let webhook = node.webhook(&receiver.url(), &["stream.live"]).await;
    node.happen(EventKind::StreamLive, "Grüße „42“").await;
    let running = node.deliver();
    let got = receiver.next().await;
    running.stop().await;
    (got, webhook.secret.expect("it was just made"))
}

fn header(got: &Got) -> &str {
    got.headers[signature::HEADER].to_str().expect("it is text")
}

/// What the program prints when it is given the body on standard input, and header and secret as arguments.
fn run(program: &str, arguments: &[&str], header: &str, secret: &str, body: &str) -> String {
    let mut child = Command::new(program)
        .args(arguments)
        .args([header, secret])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program is installed");
    child.stdin.take().expect("it is piped").write_all(body.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("it is text").trim().to_owned()
}

/// Holds that the verification takes the real delivery and nothing that is like it.
fn holds(verify: impl Fn(&str, &str, &str) -> bool, got: &Got, secret: &str) {
    let header = header(got);
    assert!(verify(header, secret, &got.text), "the real one");
    assert!(!verify(header, "whsec_other", &got.text), "another secret");
    assert!(!verify(header, secret, &got.text.replace("live", "dead")), "another body");
    assert!(!verify(&header.replace("t=", "t=1"), secret, &got.text), "another time");
    assert!(!verify("", secret, &got.text), "no signature");
    assert!(!verify("t=,v1=", secret, &got.text), "an empty signature");
    assert!(!verify("t=1,v1=zz", secret, &got.text), "what is no signature");
    let old = signature::sign(secret, jiff::Timestamp::now().as_second() - 301, &got.text);
    assert!(!verify(&old, secret, &got.text), "one that was recorded");
}

#[tokio::test]
async fn the_python_code_verifies_a_delivery() {
    let (got, secret) = delivery().await;
    let main = "\nimport sys\nprint(verify(sys.argv[1], sys.stdin.buffer.read(), sys.argv[2]))\n";
    let program = code("python").to_owned() + main;
    let verify = |header: &str, secret: &str, body: &str| {
        run("python3", &["-c", &program], header, secret, body) == "True"
    };
    holds(verify, &got, &secret);
}

#[tokio::test]
async fn the_javascript_code_verifies_a_delivery() {
    let (got, secret) = delivery().await;
    let main = "\nimport { readFileSync } from 'node:fs';\n\
                console.log(verify(process.argv[1], readFileSync(0), process.argv[2]));\n";
    let program = code("js").replace("export function", "function") + main;
    let verify = |header: &str, secret: &str, body: &str| {
        run("node", &["--input-type=module", "-e", &program, "--"], header, secret, body) == "true"
    };
    holds(verify, &got, &secret);
}

mod rust {
    include!("verify.rs");
}

#[tokio::test]
async fn the_rust_code_verifies_a_delivery() {
    assert_eq!(code("rust"), include_str!("verify.rs"), "the page has the code that is tested here");
    let (got, secret) = delivery().await;
    holds(|header, secret, body| rust::verify(header, body.as_bytes(), secret), &got, &secret);
}
