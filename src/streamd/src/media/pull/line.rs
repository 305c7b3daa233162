//! One stream's source: open while it is wanted, tried again where it fails.

use std::sync::Arc;
use std::time::Duration;

use fql_pull::Reason;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::Settings;
use super::publishing::Publishing;
use super::sources::{Wanted, status};
use crate::media::Media;
use crate::service::{Service, Source, SourceEvent, SourceOutcome, SourceState, SourceStatus};

pub(super) struct Line {
    pub service: Service,
    pub media: Arc<Media>,
    pub settings: Settings,
    pub stream: String,
    pub source: Source,
    pub wanted: watch::Receiver<Wanted>,
    pub status: watch::Sender<SourceStatus>,
}

/// A source is not open any more.
struct Over {
    /// Why it failed, or ended; none where nobody wants it.
    failed: Option<&'static str>,
    /// Whether media came before.
    was_live: bool,
}

impl Line {
    /// Goes on for as long as the stream has this source.
    pub async fn run(mut self) {
        if !self.settings.is_enabled {
            self.status.send_replace(status(SourceState::Disabled));
            let mut asked = 0;
            loop {
                self.until(|wanted| wanted.is_asked(asked)).await;
                asked = self.wanted.borrow().asked();
                self.event(SourceOutcome::Failed, Some("disabled"), None, None, Instant::now()).await;
                self.until(|wanted| !wanted.is_any()).await;
                // Those who ask again and again are told of now and then.
                sleep(self.settings.backoff.longest).await;
            }
        }
        let mut failures = 0;
        loop {
            if !self.source.always && !self.wanted.borrow().is_any() {
                self.status.send_replace(status(SourceState::Idle));
                self.until(Wanted::is_any).await;
            }
            self.set(SourceState::Connecting, failures, None);
            let Over { failed, was_live } = self.attempt().await;
            if was_live {
                failures = 0;
            }
            let Some(reason) = failed else { continue };
            failures += 1;
            let wait = self.settings.backoff.wait(failures, fastrand::f64());
            self.set(SourceState::Retrying, failures, Some((reason, wait)));
            // Also while nobody wants it: those who come and go would have it opened as often as they like.
            sleep(wait).await;
        }
    }

    async fn attempt(&mut self) -> Over {
        let begun = Instant::now();
        let Some(entry) = self.service.directory().by_id(&self.stream) else {
            // The stream has been archived, for good: this task is ended soon.
            return std::future::pending().await;
        };
        let mut publishing = Publishing::new(&self.media, entry, &self.source.address);
        let status = self.status.clone();
        publishing.when_live({
            let (service, stream) = (self.service.clone(), self.stream.clone());
            move |address| {
                status.send_replace(super::sources::status(SourceState::Live));
                let event = event(SourceOutcome::Live, None, None, address, begun);
                tokio::spawn(async move { record(&service, &stream, &event).await });
            }
        });
        let (address, rules) = (&self.source.address, &self.settings.rules);
        let ended = tokio::select! {
            ended = fql_pull::pull(address, rules, &mut publishing) => Some(ended),
            () = idle(&mut self.wanted, self.source.always, self.settings.grace) => None,
        };
        let (was_live, address) = (publishing.is_live(), publishing.address());
        let (reason, detail) = match &ended {
            None => ("idle", None),
            Some(Ok(())) => ("finished", None),
            Some(Err(error)) => (error.reason.name(), Some(error.detail.clone())),
        };
        match &ended {
            // The stream has been archived, or the daemon ends.
            Some(Err(error)) if error.reason == Reason::Stopped => {}
            None if !was_live => {}
            _ => {
                let outcome = if was_live { SourceOutcome::Ended } else { SourceOutcome::Failed };
                tracing::info!(stream = self.stream, source = ?self.source.address, reason, "a source is over");
                self.event(outcome, Some(reason), detail, address, begun).await;
            }
        }
        let failed = ended.is_some().then_some(reason);
        if failed.is_none() {
            publishing.end();
        }
        // After a failure it stays live for as long as a publisher may be gone.
        Over { failed, was_live }
    }

    /// Waits until the source is wanted, or not.
    async fn until(&mut self, is_so: impl Fn(Wanted) -> bool) {
        if self.wanted.wait_for(|wanted| is_so(*wanted)).await.is_err() {
            // The stream is not there any more, and nor is this task soon.
            std::future::pending::<()>().await;
        }
    }

    fn set(&self, state: SourceState, failures: i64, failed: Option<(&str, Duration)>) {
        self.status.send_modify(|status| {
            status.state = state;
            status.since = Timestamp::now();
            status.failures = failures.unsigned_abs();
            if let Some((reason, _)) = failed {
                status.reason = Some(reason.to_owned());
            }
            status.retry_at = failed.and_then(|(_, wait)| Timestamp::now().checked_add(wait).ok());
        });
    }

    async fn event(
        &self,
        outcome: SourceOutcome,
        reason: Option<&str>,
        detail: Option<String>,
        address: Option<String>,
        begun: Instant,
    ) {
        let event = event(outcome, reason, detail, address, begun);
        record(&self.service, &self.stream, &event).await;
    }
}

/// Waits until nobody has wanted a source for so long; for ever where it is always open.
async fn idle(wanted: &mut watch::Receiver<Wanted>, always: bool, grace: Duration) {
    loop {
        if always || wanted.wait_for(|wanted| !wanted.is_any()).await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::select! {
            () = sleep(grace) => return,
            _ = wanted.wait_for(|wanted| wanted.is_any()) => {}
        }
    }
}

fn event(
    outcome: SourceOutcome,
    reason: Option<&str>,
    detail: Option<String>,
    address: Option<String>,
    begun: Instant,
) -> SourceEvent {
    let took_ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
    SourceEvent { at: Timestamp::now(), outcome, reason: reason.map(str::to_owned), detail, address, took_ms }
}

async fn record(service: &Service, stream: &str, event: &SourceEvent) {
    if let Err(error) = service.source_event(stream, event).await {
        tracing::error!(%error, stream, "what became of a source could not be stored");
    }
}
