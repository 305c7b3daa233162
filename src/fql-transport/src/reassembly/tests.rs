use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn header(number: u32, coded: u8) -> UnitHeader {
    let unit = Unit::new(4, 2, b"p").unwrap();
    let timing = Timing { pts: u64::from(number) * 40_000_000, duration: 40_000_000 };
    UnitHeader::of(&unit, 0, number, timing, coded)
}

fn piece(layer: u8, slice: u8, offset: u32, data: &'static [u8], end: End) -> Piece {
    Piece { layer, slice, offset, data: Bytes::from_static(data), end }
}

fn at(ms: u64) -> Time {
    Time::from_nanos(ms * 1_000_000)
}

#[test]
fn a_unit_leaves_when_it_is_complete_and_in_order() {
    let mut track = Reassembly::new(14);
    let both = |track: &mut Reassembly, number| {
        let pieces = vec![piece(0, 0, 0, b"a", End::Complete), piece(0, 1, 0, b"b", End::Complete)];
        track.add(header(number, 1), pieces, at(100 + u64::from(number) * 40))
    };
    both(&mut track, 0);
    assert_eq!(track.poll(at(0)).unwrap().number, 0);
    both(&mut track, 2);
    assert!(track.poll(at(100)).is_none(), "1 may still come");
    track.add(header(1, 1), vec![piece(0, 0, 0, b"a", End::Complete)], at(140));
    assert!(track.poll(at(139)).is_none());
    let late = track.poll(at(140)).unwrap();
    assert_eq!((late.number, late.is_complete, late.missing), (1, false, 0));
    assert!(late.unit.segment(0, 1).unwrap().is_missing());
    assert_eq!(track.poll(at(140)).unwrap().number, 2);
    assert_eq!(both(&mut track, 1), Added::Late);
    assert_eq!(both(&mut track, 0), Added::Needless);
    assert_eq!((track.bytes(), track.units()), (0, 0));
}

#[test]
fn units_of_which_nothing_came_are_missing_once_they_would_have_been_due() {
    let mut track = Reassembly::new(14);
    let pieces = || vec![piece(0, 0, 0, b"a", End::Complete), piece(0, 1, 0, b"b", End::Complete)];
    track.add(header(0, 1), pieces(), at(100));
    track.poll(at(0)).unwrap();
    track.add(header(3, 1), pieces(), at(220));
    assert_eq!(track.deadline(), Some(at(180)));
    assert!(track.poll(at(179)).is_none());
    assert_eq!(track.poll(at(180)).unwrap().missing, 2);
}

#[test]
fn a_hole_cuts_a_segment_off_and_nothing_else() {
    let mut track = Reassembly::new(14);
    let pieces = vec![
        piece(0, 0, 0, b"first", End::Not),
        piece(0, 0, 9, b"third", End::Complete),
        piece(0, 1, 0, b"whole", End::Complete),
        piece(1, 0, 0, b"cut", End::Cut),
        piece(1, 1, 0, b"", End::Complete),
    ];
    track.add(header(0, 2), pieces, at(100));
    let unit = track.poll(at(100)).unwrap().unit;
    assert_eq!(unit.segment(0, 0), Some(&Segment::truncated("first")));
    assert_eq!(unit.segment(0, 1), Some(&Segment::complete("whole")));
    assert_eq!(unit.segment(1, 0), Some(&Segment::truncated("cut")));
    assert_eq!(unit.segment(1, 1), Some(&Segment::complete("")));
}

#[test]
fn layers_that_are_not_wanted_are_not_waited_for() {
    let mut track = Reassembly::new(0);
    let pieces = vec![piece(0, 0, 0, b"a", End::Complete), piece(0, 1, 0, b"b", End::Complete)];
    track.add(header(0, 3), pieces, at(100));
    let unit = track.poll(at(0)).unwrap();
    assert!(unit.is_complete);
    assert_eq!(unit.unit.coded_layers(), 1);
}

#[test]
fn a_shard_that_contradicts_its_unit_is_refused() {
    let mut track = Reassembly::new(14);
    track.add(header(0, 2), vec![piece(0, 0, 0, b"a", End::Complete)], at(100));
    assert_eq!(track.add(header(0, 3), vec![piece(0, 1, 0, b"b", End::Complete)], at(100)), Added::Misfit);
}

proptest! {
    #[test]
    fn pieces_of_a_segment_in_any_order_and_twice_give_the_segment(
        data in vec(any::<u8>(), 1..300),
        cuts in vec(any::<prop::sample::Index>(), 0..6),
        order in vec(any::<u64>(), 16),
    ) {
        let data = Bytes::from(data);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(data.len())).chain([0, data.len()]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let mut pieces: Vec<Piece> = cuts
            .windows(2)
            .map(|ends| {
                let end = if ends[1] == data.len() { End::Complete } else { End::Not };
                Piece { layer: 0, slice: 0, offset: ends[0] as u32, data: data.slice(ends[0]..ends[1]), end }
            })
            .collect();
        pieces.extend(pieces.clone());
        let mut keyed: Vec<_> = pieces.into_iter().zip(order.iter().cycle()).collect();
        keyed.sort_by_key(|(_, key)| **key);
        let mut track = Reassembly::new(14);
        for (piece, _) in keyed {
            track.add(header(0, 1), vec![piece], at(100));
        }
        track.add(header(0, 1), vec![piece(0, 1, 0, b"", End::Complete)], at(100));
        let unit = track.poll(at(0)).unwrap().unit;
        prop_assert_eq!(unit.segment(0, 0), Some(&Segment::complete(data)));
        prop_assert_eq!(track.bytes(), 0);
    }

    #[test]
    fn contradictory_pieces_do_no_harm(
        pieces in vec((0u8..4, 0u8..2, 0u32..100, vec(any::<u8>(), 0..40), 0u8..3), 0..100)
    ) {
        let mut track = Reassembly::new(14);
        for (layer, slice, offset, data, end) in pieces {
            let end = [End::Not, End::Complete, End::Cut][usize::from(end)];
            if data.is_empty() && end == End::Not {
                continue;
            }
            track.add(header(0, 4), vec![Piece { layer, slice, offset, data: data.into(), end }], at(100));
        }
        while track.pop().is_some() {}
        prop_assert_eq!(track.bytes(), 0);
    }
}

#[test]
fn tiny_pieces_in_the_worst_order_are_bounded_and_join_when_the_first_comes() {
    let mut track = Reassembly::new(14);
    let count = MAX_PIECES as u32 + 100;
    for at_most in (1..count).rev() {
        track.add(header(0, 1), vec![piece(0, 0, at_most, b"x", End::Not)], at(100));
    }
    assert!(track.bytes() <= MAX_PIECES * (PIECE_COST + 1) + 1000, "{}", track.bytes());
    track.add(header(0, 1), vec![piece(0, 1, 1, b"yz", End::Complete)], at(100));
    track.add(header(0, 1), vec![piece(0, 1, 0, b"xy", End::Not)], at(100));
    let unit = track.poll(at(100)).unwrap().unit;
    assert_eq!(unit.segment(0, 1), Some(&Segment::complete(&b"xyz"[..])));
}

proptest! {
    #[test]
    fn overlapping_pieces_in_any_order_give_the_bytes_before_the_first_hole(
        pieces in vec((0u32..60, 1usize..20), 0..20),
    ) {
        let bytes: Vec<u8> = (0..80).collect();
        let mut partial = Partial::default();
        let mut is_there = [false; 81];
        let mut offsets = std::collections::HashSet::new();
        for (offset, len) in pieces {
            let range = offset as usize..offset as usize + len;
            if offsets.insert(offset) {
                is_there[range.clone()].fill(true);
            }
            let data = Bytes::copy_from_slice(&bytes[range]);
            partial.add(Piece { layer: 0, slice: 0, offset, data, end: End::Not });
        }
        let hole = is_there.iter().position(|there| !there).unwrap();
        prop_assert_eq!(partial.into_segment(), Segment::truncated(bytes[..hole].to_vec()));
    }
}
