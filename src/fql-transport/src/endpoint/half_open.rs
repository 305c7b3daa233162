use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use bytes::Bytes;

use crate::handshake::{Keys, ViewRequest};
use crate::{KeyId, Time};

/// Handshakes that were answered and not completed are forgotten after this time.
const MAX_AGE: Duration = Duration::from_secs(10);

/// A handshake that was answered: not a session before the initiator shows, by a sealed datagram, that it lives.
pub(super) struct HalfOpen<H> {
    pub(super) host: H,
    pub(super) began: Time,
    /// The ephemeral key that the first message begins with: no other handshake has it.
    pub(super) ephemeral: Ephemeral,
    pub(super) initiator: u32,
    pub(super) answer: Bytes,
    /// Whether the answer was sent more than once.
    pub(super) is_repeated: bool,
    pub(super) keys: Keys,
    pub(super) wants: Wants,
}

/// An ephemeral public key.
pub(super) type Ephemeral = [u8; 32];

/// What an initiator wants.
pub(super) enum Wants {
    Publish(KeyId),
    View(ViewRequest),
}

/// All handshakes of an endpoint that were answered, at most so many.
pub(super) struct HalfOpens<H> {
    most: usize,
    by_id: HashMap<u32, HalfOpen<H>>,
    /// When the oldest is to be forgotten, at the earliest.
    next: Option<Time>,
}

impl<H: Copy + Eq + Hash> HalfOpens<H> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, by_id: HashMap::new(), next: None }
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn get(&self, id: u32) -> Option<&HalfOpen<H>> {
        self.by_id.get(&id)
    }

    pub(super) fn remove(&mut self, id: u32) -> Option<HalfOpen<H>> {
        let half = self.by_id.remove(&id);
        if self.by_id.is_empty() {
            self.next = None;
        }
        half
    }

    /// The handshake that began with this ephemeral key.
    pub(super) fn began_with_mut(&mut self, ephemeral: &Ephemeral) -> Option<&mut HalfOpen<H>> {
        self.by_id.values_mut().find(|half| half.ephemeral == *ephemeral)
    }

    /// Adds one. Where there is no room, the host that has most of them loses its oldest: whoever opens many takes
    /// the room from itself.
    pub(super) fn add(&mut self, now: Time, id: u32, half: HalfOpen<H>) {
        self.expire(now);
        if self.by_id.len() >= self.most {
            self.make_room();
        }
        self.next.get_or_insert(half.began + MAX_AGE);
        self.by_id.insert(id, half);
    }

    fn make_room(&mut self) {
        let mut counts = HashMap::<H, usize>::new();
        for half in self.by_id.values() {
            *counts.entry(half.host).or_default() += 1;
        }
        let most = counts.values().copied().max();
        let of_most = self.by_id.iter().filter(|(_, half)| counts.get(&half.host).copied() == most);
        if let Some(id) = of_most.min_by_key(|(id, half)| (half.began, **id)).map(|(id, _)| *id) {
            self.by_id.remove(&id);
        }
    }

    /// When the next one is to be forgotten.
    pub(super) fn timeout(&self) -> Option<Time> {
        self.next
    }

    pub(super) fn expire(&mut self, now: Time) {
        if self.next.is_some_and(|next| next <= now) {
            self.by_id.retain(|_, half| now < half.began + MAX_AGE);
            self.next = self.by_id.values().map(|half| half.began + MAX_AGE).min();
        }
    }
}
