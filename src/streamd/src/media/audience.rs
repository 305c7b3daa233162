//! Those who take whole units of a stream, on the thread that owns it. Units are put together while there is anybody, once
//! for all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fql_transport::{Collected, Item, Time, Units};
use fql_unit::encoded::Chain;
use fql_unit::{Media, Timing, TrackTable, Unit};

use super::crowd::{Crowd, NewSubscriber};
use super::subscription::{MediaUnit, Payload, Watched};

/// All subscriptions of a stream.
pub struct Audience {
    latency: Duration,
    /// Only while there are subscriptions.
    units: Option<Units>,
    lines: BTreeMap<u8, Line>,
    crowd: Crowd,
}

/// What has come of a track.
struct Line {
    /// Of encoded tracks.
    chain: Option<Chain>,
    /// Of tracks in layers: whether there was a unit to begin with.
    has_begun: bool,
}

impl Audience {
    /// Nobody. Of units that come in parts the rest is waited for no longer than this.
    pub fn new(latency: Duration) -> Self {
        Self { latency, units: None, lines: BTreeMap::new(), crowd: Crowd::default() }
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.crowd.is_empty()
    }

    /// Takes a subscription; `joined` gives what the stream has for those that join.
    pub fn subscribe(
        &mut self,
        now: Time,
        new: NewSubscriber,
        most: usize,
        joined: impl FnOnce() -> Vec<Item>,
    ) {
        if self.units.is_none() {
            self.units = Some(Units::new(self.latency));
            for item in joined() {
                self.push(now, &item);
            }
            self.pump(now, most);
        }
        self.crowd.subscribe(new);
    }

    /// A subscription is over. With the last one all that is held is given up.
    pub fn unsubscribe(&mut self, id: u64) {
        self.crowd.unsubscribe(id);
        if self.crowd.is_empty() {
            *self = Self::new(self.latency);
        }
    }

    /// Takes an item of the fan-out.
    pub fn push(&mut self, now: Time, item: &Item) {
        if let Some(units) = &mut self.units {
            units.push(now, item);
        }
    }

    /// Gives what there is to everybody. No more than `most` bytes are kept for those that come.
    pub fn pump(&mut self, now: Time, most: usize) {
        while let Some(collected) = self.units.as_mut().and_then(|units| units.poll(now)) {
            match collected {
                Collected::Tracks(tracks) => self.set_tracks(tracks),
                Collected::Unit { track, number, timing, unit, lost } => {
                    if let Some(unit) = self.take(track, number, timing, unit, lost) {
                        self.crowd.give(&Arc::new(unit), most);
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether anybody waits for a key unit of a video track.
    pub fn awaits_key(&self) -> bool {
        self.crowd.awaits_key()
    }

    /// All subscriptions are over.
    pub fn end(&mut self) {
        *self = Self::new(self.latency);
    }

    /// The stream is paused, or goes on.
    pub fn set_paused(&mut self, is_paused: bool) {
        self.crowd.set_paused(is_paused);
    }

    /// Nobody publishes any more.
    pub fn tell_offline(&self) {
        self.crowd.tell(&Watched::Offline);
    }

    /// When [`Audience::pump`] has something to do, whatever comes.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.units.as_ref()?.poll_timeout()
    }

    fn set_tracks(&mut self, tracks: Arc<TrackTable>) {
        let before = self.crowd.set_tracks(Arc::clone(&tracks));
        self.lines.retain(|&id, _| tracks.get(id).is_some() && tracks.get(id) == before.get(id));
    }

    /// What a unit is for those who take whole ones; none where it is of no use.
    fn take(&mut self, track: u8, number: u64, timing: Timing, unit: Unit, lost: u64) -> Option<MediaUnit> {
        let media = &self.crowd.tracks().get(track)?.media;
        let line =
            self.lines.entry(track).or_insert_with(|| Line { chain: Chain::of(media), has_begun: false });
        let Timing { pts: dts, duration } = timing;
        let (key, discont) = (unit.flags.key, unit.flags.discont || lost > 0);
        let whole = MediaUnit {
            track,
            number,
            dts,
            composition: 0,
            duration,
            key,
            discont,
            payload: Payload::Whole(bytes::Bytes::new()),
        };
        if let Some(chain) = &mut line.chain {
            let usable = chain.take(&unit, lost, dts)?;
            let composition = usable.composition.unwrap_or(0);
            let discont = unit.flags.discont || usable.follows_gap;
            return Some(MediaUnit { composition, discont, payload: Payload::Whole(usable.data), ..whole });
        }
        if let Media::Data(_) = media {
            let segment = unit.segment(0, 0).filter(|segment| segment.is_complete())?;
            return Some(MediaUnit { payload: Payload::Whole(segment.data().clone()), ..whole });
        }
        line.has_begun |= key || !media.is_video();
        line.has_begun.then_some(MediaUnit { payload: Payload::Layered(unit), ..whole })
    }
}
