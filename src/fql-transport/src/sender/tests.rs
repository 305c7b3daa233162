use fql_unit::{DataInfo, Track};

use super::*;
use crate::{Receiver, ReceiverConfig, ReceiverEvent};

const KEY: Key = Key::from_bytes([3; 32]);

fn table() -> TrackTable {
    let media = fql_unit::Media::Data(DataInfo { caps: String::new() });
    TrackTable::new(vec![Track { id: 1, name: String::new(), layers: 1, media }]).unwrap()
}

/// Pushes a unit every 20 ms and gives how many each receiver gets.
fn play(
    sender: &mut Sender,
    receivers: &mut [&mut Receiver<()>],
    from: &mut Time,
    units: usize,
) -> Vec<usize> {
    let mut got = vec![0; receivers.len()];
    let mut unit = Unit::new(1, 1, []).unwrap();
    unit.set(0, 0, fql_unit::Segment::complete(vec![7; 100]));
    for i in 0..units * 20 {
        *from = *from + Duration::from_millis(1);
        if i % 20 == 0 {
            let timing = Timing { pts: from.as_nanos(), duration: 20_000_000 };
            sender.push_unit(*from, 1, timing, &unit).unwrap();
        }
        while let Some(datagram) = sender.poll_transmit(*from) {
            receivers.iter_mut().for_each(|receiver| receiver.handle_datagram(*from, (), &datagram));
        }
        for (receiver, got) in receivers.iter_mut().zip(&mut got) {
            assert!(receiver.poll_transmit(*from).is_none());
            let events = std::iter::from_fn(|| receiver.poll_event());
            *got += events.filter(|event| matches!(event, ReceiverEvent::Unit { .. })).count();
        }
    }
    got
}

#[test]
fn one_way_packet_numbers_never_outgrow_what_travels_of_them() {
    let mut now = Time::from_nanos(1_000_000_000);
    // A block a unit, so that each is there when it was sent.
    let fec = Some(Fec::None);
    let config = SenderConfig { one_way: true, fec, ..SenderConfig::new(KEY) };
    let mut sender = Sender::new(config, Seed::from_bytes([1; 32]), now).unwrap();
    sender.set_tracks(now, table());
    let receiver =
        |seed| Receiver::<()>::new(ReceiverConfig::new(KEY), Seed::from_bytes([seed; 32])).unwrap();
    let State::Live(session) = &mut sender.state else { panic!("one way a sender is live at once") };
    session.sealer.skip_to((1 << 32) - 100);
    let mut early = receiver(2);
    assert_eq!(play(&mut sender, &mut [&mut early], &mut now, 10), [10]);
    let got = play(&mut sender, &mut [&mut early], &mut now, 190)[0];
    assert!(got >= 189, "{got} of 190 units, across the renewal");
    assert_eq!((sender.stats(now).sessions, early.stats(now).sessions), (2, 2));
    let mut late = receiver(3);
    let got = play(&mut sender, &mut [&mut early, &mut late], &mut now, 100);
    assert!(got[0] == 100 && got[1] >= 45, "{got:?}");
}

/// Pushes access units of these layers and sizes, 40 ms apart, under a bound of 400 kbit/s. Gives the bytes of each that
/// the receiver gets, and `None` for one that it does not get at all.
fn encoded_under_a_bound(units: &[(u8, usize)]) -> Vec<Option<usize>> {
    use fql_unit::encoded::{AccessUnit, Importance};
    let mut now = Time::from_nanos(1_000_000_000);
    let config = SenderConfig {
        one_way: true,
        fec: Some(Fec::None),
        max_bitrate: Some(400_000),
        ..SenderConfig::new(KEY)
    };
    let mut sender = Sender::new(config, Seed::from_bytes([1; 32]), now).unwrap();
    let media = fql_unit::Media::EncodedVideo(fql_unit::EncodedVideoInfo {
        codec: fql_unit::VideoCodec::H264,
        width: 64,
        height: 48,
        frame_rate: (25, 1),
        config: vec![],
        caps: String::new(),
    });
    let track = Track { id: 1, name: String::new(), layers: 3, media };
    sender.set_tracks(now, TrackTable::new(vec![track]).unwrap());
    let latency = Duration::from_secs(5);
    let receiver = ReceiverConfig { latency, ..ReceiverConfig::new(KEY) };
    let mut receiver = Receiver::<()>::new(receiver, Seed::from_bytes([2; 32])).unwrap();
    let mut got = vec![None; units.len()];
    for i in 0..units.len() * 40 + 8_000 {
        now = now + Duration::from_millis(1);
        if let Some(&(layer, size)) = units.get(i / 40).filter(|_| i % 40 == 0) {
            let importance =
                [Importance::Key, Importance::Reference, Importance::Disposable][usize::from(layer)];
            let data = vec![7; size].into();
            let (key, discont, references, composition) = (layer == 0, false, 0, None);
            let unit = AccessUnit { data, importance, key, discont, references, composition };
            let timing = Timing { pts: now.as_nanos(), duration: 40_000_000 };
            sender.push_unit(now, 1, timing, &unit.into_unit(3).unwrap()).unwrap();
        }
        while let Some(datagram) = sender.poll_transmit(now) {
            receiver.handle_datagram(now, (), &datagram);
        }
        receiver.poll_transmit(now);
        while let Some(event) = receiver.poll_event() {
            if let ReceiverEvent::Unit { number, unit, .. } = event {
                got[number as usize] = Some(unit.payload_len());
            }
        }
    }
    got
}

#[test]
fn an_encoded_unit_is_sent_whole_or_without_its_bytes_the_disposable_ones_first() {
    // 400 kbit/s are 2,000 bytes in 40 ms.
    let got = encoded_under_a_bound(&[(0, 20_000), (2, 1_000), (1, 1_000), (2, 1_000), (1, 1_000)]);
    assert_eq!(got, [Some(20_000), Some(0), Some(1_000), Some(0), Some(1_000)]);
}

#[test]
fn after_a_picture_that_did_not_fit_all_are_left_out_until_one_that_decodes_alone() {
    let units = [(0, 1_000), (1, 90_000), (1, 500), (2, 500), (0, 500), (1, 500)];
    let got = encoded_under_a_bound(&units);
    assert_eq!(got, [Some(1_000), Some(0), Some(0), Some(0), Some(500), Some(500)]);
}
