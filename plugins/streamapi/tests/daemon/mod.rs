//! A small daemon of one stream: `GET /v1/ingest` over HTTP, and its media over UDP.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use super::common::server::{PLAYBACK_ID, STREAM_KEY, Server};

/// What the daemon answers to the right key.
#[derive(Clone, Copy)]
pub enum Answer {
    Settings,
    /// This status.
    Error(u16),
    /// Nothing: the connection stays open.
    Never,
}

struct Shared {
    answer: Mutex<Answer>,
    asked: AtomicUsize,
    stopping: AtomicBool,
    media: Mutex<Option<Server>>,
    /// Connections that get no answer.
    open: Mutex<Vec<TcpStream>>,
}

pub struct Daemon {
    http: SocketAddr,
    media: SocketAddr,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The media of a daemon, which is there.
pub struct Media<'a>(MutexGuard<'a, Option<Server>>);

impl std::ops::Deref for Media<'_> {
    type Target = Server;

    fn deref(&self) -> &Server {
        self.0.as_ref().unwrap()
    }
}

impl Daemon {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let media = Server::start();
        let shared = Arc::new(Shared {
            answer: Mutex::new(Answer::Settings),
            asked: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            open: Mutex::default(),
            media: Mutex::new(None),
        });
        let daemon = Self {
            http: listener.local_addr().unwrap(),
            media: media.address,
            shared: shared.clone(),
            thread: Mutex::new(None),
        };
        *shared.media.lock().unwrap() = Some(media);
        daemon.serve(listener);
        daemon
    }

    fn serve(&self, listener: TcpListener) {
        let shared = self.shared.clone();
        *self.thread.lock().unwrap() = Some(std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopping.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(stream) = stream {
                    let _ = shared.handle(stream);
                }
            }
        }));
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// What a publisher and viewers talk to.
    pub fn media(&self) -> Media<'_> {
        Media(self.shared.media.lock().unwrap())
    }

    pub fn answer(&self, answer: Answer) {
        *self.shared.answer.lock().unwrap() = answer;
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }

    /// It is gone, without a word.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.http);
        if let Some(thread) = self.thread.lock().unwrap().take() {
            thread.join().unwrap();
        }
        *self.shared.media.lock().unwrap() = None;
    }

    /// It is there again, at the same addresses, and knows nothing of what was.
    pub fn start_again(&self) {
        self.shared.stopping.store(false, Ordering::SeqCst);
        *self.shared.media.lock().unwrap() = Some(Server::start_at(self.media));
        self.serve(TcpListener::bind(self.http).unwrap());
    }

    /// Its media is at another address from now on.
    pub fn move_media(&self) {
        let mut media = self.shared.media.lock().unwrap();
        *media = None;
        *media = Some(Server::start());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if !self.shared.stopping.load(Ordering::SeqCst) {
            self.stop();
        }
    }
}

impl Shared {
    fn handle(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let request = lines.next().transpose()?.unwrap_or_default();
        let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        self.asked.fetch_add(1, Ordering::SeqCst);
        let key = head.iter().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("authorization").then(|| value.strip_prefix("Bearer "))?
        });
        let (status, body) = match (*self.answer.lock().unwrap(), key) {
            _ if request != "GET /v1/ingest HTTP/1.1" => (404, problem("Not found", &request)),
            (_, key) if key != Some(STREAM_KEY) => {
                (401, problem("Unauthorized", "this stream key is not known here"))
            }
            (Answer::Settings, _) => (200, self.settings()),
            (Answer::Error(status), _) => (status, problem("Not now", "")),
            (Answer::Never, _) => {
                self.open.lock().unwrap().push(stream);
                return Ok(());
            }
        };
        let length = body.len();
        let mut stream = stream;
        write!(
            stream,
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        )
    }

    fn settings(&self) -> String {
        let uri = self.media.lock().unwrap().as_ref().unwrap().publish_uri();
        format!(
            "{{\"stream\":\"my-stream\",\"playbackId\":\"{PLAYBACK_ID}\",\"layers\":7,\
             \"fec\":\"unequal:3,2,1,0\",\"maxBitrate\":null,\"ingest\":{{\"fql\":\"{uri}\"}}}}"
        )
    }
}

fn problem(title: &str, detail: &str) -> String {
    format!("{{\"type\":\"about:blank\",\"title\":\"{title}\",\"detail\":\"{detail}\"}}")
}
