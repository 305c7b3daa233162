//! Congestion control on simulated links: a stream that would take more than there is, or less, alone and beside
//! others. `cargo nextest run -p fql-transport --test congestion --no-capture` prints what it measures.

mod network;

use std::time::Duration;

use fql_transport::CongestionState;
use network::{Aimd, Network, Stream, Way};

/// A frame without a new picture.
const ONE_FRAME: u128 = 40;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn way(round_trip_ms: u64) -> Way {
    Way { delay: ms(round_trip_ms / 2), ..Way::CLEAN }
}

fn kbit(rate: f64) -> f64 {
    (rate / 1000.0).round()
}

/// Links in kbit/s with the round trip and the latency budget in ms.
const LINKS: [(u64, u64, u64); 9] = [
    (500, 60, 120),
    (1500, 0, 120),
    (1500, 60, 100),
    (1500, 60, 120),
    (1500, 60, 400),
    (1500, 150, 120),
    (1500, 150, 400),
    (5000, 60, 120),
    (20_000, 60, 120),
];

#[test]
fn a_stream_that_meets_a_bottleneck_settles_under_it_within_two_seconds() {
    println!("kbit/s, round trip, budget | freeze until 2 s, after | kbit/s 2-5 s, 5-20 s | layers 5-20 s");
    for (rate, round_trip, budget) in LINKS {
        let mut net = Network::new(Some(rate * 1000), 200);
        net.streams.push(Stream::new(net.now, way(round_trip), budget, None, rate * 1667, 7));
        net.run_to(20.0);
        let stream = &net.streams[0];
        let (settling, after) = (stream.freeze(0.0, 2.0), stream.freeze(2.0, 20.0));
        let (early, late) = (kbit(stream.passed(2.0, 5.0)), kbit(stream.passed(5.0, 20.0)));
        let (least, most) = stream.layers(5.0, 20.0);
        println!(
            "{rate:6} {round_trip:4} {budget:4} | {settling:4} {after:4} | {early:6} {late:6} | {least} to {most}"
        );
        assert!(settling <= 500, "a freeze of {settling} ms while it settles");
        assert!(after <= 2 * ONE_FRAME, "a freeze of {after} ms afterwards");
        assert!(early >= 0.7 * rate as f64 && late >= 0.82 * rate as f64, "{early} and {late} of {rate}");
        assert!(most - least <= 1, "it swings from {least} to {most} layers");
    }
}

#[test]
fn a_stream_follows_a_link_that_becomes_slow_and_fast_again() {
    println!("kbit/s, round trip, budget | freeze at the step, after | kbit/s then | layers | back after s");
    for (rate, round_trip, budget) in LINKS {
        let mut net = Network::new(None, 200);
        net.streams.push(Stream::new(net.now, way(round_trip), budget, None, rate * 1667, 7));
        net.run_to(10.0);
        net.bottleneck.rate = Some(rate * 1000);
        net.run_to(30.0);
        net.bottleneck.rate = None;
        net.run_to(45.0);
        let stream = &net.streams[0];
        let before = stream.passed(5.0, 10.0);
        let (settling, after) = (stream.freeze(9.5, 12.0), stream.freeze(12.0, 30.0));
        let then = kbit(stream.passed(12.0, 30.0));
        let (least, most) = stream.layers(14.0, 30.0);
        let back = (0..150)
            .map(|tenth| f64::from(tenth) / 10.0)
            .find(|&seconds| stream.passed(30.0 + seconds, 31.0 + seconds) >= 0.9 * before);
        let back = back.unwrap_or(f64::INFINITY);
        println!(
            "{rate:6} {round_trip:4} {budget:4} | {settling:4} {after:4} | {then:6} | {least} to {most} | {back:4.1}"
        );
        assert!(stream.freeze(1.0, 9.5) == 0, "a freeze before the step");
        assert!(settling <= 500, "a freeze of {settling} ms while it settles");
        assert!(after <= 2 * ONE_FRAME, "a freeze of {after} ms afterwards");
        assert!(then >= 0.8 * rate as f64, "{then} of {rate} kbit/s");
        assert!(most - least <= 1, "it swings from {least} to {most} layers");
        assert!(back <= 10.0, "not back after {back} s");
    }
}

#[test]
fn constant_loss_without_delay_does_not_reduce_the_rate() {
    println!("loss, burst, jitter | kbit/s sent with a bound of 2000 | kbit/s through a link of 3000");
    for (loss, burst, jitter) in [
        (0.0, 1.0, 0),
        (0.1, 1.0, 0),
        (0.2, 1.0, 0),
        (0.1, 5.0, 0),
        (0.2, 5.0, 0),
        (0.1, 20.0, 0),
        (0.0, 1.0, 30),
        (0.1, 1.0, 30),
    ] {
        let way = Way { loss, burst, jitter: ms(jitter), ..Way::CLEAN };
        let mut net = Network::new(None, 200);
        net.streams.push(Stream::new(net.now, way, 120, Some(2_000_000), 8_000_000, 7));
        net.run_to(20.0);
        let stream = &net.streams[0];
        let sent = kbit(stream.window(2.0, 20.0).map(|s| s.sent as f64).sum::<f64>() / 180.0);
        assert_eq!(stream.allowed(2.0, 20.0), (2_000_000.0, 2_000_000.0), "{loss} in runs of {burst}");

        let mut net = Network::new(Some(3_000_000), 200);
        net.streams.push(Stream::new(net.now, way, 120, None, 8_000_000, 7));
        net.run_to(20.0);
        let through = kbit(net.streams[0].passed(5.0, 20.0));
        println!("{loss:4} {burst:4} {jitter:4} | {sent:6} | {through:6}");
        assert!(sent >= 1850.0, "{sent} kbit/s");
        assert!(through >= 0.75 * 3000.0 * (1.0 - loss), "{through} kbit/s through the bottleneck");
    }
}

#[test]
fn streams_share_a_bottleneck_without_starving() {
    println!("two streams, the second 10 s later: kbit/s, queue | their kbit/s after 10 s, after 30 to 60 s");
    for (rate, queue) in [(1500, 200), (3000, 100), (10_000, 200)] {
        let mut net = Network::new(Some(rate * 1000), queue);
        net.streams.push(Stream::new(net.now, Way::CLEAN, 120, None, 40_000_000, 7));
        net.run_to(10.0);
        net.streams.push(Stream::new(net.now, Way::CLEAN, 120, None, 40_000_000, 9));
        net.run_to(70.0);
        let (old, new) = (&net.streams[0], &net.streams[1]);
        let early = [kbit(old.passed(10.0, 20.0)), kbit(new.passed(0.0, 10.0))];
        let late = [kbit(old.passed(40.0, 70.0)), kbit(new.passed(30.0, 60.0))];
        println!("{rate:6} {queue:4} | {early:?} | {late:?}");
        assert!(early[1] >= 0.1 * rate as f64, "the second stream starves at first: {early:?}");
        assert!(late[1] >= 0.3 * rate as f64 && late[0] >= 0.3 * rate as f64, "{late:?}");
        assert!(late[0] + late[1] >= 0.8 * rate as f64, "they leave much of the link: {late:?}");
    }
}

#[test]
fn a_stream_and_a_flow_like_tcp_share_a_bottleneck_without_starving() {
    println!("a stream, 10 s later TCP: kbit/s, queue | their kbit/s after 10 s, after 30 to 60 s");
    for (rate, queue) in [(1500, 200), (3000, 200), (3000, 100), (10_000, 200)] {
        let mut net = Network::new(Some(rate * 1000), queue);
        net.streams.push(Stream::new(net.now, Way::CLEAN, 120, None, 40_000_000, 7));
        net.run_to(10.0);
        net.others.push(Aimd::new(ms(30)));
        net.run_to(70.0);
        let (stream, other) = (&net.streams[0], &net.others[0]);
        let early = [kbit(stream.passed(10.0, 20.0)), kbit(other.passed(0.0, 10.0))];
        let late = [kbit(stream.passed(40.0, 70.0)), kbit(other.passed(30.0, 60.0))];
        println!("{rate:6} {queue:4} | {early:?} | {late:?}");
        assert!(early[0] >= 0.12 * rate as f64, "the stream starves at first: {early:?}");
        assert!(late[0] >= 0.2 * rate as f64 && late[1] >= 0.2 * rate as f64, "{late:?}");
    }
}

#[test]
fn what_the_application_does_not_use_neither_grows_nor_shrinks() {
    let mut net = Network::new(Some(10_000_000), 200);
    net.streams.push(Stream::new(net.now, Way::CLEAN, 120, None, 800_000, 7));
    net.run_to(30.0);
    let (least, most) = net.streams[0].allowed(5.0, 30.0);
    let sent = net.streams[0].passed(5.0, 30.0);
    assert!(most <= 3.0 * sent && least >= sent, "{least} to {most} where {sent} is used");
    assert!(least >= 0.95 * most, "{least} to {most}");
    // What it asks for after a quiet time comes soon.
    net.streams[0].wanted = 6_000_000;
    net.run_to(40.0);
    let reached = net.streams[0].window(30.0, 40.0).position(|sample| sample.passed >= 5_500_000);
    assert!(reached.is_some_and(|tenths| tenths <= 40), "{reached:?} tenths of a second");
    assert_eq!(net.streams[0].freeze(30.0, 40.0), 0);
}

#[test]
fn a_picture_that_hardly_moves_does_not_forget_the_link() {
    let mut net = Network::new(Some(1_500_000), 200);
    net.streams.push(Stream::new(net.now, Way::CLEAN, 120, None, 2_500_000, 7));
    net.run_to(10.0);
    net.streams[0].wanted = 200_000;
    net.run_to(40.0);
    let (least, most) = net.streams[0].allowed(12.0, 40.0);
    assert!(least > 1_000_000.0 && most < 1_900_000.0, "{least} to {most}");
    net.streams[0].wanted = 2_500_000;
    net.run_to(50.0);
    assert!(net.streams[0].freeze(39.0, 50.0) <= ONE_FRAME);
    assert!(net.streams[0].passed(42.0, 50.0) > 1_200_000.0);
}

#[test]
fn reports_that_are_lost_cost_little() {
    for report_loss in [0.1, 0.3, 0.5] {
        let mut net = Network::new(Some(1_500_000), 200);
        let way = Way { report_loss, ..Way::CLEAN };
        net.streams.push(Stream::new(net.now, way, 120, None, 2_500_000, 7));
        net.run_to(30.0);
        let stream = &net.streams[0];
        let (settling, after) = (stream.freeze(0.0, 3.0), stream.freeze(3.0, 30.0));
        let passed = kbit(stream.passed(5.0, 30.0));
        println!("{report_loss} of the reports lost: freeze {settling} ms, then {after} ms, {passed} kbit/s");
        assert!(settling <= 600 && after <= 240, "freezes of {settling} and {after} ms");
        assert!(passed >= 1100.0, "{passed} kbit/s");
    }
}

#[test]
fn without_any_report_less_and_less_is_sent_until_one_comes() {
    let mut net = Network::new(None, 200);
    net.streams.push(Stream::new(net.now, Way::CLEAN, 120, Some(2_000_000), 4_000_000, 7));
    net.run_to(10.0);
    net.streams[0].way.report_loss = 1.0;
    net.run_to(14.0);
    let (least, _) = net.streams[0].allowed(13.5, 14.0);
    assert!(least < 1_000_000.0, "{least} bit/s without reports");
    net.streams[0].way.report_loss = 0.0;
    net.run_to(15.0);
    assert_eq!(net.streams[0].allowed(14.5, 15.0), (2_000_000.0, 2_000_000.0));
}

#[test]
fn a_rate_that_another_stream_took_is_given_up_and_taken_back() {
    let mut net = Network::new(Some(3_000_000), 200);
    net.streams.push(Stream::new(net.now, Way::CLEAN, 120, None, 8_000_000, 7));
    net.run_to(10.0);
    net.others.push(Aimd::new(ms(30)));
    net.run_to(25.0);
    assert!(net.streams[0].window(10.0, 25.0).any(|s| s.state == Some(CongestionState::Competing)));
    net.others.clear();
    net.run_to(45.0);
    let alone = kbit(net.streams[0].passed(38.0, 45.0));
    assert!(alone >= 0.8 * 3000.0, "{alone} kbit/s when it is alone again");
    assert!(net.streams[0].freeze(38.0, 45.0) <= ONE_FRAME);
}

#[test]
fn a_queue_too_short_to_be_seen_is_found_by_what_more_sending_loses() {
    println!("queue ms, loss beside | kbit/s sent and through a link of 1500");
    for (queue, loss) in [(10, 0.0), (20, 0.0), (40, 0.0), (10, 0.1)] {
        let mut net = Network::new(Some(1_500_000), queue);
        let way = Way { loss, ..Way::CLEAN };
        net.streams.push(Stream::new(net.now, way, 120, None, 8_000_000, 7));
        net.run_to(30.0);
        let stream = &net.streams[0];
        let sent = kbit(stream.window(10.0, 30.0).map(|s| s.sent as f64).sum::<f64>() / 200.0);
        let passed = kbit(stream.passed(10.0, 30.0));
        println!("{queue:4} {loss} | {sent:6} {passed:6}");
        assert!(sent <= 2000.0, "{sent} kbit/s into a link of 1500");
        assert!(passed >= 900.0, "{passed} kbit/s");
        assert!(stream.freeze(2.0, 30.0) <= 2 * ONE_FRAME);
    }
}

#[test]
fn a_link_that_begins_to_lose_is_not_taken_for_a_full_one_for_long() {
    let mut net = Network::new(None, 200);
    net.streams.push(Stream::new(net.now, Way::CLEAN, 120, Some(3_000_000), 8_000_000, 7));
    net.run_to(10.0);
    for (loss, burst, until) in [(0.2, 1.0, 20.0), (0.0, 1.0, 30.0), (0.2, 5.0, 40.0)] {
        (net.streams[0].way.loss, net.streams[0].way.burst) = (loss, burst);
        net.run_to(until);
        let (least, _) = net.streams[0].allowed(until - 10.0, until);
        assert_eq!(least, 3_000_000.0, "{loss} in runs of {burst}");
    }
    // So much says that something is wrong; less is sent for a second to see whether that helps.
    (net.streams[0].way.loss, net.streams[0].way.burst) = (0.6, 1.0);
    net.run_to(60.0);
    let bounded = net.streams[0].window(40.0, 60.0).filter(|sample| sample.allowed < 2_900_000).count();
    assert!((1..=30).contains(&bounded), "{bounded} tenths of a second at a lower rate");
}
