//! The daemon of The Stream.

fn main() {}
