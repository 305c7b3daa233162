//! FQL on the wire.
