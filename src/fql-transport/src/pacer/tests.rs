use super::*;
use crate::EndReason;
use crate::message::Message;

#[test]
fn the_rate_is_kept_whatever_waits() {
    let mut now = Time::ZERO;
    let mut pacer = Pacer::new(now, 100_000.0);
    for _ in 0..1000 {
        pacer.push(now, 1000, 0, Message::Ping { paused: false });
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
        pacer.push(now + Duration::from_millis(ms), 100, 0, message);
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
        pacer.push(
            now + Duration::from_millis(10 - u64::from(layer)),
            100,
            layer,
            Message::Ping { paused: false },
        );
    }
    pacer.shed(350);
    let mut left: Vec<_> = pacer.queue.iter().map(|Reverse(entry)| entry.layer).collect();
    left.sort_unstable();
    assert_eq!((left, pacer.bytes()), (vec![0, 0, 1], 300));
}
