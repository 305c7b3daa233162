//! Congestion control: the rate that the way to a receiver carries, from what the receiver reports.
//!
//! What it watches is the **queue** on the way and the **rate that comes out** of it, not loss: a radio link that loses
//! a tenth of all datagrams at random is not full, and one whose queue grows is. Its parts are published ones:
//!
//! - A full queue gives its rate away: what is delivered through it is the share that this stream has of the link
//!   (BBR's bottleneck bandwidth; Cardwell et al. 2016). On overload the rate falls to a little below that, as in
//!   Google's congestion control (draft-ietf-rmcat-gcc), and first far below, by as much as the queue holds, so that
//!   it empties at once (BBR's drain).
//! - The queue is how much longer the fastest of the newest datagrams took than the fastest of ten seconds
//!   (the standing queue of Copa; Arun and Balakrishnan 2018), so that jitter and a machine that pauses are not taken
//!   for one. Overload is a queue above a target that does not fall, or one that grows fast (SCReAM, RFC 8298, and
//!   NADA, RFC 8698, act on the same two).
//! - Below the rate that was found last it grows by equal steps for all streams, which makes those that share a link
//!   converge (AIMD; Chiu and Jain 1989); where that rate is clearly passed without a queue, the link has changed and
//!   it grows exponentially (CUBIC's probing, RFC 9438), as at the start.
//! - A queue that stays although this stream has made room for it is another one's, which only losses stop: then the
//!   stream competes like TCP (RFC 5348's rule that it takes no more than one does; Copa's mode switching), so that it
//!   is not starved.
//!
//! The rate is for everything on the wire: headers, parity and what else there is. It does not grow where the stream
//! does not use it, nor shrink.

mod flow;
mod shallow;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::Time;
use crate::report::Report;
use flow::Flow;
use shallow::{Shallow, Verdict};

/// Bits a second at the start: ten datagrams (RFC 6928) in 61 ms.
const START: f64 = 1_500_000.0;
const LEAST: f64 = 50_000.0;
const MOST: f64 = 1e9;
/// A datagram on the wire, in bits.
const DATAGRAM: f64 = 1148.0 * 8.0;

/// A standing queue that is no overload yet, beside one datagram's own time on the wire.
const TARGET: Duration = Duration::from_millis(10);
/// A queue that is so much above that, and grows, is overload at once; a smaller one has to show twice.
const SURGE: Duration = Duration::from_millis(20);
/// What is left of the delivered rate after overload.
const BACK_OFF: f64 = 0.9;
/// A queue of this length would empty if nothing was sent for as long; with it the drain ends at [`LEAST_DRAIN`].
const DRAIN_TIME: Duration = Duration::from_millis(250);
/// What is left of the delivered rate while a long queue is emptied, at least.
const LEAST_DRAIN: f64 = 0.25;
/// After overload the rate stays for this long.
const HOLD: Duration = Duration::from_millis(500);

/// Growth of the rate in a second, as a factor: at the start, where nothing is known of the link, and where the link
/// is clearly faster than it was.
const START_GROWTH: f64 = 30.0;
const FREE_GROWTH: f64 = 2.0;
/// Growth near the rate that was found last: bits a second in a second at 1 Mbit/s, and with the square root of the
/// rate, so that of two streams the smaller one gains.
const STEP: f64 = 60_000.0;
/// The same is no more than this share of the rate.
const LARGEST_STEP: f64 = 0.05;
/// The link is faster than it was where this multiple of the rate found last brings no queue over this time.
const PASSED: f64 = 1.07;
const PASSED_WINDOW: Duration = Duration::from_millis(900);
/// The most that the rate is ahead of what is sent.
const AHEAD: f64 = 1.6;
/// The rate grows where at least this share of it is used.
const USED: f64 = 0.65;
/// What was sent lately is measured over this time.
const SENT_WINDOW: Duration = Duration::from_millis(300);

/// Without any report for so long the way is taken for broken: the rate halves each second.
const SILENCE: Duration = Duration::from_secs(1);

/// Reports that come faster than this are not looked at: none are sent so often, and each one costs time.
const LEAST_GAP: Duration = Duration::from_millis(5);

/// A delay that a report tells is no longer than this.
const LONGEST: Duration = Duration::from_secs(10);

/// What a report says that congestion control needs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Feedback {
    /// When the report was written, on the receiver's clock: the low 32 bits of its microseconds.
    pub(crate) written: u32,
    /// Bytes on the wire that arrived in the session.
    pub(crate) arrived: u64,
    /// Datagrams received and lost in the session.
    pub(crate) received: u64,
    pub(crate) lost: u64,
    /// How much longer than the fastest of ten seconds the fastest of the newest datagrams took.
    pub(crate) queue: Duration,
    /// There and back.
    pub(crate) round_trip: Duration,
}

/// What congestion control is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum CongestionState {
    /// Looks for the rate of the link from the start.
    #[default]
    Starting,
    /// The rate of the link is known about, and followed.
    Steady,
    /// The link was overloaded: less is sent until its queue is empty.
    Draining,
    /// Others fill the queue; the rate is what TCP would take.
    Competing,
}

impl CongestionState {
    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Steady => "steady",
            Self::Draining => "draining",
            Self::Competing => "competing",
        }
    }
}

/// The rate that one way can have.
#[derive(Debug)]
pub(crate) struct Congestion {
    state: CongestionState,
    /// Bits a second.
    rate: f64,
    /// The rate at which the link was overloaded last, where that still holds.
    found: Option<f64>,
    sent: Flow,
    arrived: Flow,
    last: Option<Last>,
    /// When the first datagram since the last report was sent.
    unanswered: Option<Time>,
    drain: Drain,
    hold_until: Time,
    competition: Competition,
    shallow: Shallow,
    probe: Probe,
}

/// The last report.
#[derive(Debug, Clone, Copy)]
struct Last {
    at: Time,
    feedback: Feedback,
    /// The receiver's clock, counted on over the wraps of its 32 bits.
    clock: Time,
}

/// A queue that is being emptied.
#[derive(Debug, Clone, Copy, Default)]
struct Drain {
    began: Time,
    /// The longest queue of it.
    queue: Duration,
    /// Bits a second meanwhile.
    rate: f64,
}

/// Others in the queue.
#[derive(Debug, Clone, Copy, Default)]
struct Competition {
    /// Since when there was no queue.
    quiet: Option<Time>,
    /// When the rate was reduced last.
    reduced: Time,
    /// The share of datagrams that is lost where there is no queue.
    usual_loss: f64,
}

/// The search for a rate that the stream does not use yet.
#[derive(Debug, Clone, Copy)]
struct Probe {
    is_on: bool,
    /// The next one begins no earlier, and the pause after that.
    next: Time,
    pause: Duration,
}

const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// Padding that is asked for at a time is what the rate gives in this time.
const PADDING: Duration = Duration::from_millis(20);

/// The rate over which delivered bytes are measured, and what is done with too short a time at the start.
const DELIVERED_WINDOW: Duration = Duration::from_millis(150);
/// What a rate is measured from at least, in bytes, and over how long at most.
const LEAST_MEASURED: u64 = 8 * 1148;
const LONGEST_WINDOW: Duration = Duration::from_millis(900);

/// What is left after a loss while others compete, and the share of TCP's growth that makes this as fair as halving.
const COMPETING_BACK_OFF: f64 = 0.7;
const COMPETING_GROWTH: f64 = 0.55;
/// So long without a queue, and nobody competes any more.
const QUIET: Duration = Duration::from_secs(2);
/// More than that is not taken for usual.
const MOST_LOSS: f64 = 0.4;
/// Losses that are this share above the usual ones say that the queue overflows.
const OVERFLOW: f64 = 0.03;

/// A report against the one before.
#[derive(Debug, Clone, Copy)]
struct Step {
    now: Time,
    seconds: f64,
    queue: Duration,
    queue_before: Duration,
    round_trip: Duration,
    received: f64,
    lost: f64,
}

impl Feedback {
    /// What of a report matters here. `written` is the time in its message, `round_trip` what its echo tells.
    pub(crate) fn new(written: u32, report: &Report, round_trip: Duration) -> Self {
        Self {
            written,
            arrived: report.arrived,
            received: report.counts.received,
            lost: report.counts.lost,
            queue: Duration::from_micros(report.standing).min(LONGEST),
            round_trip: round_trip.min(LONGEST),
        }
    }
}

impl Congestion {
    /// Nothing is known of the way yet.
    pub(crate) fn new(now: Time) -> Self {
        Self {
            state: CongestionState::Starting,
            rate: START,
            found: None,
            sent: Flow::default(),
            arrived: Flow::default(),
            last: None,
            unanswered: None,
            drain: Drain::default(),
            hold_until: now,
            competition: Competition::default(),
            shallow: Shallow::default(),
            probe: Probe { is_on: false, next: now + FIRST_PAUSE, pause: FIRST_PAUSE },
        }
    }

    /// Bits a second on the wire that the session may have now.
    pub(crate) fn rate(&self, now: Time) -> u64 {
        let rate = match self.state {
            CongestionState::Draining => self.drain.rate,
            _ => self.rate,
        };
        let silence = self.unanswered.map_or(Duration::ZERO, |since| now - since);
        let broken = silence.saturating_sub(SILENCE).as_secs_f64();
        (rate * 0.5f64.powf(broken)).max(LEAST) as u64
    }

    /// Bits a second that the session may have once a queue that is being emptied is empty; otherwise now.
    pub(crate) fn steady_rate(&self) -> f64 {
        self.rate
    }

    /// What it is doing.
    pub(crate) fn state(&self) -> CongestionState {
        self.state
    }

    /// A datagram left that takes so many bytes on the wire.
    pub(crate) fn on_sent(&mut self, now: Time, wire: usize) {
        self.sent.add(now, wire as u64);
        self.unanswered.get_or_insert(now);
    }

    /// Takes a report. One that was overtaken by a newer one says nothing.
    pub(crate) fn handle_report(&mut self, now: Time, feedback: Feedback) {
        let Some(step) = self.step(now, feedback) else { return };
        self.unanswered = None;
        match self.state {
            CongestionState::Draining => self.empty_queue(&step),
            CongestionState::Competing => self.compete(&step),
            _ if self.is_overload(&step) => self.back_off(&step),
            _ => self.steer(&step),
        }
        // Before anything is divided by it: a report may say that nothing arrived at all.
        self.rate = self.rate.clamp(LEAST, MOST);
        self.learn_usual_loss(&step);
    }

    /// What happened since the last report; `None` where there is none to compare with, or this is not a newer one.
    fn step(&mut self, now: Time, feedback: Feedback) -> Option<Step> {
        let Some(last) = self.last else {
            self.note(now, feedback, Time::ZERO);
            return None;
        };
        let passed = feedback.written.wrapping_sub(last.feedback.written) as i32;
        if passed <= 0 || feedback.arrived < last.feedback.arrived || now < last.at + LEAST_GAP {
            return None;
        }
        self.note(now, feedback, last.clock + Duration::from_micros(passed as u64));
        Some(Step {
            now,
            seconds: (now - last.at).as_secs_f64().min(0.3),
            queue: feedback.queue,
            queue_before: last.feedback.queue,
            round_trip: feedback.round_trip,
            received: feedback.received.saturating_sub(last.feedback.received) as f64,
            lost: feedback.lost.saturating_sub(last.feedback.lost) as f64,
        })
    }

    fn note(&mut self, now: Time, feedback: Feedback, clock: Time) {
        self.arrived.set(clock, feedback.arrived);
        self.last = Some(Last { at: now, feedback, clock });
    }

    /// A queue of this length is none: datagrams wait for those just before them, and take time themselves.
    fn target(&self) -> Duration {
        TARGET + Duration::from_secs_f64(DATAGRAM / self.rate)
    }

    fn is_overload(&self, step: &Step) -> bool {
        let target = self.target();
        let stays = step.queue > target && step.queue_before > target;
        let falls = step.queue + Duration::from_millis(2) < step.queue_before;
        let surges = step.queue > target + SURGE && step.queue > step.queue_before;
        surges || (stays && !falls)
    }

    /// Bits a second that arrived lately, from enough of them, and with what is always lost: that was carried too.
    fn delivered(&self) -> Option<f64> {
        let clock = self.last?.clock;
        let mut window = DELIVERED_WINDOW;
        while window < LONGEST_WINDOW
            && self.arrived.bytes(clock, window).is_some_and(|bytes| bytes < LEAST_MEASURED)
        {
            window += DELIVERED_WINDOW;
        }
        let usual_loss = self.competition.usual_loss.min(MOST_LOSS);
        self.arrived.rate(clock, window).map(|rate| rate / (1.0 - usual_loss))
    }

    /// The link is overloaded: what came through its queue is what it gives.
    fn back_off(&mut self, step: &Step) {
        let delivered = self.delivered().unwrap_or(self.rate / 2.0).min(self.rate);
        // It goes on growing until what is sent now arrives.
        let growth = step.queue.saturating_sub(step.queue_before).as_secs_f64() / step.seconds.max(0.05);
        let queue = step.queue + step.round_trip.mul_f64(growth.min(1.0));
        self.shallow.cancel();
        self.state = CongestionState::Draining;
        self.drain = Drain { began: step.now, queue, rate: 0.0 };
        self.take_found(delivered);
        if self.probe.is_on {
            self.end_probe(step.now, self.probe.pause * 2);
        }
    }

    fn take_found(&mut self, delivered: f64) {
        self.found = Some(delivered);
        self.rate = delivered * BACK_OFF;
        let room = self.drain.queue.as_secs_f64() / DRAIN_TIME.as_secs_f64();
        self.drain.rate = (delivered * (BACK_OFF - room).max(LEAST_DRAIN)).max(LEAST);
    }

    /// Sends little until the queue is empty.
    fn empty_queue(&mut self, step: &Step) {
        if step.queue <= self.target() {
            self.state = CongestionState::Steady;
            self.hold_until = step.now + HOLD;
            return;
        }
        let elapsed = step.now - self.drain.began;
        // What arrives now was sent before the drain: the queue gives the rate of the link, and without what came
        // before there was one.
        if elapsed <= self.drain.queue + step.round_trip {
            self.drain.queue = self.drain.queue.max(step.queue);
            let found = self.found.unwrap_or(self.rate);
            self.take_found(self.delivered().unwrap_or(found).min(found));
        }
        if elapsed > self.patience(step) {
            self.lose_patience(step);
        }
    }

    /// How long the queue would take to become empty if it was this stream's alone, and half as long again.
    fn patience(&self, step: &Step) -> Duration {
        let share = self.found.map_or(0.5, |found| 1.0 - (self.drain.rate / found).min(0.9));
        (self.drain.queue.div_f64(share)).mul_f64(1.5) + step.round_trip + Duration::from_millis(250)
    }

    fn lose_patience(&mut self, step: &Step) {
        if step.queue * 2 > self.drain.queue {
            self.state = CongestionState::Competing;
            self.competition.quiet = None;
            self.competition.reduced = step.now;
        } else {
            // It does become shorter: another stream has made room as well, or this link is slower than it was.
            self.drain.began = step.now;
            self.drain.queue = step.queue;
        }
    }

    /// Shares a queue with streams that fill it.
    fn compete(&mut self, step: &Step) {
        let has_queue = step.queue > self.target();
        let quiet = *self.competition.quiet.get_or_insert(step.now);
        if has_queue {
            self.competition.quiet = None;
        } else if step.now >= quiet + QUIET {
            self.state = CongestionState::Steady;
            self.found = Some(self.rate);
            return;
        }
        let loss = step.lost / (step.lost + step.received).max(1.0);
        let overflows = has_queue && loss > self.competition.usual_loss * 1.5 + OVERFLOW;
        let was_reduced = step.now < self.competition.reduced + step.round_trip + Duration::from_millis(200);
        if overflows && !was_reduced {
            self.competition.reduced = step.now;
            self.rate *= COMPETING_BACK_OFF;
        } else if !overflows && self.is_used(step.now) {
            let round_trip = step.round_trip.as_secs_f64().max(0.05);
            self.rate += COMPETING_GROWTH * DATAGRAM / round_trip.powi(2) * step.seconds;
        }
    }

    fn learn_usual_loss(&mut self, step: &Step) {
        let count = step.lost + step.received;
        if step.queue <= self.target() && count > 0.0 && !self.shallow.is_trying() {
            let weight = count / (count + 200.0);
            self.competition.usual_loss += weight * (step.lost / count - self.competition.usual_loss);
        }
    }

    /// Without a queue that says anything.
    fn steer(&mut self, step: &Step) {
        let sent = self.sent.rate(step.now, SENT_WINDOW).unwrap_or(0.0);
        match self.shallow.judge(step, self.rate, sent) {
            Verdict::Fine => self.grow(step),
            Verdict::Suspicious => {
                self.rate = self.delivered().unwrap_or(self.rate).min(self.rate) * BACK_OFF;
                self.state = CongestionState::Steady;
            }
            Verdict::Trying => {}
            Verdict::Confirmed => self.found = Some(self.rate / BACK_OFF),
            Verdict::Refuted(before) => self.rate = before,
        }
    }

    /// There is room: a little more, or much where nothing says how much.
    fn grow(&mut self, step: &Step) {
        if step.queue > self.target() || step.now < self.hold_until || !self.is_used(step.now) {
            return;
        }
        let sent = self.sent.rate(step.now, PASSED_WINDOW).unwrap_or(0.0);
        if self.found.is_some_and(|found| sent > found * PASSED) {
            self.found = None;
        }
        let equal = (STEP * (self.rate / 1e6).sqrt()).min(self.rate * LARGEST_STEP) * step.seconds;
        let grown = match (self.state, self.found) {
            (CongestionState::Starting, _) => self.rate * START_GROWTH.powf(step.seconds),
            (_, None) => self.rate * FREE_GROWTH.powf(step.seconds),
            (_, Some(found)) if self.rate > found => self.rate + 2.0 * equal,
            (_, Some(_)) => self.rate + equal,
        };
        let lately = self.sent.rate(step.now, SENT_WINDOW).unwrap_or(0.0);
        self.rate = grown.min(lately * AHEAD).max(self.rate);
    }

    /// Whether the stream uses the rate, so that what it carries is known.
    fn is_used(&self, now: Time) -> bool {
        self.sent.rate(now, SENT_WINDOW).is_some_and(|sent| sent >= self.rate * USED)
    }

    /// Bytes of padding (more parity, or nothing) that should go out now, for a stream that would use `wanted` bits a
    /// second if it could, and cannot use less than that but a good deal less: then nothing it sends shows whether
    /// the link carries more. To be asked for every 20 ms or so while such a stream is sent; what is sent of it counts
    /// like everything else.
    pub(crate) fn padding(&mut self, now: Time, wanted: u64) -> usize {
        let is_calm = matches!(self.state, CongestionState::Starting | CongestionState::Steady);
        if wanted as f64 <= self.rate || !is_calm {
            if self.probe.is_on {
                self.end_probe(now, FIRST_PAUSE);
            }
            return 0;
        }
        if !self.probe.is_on {
            if now < self.probe.next.max(self.hold_until) {
                return 0;
            }
            self.probe.is_on = true;
            self.found = None;
        }
        let rate = self.rate.min(wanted as f64) / 8.0;
        let sent = self.sent.rate(now, SENT_WINDOW).unwrap_or(0.0) / 8.0;
        ((rate - sent).max(0.0) * PADDING.as_secs_f64()) as usize
    }

    fn end_probe(&mut self, now: Time, pause: Duration) {
        let pause = pause.min(LONGEST_PAUSE);
        self.probe = Probe { is_on: false, next: now + pause, pause };
    }
}
