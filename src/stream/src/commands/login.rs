//! `stream login`: the API's address and key, checked and kept.

use serde_json::json;

use crate::args::Global;
use crate::client::Client;
use crate::commands::ask;
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;
use crate::settings::{ApiKey, File, Settings, config_path, normal_url};

/// Asks for what neither flags nor the environment tell, checks it against the API, and writes the configuration.
pub fn login(global: &Global, output: Output) -> Result<()> {
    let path = config_path(global).ok_or_else(|| {
        Failure::failed("there is no home folder to keep the key in: set STREAM_API_KEY instead")
    })?;
    let known = Settings::load(global)?;
    let api_url = match &global.api_url {
        None if ask::can_ask() => normal_url(&ask::line("API URL", &known.api_url)?)?,
        _ => known.api_url.clone(),
    };
    let api_key = match known.api_key {
        Some(key) if global.api_key.is_some() => key,
        _ => asked_key()?,
    };
    let settings = Settings { api_url, api_key: Some(api_key) };
    check(&settings)?;
    let Settings { api_url, api_key } = settings;
    if is_exposed(&api_url) {
        eprintln!("stream: warning: {api_url} is not https, so everybody on the way can read the key");
    }
    File { api_url: Some(api_url.clone()), api_key }.write(&path)?;
    let shown = path.display().to_string();
    output.done(
        &format!("Logged in to {api_url}; the key is in {shown}"),
        &json!({"apiUrl": api_url, "config": shown}),
    )
}

fn asked_key() -> Result<ApiKey> {
    if !ask::can_ask() {
        let text =
            "there is no terminal to ask for the API key on: use --api-key - and give it on standard input";
        return Err(Failure::usage(text));
    }
    ApiKey::parse(&ask::secret("API key (it is not shown)")?)
}

/// A key that may do something else than list streams is a good one.
fn check(settings: &Settings) -> Result<()> {
    match Client::new(settings)?.get("/v1/streams?limit=1") {
        Ok(answer) if answer.is_array() => Ok(()),
        Ok(_) => Err(Failure::failed(format!("{} does not answer like streamd", settings.api_url))),
        Err(failure) if failure.kind() == Kind::Forbidden => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// Whether the key crosses a network unprotected.
fn is_exposed(api_url: &str) -> bool {
    let Some(rest) = api_url.strip_prefix("http://") else { return false };
    let host = rest.split('/').next().unwrap_or_default();
    let host = host.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map_or(host, |(host, _)| host);
    !(host == "localhost" || host == "[::1]" || host.starts_with("127."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_needs_no_https() {
        for near in
            ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:8080/x", "https://example.com"]
        {
            assert!(!is_exposed(near), "{near}");
        }
        for far in ["http://example.com", "http://192.0.2.7:8080", "http://[2001:db8::1]:8080"] {
            assert!(is_exposed(far), "{far}");
        }
    }
}
