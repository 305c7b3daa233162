//! The control API over HTTP: requests with the key, answers as JSON, refusals as failures that say what to do.

use std::time::Duration;

use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::failure::{Failure, Kind, Result};
use crate::settings::{ApiKey, Settings};
use crate::text::one_line;

/// More than any answer holds.
const MAX_ANSWER: u64 = 16 << 20;
/// More pages than any list has; a server that goes on is broken.
const MAX_PAGES: usize = 10_000;
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(60);

/// A connection to the API of one server.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    api_url: String,
    api_key: Option<ApiKey>,
}

impl Client {
    /// A client that shows the key; without one it is a failure that says how to have one.
    pub fn new(settings: &Settings) -> Result<Self> {
        let api_key = settings.key()?.clone();
        Ok(Self { api_key: Some(api_key), ..Self::anonymous(settings) })
    }

    /// A client for what everybody may see.
    pub fn anonymous(settings: &Settings) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A key must not follow where another server sends it.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(ANSWER))
            .user_agent(concat!("stream-cli/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into(), api_url: settings.api_url.clone(), api_key: None }
    }

    /// Where the API is.
    pub fn api_url(&self) -> &str {
        &self.api_url
    }

    /// GET of a path such as `/v1/streams/my-first-stream`.
    pub fn get(&self, path: &str) -> Result<Value> {
        Ok(self.get_page(path)?.0)
    }

    /// GET of a list, with all its pages.
    pub fn get_all(&self, path: &str) -> Result<Vec<Value>> {
        let (mut all, mut path) = (Vec::new(), path.to_owned());
        for _ in 0..MAX_PAGES {
            let (page, next) = self.get_page(&path)?;
            let Value::Array(page) = page else {
                return Err(self.strange("a list was expected, and something else came"));
            };
            all.extend(page);
            match next {
                // Only its path counts: the rest is this server's name for itself.
                Some(next) if next != path => path = next,
                _ => return Ok(all),
            }
        }
        Err(self.strange("the list does not end"))
    }

    /// POST of a JSON document.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.agent.post(self.url(path));
        let request = self.with_key(request);
        let response = request.send_json(body).map_err(|error| self.unreachable(&error))?;
        self.answer(response)
    }

    /// PATCH with a JSON document.
    pub fn patch(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self.with_key(self.agent.patch(self.url(path)));
        let response = request.send_json(body).map_err(|error| self.unreachable(&error))?;
        self.answer(response)
    }

    /// DELETE of a path.
    pub fn delete(&self, path: &str) -> Result<Value> {
        let request = self.with_key(self.agent.delete(self.url(path)));
        let response = request.call().map_err(|error| self.unreachable(&error))?;
        self.answer(response)
    }

    fn get_page(&self, path: &str) -> Result<(Value, Option<String>)> {
        let request = self.with_key(self.agent.get(self.url(path)));
        let response = request.call().map_err(|error| self.unreachable(&error))?;
        let links = response.headers().get_all("link").iter().filter_map(|value| value.to_str().ok());
        let next = links.flat_map(next_page).next();
        Ok((self.answer(response)?, next))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.api_url)
    }

    fn with_key<Any>(&self, request: ureq::RequestBuilder<Any>) -> ureq::RequestBuilder<Any> {
        match &self.api_key {
            Some(key) => request.header("Authorization", format!("Bearer {}", key.secret())),
            None => request,
        }
    }

    fn answer(&self, mut response: Response<Body>) -> Result<Value> {
        let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
        let body = body.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(self.refusal(&response, &body));
        }
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|_| self.strange("the answer is not JSON"))
    }

    fn refusal(&self, response: &Response<Body>, body: &[u8]) -> Failure {
        let status = response.status().as_u16();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let said = problem_text(body);
        let or = |otherwise: &str| said.clone().unwrap_or_else(|| otherwise.to_owned());
        match status {
            300..400 => {
                let to = header("location").unwrap_or("another address");
                self.strange(&format!("it redirects to {to}; set STREAM_API_URL to the address itself"))
            }
            400 | 413 | 415 | 422 => Failure::usage(or("the server refused the request")),
            401 => {
                let text = format!(
                    "{} does not accept the API key ({}): run stream login, or set STREAM_API_KEY",
                    self.api_url,
                    or("unauthorised")
                );
                Failure::new(Kind::Unauthorised, text)
            }
            // It is not about the key.
            403 if is_disabled(body) => Failure::failed(or("the server is configured not to do this")),
            403 => {
                let text = format!("the API key may not do this: {}", or("forbidden"));
                Failure::new(Kind::Forbidden, text)
            }
            404 | 410 => Failure::new(Kind::NotFound, or("there is nothing of this name")),
            409 => Failure::new(Kind::Conflict, or("something that exists is in the way")),
            429 => {
                let wait = header("retry-after").map(|s| format!("; try again in {s} s")).unwrap_or_default();
                Failure::new(Kind::Limited, format!("{}{wait}", or("too many requests")))
            }
            _ => {
                let text =
                    format!("{} answered with status {status}: {}", self.api_url, or("no reason given"));
                Failure::failed(text)
            }
        }
    }

    fn strange(&self, what: &str) -> Failure {
        Failure::failed(format!("{} does not answer like streamd: {what}", self.api_url))
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        let url = &self.api_url;
        let text = match error {
            ureq::Error::HostNotFound => {
                format!("{url}: this host is not known; check --api-url or STREAM_API_URL")
            }
            ureq::Error::Timeout(_) => {
                format!("{url} takes too long to answer; check the address and the network")
            }
            ureq::Error::BodyExceedsLimit(_) => return self.strange("the answer is too large"),
            ureq::Error::Protocol(_) => return self.strange("the answer is not HTTP"),
            error => format!(
                "nothing answers at {url} ({}): start streamd there, or set --api-url or STREAM_API_URL",
                io_reason(error)
            ),
        };
        Failure::new(Kind::Unreachable, text)
    }
}

/// The system's words without its numbers.
fn io_reason(error: &ureq::Error) -> String {
    let text = match error {
        ureq::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    };
    let words = text.split(" (os error").next().unwrap_or(&text);
    words.to_lowercase()
}

/// What a problem document (RFC 9457) says, field by field where it names fields.
fn problem_text(body: &[u8]) -> Option<String> {
    let problem: Value = serde_json::from_slice(body).ok()?;
    let text = |name: &str| problem.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let fields: Vec<String> = problem
        .get("errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(field_text)
        .collect();
    let said = match (fields.is_empty(), text("detail").or(text("title"))) {
        (false, _) => fields.join("; "),
        (true, Some(text)) => text.to_owned(),
        (true, None) => return None,
    };
    Some(one_line(said.trim_end_matches('.')))
}

/// Whether a problem document says that the server is configured not to do it.
fn is_disabled(body: &[u8]) -> bool {
    let kind = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|problem| Some(problem.get("type")?.as_str()?.to_owned()));
    kind.is_some_and(|kind| kind.ends_with("#problem-disabled"))
}

fn field_text(error: &Value) -> Option<String> {
    let message = error.get("message")?.as_str()?;
    Some(match error.get("field").and_then(Value::as_str) {
        Some(field) => format!("{field}: {message}"),
        None => message.to_owned(),
    })
}

/// The path and query of the next page, of a `Link` header (RFC 8288).
fn next_page(header: &str) -> Option<String> {
    header.split(',').find_map(|link| {
        let (target, parameters) = link.split_once(';')?;
        let is_next = parameters.split(';').any(|p| matches!(p.trim(), "rel=\"next\"" | "rel=next"));
        let target = target.trim().strip_prefix('<')?.strip_suffix('>').filter(|_| is_next)?;
        let path = match target.split_once("://") {
            Some((_, rest)) => &rest[rest.find('/')?..],
            None => target,
        };
        // A page of the API and nothing else, where it stands behind a path of a proxy too.
        path.find("/v1/").map(|at| path[at..].to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_a_path_of_the_same_server() {
        let next = Some("/v1/streams?cursor=abc".to_owned());
        assert_eq!(next_page("<https://other.example/v1/streams?cursor=abc>; rel=\"next\""), next);
        assert_eq!(next_page("</v1/streams>; rel=\"first\", </v1/streams?cursor=abc>; rel=\"next\""), next);
        assert_eq!(next_page("<https://host/behind/v1/streams?cursor=abc>; rel=next"), next);
        assert_eq!(next_page("<https://host>; rel=\"next\""), None);
        assert_eq!(next_page("</v1/streams>; rel=\"prev\""), None);
    }

    #[test]
    fn a_problem_names_its_fields() {
        let fields =
            br#"{"title":"Invalid","detail":"x","errors":[{"field":"layers","message":"at most 15"}]}"#;
        assert_eq!(problem_text(fields).unwrap(), "layers: at most 15");
        assert_eq!(problem_text(br#"{"title":"Gone"}"#).unwrap(), "Gone");
        assert_eq!(problem_text(b"<html>"), None);
        assert_eq!(problem_text(br#"{"errors":[7]}"#), None);
    }

    proptest::proptest! {
        #[test]
        fn no_header_and_no_body_makes_a_panic(header in ".*", link in "<[^>]*>; ?rel=\"?next\"?", body in ".*") {
            let _ = (next_page(&header), next_page(&link), problem_text(body.as_bytes()));
        }
    }
}
