use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;

use crate::{Error, Key};

const PREFIX: &str = "sk_";
/// 160 bits, five a character.
const LEN: usize = 32;

/// The secret of whoever publishes a stream, as text: `sk_` and 32 characters of lower-case base32 (RFC 4648, without
/// padding), which are 160 random bits. The text itself is not kept.
#[derive(Clone)]
pub struct StreamKey {
    key: Key,
    id: KeyId,
}

/// Which stream key it is, public: what a publisher says in clear, so that the server knows which key to try.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; Self::LEN]);

impl StreamKey {
    /// Reads a stream key. The error does not repeat it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let digits = text.strip_prefix(PREFIX).ok_or(Error::StreamKey("does not begin with sk_"))?;
        if digits.len() != LEN || !digits.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7')) {
            return Err(Error::StreamKey("has not 32 characters of a to z and 2 to 7 after sk_"));
        }
        // The text is as random as a key has to be: nothing slow is needed.
        let derive = Hkdf::<Sha256>::new(None, text.as_bytes());
        Ok(Self { key: Key::from_bytes(expand(&derive, KEY_INFO)), id: KeyId(expand(&derive, ID_INFO)) })
    }

    /// What both sides of a publishing session share.
    pub fn key(&self) -> Key {
        self.key.clone()
    }

    /// Which key it is.
    pub fn id(&self) -> KeyId {
        self.id
    }
}

const KEY_INFO: &[u8] = b"FQL 0.4 stream key";
const ID_INFO: &[u8] = b"FQL 0.4 stream key id";

fn expand<const N: usize>(derive: &Hkdf<Sha256>, info: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    derive.expand(info, &mut out).expect("HKDF-SHA256 gives up to 8160 bytes");
    out
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamKey({:?}, ..)", self.id)
    }
}

impl KeyId {
    /// Bytes of an id.
    pub const LEN: usize = 8;

    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn to_bytes(self) -> [u8; Self::LEN] {
        self.0
    }
}

/// In hexadecimal.
impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "sk_abcdefghijklmnopqrstuvwxyz234567";

    #[test]
    fn a_key_and_its_id_are_derived_as_the_specification_says() {
        let key = StreamKey::parse(TEXT).unwrap();
        assert_eq!(
            hex(key.key().bytes()),
            "012a8d148febd3c5e9a69204be630963d5cb38e9a396e704d5be51b24481d54a"
        );
        assert_eq!(key.id().to_string(), "634e302df5255bab");
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn what_is_no_stream_key_is_told_without_repeating_it() {
        let short = &TEXT[..TEXT.len() - 1];
        let upper = TEXT.to_uppercase();
        for text in ["", "sk_", "ak_abcdefghijklmnopqrstuvwxyz234567", short, &upper, &TEXT.replace('a', "1")]
        {
            let error = StreamKey::parse(text).unwrap_err().to_string();
            assert!(error.starts_with("the stream key"), "{error}");
            assert!(!error.contains("abcdefgh"), "{error}");
        }
    }

    #[test]
    fn a_stream_key_is_not_in_what_debugging_prints() {
        let printed = format!("{:?}", StreamKey::parse(TEXT).unwrap());
        assert!(!printed.contains("abcdef") && printed.contains("KeyId"), "{printed}");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(sk_)?\\PC{0,40}") {
            let _ = StreamKey::parse(&text);
        }
    }
}
