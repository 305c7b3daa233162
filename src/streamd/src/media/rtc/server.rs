//! The one task that has all sessions.

use std::collections::HashMap;
use std::future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fql_unit::VideoCodec;
use fql_webrtc::{Endpoint, Event, MediaUnit, Output, SessionId};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval, sleep_until};

use super::socket::RtcSocket;
use super::watched::{Showing, Waiting, Watched};
use super::{Asked, Begun, NotPlayed};
use crate::media::{self, KeyWanted, Media, Publication, SourceUnit, Subscribing, Subscription, Takes};
use crate::random;

/// How often it is looked after what nothing tells.
const SWEEP: Duration = Duration::from_millis(500);
/// How long an offer waits for the tracks of a stream, which may have to be converted.
const TRACKS: Duration = Duration::from_secs(8);
/// How old the last key picture of a publisher may be before it is asked for another. Browsers make none by themselves,
/// and segments of HLS begin with one.
const KEY_EVERY: Duration = Duration::from_millis(1600);
/// How many units of all streams may wait for the task.
const MOST_UNITS: usize = 1024;
/// How many publishers may wait to be asked for a key picture.
const MOST_KEYS: usize = 256;

/// What a subscription gives; none at its end.
type News = (Showing, Option<media::Watched>);

pub struct Server {
    endpoint: Endpoint,
    socket: RtcSocket,
    media: Arc<Media>,
    names: HashMap<String, SessionId>,
    publishers: HashMap<SessionId, Publisher>,
    watched: HashMap<Showing, Watched>,
    /// What each viewer watches.
    viewers: HashMap<SessionId, Showing>,
    news: mpsc::Sender<News>,
    heard: mpsc::Receiver<News>,
    /// Publishers of which somebody needs a key picture.
    keys: mpsc::Sender<SessionId>,
    keys_wanted: mpsc::Receiver<SessionId>,
}

#[derive(Default)]
struct Publisher {
    /// None until it is let in.
    publication: Option<Box<Publication>>,
    videos: Vec<u8>,
    /// When the last key picture came.
    key: Option<Instant>,
    /// The task that hears that somebody needs one.
    hearing: Option<AbortHandle>,
}

impl Server {
    pub fn new(endpoint: Endpoint, socket: RtcSocket, media: Arc<Media>) -> Self {
        let (news, heard) = mpsc::channel(MOST_UNITS);
        let (keys, keys_wanted) = mpsc::channel(MOST_KEYS);
        Self {
            endpoint,
            socket,
            media,
            names: HashMap::new(),
            publishers: HashMap::new(),
            watched: HashMap::new(),
            viewers: HashMap::new(),
            news,
            heard,
            keys,
            keys_wanted,
        }
    }

    /// Until it is told to stop.
    pub async fn run(mut self, mut asks: mpsc::Receiver<Asked>) {
        let mut sweep = interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let timeout = self.endpoint.poll_timeout();
            tokio::select! {
                ready = self.socket.readable() => if ready.is_ok() { self.read() },
                Some(news) = self.heard.recv() => self.take_news(news),
                Some(publisher) = self.keys_wanted.recv() => {
                    self.endpoint.ask_for_key(Instant::now(), publisher);
                }
                asked = asks.recv() => match asked {
                    Some(Asked::Stop) | None => break,
                    Some(asked) => self.answer(asked),
                },
                () = due(timeout) => self.endpoint.handle_timeout(Instant::now()),
                _ = sweep.tick() => self.sweep().await,
            }
            self.flush();
        }
        self.stop();
    }

    fn read(&mut self) {
        let (now, endpoint) = (Instant::now(), &mut self.endpoint);
        self.socket.read(|from: SocketAddr, to: Option<IpAddr>, datagram| {
            endpoint.receive(now, from, to, datagram);
        });
    }

    /// Sends what is to be sent, and does what follows from what happened.
    fn flush(&mut self) {
        while let Some(output) = self.endpoint.poll() {
            match output {
                Output::Transmit { to, from, contents } => self.socket.send(to, from, &contents),
                Output::Event(session, event) => self.take(session, event),
            }
        }
        self.socket.flush();
    }

    fn take(&mut self, session: SessionId, event: Event) {
        match event {
            Event::Connected => self.begin_watching(session),
            Event::Tracks(tracks) => {
                if let Some(publisher) = self.publishers.get_mut(&session) {
                    let tracks = tracks.tracks().iter().filter(|track| track.media.is_video());
                    publisher.videos = tracks.map(|track| track.id).collect();
                }
                self.publish(session, |publication| publication.tracks(tracks));
            }
            Event::Unit(unit) => self.publish_unit(session, unit),
            Event::KeyAsked => {
                let showing = self.viewers.get(&session);
                if let Some(watched) = showing.and_then(|showing| self.watched.get_mut(showing)) {
                    watched.ask_for_key(Instant::now());
                }
            }
            Event::Ended => self.forget(session),
        }
    }

    fn publish_unit(&mut self, session: SessionId, unit: MediaUnit) {
        let time = i64::try_from(unit.pts).unwrap_or(i64::MAX);
        let MediaUnit { track, key, data, .. } = unit;
        if let Some(publisher) = self.publishers.get_mut(&session)
            && key
            && publisher.videos.contains(&track)
        {
            publisher.key = Some(Instant::now());
        }
        let unit = SourceUnit { track, dts: time, pts: time, duration: 0, key, data };
        self.publish(session, |publication| publication.unit(unit));
    }

    fn publish(
        &mut self,
        session: SessionId,
        give: impl FnOnce(&mut Publication) -> Result<(), media::Ended>,
    ) {
        let Some(Publisher { publication: Some(publication), .. }) = self.publishers.get_mut(&session) else {
            return;
        };
        if give(publication).is_err() {
            self.close(session);
        }
    }

    fn begin_watching(&mut self, session: SessionId) {
        let Some(showing) = self.viewers.get(&session) else { return };
        let Some(watched) = self.watched.get_mut(showing) else { return };
        watched.begin(Instant::now(), &mut self.endpoint, session);
        if watched.waits_for_key() {
            watched.ask_for_key(Instant::now());
        }
    }

    fn answer(&mut self, asked: Asked) {
        let now = Instant::now();
        match asked {
            Asked::Publish { offer, answer } => {
                let begun = self.endpoint.publish(now, &offer).map(|(session, sdp)| {
                    self.publishers.insert(session, Publisher::default());
                    self.name(session, sdp)
                });
                let _ = answer.send(begun);
            }
            Asked::Attach { name, publication } => {
                let session = self.names.get(&name).copied();
                let publisher =
                    session.and_then(|session| Some((session, self.publishers.get_mut(&session)?)));
                if let Some((session, publisher)) = publisher {
                    let hearing = hear(publication.key_wanted(), session, self.keys.clone());
                    publisher.hearing = Some(tokio::spawn(hearing).abort_handle());
                    publisher.publication = Some(publication);
                }
            }
            Asked::Play { playback_id, watcher, offer, answer } => {
                let until = now + TRACKS;
                // Where nothing in order can be made for a viewer, it gets what there is.
                let takes = match fql_webrtc::offers(&offer, VideoCodec::H264) {
                    true => Takes::WEBRTC,
                    false => Takes::ANY_WEBRTC,
                };
                let showing = Showing { playback_id: playback_id.into(), takes };
                self.play(&showing, Waiting { offer, watcher, answer, until });
            }
            Asked::Trickle { name, fragment, answer } => {
                let session = self.names.get(&name).ok_or(fql_webrtc::TrickleError::NoSession);
                let _ = answer.send(session.and_then(|session| self.endpoint.trickle(*session, &fragment)));
            }
            Asked::Close { name, answer } => {
                let session = self.names.get(&name).copied();
                let _ = answer.send(session.is_some());
                if let Some(session) = session {
                    self.say_goodbye(session);
                }
            }
            Asked::Stop => {}
        }
    }

    fn name(&mut self, session: SessionId, answer: String) -> Begun {
        let name = random::secret("");
        self.names.insert(name.clone(), session);
        Begun { name, answer }
    }

    fn play(&mut self, showing: &Showing, waiting: Waiting) {
        if !self.watched.contains_key(showing) {
            let Showing { playback_id, takes } = showing;
            let Ok(subscription) = self.media.subscribe_as(playback_id, Subscribing::default(), *takes)
            else {
                let _ = waiting.answer.send(Err(NotPlayed::Offline));
                return;
            };
            let (stream, asker) = (subscription.entry().id.clone(), subscription.key_asker());
            let following = follow(subscription, showing.clone(), self.news.clone());
            let task = tokio::spawn(following).abort_handle();
            self.watched.insert(showing.clone(), Watched::new(stream, asker, task));
        }
        let Some(watched) = self.watched.get_mut(showing) else { return };
        watched.waiting.push(waiting);
        self.let_in(showing);
    }

    /// Answers those who wait for a stream, where its tracks are known.
    fn let_in(&mut self, showing: &Showing) {
        let now = Instant::now();
        let Some(watched) = self.watched.get_mut(showing) else { return };
        if watched.preparer.is_none() {
            return;
        }
        let plain = Showing { takes: Takes::PLAIN_WEBRTC, ..showing.clone() };
        for waiting in std::mem::take(&mut watched.waiting) {
            let Some(watched) = self.watched.get(showing) else { return };
            let Some(preparer) = &watched.preparer else { return };
            if *showing != plain && watched.codec.is_some_and(|codec| is_plain(&waiting.offer, codec)) {
                self.play(&plain, waiting);
                continue;
            }
            let played = match preparer.is_empty() {
                true => Err(self.no_track(showing)),
                false => self.endpoint.play(now, &waiting.offer, preparer).map_err(NotPlayed::from),
            };
            let begun =
                played.and_then(|(session, answer)| self.join(showing, session, waiting.watcher, answer));
            let _ = waiting.answer.send(begun);
        }
        self.drop_unwatched(showing);
    }

    /// Only now that its session has begun, somebody is a viewer, and told of as one.
    fn join(
        &mut self,
        showing: &Showing,
        session: SessionId,
        watcher: media::Watcher,
        answer: String,
    ) -> Result<Begun, NotPlayed> {
        let attendance = self.media.attend(&showing.playback_id, watcher).ok();
        let watched = self.watched.get_mut(showing);
        let Some((watched, attendance)) = watched.zip(attendance) else {
            // The stream was archived in between.
            self.endpoint.close(Instant::now(), session);
            return Err(NotPlayed::Offline);
        };
        watched.viewers.insert(session, attendance);
        self.viewers.insert(session, showing.clone());
        Ok(self.name(session, answer))
    }

    /// Why a stream has nothing that can be sent.
    fn no_track(&self, showing: &Showing) -> NotPlayed {
        let stream = self.watched.get(showing).map(|watched| watched.stream.as_str());
        let why = stream.and_then(|stream| self.media.unconverted(stream, showing.takes));
        why.map_or(NotPlayed::NoTrack, NotPlayed::Unconverted)
    }

    fn take_news(&mut self, (showing, news): News) {
        let Some(watched) = self.watched.get_mut(&showing) else { return };
        match news {
            Some(media::Watched::Unit(unit)) => watched.send(Instant::now(), &mut self.endpoint, &unit),
            Some(media::Watched::Tracks(tracks)) => {
                let over = watched.set_tracks(&tracks);
                over.into_iter().for_each(|viewer| self.close(viewer));
                self.let_in(&showing);
            }
            Some(media::Watched::Paused(_)) => watched.forget_past(),
            Some(media::Watched::Offline) => {}
            None => {
                let viewers: Vec<_> = watched.viewers.keys().copied().collect();
                viewers.into_iter().for_each(|viewer| self.close(viewer));
                self.watched.remove(&showing);
            }
        }
    }

    /// Ends what waits in vain, and what the hub has ended while nothing came.
    async fn sweep(&mut self) {
        let now = Instant::now();
        for watched in self.watched.values_mut() {
            for late in watched.waiting.extract_if(.., |waiting| waiting.until <= now) {
                let _ = late.answer.send(Err(NotPlayed::Offline));
            }
        }
        let unwatched = self.watched.iter().filter(|(_, watched)| watched.is_unwatched());
        let unwatched: Vec<_> = unwatched.map(|(showing, _)| showing.clone()).collect();
        unwatched.iter().for_each(|showing| self.drop_unwatched(showing));
        let waiting = self.watched.values_mut().filter(|watched| watched.waits_for_key());
        waiting.for_each(|watched| watched.ask_for_key(now));
        self.watched.values_mut().for_each(|watched| watched.ask_again(now));
        let late = self.publishers.iter().filter(|(_, publisher)| publisher.lacks_key(now));
        let late: Vec<_> = late.map(|(session, _)| *session).collect();
        late.into_iter().for_each(|session| self.endpoint.ask_for_key(now, session));
        let mut over = Vec::new();
        for (session, publisher) in &mut self.publishers {
            let Some(publication) = &mut publisher.publication else { continue };
            tokio::select! {
                biased;
                _ = publication.ended() => over.push(*session),
                () = future::ready(()) => {}
            }
        }
        over.into_iter().for_each(|session| self.close(session));
    }

    /// A client ends its session: a stream is offline at once.
    fn say_goodbye(&mut self, session: SessionId) {
        let publisher = self.publishers.get_mut(&session);
        if let Some(publication) = publisher.and_then(|publisher| publisher.publication.take()) {
            publication.end();
        }
        self.close(session);
    }

    fn close(&mut self, session: SessionId) {
        self.endpoint.close(Instant::now(), session);
        self.forget(session);
    }

    /// A publisher's stream waits for it to come back.
    fn forget(&mut self, session: SessionId) {
        self.names.retain(|_, named| *named != session);
        self.publishers.remove(&session);
        if let Some(showing) = self.viewers.remove(&session) {
            if let Some(watched) = self.watched.get_mut(&showing) {
                watched.viewers.remove(&session);
            }
            self.drop_unwatched(&showing);
        }
    }

    fn drop_unwatched(&mut self, showing: &Showing) {
        if self.watched.get(showing).is_some_and(Watched::is_unwatched) {
            self.watched.remove(showing);
        }
    }

    fn stop(&mut self) {
        let sessions: Vec<_> = self.publishers.keys().chain(self.viewers.keys()).copied().collect();
        sessions.into_iter().for_each(|session| self.close(session));
        self.flush();
    }
}

impl Publisher {
    /// Whether it is time for a key picture.
    fn lacks_key(&self, now: Instant) -> bool {
        let is_old = self.key.is_none_or(|key| now.saturating_duration_since(key) >= KEY_EVERY);
        !self.videos.is_empty() && is_old
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        if let Some(hearing) = &self.hearing {
            hearing.abort();
        }
    }
}

/// Whether a viewer offers no such pictures as a stream has, but those that others are converted to.
fn is_plain(offer: &str, codec: VideoCodec) -> bool {
    !fql_webrtc::offers(offer, codec) && fql_webrtc::offers(offer, VideoCodec::H264)
}

/// Passes on what a subscription gives. Where the task is behind, this waits, and the hub leaves out units.
async fn follow(mut subscription: Subscription, showing: Showing, news: mpsc::Sender<News>) {
    while let Some(watched) = subscription.next().await {
        if news.send((showing.clone(), Some(watched))).await.is_err() {
            return;
        }
    }
    let _ = news.send((showing, None)).await;
}

/// Passes on that somebody needs a key picture of a publisher.
async fn hear(wanted: KeyWanted, publisher: SessionId, keys: mpsc::Sender<SessionId>) {
    loop {
        wanted.next().await;
        if keys.send(publisher).await.is_err() {
            return;
        }
    }
}

async fn due(timeout: Option<Instant>) {
    match timeout {
        Some(at) => sleep_until(at.into()).await,
        None => future::pending().await,
    }
}
