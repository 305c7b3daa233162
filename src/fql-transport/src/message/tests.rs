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
        (paused, out_of_turn) in any::<(bool, bool)>(),
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
            out_of_turn,
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
        vec((any::<u8>(), any::<i64>().prop_map(UtcOffset::from_nanos)), 1..100).prop_map(Message::Utc),
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

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/messages.json");

/// Messages, and in JSON what a reader is to find in them.
fn vectors() -> Vec<(&'static str, Message)> {
    let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
    let offsets = [(7, 1_700_000_000_000_000_000), (0, -1)];
    let counts = Counts {
        received: 300,
        lost: 7,
        bursts: 5,
        recovered: 6,
        late: 1,
        complete: 1 << 40,
        partial: 2,
        missing: 0,
    };
    let report = Report {
        counts,
        echo: 0xfedc_ba98,
        held: 1_234,
        queueing: 20_000,
        standing: 127,
        delivered_rate: 2_000_000,
        arrived: u64::MAX,
        latency: 300,
        max_layer: 14,
        tracks: Some(0x1234),
        paused: false,
        out_of_turn: true,
        acks: vec![
            Ack { track: 3, last: 0xffff_ffff, layers: vec![12, 0, 15] },
            Ack { track: 0, last: 9, layers: vec![] },
        ],
    };
    let quiet = Report { tracks: None, paused: true, out_of_turn: false, acks: vec![], ..report };
    vec![
        (
            r#"{"kind": 0, "ceiling": 0, "content": "content"}"#,
            Message::Source { block: None, ceiling: None, content: bytes("content") },
        ),
        (
            r#"{"kind": 1, "ceiling": 15, "block": 65534, "index": 39, "content": "content"}"#,
            Message::Source { block: Some((65_534, 39)), ceiling: Some(14), content: bytes("content") },
        ),
        (
            r#"{"kind": 2, "ceiling": 1, "block": 258, "sources": 40, "row": 59, "content": "parity"}"#,
            Message::Parity { block: 258, sources: 40, row: 59, ceiling: Some(0), bytes: bytes("parity") },
        ),
        (
            r#"{"kind": 3, "version": 513, "part": 1, "parts": 2, "content": "table"}"#,
            Message::Tracks { version: 513, part: 1, parts: 2, bytes: bytes("table") },
        ),
        (r#"{"kind": 4, "paused": true}"#, Message::Ping { paused: true }),
        (r#"{"kind": 4, "paused": false}"#, Message::Ping { paused: false }),
        (r#"{"kind": 5, "reason": 7}"#, Message::Goodbye(EndReason::from_code(7))),
        (
            r#"{"kind": 6, "counts": [300, 7, 5, 6, 1, 1099511627776, 2, 0], "newest": 4275878552, "values": [1234, 20000, 127, 2000000, 18446744073709551615, 300], "highest": 14, "tracks": 4660, "paused": false, "out_of_turn": true, "acknowledged": [[3, 4294967295, [12, 0, 15]], [0, 9, []]]}"#,
            Message::Report(Box::new(report)),
        ),
        (
            r#"{"kind": 6, "counts": [300, 7, 5, 6, 1, 1099511627776, 2, 0], "newest": 4275878552, "values": [1234, 20000, 127, 2000000, 18446744073709551615, 300], "highest": 14, "tracks": null, "paused": true, "out_of_turn": false, "acknowledged": []}"#,
            Message::Report(Box::new(quiet)),
        ),
        (
            r#"{"kind": 7, "offsets": [[7, 1700000000000000000], [0, -1]]}"#,
            Message::Utc(offsets.map(|(track, nanos)| (track, UtcOffset::from_nanos(nanos))).to_vec()),
        ),
    ]
}

/// `tests/vectors/reference` reads the same bytes. `UPDATE_VECTORS=1` writes them anew, with a new version of the
/// protocol.
#[test]
fn messages_are_the_bytes_that_they_always_were() {
    const SENT: u32 = 0x0102_0304;
    let line = |(says, message): &(&str, Message)| {
        let mut out = Vec::new();
        message.encode(SENT, &mut out);
        let hex: String = out.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(Message::parse(&out.into()), Ok((SENT, message.clone())), "{says}");
        format!(r#"{{"says": {says}, "message": "{hex}"}}"#)
    };
    let lines: Vec<String> = vectors().iter().map(line).collect();
    let text = format!("[\n{}\n]\n", lines.join(",\n"));
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(VECTORS, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(VECTORS).unwrap(), text);
}
