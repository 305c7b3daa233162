//! How often one may ask: a token bucket for each API key and for each address without one, which holds a minute's
//! worth of requests and fills evenly.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Kind;
use super::{App, Problem, client};

const MINUTE: f64 = 60.0;
/// So many clients are told apart at once; beyond that the rest share one bucket.
const MAX_BUCKETS: usize = 65_536;
const BETWEEN_SWEEPS: Duration = Duration::from_secs(1);

/// The buckets of all clients.
#[derive(Debug, Default)]
pub(super) struct RateLimits {
    keys: Mutex<Buckets<String>>,
    addresses: Mutex<Buckets<IpAddr>>,
}

impl RateLimits {
    pub(super) fn take_for_key(&self, key: &str, rate: u32) -> Grant {
        let mut buckets = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.take(key.to_owned(), rate, Instant::now())
    }

    pub(super) fn take_for_address(&self, address: IpAddr, rate: u32) -> Grant {
        let mut buckets = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.take(client::network(address), rate, Instant::now())
    }

    /// Whether the address may ask at all, without a request being counted.
    pub(super) fn peek_address(&self, address: IpAddr, rate: u32) -> Grant {
        let mut buckets = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.peek(&client::network(address), rate, Instant::now())
    }
}

#[derive(Debug)]
struct Buckets<K> {
    buckets: HashMap<K, Bucket>,
    shared: Option<Bucket>,
    swept: Option<Instant>,
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self { buckets: HashMap::new(), shared: None, swept: None }
    }
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    rate: u32,
    at: Instant,
}

impl Bucket {
    fn full(rate: u32, now: Instant) -> Self {
        Self { tokens: f64::from(rate), rate, at: now }
    }

    fn filled(self, rate: u32, now: Instant) -> Self {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        let tokens = (self.tokens + since * f64::from(rate) / MINUTE).min(f64::from(rate));
        Self { tokens, rate, at: now }
    }

    fn is_full(self, now: Instant) -> bool {
        self.filled(self.rate, now).tokens >= f64::from(self.rate)
    }

    fn grant(self, allowed: bool) -> Grant {
        Grant { allowed, limit: self.rate, tokens: self.tokens.max(0.0) }
    }

    fn take(&mut self, rate: u32, now: Instant) -> Grant {
        *self = self.filled(rate, now);
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
        }
        self.grant(allowed)
    }
}

impl<K: Eq + Hash> Buckets<K> {
    fn take(&mut self, key: K, rate: u32, now: Instant) -> Grant {
        if !self.buckets.contains_key(&key) && self.buckets.len() >= MAX_BUCKETS {
            self.sweep(now);
        }
        if !self.buckets.contains_key(&key) && self.buckets.len() >= MAX_BUCKETS {
            return self.shared.get_or_insert_with(|| Bucket::full(rate, now)).take(rate, now);
        }
        self.buckets.entry(key).or_insert_with(|| Bucket::full(rate, now)).take(rate, now)
    }

    fn peek(&mut self, key: &K, rate: u32, now: Instant) -> Grant {
        let bucket =
            self.buckets.get(key).copied().unwrap_or_else(|| Bucket::full(rate, now)).filled(rate, now);
        bucket.grant(bucket.tokens >= 1.0)
    }

    /// Forgets full buckets: a new one is as good. Not at every request, so that many clients do not cost much each.
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_none_or(|swept| now.saturating_duration_since(swept) >= BETWEEN_SWEEPS) {
            self.swept = Some(now);
            self.buckets.retain(|_, bucket| !bucket.is_full(now));
        }
    }
}

/// Whether a request may go on, and what its client is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Grant {
    pub(super) allowed: bool,
    limit: u32,
    tokens: f64,
}

impl Grant {
    /// Seconds until the bucket holds `tokens`.
    fn seconds_until(&self, tokens: f64) -> u64 {
        let missing = (tokens - self.tokens).max(0.0);
        // At most a minute, and never negative: no cast can go wrong.
        (missing * MINUTE / f64::from(self.limit.max(1))).ceil() as u64
    }

    pub(super) fn write(&self, headers: &mut HeaderMap) {
        headers.insert("ratelimit-limit", self.limit.into());
        headers.insert("ratelimit-remaining", HeaderValue::from(self.tokens as u64));
        headers.insert("ratelimit-reset", self.seconds_until(f64::from(self.limit)).into());
    }

    pub(super) fn refuse(&self) -> Response {
        let wait = self.seconds_until(1.0).max(1);
        let detail = format!("{} requests a minute are allowed; ask again in {wait} s", self.limit);
        let mut response = Problem::new(Kind::TooManyRequests, detail).into_response();
        response.headers_mut().insert("retry-after", wait.into());
        self.write(response.headers_mut());
        response
    }
}

/// Counts a request against the address that it came from.
pub(super) async fn by_address(State(app): State<App>, request: Request, next: Next) -> Response {
    let address = client::address(request.extensions());
    let grant = app.limits.take_for_address(address, app.settings.address_rate);
    if !grant.allowed {
        return grant.refuse();
    }
    let mut response = next.run(request).await;
    grant.write(response.headers_mut());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_goes_at_once_and_then_one_at_a_time() {
        let (mut buckets, start) = (Buckets::default(), Instant::now());
        for _ in 0..60 {
            assert!(buckets.take("key", 60, start).allowed);
        }
        let refused = buckets.take("key", 60, start);
        assert!(!refused.allowed);
        assert_eq!((refused.seconds_until(1.0), refused.seconds_until(60.0)), (1, 60));
        assert!(buckets.take("another", 60, start).allowed, "another key has its own");
        let later = start + Duration::from_millis(1010);
        assert!(buckets.take("key", 60, later).allowed);
        assert!(!buckets.take("key", 60, later).allowed);
    }

    #[test]
    fn more_clients_than_can_be_told_apart_share_a_bucket_until_others_are_full_again() {
        let (mut buckets, start) = (Buckets::default(), Instant::now());
        for client in 0..MAX_BUCKETS {
            buckets.take(client, 2, start);
        }
        assert!(buckets.take(MAX_BUCKETS, 2, start).allowed);
        assert!(buckets.take(MAX_BUCKETS + 1, 2, start).allowed);
        assert!(!buckets.take(MAX_BUCKETS + 2, 2, start).allowed, "the shared one is empty");
        assert_eq!(buckets.buckets.len(), MAX_BUCKETS);
        let later = start + Duration::from_secs(60);
        assert!(buckets.take(MAX_BUCKETS + 3, 2, later).allowed);
        assert_eq!(buckets.buckets.len(), 1);
    }
}
