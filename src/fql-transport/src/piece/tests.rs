use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

prop_compose! {
    fn header()(
        (track, number, pts, duration) in any::<(u8, u32, u64, u64)>(),
        (key, discont, attached) in any::<(bool, bool, bool)>(),
        layers in 1u8..=15,
        slices in 1u8..=32,
        params in vec(any::<u8>(), 0..=24),
    )(
        coded in 0..=layers,
        reference_layers in 0..=layers,
        (track, number, pts, duration, key, discont, attached, layers, slices, params) in
            Just((track, number, pts, duration, key, discont, attached, layers, slices, params)),
    ) -> UnitHeader {
        let timing = Timing { pts: pts >> 1, duration };
        let flags = UnitFlags { key, discont, attached };
        UnitHeader { track, number, timing, flags, layers, coded, slices, reference_layers, params: params.into() }
    }
}

/// A header and pieces in layer-major order, many of them empty segments.
fn shard() -> impl Strategy<Value = (UnitHeader, Vec<Piece>)> {
    let piece = (0u8..5, 0u32..2000, vec(any::<u8>(), 1..20));
    (header(), vec(piece, 0..480)).prop_map(|(header, pieces)| {
        let places = (0..header.coded).flat_map(|layer| (0..header.slices).map(move |slice| (layer, slice)));
        let pieces = places.zip(pieces).filter_map(|((layer, slice), (kind, offset, data))| {
            let (offset, data, end) = match kind {
                0 | 1 => (0, Vec::new(), End::Complete),
                2 => return None,
                3 => (offset, data, if offset % 2 == 0 { End::Not } else { End::Cut }),
                _ => (offset / 1000, data, End::Complete),
            };
            Some(Piece { layer, slice, offset, data: data.into(), end })
        });
        (header.clone(), pieces.collect())
    })
}

proptest! {
    #[test]
    fn a_shard_survives_the_trip_through_bytes((header, pieces) in shard()) {
        prop_assert_eq!(parse(&encode(&header, &pieces)), Ok((header, pieces)));
    }

    #[test]
    fn pieces_take_no_more_than_they_were_reckoned_with((header, pieces) in shard()) {
        let alone = encode(&header, &[]).len();
        let reckoned: usize = pieces.iter().map(|p| p.data.len() + overhead(p.offset as usize, p.data.len())).sum();
        prop_assert!(encode(&header, &pieces).len() <= alone + reckoned);
    }

    #[test]
    fn a_damaged_shard_gives_no_piece_outside_of_its_unit(
        (header, pieces) in shard(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = encode(&header, &pieces).to_vec();
        for (at, to) in damage {
            let at = at.index(bytes.len());
            bytes[at] = to;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        if let Ok((header, pieces)) = parse(&bytes.into()) {
            prop_assert!(pieces.iter().all(|p| p.layer < header.coded && p.slice < header.slices));
        }
    }

    #[test]
    fn any_bytes_are_a_shard_or_none(bytes in vec(any::<u8>(), 0..200)) {
        let len = bytes.len();
        if let Ok((header, pieces)) = parse(&bytes.into()) {
            let segments = usize::from(header.coded) * usize::from(header.slices);
            prop_assert!(pieces.len() <= segments + len);
        }
    }
}

#[test]
fn empty_segments_cost_three_bytes_together() {
    let unit = Unit::new(15, 32, []).unwrap();
    let header = UnitHeader::of(&unit, 0, 0, Timing::default(), 15);
    let place =
        |i: u8| Piece { layer: i / 32, slice: i % 32, offset: 0, data: Bytes::new(), end: End::Complete };
    let pieces: Vec<_> = (0..200).map(place).collect();
    assert_eq!(encode(&header, &pieces).len(), encode(&header, &[]).len() + 3);
}

#[test]
fn a_tiny_piece_does_not_keep_the_memory_of_its_datagram() {
    let header = UnitHeader::of(&Unit::new(4, 2, []).unwrap(), 0, 0, Timing::default(), 4);
    let piece = |slice, len| {
        let data = Bytes::from(vec![1; len]);
        Piece { layer: 0, slice, offset: 0, data, end: End::Complete }
    };
    let content = encode(&header, &[piece(0, 3), piece(1, 900)]);
    let (_, pieces) = parse(&content).unwrap();
    let shares = |data: &Bytes| content.as_ptr_range().contains(&data.as_ptr());
    assert_eq!(pieces.iter().map(|piece| shares(&piece.data)).collect::<Vec<_>>(), [false, true]);
    assert_eq!(pieces, [piece(0, 3), piece(1, 900)]);
}
