//! One subscription to a stream with tracks that are converted: what passes as it is, and what comes of the conversions.

use std::collections::{BTreeSet, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use fql_unit::{Media, Track, TrackTable, VideoCodec};
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep_until};

use super::Hub;
use super::line::Line;
use super::order::Order;
use super::registry::Conversions;
use super::takes::{Plan, Takes, Target};
use crate::media::crowd::{Behind, NewSubscriber, Subscriber};
use crate::media::{MediaUnit, Subscription, Watched};

/// How far it may be behind what it puts together: it takes all there is at once.
const MOST_BEHIND: Duration = Duration::from_secs(5);
/// How long tracks have to begin before those that have are given without the others.
const BEGIN: Duration = Duration::from_secs(5);
/// How long conversions have to end after the stream.
const END: Duration = Duration::from_secs(2);
/// The most that is kept of what passes until the conversions beside it have begun.
const MOST_HELD: usize = 2048;
const MOST_HELD_BYTES: usize = 16 << 20;

/// What puts a subscription together.
pub struct Joint {
    hub: Hub,
    takes: Takes,
    conversions: Arc<Conversions>,
    original: Subscription,
    /// Whom it is for.
    out: Subscriber,
    /// Tells that they need a key picture.
    key_wanted: Arc<Notify>,
    /// The tracks of the stream as it is.
    source: Arc<TrackTable>,
    plan: Plan,
    order: Order,
    /// Those of which pictures come in another order than that in which they are shown, where that is not taken.
    reordered: BTreeSet<u8>,
    parts: Vec<Part>,
    /// What was told of tracks.
    told: Option<Arc<TrackTable>>,
    /// What came before it was told of, or while it begins anew.
    held: VecDeque<Arc<MediaUnit>>,
    held_bytes: usize,
    /// Until when tracks have time to begin, or to end.
    begin: Option<Instant>,
    end: Option<Instant>,
}

/// One conversion that it takes part in.
struct Part {
    track: u8,
    target: Target,
    line: Arc<Line>,
    id: u64,
    units: UnboundedReceiver<Watched>,
    behind: Arc<Behind>,
    /// What comes of it: none while it has not begun, `Some(None)` where nothing does.
    made: Option<Option<Track>>,
    has_ended: bool,
}

impl Joint {
    pub fn new(
        hub: Hub,
        takes: Takes,
        conversions: Arc<Conversions>,
        out: Subscriber,
        key_wanted: Arc<Notify>,
    ) -> Self {
        let original = Subscription::of_hub(hub.0.clone(), hub.1.clone(), MOST_BEHIND);
        Self {
            hub,
            takes,
            conversions,
            original,
            out,
            key_wanted,
            source: Arc::default(),
            plan: Plan::default(),
            order: Order::default(),
            reordered: BTreeSet::new(),
            parts: Vec::new(),
            told: None,
            held: VecDeque::new(),
            held_bytes: 0,
            begin: None,
            end: None,
        }
    }

    /// Until the stream is archived, or nobody takes anything any more.
    pub async fn run(mut self) {
        while !self.out.is_gone() {
            let due = self.begin.into_iter().chain(self.end).min();
            tokio::select! {
                watched = self.original.next() => match watched {
                    Some(watched) => self.take(watched),
                    None => return,
                },
                (number, watched) = next_of(&mut self.parts) => self.take_part(number, watched),
                () = self.key_wanted.notified() => self.ask_for_key(),
                () = at(due) => self.go_on_without(),
            }
        }
    }

    /// Asks those who make the pictures that it gives: the publisher, where one passes, and the encoder of one that is
    /// converted.
    fn ask_for_key(&self) {
        let is_video = |id: u8| self.source.get(id).is_some_and(|track| track.media.is_video());
        if self.plan.passing.iter().copied().any(is_video) {
            self.original.ask_for_key();
        }
        self.parts.iter().filter(|part| part.target.is_video()).for_each(|part| part.line.ask_for_key());
    }

    /// What the stream gives.
    fn take(&mut self, watched: Watched) {
        match watched {
            Watched::Tracks(table) => {
                if table != self.source {
                    (self.order, self.reordered) = (Order::default(), BTreeSet::new());
                }
                self.set_source(table);
            }
            Watched::Unit(unit) if !self.plan.passing.contains(&unit.track) => {}
            Watched::Unit(unit) if self.is_out_of_order(&unit) => {
                // From here on its pictures are converted.
                self.reordered.insert(unit.track);
                self.set_source(Arc::clone(&self.source));
            }
            Watched::Unit(unit) => self.give(unit),
            Watched::Paused(is_paused) => {
                self.held.clear();
                self.held_bytes = 0;
                self.out.send(Watched::Paused(is_paused));
            }
            Watched::Offline => {
                self.end = Some(Instant::now() + END);
                self.tell_end();
            }
        }
    }

    /// Whether a picture shows that the track cannot pass as it is. Of other codecs than the one that it is converted to
    /// it passes all the same: those who agreed on such a codec could not go on with another one.
    fn is_out_of_order(&mut self, unit: &MediaUnit) -> bool {
        let is_h264 = |track: &Track| match &track.media {
            Media::EncodedVideo(info) => info.codec == VideoCodec::H264,
            _ => false,
        };
        let may_be = !self.takes.any_order && !self.reordered.contains(&unit.track);
        may_be
            && self.source.get(unit.track).is_some_and(is_h264)
            && self.order.is_broken_by(unit.track, unit.pts(), unit.key)
    }

    fn set_source(&mut self, table: Arc<TrackTable>) {
        self.plan = self.conversions.plan(&table, self.takes, &self.reordered);
        self.source = table;
        let wanted = &self.plan.converted;
        self.parts.retain(|part| wanted.contains(&(part.track, part.target)));
        for &(track, target) in wanted {
            if !self.parts.iter().any(|part| part.track == track) {
                let line = self.conversions.line(&self.hub, track, target);
                self.parts.push(Part::new(line, track, target));
            }
        }
        self.begin = Some(Instant::now() + BEGIN);
        self.announce();
    }

    /// What a conversion gives.
    fn take_part(&mut self, number: usize, watched: Option<Watched>) {
        let part = &mut self.parts[number];
        match watched {
            Some(Watched::Tracks(table)) => {
                let (track, made) = (part.track, table.get(part.track).cloned());
                let is_in_vain = made.is_none();
                part.made = Some(made);
                if is_in_vain && self.reordered.remove(&track) {
                    // Nothing is made of it: pictures out of order are better than none.
                    self.order.give_up(track);
                    return self.set_source(Arc::clone(&self.source));
                }
                self.announce();
            }
            Some(Watched::Unit(unit)) => {
                part.behind.taken(&unit);
                part.has_ended = false;
                self.give(unit);
            }
            // The stream itself says so, too.
            Some(Watched::Paused(_)) => {}
            Some(Watched::Offline) => {
                part.has_ended = true;
                self.tell_end();
            }
            None => {
                // It cannot go on: what comes next of the stream begins a new one.
                self.parts.remove(number);
                self.announce();
            }
        }
    }

    /// Tells of the tracks that there are, once all have begun.
    fn announce(&mut self) {
        let is_waiting = self.parts.iter().any(|part| part.made.is_none());
        if !is_waiting {
            self.begin = None;
        } else if self.begin.is_some() {
            return;
        }
        let made = |id: u8| {
            let part = self.parts.iter().find(|part| part.track == id)?;
            part.made.clone().flatten()
        };
        let pass = |track: &Track| self.plan.passing.contains(&track.id).then(|| track.clone());
        let tracks = self.source.tracks().iter();
        let tracks: Vec<Track> = tracks.filter_map(|track| pass(track).or_else(|| made(track.id))).collect();
        let Ok(table) = TrackTable::new(tracks) else { return };
        if self.told.as_deref() != Some(&table) {
            let table = Arc::new(table);
            self.out.set_tracks(&table);
            self.told = Some(table);
        }
        self.held_bytes = 0;
        for unit in std::mem::take(&mut self.held) {
            self.out.give(&unit);
        }
    }

    fn give(&mut self, unit: Arc<MediaUnit>) {
        if self.goes_on(unit.track) {
            return self.out.give(&unit);
        }
        self.held_bytes += unit.len();
        self.held.push_back(unit);
        if self.held.len() > MOST_HELD || self.held_bytes > MOST_HELD_BYTES {
            // Pictures go on with the next key picture.
            self.held.clear();
            self.held_bytes = 0;
        }
    }

    /// Whether units of a track need not wait: it was told of, and nothing changes about it where others have to begin.
    fn goes_on(&self, track: u8) -> bool {
        let Some(told) = self.told.as_ref().and_then(|told| told.get(track)) else { return false };
        let is_unchanged = || {
            self.plan.passing.contains(&track)
                && self.source.get(track) == Some(told)
                && !self.held.iter().any(|unit| unit.track == track)
        };
        self.begin.is_none() || is_unchanged()
    }

    /// What has not begun, or not ended, has had its time.
    fn go_on_without(&mut self) {
        let now = Instant::now();
        if self.begin.take_if(|begin| *begin <= now).is_some() {
            self.announce();
        }
        if self.end.is_some_and(|end| end <= now) {
            self.parts.iter_mut().for_each(|part| part.has_ended = true);
            self.tell_end();
        }
    }

    /// Tells of the end of the stream, once all conversions have ended, too.
    fn tell_end(&mut self) {
        if self.end.is_some() && self.parts.iter().all(|part| part.has_ended) {
            self.end = None;
            self.out.send(Watched::Offline);
        }
    }
}

impl Part {
    fn new(line: Arc<Line>, track: u8, target: Target) -> Self {
        let (new, units) = NewSubscriber::new(MOST_BEHIND);
        let (id, behind) = (new.id, Arc::clone(&new.behind));
        line.subscribe(new);
        Self { track, target, line, id, units, behind, made: None, has_ended: false }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.line.unsubscribe(self.id);
    }
}

/// What comes next of any part; never, where there is none.
async fn next_of(parts: &mut [Part]) -> (usize, Option<Watched>) {
    poll_fn(|context| {
        for (number, part) in parts.iter_mut().enumerate() {
            if let Poll::Ready(watched) = part.units.poll_recv(context) {
                return Poll::Ready((number, watched));
            }
        }
        Poll::Pending
    })
    .await
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
