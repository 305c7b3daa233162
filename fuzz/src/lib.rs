//! What the fuzz targets run, each a function of bytes: libFuzzer calls it (`fuzz_targets/`), and a test calls it with
//! every file of the corpora (`tests/corpus.rs`).

pub mod input;
pub mod media;
pub mod noise;
pub mod sealing;
pub mod seeds;
pub mod targets;
pub mod units;

/// The address parsers of the plugin, without GStreamer.
#[path = "../../plugins/fql/src/net"]
pub mod net {
    pub mod address;
    pub mod play;

    pub use address::Address;
}
