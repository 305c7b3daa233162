use fql_transport::{Fec, PublicKey, StreamKey};

use crate::net::Address;
use crate::net::play::Play;

/// Whatever text a setting or an address is, it is one or an error, which does not repeat a stream key; and one
/// survives the trip back through text.
pub fn settings(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(fec) = text.parse::<Fec>() {
        assert_eq!(fec.to_string().parse::<Fec>().ok(), Some(fec));
    }
    if let Ok(key) = text.parse::<PublicKey>() {
        assert_eq!(key.to_string(), text);
    }
    if let Err(error) = StreamKey::parse(text) {
        assert!(!text.starts_with("sk_") || text.len() < 8 || !error.to_string().contains(text));
    }
    if let Ok(address) = text.parse::<Address>() {
        assert_eq!(address.to_string().parse::<Address>().ok(), Some(address));
    }
    if let Ok(play) = text.parse::<Play>() {
        assert!(!play.playback_id.is_empty() && !play.server.host.is_empty());
    }
}
