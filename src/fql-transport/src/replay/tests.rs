use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn each_number_is_new_once_and_the_too_old_never(steps in vec((any::<bool>(), 0u64..6000), 1..300)) {
        let mut window = ReplayWindow::new();
        let mut seen = HashSet::new();
        let mut at = 10_000u64;
        for (forward, step) in steps {
            at = if forward { at + step % 50 } else { at.saturating_sub(step) };
            let is_old = window.highest().is_some_and(|highest| highest >= at + WINDOW);
            prop_assert_eq!(window.is_seen(at), is_old || seen.contains(&at));
            if !window.is_seen(at) {
                window.mark(at);
                seen.insert(at);
            }
        }
    }

    #[test]
    fn a_number_is_rebuilt_from_its_low_bits(highest: u64, difference in -(1i64 << 31) + 1..1i64 << 31) {
        let mut window = ReplayWindow::new();
        let highest = highest >> 1;
        window.mark(highest);
        if let Some(number) = (highest + 1).checked_add_signed(difference) {
            prop_assert_eq!(window.expand(number as u32), number);
        }
    }
}

#[test]
fn numbers_at_the_end_of_the_range_do_no_harm() {
    let mut window = ReplayWindow::new();
    window.mark(u64::MAX - 1);
    assert!(window.is_seen(u64::MAX - 1));
    assert!(!window.is_seen(u64::MAX));
    window.expand(7);
}
