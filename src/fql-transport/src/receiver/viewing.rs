use bytes::Bytes;

use super::ReceiverConfig;
use crate::backoff::Backoff;
use crate::datagram::Cookie;
use crate::handshake::{Answer, Initiator, ViewRequest};
use crate::random::Random;
use crate::{EndReason, Error, PublicKey, Time};

/// What a viewer asks which server for.
#[derive(Clone, PartialEq, Eq)]
pub struct View {
    /// What the server has to show that it is.
    pub server: PublicKey,
    /// What is to be seen, 1 to 64 bytes.
    pub playback_id: String,
    /// What shows that the viewer may, at most 512 bytes.
    pub token: Option<String>,
}

impl std::fmt::Debug for View {
    /// Without the token, which is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "View({} of {})", self.playback_id, self.server)
    }
}

/// How a viewer gets its sessions: it begins them, with growing pauses, until the server says that it is of no use.
pub(super) struct Viewing<A> {
    address: A,
    view: View,
    /// `None` while a session lives, and when no more are tried.
    handshake: Option<Initiator>,
    backoff: Backoff,
    began: Time,
}

impl<A: Copy> Viewing<A> {
    pub(super) fn new(
        config: &ReceiverConfig,
        view: View,
        address: A,
        random: &mut Random,
        now: Time,
    ) -> Result<Self, Error> {
        request(config, &view).check()?;
        let mut viewing = Self { address, view, handshake: None, backoff: Backoff::default(), began: now };
        viewing.begin(config, random, now);
        Ok(viewing)
    }

    fn begin(&mut self, config: &ReceiverConfig, random: &mut Random, at: Time) {
        let request = request(config, &self.view);
        self.handshake = Some(Initiator::viewing(&self.view.server, &request, random, at));
    }

    /// Takes a cookie of the server. Gives the answer.
    pub(super) fn take_cookie(&mut self, initiator: u32, cookie: &Cookie) -> Option<(A, Bytes)> {
        let handshake = self.handshake.as_mut().filter(|handshake| handshake.id() == initiator)?;
        Some((self.address, handshake.take_cookie(cookie)?))
    }

    /// Takes a second message. Gives the session where it is the answer: how this side knows it, and what was said.
    pub(super) fn take_answer(
        &mut self,
        now: Time,
        initiator: u32,
        noise: &[u8],
    ) -> Option<(u32, A, Answer)> {
        let handshake = self.handshake.as_mut().filter(|handshake| handshake.id() == initiator)?;
        let answer = handshake.answer(noise).ok()?;
        self.handshake = None;
        self.began = now;
        Some((initiator, self.address, answer))
    }

    /// The session is over.
    pub(super) fn ended(
        &mut self,
        now: Time,
        reason: EndReason,
        config: &ReceiverConfig,
        random: &mut Random,
    ) {
        if !reason.is_final() {
            let pause = self.backoff.after(now - self.began);
            self.begin(config, random, now + pause);
        }
    }

    pub(super) fn poll_transmit(&mut self, now: Time) -> Option<(A, Bytes)> {
        Some((self.address, self.handshake.as_mut()?.poll_transmit(now)?))
    }

    /// When [`Viewing::poll_transmit`] has something.
    pub(super) fn timeout(&self) -> Option<Time> {
        Some(self.handshake.as_ref()?.timeout())
    }
}

fn request(config: &ReceiverConfig, view: &View) -> ViewRequest {
    ViewRequest {
        latency: config.latency,
        max_layer: config.max_layer,
        playback_id: view.playback_id.clone(),
        token: view.token.clone(),
    }
}
