//! A real HTTP server that webhooks are delivered to.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use tiny_http::{Response, Server};

/// Takes whatever is posted to it, and says yes to all.
pub struct Inbox {
    server: Arc<Server>,
    came: Arc<Mutex<Vec<Letter>>>,
    thread: Option<JoinHandle<()>>,
}

/// What was posted.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Header fields, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub body: String,
}

impl Letter {
    /// The value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).with_context(|| self.body.clone())
    }
}

impl Inbox {
    /// Listens on a free port of the loopback address.
    pub fn open() -> Result<Self> {
        let server = Server::http((Ipv4Addr::LOCALHOST, 0)).map_err(|error| anyhow!("{error}"))?;
        let (server, came) = (Arc::new(server), Arc::new(Mutex::new(Vec::new())));
        let thread = std::thread::spawn({
            let (server, came) = (Arc::clone(&server), Arc::clone(&came));
            move || take_all(&server, &came)
        });
        Ok(Self { server, came, thread: Some(thread) })
    }

    /// The address to register.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.server.server_addr())
    }

    /// All that came so far, in this order.
    pub fn letters(&self) -> Vec<Letter> {
        self.came.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the field `type` of each letter says: the kinds of the events that came.
    pub fn kinds(&self) -> Result<Vec<String>> {
        let kind = |letter: &Letter| crate::daemon::text(&letter.json()?, "type");
        self.letters().iter().map(kind).collect()
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.server.unblock();
        // A panic of the thread has been printed.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn take_all(server: &Server, came: &Mutex<Vec<Letter>>) {
    for mut request in server.incoming_requests() {
        let field = |header: &tiny_http::Header| {
            (header.field.as_str().as_str().to_ascii_lowercase(), header.value.to_string())
        };
        let headers = request.headers().iter().map(field).collect();
        let mut body = String::new();
        if request.as_reader().read_to_string(&mut body).is_ok() {
            came.lock().unwrap_or_else(PoisonError::into_inner).push(Letter { headers, body });
        }
        // Whoever posted and does not wait for the answer will post again.
        let _ = request.respond(Response::empty(200));
    }
}
