//! Random bytes of the operating system, and texts made of them.

use data_encoding::{Encoding, Specification};
use std::sync::LazyLock;

/// Base32 (RFC 4648) in lower case without padding: 5 bits a character, safe in URLs, names and double clicks.
static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    specification.encoding().expect("32 different characters make an encoding")
});

/// `N` random bytes, fit for keys.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// The text of a secret: `prefix` and 32 characters (160 random bits).
pub fn secret(prefix: &str) -> String {
    format!("{prefix}{}", BASE32.encode(&bytes::<20>()))
}

/// A name for a thing: `prefix` and 16 characters (80 random bits).
pub fn id(prefix: &str) -> String {
    format!("{prefix}{}", BASE32.encode(&bytes::<10>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_ids_have_their_lengths_and_differ() {
        let (a, b) = (secret("sk_"), secret("sk_"));
        assert_eq!(a.len(), 35);
        assert!(a.starts_with("sk_"));
        assert!(a[3..].bytes().all(|byte| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte)));
        assert_ne!(a, b);
        assert_eq!(id("str_").len(), 20);
    }
}
