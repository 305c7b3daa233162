//! Stream keys: what a publisher shows. What FQL makes of them is `fql_transport`'s to know.

/// How every stream key begins.
pub const PREFIX: &str = "sk_";

/// A new stream key.
pub fn generate() -> String {
    crate::random::secret(PREFIX)
}
