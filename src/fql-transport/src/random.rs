use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};

/// 256 random bits, from which a sender or a receiver draws all that must not be guessed: session ids, salts, the
/// ephemeral keys of its handshakes. Never use one twice.
#[derive(Clone)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A seed from random bytes of the caller: of `crypto.getRandomValues` in a browser, or fixed ones in a test.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A seed from the operating system. Not in browsers, whose page has to pass the bytes.
    #[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
    pub fn from_os() -> Result<Self, crate::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|e| crate::Error::Random(e.to_string()))?;
        Ok(Self(bytes))
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// Random numbers: the ChaCha20 key stream of a seed.
pub(crate) struct Random(ChaCha20);

impl Random {
    pub(crate) fn new(seed: &Seed) -> Self {
        Self(ChaCha20::new(&seed.0.into(), &[0; 12].into()))
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.apply_keystream(&mut bytes);
        bytes
    }

    /// A seed for something that draws on its own.
    pub(crate) fn seed(&mut self) -> Seed {
        Seed(self.bytes())
    }
}

impl snow::types::Random for Random {
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), snow::Error> {
        out.fill(0);
        self.0.try_apply_keystream(out).map_err(|_| snow::Error::Rng)
    }
}
