use proptest::prelude::*;

use super::*;

const PERIOD: Duration = Duration::from_millis(100);

/// Takes reports one after the other, a tenth of a second apart, while a stream is sent.
fn rates_after(reports: impl IntoIterator<Item = Feedback>) -> Vec<f64> {
    let mut now = Time::ZERO;
    let mut congestion = Congestion::new(now);
    let take = |feedback| {
        now = now + PERIOD;
        for _ in 0..20 {
            congestion.on_sent(now, 1148);
        }
        congestion.handle_report(now, feedback);
        congestion.steady_rate()
    };
    reports.into_iter().map(take).collect()
}

fn is_in_range(rate: &f64) -> bool {
    (LEAST..=MOST).contains(rate)
}

#[test]
fn a_queue_through_which_nothing_comes_leaves_the_least_rate() {
    let report = |n: u32| Feedback {
        written: n * 100_000,
        arrived: 20_000,
        received: 20,
        lost: u64::from(n) * 20,
        queue: Duration::from_millis(500),
        round_trip: Duration::from_millis(60),
    };
    let rates = rates_after((1..40).map(report));
    assert!(rates.iter().all(is_in_range), "{rates:?}");
    assert_eq!(rates.last(), Some(&LEAST));
}

proptest! {
    #[test]
    fn whatever_reports_say_the_rate_stays_in_its_range(
        reports in prop::collection::vec((any::<u16>(), 0..3u64, any::<u32>(), any::<u32>(), 0..3u32), 1..60),
        large in any::<u64>(),
    ) {
        let (mut written, mut arrived) = (0u32, 0u64);
        let reports = reports.into_iter().map(|(passed, came, queue, lost, scale)| {
            written = written.wrapping_add(u32::from(passed) << (2 * scale));
            arrived = arrived.saturating_add(match came {
                0 => 0,
                1 => u64::from(passed),
                _ => large,
            });
            Feedback {
                written,
                arrived,
                received: arrived / 1000,
                lost: lost.into(),
                queue: Duration::from_micros((queue >> (8 * scale)).into()),
                round_trip: Duration::from_micros((lost >> 8).into()),
            }
        });
        let rates = rates_after(reports);
        prop_assert!(rates.iter().all(is_in_range), "{rates:?}");
    }
}
