//! Ordinary programs around the daemon: encoders that publish a clip with a clock in picture and sound, players that
//! record what they get, and the check that holds both to each other.

pub mod check;
pub mod clip;
pub mod encoders;
pub mod folder;
pub mod parts;
pub mod players;
pub mod recording;
pub mod stage;
