//! Cameras by RTSP: what they send, and how.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;

use serde_json::json;
use tempfile::TempDir;

use super::servers::{camera, certificate};
use super::studio::{PRIVATE, Studio};
use crate::program::json;

#[tokio::test]
async fn cameras_with_a_password_want_the_right_one() {
    for how in [
        &["--password", "secret"][..],
        &["--password", "secret", "--basic"],
        &["--password", "secret", "--udp"],
    ] {
        let (_camera, port) = camera(how);
        let studio = Studio::new(PRIVATE, &format!("rtsp://admin:secret@127.0.0.1:{port}/camera")).await;
        studio.plays(&["h264"]).await;
        let stream = studio.stream().await;
        assert_eq!(stream["source"], format!("rtsp://***@127.0.0.1:{port}/***"));
        let body = json!({ "source": format!("rtsp://admin:wrong@127.0.0.1:{port}/camera") });
        json(studio.program.patch("/v1/streams/camera", &body)).await;
        // The stream waits for a while for what may come back.
        studio.wait(|stream| stream["state"] == "idle").await;
        assert!(studio.watch().await.is_none(), "the password is wrong");
        let events = studio.events().await;
        assert_eq!(events[0]["reason"], "unauthorized", "{events:?}");
        assert!(!studio.program.log().contains("secret"), "{}", studio.program.log());
    }
}

#[tokio::test]
async fn a_camera_that_sends_by_udp_only_is_taken_so() {
    let (_camera, port) = camera(&["--udp"]);
    let studio = Studio::new(PRIVATE, &format!("rtsp://127.0.0.1:{port}/camera")).await;
    studio.plays(&["h264", "opus"]).await;
}

#[tokio::test]
async fn h265_and_aac_come_as_they_are() {
    let (_camera, port) = camera(&["--h265"]);
    let studio = Studio::new(PRIVATE, &format!("rtsp://127.0.0.1:{port}/camera")).await;
    studio.plays(&["h265", "aac"]).await;
}

#[tokio::test]
async fn cameras_of_all_kinds_are_taken() {
    for options in [
        &["--mu-law"][..],
        &["--b-frames"],
        &["--parameter-sets", "in-band"],
        &["--parameter-sets", "out-of-band"],
    ] {
        let (_camera, port) = camera(options);
        let studio = Studio::new(PRIVATE, &format!("rtsp://127.0.0.1:{port}/camera")).await;
        studio.plays(&["h264", "opus"]).await;
    }
}

#[tokio::test]
async fn cameras_with_an_address_of_ipv6_are_taken() {
    for options in [&["--address", "::1"][..], &["--address", "::1", "--udp"]] {
        let (_camera, port) = camera(options);
        let studio = Studio::new(PRIVATE, &format!("rtsp://[::1]:{port}/camera")).await;
        studio.plays(&["h264", "opus"]).await;
        let events = studio.wait_for_events(|events| !events.is_empty()).await;
        assert_eq!(events[0]["address"], format!("[::1]:{port}"));
    }
}

#[tokio::test]
async fn a_camera_over_tls_is_taken_where_its_certificate_is_trusted() {
    let folder = TempDir::new().expect("there is room");
    let (certificate, whole) = certificate(folder.path());
    let (_camera, port) = camera(&["--certificate", whole.to_str().expect("it is text")]);
    let source = format!("rtsps://127.0.0.1:{port}/camera");
    Studio::trusting(Some(&certificate), PRIVATE, &source).await.plays(&["h264", "opus"]).await;
    let studio = Studio::new(PRIVATE, &source).await;
    assert_eq!(studio.fails_with().await, "untrusted");
    let detail = studio.events().await[0]["detail"].to_string();
    assert!(detail.contains("its certificate is not trusted"), "{detail}");
}

#[tokio::test]
async fn a_camera_that_redirects_is_not_followed() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let elsewhere = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let (port, there) = (listener.local_addr().unwrap().port(), elsewhere.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let lines =
                BufReader::new(connection.try_clone().expect("it can be")).lines().map_while(Result::ok);
            let mut sequence = String::new();
            for line in lines {
                if line.to_ascii_lowercase().starts_with("cseq") {
                    sequence = line;
                } else if line.is_empty() {
                    let answer = format!(
                        "RTSP/1.0 302 Moved\r\n{sequence}\r\nLocation: rtsp://127.0.0.1:{there}/a\r\n\r\n"
                    );
                    let _ = std::io::Write::write_all(&mut &connection, answer.as_bytes());
                }
            }
        }
    });
    let studio = Studio::new(PRIVATE, &format!("rtsp://127.0.0.1:{port}/a")).await;
    assert_eq!(studio.fails_with().await, "refused");
    elsewhere.set_nonblocking(true).expect("it can be");
    assert!(elsewhere.accept().is_err(), "nobody came");
}
