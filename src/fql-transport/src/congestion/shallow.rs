use std::collections::VecDeque;
use std::time::Duration;

use super::Step;
use crate::Time;

/// Losses are counted over this time, and of so many datagrams at least.
const WINDOW: Duration = Duration::from_millis(600);
const LEAST_COUNT: f64 = 30.0;
/// The least share lost of the spans of this length in ten of them is what the link always loses.
const SPAN: Duration = Duration::from_millis(800);
const SPANS: usize = 12;
/// So much more than the usual is suspicious where more is sent than went through before, by this factor, ...
const MORE_LOSS: f64 = 0.1;
const MORE_SENT: f64 = 1.15;
/// ... and so much always.
const MOST_LOSS: f64 = 0.5;
/// How long less is sent to see whether that helps, beside the round trip.
const TRIAL: Duration = Duration::from_millis(1100);
/// After a suspicion that was wrong there is none for so long.
const TRUST: Duration = Duration::from_secs(20);
/// What went through is forgotten by this factor a second.
const FORGET: f64 = 0.995;

/// Looks for a bottleneck with so short a queue that it shows in losses alone, as a policer's: more is lost when more
/// is sent. Since a radio link may just have become worse, the suspicion is tried out by sending less.
#[derive(Debug, Default)]
pub(super) struct Shallow {
    /// Counts of the last reports: when, received, lost.
    counts: VecDeque<(Time, f64, f64)>,
    /// The share lost in the last spans, and what is counted of the next.
    spans: VecDeque<f64>,
    span: Option<(Time, f64, f64)>,
    /// The most bits a second that went through with the usual losses.
    clean: f64,
    trial: Option<Trial>,
    trusted_until: Option<Time>,
}

/// Less is sent to see what that does to losses.
#[derive(Debug, Clone, Copy)]
struct Trial {
    ends: Time,
    loss: f64,
    /// Bits a second before.
    rate: f64,
    sent: f64,
}

/// What to do about losses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    /// Nothing.
    Fine,
    /// Send no more than comes through.
    Suspicious,
    /// A trial runs: leave the rate as it is.
    Trying,
    /// Less is lost now: there is a bottleneck at this rate.
    Confirmed,
    /// It was no bottleneck: go back to this rate.
    Refuted(f64),
}

impl Shallow {
    /// Takes the counts of a report, the rate, and what is sent lately.
    pub(super) fn judge(&mut self, step: &Step, rate: f64, sent: f64) -> Verdict {
        self.count(step);
        let Some(loss) = self.loss(step.now) else { return Verdict::Fine };
        let usual = self.usual().unwrap_or(loss);
        if let Some(trial) = self.trial {
            if step.now < trial.ends {
                return Verdict::Trying;
            }
            self.trial = None;
            return self.conclude(step.now, trial, loss, usual);
        }
        let is_more = loss > usual + MORE_LOSS && sent > self.clean * MORE_SENT;
        let is_trusted = self.trusted_until.is_some_and(|until| step.now < until);
        if (is_more || loss > MOST_LOSS) && !is_trusted {
            let ends = step.now + TRIAL + step.round_trip;
            self.trial = Some(Trial { ends, loss, rate, sent });
            return Verdict::Suspicious;
        }
        self.clean *= FORGET.powf(step.seconds);
        if loss <= usual + MORE_LOSS / 2.0 {
            self.clean = self.clean.max(sent);
        }
        Verdict::Fine
    }

    fn conclude(&mut self, now: Time, trial: Trial, loss: f64, usual: f64) -> Verdict {
        if loss <= (usual.min(trial.loss) + trial.loss) / 2.0 && loss < trial.loss - MORE_LOSS / 2.0 {
            return Verdict::Confirmed;
        }
        // The link has become worse, or was bad from the start.
        self.spans = VecDeque::from([loss]);
        self.clean = trial.sent;
        self.trusted_until = Some(now + TRUST);
        Verdict::Refuted(trial.rate)
    }

    /// Whether losses are being tried out, and are not the usual ones.
    pub(super) fn is_trying(&self) -> bool {
        self.trial.is_some()
    }

    /// The rate is being reduced for another reason.
    pub(super) fn cancel(&mut self) {
        self.trial = None;
    }

    fn count(&mut self, step: &Step) {
        self.counts.push_back((step.now, step.received, step.lost));
        while self.counts.front().is_some_and(|&(time, ..)| time + WINDOW < step.now) {
            self.counts.pop_front();
        }
        let (began, received, lost) = self.span.unwrap_or((step.now, 0.0, 0.0));
        let (received, lost) = (received + step.received, lost + step.lost);
        self.span = Some((began, received, lost));
        if step.now >= began + SPAN && received + lost >= LEAST_COUNT {
            self.spans.push_back(lost / (received + lost));
            self.span = None;
        }
        if self.spans.len() > SPANS {
            self.spans.pop_front();
        }
    }

    /// The share of datagrams that was lost lately, where there are enough to tell.
    fn loss(&self, now: Time) -> Option<f64> {
        let recent = self.counts.iter().filter(|&&(time, ..)| time + WINDOW >= now);
        let (received, lost) =
            recent.fold((0.0, 0.0), |(r, l), &(_, received, lost)| (r + received, l + lost));
        (received + lost >= LEAST_COUNT).then(|| lost / (received + lost))
    }

    /// The share of datagrams that is always lost.
    fn usual(&self) -> Option<f64> {
        self.spans.iter().copied().reduce(f64::min)
    }
}
