use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use snow::params::DHChoice;
use snow::resolvers::{CryptoResolver, DefaultResolver};

use crate::Error;
use crate::random::{Random, Seed};

/// The secret that a server shows viewers that it is the one they look for: a private key of X25519 (RFC 7748).
#[derive(Clone)]
pub struct ServerKey([u8; 32]);

/// What viewers know a server by: the public key of a [`ServerKey`]. Its text is base64url without padding.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 32]);

impl ServerKey {
    /// A new key from this seed.
    pub fn generate(seed: Seed) -> Self {
        Self(Random::new(&seed).bytes())
    }

    /// The key with these bytes, as [`ServerKey::to_bytes`] gave them.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, to be kept where nobody else reads.
    pub const fn to_bytes(&self) -> [u8; 32] {
        self.0
    }

    /// What viewers are to know.
    pub fn public(&self) -> PublicKey {
        let mut dh = DefaultResolver.resolve_dh(&DHChoice::Curve25519).expect("the build has X25519");
        dh.set(&self.0);
        PublicKey(dh.pubkey().try_into().expect("a public key of X25519 has 32 bytes"))
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerKey(..)")
    }
}

impl PublicKey {
    /// The key with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl FromStr for PublicKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::ServerKey)?;
        bytes.try_into().map(Self).map_err(|_| Error::ServerKey)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_public_key_is_that_of_rfc_7748() {
        // Section 6.1, Alice.
        let secret = *b"\x77\x07\x6d\x0a\x73\x18\xa5\x7d\x3c\x16\xc1\x72\x51\xb2\x66\x45\
            \xdf\x4c\x2f\x87\xeb\xc0\x99\x2a\xb1\x77\xfb\xa5\x1d\xb9\x2c\x2a";
        let public = *b"\x85\x20\xf0\x09\x89\x30\xa7\x54\x74\x8b\x7d\xdc\xb4\x3e\xf7\x5a\
            \x0d\xbf\x3a\x0d\x26\x38\x1a\xf4\xeb\xa4\xa9\x8e\xaa\x9b\x4e\x6a";
        let key = ServerKey::from_bytes(secret).public();
        assert_eq!(key.to_bytes(), public);
        assert_eq!(key.to_string(), "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo");
    }

    #[test]
    fn a_server_key_is_not_in_what_debugging_prints() {
        assert_eq!(format!("{:?}", ServerKey::from_bytes([65; 32])), "ServerKey(..)");
    }

    proptest! {
        #[test]
        fn a_public_key_survives_the_trip_through_text(bytes: [u8; 32]) {
            let key = PublicKey::from_bytes(bytes);
            prop_assert_eq!(key.to_string().parse::<PublicKey>().unwrap(), key);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
            if let Ok(key) = text.parse::<PublicKey>() {
                prop_assert_eq!(key.to_string(), text);
            }
        }
    }
}
