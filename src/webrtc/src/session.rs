//! One session: the library's state of it, and what is published or watched in it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid, Rid};
use str0m::net::{Receive, Transmit};
use str0m::{Event as RtcEvent, IceConnectionState, Input, Output, Rtc, RtcError};

use crate::media::Event;
use crate::prepare::Prepared;
use crate::publisher::Publisher;
use crate::viewer::Viewer;

/// A session in which nothing comes for so long is over: clients check every few seconds whether they are heard.
const SILENCE: Duration = Duration::from_secs(15);

/// What a session is for.
#[derive(Debug)]
pub(crate) enum Role {
    Publisher(Publisher),
    Viewer(Viewer),
}

pub(crate) struct Session {
    rtc: Rtc,
    role: Role,
    /// The username fragments of this server and of the client.
    pub(crate) local: String,
    pub(crate) remote: String,
    heard: Instant,
    is_connected: bool,
    is_over: bool,
}

/// A medium on which both sides agreed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Agreed {
    pub(crate) mid: Mid,
    pub(crate) kind: MediaKind,
    pub(crate) direction: Direction,
}

/// What came of an input.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<Event>,
    pub(crate) transmits: Vec<Transmit>,
    /// When the session wants to be called again; none where it is over.
    pub(crate) timeout: Option<Instant>,
}

impl Session {
    pub(crate) fn new(now: Instant, rtc: Rtc, role: Role, local: String, remote: String) -> Self {
        Self { rtc, role, local, remote, heard: now, is_connected: false, is_over: false }
    }

    pub(crate) fn role(&self) -> &Role {
        &self.role
    }

    /// Takes the media of the answer.
    pub(crate) fn agree(&mut self, now: Instant, answer: &str) {
        let mids = answer.lines().filter_map(|line| line.strip_prefix("a=mid:"));
        for mid in mids.map(|mid| Mid::from(mid.trim_end())) {
            let Some(media) = self.rtc.media(mid).filter(|media| !media.disabled() && !media.stopped())
            else {
                continue;
            };
            let agreed = Agreed { mid, kind: media.kind(), direction: media.direction() };
            let Some(writer) = self.rtc.writer(mid) else { continue };
            let params: Vec<_> = writer.payload_params().copied().collect();
            match &mut self.role {
                Role::Publisher(publisher) => publisher.add(now, &agreed, &params),
                Role::Viewer(viewer) => viewer.add(&mut self.rtc, &agreed, &params),
            }
        }
    }

    /// Whether a connectivity check is of this session's client: it is signed with the password of the answer.
    pub(crate) fn accepts(&self, now: Instant, datagram: Receive<'_>) -> bool {
        self.rtc.accepts(&Input::Receive(now, datagram))
    }

    pub(crate) fn receive(&mut self, now: Instant, datagram: Receive<'_>) -> Outcome {
        self.heard = now;
        self.run(now, |rtc| rtc.handle_input(Input::Receive(now, datagram)))
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Outcome {
        if now.saturating_duration_since(self.heard) >= SILENCE {
            self.is_over = true;
        }
        self.run(now, |rtc| rtc.handle_input(Input::Timeout(now)))
    }

    /// Ends it with a goodbye.
    pub(crate) fn close(&mut self, now: Instant) -> Outcome {
        let mut outcome = self.run(now, Rtc::close);
        outcome.timeout = None;
        outcome
    }

    /// Asks a publisher for a key picture.
    pub(crate) fn ask_for_key(&mut self, now: Instant) -> Outcome {
        let Role::Publisher(publisher) = &self.role else { return self.run(now, |_| Ok(())) };
        let videos: Vec<_> = publisher.videos().collect();
        self.run(now, |rtc| {
            videos.iter().for_each(|&(mid, rid)| ask_for_key(rtc, mid, rid));
            Ok(())
        })
    }

    /// Sends units to a viewer, each as if it were presented so much earlier.
    pub(crate) fn send<'a>(
        &mut self,
        now: Instant,
        units: impl IntoIterator<Item = (&'a Prepared, Duration)>,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        if !self.is_connected {
            return self.run(now, |_| Ok(()));
        }
        for (unit, earlier) in units {
            let Self { rtc, role: Role::Viewer(viewer), .. } = self else { break };
            viewer.send(rtc, now, unit, earlier);
            let more = self.run(now, |_| Ok(()));
            outcome.events.extend(more.events);
            outcome.transmits.extend(more.transmits);
            outcome.timeout = more.timeout;
        }
        outcome
    }

    /// Changes the state, and takes out everything that comes of it.
    pub(crate) fn run(
        &mut self,
        now: Instant,
        change: impl FnOnce(&mut Rtc) -> Result<(), RtcError>,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        // A fault of the library may end this session, and no other.
        let ran = catch_unwind(AssertUnwindSafe(|| {
            change(&mut self.rtc)?;
            self.drain(now, &mut outcome)
        }));
        let timeout = match ran {
            Ok(Ok(timeout)) => timeout.filter(|_| !self.is_over && self.rtc.is_alive()),
            Ok(Err(_)) | Err(_) => None,
        };
        if timeout.is_none() {
            outcome.events.push(Event::Ended);
        }
        outcome.timeout = timeout.map(|timeout| timeout.min(self.heard + SILENCE));
        outcome
    }

    fn drain(&mut self, now: Instant, outcome: &mut Outcome) -> Result<Option<Instant>, RtcError> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(at) => return Ok(Some(at)),
                Output::Transmit(transmit) => outcome.transmits.push(transmit),
                Output::Event(event) => self.take(now, event, outcome),
            }
            if !self.rtc.is_alive() {
                return Ok(None);
            }
        }
    }

    fn take(&mut self, now: Instant, event: RtcEvent, outcome: &mut Outcome) {
        match (event, &mut self.role) {
            (RtcEvent::Connected, _) => {
                self.is_connected = true;
                outcome.events.push(Event::Connected);
            }
            (RtcEvent::IceConnectionStateChange(IceConnectionState::Disconnected) | RtcEvent::Closed, _) => {
                self.is_over = true;
            }
            (RtcEvent::MediaData(data), Role::Publisher(publisher)) => {
                let taken = publisher.take(now, &data);
                outcome.events.extend(taken.events);
                if let Some((mid, rid)) = taken.ask {
                    ask_for_key(&mut self.rtc, mid, rid);
                }
            }
            (RtcEvent::KeyframeRequest(request), Role::Viewer(viewer)) if viewer.is_video(request.mid) => {
                outcome.events.push(Event::KeyAsked);
            }
            _ => {}
        }
    }
}

/// Where neither kind of request was negotiated, the client sends key pictures as it likes.
fn ask_for_key(rtc: &mut Rtc, mid: Mid, rid: Option<Rid>) {
    let Some(mut writer) = rtc.writer(mid) else { return };
    let kinds = [KeyframeRequestKind::Pli, KeyframeRequestKind::Fir];
    if let Some(kind) = kinds.into_iter().find(|kind| writer.is_request_keyframe_possible(*kind)) {
        // No packet of it may have come yet: then the first one brings us here again.
        let _ = writer.request_keyframe(rid, kind);
    }
}
