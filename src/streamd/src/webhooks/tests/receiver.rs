//! A receiver of webhooks: a real HTTP server on a loopback port that answers what a test tells it to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What came in one request.
#[derive(Debug)]
pub struct Got {
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

type Answer = dyn Fn(&Got) -> Response + Send + Sync;

/// The server; it ends with the test.
pub struct Receiver {
    pub address: SocketAddr,
    got: UnboundedReceiver<Got>,
}

#[derive(Clone)]
struct Told {
    got: UnboundedSender<Got>,
    answer: Arc<Answer>,
    delay: Duration,
}

impl Receiver {
    /// One that answers this.
    pub async fn answering(answer: impl Fn(&Got) -> Response + Send + Sync + 'static) -> Self {
        Self::start(answer, Duration::ZERO).await
    }

    /// One that takes everything, after this time.
    pub async fn slow(delay: Duration) -> Self {
        Self::start(|_| Response::default(), delay).await
    }

    async fn start(answer: impl Fn(&Got) -> Response + Send + Sync + 'static, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (sender, got) = unbounded_channel();
        let told = Told { got: sender, answer: Arc::new(answer), delay };
        let routes = Router::new().route("/hook", post(take)).with_state(told);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, got }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// The next request.
    pub async fn next(&mut self) -> Got {
        let next = tokio::time::timeout(Duration::from_secs(30), self.got.recv()).await;
        next.expect("something comes").expect("the server runs")
    }

    /// What came and was not looked at.
    pub fn rest(&mut self) -> Vec<Got> {
        std::iter::from_fn(|| self.got.try_recv().ok()).collect()
    }
}

async fn take(State(told): State<Told>, headers: HeaderMap, body: Bytes) -> Response {
    let text = String::from_utf8(body.to_vec()).expect("it is text");
    let got = Got { headers, body: serde_json::from_str(&text).expect("it is JSON"), text };
    let answer = (told.answer)(&got);
    // The test that asked may be over.
    let _ = told.got.send(got);
    tokio::time::sleep(told.delay).await;
    answer
}
