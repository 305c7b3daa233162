use fql_transport::fuzzing;

/// Any bytes are a datagram, a message and the content of a shard, or none; a message survives the trip back through
/// bytes, and no piece of a shard lies outside of its unit.
pub fn datagram(bytes: &[u8]) {
    fuzzing::datagram(bytes);
    fuzzing::message(bytes);
    fuzzing::shard(&bytes.to_vec().into());
}
