//! What only `fuzz/` reaches: the parsers behind the sessions, and sessions without a handshake. Not part of the API.

use std::time::Duration;

use bytes::Bytes;

use crate::datagram::Datagram;
use crate::endpoint::SessionId;
use crate::handshake::Keys;
use crate::message::Message;
use crate::{Accepted, piece};

/// What begins every datagram that the other side of [`accepted`] sends: transport, and this session.
pub const SESSION: u32 = 7;

/// Reads any bytes as a datagram, in clear.
pub fn datagram(bytes: &[u8]) {
    let _ = Datagram::parse(bytes);
}

/// Reads any bytes as a message, which has to survive the trip back through bytes, and the content of a shard as
/// pieces, none of which lies outside of its unit.
pub fn message(bytes: &[u8]) {
    let Ok((micros, message)) = Message::parse(&Bytes::copy_from_slice(bytes)) else { return };
    let mut again = Vec::new();
    message.encode(micros, &mut again);
    assert_eq!(again.len(), message.len());
    assert_eq!(Message::parse(&again.into()).ok(), Some((micros, message.clone())));
    if let Message::Source { content, .. } = message {
        shard(&content);
    }
}

/// Reads any bytes as the content of a shard.
pub fn shard(content: &Bytes) {
    let Ok((header, pieces)) = piece::parse(content) else { return };
    let segments = usize::from(header.coded) * usize::from(header.slices);
    assert!(pieces.len() <= segments + content.len());
    assert!(pieces.iter().map(|piece| piece.data.len()).sum::<usize>() <= content.len());
    assert!(pieces.iter().all(|piece| piece.layer < header.coded && piece.slice < header.slices));
}

/// A session as an endpoint gives it after a handshake: what it seals, and what it opens, with these keys.
pub fn accepted(sealing: [u8; 32], opening: [u8; 32], latency: Duration) -> Accepted {
    let keys = Keys { sealing, opening };
    Accepted {
        session: SessionId::from_u32(SESSION),
        initiator: 1,
        keys,
        latency,
        max_layer: fql_unit::MAX_LAYERS - 1,
        round_trip: Some(Duration::from_millis(20)),
    }
}
