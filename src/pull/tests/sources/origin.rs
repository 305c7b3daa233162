//! A web server whose answers a test makes up.

use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What it answers to a path; nothing where it has nothing.
type Answers = dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync;

/// A server, until it is dropped.
pub struct Origin {
    url: String,
    /// The paths that were asked for, with their ranges.
    pub asked: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Origin {
    /// The files of a folder, any part of them where it gives parts.
    pub async fn of(folder: &Path, gives_parts: bool) -> Self {
        let folder = folder.to_owned();
        Self::answering(gives_parts, move |path| std::fs::read(folder.join(path)).ok()).await
    }

    pub async fn answering(
        gives_parts: bool,
        answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
        let url = format!("http://{}", listener.local_addr().expect("it has one"));
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (log, answer): (_, Arc<Answers>) = (Arc::clone(&asked), Arc::new(answer));
        let serving = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                // Whoever has enough goes away.
                tokio::spawn(async move { serve(connection, gives_parts, &log, &*answer).await.ok() });
            }
        });
        Self { url, asked, serving }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.url)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(
    mut connection: TcpStream,
    gives_parts: bool,
    log: &Mutex<Vec<String>>,
    answer: &Answers,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(connection.read_u8().await?);
    }
    let request = String::from_utf8_lossy(&request).to_ascii_lowercase();
    let path = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    let range = request.lines().find_map(|line| line.strip_prefix("range: bytes=")).map(str::to_owned);
    log.lock().expect("nobody panics with it").push(match &range {
        Some(range) => format!("{path} {range}"),
        None => path.clone(),
    });
    let Some(body) = answer(&path) else {
        return connection
            .write_all(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .await;
    };
    let part = range.filter(|_| gives_parts).and_then(|range| {
        let (first, last) = range.split_once('-')?;
        body.get(first.parse().ok()?..=last.parse().ok()?).map(<[u8]>::to_vec)
    });
    let (status, body) = part.map_or(("200 OK", body), |part| ("206 Partial Content", part));
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    connection.write_all(head.as_bytes()).await?;
    connection.write_all(&body).await
}
