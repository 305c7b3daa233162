//! Ours as whole processes, so that their processor time is measured as that of the peers.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;
use fql_tests::frame::Frame;
use fql_unit::Unit;

use crate::clips::read_y4m;
use crate::ours::{self, Coding};
use crate::ours_sound::{Layout, Sound};

/// One piece of work.
#[derive(Debug, Clone, Subcommand)]
pub enum Work {
    /// Reads raw pictures
    #[command(hide = true)]
    Read {
        /// YUV4MPEG2
        from: PathBuf,
    },
    /// Codes raw pictures
    #[command(hide = true)]
    Encode {
        /// YUV4MPEG2
        from: PathBuf,
        /// Units
        to: PathBuf,
        #[command(flatten)]
        coding: Coding,
    },
    /// Decodes units to nowhere
    #[command(hide = true)]
    Decode {
        /// Units
        from: PathBuf,
        /// Luma samples from left to right
        width: usize,
        /// Luma samples from top to bottom
        height: usize,
        /// Threads that work at most
        threads: usize,
    },
    /// Reads raw sound
    #[command(hide = true)]
    ReadSound {
        /// Samples
        from: PathBuf,
        #[command(flatten)]
        layout: Layout,
    },
    /// Codes raw sound with the whole ladder
    #[command(hide = true)]
    EncodeSound {
        /// Samples
        from: PathBuf,
        /// Units
        to: PathBuf,
        #[command(flatten)]
        layout: Layout,
    },
    /// Decodes units of sound to nowhere
    #[command(hide = true)]
    DecodeSound {
        /// Units
        from: PathBuf,
        #[command(flatten)]
        layout: Layout,
    },
}

impl Work {
    /// Does it.
    pub fn run(&self) -> Result<()> {
        match self {
            Self::Read { from } => read_y4m(from).map(|_| ()),
            Self::Encode { from, to, coding } => write(to, &ours::encode(&read_y4m(from)?, coding)?),
            Self::Decode { from, width, height, threads } => {
                let frame = Frame::new(*width, *height, vec![0; width * height * 3 / 2])?;
                ours::decode_each(&read(from)?, u8::MAX, &frame, *threads, |frame| {
                    std::hint::black_box(frame);
                })
            }
            Self::ReadSound { from, layout } => read_sound(from, *layout).map(|_| ()),
            Self::EncodeSound { from, to, layout } => write(to, &read_sound(from, *layout)?.encode(None)?),
            Self::DecodeSound { from, layout } => layout.decode(&read(from)?, u8::MAX).map(|_| ()),
        }
    }
}

fn read_sound(file: &Path, layout: Layout) -> Result<Sound> {
    Ok(layout.parse(&fs::read(file)?))
}

/// Writes units, each after its length as 32 bits, little-endian.
pub fn write(file: &Path, units: &[Unit]) -> Result<()> {
    let mut data = Vec::new();
    for unit in units {
        let bytes = unit.to_bytes();
        data.extend((bytes.len() as u32).to_le_bytes());
        data.extend(bytes);
    }
    Ok(fs::write(file, data)?)
}

fn read(file: &Path) -> Result<Vec<Unit>> {
    let data = fs::read(file)?;
    let mut rest = data.as_slice();
    let mut units = Vec::new();
    while let Some((len, after)) = rest.split_first_chunk() {
        let (bytes, after) =
            after.split_at_checked(u32::from_le_bytes(*len) as usize).context("half a unit")?;
        units.push(Unit::from_bytes(bytes)?);
        rest = after;
    }
    Ok(units)
}
