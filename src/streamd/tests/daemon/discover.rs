//! Cameras are looked for where that is configured, by those who may make streams, and where sources may be.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::{PATIENCE, Program, json};

const ON: &str =
    "[discover]\nenabled = true\ninterfaces = [\"127.0.0.1\"]\n[limits]\nrequests_per_minute = 100000\n";

/// A camera at an address of its own, for others who test cameras now hear the same probes. It is gone when this is dropped.
struct Camera {
    program: Child,
    address: String,
}

impl Camera {
    fn start(arguments: &[&str]) -> Self {
        static CAMERAS: AtomicU32 = AtomicU32::new(0);
        let process = std::process::id() * 7 + CAMERAS.fetch_add(1, Ordering::Relaxed);
        let address =
            format!("127.{}.{}.{}", 128 + process / 62500 % 64, process / 250 % 250, 1 + process % 250);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/e2e/onvif_camera.py");
        let mut command = Command::new("python3");
        let uri = format!("rtsp://{address}:554/live");
        command.arg(script).args(["--address", &address, "--uri", &uri]).args(arguments);
        let mut program = command.stdout(Stdio::piped()).spawn().expect("python3 is installed");
        let out = program.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut String::new()).expect("it is ready");
        Self { program, address }
    }

    /// What a daemon tells of it, asked so.
    async fn found(&self, program: &Program, asked: Value) -> Value {
        let mut asked = asked;
        asked["addresses"] = json!([self.address]);
        asked["timeoutMs"] = json!(500);
        let begun = Instant::now();
        loop {
            let mut found = json(program.post("/v1/discover", &asked)).await;
            assert_eq!(found["isMore"], false, "{found}");
            // A packet to a group may be lost on a machine that has other things to do.
            if let Some(device) = found["devices"].get_mut(0) {
                assert_eq!(device["address"], self.address);
                return device.take();
            }
            assert!(begun.elapsed() < PATIENCE, "{}", program.log());
        }
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[tokio::test]
async fn it_is_off_until_it_is_configured_on() {
    let folder = TempDir::new().expect("there is room");
    let program = Program::start(folder.path());
    let refused = program.post("/v1/discover", &json!({})).send().await.expect("it answers");
    assert_eq!(refused.status(), 403);
    let problem = refused.text().await.expect("it is text");
    assert!(
        problem.contains("#problem-disabled") && problem.contains("STREAMD_DISCOVER_ENABLED"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_camera_is_told_of_to_those_who_may_make_streams() {
    let camera = Camera::start(&["--password", "topsecretword"]);
    let folder = TempDir::new().expect("there is room");
    let private = format!("{ON}[pull]\nallow_private = true\n");
    let program = Program::start_with(folder.path(), &["--log-level", "debug"], &private);
    let device = camera.found(&program, json!({ "username": "admin", "password": "topsecretword" })).await;
    let source = json!({
        "name": "Stream 1", "streamName": "front-door", "source": format!("rtsp://{}:554/live", camera.address),
        "video": { "codec": "h264", "width": 320, "height": 240, "framesPerSecond": 25.0 },
    });
    assert_eq!((&device["sources"], &device["problem"]), (&json!([source]), &Value::Null), "{device}");
    assert_eq!(device["needsCredentials"], true, "{device}");
    let said = ["name", "manufacturer", "model"].map(|member| device[member].as_str().unwrap_or_default());
    assert_eq!(said, ["Front door", "Example & Sons", "EX-1"]);
    for asked in [json!({}), json!({ "username": "admin", "password": "wrongwrongword" })] {
        let device = camera.found(&program, asked).await;
        assert_eq!(device["problem"]["reason"], "unauthorized", "{device}");
    }
    assert!(program.log().contains("cameras were looked for"), "{}", program.log());
    for secret in ["topsecretword", "wrongwrongword"] {
        assert!(!program.log().contains(secret), "{}", program.log());
    }

    // Whoever only reads may have nothing connected to.
    let key = json(program.post("/v1/keys", &json!({ "name": "reader", "scopes": ["streams:read"] }))).await;
    let reader = reqwest::Client::new().post(format!("{}/v1/discover", program.url));
    let reader = reader.bearer_auth(key["key"].as_str().expect("it is shown once"));
    let refused =
        reader.header("content-type", "application/json").body("{}").send().await.expect("it answers");
    assert_eq!(refused.status(), 403);
    assert!(refused.text().await.expect("it is text").contains("streams:write"));
}

#[tokio::test]
async fn a_camera_where_no_source_may_be_is_not_asked() {
    let camera = Camera::start(&[]);
    let folder = TempDir::new().expect("there is room");
    let program = Program::start_with(folder.path(), &[], ON);
    let device = camera.found(&program, json!({})).await;
    assert_eq!(
        (&device["problem"]["reason"], &device["sources"]),
        (&json!("private_address"), &json!([])),
        "{device}"
    );
    assert_eq!((&device["name"], &device["manufacturer"]), (&json!("Front door"), &Value::Null));
    let detail = device["problem"]["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("pull.allow_private"), "{detail}");
}

#[tokio::test]
async fn one_looks_at_a_time_and_what_is_wrong_is_named() {
    let folder = TempDir::new().expect("there is room");
    let program = Program::start_with(folder.path(), &[], ON);
    let asked = json!({ "timeoutMs": 10_000, "addresses": ["192.0.2.1"] });
    let mut one = tokio::spawn(program.post("/v1/discover", &asked).send());
    let mut other = tokio::spawn(program.post("/v1/discover", &asked).send());
    // Whoever came second is answered at once.
    let (refused, looking) = tokio::select! {
        refused = &mut one => (refused, other),
        refused = &mut other => (refused, one),
    };
    let refused = refused.expect("nobody panics").expect("it answers");
    assert_eq!(refused.status(), 429);
    let wait = refused.headers().get("retry-after").and_then(|wait| wait.to_str().ok()?.parse::<u64>().ok());
    assert!(wait.is_some_and(|wait| (11..=23).contains(&wait)), "as long as the other may take: {refused:?}");
    // Whoever goes away does not keep others waiting.
    looking.abort();
    let _ = looking.await;
    let begun = Instant::now();
    while program
        .post("/v1/discover", &json!({ "timeoutMs": 500 }))
        .send()
        .await
        .expect("it answers")
        .status()
        == 429
    {
        assert!(begun.elapsed() < Duration::from_secs(8), "{}", program.log());
    }
    let wrong = program
        .post("/v1/discover", &json!({ "password": "topsecretword" }))
        .send()
        .await
        .expect("it answers");
    assert_eq!(wrong.status(), 422);
    let problem = wrong.text().await.expect("it is text");
    assert!(problem.contains("\"username\"") && !problem.contains("topsecretword"), "{problem}");
}
