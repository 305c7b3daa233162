//! What the end-to-end tests and the quick start share: a relay that loses packets, clips as frames, pipelines,
//! and the score of what a viewer saw.

pub mod arrivals;
pub mod cameras;
pub mod clip;
pub mod crowd;
pub mod daemon;
pub mod frame;
pub mod inbox;
pub mod installed;
pub mod ladder;
pub mod lossy_run;
pub mod machine;
pub mod ordinary;
pub mod pipeline;
pub mod program;
pub mod relay;
pub mod score;
pub mod stamped;
