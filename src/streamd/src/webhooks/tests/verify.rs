use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Whether the body came from a daemon that knows the secret, in the last five minutes.
pub fn verify(header: &str, body: &[u8], secret: &str) -> bool {
    let part = |name: &str| header.split(',').find_map(|part| part.strip_prefix(name));
    let (Some(seconds), Some(code)) = (part("t="), part("v1=")) else { return false };
    let Ok(code) = data_encoding::HEXLOWER.decode(code.as_bytes()) else { return false };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if !seconds.parse::<u64>().is_ok_and(|seconds| now.abs_diff(seconds) <= 300) {
        return false;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length is right");
    mac.update(seconds.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.verify_slice(&code).is_ok()
}
