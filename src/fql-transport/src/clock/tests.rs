use super::*;

const MS: u64 = 1_000_000;
const LATENCY: Duration = Duration::from_millis(120);

fn at(ms: u64) -> Time {
    Time::from_nanos(ms * MS)
}

#[test]
fn jitter_does_not_move_what_is_due() {
    let mut clock = Clock::new(LATENCY);
    for frame in 0..1000u64 {
        let jitter = [0, 7, 3, 12, 1][frame as usize % 5];
        let due = clock.due(at(5000 + frame * 40 + jitter), 1, frame * 40 * MS);
        assert_eq!(due, at(5000 + frame * 40 + 120), "frame {frame}");
    }
}

#[test]
fn a_drifting_clock_is_followed_smoothly() {
    let mut clock = Clock::new(LATENCY);
    let mut last = None;
    for frame in 0..5000u64 {
        // The sender's clock is slow by 300 parts in a million.
        let arrival = 40 * MS * frame + 12_000 * frame;
        let due = clock.due(Time::from_nanos(arrival), 1, frame * 40 * MS).as_nanos();
        if let Some(last) = last {
            assert!((39_700_000..40_300_000).contains(&(due - last)), "frame {frame}: {}", due - last);
        }
        last = Some(due);
        let wait = due - arrival;
        assert!((110 * MS..=121 * MS).contains(&wait), "frame {frame} waits {wait}");
    }
}

#[test]
fn a_jump_of_the_senders_clock_starts_over() {
    let mut clock = Clock::new(LATENCY);
    assert_eq!(clock.due(at(1000), 1, 0), at(1120));
    assert_eq!(clock.due(at(1040), 1, 3_600_000 * MS), at(1160));
    assert_eq!(clock.due(at(1080), 1, 0), at(1200));
    assert_eq!(clock.due(at(1120), 1, i64::MAX as u64), at(1240));
}

#[test]
fn a_unit_that_lags_is_told_from_the_others() {
    let mut clock = Clock::new(LATENCY);
    for (frame, lag) in [0, 0, 25, 60, 3].into_iter().enumerate() {
        let frame = frame as u64;
        assert_eq!(clock.lag(at(500 + frame * 40 + lag), 1, frame * 40 * MS), Duration::from_millis(lag));
    }
}

#[test]
fn a_way_that_became_much_longer_is_followed_within_a_second() {
    let mut clock = Clock::new(LATENCY);
    for frame in 0..200u64 {
        clock.due(at(frame * 40), 1, frame * 40 * MS);
    }
    let waits: Vec<_> = (200..300u64)
        .map(|frame| clock.due(at(frame * 40 + 300), 1, frame * 40 * MS) - at(frame * 40 + 300))
        .collect();
    assert!(waits[0].is_zero(), "the first come too late");
    assert!(waits[25..].iter().all(|wait| *wait >= Duration::from_millis(110)), "{waits:?}");
}

#[test]
fn a_first_unit_that_is_early_does_not_make_the_others_late() {
    for early in [40, 70, 100, 120] {
        let mut clock = Clock::new(LATENCY);
        clock.due(at(1000 - early), 1, 0);
        let waits: Vec<_> = (1..50u64)
            .map(|frame| clock.due(at(1000 + frame * 40), 1, frame * 40 * MS) - at(1000 + frame * 40))
            .collect();
        assert!(waits[3..].iter().all(|wait| *wait >= Duration::from_millis(115)), "{early}: {waits:?}");
    }
}

#[test]
fn pictures_that_lag_behind_the_sound_at_the_start_are_waited_for() {
    let mut clock = Clock::new(LATENCY);
    let mut waits = Vec::new();
    for frame in 0..25u64 {
        clock.due(at(1000 + frame * 40), 2, frame * 40 * MS);
        let arrival = at(1000 + frame * 40 + 90);
        waits.push(clock.due(arrival, 1, frame * 40 * MS) - arrival);
        clock.due(at(1020 + frame * 40), 2, (frame * 40 + 20) * MS);
    }
    assert!(waits[3..].iter().all(|wait| *wait >= Duration::from_millis(105)), "{waits:?}");
}

#[test]
fn a_picture_or_two_that_are_late_do_not_move_a_young_clock() {
    let mut clock = Clock::new(LATENCY);
    for (frame, lag) in [0, 0, 90, 90, 0, 70, 0, 80, 80, 0].into_iter().enumerate() {
        let frame = frame as u64;
        let due = clock.due(at(500 + frame * 40 + lag), 1, frame * 40 * MS);
        assert_eq!(due, at(500 + frame * 40 + 120));
    }
}
