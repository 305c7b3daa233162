use super::*;
use crate::EndReason;
use crate::message::Message;

#[test]
fn the_rate_is_kept_whatever_waits() {
    let mut now = Time::ZERO;
    let mut pacer = Pacer::new(now, 100_000.0);
    for _ in 0..1000 {
        pacer.push(Slot::at(now, 0), 1000, Message::Ping { paused: false });
    }
    let mut sent = 0;
    while let Some(time) = pacer.timeout() {
        assert!(time > now || sent == 0);
        now = now.max(time);
        while pacer.pop(now).is_some() {
            sent += 1000;
        }
        let most = 100_000.0 * (now - Time::ZERO).as_secs_f64() + MIN_BURST + 1000.0;
        assert!(f64::from(sent) <= most, "{sent} bytes after {now:?}");
    }
    assert!((now - Time::ZERO).as_secs_f64() < 10.0, "no slower than the rate");
}

#[test]
fn what_is_due_first_leaves_first_and_nothing_before_it_is_due() {
    let now = Time::ZERO;
    let mut pacer = Pacer::new(now, 1e9);
    for (ms, message) in [(20, Message::Goodbye(EndReason::Goodbye)), (10, Message::Ping { paused: false })] {
        pacer.push(Slot::at(now + Duration::from_millis(ms), 0), 100, message);
    }
    assert_eq!(pacer.pop(now), None);
    assert_eq!(pacer.timeout(), Some(now + Duration::from_millis(10)));
    assert_eq!(pacer.pop(now + Duration::from_millis(30)), Some(Message::Ping { paused: false }));
    assert_eq!(pacer.pop(now + Duration::from_millis(30)), Some(Message::Goodbye(EndReason::Goodbye)));
    assert_eq!((pacer.len(), pacer.bytes()), (0, 0));
}

#[test]
fn what_is_given_up_is_the_highest_layers() {
    let now = Time::ZERO;
    let mut pacer = Pacer::new(now, 1e9);
    for layer in [2, 0, 3, 1, 0] {
        let slot = Slot::at(now + Duration::from_millis(10 - u64::from(layer)), layer);
        pacer.push(slot, 100, Message::Ping { paused: false });
    }
    pacer.shed(350, 0);
    let mut left: Vec<_> = pacer.waiting.iter().map(|Reverse(entry)| entry.slot.layer).collect();
    left.sort_unstable();
    assert_eq!((left, pacer.bytes()), (vec![0, 0, 1], 300));
    pacer.shed(50, 200);
    assert_eq!(pacer.bytes(), 200, "the lowest layer stays longer");
    pacer.shed(50, 100);
    assert_eq!(pacer.bytes(), 100);
}

#[test]
fn where_the_rate_lets_things_wait_those_go_first_that_have_to_be_there_first() {
    let (start, ms) = (Time::ZERO, Duration::from_millis(1));
    let mut pacer = Pacer::new(start, 10_000.0);
    // A large picture, spread over 90 ms, and a small one that comes 40 ms later.
    for (unit, from, count) in [(0, 0, 9), (1, 40, 3)] {
        for i in 0..count {
            let due = start + ms * (from + 90 / count * i);
            let slot = Slot { due, by: start + ms * (from + 90), layer: 0 };
            pacer.push(slot, 1000, unit);
        }
    }
    let mut units = Vec::new();
    while let Some(time) = pacer.timeout() {
        units.extend(pacer.pop(time));
    }
    assert_eq!(units, [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
}
