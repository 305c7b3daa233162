//! The other side of a handshake, with any payload in it. Its random numbers are fixed: the same input is the same run.

use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{BoxedCryptoResolver, CryptoResolver, DefaultResolver};
use snow::{Builder, HandshakeState};

const MAX: usize = fql_transport::MAX_DATAGRAM;

/// What both sides of a handshake share, or know of each other.
#[derive(Clone, Copy)]
pub enum Pattern<'a> {
    /// A publisher and its receiver have this key.
    Publishing(&'a [u8; 32]),
    /// A viewer has this public key, or a server this private one.
    Viewing(&'a [u8; 32]),
}

impl<'a> Pattern<'a> {
    fn builder(self) -> Builder<'a> {
        let (name, prologue) = match self {
            Self::Publishing(_) => ("Noise_NNpsk0_25519_ChaChaPoly_SHA256", &b"FQL 0.4 session"[..]),
            Self::Viewing(_) => ("Noise_NK_25519_ChaChaPoly_SHA256", &b"FQL 0.4 viewing"[..]),
        };
        let resolver: BoxedCryptoResolver = Box::new(Fixed);
        let builder = Builder::with_resolver(name.parse().expect("a pattern of Noise"), resolver);
        let builder = builder.prologue(prologue).expect("said once");
        match self {
            Self::Publishing(key) => builder.psk(0, key).expect("said once"),
            Self::Viewing(_) => builder,
        }
    }

    /// The side that begins.
    pub fn begin(self) -> Handshake {
        let builder = match self {
            Self::Publishing(_) => self.builder(),
            Self::Viewing(server) => self.builder().remote_public_key(server).expect("said once"),
        };
        Handshake(builder.build_initiator().expect("the pattern has all its keys"))
    }

    /// The side that answers.
    pub fn answer(self) -> Handshake {
        let builder = match self {
            Self::Publishing(_) => self.builder(),
            Self::Viewing(secret) => self.builder().local_private_key(secret).expect("said once"),
        };
        Handshake(builder.build_responder().expect("the pattern has all its keys"))
    }
}

/// One side of a handshake.
pub struct Handshake(HandshakeState);

impl Handshake {
    /// The next message, with this payload, which is cut where it is too long for a datagram.
    pub fn write(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut out = [0; 2 * MAX];
        let payload = &payload[..payload.len().min(MAX)];
        let len = self.0.write_message(payload, &mut out).expect("it is this side's turn");
        out[..len].to_vec()
    }

    /// The payload of the other side's message.
    pub fn read(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        let mut out = [0; MAX];
        let len = self.0.read_message(message, &mut out).ok()?;
        Some(out[..len].to_vec())
    }

    /// The keys that the initiator and the responder seal with, after the last message.
    pub fn keys(&mut self) -> ([u8; 32], [u8; 32]) {
        self.0.dangerously_get_raw_split()
    }
}

/// snow's own primitives without random numbers.
struct Fixed;

impl snow::types::Random for Fixed {
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), snow::Error> {
        out.fill(5);
        Ok(())
    }
}

impl CryptoResolver for Fixed {
    fn resolve_rng(&self) -> Option<Box<dyn snow::types::Random>> {
        Some(Box::new(Self))
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
