//! One conversion: a thread that subscribes to a stream, converts one track, and gives what comes out to all who want it.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use fql_unit::encoded::{ENCODED_AUDIO_LAYERS, ENCODED_VIDEO_LAYERS};
use fql_unit::{Media, Track, TrackTable};
use metrics::{counter, gauge};

use super::Hub;
use super::maker::{Made, Maker};
use super::quiet::Quiet;
use super::registry::{Conversions, Key, Place};
use crate::media::crowd::{Crowd, NewSubscriber};
use crate::media::{MediaUnit, Payload, Subscription, Watched};

/// How long a conversion goes on when nobody watches any more: players come back, and pages are loaded again.
const LINGER: Duration = Duration::from_secs(2);
/// How often it is looked whether anybody does.
const LOOK: Duration = Duration::from_millis(500);
/// How far it may be behind the stream: what is older is of no use to those who watch live.
const MOST_BEHIND: Duration = Duration::from_secs(1);
/// The most bytes since the last key picture that are kept for those who come.
const MOST_BYTES: usize = 16 << 20;
/// Times that run further back than this, in nanoseconds, are of another clock.
const BACK: u64 = 1_000_000_000;
/// How long it is waited after a failure before the next try: twice as long each time.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// A conversion and those who watch it.
#[derive(Debug)]
pub struct Line {
    key: Key,
    state: Mutex<State>,
    /// Whether somebody who watches needs a key picture.
    asked: AtomicBool,
}

struct State {
    crowd: Crowd,
    /// Those who are about to subscribe.
    held: usize,
    /// Since when nobody watches.
    left: Instant,
    failure: Option<String>,
    /// What people call the track.
    name: String,
    /// How many units there were.
    number: u64,
    /// Whether something is missing before the next unit.
    discont: bool,
}

/// What the thread has.
struct Work {
    line: Arc<Line>,
    conversions: Arc<Conversions>,
    /// What the track is, while there is such a track.
    source: Option<Media>,
    running: Option<Running>,
    /// Its place among all conversions, also while the stream is paused.
    place: Option<Place>,
    retry: Retry,
    /// The latest time of a unit, in nanoseconds.
    latest: u64,
    quiet: Quiet,
}

/// A converter, and its part of the figures.
struct Running {
    maker: Maker,
    target: &'static str,
}

/// When the next try is.
struct Retry {
    at: Instant,
    wait: Duration,
}

impl Line {
    /// Begins, on a thread of its own.
    pub fn start(key: Key, (entry, inbox): Hub, conversions: Arc<Conversions>) -> Arc<Self> {
        let state = State {
            crowd: Crowd::default(),
            held: 0,
            left: Instant::now(),
            failure: None,
            name: String::new(),
            number: 0,
            discont: false,
        };
        let line = Arc::new(Self { key, state: Mutex::new(state), asked: AtomicBool::new(false) });
        let work = Work {
            line: Arc::clone(&line),
            conversions,
            source: None,
            running: None,
            place: None,
            retry: Retry { at: Instant::now(), wait: FIRST_RETRY },
            latest: 0,
            quiet: Quiet::default(),
        };
        let name = format!("convert-{}", line.key.2.name());
        let run = move || work.run(Subscription::of_hub(entry, inbox, MOST_BEHIND));
        if let Err(error) = thread::Builder::new().name(name).spawn(run) {
            line.fail(format!("no thread can be started: {error}"));
        }
        line
    }

    /// Somebody is about to subscribe: until then it does not end.
    pub fn hold(&self) {
        self.state().held += 1;
    }

    /// Whoever held it subscribes.
    pub fn subscribe(&self, new: NewSubscriber) {
        let mut state = self.state();
        state.held = state.held.saturating_sub(1);
        if state.failure.is_some() {
            // Nobody is to wait for what does not come.
            let _ = new.units.send(Watched::Tracks(Arc::default()));
        }
        state.crowd.subscribe(new);
    }

    /// A subscription is over.
    pub fn unsubscribe(&self, id: u64) {
        let mut state = self.state();
        state.crowd.unsubscribe(id);
        state.left = Instant::now();
    }

    /// Somebody who watches needs a key picture. However many say so, there is one, and no two within half a second.
    pub fn ask_for_key(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Why nothing comes, where that is so.
    pub fn failure(&self) -> Option<String> {
        self.state().failure.clone()
    }

    /// Whether nobody has watched for some time.
    pub fn is_idle(&self) -> bool {
        let state = self.state();
        state.held == 0 && state.crowd.is_empty() && state.left.elapsed() >= LINGER
    }

    /// Something came out of the converter.
    fn take(&self, made: Made) {
        match made {
            Made::Media(media) => {
                let mut state = self.state();
                state.failure = None;
                let layers = if media.is_video() { ENCODED_VIDEO_LAYERS } else { ENCODED_AUDIO_LAYERS };
                let track = Track { id: self.key.1, name: state.name.clone(), layers, media };
                if let Ok(table) = TrackTable::new(vec![track]) {
                    state.crowd.set_tracks(Arc::new(table));
                }
            }
            Made::Unit(unit) => {
                let mut state = self.state();
                let unit = MediaUnit {
                    track: self.key.1,
                    number: state.number,
                    dts: unit.pts,
                    composition: 0,
                    duration: unit.duration,
                    key: unit.key,
                    discont: std::mem::take(&mut state.discont),
                    payload: Payload::Whole(unit.data),
                };
                state.number += 1;
                state.crowd.give(&Arc::new(unit), MOST_BYTES);
            }
            Made::Failed(why) => self.fail(why),
        }
    }

    /// Nothing comes for now. The log is told once, however often it is tried.
    fn fail(&self, why: String) {
        let (stream, track, target) = &self.key;
        counter!("streamd_conversion_failures_total", "format" => target.name()).increment(1);
        let mut state = self.state();
        if state.failure.as_ref() != Some(&why) {
            tracing::warn!(stream, track, format = target.name(), %why, "a track cannot be converted");
        }
        state.failure = Some(why);
        state.crowd.set_tracks(Arc::default());
        state.crowd.tell(&Watched::Tracks(Arc::default()));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work {
    fn run(mut self, mut subscription: Subscription) {
        let mut looked = Instant::now();
        loop {
            match next_within(&mut subscription, LOOK) {
                Poll::Ready(Some(watched)) => self.take(watched),
                Poll::Ready(None) => break self.conversions.remove(&self.line.key),
                Poll::Pending => {}
            }
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.look();
                if self.conversions.end_if_idle(&self.line.key) {
                    break;
                }
            }
        }
        self.stop();
    }

    fn take(&mut self, watched: Watched) {
        match watched {
            Watched::Tracks(table) => {
                let track = table.get(self.line.key.1);
                let media = track.map(|track| track.media.clone());
                if self.source != media {
                    self.line.state().name = track.map_or_else(String::new, |track| track.name.clone());
                    self.stop();
                    self.source = media;
                    self.retry = Retry { at: Instant::now(), wait: FIRST_RETRY };
                }
            }
            Watched::Unit(unit) if unit.track == self.line.key.1 => self.push(&unit),
            Watched::Unit(unit) => self.go_on(unit.dts),
            Watched::Paused(is_paused) => {
                self.line.state().crowd.set_paused(is_paused);
                if is_paused {
                    // What it holds back would come out with what is after the pause. Its place it keeps: others
                    // who come meanwhile would have it not go on.
                    self.end();
                }
            }
            Watched::Offline => {
                if let Some(running) = &self.running {
                    running.maker.finish();
                }
                self.stop();
                self.line.state().crowd.tell(&Watched::Offline);
            }
        }
    }

    fn push(&mut self, unit: &MediaUnit) {
        // Another publisher's clock may begin anew, and encoders take no times that run back.
        if unit.pts().saturating_add(BACK) < self.latest {
            self.stop();
            self.latest = 0;
        }
        self.latest = self.latest.max(unit.pts());
        if self.running.is_none() && self.retry.at <= Instant::now() {
            self.start();
        }
        let Some(running) = &mut self.running else { return };
        if self.line.asked.swap(false, Ordering::Relaxed) {
            running.maker.ask_for_key();
        }
        self.quiet.came(unit.pts(), unit.duration);
        if let Err(why) = running.maker.push(unit) {
            self.fail(why);
        }
    }

    /// Other tracks of the stream go on.
    fn go_on(&mut self, time: u64) {
        let silent = self.quiet.goes_on(time);
        if let (Some(until), Some(running)) = (silent, &mut self.running)
            && let Err(why) = running.maker.fill(until)
        {
            self.fail(why);
        }
    }

    fn start(&mut self) {
        let Some(source) = &self.source else { return };
        let (stream, track, target) = &self.line.key;
        let line = Arc::clone(&self.line);
        let place = self.place.take().map_or_else(|| self.conversions.place(), Ok);
        let started = place.and_then(|place| {
            let out = move |made| line.take(made);
            let maker = Maker::new(source, *target, &self.conversions.config, out)?;
            Ok((place, Running { maker, target: target.name() }))
        });
        match started {
            Ok((place, running)) => {
                let format = running.target;
                tracing::info!(
                    stream,
                    track,
                    format,
                    encoder = running.maker.encoder(),
                    "a track is converted"
                );
                counter!("streamd_conversions_started_total", "format" => format).increment(1);
                gauge!("streamd_conversions", "format" => format).increment(1.0);
                self.line.state().discont = true;
                (self.place, self.running) = (Some(place), Some(running));
            }
            Err(why) => self.fail(why),
        }
    }

    fn fail(&mut self, why: String) {
        self.stop();
        self.line.fail(why);
        let Retry { at, wait } = &mut self.retry;
        *at = Instant::now() + *wait;
        *wait = (*wait * 2).min(LAST_RETRY);
    }

    /// Takes figures.
    fn look(&self) {
        if let Some(Running { maker, target, .. }) = &self.running {
            counter!("streamd_conversion_units_dropped_total", "format" => *target)
                .increment(maker.newly_dropped());
        }
    }

    /// Gives up the converter and its place.
    fn stop(&mut self) {
        self.end();
        self.place = None;
    }

    fn end(&mut self) {
        self.quiet = Quiet::default();
        if self.running.take().is_some() {
            self.tell_end();
        }
    }

    fn tell_end(&self) {
        let (stream, track, target) = &self.line.key;
        tracing::info!(stream, track, format = target.name(), "a track is not converted any more");
    }
}

/// What comes next, where it comes in time. The thread waits by itself: it may outlive the runtime.
fn next_within(subscription: &mut Subscription, longest: Duration) -> Poll<Option<Watched>> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let until = Instant::now() + longest;
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut next = pin!(subscription.next());
    loop {
        let polled = next.as_mut().poll(&mut Context::from_waker(&waker));
        let left = until.saturating_duration_since(Instant::now());
        if polled.is_ready() || left.is_zero() {
            return polled;
        }
        thread::park_timeout(left);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        gauge!("streamd_conversions", "format" => self.target).decrement(1.0);
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("failure", &self.failure)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
