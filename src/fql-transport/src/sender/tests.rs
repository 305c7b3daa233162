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
    let config = SenderConfig { one_way: true, ..SenderConfig::new(KEY) };
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
