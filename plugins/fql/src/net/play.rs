//! Addresses of streams to view: `fql://host:port/play/<playback ID>?server-key=...`.

use std::str::FromStr;

use fql_transport::PublicKey;
use thiserror::Error;

use super::Address;
use super::address::split_port;

/// What such an address begins with.
pub const SCHEME: &str = "fql";
const START: &str = "fql://";
const PATH: &str = "play/";
const SERVER_KEY: &str = "server-key";
const MAX_PLAYBACK_ID: usize = 64;

/// A stream to view, and the server that gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Play {
    /// The server.
    pub server: Address,
    /// What to view: letters, digits, `-`, `_`, `.` and `~`.
    pub playback_id: String,
    /// What the server is known by; `None` where it has to be asked for.
    pub server_key: Option<PublicKey>,
}

/// Why text is no address of a stream to view.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PlayError {
    /// It does not begin with `fql://`.
    #[error("the address \"{0}\" does not begin with fql://")]
    Scheme(String),
    /// There is no host or no port.
    #[error("the address \"{0}\" has no host and port; write fql://host:port/play/<playback ID>")]
    Server(String),
    /// There is no playback ID.
    #[error("the address \"{0}\" has no playback ID; write fql://host:port/play/<playback ID>")]
    PlaybackId(String),
    /// The key is none.
    #[error("the server-key of the address \"{0}\" is not 43 characters of base64url")]
    ServerKey(String),
}

impl FromStr for Play {
    type Err = PlayError;

    fn from_str(text: &str) -> Result<Self, PlayError> {
        let rest = text.strip_prefix(START).ok_or_else(|| PlayError::Scheme(text.into()))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let server = server(authority).ok_or_else(|| PlayError::Server(text.into()))?;
        let playback_id = path.strip_prefix(PATH).filter(|id| is_playback_id(id));
        let playback_id = playback_id.ok_or_else(|| PlayError::PlaybackId(text.into()))?.to_owned();
        let server_key = query
            .split('&')
            .find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == SERVER_KEY))
            .map(|(_, key)| key.parse().map_err(|_| PlayError::ServerKey(text.into())))
            .transpose()?;
        Ok(Self { server, playback_id, server_key })
    }
}

fn server(authority: &str) -> Option<Address> {
    let (host, port) = split_port(authority)?;
    let is_host = !host.is_empty() && !host.contains(['[', ']', '@', '#']);
    let port = port.parse().ok().filter(|_| port.bytes().all(|b| b.is_ascii_digit()))?;
    is_host.then(|| Address { host: host.into(), port, ..Address::default() })
}

/// What needs no escapes in an address.
fn is_playback_id(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    (1..=MAX_PLAYBACK_ID).contains(&text.len()) && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo";

    #[test]
    fn an_address_says_which_stream_of_which_server_with_which_key() {
        let play: Play = format!("fql://[::1]:4242/play/abc-1?a=b&server-key={KEY}").parse().unwrap();
        assert_eq!((&play.server.host[..], play.server.port), ("::1", 4242));
        assert_eq!(play.playback_id, "abc-1");
        assert_eq!(play.server_key.unwrap().to_string(), KEY);
        let play: Play = "fql://live.example.org:1/play/x".parse().unwrap();
        assert_eq!((&play.server.host[..], play.server_key), ("live.example.org", None));
    }

    #[test]
    fn an_address_that_is_none_is_named_with_what_is_wrong() {
        let error = |text: &str| text.parse::<Play>().unwrap_err().to_string();
        assert!(error("udp://host:1/play/x").contains("does not begin with fql://"));
        for text in
            ["fql://", "fql://host/play/x", "fql://:1/play/x", "fql://::1:5/play/x", "fql://h:70000/play/x"]
        {
            assert!(error(text).contains("no host and port"), "{text}: {}", error(text));
        }
        for text in
            ["fql://h:1", "fql://h:1/play/", "fql://h:1/x", "fql://h:1/play/a/b", "fql://h:1/play/%20"]
        {
            assert!(error(text).contains("no playback ID"), "{text}: {}", error(text));
        }
        assert!(error("fql://h:1/play/x?server-key=abc").contains("43 characters"));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(fql://)?[\\[\\]:/a-z0-9.%@?&=]{0,40}(play/)?[a-z?=&]{0,20}") {
            if let Ok(play) = text.parse::<Play>() {
                prop_assert!(!play.playback_id.is_empty() && !play.server.host.is_empty());
            }
        }
    }
}
