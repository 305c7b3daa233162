use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::datagram::Datagram;
use crate::report::{Ack, Counts};

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..100).prop_map(Bytes::from)
}

prop_compose! {
    fn report()(
        counts in any::<[u64; 8]>(),
        values in any::<[u64; 6]>(),
        echo: u32,
        max_layer: u8,
        tracks in option::of(any::<u16>()),
        paused: bool,
        acks in vec((any::<u8>(), any::<u32>(), vec(0u8..16, 0..=32)), 0..=16),
    ) -> Report {
        let [received, lost, bursts, recovered, late, complete, partial, missing] = counts;
        let [held, queueing, standing, delivered_rate, arrived, latency] = values;
        let counts = Counts { received, lost, bursts, recovered, late, complete, partial, missing };
        let acks = acks.into_iter().map(|(track, last, layers)| Ack { track, last, layers }).collect();
        Report {
            counts,
            echo,
            held,
            queueing,
            standing,
            delivered_rate,
            arrived,
            latency,
            max_layer,
            tracks,
            paused,
            acks,
        }
    }
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        (option::of(any::<(u16, u8)>()), option::of(0u8..15), bytes())
            .prop_map(|(block, ceiling, content)| Message::Source { block, ceiling, content }),
        (any::<(u16, u8, u8)>(), option::of(0u8..15), bytes()).prop_map(
            |((block, sources, row), ceiling, bytes)| Message::Parity { block, sources, row, ceiling, bytes }
        ),
        (any::<(u16, u8, u8)>(), bytes()).prop_map(|((version, part, parts), bytes)| Message::Tracks {
            version,
            part,
            parts,
            bytes
        }),
        any::<bool>().prop_map(|paused| Message::Ping { paused }),
        (0u8..8).prop_map(|code| Message::Goodbye(EndReason::from_code(code))),
        report().prop_map(|report| Message::Report(Box::new(report))),
    ]
}

proptest! {
    #[test]
    fn a_message_survives_the_trip_through_bytes(message in message(), micros: u32) {
        let mut out = Vec::new();
        message.encode(micros, &mut out);
        prop_assert_eq!(out.len(), message.len());
        prop_assert_eq!(Message::parse(&out.into()), Ok((micros, message)));
    }

    #[test]
    fn a_damaged_message_does_no_harm(message in message(), at in any::<prop::sample::Index>(), to: u8, cut in any::<prop::sample::Index>()) {
        let mut out = Vec::new();
        message.encode(0, &mut out);
        let at = at.index(out.len());
        out[at] = to;
        let _ = Message::parse(&Bytes::copy_from_slice(&out[..cut.index(out.len())]));
        let _ = Message::parse(&out.into());
    }

    #[test]
    fn any_bytes_are_a_message_or_none(bytes in bytes()) {
        let _ = Message::parse(&bytes);
    }

    #[test]
    fn any_bytes_are_a_datagram_or_none(mut bytes in vec(any::<u8>(), 0..80), kind in 0xf0u8..=0xf8) {
        let _ = Datagram::parse(&bytes);
        if let Some(first) = bytes.first_mut() {
            *first = kind;
        }
        let _ = Datagram::parse(&bytes);
    }
}
