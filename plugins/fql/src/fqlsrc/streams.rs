//! The source pads of `fqlsrc`, one for each track, and how they follow the sender's track table.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use fql_unit::encoded::Chain;
use fql_unit::{Media, Track, TrackTable, Unit};
use gst::glib;
use gst::prelude::*;

use super::feed::{Feed, OnFlow};
use crate::{caps, kinds, utc};

/// Gap events for a silent track tell of so much at least.
const SILENCE: gst::ClockTime = gst::ClockTime::from_mseconds(500);

/// A track and its pad.
struct Stream {
    track: Track,
    pad: gst::Pad,
    feed: Arc<Feed>,
    thread: Option<JoinHandle<()>>,
    about: gst::Stream,
    /// What has arrived of a track that another encoder made.
    chain: Option<Chain>,
    /// Where the last unit ended, in running time.
    end: Option<gst::ClockTime>,
    /// Caps (and tags) that each hold from the next unit on that follows a break, and until when that is waited for.
    coming: VecDeque<(Vec<gst::Event>, gst::ClockTime)>,
    /// Whether pictures come in another order than they are shown in.
    reorders: bool,
    ended: bool,
}

/// All tracks and their pads.
#[derive(Default)]
pub struct Streams {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    streams: Vec<Stream>,
    /// Threads of pads that are going.
    going: Vec<JoinHandle<()>>,
    group: Option<gst::GroupId>,
    upstream_id: String,
    /// How long the units of one track may come after those of another with the same time.
    patience: gst::ClockTime,
}

/// The times of a buffer.
struct When {
    /// When it is presented; with a composition time, when it is decoded.
    time: gst::ClockTime,
    duration: Option<gst::ClockTime>,
    /// How much later it is presented than decoded, in nanoseconds.
    composition: Option<i64>,
    /// The same as `time`, in nanoseconds since 1970.
    utc: Option<u64>,
}

/// One unit and what is known of it.
pub struct Arrival {
    /// Its track.
    pub track: u8,
    /// The unit.
    pub unit: Unit,
    /// When it was captured (or, where it has a time for that, decoded), in running time.
    pub pts: gst::ClockTime,
    /// How long it lasts, where that is known.
    pub duration: Option<gst::ClockTime>,
    /// The same as `pts`, in nanoseconds of UTC since 1970, where the sender says so.
    pub utc: Option<u64>,
    /// How many units before it are lost.
    pub lost: u64,
}

/// What the pads need of their element.
pub trait Owner: Send + Sync + 'static {
    /// The element.
    fn element(&self) -> Option<gst::Element>;
    /// A new pad with this name of the template `video_%u`, `audio_%u` or `data_%u`.
    fn make_pad(&self, template: &str, name: &str) -> Option<gst::Pad>;
    /// How downstream took a buffer; `false` where nothing more is to be pushed.
    fn flow(&self, pad: &gst::Pad, result: Result<gst::FlowSuccess, gst::FlowError>) -> bool;
    /// A pad is gone.
    fn removed(&self, pad: &gst::Pad);
}

impl Streams {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins anew, for a stream that comes to this address with this latency.
    pub fn start(&self, uri: &str, latency: gst::ClockTime) {
        let id = glib::compute_checksum_for_string(glib::ChecksumType::Sha256, uri);
        let mut state = self.lock();
        state.group = Some(gst::GroupId::next());
        state.patience = latency.max(SILENCE);
        state.upstream_id = id.map(|id| id.to_string()).unwrap_or_default();
    }

    /// Follows the sender's tracks: pads of tracks that stay are kept, with new caps where these changed; others go
    /// after an end of stream; new ones come. Gives the collection of all.
    pub fn follow<O: Owner>(&self, table: &TrackTable, owner: &Arc<O>) -> Option<gst::StreamCollection> {
        self.remove_others(table, owner);
        let new: Vec<Track> = {
            let mut state = self.lock();
            let (known, new): (Vec<_>, Vec<_>) =
                table.tracks().iter().partition(|track| state.streams.iter().any(|s| s.track.id == track.id));
            known.into_iter().for_each(|track| state.update(track));
            new.into_iter().cloned().collect()
        };
        let mut added = Vec::new();
        for track in new {
            added.extend(self.prepare(track, owner));
        }
        let collection = self.lock().collection();
        for (id, pad) in added {
            self.begin_pad(id, &pad, &collection, owner);
        }
        Some(collection)
    }

    /// Tracks that are not in the table any more, or have become another kind of track.
    fn remove_others<O: Owner>(&self, table: &TrackTable, owner: &Arc<O>) {
        let mut state = self.lock();
        let stays = |stream: &Stream| {
            table
                .get(stream.track.id)
                .is_some_and(|track| kinds::name(&track.media) == kinds::name(&stream.track.media))
        };
        let (stay, go): (Vec<_>, Vec<_>) = state.streams.drain(..).partition(stays);
        state.streams = stay;
        state.going.retain(|thread| !thread.is_finished());
        for mut stream in go {
            stream.push_eos();
            stream.feed.close_when_empty();
            match stream.thread.take() {
                // Its thread removes the pad when all is pushed.
                Some(thread) => state.going.push(thread),
                None => owner.removed(&stream.pad),
            }
        }
    }

    /// A pad for a new track, with its first events stored.
    fn prepare<O: Owner>(&self, track: Track, owner: &Arc<O>) -> Option<(u8, gst::Pad)> {
        let kind = kinds::name(&track.media);
        let element = owner.element()?;
        let name = (0..).map(|n| format!("{kind}_{n}")).find(|name| self.is_free(name, &element))?;
        let pad = owner.make_pad(&format!("{kind}_%u"), &name)?;
        let mut state = self.lock();
        let about = kinds::stream(&state.upstream_id, &track);
        let id = track.id;
        let feed = Arc::new(Feed::default());
        let stream = Stream {
            chain: Chain::of(&track.media),
            track,
            pad: pad.clone(),
            feed,
            thread: None,
            about,
            end: None,
            coming: VecDeque::new(),
            reorders: false,
            ended: false,
        };
        state.streams.push(stream);
        Some((id, pad))
    }

    /// Whether no pad has this name, also none of those that are made and not yet added.
    fn is_free(&self, name: &str, element: &gst::Element) -> bool {
        element.static_pad(name).is_none()
            && self.lock().streams.iter().all(|stream| stream.pad.name() != name)
    }

    /// Adds a pad to the element and starts its thread.
    fn begin_pad<O: Owner>(
        &self,
        id: u8,
        pad: &gst::Pad,
        collection: &gst::StreamCollection,
        owner: &Arc<O>,
    ) {
        let Some(element) = owner.element() else { return };
        let (events, feed) = {
            let state = self.lock();
            let Some(stream) = state.streams.iter().find(|stream| stream.track.id == id) else { return };
            (stream.first_events(state.group, collection), stream.feed.clone())
        };
        // Fails for pads that are not active only.
        let _ = pad.set_active(true);
        for event in &events {
            let _ = pad.store_sticky_event(event);
        }
        // Whoever links the pad does so now, without this object's lock.
        if element.add_pad(pad).is_err() {
            return;
        }
        feed.set_discont();
        for event in events {
            feed.push_event(event);
        }
        let (for_flow, for_end) = (owner.clone(), owner.clone());
        let on_flow: OnFlow = Box::new(move |pad, result| for_flow.flow(pad, result));
        let thread = feed.spawn(pad.clone(), on_flow, move |pad| for_end.removed(pad));
        let mut state = self.lock();
        if let Some(stream) = state.streams.iter_mut().find(|stream| stream.track.id == id) {
            stream.thread = thread.ok();
        }
    }

    /// A session began: what follows has no connection with what came before, and ended streams begin anew.
    pub fn renew(&self) {
        let mut ended = Vec::new();
        {
            let mut state = self.lock();
            let collection = state.collection();
            let group = state.group;
            for stream in &mut state.streams {
                stream.restart();
                if std::mem::take(&mut stream.ended) {
                    let events = stream.first_events(group, &collection);
                    ended.push((stream.pad.clone(), stream.feed.clone(), events));
                }
            }
        }
        for (pad, feed, events) in ended {
            // What has seen its end takes nothing more before a flush.
            feed.set_flushing(true);
            pad.push_event(gst::event::FlushStart::new());
            pad.push_event(gst::event::FlushStop::new(false));
            feed.set_flushing(false);
            events.into_iter().for_each(|event| feed.push_event(event));
        }
    }

    /// Queues a unit on its pad, after a gap event where units before it are lost. Tracks that have been silent for
    /// long get gap events too, so that nobody waits for them.
    pub fn push(&self, arrival: Arrival) {
        let mut state = self.lock();
        if let Some(silent_until) = arrival.pts.checked_sub(state.patience) {
            let others = state.streams.iter_mut().filter(|stream| stream.track.id != arrival.track);
            others.for_each(|stream| stream.bridge(silent_until));
        }
        let Some(stream) = state.streams.iter_mut().find(|stream| stream.track.id == arrival.track) else {
            return;
        };
        if !stream.ended {
            stream.push(arrival);
        }
    }

    /// The end of all streams.
    pub fn push_eos(&self) {
        self.lock().streams.iter_mut().for_each(Stream::push_eos);
    }

    /// What comes next follows a gap.
    pub fn set_discont(&self) {
        self.lock().streams.iter_mut().for_each(Stream::restart);
    }

    /// Drops what is queued, pushes a flush through all pads, and lets data in again after its stop.
    pub fn flush(&self, event: &gst::Event) {
        let starts = event.type_() == gst::EventType::FlushStart;
        let pads: Vec<_> = self.lock().streams.iter().map(|s| (s.pad.clone(), s.feed.clone())).collect();
        for (pad, feed) in pads {
            if starts {
                feed.set_flushing(true);
                pad.push_event(event.clone());
            } else {
                pad.push_event(event.clone());
                feed.set_flushing(false);
                feed.push_event(segment());
            }
        }
    }

    /// How many buffers were dropped because downstream did not take them.
    pub fn dropped(&self) -> u64 {
        self.lock().streams.iter().map(|stream| stream.feed.dropped()).sum()
    }

    /// Ends all threads as soon as they come back from downstream. No pad must be added any more.
    pub fn close(&self) {
        self.lock().streams.iter().for_each(|stream| stream.feed.close());
    }

    /// Waits for the threads, whose pads are not active any more, and so removes the pads.
    pub fn join<O: Owner>(&self, owner: &Arc<O>) {
        let state = std::mem::take(&mut *self.lock());
        for stream in state.streams {
            match stream.thread {
                // A panic in it was reported by then.
                Some(thread) => drop(thread.join()),
                None => owner.removed(&stream.pad),
            }
        }
        state.going.into_iter().for_each(|thread| drop(thread.join()));
    }
}

impl State {
    /// A track that is there already may have got other caps. Units from before may still be under way: those from
    /// after begin with a break.
    fn update(&mut self, track: &Track) {
        let patience = self.patience + SILENCE;
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.track.id == track.id) else { return };
        if stream.track == *track {
            return;
        }
        let caps = caps::of_media(&track.media, track.layers);
        stream.about.set_caps(Some(&caps));
        let events = [gst::event::Caps::new(&caps)]
            .into_iter()
            .chain(kinds::tags(track, Some(&stream.track)))
            .collect();
        match stream.end {
            Some(end) => stream.coming.push_back((events, end + patience)),
            None => events.into_iter().for_each(|event| stream.feed.push_event(event)),
        }
        let is_same_codec =
            std::mem::discriminant(&stream.track.media) == std::mem::discriminant(&track.media);
        if !is_same_codec {
            stream.chain = Chain::of(&track.media);
        }
        stream.track = track.clone();
    }

    fn collection(&self) -> gst::StreamCollection {
        let streams = self.streams.iter().map(|stream| stream.about.clone());
        gst::StreamCollection::builder(Some(&self.upstream_id)).streams(streams).build()
    }
}

impl Stream {
    /// The events that a stream begins with.
    fn first_events(
        &self,
        group: Option<gst::GroupId>,
        collection: &gst::StreamCollection,
    ) -> Vec<gst::Event> {
        let id = self.about.stream_id().unwrap_or_default();
        let start = gst::event::StreamStart::builder(&id)
            .stream(self.about.clone())
            .flags(kinds::flags(&self.track.media));
        let start = match group {
            Some(group) => start.group_id(group),
            None => start,
        };
        let mut events = vec![
            start.build(),
            gst::event::Caps::new(&caps::of_media(&self.track.media, self.track.layers)),
            segment(),
            gst::event::StreamCollection::new(collection),
        ];
        events.extend(kinds::tags(&self.track, None));
        events
    }

    fn push(&mut self, arrival: Arrival) {
        let Arrival { unit, pts, duration, utc, lost, .. } = arrival;
        if self.coming.front().is_some_and(|(_, until)| unit.flags.discont || pts > *until) {
            self.take_caps();
        }
        let is_video = self.track.media.is_video();
        if let Some(chain) = &mut self.chain {
            if self.reorders && self.feed.resume() {
                chain.forget(pts.nseconds());
            }
            let Some(usable) = chain.take(&unit, lost, pts.nseconds()) else { return };
            // A gap event would make a decoder of video forget the pictures that others are predicted from.
            match (usable.follows_gap, is_video) {
                (true, true) => self.feed.set_discont(),
                (true, false) => self.push_gap(pts),
                _ => (),
            }
            let when = When { time: pts, duration, composition: usable.composition, utc };
            self.push_buffer(usable.data.into(), &unit, &when);
            self.reorders |= is_video && usable.composition.is_some_and(|composition| composition != 0);
            if self.reorders {
                self.feed.may_hold_back();
            }
            return;
        }
        if lost > 0 {
            self.push_gap(pts);
        }
        let data = match self.track.media {
            Media::Data(_) => unit.segment(0, 0).filter(|s| s.is_complete()).map(|s| s.data().to_vec()),
            _ => Some(unit.to_bytes()),
        };
        match data {
            Some(data) => {
                self.push_buffer(data, &unit, &When { time: pts, duration, composition: None, utc });
            }
            // Data is whole or of no use.
            None => self.end = Some(pts + duration.unwrap_or_default()),
        }
    }

    fn push_buffer(&mut self, data: Vec<u8>, unit: &Unit, when: &When) {
        let &When { time, duration, composition, utc } = when;
        self.end = Some(time + duration.unwrap_or_default());
        let mut buffer = gst::Buffer::from_mut_slice(data);
        if let Some(buffer) = buffer.get_mut() {
            let presented = time.nseconds().saturating_add_signed(composition.unwrap_or_default());
            buffer.set_pts(gst::ClockTime::from_nseconds(presented));
            buffer.set_dts(composition.map(|_| time));
            buffer.set_duration(duration);
            if let Some(utc) = utc.and_then(|utc| utc::moved(utc, composition.unwrap_or_default())) {
                utc::attach(buffer, utc, duration);
            }
            if !unit.flags.key {
                buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
            }
            if unit.flags.discont {
                buffer.set_flags(gst::BufferFlags::DISCONT);
            }
        }
        self.feed.push_buffer(buffer);
    }

    fn take_caps(&mut self) {
        if let Some((events, _)) = self.coming.pop_front() {
            events.into_iter().for_each(|event| self.feed.push_event(event));
        }
    }

    /// What follows has no connection with what came before.
    fn restart(&mut self) {
        while !self.coming.is_empty() {
            self.take_caps();
        }
        self.feed.set_discont();
        // Whatever the decoder was told is of no account any more.
        self.feed.resume();
        (self.end, self.reorders) = (None, false);
        if let Some(chain) = &mut self.chain {
            chain.restart();
        }
    }

    /// Pushes a gap event up to here if the stream has been silent for that long.
    fn bridge(&mut self, until: gst::ClockTime) {
        let end = *self.end.get_or_insert(until);
        if !self.ended && until > end + SILENCE {
            self.push_gap(until);
            self.end = Some(until);
        }
    }

    fn push_gap(&self, until: gst::ClockTime) {
        match self.end.and_then(|end| until.checked_sub(end).map(|gap| (end, gap))) {
            Some((end, gap)) if !gap.is_zero() => {
                self.feed.push_event(gst::event::Gap::builder(end).duration(gap).build());
            }
            _ => self.feed.set_discont(),
        }
    }

    fn push_eos(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.feed.push_event(gst::event::Eos::new());
        }
    }
}

/// The segment of every stream: times of buffers are running times.
pub(super) fn segment() -> gst::Event {
    gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new())
}
