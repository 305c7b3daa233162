use super::*;

fn count(numbers: impl IntoIterator<Item = u64>) -> LossCounter {
    let (mut window, mut losses) = (ReplayWindow::new(), LossCounter::default());
    for number in numbers {
        losses.before(&window, number);
        window.mark(number);
    }
    losses.judge(&window, window.highest().map_or(0, |highest| highest + 1));
    losses
}

#[test]
fn lost_datagrams_and_their_bursts_are_counted() {
    let losses = count((0..1000).filter(|n| !matches!(n, 10 | 20..25 | 500..503)));
    assert_eq!((losses.received, losses.lost, losses.bursts), (991, 9, 3));
}

#[test]
fn datagrams_out_of_order_are_not_lost() {
    let losses = count((0..100).map(|n| n ^ 3));
    assert_eq!((losses.received, losses.lost), (100 - 3, 0), "counting begins with the first that came");
}

#[test]
fn a_gap_longer_than_the_window_is_one_burst_and_costs_no_time() {
    let losses = count([5, u64::MAX / 2]);
    assert_eq!((losses.received, losses.lost, losses.bursts), (2, u64::MAX / 2 - 6, 1));
}

#[test]
fn numbers_that_leave_the_window_are_judged_once() {
    let losses = count((0..20_000).filter(|n| n % 10 != 0 || *n == 0));
    assert_eq!((losses.received, losses.lost, losses.bursts), (18_001, 1_999, 1_999));
}
