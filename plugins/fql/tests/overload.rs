//! A live encoder on a machine that is too slow for what is asked of it.

mod common;

use std::sync::{Arc, Mutex};

use common::{Player, free_port, wait_for};
use gst::prelude::*;

/// A picture of noise again and again, each a key frame without loss, on one core: no machine codes fifty of these a
/// second. Where they come from takes next to no time.
const NOISE: &str = "videotestsrc num-buffers=1 pattern=snow
    ! video/x-raw,format=I420,width=1280,height=720,framerate=50/1 ! imagefreeze ! clocksync";
const PER_SECOND: u64 = 50;
/// Pictures are watched until those come that are due this much later, in seconds.
const WATCHED: u64 = 4;

#[test]
fn pictures_that_cannot_be_coded_in_time_are_left_out_and_the_others_come_in_time() {
    common::init();
    let player = Player::new(&format!(
        "{NOISE} ! fqlenc name=encoder bitrate=0 keyframe-interval=1 threads=1
         ! fqlfecsink one-way=true fec=none uri=udp://127.0.0.1:{}",
        free_port()
    ));
    // When each coded picture was due, and how many nanoseconds later than that it was there.
    let coded: Arc<Mutex<Vec<(u64, u64)>>> = Arc::default();
    let (pipeline, noted) = (player.pipeline.downgrade(), Arc::clone(&coded));
    let encoder = player.pipeline.by_name("encoder").unwrap();
    encoder.static_pad("src").unwrap().add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let (buffer, pipeline) = (info.buffer().unwrap(), pipeline.upgrade().unwrap());
        let due = buffer.pts().unwrap().nseconds();
        let now = pipeline.current_running_time().unwrap().nseconds();
        noted.lock().unwrap().push((due, now.saturating_sub(due)));
        gst::PadProbeReturn::Ok
    });
    player.pipeline.set_state(gst::State::Playing).unwrap();
    let is_watched =
        |coded: &[(u64, u64)]| coded.last().is_some_and(|(due, _)| due.div_euclid(1_000_000_000) >= WATCHED);
    wait_for("pictures of the fifth second", || is_watched(&coded.lock().unwrap()));
    assert_eq!(player.errors(), Vec::<String>::new());
    player.stop();

    let coded = coded.lock().unwrap();
    let seconds = coded.last().unwrap().0 as f64 / 1e9;
    let pace = seconds / coded.len() as f64;
    println!(
        "{} pictures in {seconds:.1} s, late by (ms): {:?}",
        coded.len(),
        coded.iter().map(|c| c.1 / 1_000_000).collect::<Vec<_>>()
    );
    assert!(
        (coded.len() as u64) < WATCHED * PER_SECOND / 2,
        "{} were coded: the test is too easy",
        coded.len()
    );
    // What is tolerated, the pictures that are under way, and one that is being coded.
    let bound = 0.25 + 4.0 * pace + 1.0;
    let worst = coded.iter().skip(coded.len() / 2).map(|(_, late)| *late as f64 / 1e9).fold(0.0, f64::max);
    assert!(worst < bound, "{worst:.2} s late, though one is coded every {pace:.2} s");
}
