//! Access units become units and come back, and their headers are judged as their standards have them.

use bytes::Bytes;
use fql_unit::encoded::{AccessUnit, Arrived, Framing, Importance, Judge, Judgement};
use fql_unit::{Segment, Unit, VideoCodec};
use proptest::collection::vec;
use proptest::prelude::*;

const CODECS: [VideoCodec; 5] =
    [VideoCodec::H264, VideoCodec::H265, VideoCodec::Av1, VideoCodec::Vp8, VideoCodec::Vp9];

fn access_unit(importance: Importance, composition: Option<i64>) -> AccessUnit {
    AccessUnit {
        data: Bytes::from_static(b"picture"),
        importance,
        key: importance == Importance::Key,
        discont: false,
        references: 7,
        composition,
    }
}

fn judge(codec: VideoCodec, framing: Framing, access_unit: &[u8]) -> Option<(Importance, bool)> {
    let judgement = Judge::new(codec, framing).judge(access_unit);
    judgement.map(|Judgement { importance, key }| (importance, key))
}

proptest! {
    #[test]
    fn an_access_unit_survives_the_way_through_a_unit(
        importance in prop::sample::select(vec![Importance::Key, Importance::Reference, Importance::Disposable]),
        composition: Option<i64>,
        data in vec(any::<u8>(), 1..100),
    ) {
        let sent = AccessUnit { data: data.into(), ..access_unit(importance, composition) };
        let unit = sent.clone().into_unit(3).unwrap();
        prop_assert!(unit.is_complete());
        prop_assert_eq!(unit.coded_layers(), importance.layer() + 1);
        prop_assert_eq!(unit.flags.key, sent.key);
        let arrived =
            Arrived { importance, references: 7, composition, is_left_out: false, data: Some(sent.data) };
        prop_assert_eq!(Arrived::of(&unit), Ok(arrived));
    }

    #[test]
    fn any_unit_is_read_or_an_error(layers in 1u8..=15, params in vec(any::<u8>(), 0..=24)) {
        let _ = Arrived::of(&Unit::new(layers, 1, params).unwrap());
    }

    #[test]
    fn any_bytes_are_judged_in_any_framing(
        units in vec(vec(any::<u8>(), 0..300), 1..4),
        size in 0u8..=255,
        starts in any::<bool>(),
    ) {
        for codec in CODECS {
            for framing in [Framing::StartCodes, Framing::Lengths(size)] {
                let mut judge = Judge::new(codec, framing);
                for unit in &units {
                    let mut unit = unit.clone();
                    if starts {
                        unit.splice(0..0, [0, 0, 1]);
                    }
                    let _ = judge.judge(&unit);
                }
            }
        }
    }

    #[test]
    fn any_sequence_header_and_frame_header_of_av1_are_judged(
        sequence in vec(any::<u8>(), 0..40), frame in vec(any::<u8>(), 0..40), kind in prop::sample::select(vec![3u8, 6]),
    ) {
        let mut unit = vec![1 << 3 | 2, sequence.len() as u8];
        unit.extend(&sequence);
        unit.extend([kind << 3 | 2, frame.len() as u8]);
        unit.extend(&frame);
        prop_assert!(judge(VideoCodec::Av1, Framing::StartCodes, &unit).is_some());
    }
}

#[test]
fn a_unit_of_which_the_bytes_are_not_there_says_what_it_was() {
    let mut unit = access_unit(Importance::Reference, Some(-5)).into_unit(3).unwrap();
    unit.set(1, 0, Segment::truncated("pic"));
    let lost = Arrived {
        importance: Importance::Reference,
        references: 7,
        composition: Some(-5),
        is_left_out: false,
        data: None,
    };
    assert_eq!(Arrived::of(&unit), Ok(lost.clone()));
    unit.set_coded_layers(1);
    assert_eq!(Arrived::of(&unit), Ok(Arrived { is_left_out: true, ..lost }));
}

#[test]
fn a_track_of_one_layer_holds_everything_on_it() {
    let unit = access_unit(Importance::Key, None).into_unit(1).unwrap();
    assert!(unit.params().is_empty());
    assert_eq!(unit.segment(0, 0).unwrap().data(), "picture");
    assert_eq!(access_unit(Importance::Disposable, None).into_unit(1).unwrap().coded_layers(), 1);
}

#[test]
fn parameters_of_units_are_those_of_the_specification() {
    let params = |importance, composition| {
        access_unit(importance, composition).into_unit(3).unwrap().params().to_vec()
    };
    assert_eq!(params(Importance::Key, None), [0, 7]);
    assert_eq!(params(Importance::Disposable, None), [2, 7]);
    assert_eq!(params(Importance::Key, Some(0)), [0x10, 7, 0]);
    assert_eq!(params(Importance::Reference, Some(-1)), [0x11, 7, 1]);
    assert_eq!(params(Importance::Reference, Some(40_000_000)), [0x11, 7, 0x80, 0xe8, 0x92, 0x26]);
}

#[test]
fn pictures_of_h264_are_judged_by_their_nal_units() {
    let start_codes = |nals: &[&[u8]]| {
        let bytes = nals.iter().flat_map(|nal| [&[0, 0, 0, 1], *nal].concat()).collect::<Vec<_>>();
        judge(VideoCodec::H264, Framing::StartCodes, &bytes)
    };
    assert_eq!(start_codes(&[&[9, 0x10], &[0x65, 1, 2]]), Some((Importance::Key, true)));
    assert_eq!(start_codes(&[&[9, 0x30], &[0x41, 1, 2]]), Some((Importance::Reference, false)));
    assert_eq!(start_codes(&[&[0x01, 1, 2], &[0x01, 3]]), Some((Importance::Disposable, false)));
    assert_eq!(start_codes(&[&[0x67, 1], &[0x68, 1], &[0x41, 1]]), Some((Importance::Key, false)));
    // A recovery point after another message.
    assert_eq!(start_codes(&[&[6, 1, 2, 9, 9, 6, 1, 0xc4, 0x80], &[0x41]]), Some((Importance::Key, true)));
    assert_eq!(start_codes(&[&[6, 1, 2, 6, 1, 0x80], &[0x41]]), Some((Importance::Reference, false)));
    assert_eq!(start_codes(&[&[12, 0]]), None);
    assert_eq!(start_codes(&[]), None);
}

#[test]
fn lengths_before_nal_units_are_those_that_the_configuration_tells() {
    let avcc = [1, 0x64, 0, 0x14, 0xff, 0xe1];
    assert_eq!(Framing::of_config(VideoCodec::H264, &avcc), Framing::Lengths(4));
    assert_eq!(Framing::of_config(VideoCodec::H264, &[1, 0x64, 0, 0x14, 0xfd]), Framing::Lengths(2));
    assert_eq!(Framing::of_config(VideoCodec::H264, &[]), Framing::StartCodes);
    let mut hvcc = [0u8; 23];
    hvcc[21] = 0x0f;
    assert_eq!(Framing::of_config(VideoCodec::H265, &hvcc), Framing::Lengths(4));
    let of = |size, bytes: &[u8]| judge(VideoCodec::H264, Framing::Lengths(size), bytes);
    assert_eq!(of(2, &[0, 2, 9, 0x10, 0, 2, 0x65, 7]), Some((Importance::Key, true)));
    assert_eq!(of(4, &[0, 0, 0, 2, 0x41, 7]), Some((Importance::Reference, false)));
    assert_eq!(of(4, &[0, 0, 0, 9, 0x41]), Some((Importance::Reference, false)), "cut off");
    assert_eq!(of(4, &[0, 0, 0]), None);
}

#[test]
fn pictures_of_h265_are_judged_by_their_nal_units() {
    let of = |kind: u8| judge(VideoCodec::H265, Framing::StartCodes, &[0, 0, 1, kind << 1, 1, 0xaf]);
    assert_eq!(of(19), Some((Importance::Key, true)), "IDR_W_RADL");
    assert_eq!(of(21), Some((Importance::Key, true)), "CRA");
    assert_eq!(of(1), Some((Importance::Reference, false)), "TRAIL_R");
    assert_eq!(of(0), Some((Importance::Disposable, false)), "TRAIL_N");
    assert_eq!(of(8), Some((Importance::Disposable, false)), "RASL_N");
    assert_eq!(of(33), Some((Importance::Key, false)), "SPS");
    assert_eq!(of(39), None, "SEI");
}

#[test]
fn frames_of_vp8_are_judged_by_their_tag() {
    let of = |frame: &[u8]| judge(VideoCodec::Vp8, Framing::StartCodes, frame);
    assert_eq!(of(&[0x10, 2, 0, 0x9d, 1, 0x2a]), Some((Importance::Key, true)));
    assert_eq!(of(&[0x31, 2, 0, 7]), Some((Importance::Reference, false)));
    assert_eq!(of(&[0x31, 2]), None, "cut off");
}

#[test]
fn frames_of_vp9_are_judged_by_their_headers() {
    let of = |frame: &[u8]| judge(VideoCodec::Vp9, Framing::StartCodes, frame);
    // Marker 10, profile 00, no existing frame; then key frame, shown.
    assert_eq!(of(&[0b1000_0010, 0x49, 0x83, 0x42]), Some((Importance::Key, true)));
    // Shown and predicted, with the flags 00000001 and 0 after the two bits of the context's reset.
    assert_eq!(of(&[0b1000_0110, 0b0000_0000, 0b0100_0000, 0]), Some((Importance::Reference, false)));
    assert_eq!(of(&[0b1000_0110, 0b0000_0000, 0b0000_0000, 0]), Some((Importance::Disposable, false)));
    // An existing frame is shown again.
    assert_eq!(of(&[0b1000_1000]), Some((Importance::Disposable, false)));
    assert_eq!(of(&[0b0100_0000, 0, 0]), None, "no frame marker");
}

#[test]
fn several_frames_of_vp9_in_an_access_unit_are_judged_together() {
    let key = [0b1000_0010, 0x49, 0x83, 0x42];
    let disposable = [0b1000_0110, 0, 0, 0];
    let superframe = |frames: [&[u8]; 2], marker: u8| {
        let sizes = frames.map(|frame| frame.len() as u8);
        [frames[0], frames[1], &[marker], &sizes, &[marker]].concat()
    };
    let of = |bytes: &[u8]| judge(VideoCodec::Vp9, Framing::StartCodes, bytes);
    assert_eq!(of(&superframe([&disposable, &key], 0xc1)), Some((Importance::Key, true)));
    assert_eq!(of(&superframe([&disposable, &disposable], 0xc1)), Some((Importance::Disposable, false)));
    // Sizes that are not those of the frames.
    assert_eq!(of(&[&key[..], &[0xc1, 200, 3, 0xc1]].concat()), Some((Importance::Key, true)));
}
