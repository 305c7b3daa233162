use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use fql_pull::{Reason, Unit};

use super::recorder::{goes_on, record};

/// An IP camera, until it is dropped.
struct Camera {
    program: Child,
    port: String,
}

impl Camera {
    fn start(options: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/e2e/rtsp_camera.py");
        // The system's own Python has the system's modules; another one may be before it in the path.
        let mut command = Command::new("/usr/bin/python3");
        command.arg(script).args(options).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut program = command.spawn().expect("it is installed");
        let mut port = String::new();
        let out = program.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut port).expect("it is text");
        Self { program, port: port.trim().to_owned() }
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[tokio::test]
async fn pictures_that_are_shown_in_another_order_are_decoded_in_time() {
    for options in [&["--b-frames"][..], &["--b-frames", "--h265"]] {
        let camera = Camera::start(options);
        let url = format!("rtsp://127.0.0.1:{}/camera", camera.port);
        let (ended, recorder) = record(&url, Some(250)).await;
        assert_eq!(ended.expect_err("it has no end").reason, Reason::Stopped, "{options:?}");
        let pictures = recorder.of(true);
        assert!(pictures.len() > 50, "{options:?}: {}", pictures.len());
        goes_on(&pictures);
        let late = |unit: &&&Unit| unit.dts > unit.pts;
        assert_eq!(
            pictures.iter().filter(late).count(),
            0,
            "{options:?}: some are decoded after they are shown"
        );
        let later = pictures.windows(2).filter(|pair| pair[0].pts > pair[1].pts).count();
        assert!(later > 10, "{options:?}: {later} pictures are shown in another order");
        let waits = pictures.iter().map(|unit| unit.pts - unit.dts).max();
        assert!(waits < Some(400_000_000), "{options:?}: a picture waits for {waits:?} ns");
        let sound = recorder.of(false);
        goes_on(&sound);
        let apart = pictures.iter().map(|unit| unit.pts).min().unwrap_or(0) - sound[0].pts;
        assert!(apart.abs() < 500_000_000, "{options:?}: sound and pictures begin {apart} ns apart");
    }
}
