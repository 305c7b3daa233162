//! `keys.json`: keys, and what is derived from them.

use fql_transport::{ServerKey, StreamKey};
use serde::{Deserialize, Serialize};

use crate::{from_hex, hex};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Vector {
    /// A stream key and its key id.
    StreamKey(String, String),
    /// The private half of a server key in hexadecimal, and the public one as text.
    ServerKey(String, String),
}

impl Vector {
    fn decode(&mut self) {
        match self {
            Self::StreamKey(text, id) => *id = hex(&StreamKey::parse(text).unwrap().id().to_bytes()),
            Self::ServerKey(private, public) => *public = server_key(private).public().to_string(),
        }
    }
}

fn server_key(private: &str) -> ServerKey {
    ServerKey::from_bytes(from_hex(private).try_into().expect("32 bytes"))
}

fn vectors() -> Vec<Vector> {
    vec![
        Vector::StreamKey("sk_abcdefghijklmnopqrstuvwxyz234567".into(), String::new()),
        Vector::StreamKey("sk_77777777777777777777777777777777".into(), String::new()),
        Vector::ServerKey(
            "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a".into(),
            String::new(),
        ),
        Vector::ServerKey("01".repeat(32), String::new()),
    ]
}

#[test]
fn keys_are_what_they_always_were() {
    super::check("keys.json", vectors, Vector::decode);
}
