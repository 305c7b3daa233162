//! What keeps a session of the side that sends media alive, and ends it: the same for a sender and for a viewer's.

use std::time::Duration;

use bytes::Bytes;

use crate::datagram::{self, SALT};
use crate::message::Message;
use crate::seal::{Opener, Sealer};
use crate::table::Table;
use crate::utc::UtcOut;
use crate::{EndReason, Time};

/// With nothing to send for so long, a ping says that the sender lives.
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(1);
/// A goodbye is said three times where nobody answers, and with a return path until the receiver says it too, but no
/// more often than this; far enough apart that a burst of losses does not take them all.
const GOODBYES: u8 = 3;
const MOST_GOODBYES: u8 = 10;
const GOODBYE_GAP: Duration = Duration::from_millis(40);
/// That the stream is paused, or goes on, is said in pings: so often, the first two so far apart and each further one
/// twice as far, so that one comes through wherever the session lives on. While media flows there are no others.
const PAUSE_PINGS: u8 = 9;
const PAUSE_GAP: Duration = Duration::from_millis(25);

/// The media that a session carries.
pub(crate) trait Load {
    /// The next message whose time has come.
    fn poll(&mut self, now: Time) -> Option<Message>;

    /// When [`Load::poll`] has something.
    fn timeout(&self) -> Option<Time>;

    /// Whether anything waits that a goodbye has to wait for.
    fn is_waiting(&self) -> bool;

    /// Takes a datagram of this many bytes that did not wait out of the rate.
    fn spend(&mut self, datagram: usize);
}

/// A session that is live, from the side that sends media.
pub(crate) struct Session {
    pub(crate) sealer: Sealer,
    /// `None` one way.
    pub(crate) opener: Option<Opener>,
    /// How this side knows the session.
    pub(crate) id: u32,
    /// The salt of a one-way session.
    pub(crate) salt: Option<[u8; SALT]>,
    pub(crate) began: Time,
    pub(crate) heard: Time,
    sent: Time,
    pause: Pause,
    goodbye: Option<Goodbye>,
}

/// What pings say of the stream.
#[derive(Default)]
struct Pause {
    is_paused: bool,
    /// Pings that say so before their usual time.
    left: u8,
    due: Time,
}

struct Goodbye {
    reason: EndReason,
    left: u8,
    due: Time,
}

impl Session {
    /// A session that both sides agreed on in a handshake.
    pub(crate) fn two_way(now: Time, id: u32, sealer: Sealer, opener: Opener) -> Self {
        // The other side takes the session for live with its first datagram: one goes out at once.
        let sent = now - KEEPALIVE;
        let (salt, pause) = (None, Pause::default());
        Self { sealer, opener: Some(opener), id, salt, began: now, heard: now, sent, pause, goodbye: None }
    }

    /// A session that nobody answers.
    pub(crate) fn one_way(now: Time, id: u32, sealer: Sealer, salt: [u8; SALT]) -> Self {
        let (salt, pause) = (Some(salt), Pause::default());
        Self { sealer, opener: None, id, salt, began: now, heard: now, sent: now, pause, goodbye: None }
    }

    /// Seals the next datagram behind what is in `out`, if there is one: the track table and the tracks' UTC before
    /// anything that needs them, then media, then what keeps the session alive or ends it.
    pub(crate) fn next(
        &mut self,
        now: Time,
        table: &mut Table,
        utc: &mut UtcOut,
        load: &mut impl Load,
        out: &mut Vec<u8>,
    ) -> bool {
        if let Some(message) = table.poll(now, self.salt.is_some()) {
            let before = out.len();
            self.announce(now, &message, out);
            load.spend(out.len() - before);
        } else if let Some(message) = utc.poll(now) {
            let before = out.len();
            self.seal(now, &message, out);
            load.spend(out.len() - before);
            // Pings say more than that this side lives; they go on beside it.
            return true;
        } else if let Some(message) = load.poll(now) {
            self.seal(now, &message, out);
        } else if let Some(goodbye) =
            self.goodbye.as_mut().filter(|goodbye| goodbye.due <= now && !load.is_waiting())
        {
            goodbye.left -= 1;
            goodbye.due = now + GOODBYE_GAP;
            let reason = goodbye.reason;
            self.seal(now, &Message::Goodbye(reason), out);
        } else if self.ping_time().is_some_and(|time| time <= now) {
            self.pause.due = now + PAUSE_GAP * (1 << PAUSE_PINGS.saturating_sub(self.pause.left));
            self.pause.left = self.pause.left.saturating_sub(1);
            self.seal(now, &Message::Ping { paused: self.pause.is_paused }, out);
        } else {
            return false;
        }
        self.sent = now;
        true
    }

    /// Seals a message that a receiver can begin with: one way it carries the salt.
    fn announce(&mut self, now: Time, message: &Message, out: &mut Vec<u8>) {
        let micros = now.wire_micros();
        match self.salt {
            Some(salt) => {
                self.sealer.append_as(datagram::ANNOUNCE, &salt, out, |out| message.encode(micros, out));
            }
            None => self.seal(now, message, out),
        }
    }

    fn seal(&mut self, now: Time, message: &Message, out: &mut Vec<u8>) {
        self.sealer.append(out, |out| message.encode(now.wire_micros(), out));
    }

    /// Seals a message outside of what [`Session::next`] sends.
    pub(crate) fn say(&mut self, now: Time, message: &Message) -> Bytes {
        self.sealer.seal(|out| message.encode(now.wire_micros(), out))
    }

    /// Tells the other side, in pings, that the stream is paused, or goes on.
    pub(crate) fn set_paused(&mut self, now: Time, is_paused: bool) {
        if self.pause.is_paused != is_paused {
            self.pause = Pause { is_paused, left: PAUSE_PINGS, due: now };
        }
    }

    /// When a ping is to be sent; never one way.
    fn ping_time(&self) -> Option<Time> {
        self.opener.as_ref()?;
        let alive = self.sent + KEEPALIVE;
        Some(if self.pause.left > 0 { alive.min(self.pause.due) } else { alive })
    }

    /// Says goodbye, and why, when all that waits is sent.
    pub(crate) fn close(&mut self, now: Time, reason: EndReason) {
        let left = if self.opener.is_some() { MOST_GOODBYES } else { GOODBYES };
        self.goodbye.get_or_insert(Goodbye { reason, left, due: now });
    }

    /// Whether this side has said, or wants to say, goodbye.
    pub(crate) fn is_closing(&self) -> bool {
        self.goodbye.is_some()
    }

    /// Whether the last goodbye was said.
    pub(crate) fn is_over(&self) -> bool {
        self.goodbye.as_ref().is_some_and(|goodbye| goodbye.left == 0)
    }

    /// When [`Session::next`] has something, or so much `silence` of the other side has passed.
    pub(crate) fn timeout(
        &self,
        table: &Table,
        utc: &UtcOut,
        load: &impl Load,
        silence: Duration,
    ) -> Option<Time> {
        let goodbye = self.goodbye.as_ref().filter(|_| !load.is_waiting()).map(|goodbye| goodbye.due);
        let alive = self.ping_time().map(|ping| ping.min(self.heard + silence));
        let times = [table.timeout(self.salt.is_some()), utc.timeout(), load.timeout(), goodbye, alive];
        times.into_iter().flatten().min()
    }
}
