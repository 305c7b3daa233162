//! One live stream: its publisher, its fan-out, its viewers. It knows no socket and no clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fql_transport::{
    Accepted, EndReason, Fanout, FanoutConfig, Receiver, ReceiverConfig, ReceiverEvent, Seed, SessionId,
    Time, Viewer, ViewerConfig, ViewerEvent,
};
use fql_unit::TrackTable;

use super::audience::Audience;
use super::crowd::NewSubscriber;
use super::feed::{Feed, FromFeed, NewFeed};
use super::figures::Figures;
use super::peer::{Carrier, ConnectionId, Peer, Way};
use super::publication::Refused;
use super::timeline::Timeline;
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
    /// How long a stream waits, live, for a publisher of another protocol than FQL that is gone without a goodbye.
    pub grace: Duration,
}

impl Rules {
    /// Whether a publisher of which something came last then keeps another one out.
    pub fn keeps_out(&self, now: Time, heard: Option<Time>) -> bool {
        let is_heard = heard.is_some_and(|heard| now < heard + SILENT);
        is_heard && self.second_publisher == SecondPublisher::Refuse
    }
}

/// A stream that somebody publishes or watches.
pub struct LiveStream {
    entry: Arc<Entry>,
    fanout: Fanout,
    tracks: TrackTable,
    publisher: Option<Publisher>,
    /// Until when a publisher that is gone may come back.
    grace: Option<Time>,
    /// Of publishers by other protocols than FQL.
    timeline: Timeline,
    /// Publishers that were told to go, until their last words are sent.
    leaving: Vec<Session>,
    viewers: BTreeMap<SessionId, Watching>,
    /// Viewers by other protocols, by their number.
    others: BTreeMap<u64, service::Viewer>,
    audience: Audience,
    figures: Figures,
    happened: Vec<Happened>,
    over: Vec<SessionId>,
    /// Memory for one datagram.
    datagram: Vec<u8>,
}

#[expect(clippy::large_enum_variant, reason = "a stream has one of them")]
enum Publisher {
    /// By FQL.
    Session(Session),
    /// By any other protocol.
    Feed(Feed),
}

struct Session {
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
            ring_bytes: ring_bytes(&entry),
        };
        let mut fanout = Fanout::new(fanout);
        fanout.set_paused(Time::ZERO, entry.paused);
        Self {
            fanout,
            entry,
            tracks: TrackTable::default(),
            publisher: None,
            grace: None,
            timeline: Timeline::default(),
            leaving: Vec::new(),
            viewers: BTreeMap::new(),
            others: BTreeMap::new(),
            audience: Audience::new(rules.latency),
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
        if self.keeps_out(now, rules) {
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
        self.begin(now, Publisher::Session(Session { session, receiver, round_trip }));
        Ok(())
    }

    /// Takes a publisher by another protocol than FQL, or says why not.
    pub fn publish_feed(&mut self, now: Time, rules: &Rules, new: NewFeed) -> Result<(), Refused> {
        if self.keeps_out(now, rules) {
            return Err(Refused::AlreadyLive);
        }
        self.timeline.restart(now);
        let feed = Feed::begin(now, new, &mut self.fanout);
        self.begin(now, Publisher::Feed(feed));
        Ok(())
    }

    /// Whether the publisher that there is keeps another one out.
    fn keeps_out(&self, now: Time, rules: &Rules) -> bool {
        rules.keeps_out(now, self.heard())
    }

    /// When something came of the publisher last; none where there is none.
    pub fn heard(&self) -> Option<Time> {
        self.publisher.as_ref().and_then(Publisher::heard)
    }

    fn begin(&mut self, now: Time, publisher: Publisher) {
        let before = self.publisher.replace(publisher);
        let has_waited = self.grace.take().is_some();
        match before {
            Some(before) => self.send_away(now, before, EndReason::Replaced),
            None if has_waited => {}
            None => self.happened.push(Happened::Live),
        }
        self.figures.begin();
    }

    /// Takes what a publication says, unless another publisher has taken its place.
    pub fn feed(&mut self, now: Time, rules: &Rules, told: FromFeed) {
        let Some(Publisher::Feed(feed)) = &mut self.publisher else { return };
        match told {
            FromFeed::Tracks(id, tracks) if id == feed.id() => {
                self.tracks = tracks.clone();
                feed.set_tracks(now, tracks, &mut self.fanout);
            }
            FromFeed::Unit(id, unit) if id == feed.id() => {
                feed.push(now, unit, self.entry.paused, &mut self.timeline, &mut self.fanout);
            }
            FromFeed::Relay(id, event) if id == feed.id() => {
                if let ReceiverEvent::Tracks(tracks) = &event {
                    self.tracks = tracks.clone();
                }
                feed.relay(now, event, self.entry.paused, &mut self.fanout);
            }
            FromFeed::End(id) if id == feed.id() => {
                self.publisher = None;
                self.go_offline(now);
            }
            FromFeed::Gone(id) if id == feed.id() => {
                self.publisher = None;
                self.grace = Some(now + rules.grace);
            }
            _ => {}
        }
    }

    fn go_offline(&mut self, now: Time) {
        self.grace = None;
        // What came together with the goodbye came before it.
        self.spread(now);
        self.happened.push(Happened::Offline);
        self.audience.tell_offline();
    }

    /// Gives all that came to those who watch.
    fn spread(&mut self, now: Time) {
        while let Some(item) = self.fanout.poll(now) {
            for watching in self.viewers.values_mut() {
                watching.viewer.push(now, &item);
            }
            self.audience.push(now, &item);
        }
        self.audience.pump(now, ring_bytes(&self.entry));
    }

    /// Gives whole units of the stream from now on.
    pub fn subscribe(&mut self, now: Time, new: NewSubscriber) {
        let (fanout, most) = (&self.fanout, ring_bytes(&self.entry));
        self.audience.subscribe(now, new, most, || fanout.join(now));
    }

    /// Gives this subscription no more.
    pub fn unsubscribe(&mut self, id: u64) {
        self.audience.unsubscribe(id);
    }

    /// Counts a viewer by another protocol than FQL.
    pub fn attend(&mut self, id: u64, viewer: service::Viewer) {
        self.happened.push(Happened::ViewerJoined(viewer.clone()));
        self.others.insert(id, viewer);
    }

    /// Counts it no longer.
    pub fn leave(&mut self, id: u64) {
        self.happened.extend(self.others.remove(&id).map(Happened::ViewerLeft));
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
        let header_bytes = from.carrier().header_bytes();
        let config = ViewerConfig { header_bytes, ..ViewerConfig::default() };
        let mut viewer = Viewer::accepted(config, accepted, now, from);
        for item in self.fanout.join(now) {
            viewer.push(now, &item);
        }
        if !self.fanout.has_key() {
            self.ask_for_key(now);
        }
        viewer.handle_datagram(now, from, &datagram);
        let about = service::Viewer::new(from.carrier().protocol(), from.remote);
        self.happened.push(Happened::ViewerJoined(about.clone()));
        self.viewers.insert(session, Watching { viewer, about, is_over: false });
        Ok(())
    }

    /// Somebody who watches has no key unit to begin with, or to go on with. Publishers by FQL have nothing by which to
    /// be asked: theirs come as often as they were told to make them.
    pub fn ask_for_key(&mut self, now: Time) {
        // While the stream is paused, none would come of it.
        if self.entry.paused {
            return;
        }
        if let Some(Publisher::Feed(feed)) = &mut self.publisher {
            feed.ask_for_key(now);
        }
    }

    /// Takes a datagram of one of its sessions.
    pub fn handle_datagram(&mut self, now: Time, session: SessionId, from: Peer, datagram: &[u8]) {
        if let Some(watching) = self.viewers.get_mut(&session) {
            return watching.viewer.handle_datagram(now, from, datagram);
        }
        let publishing = self.publisher.iter_mut().filter_map(Publisher::session_mut);
        let mut sessions = publishing.chain(&mut self.leaving);
        if let Some(publisher) = sessions.find(|publisher| publisher.session == session) {
            publisher.receiver.handle_datagram(now, from, datagram);
        }
    }

    /// Ends the viewers' sessions that this connection of a browser carried: nobody is there to be told. Says whether
    /// there were any.
    pub fn drop_connection(&mut self, connection: ConnectionId) -> bool {
        let mut is_any = false;
        for watching in self.viewers.values_mut() {
            if watching.viewer.address().way == Way::Web(connection) {
                (watching.is_over, is_any) = (true, true);
            }
        }
        is_any
    }

    /// Follows a change of the stream; `entry` is what it is now, if it still is.
    pub fn change(&mut self, now: Time, entry: Option<Arc<Entry>>, change: LiveChange) {
        if let Some(entry) = entry {
            self.entry = entry;
        }
        match change {
            LiveChange::Paused | LiveChange::Resumed => {
                // What came together with it came before it.
                self.spread(now);
                self.fanout.set_paused(now, self.entry.paused);
                self.audience.set_paused(self.entry.paused);
                if !self.viewers.is_empty() {
                    self.ask_for_key(now);
                }
                if let Some(Publisher::Session(publisher)) = &mut self.publisher {
                    publisher.receiver.set_paused(self.entry.paused);
                }
            }
            LiveChange::KeyRotated => self.end_publisher(now, EndReason::KeyRotated),
            LiveChange::Archived => self.end(now, EndReason::Archived),
            LiveChange::Changed => {
                let ring = Duration::from_secs(self.entry.ring.seconds.into());
                self.fanout.set_ring(now, ring, ring_bytes(&self.entry));
            }
        }
    }

    /// Ends all sessions, and tells each why.
    pub fn end(&mut self, now: Time, reason: EndReason) {
        self.end_publisher(now, reason);
        for watching in self.viewers.values_mut() {
            watching.viewer.close(now, reason);
        }
        self.audience.end();
    }

    fn end_publisher(&mut self, now: Time, reason: EndReason) {
        if let Some(publisher) = self.publisher.take() {
            self.send_away(now, publisher, reason);
            self.go_offline(now);
        } else if self.grace.is_some() {
            self.go_offline(now);
        }
    }

    fn send_away(&mut self, now: Time, publisher: Publisher, reason: EndReason) {
        match publisher {
            Publisher::Feed(feed) => feed.end(reason),
            Publisher::Session(mut session) => {
                session.receiver.end(now, reason);
                self.leaving.push(session);
            }
        }
    }

    /// Does what is due, and sends what there is to send.
    pub fn pump(&mut self, now: Time, send: &mut dyn FnMut(Peer, &[u8])) {
        self.pump_publisher(now, send);
        self.spread(now);
        if self.audience.awaits_key() {
            self.ask_for_key(now);
        }
        if self.grace.is_some_and(|until| now >= until) {
            self.go_offline(now);
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
        let Some(Publisher::Session(publisher)) = &mut self.publisher else { return };
        transmit(now, publisher, send);
        while let Some(event) = publisher.receiver.poll_event() {
            if let ReceiverEvent::Tracks(tracks) = &event {
                self.tracks = tracks.clone();
            }
            self.fanout.handle_event(now, event);
        }
        if publisher.receiver.is_over() {
            self.over.push(publisher.session);
            self.publisher = None;
            self.go_offline(now);
        }
    }

    /// When [`LiveStream::pump`] has something to do, whatever comes.
    pub fn poll_timeout(&self) -> Option<Time> {
        let publishers = self.publisher.iter().filter_map(Publisher::session).chain(&self.leaving);
        let publishers = publishers.filter_map(|publisher| publisher.receiver.poll_timeout());
        let viewers = self.viewers.values().filter_map(|watching| watching.viewer.poll_timeout());
        let others = [self.fanout.poll_timeout(), self.audience.poll_timeout(), self.grace];
        publishers.chain(viewers).chain(others.into_iter().flatten()).min()
    }

    /// What happened since the last call.
    pub fn take_happened(&mut self) -> Vec<Happened> {
        std::mem::take(&mut self.happened)
    }

    /// Sessions that are over since the last call.
    pub fn take_over(&mut self) -> Vec<SessionId> {
        std::mem::take(&mut self.over)
    }

    /// Whether somebody watches.
    pub fn is_watched(&self) -> bool {
        !self.viewers.is_empty() || !self.others.is_empty() || !self.audience.is_empty()
    }

    /// Whether nobody publishes it and nobody watches.
    pub fn is_empty(&self) -> bool {
        let is_published = self.publisher.is_some() || self.grace.is_some() || !self.leaving.is_empty();
        !is_published && !self.is_watched()
    }

    /// Its figures.
    pub fn stats(&mut self, now: Time) -> LiveStats {
        let viewers = (self.viewers.len() + self.others.len()) as u64;
        let mut stats = LiveStats { viewers, ..LiveStats::default() };
        stats.viewers_by_carrier.other = self.others.len() as u64;
        for watching in self.viewers.values() {
            *match watching.viewer.address().carrier() {
                Carrier::Udp => &mut stats.viewers_by_carrier.udp,
                Carrier::WebTransport => &mut stats.viewers_by_carrier.webtransport,
                Carrier::WebSocket => &mut stats.viewers_by_carrier.websocket,
            } += 1;
        }
        let Some(publisher) = &self.publisher else { return stats };
        let (came, round_trip) = match publisher {
            Publisher::Session(session) => (session.receiver.stats(now), session.round_trip),
            Publisher::Feed(feed) => (feed.stats(now), None),
        };
        self.figures.fill(now, &came, round_trip, &self.tracks, &mut stats);
        if let Some(about) = &mut stats.publisher {
            publisher.describe(about);
        }
        stats
    }
}

impl Publisher {
    fn session(&self) -> Option<&Session> {
        match self {
            Self::Session(session) => Some(session),
            Self::Feed(_) => None,
        }
    }

    fn session_mut(&mut self) -> Option<&mut Session> {
        match self {
            Self::Session(session) => Some(session),
            Self::Feed(_) => None,
        }
    }

    /// When something came of it last.
    fn heard(&self) -> Option<Time> {
        match self {
            Self::Session(session) => session.receiver.heard().map(|(_, heard)| heard),
            Self::Feed(feed) => Some(feed.heard()),
        }
    }

    /// Says by what it publishes, and from where.
    fn describe(&self, about: &mut service::PublisherStats) {
        match self {
            Self::Session(session) => {
                about.protocol = "fql".to_owned();
                if let Some((from, _)) = session.receiver.heard() {
                    about.address = from.remote.to_string();
                }
            }
            Self::Feed(feed) => {
                let origin = feed.origin();
                about.protocol = origin.protocol.name().to_owned();
                about.address = origin.address.to_string();
                // There are no datagrams whose queues could be seen.
                about.queueing_delay_ms = None;
            }
        }
    }
}

fn ring_bytes(entry: &Entry) -> usize {
    usize::try_from(entry.ring.bytes).unwrap_or(usize::MAX)
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

fn transmit(now: Time, publisher: &mut Session, send: &mut dyn FnMut(Peer, &[u8])) {
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
            fec: Fec::default(),
            ring: service::Ring { seconds: 50, bytes: 1 << 20 },
            paused,
            srt_passphrase: None,
            source: None,
        })
    }

    #[test]
    fn viewers_are_told_that_the_stream_is_paused_and_that_it_goes_on() {
        let rules = Rules {
            second_publisher: SecondPublisher::Refuse,
            latency: Duration::from_millis(120),
            grace: Duration::ZERO,
        };
        let mut live = LiveStream::new(entry(true), &rules);
        assert!(live.fanout.stats(Time::ZERO).paused, "a viewer that comes to a paused stream");
        live.change(Time::ZERO, Some(entry(false)), LiveChange::Resumed);
        assert!(!live.fanout.stats(Time::ZERO).paused);
        live.change(Time::ZERO, Some(entry(true)), LiveChange::Paused);
        assert!(live.fanout.stats(Time::ZERO).paused);
    }
}
