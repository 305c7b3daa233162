//! What comes of real files, playlists and cameras: every picture once, each with its times.

mod cameras;
mod clips;
mod files;
mod origin;
mod playlists;
mod recorder;

use std::time::Duration;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);
