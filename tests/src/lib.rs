//! What the end-to-end tests and the quick start share: a relay that loses packets, clips as frames, and the
//! score of what a viewer saw.

pub mod clip;
pub mod frame;
pub mod relay;
pub mod score;
