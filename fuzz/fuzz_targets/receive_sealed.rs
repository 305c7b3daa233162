//! Holders of the key who mean harm: any messages, sealed as a one-way sender seals them.
#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
use fql_transport::{Key, MAX_DATAGRAM, Receiver, ReceiverConfig, ReceiverEvent, Seed, Time};
use hkdf::Hkdf;
use libfuzzer_sys::fuzz_target;
use sha2::Sha256;

const KEY: [u8; 32] = [7; 32];
const SALT: [u8; 16] = [9; 16];
const SESSION: u32 = 1;
const ONE_WAY: u8 = 0xf6;
const ANNOUNCE: u8 = 0xf7;
/// Bytes around a message in the longest datagram that starts a session.
const AROUND: usize = 9 + 16 + 16;
/// What the receiver may hold; a datagram more is not yet too much.
const MAX_BYTES: usize = 1 << 16;

#[derive(Debug, Arbitrary)]
struct Step {
    /// How many packet numbers are left out before this one.
    skipped: u8,
    /// How many milliseconds pass afterwards.
    wait: u8,
    message: Vec<u8>,
}

struct Stranger {
    cipher: ChaCha20Poly1305,
    next: u64,
}

impl Stranger {
    fn new() -> Self {
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(Some(&SALT), &KEY)
            .expand(b"FQL 0.4 one way", &mut key)
            .expect("HKDF-SHA256 gives 32 bytes");
        Self { cipher: ChaCha20Poly1305::new(&key.into()), next: 0 }
    }

    fn seal(&mut self, skipped: u8, message: &[u8]) -> Vec<u8> {
        let number = self.next + u64::from(skipped);
        // The first datagram announces the session.
        let clear: &[u8] = if self.next == 0 { &SALT } else { &[] };
        let mut datagram = vec![if self.next == 0 { ANNOUNCE } else { ONE_WAY }];
        datagram.extend(SESSION.to_be_bytes());
        datagram.extend((number as u32).to_be_bytes());
        datagram.extend(clear);
        let mut text = message[..message.len().min(MAX_DATAGRAM - AROUND)].to_vec();
        let mut nonce = Nonce::default();
        nonce[4..].copy_from_slice(&number.to_le_bytes());
        let tag = self
            .cipher
            .encrypt_in_place_detached(&nonce, &datagram, &mut text)
            .expect("a datagram is not too long for the cipher");
        self.next = number + 1;
        [datagram, text, tag.to_vec()].concat()
    }
}

fuzz_target!(|steps: Vec<Step>| {
    let config =
        ReceiverConfig { max_bytes: MAX_BYTES, max_units: 64, ..ReceiverConfig::new(Key::from_bytes(KEY)) };
    let mut receiver = Receiver::new(config, Seed::from_bytes([2; 32])).expect("the values are valid");
    let (mut now, mut stranger) = (Time::from_nanos(1_000_000_000), Stranger::new());
    for Step { skipped, wait, message } in &steps {
        receiver.handle_datagram(now, 1u8, &stranger.seal(*skipped, message));
        assert_eq!(receiver.stats(now).refused.forged, 0);
        assert!(receiver.stats(now).held_bytes <= MAX_BYTES + MAX_DATAGRAM);
        now = now + Duration::from_millis((*wait).into());
        while receiver.poll_transmit(now).is_some() {}
        let mut events = 0;
        while let Some(event) = receiver.poll_event() {
            events += 1;
            assert!(events < 1_000, "{event:?}");
            if let ReceiverEvent::Unit { unit, .. } = event {
                assert!(unit.payload_len() <= MAX_BYTES + MAX_DATAGRAM);
            }
        }
    }
});
