//! The thread that keeps a sink with its daemon. Whatever takes time happens on it or beside it, never on a streaming
//! thread or in a change of state.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::StreamApiSink;
use crate::ingest::{self, AskError, Ingest};
use crate::keeper::{Action, Keeper};

/// How often statistics are posted.
const STATS: Duration = Duration::from_secs(1);

/// What the thread is told.
pub enum Event {
    /// The daemon's answer.
    Answer(Result<Ingest, AskError>),
    /// The media of a pad is known.
    Pad,
    /// The element that sends tells of its session.
    Session {
        /// What it does now.
        state: String,
        /// For people.
        detail: String,
        /// Why it ended, in a word.
        reason: String,
    },
    /// The element that sends cannot go on.
    Broken(String),
    /// The sink stops.
    Stop,
}

/// Starts the thread for a run of a sink; it ends with [`Event::Stop`], or with the sink.
pub fn start(sink: &StreamApiSink, run: u64) -> std::io::Result<Sender<Event>> {
    let (sender, events) = channel();
    let keeper = Keeper::new(sink.imp().settings().patience());
    let worker = Worker {
        sink: sink.downgrade(),
        run,
        keeper,
        sender: sender.clone(),
        began: Instant::now(),
        stats_due: STATS,
    };
    std::thread::Builder::new().name("streamapi".into()).spawn(move || worker.run(&events))?;
    Ok(sender)
}

struct Worker {
    sink: glib::WeakRef<StreamApiSink>,
    run: u64,
    keeper: Keeper,
    sender: Sender<Event>,
    began: Instant,
    stats_due: Duration,
}

impl Worker {
    fn run(mut self, events: &Receiver<Event>) {
        while self.act() {
            let due = self.keeper.timeout().map_or(self.stats_due, |at| at.min(self.stats_due));
            match events.recv_timeout(due.saturating_sub(self.began.elapsed())) {
                Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Timeout) => (),
            }
            self.keeper.pass(self.began.elapsed());
        }
    }

    fn take(&mut self, event: Event) {
        let now = self.began.elapsed();
        match event {
            Event::Answer(answer) => self.keeper.answered(now, answer),
            Event::Pad => {
                if let Some(Err(err)) = self.sink.upgrade().map(|sink| sink.imp().plug_pads(self.run)) {
                    self.keeper.give_up(&err);
                }
            }
            Event::Session { state, detail, reason } => match (state.as_str(), reason.as_str()) {
                ("connected", _) => {
                    self.keeper.connected();
                    if let Some(sink) = self.sink.upgrade() {
                        sink.imp().open(self.run);
                    }
                }
                ("paused", _) => self.keeper.paused(true),
                ("resumed", _) => self.keeper.paused(false),
                // To begin again would take the stream from the other one, who would take it back.
                ("disconnected", "replaced") => self.keeper.give_up(&detail),
                ("disconnected", _) => self.keeper.disconnected(now, &detail),
                _ => (),
            },
            Event::Broken(text) => {
                let is_lasting = self.sink.upgrade().is_none_or(|sink| sink.imp().suspend(self.run));
                self.keeper.broken(now, &text, !is_lasting);
            }
            Event::Stop => (),
        }
    }

    /// Does what is to be done. `false` where the sink is gone, or in another run.
    fn act(&mut self) -> bool {
        let Some(sink) = self.sink.upgrade() else { return false };
        let imp = sink.imp();
        if !imp.is_run(self.run) {
            return false;
        }
        loop {
            let actions = self.keeper.take_actions();
            imp.note(self.run, self.keeper.state(), self.keeper.failures());
            if actions.is_empty() {
                break;
            }
            for action in actions {
                match action {
                    Action::Ask => self.ask(&sink),
                    Action::Publish(ingest) => {
                        if let Err(err) = imp.publish(self.run, &ingest, self.keeper.unreached()) {
                            self.keeper.give_up(&err);
                        }
                    }
                    Action::Tell(state, detail) => imp.tell(state, &detail),
                    Action::Fail(text) => imp.fail(&text),
                }
            }
        }
        if self.began.elapsed() >= self.stats_due {
            self.stats_due = self.began.elapsed() + STATS;
            imp.post_stats();
        }
        true
    }

    /// Asks the daemon on a thread of its own, which ends when the daemon has answered or its time is over.
    fn ask(&self, sink: &StreamApiSink) {
        let settings = sink.imp().settings();
        let sender = self.sender.clone();
        let asking = move || {
            let answer = ingest::ask(&settings.api_url, &settings.stream_key);
            // Fails where nobody waits for it any more.
            let _ = sender.send(Event::Answer(answer));
        };
        if let Err(err) = std::thread::Builder::new().name("streamapi-ask".into()).spawn(asking) {
            let error = AskError::Unavailable(format!("there is no thread to ask the daemon on: {err}"));
            let _ = self.sender.send(Event::Answer(Err(error)));
        }
    }
}
