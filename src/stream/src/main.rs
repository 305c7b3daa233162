//! The command line of The Stream.

fn main() {}
