use super::*;

/// More than `parity` of `shards` lost, with independent losses: the binomial distribution.
fn binomial(shards: u32, parity: u32, rate: f64) -> f64 {
    let choose = |n: u32, k: u32| (0..k).map(|i| f64::from(n - i) / f64::from(k - i)).product::<f64>();
    (parity + 1..=shards)
        .map(|lost| choose(shards, lost) * rate.powi(lost as i32) * (1.0 - rate).powi((shards - lost) as i32))
        .sum()
}

#[test]
fn independent_losses_fail_as_the_binomial_distribution_says() {
    for (sources, parity, rate) in
        [(10, 3, 0.1), (10, 3, 0.2), (1, 3, 0.1), (1, 3, 0.2), (7, 0, 0.05), (40, 20, 0.3)]
    {
        let losses = Losses { rate, memory: 0.0 };
        let failure = losses.failure(sources + parity, parity, 1.0);
        let expected = binomial((sources + parity) as u32, parity as u32, rate);
        assert!((failure - expected).abs() < 1e-9, "{sources}+{parity} at {rate}: {failure}, {expected}");
    }
    let losses = Losses { rate: 0.1, memory: 0.0 };
    assert!((losses.failure(13, 3, 1.0) - 0.034).abs() < 0.001);
}

#[test]
fn bursts_hurt_less_the_further_shards_are_apart() {
    let losses = Losses { rate: 0.1, memory: 0.78 };
    assert!((losses.burst() - 5.0).abs() < 0.1);
    let failures: Vec<f64> = [1.0, 2.0, 5.0, 20.0].map(|gap| losses.failure(8, 3, gap)).to_vec();
    assert!(failures.is_sorted_by(|a, b| a > b), "{failures:?}");
    assert!((failures[3] - binomial(8, 3, 0.1)).abs() < 0.005);
}

#[test]
fn parity_meets_its_target_with_the_fewest_shards() {
    let mut protector = Protector::new();
    let losses = Losses { rate: 0.2, memory: 0.0 };
    protector.set(losses, 1000.0, 1.0);
    for layer in 0..8 {
        for sources in 1..=20 {
            let Parity { shards, suffices } = protector.parity(Stake::of(layer, true), sources);
            let target = TARGETS[usize::from(layer).min(TARGETS.len() - 1)];
            let gap = 1000.0 / (sources + shards) as f64;
            assert!(suffices && losses.failure(sources + shards, shards, gap) <= target);
            assert!(losses.failure(sources + shards - 1, shards - 1, gap) > target);
        }
    }
}

fn reports(
    estimate: &mut Estimate,
    from: u64,
    seconds: u64,
    counts: &mut [u64; 3],
    lost_of_20: u64,
    burst: u64,
) {
    for tenth in from * 10..(from + seconds) * 10 {
        counts[0] += 20 - lost_of_20;
        counts[1] += lost_of_20;
        counts[2] += lost_of_20.div_ceil(burst);
        estimate.update(Time::from_nanos(tenth * 100_000_000), *counts);
    }
}

#[test]
fn protection_rises_within_a_second_and_falls_slowly() {
    let (mut estimate, mut counts) = (Estimate::new(), [0; 3]);
    assert_eq!(estimate.losses().rate, START_LOSS);
    reports(&mut estimate, 0, 30, &mut counts, 0, 1);
    assert!(estimate.losses().rate <= 0.0025, "{:?}", estimate.losses());
    reports(&mut estimate, 30, 2, &mut counts, 4, 2);
    assert!(estimate.losses().rate >= 0.125, "{:?}", estimate.losses());
    reports(&mut estimate, 32, 20, &mut counts, 4, 2);
    assert!((0.2..=0.25).contains(&estimate.losses().rate), "{:?}", estimate.losses());
    assert!((1.8..=2.7).contains(&estimate.losses().burst()), "{:?}", estimate.losses());
    reports(&mut estimate, 52, 2, &mut counts, 0, 1);
    assert!(estimate.losses().rate >= 0.15, "{:?}", estimate.losses());
    reports(&mut estimate, 54, 60, &mut counts, 0, 1);
    assert!(estimate.losses().rate <= 0.0025, "{:?}", estimate.losses());
}

#[test]
fn absurd_reports_do_no_harm() {
    let mut estimate = Estimate::new();
    for (i, counts) in
        [[u64::MAX; 3], [0, u64::MAX, 0], [5, 1, u64::MAX], [u64::MAX, 0, 0]].into_iter().enumerate()
    {
        estimate.update(Time::from_nanos(i as u64), counts);
        let Losses { rate, memory } = estimate.losses();
        assert!((0.0..=0.5).contains(&rate) && (0.0..=0.9).contains(&memory));
    }
}
