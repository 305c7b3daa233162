//! One live stream: its publisher, its fan-out, its viewers. It knows no socket and no clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fql_transport::{
    Accepted, EndReason, Fanout, FanoutConfig, Receiver, ReceiverConfig, ReceiverEvent, Seed, SessionId,
    Time, Viewer, ViewerConfig, ViewerEvent,
};
use fql_unit::TrackTable;

use super::figures::Figures;
use super::socket::Peer;
use super::worker::Newcomer;
use crate::config::SecondPublisher;
use crate::service::{self, Entry, LiveChange, LiveStats};

/// A publisher that has been silent for so long does not keep another one out: it sends something every second.
const SILENT: Duration = Duration::from_secs(2);

/// The most bytes that an unfinished second of a publisher may take.
const MAX_BYTES: usize = 16 << 20;

/// What others want to know of a live stream.
#[derive(Debug, Clone)]
pub enum Happened {
    /// A publisher's session began where there was none.
    Live,
    /// It is over, and no other took its place.
    Offline,
    /// A viewer's session began.
    ViewerJoined(service::Viewer),
    /// A viewer's session is over.
    ViewerLeft(service::Viewer),
}

/// How sessions are set up.
#[derive(Debug, Clone)]
pub struct Rules {
    /// What becomes of a second publisher.
    pub second_publisher: SecondPublisher,
    /// The latency budget of publishers.
    pub latency: Duration,
}

/// A stream that somebody publishes or watches.
pub struct LiveStream {
    entry: Arc<Entry>,
    fanout: Fanout,
    tracks: TrackTable,
    publisher: Option<Publisher>,
    /// Publishers that were told to go, until their last words are sent.
    leaving: Vec<Publisher>,
    viewers: BTreeMap<SessionId, Watching>,
    figures: Figures,
    happened: Vec<Happened>,
    over: Vec<SessionId>,
    /// Memory for one datagram.
    datagram: Vec<u8>,
}

struct Publisher {
    session: SessionId,
    receiver: Receiver<Peer>,
    /// As the handshake has shown.
    round_trip: Option<Duration>,
}

struct Watching {
    viewer: Viewer<Peer>,
    about: service::Viewer,
    is_over: bool,
}

impl LiveStream {
    /// A stream without sessions.
    pub fn new(entry: Arc<Entry>, rules: &Rules) -> Self {
        let fanout = FanoutConfig {
            latency: rules.latency,
            ring: Duration::from_secs(entry.ring.seconds.into()),
            ring_bytes: usize::try_from(entry.ring.bytes).unwrap_or(usize::MAX),
        };
        let mut fanout = Fanout::new(fanout);
        fanout.set_paused(Time::ZERO, entry.paused);
        Self {
            fanout,
            entry,
            tracks: TrackTable::default(),
            publisher: None,
            leaving: Vec::new(),
            viewers: BTreeMap::new(),
            figures: Figures::default(),
            happened: Vec::new(),
            over: Vec::new(),
            datagram: Vec::new(),
        }
    }

    /// The tracks that are published, or were last.
    pub fn tracks(&self) -> &TrackTable {
        &self.tracks
    }

    /// Takes a publisher, or gives it back with the reason why not.
    pub fn publish(
        &mut self,
        now: Time,
        rules: &Rules,
        newcomer: Newcomer,
    ) -> Result<(), (Accepted, EndReason)> {
        let Newcomer { accepted, from, datagram } = newcomer;
        let heard = self.publisher.as_ref().and_then(|publisher| publisher.receiver.heard());
        let is_heard = heard.is_some_and(|(_, heard)| now < heard + SILENT);
        if is_heard && rules.second_publisher == SecondPublisher::Refuse {
            return Err((accepted, EndReason::Refused));
        }
        let (session, round_trip) = (accepted.session(), accepted.round_trip());
        let config = ReceiverConfig {
            latency: rules.latency,
            relay: true,
            paused: self.entry.paused,
            max_bytes: MAX_BYTES,
            ..ReceiverConfig::default()
        };
        let Some(mut receiver) = receiver(config, accepted, now, from) else {
            self.over.push(session);
            return Ok(());
        };
        receiver.handle_datagram(now, from, &datagram);
        match self.publisher.replace(Publisher { session, receiver, round_trip }) {
            Some(before) => self.send_away(now, before, EndReason::Replaced),
            None => self.happened.push(Happened::Live),
        }
        self.figures.begin();
        Ok(())
    }

    /// Takes a viewer.
    pub fn watch(
        &mut self,
        now: Time,
        _rules: &Rules,
        newcomer: Newcomer,
    ) -> Result<(), (Accepted, EndReason)> {
        let Newcomer { accepted, from, datagram } = newcomer;
        let session = accepted.session();
        let mut viewer = Viewer::accepted(ViewerConfig::default(), accepted, now, from);
        for item in self.fanout.join(now) {
            viewer.push(now, &item);
        }
        viewer.handle_datagram(now, from, &datagram);
        let about = service::Viewer {
            id: crate::random::id("view_"),
            protocol: "fql".to_owned(),
            address: from.remote.to_string(),
        };
        self.happened.push(Happened::ViewerJoined(about.clone()));
        self.viewers.insert(session, Watching { viewer, about, is_over: false });
        Ok(())
    }

    /// Takes a datagram of one of its sessions.
    pub fn handle_datagram(&mut self, now: Time, session: SessionId, from: Peer, datagram: &[u8]) {
        if let Some(watching) = self.viewers.get_mut(&session) {
            return watching.viewer.handle_datagram(now, from, datagram);
        }
        let publishers = self.publisher.iter_mut().chain(&mut self.leaving);
        if let Some(publisher) = publishers.into_iter().find(|publisher| publisher.session == session) {
            publisher.receiver.handle_datagram(now, from, datagram);
        }
    }

    /// Follows a change of the stream; `entry` is what it is now, if it still is.
    pub fn change(&mut self, now: Time, entry: Option<Arc<Entry>>, change: LiveChange) {
        if let Some(entry) = entry {
            self.entry = entry;
        }
        match change {
            LiveChange::Paused | LiveChange::Resumed => {
                self.fanout.set_paused(now, self.entry.paused);
                if let Some(publisher) = &mut self.publisher {
                    publisher.receiver.set_paused(self.entry.paused);
                }
            }
            LiveChange::KeyRotated => self.end_publisher(now, EndReason::KeyRotated),
            LiveChange::Archived => self.end(now, EndReason::Archived),
            LiveChange::Changed => {
                let ring = Duration::from_secs(self.entry.ring.seconds.into());
                self.fanout.set_ring(now, ring, usize::try_from(self.entry.ring.bytes).unwrap_or(usize::MAX));
            }
        }
    }

    /// Ends all sessions, and tells each why.
    pub fn end(&mut self, now: Time, reason: EndReason) {
        self.end_publisher(now, reason);
        for watching in self.viewers.values_mut() {
            watching.viewer.close(now, reason);
        }
    }

    fn end_publisher(&mut self, now: Time, reason: EndReason) {
        if let Some(publisher) = self.publisher.take() {
            self.send_away(now, publisher, reason);
            self.happened.push(Happened::Offline);
        }
    }

    fn send_away(&mut self, now: Time, mut publisher: Publisher, reason: EndReason) {
        publisher.receiver.end(now, reason);
        self.leaving.push(publisher);
    }

    /// Does what is due, and sends what there is to send.
    pub fn pump(&mut self, now: Time, send: &mut dyn FnMut(Peer, &[u8])) {
        self.pump_publisher(now, send);
        while let Some(item) = self.fanout.poll(now) {
            for watching in self.viewers.values_mut() {
                watching.viewer.push(now, &item);
            }
        }
        for watching in self.viewers.values_mut() {
            watching.pump(now, &mut self.datagram, send);
        }
        for (session, gone) in self.viewers.extract_if(.., |_, watching| watching.is_over) {
            self.over.push(session);
            self.happened.push(Happened::ViewerLeft(gone.about));
        }
        for publisher in &mut self.leaving {
            transmit(now, publisher, send);
        }
        self.over.extend(
            self.leaving.extract_if(.., |publisher| publisher.receiver.is_over()).map(|gone| gone.session),
        );
    }

    fn pump_publisher(&mut self, now: Time, send: &mut dyn FnMut(Peer, &[u8])) {
        let Some(publisher) = &mut self.publisher else { return };
        transmit(now, publisher, send);
        while let Some(event) = publisher.receiver.poll_event() {
            if let ReceiverEvent::Tracks(tracks) = &event {
                self.tracks = tracks.clone();
            }
            self.fanout.handle_event(now, event);
        }
        if publisher.receiver.is_over() {
            self.over.extend(self.publisher.take().map(|gone| gone.session));
            self.happened.push(Happened::Offline);
        }
    }

    /// When [`LiveStream::pump`] has something to do, whatever comes.
    pub fn poll_timeout(&self) -> Option<Time> {
        let publishers = self.publisher.iter().chain(&self.leaving);
        let publishers = publishers.filter_map(|publisher| publisher.receiver.poll_timeout());
        let viewers = self.viewers.values().filter_map(|watching| watching.viewer.poll_timeout());
        publishers.chain(viewers).chain(self.fanout.poll_timeout()).min()
    }

    /// What happened since the last call.
    pub fn take_happened(&mut self) -> Vec<Happened> {
        std::mem::take(&mut self.happened)
    }

    /// Sessions that are over since the last call.
    pub fn take_over(&mut self) -> Vec<SessionId> {
        std::mem::take(&mut self.over)
    }

    /// Whether nobody publishes it and nobody watches.
    pub fn is_empty(&self) -> bool {
        self.publisher.is_none() && self.viewers.is_empty() && self.leaving.is_empty()
    }

    /// Its figures.
    pub fn stats(&mut self, now: Time) -> LiveStats {
        let mut stats = LiveStats { viewers: self.viewers.len() as u64, ..LiveStats::default() };
        if let Some(publisher) = &self.publisher {
            self.figures.fill(
                now,
                &publisher.receiver.stats(now),
                publisher.round_trip,
                &self.tracks,
                &mut stats,
            );
            if let (Some(about), Some((from, _))) = (&mut stats.publisher, publisher.receiver.heard()) {
                about.address = from.remote.to_string();
            }
        }
        stats
    }
}

impl Watching {
    fn pump(&mut self, now: Time, datagram: &mut Vec<u8>, send: &mut dyn FnMut(Peer, &[u8])) {
        datagram.clear();
        while let Some(to) = self.viewer.poll_transmit(now, datagram) {
            send(to, datagram);
            datagram.clear();
        }
        while let Some(event) = self.viewer.poll_event() {
            self.is_over |= matches!(event, ViewerEvent::Ended { .. });
        }
    }
}

/// `None` where the system has no random numbers, without which there is no session.
fn receiver(config: ReceiverConfig, accepted: Accepted, now: Time, from: Peer) -> Option<Receiver<Peer>> {
    let made = Seed::from_os().and_then(|seed| Receiver::accepted(config, accepted, seed, now, from));
    made.inspect_err(|error| tracing::error!(%error, "a publisher's session cannot begin")).ok()
}

fn transmit(now: Time, publisher: &mut Publisher, send: &mut dyn FnMut(Peer, &[u8])) {
    while let Some((to, datagram)) = publisher.receiver.poll_transmit(now) {
        send(to, &datagram);
    }
}

#[cfg(test)]
mod tests {
    use fql_transport::{Fec, StreamKey};

    use super::*;

    fn entry(paused: bool) -> Arc<Entry> {
        let key = StreamKey::parse("sk_abcdefghijklmnopqrstuvwxyz234567").unwrap();
        Arc::new(Entry {
            id: "str_a".into(),
            name: "a".into(),
            playback_id: "a".into(),
            key_id: key.id(),
            key: key.key(),
            key_digest: [0; 32],
            layers: 12,
            fec: Fec::two_way_default(),
            ring: service::Ring { seconds: 50, bytes: 1 << 20 },
            paused,
        })
    }

    #[test]
    fn viewers_are_told_that_the_stream_is_paused_and_that_it_goes_on() {
        let rules = Rules { second_publisher: SecondPublisher::Refuse, latency: Duration::from_millis(120) };
        let mut live = LiveStream::new(entry(true), &rules);
        assert!(live.fanout.stats(Time::ZERO).paused, "a viewer that comes to a paused stream");
        live.change(Time::ZERO, Some(entry(false)), LiveChange::Resumed);
        assert!(!live.fanout.stats(Time::ZERO).paused);
        live.change(Time::ZERO, Some(entry(true)), LiveChange::Paused);
        assert!(live.fanout.stats(Time::ZERO).paused);
    }
}
