//! What the daemon tells a publisher, and how it is asked.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

/// How long the daemon may take to be reached, and to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes of an answer.
const MAX_ANSWER: u64 = 64 << 10;

/// Where and how to publish a stream.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ingest {
    /// The stream's name.
    pub stream: String,
    /// Its public playback ID.
    #[serde(default)]
    pub playback_id: String,
    /// How many layers it may have.
    pub layers: u32,
    /// How it is protected.
    #[serde(default)]
    pub fec: String,
    /// The most that it may take on the wire, in bit/s; `None` for no bound.
    #[serde(default)]
    pub max_bitrate: Option<u64>,
    /// Where it goes, by protocol.
    #[serde(rename = "ingest")]
    pub addresses: BTreeMap<String, String>,
}

/// Why the daemon gave no answer that could be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// Asking again cannot help.
    #[error("{0}")]
    Refused(String),
    /// It may be there later.
    #[error("{0}")]
    Unavailable(String),
}

/// What the daemon says of a failure.
#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: String,
}

/// The address of the resource, for the address of the API: with or without a slash or `/v1` at its end.
pub fn url(api_url: &str) -> Result<String, AskError> {
    let base = api_url.trim_end_matches('/');
    let base = base.strip_suffix("/v1").unwrap_or(base);
    let scheme = base.split_once("://").map(|(scheme, rest)| (scheme, rest.is_empty()));
    match scheme {
        Some(("http" | "https", false)) => Ok(format!("{base}/v1/ingest")),
        _ => Err(AskError::Refused(format!(
            "api-url is \"{api_url}\", it must be http://host:port or https://host"
        ))),
    }
}

/// Whether there is an address and a key to ask with. Gives the address of the resource.
pub fn check(api_url: &str, stream_key: &str) -> Result<String, AskError> {
    let url = url(api_url)?;
    if stream_key.is_empty() || !stream_key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(AskError::Refused("stream-key is empty or no stream key".into()));
    }
    Ok(url)
}

/// Asks the daemon. It may take [`TIMEOUT`]. Neither the answer nor an error holds the key.
pub fn ask(api_url: &str, stream_key: &str) -> Result<Ingest, AskError> {
    let url = check(api_url, stream_key)?;
    // What follows a redirect would be asked without the key, and never be the answer.
    let config = ureq::Agent::config_builder()
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("streamapisink/", env!("CARGO_PKG_VERSION")))
        .build();
    let agent = ureq::Agent::new_with_config(config);
    let request = agent.get(&url).header("Authorization", format!("Bearer {stream_key}"));
    let mut response = request
        .call()
        .map_err(|err| AskError::Unavailable(format!("the daemon at {url} cannot be asked: {err}")))?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(MAX_ANSWER);
    match status {
        200 => body
            .read_json()
            .map_err(|err| AskError::Refused(format!("the answer of {url} is none of a daemon: {err}"))),
        // A daemon that is there and says no: of the key, or of itself as the wrong one.
        300..=399 | 400 | 401 | 403 | 404 | 410 => Err(AskError::Refused(format!(
            "the daemon at {url} refuses: {}",
            reason(status, body.read_json().ok())
        ))),
        _ => Err(AskError::Unavailable(format!(
            "the daemon at {url} answers {}",
            reason(status, body.read_json().ok())
        ))),
    }
}

fn reason(status: u16, problem: Option<Problem>) -> String {
    match problem {
        Some(problem) if !problem.detail.is_empty() => format!("{} ({status})", problem.detail),
        Some(problem) if !problem.title.is_empty() => format!("{} ({status})", problem.title),
        _ => format!("status {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_may_end_as_people_write_it() {
        for base in ["http://host:8080", "http://host:8080/", "http://host:8080/v1", "http://host:8080/v1/"] {
            assert_eq!(url(base).unwrap(), "http://host:8080/v1/ingest");
        }
        for wrong in ["", "host:8080", "udp://host", "http://", "https:///"] {
            assert!(matches!(url(wrong), Err(AskError::Refused(_))), "{wrong}");
        }
    }

    #[test]
    fn a_key_that_is_none_is_refused_without_asking() {
        for key in ["", "sk_with space", "sk_\r\nHost: other"] {
            let Err(AskError::Refused(text)) = ask("http://127.0.0.1:1", key) else { panic!("{key}") };
            assert!(key.is_empty() || !text.contains(key), "{text}");
        }
    }
}
