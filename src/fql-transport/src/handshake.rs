//! The handshakes, by the Noise protocol framework (revision 34) as `snow` has it. A publisher and its receiver show
//! by `NNpsk0` that they know the same key; a viewer, which has none, lets the server show by `NK` that it is the one
//! with this public key. Both end with new keys that what was known before does not give away.
//!
//! | message | payload, sealed by Noise |
//! | --- | --- |
//! | first of a publisher | version (1), 15 zero bytes, so that the answer is no longer than the question |
//! | first of a viewer | see [`ViewRequest`] |
//! | second | session id of the responder (4), latency budget in ms (varint): the receiver's own, or the viewer's again |
//!
//! What follows in a payload is ignored. The initiator seals with the first of the two keys that Noise ends with, the
//! responder with the second, whoever of them gives the media.

mod request;

use std::time::Duration;

use bytes::Bytes;
use fql_unit::wire::{Reader, put_varint};
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{BoxedCryptoResolver, CryptoResolver, DefaultResolver};

use crate::datagram::{Cookie, INITIATE, MAX, RESPOND, VIEW, WITH_COOKIE};
use crate::error::Malformed;
use crate::random::{Random, Seed};
use crate::{Key, KeyId, PublicKey, ServerKey, Time};
pub(crate) use request::ViewRequest;

const PUBLISHING: Pattern =
    Pattern { name: "Noise_NNpsk0_25519_ChaChaPoly_SHA256", prologue: b"FQL 0.4 session" };
const VIEWING: Pattern = Pattern { name: "Noise_NK_25519_ChaChaPoly_SHA256", prologue: b"FQL 0.4 viewing" };
/// Of the handshake's messages; a side that does not know it stays silent.
const VERSION: u8 = 1;
/// Bytes of the first message's payload of a publisher.
const FIRST_PAYLOAD: usize = 16;
const FIRST_RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_secs(2);
/// How many cookies are answered at once before the next retry: a server needs one, and whoever sends more is none.
const MAX_COOKIES: u8 = 2;

struct Pattern {
    name: &'static str,
    prologue: &'static [u8],
}

/// The keys that a handshake ends with, from the view of one side.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) sealing: [u8; 32],
    pub(crate) opening: [u8; 32],
}

/// The side that begins. It repeats its first message, unchanged, with growing pauses, until the second one comes.
pub(crate) struct Initiator {
    id: u32,
    noise: snow::HandshakeState,
    first: Bytes,
    /// The first message as it goes out: with a cookie, once a server asked for one.
    datagram: Bytes,
    /// Cookies that came since the last retry.
    cookies: u8,
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
    /// A publisher, or a sender to another element, which begins at this time. The id says which key it is where the
    /// receiver knows several.
    pub(crate) fn publishing(key: &Key, key_id: Option<KeyId>, random: &mut Random, begin: Time) -> Self {
        let noise = PUBLISHING
            .builder(random.seed())
            .and_then(|builder| builder.psk(0, key.bytes())?.build_initiator())
            .expect("the pattern and the length of its key are fixed and valid");
        let id = u32::from_be_bytes(random.bytes());
        let mut head = vec![INITIATE];
        head.extend(id.to_be_bytes());
        match key_id {
            Some(key_id) => {
                head.push(KeyId::LEN as u8);
                head.extend(key_id.to_bytes());
            }
            None => head.push(0),
        }
        let mut payload = [0; FIRST_PAYLOAD];
        payload[0] = VERSION;
        Self::new(id, noise, head, &payload, begin)
    }

    /// A viewer, which begins at this time.
    pub(crate) fn viewing(
        server: &PublicKey,
        request: &ViewRequest,
        random: &mut Random,
        begin: Time,
    ) -> Self {
        let server = server.to_bytes();
        let noise = VIEWING
            .builder(random.seed())
            .and_then(|builder| builder.remote_public_key(&server)?.build_initiator())
            .expect("the pattern and the length of its key are fixed and valid");
        let id = u32::from_be_bytes(random.bytes());
        let mut head = vec![VIEW];
        head.extend(id.to_be_bytes());
        Self::new(id, noise, head, &request.to_bytes(), begin)
    }

    fn new(id: u32, mut noise: snow::HandshakeState, head: Vec<u8>, payload: &[u8], begin: Time) -> Self {
        let mut text = [0; MAX];
        let len = noise
            .write_message(payload, &mut text)
            .expect("the first message is the initiator's, and its payload is shorter than a datagram");
        let first: Bytes = [&head[..], &text[..len]].concat().into();
        Self { id, noise, datagram: first.clone(), first, cookies: 0, pause: FIRST_RETRY, retry: begin }
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
        self.cookies = 0;
        self.retry = now + self.pause;
        self.pause = (self.pause * 2).min(LAST_RETRY);
        Some(self.datagram.clone())
    }

    /// Takes the cookie that a server wants to see again. Gives the first message with it, to be sent at once.
    pub(crate) fn take_cookie(&mut self, cookie: &Cookie) -> Option<Bytes> {
        if self.cookies == MAX_COOKIES {
            return None;
        }
        self.cookies += 1;
        self.datagram = [&[WITH_COOKIE], &cookie[..], &self.first].concat().into();
        Some(self.datagram.clone())
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

/// How a responder answers a first message.
pub(crate) struct Response<'a> {
    /// How the initiator knows the session.
    pub(crate) initiator: u32,
    /// What Noise sealed of its first message.
    pub(crate) noise: &'a [u8],
    /// How this side will know the session.
    pub(crate) id: u32,
}

impl Response<'_> {
    /// Answers a publisher. Gives the second message and the keys; an error where the first does not come from a
    /// holder of the key.
    pub(crate) fn to_publisher(
        &self,
        key: &Key,
        latency: Duration,
        random: &mut Random,
    ) -> Result<(Bytes, Keys), Malformed> {
        let mut state = PUBLISHING
            .builder(random.seed())
            .and_then(|builder| builder.psk(0, key.bytes())?.build_responder())
            .expect("the pattern and the length of its key are fixed and valid");
        let payload = self.read(&mut state)?;
        if payload.first() != Some(&VERSION) {
            return Err(Malformed);
        }
        self.write(state, latency)
    }

    /// Answers a viewer. Gives the second message, the keys, and what the viewer wants; an error where the first
    /// message is for another server, or has no meaning.
    pub(crate) fn to_viewer(
        &self,
        key: &ServerKey,
        random: &mut Random,
    ) -> Result<(Bytes, Keys, ViewRequest), Malformed> {
        let key = key.to_bytes();
        let mut state = VIEWING
            .builder(random.seed())
            .and_then(|builder| builder.local_private_key(&key)?.build_responder())
            .expect("the pattern and the length of its key are fixed and valid");
        let request = ViewRequest::parse(&self.read(&mut state)?)?;
        let (second, keys) = self.write(state, request.latency)?;
        Ok((second, keys, request))
    }

    fn read(&self, state: &mut snow::HandshakeState) -> Result<Vec<u8>, Malformed> {
        let mut text = [0; MAX];
        let len = state.read_message(self.noise, &mut text).map_err(|_| Malformed)?;
        Ok(text[..len].to_vec())
    }

    fn write(&self, mut state: snow::HandshakeState, latency: Duration) -> Result<(Bytes, Keys), Malformed> {
        let mut payload = self.id.to_be_bytes().to_vec();
        put_varint(&mut payload, latency.as_millis() as u64);
        let mut second = vec![RESPOND];
        second.extend(self.initiator.to_be_bytes());
        let mut text = [0; MAX];
        let len = state.write_message(&payload, &mut text).map_err(|_| Malformed)?;
        second.extend_from_slice(&text[..len]);
        let (opening, sealing) = state.dangerously_get_raw_split();
        Ok((second.into(), Keys { sealing, opening }))
    }
}

impl Pattern {
    fn builder(&self, seed: Seed) -> Result<snow::Builder<'static>, snow::Error> {
        let resolver: BoxedCryptoResolver = Box::new(Resolver(seed));
        snow::Builder::with_resolver(self.name.parse()?, resolver).prologue(self.prologue)
    }
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
