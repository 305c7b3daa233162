//! Cameras on the local network, as somebody looks for them who wants to make streams of them.
//!
//! The crate `fql-discover` finds and asks them; here stands who may have that done, how often, and where cameras may be:
//! where sources of pulled streams may be, for that is what is made of them. [`api`] is its face over HTTP.

pub mod api;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::header;
use fql_discover::{ASKING, Credentials, Options};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::api::Problem;
use crate::api::problem::Kind;
use crate::config::Config;
use crate::service::{Caller, Scope};
use crate::webhooks::Targets;
use api::{Discovered, NewDiscovery};

/// The times that answers to a probe may be waited for, and where nothing is said.
const LEAST_TIMEOUT: i64 = 500;
const DEFAULT_TIMEOUT: i64 = 3000;
const MOST_TIMEOUT: i64 = 10_000;
/// The most addresses that the search may be narrowed to.
const MOST_ADDRESSES: usize = 64;
/// The longest user name and password.
const LONGEST: usize = 256;

/// Looks for cameras, for one at a time.
pub struct Discovery {
    is_enabled: bool,
    interfaces: Vec<Ipv4Addr>,
    targets: Targets,
    turn: Semaphore,
    /// When whoever has the turn is done at the latest.
    done: Mutex<Instant>,
}

impl Discovery {
    /// As configured.
    pub fn new(config: &Config) -> Self {
        Self {
            is_enabled: config.discover.enabled,
            interfaces: config.discover.interfaces.clone(),
            targets: Targets::of(config.pull.allow_private, config.pull.allowed_networks.clone()),
            turn: Semaphore::new(1),
            done: Mutex::new(Instant::now()),
        }
    }

    /// Looks for cameras, for one who may make streams of them.
    ///
    /// # Errors
    /// Where he may not, it is off, somebody else looks, or there is no network to look in.
    pub async fn run(&self, caller: &Caller, asked: NewDiscovery) -> Result<Discovered, Problem> {
        caller.require(Scope::StreamsWrite)?;
        if !self.is_enabled {
            let detail =
                "cameras are not looked for here: discover.enabled (STREAMD_DISCOVER_ENABLED) is false";
            return Err(Problem::new(Kind::Disabled, detail));
        }
        let options = self.options(asked)?;
        let _turn = self.turn(options.timeout + ASKING)?;
        let found = fql_discover::discover(&options).await;
        let found = found.map_err(|error| Problem::new(Kind::Unavailable, error.to_string()))?;
        let devices = found.devices.len();
        tracing::info!(key = caller.id, devices, "cameras were looked for");
        Ok(Discovered::of(found))
    }

    /// The turn of whoever looks for so long at most.
    fn turn(&self, longest: Duration) -> Result<SemaphorePermit<'_>, Problem> {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Ok(turn) = self.turn.try_acquire() {
            *done = now + longest;
            return Ok(turn);
        }
        let wait = done.saturating_duration_since(now).as_secs() + 1;
        let busy = Problem::new(Kind::TooManyRequests, "cameras are being looked for already");
        Err(busy.with_header(header::RETRY_AFTER, wait.into()))
    }

    fn options(&self, asked: NewDiscovery) -> Result<Options, Problem> {
        let NewDiscovery { timeout_ms, username, password, addresses } = asked;
        let timeout = timeout_ms.unwrap_or(DEFAULT_TIMEOUT);
        let milliseconds =
            u64::try_from(timeout).ok().filter(|_| (LEAST_TIMEOUT..=MOST_TIMEOUT).contains(&timeout));
        let milliseconds = milliseconds.ok_or_else(|| {
            Problem::field("timeoutMs", format!("is {timeout}, and may be {LEAST_TIMEOUT} to {MOST_TIMEOUT}"))
        })?;
        for (field, text) in [("username", &username), ("password", &password)] {
            // The text is not repeated.
            if text
                .as_ref()
                .is_some_and(|text| text.chars().count() > LONGEST || text.chars().any(char::is_control))
            {
                let message = format!("is longer than {LONGEST} characters, or has control characters in it");
                return Err(Problem::field(field, message));
            }
        }
        let credentials = match (username.filter(|name| !name.is_empty()), password) {
            (Some(username), password) => {
                Some(Credentials { username, password: password.unwrap_or_default() })
            }
            (None, Some(_)) => return Err(Problem::field("username", "is missing, and there is a password")),
            (None, None) => None,
        };
        let addresses = addresses.unwrap_or_default();
        if addresses.len() > MOST_ADDRESSES {
            return Err(Problem::field("addresses", format!("has more than {MOST_ADDRESSES} in it")));
        }
        let parsed = addresses.iter().map(|text| text.parse());
        let addresses = parsed.collect::<Result<_, _>>();
        let targets = self.targets.clone();
        Ok(Options {
            group: fql_discover::GROUP,
            interfaces: self.interfaces.clone(),
            timeout: Duration::from_millis(milliseconds),
            credentials,
            addresses: addresses
                .map_err(|_| Problem::field("addresses", "has something else than IPv4 addresses in it"))?,
            may_ask: Arc::new(move |address| targets.allow(IpAddr::V4(address))),
        })
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Discovery").field("is_enabled", &self.is_enabled).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(asked: NewDiscovery) -> String {
        let refused = Discovery::new(&Config::default()).options(asked).map(|_| ()).expect_err("it is wrong");
        serde_json::to_string(&refused.document()).expect("it is JSON")
    }

    #[test]
    fn what_is_wrong_is_named_and_not_repeated() {
        let text = |text: &str| Some(text.to_owned());
        for (asked, field) in [
            (NewDiscovery { timeout_ms: Some(499), ..Default::default() }, "timeoutMs"),
            (NewDiscovery { timeout_ms: Some(i64::MIN), ..Default::default() }, "timeoutMs"),
            (NewDiscovery { timeout_ms: Some(10_001), ..Default::default() }, "timeoutMs"),
            (NewDiscovery { password: text("secret"), ..Default::default() }, "username"),
            (
                NewDiscovery { username: text("a"), password: text("secret\n"), ..Default::default() },
                "password",
            ),
            (
                NewDiscovery {
                    username: text("a"),
                    password: text(&"secret".repeat(50)),
                    ..Default::default()
                },
                "password",
            ),
            (NewDiscovery { addresses: Some(vec!["::1".to_owned()]), ..Default::default() }, "addresses"),
            (
                NewDiscovery { addresses: Some(vec!["10.0.0.1".to_owned(); 65]), ..Default::default() },
                "addresses",
            ),
        ] {
            let said = fails(asked);
            assert!(
                said.contains(&format!("\"field\":\"{field}\"")) && !said.contains("secret"),
                "{field}: {said}"
            );
        }
    }

    #[test]
    fn cameras_may_be_where_sources_may_be() {
        let mut config = Config::default();
        let may_ask = |config: &Config, address: [u8; 4]| {
            let options = Discovery::new(config).options(NewDiscovery::default()).expect("it is right");
            (options.may_ask)(address.into())
        };
        assert!(!may_ask(&config, [192, 168, 7, 20]) && !may_ask(&config, [169, 254, 1, 1]));
        config.pull.allow_private = true;
        assert!(may_ask(&config, [192, 168, 7, 20]) && !may_ask(&config, [169, 254, 169, 254]));
        config.pull.allow_private = false;
        config.pull.allowed_networks = vec!["192.168.7.0/24".parse().expect("it is a network")];
        assert!(may_ask(&config, [192, 168, 7, 20]) && !may_ask(&config, [192, 168, 8, 20]));
    }
}
