//! `handshakes.json`: both handshakes, message by message, and the keys that they end with. What begins them here is
//! an independent implementation of Noise with fixed ephemeral keys; a receiver and a server answer it as well.

use std::net::SocketAddr;

use fql_transport::{
    Endpoint, EndpointConfig, Key, Receiver, ReceiverConfig, Seed, ServerKey, StreamKey, Time,
};
use serde::{Deserialize, Serialize};
use snow::HandshakeState;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};

use crate::{from_hex, hex};

#[derive(Serialize, Deserialize)]
struct Vector {
    name: String,
    #[serde(flatten)]
    parties: Parties,
    /// Private keys of X25519: of the side that begins, and of the other one.
    ephemerals: [String; 2],
    /// The datagrams of the first and the second message.
    datagrams: [String; 2],
    payloads: [String; 2],
    /// What the side that began seals with, and what the other one does.
    keys: [String; 2],
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Parties {
    Sender { key: String, key_id: String },
    Viewer { server_key: String },
}

/// The session ids that the two sides draw.
const IDS: [[u8; 4]; 2] = [[0xa1, 0xb2, 0xc3, 0xd4], [0x05, 0x06, 0x07, 0x08]];

impl Vector {
    fn new(name: &str, parties: Parties, first: &[u8]) -> Self {
        // A session id and the latency budget of 300 ms.
        let second = [&IDS[1][..], &[0xac, 0x02]].concat();
        let ephemerals = [hex(&[0x11; 32]), hex(&[0x22; 32])];
        let (name, payloads) = (name.into(), [hex(first), hex(&second)]);
        Self { name, parties, ephemerals, datagrams: Default::default(), payloads, keys: Default::default() }
    }

    fn decode(&mut self) {
        let (mut begins, mut answers) = (self.state(0), self.state(1));
        let [first, second] = [0, 1].map(|index| from_hex(&self.payloads[index]));
        let sent = [self.head(), write(&mut begins, &first)].concat();
        assert_eq!(read(&mut answers, &sent[self.head().len()..]), first);
        let answer = write(&mut answers, &second);
        self.datagrams = [hex(&sent), hex(&[&[0xf1], &IDS[0][..], &answer].concat())];
        self.answered(&mut self.state(0), &sent);
        assert_eq!(read(&mut begins, &answer), second);
        let (key, other) = begins.dangerously_get_raw_split();
        self.keys = [hex(&key), hex(&other)];
    }

    fn state(&self, side: usize) -> HandshakeState {
        let ephemeral = from_hex(&self.ephemerals[side]);
        let (name, prologue) = match self.parties {
            Parties::Sender { .. } => ("Noise_NNpsk0_25519_ChaChaPoly_SHA256", "FQL 0.4 session"),
            Parties::Viewer { .. } => ("Noise_NK_25519_ChaChaPoly_SHA256", "FQL 0.4 viewing"),
        };
        let resolver = Box::new(Fixed(ephemeral));
        let builder = snow::Builder::with_resolver(name.parse().unwrap(), resolver);
        let builder = builder.prologue(prologue.as_bytes()).unwrap();
        match &self.parties {
            Parties::Sender { key, .. } => {
                let key: [u8; 32] = from_hex(key).try_into().unwrap();
                let builder = builder.psk(0, &key).unwrap();
                if side == 0 { builder.build_initiator() } else { builder.build_responder() }.unwrap()
            }
            Parties::Viewer { server_key } => {
                let server = ServerKey::from_bytes(from_hex(server_key).try_into().unwrap());
                let (private, public) = (server.to_bytes(), server.public().to_bytes());
                if side == 0 {
                    builder.remote_public_key(&public).unwrap().build_initiator()
                } else {
                    builder.local_private_key(&private).unwrap().build_responder()
                }
                .unwrap()
            }
        }
    }

    /// What stands before the first message of Noise.
    fn head(&self) -> Vec<u8> {
        match &self.parties {
            Parties::Sender { key_id, .. } => {
                let id = from_hex(key_id);
                [&[0xf0], &IDS[0][..], &[id.len() as u8], &id].concat()
            }
            Parties::Viewer { .. } => [&[0xf5], &IDS[0][..]].concat(),
        }
    }

    /// Holds that who is asked answers what the one that asked can read.
    fn answered(&self, begins: &mut HandshakeState, sent: &[u8]) {
        let answer = match &self.parties {
            Parties::Sender { key, key_id } if key_id.is_empty() => {
                let key = Key::from_bytes(from_hex(key).try_into().unwrap());
                let mut receiver =
                    Receiver::new(ReceiverConfig::new(key), Seed::from_bytes([7; 32])).unwrap();
                receiver.handle_datagram(Time::ZERO, (), sent);
                receiver.poll_transmit(Time::ZERO).expect("an answer").1
            }
            Parties::Sender { key, .. } => served(sent, Some(key)),
            Parties::Viewer { .. } => served(sent, None),
        };
        assert_eq!(answer[..5], [&[0xf1], &IDS[0][..]].concat());
        write(begins, &from_hex(&self.payloads[0]));
        assert!(read(begins, &answer[5..]).len() >= 5, "a session id and a latency budget");
    }
}

/// What "random" numbers are, so that these are the ephemeral key.
#[derive(Clone)]
struct Fixed(Vec<u8>);

impl Random for Fixed {
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), snow::Error> {
        out.copy_from_slice(&self.0);
        Ok(())
    }
}

impl CryptoResolver for Fixed {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(self.clone()))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

/// What a server answers, after it asked for its cookie.
fn served(sent: &[u8], key: Option<&String>) -> bytes::Bytes {
    let server = ServerKey::from_bytes(from_hex(SERVER).try_into().unwrap());
    let mut endpoint = Endpoint::new(EndpointConfig::new(server), Seed::from_bytes([8; 32])).unwrap();
    let from = SocketAddr::from(([192, 0, 2, 1], 1_234));
    let keys = |_: &_| key.map(|key| Key::from_bytes(from_hex(key).try_into().unwrap()));
    endpoint.handle_datagram(Time::ZERO, from, sent, &keys);
    let cookie = endpoint.poll_transmit(Time::ZERO).expect("a cookie").1;
    assert_eq!(cookie[..5], [&[0xf2], &IDS[0][..]].concat());
    let again = [&[0xf3], &cookie[5..], sent].concat();
    endpoint.handle_datagram(Time::ZERO, from, &again, &keys);
    endpoint.poll_transmit(Time::ZERO).expect("an answer").1
}

fn write(state: &mut HandshakeState, payload: &[u8]) -> Vec<u8> {
    let mut message = vec![0; payload.len() + 48];
    let len = state.write_message(payload, &mut message).unwrap();
    message.truncate(len);
    message
}

fn read(state: &mut HandshakeState, message: &[u8]) -> Vec<u8> {
    let mut payload = vec![0; message.len()];
    let len = state.read_message(message, &mut payload).unwrap();
    payload.truncate(len);
    payload
}

const SERVER: &str = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";

fn vectors() -> Vec<Vector> {
    let sender = |key: &str, key_id: String| Parties::Sender { key: key.into(), key_id };
    let passphrase = "950c873ad0f941819ae2959c7284e948617271464e58bc270e141143c6536a3e";
    let stream_key = "012a8d148febd3c5e9a69204be630963d5cb38e9a396e704d5be51b24481d54a";
    let id = StreamKey::parse("sk_abcdefghijklmnopqrstuvwxyz234567").unwrap().id();
    let hello = [&[1], &[0; 15][..]].concat();
    // Version, 250 ms, layer 14 and below, a playback ID, no token.
    let viewing = [&[1, 0xfa, 0x01, 14, 3][..], b"abc", &[0]].concat();
    vec![
        Vector::new("a sender with a passphrase", sender(passphrase, String::new()), &hello),
        Vector::new("a sender with a stream key", sender(stream_key, hex(&id.to_bytes())), &hello),
        Vector::new("a viewer", Parties::Viewer { server_key: SERVER.into() }, &viewing),
    ]
}

#[test]
fn handshakes_go_as_they_always_did() {
    super::check("handshakes.json", vectors, Vector::decode);
}
