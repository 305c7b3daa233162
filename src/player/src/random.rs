//! Random bytes for getrandom, which a hash map inside of reed-solomon-erasure asks: the key stream of the seed that the
//! page gave with its session. Nothing secret is made of them; sessions draw from seeds of their own.

use std::num::NonZeroU32;
use std::sync::Mutex;

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};

static STREAM: Mutex<Option<ChaCha20>> = Mutex::new(None);
/// Tells the key stream of a session's seed from that which the session draws from it.
const NONCE: [u8; 12] = *b"fql-player 1";

/// Takes a seed for all that is asked from now on.
pub(crate) fn seed(seed: &[u8; 32]) {
    if let Ok(mut stream) = STREAM.lock() {
        *stream = Some(ChaCha20::new(&(*seed).into(), &NONCE.into()));
    }
}

fn fill(bytes: &mut [u8]) -> Result<(), getrandom::Error> {
    let no_seed = || getrandom::Error::from(NonZeroU32::MIN.saturating_add(getrandom::Error::CUSTOM_START));
    let mut stream = STREAM.lock().map_err(|_| no_seed())?;
    bytes.fill(0);
    stream.as_mut().ok_or_else(no_seed)?.try_apply_keystream(bytes).map_err(|_| no_seed())
}

getrandom::register_custom_getrandom!(fill);
