//! Certificates for browsers where none is configured: made here, and known to a page by their hashes, which the answer
//! of `/play` names.
//!
//! Browsers take such a certificate only if its key is ECDSA P-256 and it is valid for 14 days at most. So there are two
//! at a time: one in use, and one to come, which a page learns of long before it is used. When the second is six days
//! old it takes the place of the first, and another is made: a page that was loaded at any moment can connect for six
//! days at least.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, Result};
use data_encoding::BASE64;
use jiff::Timestamp;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::store::write_key;

const FILE: &str = "webtransport.key";
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// For how long before it is made a certificate is valid: clocks of browsers may be slow.
const EARLIER: i64 = HOUR;
/// For how long after. With the hour before, and an hour less, since browsers count the last second, too.
const LATER: i64 = 14 * DAY - 2 * HOUR;
/// The age at which the next certificate takes the place of the current one.
const TURN: i64 = 6 * DAY;
/// A certificate with less time left is not used any more.
const LEAST_LEFT: i64 = DAY;
/// How often to look whether it is time.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// A certificate with its key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    /// When, in seconds since 1970.
    at: i64,
    /// Both in DER, base64.
    certificate: String,
    key: String,
}

/// The certificate in use and the next one, as the data folder keeps them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pair {
    current: Made,
    next: Made,
}

impl Made {
    fn new(now: Timestamp) -> Result<Self> {
        let at = now.as_second();
        let time = |seconds| time::OffsetDateTime::from_unix_timestamp(seconds).context("the clock is wrong");
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::new(["localhost".to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, "streamd");
        params.not_before = time(at - EARLIER)?;
        params.not_after = time(at + LATER)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            at,
            certificate: BASE64.encode(certificate.der()),
            key: BASE64.encode(&key.serialize_der()),
        })
    }

    fn age(&self, now: Timestamp) -> i64 {
        now.as_second().saturating_sub(self.at)
    }

    /// Whether browsers take it now and for a while. A clock that was set back makes it one of the future.
    fn is_good(&self, now: Timestamp) -> bool {
        (-EARLIER..LATER - LEAST_LEFT).contains(&self.age(now))
    }

    fn certified_key(&self) -> Result<CertifiedKey> {
        let chain = vec![CertificateDer::from(BASE64.decode(self.certificate.as_bytes())?)];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(BASE64.decode(self.key.as_bytes())?));
        Ok(CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider())?)
    }

    fn hash(&self) -> Result<String> {
        Ok(BASE64.encode(&Sha256::digest(BASE64.decode(self.certificate.as_bytes())?)))
    }
}

impl Pair {
    fn new(now: Timestamp) -> Result<Self> {
        Ok(Self { current: Made::new(now)?, next: Made::new(now)? })
    }

    /// What the pair is at this moment.
    fn turned(&self, now: Timestamp) -> Result<Self> {
        if self.current.is_good(now) && self.next.is_good(now) && self.next.age(now) < TURN {
            return Ok(self.clone());
        }
        if !self.next.is_good(now) {
            // Nobody ran for days, or the clock was set: no page can know a certificate that is still good.
            return Self::new(now);
        }
        Ok(Self { current: self.next.clone(), next: Made::new(now)? })
    }
}

/// The certificates of this daemon.
pub struct SelfSigned {
    path: PathBuf,
    state: RwLock<State>,
}

struct State {
    pair: Pair,
    certified: Arc<CertifiedKey>,
    /// SHA-256 of the current and the next one, base64.
    hashes: Vec<String>,
}

impl State {
    fn of(pair: Pair) -> Result<Self> {
        // The next one has to be usable, too, before a page is told of it.
        pair.next.certified_key()?;
        let certified = Arc::new(pair.current.certified_key()?);
        let hashes = vec![pair.current.hash()?, pair.next.hash()?];
        Ok(Self { pair, certified, hashes })
    }
}

impl SelfSigned {
    /// Those in the data folder, as far as they are good at this moment, or new ones.
    pub fn open(data: &Path, now: Timestamp) -> Result<Self> {
        let path = data.join(FILE);
        let stored = read(&path);
        let pair = match &stored {
            Some(stored) => stored.turned(now)?,
            None => Pair::new(now)?,
        };
        let state = State::of(pair).or_else(|_| State::of(Pair::new(now)?))?;
        if stored.as_ref() != Some(&state.pair) {
            write(&path, &state.pair)?;
        }
        Ok(Self { path, state: RwLock::new(state) })
    }

    /// SHA-256 hashes of the certificate in use and the next one, base64.
    pub fn hashes(&self) -> Vec<String> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).hashes.clone()
    }

    /// Makes and changes certificates when it is time, for as long as it is polled.
    pub async fn follow(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(LOOK_AGAIN);
        loop {
            ticks.tick().await;
            match self.turn(Timestamp::now()) {
                Ok(false) => {}
                Ok(true) => tracing::info!("WebTransport's next certificate is in use"),
                Err(error) => tracing::error!("WebTransport's certificate stays as it is: {error:#}"),
            }
        }
    }

    /// Does what is due at this moment; says whether the certificates are others now.
    fn turn(&self, now: Timestamp) -> Result<bool> {
        let before = self.state.read().unwrap_or_else(PoisonError::into_inner).pair.clone();
        let pair = before.turned(now)?;
        if pair == before {
            return Ok(false);
        }
        let state = State::of(pair)?;
        // Stored before a page is told of it: after a restart it is still the next one.
        if let Err(error) = write(&self.path, &state.pair) {
            if before.current.is_good(now) {
                return Err(error);
            }
            // One that is lost with a restart is better than one that no browser takes any more.
            tracing::error!("WebTransport's new certificate cannot be stored: {error:#}");
        }
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
        Ok(true)
    }
}

/// What is stored, if it can be read. A broken file costs nothing but the pages that were loaded before.
fn read(path: &Path) -> Option<Pair> {
    let text = fs::read(path).ok()?;
    let pair = serde_json::from_slice(&text);
    if pair.is_err() {
        tracing::warn!("{} holds no certificates; new ones are made", path.display());
    }
    pair.ok()
}

fn write(path: &Path, pair: &Pair) -> Result<()> {
    let text = serde_json::to_vec(pair)?;
    write_key(path, &text).with_context(|| path.display().to_string())
}

impl ResolvesServerCert for SelfSigned {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner).certified))
    }
}

impl std::fmt::Debug for SelfSigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SelfSigned({}, ..)", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    fn day(days: f64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + (days * DAY as f64) as i64).unwrap()
    }

    fn open(folder: &TempDir, days: f64) -> SelfSigned {
        SelfSigned::open(folder.path(), day(days)).unwrap()
    }

    /// What is in use, by its hash.
    fn used(certificates: &SelfSigned) -> String {
        let state = certificates.state.read().unwrap();
        BASE64.encode(&Sha256::digest(&state.certified.cert[0]))
    }

    #[test]
    fn a_page_that_was_loaded_at_any_time_can_connect_for_six_days() {
        let folder = TempDir::new().unwrap();
        let certificates = open(&folder, 0.0);
        let quarters = 0..240;
        let told: Vec<_> = quarters
            .map(|quarter| {
                certificates.turn(day(f64::from(quarter) / 4.0)).unwrap();
                (certificates.hashes(), used(&certificates))
            })
            .collect();
        for (loaded, (hashes, _)) in told.iter().enumerate() {
            let later = told[loaded..].iter().take(24);
            assert!(
                later.map(|(_, used)| used).all(|used| hashes.contains(used)),
                "loaded on day {loaded}/4"
            );
        }
        let mut all: Vec<_> = told.iter().map(|(_, used)| used).collect();
        all.dedup();
        assert_eq!(all.len(), 10, "one for each six days of sixty");
    }

    #[test]
    fn what_is_used_is_valid_then_and_for_fourteen_days_in_all_at_most() {
        let folder = TempDir::new().unwrap();
        let certificates = open(&folder, 0.0);
        for half in 0..100 {
            let now = day(f64::from(half) / 2.0);
            certificates.turn(now).unwrap();
            let state = certificates.state.read().unwrap();
            let (_, parsed) = x509_parser::parse_x509_certificate(&state.certified.cert[0]).unwrap();
            let validity = parsed.validity();
            let (from, to) = (validity.not_before.timestamp(), validity.not_after.timestamp());
            assert!((from..to).contains(&now.as_second()) && to - from < 14 * DAY, "{from} to {to}");
            assert!(to - now.as_second() > LEAST_LEFT - HOUR);
        }
    }

    #[test]
    fn they_are_kept_over_restarts_and_only_the_owner_can_read_them() {
        let folder = TempDir::new().unwrap();
        let (first, later) = (open(&folder, 0.0).hashes(), open(&folder, 5.9).hashes());
        assert_eq!(first, later);
        let turned = open(&folder, 6.1).hashes();
        assert_eq!(turned[0], first[1]);
        assert_eq!(open(&folder, 6.2).hashes(), turned);
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn where_none_can_be_stored_the_old_one_is_used_while_it_is_good_and_no_longer() {
        let folder = TempDir::new().unwrap();
        let certificates = open(&folder, 0.0);
        let (hashes, first) = (certificates.hashes(), used(&certificates));
        folder.close().unwrap();
        assert!(certificates.turn(day(7.0)).is_err());
        assert_eq!((certificates.hashes(), used(&certificates)), (hashes, first.clone()));
        assert!(certificates.turn(day(13.0)).unwrap());
        assert_ne!(used(&certificates), first);
    }

    #[test]
    fn after_a_long_time_off_or_with_a_clock_set_back_or_a_broken_file_there_are_new_ones() {
        let folder = TempDir::new().unwrap();
        let first = open(&folder, 0.0).hashes();
        let second = open(&folder, 12.95).hashes();
        let third = open(&folder, 1.0).hashes();
        fs::write(folder.path().join(FILE), "{").unwrap();
        let fourth = open(&folder, 1.0).hashes();
        let broken = r#"{"current":{"at":0,"certificate":"AAAA","key":"!"},"next":{"at":0,"certificate":"","key":""}}"#;
        fs::write(folder.path().join(FILE), broken).unwrap();
        let fifth = SelfSigned::open(folder.path(), Timestamp::from_second(0).unwrap()).unwrap().hashes();
        let mut all = [first, second, third, fourth, fifth].concat();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 10);
    }
}
