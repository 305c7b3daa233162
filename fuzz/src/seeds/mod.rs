//! Seeds of the corpora: what honest encoders and peers make.

mod encoded;
mod files;
mod mpegts;
mod pictures;
mod rtmp;
mod rtsp;
mod sessions;
mod shapes;
mod sound;
mod text;
mod units;

use sha2::{Digest, Sha256};

/// The name of a seed's file, and its bytes.
pub type Seed = (String, Vec<u8>);

/// The seeds of every target.
pub fn all() -> Vec<(&'static str, Vec<Seed>)> {
    let all = [
        ("attachments", units::attachments()),
        ("audio_decode", sound::units()),
        ("datagram", sessions::datagrams()),
        ("encoded", encoded::access_units()),
        ("endpoint", sessions::strangers()),
        ("file", files::files()),
        ("handshake", sessions::handshakes()),
        ("hub", sessions::published()),
        ("mpegts", mpegts::streams()),
        ("receive_any_bytes", sessions::foreign()),
        ("receive_sealed", sessions::sealed()),
        ("rtmp", rtmp::publishers()),
        ("rtsp", rtsp::players()),
        ("send", sessions::reports_to_a_sender()),
        ("settings", text::settings()),
        ("shapes", shapes::configurations()),
        ("source", rtsp::sources()),
        ("track_table", units::track_tables()),
        ("unit", units::units()),
        ("video_decode", pictures::units()),
        ("viewer", sessions::reports_to_a_hub()),
    ];
    let named = |seeds: Vec<Vec<u8>>| seeds.into_iter().map(|seed| (name(&seed), seed)).collect();
    all.into_iter().map(|(target, seeds)| (target, named(seeds))).collect()
}

/// A name that stays while the content does.
fn name(seed: &[u8]) -> String {
    Sha256::digest(seed)[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}
