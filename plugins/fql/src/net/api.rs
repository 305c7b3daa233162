//! What a server's API says of a stream to view: `<api-url>/play/<playback ID>`.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use fql_transport::PublicKey;
use thiserror::Error;

use super::spawn;

/// How often is looked whether the answer is still wanted.
const LOOK: Duration = Duration::from_millis(50);
/// How long the API may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most bytes of an answer that are read.
const MAX_ANSWER: u64 = 1 << 20;

/// Why the API does not give a server's key.
#[derive(Debug, Error)]
pub enum ApiError {
    /// It is no address of an API.
    #[error("api-url is \"{0}\", it must begin with https:// or http://")]
    Url(String),
    /// It cannot be asked.
    #[error("{url} cannot be asked for the server's key: {reason}")]
    Request {
        /// What was asked for.
        url: String,
        /// Why not.
        reason: String,
    },
    /// It knows no such stream.
    #[error("{0} says that there is no such stream")]
    NotFound(String),
    /// It answers something else.
    #[error("{url} answers {answer}, which is no server key")]
    Answer {
        /// What was asked for.
        url: String,
        /// What it answers.
        answer: String,
    },
    /// Nobody wants to know any more.
    #[error("the answer is not wanted any more")]
    Unwanted,
    /// There is no thread to ask on.
    #[error("the API cannot be asked: {0}")]
    Thread(#[from] std::io::Error),
}

/// Asks for the key of the server that gives a stream. Blocks, some seconds at most, while the answer is wanted.
pub fn server_key(
    api_url: &str,
    playback_id: &str,
    is_wanted: &dyn Fn() -> bool,
) -> Result<PublicKey, ApiError> {
    let (answer, answered) = channel();
    let (api_url, playback_id) = (api_url.to_owned(), playback_id.to_owned());
    // Left alone where nobody waits for it any more; it ends soon by itself.
    spawn("fql-api", move || drop(answer.send(ask(&api_url, &playback_id))))?;
    while is_wanted() {
        match answered.recv_timeout(LOOK) {
            Ok(key) => return key,
            Err(RecvTimeoutError::Timeout) => (),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Err(ApiError::Unwanted)
}

fn ask(api_url: &str, playback_id: &str) -> Result<PublicKey, ApiError> {
    if !api_url.starts_with("https://") && !api_url.starts_with("http://") {
        return Err(ApiError::Url(api_url.into()));
    }
    let url = format!("{}/play/{playback_id}", api_url.trim_end_matches('/'));
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .user_agent(concat!("fqlsrc/", env!("CARGO_PKG_VERSION")))
        .build();
    let failed = |err: ureq::Error| ApiError::Request { url: url.clone(), reason: err.to_string() };
    let mut response = ureq::Agent::new_with_config(config).get(&url).call().map_err(failed)?;
    let answers = |answer: String| ApiError::Answer { url: url.clone(), answer };
    match response.status().as_u16() {
        200 => {}
        404 => return Err(ApiError::NotFound(url)),
        status => return Err(answers(format!("status {status}"))),
    }
    let body: serde_json::Value =
        response.body_mut().with_config().limit(MAX_ANSWER).read_json().map_err(failed)?;
    let key = body["serverKey"].as_str().ok_or_else(|| answers("without serverKey".into()))?;
    key.parse().map_err(|_| answers("a serverKey of another kind".into()))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::time::Instant;

    use super::*;

    const KEY: &str = "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo";

    const WANTED: &dyn Fn() -> bool = &|| true;

    /// Asks a server that answers once with this. Gives what it was asked, too.
    fn ask(status: &str, body: &str) -> (Result<PublicKey, ApiError>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let len = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..len]).into_owned()
        });
        let result = server_key(&url, "abc", WANTED);
        (result, server.join().unwrap())
    }

    #[test]
    fn the_key_is_in_what_the_play_endpoint_answers() {
        let (key, request) = ask("200 OK", &format!("{{\"playbackId\":\"abc\",\"serverKey\":\"{KEY}\"}}"));
        assert_eq!(key.unwrap().to_string(), KEY);
        assert!(request.starts_with("GET /play/abc HTTP/1.1\r\n"), "{request}");
    }

    #[test]
    fn an_answer_that_is_not_wanted_any_more_is_not_waited_for() {
        // It takes the question and never answers.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let began = Instant::now();
        let is_wanted = || began.elapsed() < LOOK;
        assert!(matches!(server_key(&url, "abc", &is_wanted), Err(ApiError::Unwanted)));
        assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    }

    #[test]
    fn an_answer_without_a_key_is_named() {
        let error = |status: &str, body: &str| ask(status, body).0.unwrap_err().to_string();
        assert!(error("404 Not Found", "{}").contains("no such stream"));
        assert!(error("500 Oops", "").contains("status 500"));
        assert!(error("200 OK", "{}").contains("without serverKey"));
        assert!(error("200 OK", "{\"serverKey\":\"abc\"}").contains("another kind"));
        assert!(error("200 OK", "<html>").contains("cannot be asked"));
        assert!(
            server_key("ftp://x", "abc", WANTED)
                .unwrap_err()
                .to_string()
                .contains("must begin with https://")
        );
    }
}
