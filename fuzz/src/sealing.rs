//! Those who have the keys of a session and mean harm: any message, sealed as it should be.

use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;

const TRANSPORT: u8 = 0xf4;
const ONE_WAY: u8 = 0xf6;
const ANNOUNCE: u8 = 0xf7;
const HEADER: usize = 9;
const TAG: usize = 16;
const SALT: [u8; 16] = [9; 16];

/// Seals messages with the packet numbers of one session.
pub struct Sealing {
    cipher: ChaCha20Poly1305,
    kind: u8,
    session: u32,
    next: u64,
}

impl Sealing {
    /// A session with a return path, which the other side knows by this id.
    pub fn transport(key: &[u8; 32], session: u32) -> Self {
        Self { cipher: ChaCha20Poly1305::new(key.into()), kind: TRANSPORT, session, next: 0 }
    }

    /// A one-way session of a holder of this key.
    pub fn one_way(key: &[u8; 32]) -> Self {
        Self { kind: ONE_WAY, ..Self::transport(&one_way_key(key, &SALT), 1) }
    }

    /// The next datagram, after so many packet numbers that are left out. What is too long for one is cut.
    pub fn seal(&mut self, skipped: u8, message: &[u8]) -> Vec<u8> {
        let number = self.next + u64::from(skipped);
        // The first datagram of a one-way session announces it.
        let is_announcement = self.kind == ONE_WAY && self.next == 0;
        let (kind, clear) = if is_announcement { (ANNOUNCE, &SALT[..]) } else { (self.kind, &[][..]) };
        let mut datagram = vec![kind];
        datagram.extend(self.session.to_be_bytes());
        datagram.extend((number as u32).to_be_bytes());
        datagram.extend(clear);
        let most = fql_transport::MAX_DATAGRAM - datagram.len() - TAG;
        let mut text = message[..message.len().min(most)].to_vec();
        let tag = self
            .cipher
            .encrypt_in_place_detached(&nonce(number), &datagram, &mut text)
            .expect("a datagram is not too long for the cipher");
        self.next = number + 1;
        [datagram, text, tag.to_vec()].concat()
    }
}

/// The message in a datagram that an honest sender sealed: of a session with a return path with `key`, or one way.
pub fn open(key: &[u8; 32], datagram: &[u8]) -> Option<Vec<u8>> {
    let (kind, number) = (*datagram.first()?, datagram.get(5..HEADER)?);
    let number = u32::from_be_bytes(number.try_into().ok()?);
    let clear = if kind == ANNOUNCE { HEADER + SALT.len() } else { HEADER };
    let (head, text) = datagram.split_at_checked(clear)?;
    let (text, tag) = text.split_at_checked(text.len().checked_sub(TAG)?)?;
    let mut text = text.to_vec();
    ChaCha20Poly1305::new(key.into())
        .decrypt_in_place_detached(&nonce(number.into()), head, &mut text, tag.into())
        .ok()?;
    Some(text)
}

/// What seals the one-way session with this salt.
pub fn one_way_key(key: &[u8; 32], salt: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    Hkdf::<Sha256>::new(Some(salt), key)
        .expand(b"FQL 0.4 one way", &mut out)
        .expect("HKDF-SHA256 gives 32 bytes");
    out
}

fn nonce(number: u64) -> Nonce {
    let mut nonce = Nonce::default();
    nonce[4..].copy_from_slice(&number.to_le_bytes());
    nonce
}
