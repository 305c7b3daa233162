use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use fql_unit::TrackTable;

use crate::Time;
use crate::datagram::{HEADER, SALT, TAG};
use crate::message::{Message, TRACKS_OVERHEAD};

/// Until the receiver has the table it is repeated after this time; at first faster, because no unit can be used
/// before it.
const RETRY: Duration = Duration::from_millis(100);
const FAST_RETRY: Duration = Duration::from_millis(25);
const FAST_RETRIES: u8 = 5;
/// One way it is repeated after this time, for receivers that join.
const REPEAT: Duration = Duration::from_secs(1);

/// The track table on its way to the receiver.
#[derive(Default)]
pub(crate) struct Table {
    version: u16,
    parts: Vec<Bytes>,
    is_acknowledged: bool,
    /// Parts that go out as soon as possible.
    ready: VecDeque<u8>,
    next: Option<Time>,
    fast_retries: u8,
}

impl Table {
    pub(crate) fn set(&mut self, now: Time, tracks: &TrackTable, mtu: usize) {
        let bytes = Bytes::from(tracks.to_bytes());
        let most = mtu - HEADER - SALT - TAG - TRACKS_OVERHEAD;
        let parts = bytes.chunks(most).map(|part| bytes.slice_ref(part)).collect();
        if self.parts == parts {
            return;
        }
        self.parts = parts;
        self.version = self.version.wrapping_add(1);
        self.resend(now);
    }

    /// Sends the table now, to a receiver that has nothing.
    pub(crate) fn resend(&mut self, now: Time) {
        self.is_acknowledged = false;
        self.fast_retries = FAST_RETRIES;
        self.ready.clear();
        self.next = (!self.parts.is_empty()).then_some(now);
    }

    /// The receiver has the table of this version.
    pub(crate) fn acknowledge(&mut self, version: Option<u16>) {
        if version == Some(self.version) {
            self.is_acknowledged = true;
        }
    }

    /// The next part to send, if it is time.
    pub(crate) fn poll(&mut self, now: Time, one_way: bool) -> Option<Message> {
        if self.timeout(one_way).is_some_and(|time| time <= now) && self.ready.is_empty() {
            self.ready = (0..self.parts.len() as u8).collect();
            let pause = match (self.fast_retries, one_way) {
                (1.., _) => FAST_RETRY,
                (0, true) => REPEAT,
                (0, false) => RETRY,
            };
            self.fast_retries = self.fast_retries.saturating_sub(1);
            self.next = Some(now + pause);
        }
        let part = self.ready.pop_front()?;
        let (version, parts) = (self.version, self.parts.len() as u8);
        Some(Message::Tracks { version, part, parts, bytes: self.parts[usize::from(part)].clone() })
    }

    /// When [`Table::poll`] has something.
    pub(crate) fn timeout(&self, one_way: bool) -> Option<Time> {
        match self.ready.is_empty() {
            false => Some(Time::ZERO),
            true => self.next.filter(|_| one_way || !self.is_acknowledged),
        }
    }
}
