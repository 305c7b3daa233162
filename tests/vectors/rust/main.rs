//! The test vectors of FQL 0.4 decode to what they say: the format is frozen.
//!
//! Each file holds bytes and what they are to decode to. `UPDATE_VECTORS=1` encodes and writes them anew, which is
//! due only with a new version of the format.

mod files;
mod handshakes;
mod keys;
mod pictures;
mod ranges;
mod reference;
mod session;
mod sound;
mod tracks;
mod units;
mod video;

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
    (0..text.len()).step_by(2).map(byte).collect()
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn to_base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

fn from_base64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).expect("base64")
}

/// Holds that `decode` of every vector in a file gives the vector itself; writes the file where that is asked for.
/// `make` encodes the vectors; `decode` puts what comes out in place of what is said to.
fn check<T: Serialize + DeserializeOwned>(
    file: &str,
    make: impl FnOnce() -> Vec<T>,
    decode: impl Fn(&mut T),
) {
    let file = path(file);
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        let mut vectors = make();
        vectors.iter_mut().for_each(&decode);
        let lines: Vec<String> = vectors.iter().map(|v| serde_json::to_string(v).unwrap()).collect();
        std::fs::write(&file, format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
    }
    let text = std::fs::read_to_string(&file).unwrap();
    let expected: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert!(!expected.is_empty());
    for expected in expected {
        let mut vector: T = serde_json::from_value(expected.clone()).unwrap();
        decode(&mut vector);
        assert_eq!(serde_json::to_value(&vector).unwrap(), expected);
    }
}
