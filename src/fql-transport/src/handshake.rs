//! Noise NNpsk0 (revision 34 of the Noise protocol framework) by `snow`: both sides show that they know the key, and
//! agree on new ones that the key alone does not give away.
//!
//! | message | payload, sealed by Noise |
//! | --- | --- |
//! | first | version (1), 15 zero bytes, so that the answer is no longer than the question |
//! | second | session id of the responder (4), its latency budget in ms (varint) |
//!
//! What follows in a payload is ignored. The prologue is `FQL 0.4 session`. The initiator seals with the first of the
//! two keys that Noise ends with, the responder with the second.

use std::time::Duration;

use bytes::Bytes;
use fql_unit::wire::{Reader, put_varint};
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{BoxedCryptoResolver, CryptoResolver, DefaultResolver};

use crate::datagram::{INITIATE, MAX, RESPOND};
use crate::error::Malformed;
use crate::random::{Random, Seed};
use crate::{Key, Time};

const PATTERN: &str = "Noise_NNpsk0_25519_ChaChaPoly_SHA256";
const PROLOGUE: &[u8] = b"FQL 0.4 session";
/// Of the handshake's messages; a side that does not know it stays silent.
const VERSION: u8 = 1;
/// Bytes of the first message's payload.
const FIRST_PAYLOAD: usize = 16;
const FIRST_RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_secs(2);

/// The keys that a handshake ends with, from the view of one side.
pub(crate) struct Keys {
    pub(crate) sealing: [u8; 32],
    pub(crate) opening: [u8; 32],
}

/// The side that begins. It repeats its first message, unchanged, with growing pauses, until the second one comes.
pub(crate) struct Initiator {
    id: u32,
    noise: snow::HandshakeState,
    first: Bytes,
    pause: Duration,
    retry: Time,
}

/// What the second message says.
pub(crate) struct Answer {
    pub(crate) keys: Keys,
    /// How the responder knows the session.
    pub(crate) responder: u32,
    /// The receiver's latency budget.
    pub(crate) latency: Duration,
}

impl Initiator {
    pub(crate) fn new(key: &Key, random: &mut Random, now: Time) -> Self {
        let id = u32::from_be_bytes(random.bytes());
        let mut noise = builder(key, random.seed())
            .and_then(snow::Builder::build_initiator)
            .expect("the pattern and the length of its key are fixed and valid");
        let mut first = vec![INITIATE];
        first.extend(id.to_be_bytes());
        first.push(0);
        let mut text = [0; MAX];
        let mut first_payload = [0; FIRST_PAYLOAD];
        first_payload[0] = VERSION;
        let len = noise
            .write_message(&first_payload, &mut text)
            .expect("the first message is the initiator's, and short");
        first.extend_from_slice(&text[..len]);
        Self { id, noise, first: first.into(), pause: FIRST_RETRY, retry: now }
    }

    /// How this side knows the session.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// When [`Initiator::poll_transmit`] has something to send.
    pub(crate) fn timeout(&self) -> Time {
        self.retry
    }

    pub(crate) fn poll_transmit(&mut self, now: Time) -> Option<Bytes> {
        if now < self.retry {
            return None;
        }
        self.retry = now + self.pause;
        self.pause = (self.pause * 2).min(LAST_RETRY);
        Some(self.first.clone())
    }

    /// Reads the second message. A message that is not the answer leaves the state as it was, so that a forged one
    /// cannot end the handshake.
    pub(crate) fn answer(&mut self, noise: &[u8]) -> Result<Answer, Malformed> {
        let mut text = [0; MAX];
        let len = self.noise.read_message(noise, &mut text).map_err(|_| Malformed)?;
        let (sealing, opening) = self.noise.dangerously_get_raw_split();
        let mut r = Reader::new(&text[..len]);
        let responder = r.u32("")?;
        let latency = Duration::from_millis(r.varint("")?);
        Ok(Answer { keys: Keys { sealing, opening }, responder, latency })
    }
}

/// Answers a first message as the side that knows the session by `responder`. Gives the second message and the keys;
/// an error where the first does not come from a holder of the key.
pub(crate) fn respond(
    key: &Key,
    random: &mut Random,
    initiator: u32,
    noise: &[u8],
    responder: u32,
    latency: Duration,
) -> Result<(Bytes, Keys), Malformed> {
    let mut state = builder(key, random.seed())
        .and_then(snow::Builder::build_responder)
        .expect("the pattern and the length of its key are fixed and valid");
    let mut text = [0; MAX];
    let len = state.read_message(noise, &mut text).map_err(|_| Malformed)?;
    if text[..len].first() != Some(&VERSION) {
        return Err(Malformed);
    }
    let mut payload = responder.to_be_bytes().to_vec();
    put_varint(&mut payload, latency.as_millis() as u64);
    let mut second = vec![RESPOND];
    second.extend(initiator.to_be_bytes());
    let len = state.write_message(&payload, &mut text).map_err(|_| Malformed)?;
    second.extend_from_slice(&text[..len]);
    let (opening, sealing) = state.dangerously_get_raw_split();
    Ok((second.into(), Keys { sealing, opening }))
}

fn builder(key: &Key, seed: Seed) -> Result<snow::Builder<'_>, snow::Error> {
    let resolver: BoxedCryptoResolver = Box::new(Resolver(seed));
    snow::Builder::with_resolver(PATTERN.parse()?, resolver).psk(0, key.bytes())?.prologue(PROLOGUE)
}

/// snow's own primitives with the random numbers of the caller's seed.
struct Resolver(Seed);

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn snow::types::Random>> {
        Some(Box::new(Random::new(&self.0)))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn snow::types::Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn snow::types::Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn snow::types::Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}
