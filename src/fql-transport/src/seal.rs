//! Datagrams sealed with ChaCha20-Poly1305 (RFC 8439), the packet number as nonce and the header as associated data.

use bytes::Bytes;
use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce, Tag};

use crate::datagram::{self, HEADER, TAG};
use crate::loss::LossCounter;
use crate::replay::ReplayWindow;

/// Why a datagram was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Seen before, or too old to know.
    Replayed,
    /// Not sealed with this key, or changed on the way.
    Forged,
}

/// Seals what one side of a session sends.
pub(crate) struct Sealer {
    cipher: ChaCha20Poly1305,
    kind: u8,
    session: u32,
    next: u64,
}

impl Sealer {
    /// Seals datagrams of this kind (the first byte on the wire) for the session that the other side knows by this
    /// id.
    pub(crate) fn new(key: &[u8; 32], kind: u8, session: u32) -> Self {
        Self { cipher: ChaCha20Poly1305::new(key.into()), kind, session, next: 0 }
    }

    /// Whether the next packet number has more than the 32 bits that travel.
    pub(crate) fn is_used_up(&self) -> bool {
        self.next > u64::from(u32::MAX)
    }

    #[cfg(test)]
    pub(crate) fn skip_to(&mut self, number: u64) {
        self.next = number;
    }

    /// The datagram with the next packet number around the body that `write` appends.
    pub(crate) fn seal(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
        self.seal_as(self.kind, &[], write)
    }

    /// The same as a datagram of another kind, with these bytes in clear after its header.
    pub(crate) fn seal_as(&mut self, kind: u8, clear: &[u8], write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
        let mut out = Vec::with_capacity(datagram::MAX);
        self.append_as(kind, clear, &mut out, write);
        out.into()
    }

    /// The same as [`Sealer::seal`] behind what is in `out`.
    pub(crate) fn append(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        self.append_as(self.kind, &[], out, write);
    }

    /// The same as [`Sealer::seal_as`] behind what is in `out`.
    pub(crate) fn append_as(
        &mut self,
        kind: u8,
        clear: &[u8],
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let number = self.next;
        self.next += 1;
        let start = out.len();
        datagram::put_header(out, kind, self.session, number);
        out.extend_from_slice(clear);
        let body = out.len() - start;
        write(out);
        let (head, text) = out[start..].split_at_mut(body);
        let tag = self
            .cipher
            .encrypt_in_place_detached(&nonce(number), head, text)
            .expect("a datagram is shorter than what the cipher can seal");
        out.extend_from_slice(&tag);
    }
}

/// Opens what the other side sends, each packet number once.
pub(crate) struct Opener {
    cipher: ChaCha20Poly1305,
    window: ReplayWindow,
    losses: LossCounter,
}

impl Opener {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let (window, losses) = (ReplayWindow::new(), LossCounter::default());
        Self { cipher: ChaCha20Poly1305::new(key.into()), window, losses }
    }

    /// The packet number after the highest that was opened.
    pub(crate) fn end(&self) -> u64 {
        self.window.highest().map_or(0, |highest| highest + 1)
    }

    /// The same with nothing counted yet: what was seen before stays refused, what is lost from here on is counted.
    pub(crate) fn resumable(self) -> Self {
        let losses = LossCounter::from(self.end());
        Self { losses, ..self }
    }

    /// Whether a packet number with these low bits is above all that were opened.
    pub(crate) fn is_news(&self, low_number: u32) -> bool {
        self.window.expand(low_number) >= self.end()
    }

    /// What was lost, of the packet numbers below `end`: late ones after this are not counted as received.
    pub(crate) fn judge(&mut self, end: u64) -> &LossCounter {
        self.losses.judge(&self.window, end);
        &self.losses
    }

    /// What was judged before.
    pub(crate) fn losses(&self) -> &LossCounter {
        &self.losses
    }

    /// Opens a datagram whose header, of which `clear` bytes more than the fixed part are not sealed, ends in a
    /// packet number with these low bits. Gives the number and the body.
    pub(crate) fn open(
        &mut self,
        datagram: &[u8],
        clear: usize,
        low_number: u32,
    ) -> Result<(u64, Bytes), Refused> {
        let number = self.window.expand(low_number);
        if self.window.is_seen(number) {
            return Err(Refused::Replayed);
        }
        let (head, rest) = datagram.split_at_checked(HEADER + clear).ok_or(Refused::Forged)?;
        let (text, tag) = rest
            .len()
            .checked_sub(TAG)
            .and_then(|body| rest.split_at_checked(body))
            .ok_or(Refused::Forged)?;
        let mut text = text.to_vec();
        self.cipher
            .decrypt_in_place_detached(&nonce(number), head, &mut text, Tag::from_slice(tag))
            .map_err(|_| Refused::Forged)?;
        self.losses.before(&self.window, number);
        self.window.mark(number);
        Ok((number, text.into()))
    }
}

/// As Noise has it: four zero bytes, then the number, little-endian.
fn nonce(number: u64) -> Nonce {
    let mut nonce = Nonce::default();
    nonce[4..].copy_from_slice(&number.to_le_bytes());
    nonce
}
