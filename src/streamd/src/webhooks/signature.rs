//! What shows a receiver that a delivery came from here, and when.
//!
//! The header is `t=<seconds since 1970>,v1=<HMAC-SHA-256 in hexadecimal>`, over the seconds, a dot and the body as
//! it is sent. The time is in it so that a recorded delivery is not good for ever.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The header that carries it.
pub const HEADER: &str = "stream-signature";

/// The header's value for a body sent at `seconds` since 1970. The key is the whole text of the webhook's secret,
/// `whsec_` included.
pub fn sign(secret: &str, seconds: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    let code = data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes());
    format!("t={seconds},v1={code}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code is that of `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac whsec_example`.
    #[test]
    fn the_signature_is_the_one_that_other_programs_compute() {
        assert_eq!(
            sign("whsec_example", 1_700_000_000, "{\"a\":1}"),
            "t=1700000000,v1=3500e4cbdbe983dfd06e403872463b7fdd63367811622e0b0ff04bf7aa1f839f"
        );
    }
}
