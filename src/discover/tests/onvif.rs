//! Cameras that keep to the standard: who asks is checked by a program that shares no code with what it checks.

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::{as_user, find, find_one, options};
use fql_discover::{Device, Options, Reason, stream_names};

/// A camera, which is gone when this is dropped.
struct Camera {
    program: Child,
    group: u16,
}

impl Camera {
    fn start(arguments: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/e2e/onvif_camera.py");
        let mut command = Command::new("python3");
        if !arguments.contains(&"--group-port") {
            command.args([script.to_str().expect("it is text"), "--group-port", "0"]);
        } else {
            command.arg(script);
        }
        let mut program =
            command.args(arguments).stdout(Stdio::piped()).spawn().expect("python3 is installed");
        let mut line = String::new();
        let out = program.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).expect("it is text");
        let group = line.split(' ').next().and_then(|port| port.parse().ok()).expect("it is ready");
        Self { program, group }
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

const URIS: [&str; 4] =
    ["--uri", "rtsp://127.0.0.1:554/main?a=1&b=2", "--uri", "rtsp://u:p@127.0.0.1:554/sub"];
const FOUND: [&str; 2] = ["rtsp://127.0.0.1:554/main?a=1&b=2", "rtsp://127.0.0.1:554/sub"];

fn addresses(device: &Device) -> Vec<&str> {
    device.sources.iter().map(|source| source.address.as_str()).collect()
}

#[tokio::test]
async fn a_camera_is_found_with_its_streams() {
    let camera = Camera::start(&URIS);
    let device = find_one(&options(camera.group)).await;
    assert_eq!((addresses(&device), &device.problem), (FOUND.to_vec(), &None));
    assert!(device.id.starts_with("urn:uuid:") && device.address.is_loopback(), "{device:?}");
    let said =
        [&device.name, &device.manufacturer, &device.model].map(|text| text.clone().unwrap_or_default());
    assert_eq!(said, ["Front door", "Example & Sons", "EX-1"]);
    let named: Vec<_> = device.sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(named, ["Stream 1", "Stream 2"]);
    let video: Vec<_> =
        device.sources.iter().map(|source| source.video.clone().expect("it is told")).collect();
    let codecs: Vec<_> = video.iter().map(|video| video.codec.as_deref().unwrap_or_default()).collect();
    assert_eq!(codecs, ["h264", "h265"], "the second media service tells of H.265");
    assert_eq!(
        (video[0].width, video[0].height, video[0].frames_per_second),
        (Some(320), Some(240), Some(25.0))
    );
    assert_eq!(stream_names(&[device]), [["front-door", "front-door-2"]]);
}

#[tokio::test]
async fn an_old_camera_is_asked_as_it_knows() {
    let camera = Camera::start(&[&URIS[..], &["--old", "--password", "secret"]].concat());
    let device = find_one(&as_user(camera.group, "secret")).await;
    assert_eq!((addresses(&device), &device.problem), (FOUND.to_vec(), &None));
    let codecs: Vec<_> =
        device.sources.iter().map(|source| source.video.as_ref().unwrap().codec.clone()).collect();
    assert_eq!(codecs, [Some("h264".to_owned()), Some("h264".to_owned())]);
}

#[tokio::test]
async fn a_camera_wants_the_right_password() {
    // Its clock is a day ahead: it takes no digest of our time.
    for how in [&["--ahead", "86400"][..], &["--http-digest"]] {
        let camera = Camera::start(&[&URIS[..], how, &["--password", "se<c>&ret"]].concat());
        let device = find_one(&as_user(camera.group, "se<c>&ret")).await;
        assert_eq!((addresses(&device), &device.problem), (FOUND.to_vec(), &None), "{how:?}");
        assert!(device.needs_credentials, "{how:?}");
        for options in [options(camera.group), as_user(camera.group, "wrong")] {
            let device = find_one(&options).await;
            let problem = device.problem.as_ref().expect("it says so");
            assert_eq!((addresses(&device), problem.reason), (vec![], Reason::Unauthorized), "{how:?}");
            assert!(!format!("{problem}").contains("wrong"));
            assert_eq!(device.name.as_deref(), Some("Front door"), "the answer to the probe says it");
        }
    }
}

#[tokio::test]
async fn only_those_are_asked_that_may_be() {
    let first = Camera::start(&URIS);
    let group = first.group.to_string();
    let uri = ["--uri", "rtsp://127.0.0.2/other"];
    let place = ["--address", "127.0.0.2", "--group-port", &group];
    let _second = Camera::start(&[&uri[..], &place[..]].concat());
    let found = find(&options(first.group), 2).await;
    let sources: Vec<_> = found.devices.iter().map(addresses).collect();
    assert_eq!(sources, [FOUND.to_vec(), vec!["rtsp://127.0.0.2/other"]]);

    let only = Options { addresses: vec![[127, 0, 0, 2].into()], ..options(first.group) };
    assert_eq!(addresses(&find_one(&only).await), ["rtsp://127.0.0.2/other"]);

    let may_ask = std::sync::Arc::new(|address| address == std::net::Ipv4Addr::LOCALHOST);
    let judged = find(&Options { may_ask, ..options(first.group) }, 2).await;
    let reasons: Vec<_> =
        judged.devices.iter().map(|device| device.problem.as_ref().map(|problem| problem.reason)).collect();
    assert_eq!(reasons, [None, Some(Reason::PrivateAddress)]);
    let refused = &judged.devices[1];
    assert_eq!((refused.manufacturer.as_ref(), refused.sources.len()), (None, 0), "it was not asked");
}
