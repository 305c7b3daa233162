use std::time::Duration;

use bytes::Bytes;

use crate::message::Message;
use crate::seal::{Opener, Sealer};
use crate::{EndReason, Time};

/// Far enough apart that a burst of losses does not take them all.
const GAP: Duration = Duration::from_millis(40);
const MOST: u8 = 10;

/// The end of a session that this side has ended: the reason is said until the other side says goodbye too, but not
/// for ever.
pub(crate) struct Farewell<A> {
    id: u32,
    to: A,
    sealer: Sealer,
    opener: Opener,
    reason: EndReason,
    left: u8,
    due: Time,
}

impl<A: Copy> Farewell<A> {
    /// The end of the session that this side knows by `id`.
    pub(crate) fn new(now: Time, id: u32, to: A, sealer: Sealer, opener: Opener, reason: EndReason) -> Self {
        Self { id, to, sealer, opener, reason, left: MOST, due: now }
    }

    /// How this side knew the session.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Takes a datagram of the session.
    pub(crate) fn handle(&mut self, datagram: &[u8], number: u32) {
        let Ok((_, body)) = self.opener.open(datagram, 0, number) else { return };
        if let Ok((_, Message::Goodbye(_))) = Message::parse(&body) {
            self.left = 0;
        }
    }

    /// Whether there is nothing more to say.
    pub(crate) fn is_over(&self) -> bool {
        self.left == 0
    }

    pub(crate) fn poll_transmit(&mut self, now: Time) -> Option<(A, Bytes)> {
        if self.timeout().is_none_or(|due| now < due) {
            return None;
        }
        self.left -= 1;
        self.due = now + GAP;
        let message = Message::Goodbye(self.reason);
        Some((self.to, self.sealer.seal(|out| message.encode(now.wire_micros(), out))))
    }

    /// When [`Farewell::poll_transmit`] has something.
    pub(crate) fn timeout(&self) -> Option<Time> {
        (!self.is_over()).then_some(self.due)
    }
}
