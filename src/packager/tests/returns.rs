//! A publisher that goes and comes back, and a stream that ends.

mod common;

use std::time::Duration;

use common::{Clip, NOW, media};
use fql_packager::{Packager, Reached, Settings};

const GAP: Duration = Duration::from_secs(8);

/// When the last period begins, in seconds after `availabilityStartTime`.
fn last_period(packager: &Packager) -> f64 {
    let page = packager.presentation_description("").expect("there is a segment");
    let (_, start) = page.rsplit_once("start=\"PT").expect("there is a period");
    start.split_once('S').expect("it has a start").0.parse().expect("it is a number")
}

#[test]
fn what_comes_after_a_gap_is_at_the_time_of_the_wall() {
    let clip = Clip::open(&media("bigbuckbunny.mp4"));
    let first = clip.units[0].time;
    let turn = clip.units.last().unwrap().time - first + GAP.as_nanos() as u64;
    let mut packager = Packager::new(Settings::default());
    assert!(packager.tracks(&clip.table).is_empty());
    // The segment of the last turn is not whole yet.
    for round in 0..4 {
        for unit in &clip.units {
            let mut unit = unit.clone();
            unit.time += round * turn;
            let now = NOW + unit.time - first;
            packager.unit(unit, now).unwrap();
        }
    }
    let begun = Duration::from_nanos(2 * turn + first).as_secs_f64();
    let found = last_period(&packager);
    assert!((found - begun).abs() < 1.0, "{found} s, not {begun}");
}

#[test]
fn a_playlist_that_has_ended_is_not_one_of_segments_far_ahead() {
    let clip = Clip::open(&media("bigbuckbunny.mp4"));
    let mut packager = Packager::new(Settings::default());
    clip.feed(&mut packager, |_| ());
    packager.end();
    let rendition = packager.renditions().next().unwrap();
    let last = rendition.listed().last().unwrap().number;
    assert_eq!(packager.reached(rendition, last, None), Reached::Yes);
    assert_eq!(packager.reached(rendition, last + 1, Some(0)), Reached::Yes, "nothing more is waited for");
    assert_eq!(packager.reached(rendition, last + 30, None), Reached::TooFar);
}
