use std::hash::{Hash, Hasher};
use std::time::Duration;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::Time;
use crate::datagram::{COOKIE_LEN, Cookie};
use crate::random::Random;

/// A secret makes cookies for so long, and its cookies are taken for as long again.
const WINDOW: Duration = Duration::from_secs(15);

/// Cookies: whoever sends one back that was made for its address hears what is sent there. Nothing is remembered of
/// whom they were given to: a cookie is a MAC, under a secret that is soon forgotten, over the address and the first
/// message that it was given for.
pub(super) struct Cookies {
    current: Secret,
    /// The one before, while its cookies are still good.
    previous: Option<Secret>,
}

struct Secret {
    mac: Hmac<Sha256>,
    until: Time,
}

impl Cookies {
    pub(super) fn new(random: &mut Random) -> Self {
        Self { current: Secret::new(random, Time::ZERO), previous: None }
    }

    /// The cookie for a first message from this address.
    pub(super) fn make<A: Hash>(&mut self, now: Time, from: &A, first: &[u8], random: &mut Random) -> Cookie {
        self.rotate(now, random);
        let mut cookie = [0; COOKIE_LEN];
        cookie.copy_from_slice(&self.current.mac(from, first).finalize().into_bytes()[..COOKIE_LEN]);
        cookie
    }

    /// Whether the cookie was made for this first message from this address, not long ago.
    pub(super) fn is_good<A: Hash>(
        &mut self,
        now: Time,
        from: &A,
        first: &[u8],
        cookie: &Cookie,
        random: &mut Random,
    ) -> bool {
        self.rotate(now, random);
        let previous = self.previous.as_ref().filter(|previous| now < previous.until + WINDOW);
        let secrets = [Some(&self.current), previous];
        // Compared in constant time.
        secrets.into_iter().flatten().any(|s| s.mac(from, first).verify_truncated_left(cookie).is_ok())
    }

    fn rotate(&mut self, now: Time, random: &mut Random) {
        if now < self.current.until {
            return;
        }
        self.previous = Some(std::mem::replace(&mut self.current, Secret::new(random, now + WINDOW)));
    }
}

impl Secret {
    fn new(random: &mut Random, until: Time) -> Self {
        let mac = Hmac::new_from_slice(&random.bytes::<32>()).expect("HMAC takes a key of any length");
        Self { mac, until }
    }

    fn mac<A: Hash>(&self, from: &A, first: &[u8]) -> Hmac<Sha256> {
        let mut absorb = Absorb(self.mac.clone());
        from.hash(&mut absorb);
        absorb.0.chain_update(first)
    }
}

/// Whatever an address is, the bytes that its hash is made of go into the MAC. They need to mean the same in this
/// process only.
struct Absorb(Hmac<Sha256>);

impl Hasher for Absorb {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        // Nobody asks: what is absorbed is used, not this.
        0
    }
}
