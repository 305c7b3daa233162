use argon2::{Algorithm, Argon2, Params, Version};
use hkdf::Hkdf;
use sha2::Sha256;

use crate::Error;

/// Both sides derive the key without having exchanged anything, so the salt is the protocol's own. What it lacks in
/// uniqueness the cost of Argon2id has to make up for.
const SALT: &[u8] = b"FQL 0.4 passphrase";
/// Longer passphrases add nothing but work.
const MAX_PASSPHRASE: usize = 1024;

/// The secret that the two ends of a session share.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    /// The key that stands for no passphrase: known to everybody, so what it seals is open to everybody.
    pub const OPEN: Self = Self(*b"FQL 0.4: open to anybody, no key");

    /// The key of a passphrase of 1 to 1,024 bytes: Argon2id (RFC 9106) with 64 MiB, 3 passes and 4 lanes over a
    /// salt that the protocol fixes. Slow on purpose (some hundred milliseconds): derive it once at the start.
    pub fn from_passphrase(passphrase: &str) -> Result<Self, Error> {
        if passphrase.is_empty() {
            return Err(Error::Passphrase("is empty"));
        }
        if passphrase.len() > MAX_PASSPHRASE {
            return Err(Error::Passphrase("is longer than 1024 bytes"));
        }
        let params = Params::new(64 * 1024, 3, 4, Some(32)).expect("the parameters of RFC 9106 are valid");
        let mut key = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), SALT, &mut key)
            .map_err(|_| Error::Passphrase("cannot be used"))?;
        Ok(Self(key))
    }

    /// A key from 32 bytes that are already as random as a key has to be.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The sealing key of a one-way session, which the random salt of its start makes its own.
    pub(crate) fn one_way(&self, salt: &[u8; 16]) -> [u8; 32] {
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(Some(salt), &self.0)
            .expand(b"FQL 0.4 one way", &mut key)
            .expect("32 bytes are a length that HKDF-SHA256 can give");
        key
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn keys_are_derived_as_the_specification_says() {
        let key = Key::from_passphrase("secret").unwrap();
        assert_eq!(hex(key.bytes()), "950c873ad0f941819ae2959c7284e948617271464e58bc270e141143c6536a3e");
        let salt = std::array::from_fn(|n| n as u8);
        assert_eq!(
            hex(&key.one_way(&salt)),
            "fd21a685e90e75ef742ac44db88347930b34d011527474278142779840e84223"
        );
    }
}
