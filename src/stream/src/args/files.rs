//! Arguments of `stream thin` and `stream info`.

use std::path::PathBuf;

use clap::Args;

pub const THIN_EXAMPLES: &str = "\
Examples:
  stream thin recording.fql smaller.fql --max-layer 5
  stream thin recording.fql recording.fql --max-layer 5     in its place
  stream thin recording.fql smaller.fql --max-layer 5 --json

Nothing is decoded: the layers that stay are those of the original, bit for bit. Video that another encoder made
(H.264, H.265, AV1) has layer 0 for key pictures, 1 for pictures that others need, 2 for the rest.";

/// Arguments of `stream thin`.
#[derive(Debug, Args)]
pub struct Thin {
    /// The .fql file to copy
    #[arg(value_name = "IN.fql")]
    pub input: PathBuf,
    /// The file to write; it appears, or changes, only when the copy is whole
    #[arg(value_name = "OUT.fql")]
    pub output: PathBuf,
    /// The highest layer that stays, 0 to 14
    #[arg(long, value_name = "LAYER", value_parser = clap::value_parser!(u8).range(0..=14))]
    pub max_layer: u8,
}

/// Arguments of `stream info`.
#[derive(Debug, Args)]
pub struct Info {
    /// The .fql file
    #[arg(value_name = "FILE.fql")]
    pub file: PathBuf,
}
