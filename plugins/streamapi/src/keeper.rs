//! When to ask the daemon, when to publish and when to give up: no network, no clock, no GStreamer.

use std::time::Duration;

use crate::ingest::{AskError, Ingest};

/// How long a session may take to begin once the daemon has said where.
const SESSION_TIME: Duration = Duration::from_secs(10);

/// How often and how long it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The most attempts in a row that fail, after the first one; `None` for no end.
    pub max_retries: Option<u32>,
    /// The first pause between two attempts, which doubles from one to the next.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

/// Where a stream is on its way to the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The daemon is asked, or the first session is being begun.
    Connecting,
    /// The daemon takes the stream.
    Live,
    /// The daemon keeps the session and drops the media.
    Paused,
    /// A session was lost, or never came, and is being begun again.
    Reconnecting,
    /// The daemon does not take the stream, or all attempts failed: nothing follows.
    Refused,
}

impl State {
    /// As messages tell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Paused => "paused",
            Self::Reconnecting => "reconnecting",
            Self::Refused => "refused",
        }
    }
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask the daemon, and tell [`Keeper::answered`].
    Ask,
    /// Begin a session by this, in place of the one that there may be.
    Publish(Ingest),
    /// Tell of a new state, with words for people.
    Tell(State, String),
    /// Give up, with the reason.
    Fail(String),
}

/// Keeps a stream with its daemon. Times are since any instant.
#[derive(Debug)]
pub struct Keeper {
    patience: Patience,
    state: State,
    step: Step,
    /// By what the session was begun that there is, as long as it may still come back by itself.
    published: Option<Ingest>,
    has_been_live: bool,
    /// Attempts in a row that failed.
    failures: u32,
    /// Sessions in a row that never began though the daemon said where.
    unreached: u32,
    actions: Vec<Action>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// An answer is awaited.
    Asking,
    /// The session is to begin until then.
    Beginning(Duration),
    /// The next attempt is due then.
    Pausing(Duration),
    /// There is a session.
    Connected,
    /// Nothing follows.
    Over,
}

impl Keeper {
    /// Begins with asking.
    pub fn new(patience: Patience) -> Self {
        let connecting = Action::Tell(State::Connecting, String::new());
        Self {
            patience,
            state: State::Connecting,
            step: Step::Asking,
            published: None,
            has_been_live: false,
            failures: 0,
            unreached: 0,
            actions: vec![connecting, Action::Ask],
        }
    }

    /// Where the stream is.
    pub fn state(&self) -> State {
        self.state
    }

    /// Attempts in a row that failed.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Sessions in a row that never began though the daemon said where: the way there may be shut.
    pub fn unreached(&self) -> u32 {
        self.unreached
    }

    /// What is to be done now, in order.
    pub fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// When [`Keeper::pass`] has something to do.
    pub fn timeout(&self) -> Option<Duration> {
        match self.step {
            Step::Beginning(at) | Step::Pausing(at) => Some(at),
            Step::Asking | Step::Connected | Step::Over => None,
        }
    }

    /// Time has come.
    pub fn pass(&mut self, now: Duration) {
        match self.step {
            Step::Pausing(at) if at <= now => {
                self.step = Step::Asking;
                self.actions.push(Action::Ask);
            }
            Step::Beginning(at) if at <= now => {
                self.unreached += 1;
                self.retry(now, "the daemon answers, but no session begins at the address that it names");
            }
            _ => (),
        }
    }

    /// The daemon has answered, or not.
    pub fn answered(&mut self, now: Duration, answer: Result<Ingest, AskError>) {
        if self.step != Step::Asking {
            return;
        }
        match answer {
            Ok(ingest) => {
                self.step = Step::Beginning(now + SESSION_TIME);
                // A session that lost its daemon looks for it by itself.
                if self.published.as_ref() != Some(&ingest) {
                    self.published = Some(ingest.clone());
                    self.actions.push(Action::Publish(ingest));
                }
            }
            Err(AskError::Refused(text)) => self.fail(&text),
            Err(AskError::Unavailable(text)) => self.retry(now, &text),
        }
    }

    /// There is a session.
    pub fn connected(&mut self) {
        if self.step == Step::Over {
            return;
        }
        self.step = Step::Connected;
        self.failures = 0;
        self.unreached = 0;
        self.has_been_live = true;
        self.tell(State::Live, "");
    }

    /// The daemon drops the media, or takes it again.
    pub fn paused(&mut self, paused: bool) {
        if self.step == Step::Connected {
            self.tell(if paused { State::Paused } else { State::Live }, "");
        }
    }

    /// The session is lost; it looks for its daemon by itself.
    pub fn disconnected(&mut self, now: Duration, why: &str) {
        if self.step == Step::Connected {
            self.retry(now, why);
        }
    }

    /// The session cannot go on: the next one is a new one. `is_unreached`: nobody answered at its address.
    pub fn broken(&mut self, now: Duration, why: &str, is_unreached: bool) {
        if self.step == Step::Over || self.published.take().is_none() {
            return;
        }
        if is_unreached && matches!(self.step, Step::Beginning(_)) {
            self.unreached += 1;
        }
        self.retry(now, why);
    }

    /// What the daemon wants cannot be done here.
    pub fn give_up(&mut self, why: &str) {
        if self.step != Step::Over {
            self.fail(why);
        }
    }

    fn retry(&mut self, now: Duration, why: &str) {
        if self.patience.max_retries.is_some_and(|most| self.failures >= most) {
            let attempts = self.failures + 1;
            return self.fail(&format!("{why} (given up after {attempts} attempts)"));
        }
        if matches!(self.step, Step::Beginning(_)) {
            // It had its chance.
            self.published = None;
        }
        let pause = self.patience.first.saturating_mul(1 << self.failures.min(16)).min(self.patience.longest);
        self.failures += 1;
        self.step = Step::Pausing(now + pause);
        let state = if self.has_been_live { State::Reconnecting } else { State::Connecting };
        self.state = state;
        self.actions.push(Action::Tell(state, why.into()));
    }

    fn fail(&mut self, why: &str) {
        self.step = Step::Over;
        self.tell(State::Refused, why);
        self.actions.push(Action::Fail(why.into()));
    }

    fn tell(&mut self, state: State, detail: &str) {
        if self.state != state {
            self.state = state;
            self.actions.push(Action::Tell(state, detail.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { max_retries: Some(3), first: Duration::from_millis(500), longest: Duration::from_secs(4) };

    fn ingest(host: &str) -> Ingest {
        Ingest {
            stream: "s".into(),
            playback_id: "p".into(),
            layers: 12,
            fec: String::new(),
            max_bitrate: None,
            addresses: [("fql".to_owned(), format!("udp://{host}:4242/s"))].into(),
        }
    }

    fn unavailable() -> Result<Ingest, AskError> {
        Err(AskError::Unavailable("connection refused".into()))
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// A keeper with a session.
    fn live() -> Keeper {
        let mut keeper = Keeper::new(PATIENCE);
        keeper.answered(ms(0), Ok(ingest("a")));
        keeper.connected();
        keeper.take_actions();
        keeper
    }

    #[test]
    fn it_asks_publishes_and_is_live() {
        let mut keeper = Keeper::new(PATIENCE);
        let asks = [Action::Tell(State::Connecting, String::new()), Action::Ask];
        assert_eq!(keeper.take_actions(), asks);
        keeper.answered(ms(5), Ok(ingest("a")));
        assert_eq!(keeper.take_actions(), [Action::Publish(ingest("a"))]);
        keeper.connected();
        assert_eq!(keeper.take_actions(), [Action::Tell(State::Live, String::new())]);
        assert_eq!(keeper.timeout(), None);
    }

    #[test]
    fn what_the_daemon_refuses_is_an_error_at_once() {
        let mut keeper = Keeper::new(PATIENCE);
        keeper.take_actions();
        keeper.answered(ms(5), Err(AskError::Refused("no such key".into())));
        let fails = [Action::Tell(State::Refused, "no such key".into()), Action::Fail("no such key".into())];
        assert_eq!(keeper.take_actions(), fails);
        keeper.connected();
        keeper.broken(ms(6), "late", false);
        keeper.pass(ms(100_000));
        assert_eq!(keeper.take_actions(), []);
    }

    #[test]
    fn pauses_double_until_the_attempts_are_used_up() {
        let mut keeper = Keeper::new(PATIENCE);
        let mut now = ms(0);
        let mut pauses = Vec::new();
        loop {
            keeper.take_actions();
            keeper.answered(now, unavailable());
            let Some(next) = keeper.timeout() else { break };
            pauses.push(next - now);
            now = next;
            keeper.pass(now);
            assert!(keeper.take_actions().contains(&Action::Ask));
        }
        assert_eq!(pauses, [ms(500), ms(1000), ms(2000)]);
        let actions = keeper.take_actions();
        let text = "connection refused (given up after 4 attempts)";
        assert_eq!(actions.last(), Some(&Action::Fail(text.into())));
    }

    #[test]
    fn without_an_end_pauses_grow_to_the_longest_and_no_attempt_is_the_last() {
        let mut keeper = Keeper::new(Patience { max_retries: None, ..PATIENCE });
        let mut now = ms(0);
        for _ in 0..100 {
            keeper.answered(now, unavailable());
            let next = keeper.timeout().unwrap();
            assert!(next - now <= ms(4000));
            now = next;
            keeper.pass(now);
        }
        assert_eq!(keeper.state(), State::Connecting);
    }

    #[test]
    fn a_lost_session_may_come_back_by_itself_while_the_daemon_is_asked() {
        let mut keeper = live();
        keeper.disconnected(ms(0), "silence");
        assert_eq!(keeper.take_actions(), [Action::Tell(State::Reconnecting, "silence".into())]);
        keeper.pass(ms(500));
        assert_eq!(keeper.take_actions(), [Action::Ask]);
        keeper.answered(ms(510), Ok(ingest("a")));
        assert_eq!(keeper.take_actions(), [], "the session that there is looks for the daemon");
        keeper.connected();
        assert_eq!(keeper.take_actions(), [Action::Tell(State::Live, String::new())]);
        assert_eq!(keeper.failures(), 0);
    }

    #[test]
    fn a_daemon_that_moved_gets_a_new_session() {
        let mut keeper = live();
        keeper.disconnected(ms(0), "silence");
        keeper.pass(ms(500));
        keeper.take_actions();
        keeper.answered(ms(510), Ok(ingest("b")));
        assert_eq!(keeper.take_actions(), [Action::Publish(ingest("b"))]);
    }

    #[test]
    fn a_broken_session_is_begun_anew_even_at_the_same_address() {
        let mut keeper = live();
        keeper.broken(ms(0), "another publisher took over", false);
        keeper.pass(ms(500));
        keeper.take_actions();
        keeper.answered(ms(510), Ok(ingest("a")));
        assert_eq!(keeper.take_actions(), [Action::Publish(ingest("a"))]);
    }

    #[test]
    fn a_session_that_does_not_begin_is_a_failed_attempt() {
        let mut keeper = Keeper::new(PATIENCE);
        keeper.answered(ms(0), Ok(ingest("a")));
        keeper.take_actions();
        keeper.pass(ms(9_999));
        assert_eq!(keeper.take_actions(), []);
        keeper.pass(ms(10_000));
        assert_eq!(keeper.failures(), 1);
        keeper.pass(ms(10_500));
        keeper.answered(ms(10_500), Ok(ingest("a")));
        assert!(keeper.take_actions().contains(&Action::Publish(ingest("a"))));
    }

    #[test]
    fn a_pause_is_told_and_keeps_the_session() {
        let mut keeper = live();
        keeper.paused(true);
        keeper.paused(false);
        let told = [State::Paused, State::Live].map(|state| Action::Tell(state, String::new()));
        assert_eq!(keeper.take_actions(), told);
    }
}
