//! A daemon with a pulled stream, and those who watch it.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{PATIENCE, Program, json};

/// What tests of sources on this machine need, with a grace time that they can wait for.
pub const PRIVATE: &str = "[pull]\nallow_private = true\ngrace = \"1s\"\ntimeout = \"4s\"\nlongest_wait = \"2s\"\n\
    [ingest]\ngrace = \"1s\"\n[limits]\nrequests_per_minute = 100000\nanonymous_requests_per_minute = 100000\n";

/// Without that.
pub const PUBLIC: &str = "[limits]\nrequests_per_minute = 100000\n";

/// A daemon with one pulled stream.
pub struct Studio {
    pub program: Program,
    pub playback_id: String,
    pub folder: TempDir,
}

impl Studio {
    pub async fn new(configuration: &str, source: &str) -> Self {
        Self::trusting(None, configuration, source).await
    }

    /// The same where the system trusts the certificates in this file, and no others.
    pub async fn trusting(certificates: Option<&Path>, configuration: &str, source: &str) -> Self {
        let folder = TempDir::new().expect("there is room");
        let environment: Vec<_> = certificates.map(|file| ("SSL_CERT_FILE", file)).into_iter().collect();
        let program = Program::start_in(folder.path(), &environment, &[], configuration);
        let body = json!({ "name": "camera", "type": "pull", "source": source });
        let stream = json(program.post("/v1/streams", &body)).await;
        assert_eq!((&stream["type"], &stream["streamKey"]), (&json!("pull"), &Value::Null), "{stream}");
        let playback_id = stream["playbackId"].as_str().expect("it is there").to_owned();
        Self { program, playback_id, folder }
    }

    /// The same daemon, after a crash.
    pub fn restart(self, configuration: &str) -> Self {
        let Self { mut program, playback_id, folder } = self;
        program.kill();
        let program = Program::start_with(folder.path(), &[], configuration);
        Self { program, playback_id, folder }
    }

    pub async fn stream(&self) -> Value {
        json(self.program.get("/v1/streams/camera")).await
    }

    pub async fn events(&self) -> Vec<Value> {
        let events = json(self.program.get("/v1/streams/camera/source-events")).await;
        events.as_array().expect("it is a list").clone()
    }

    /// Waits until the events are so: one is stored a moment after its media has come.
    pub async fn wait_for_events(&self, are_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let events = self.events().await;
            if are_so(&events) {
                return events;
            }
            assert!(begun.elapsed() < PATIENCE, "{events:?}\n{}", self.program.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn change(&self, change: &Value) {
        json(self.program.patch("/v1/streams/camera", change)).await;
    }

    /// Somebody who watches until this is dropped; none where there is nothing to watch.
    pub async fn watch(&self) -> Option<Viewer> {
        let response = self.program.get(&format!("/play/{}.ts", self.playback_id)).send().await;
        let response = response.expect("it answers");
        response.status().is_success().then_some(Viewer(response))
    }

    /// Waits until the source does this.
    pub async fn wait_for_source(&self, state: &str) -> Value {
        self.wait(|stream| stream["sourceStatus"]["state"] == state).await
    }

    pub async fn wait(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let stream = self.stream().await;
            if is_so(&stream) {
                return stream;
            }
            assert!(begun.elapsed() < PATIENCE, "{stream}\n{}", self.program.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Watches until all of these codecs come.
    pub async fn plays(&self, codecs: &[&str]) {
        let Some(mut viewer) = self.watch().await else {
            panic!("{:?}\n{}", self.events().await, self.program.log());
        };
        assert!(viewer.take(20_000).await >= 20_000, "{}", self.program.log());
        let begun = Instant::now();
        loop {
            let stats = json(self.program.get("/v1/streams/camera/stats")).await;
            let come = |codec: &str| {
                let tracks = stats["tracks"].as_array().into_iter().flatten();
                tracks
                    .into_iter()
                    .any(|track| track["codec"] == codec && track["unitsComplete"].as_u64() > Some(10))
            };
            if codecs.iter().all(|codec| come(codec)) {
                assert_eq!(stats["sourceStatus"]["state"], "live", "{stats}");
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{stats}\n{}", self.program.log());
            let _ = viewer.take(1).await;
        }
    }

    /// The reason of the first event, when somebody wanted to watch.
    pub async fn fails_with(&self) -> String {
        assert!(self.watch().await.is_none(), "there is nothing to watch");
        let events = self.wait_for_events(|events| !events.is_empty()).await;
        let event = &events[events.len() - 1];
        assert_eq!(event["outcome"], "failed", "{event}");
        event["reason"].as_str().expect("it is there").to_owned()
    }
}

/// Somebody who watches.
pub struct Viewer(reqwest::Response);

impl Viewer {
    /// Reads so many bytes, or until nothing comes.
    pub async fn take(&mut self, bytes: usize) -> usize {
        let mut taken = 0;
        while taken < bytes {
            match tokio::time::timeout(PATIENCE, self.0.chunk()).await {
                Ok(Ok(Some(chunk))) => taken += chunk.len(),
                _ => break,
            }
        }
        taken
    }
}
