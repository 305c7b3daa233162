//! What travels with a frame survives the trip, and nothing in it can do harm.

use fql_unit::{
    Attachment, Attachments, CaptionKind, DailyJam, Fields, MAX_ATTACHED, MAX_CAPTION, Segment, Timecode,
    Unit,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn caption() -> impl Strategy<Value = Attachment> {
    use CaptionKind::{Cea608Raw, Cea608S334, Cea708Cdp, Cea708Raw};
    let kinds = prop::sample::select(vec![Cea608Raw, Cea608S334, Cea708Raw, Cea708Cdp]);
    (kinds, vec(any::<u8>(), 0..80)).prop_map(|(kind, data)| Attachment::Caption(kind, data))
}

prop_compose! {
    fn timecode()(
        (hours, minutes, seconds, field_count) in any::<(u8, u8, u8, u8)>(),
        (frames, frame_rate) in any::<(u32, (u32, u32))>(),
        (drop_frame, interlaced) in any::<(bool, bool)>(),
        jam in proptest::option::of(any::<(i64, i32)>()),
    ) -> Attachment {
        let daily_jam = jam.map(|(unix_micros, utc_offset)| DailyJam { unix_micros, utc_offset });
        Attachment::Timecode(Timecode {
            hours, minutes, seconds, frames, field_count, frame_rate, drop_frame, interlaced, daily_jam,
        })
    }
}

prop_compose! {
    fn fields()((interlaced, top_first, repeat_first, one_field) in any::<(bool, bool, bool, bool)>()) -> Attachment {
        Attachment::Fields(Fields { interlaced, top_first, repeat_first, one_field })
    }
}

fn attachments() -> impl Strategy<Value = Attachments> {
    vec(prop_oneof![caption(), timecode(), fields()], 1..8).prop_map(|list| {
        let mut all = Attachments::new();
        list.into_iter().for_each(|attachment| all.push(attachment).unwrap());
        all
    })
}

fn unit(first: Segment) -> Unit {
    let mut unit = Unit::new(12, 2, b"q").unwrap();
    unit.set(0, 0, first);
    unit.set(0, 1, Segment::complete("second"));
    unit.set(1, 1, Segment::truncated("fin"));
    unit
}

/// A caption of three bytes.
fn short() -> Attachments {
    let mut all = Attachments::new();
    all.push(Attachment::Caption(CaptionKind::Cea708Raw, vec![0xfc, 0x80, 0x80])).unwrap();
    all
}

proptest! {
    #[test]
    fn attachments_come_off_as_they_were_put_on(
        attachments in attachments(),
        data in vec(any::<u8>(), 0..60),
        complete: bool,
    ) {
        let before = unit(if complete { Segment::complete(data) } else { Segment::truncated(data) });
        let mut after = before.clone();
        after.attach(&attachments);
        prop_assert!(after.flags.attached);
        prop_assert_eq!(after.codeword(0, 0), before.segment(0, 0).cloned());
        prop_assert_eq!(after.codeword(0, 1), before.segment(0, 1).cloned());
        let mut again = Unit::from_bytes(&after.to_bytes()).unwrap();
        prop_assert_eq!(&again, &after);
        prop_assert_eq!(again.detach(), attachments);
        prop_assert_eq!(again, before);
    }

    #[test]
    fn a_segment_cut_off_anywhere_gives_attachments_and_codeword_or_neither(
        attachments in attachments(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut whole = unit(Segment::complete("codeword"));
        whole.attach(&attachments);
        let data = whole.segment(0, 0).unwrap().data().clone();
        let len = cut.index(data.len());
        let mut arrived = whole.clone();
        arrived.set(0, 0, Segment::truncated(data.slice(..len)));
        let codeword = arrived.codeword(0, 0).unwrap();
        prop_assert!("codeword".as_bytes().starts_with(codeword.data()) && !codeword.is_complete());
        if len + "codeword".len() >= data.len() {
            prop_assert_eq!(arrived.detach(), attachments);
        } else {
            prop_assert!(codeword.is_missing() && !arrived.has_picture());
            prop_assert!(arrived.detach().is_empty());
        }
    }

    #[test]
    fn any_bytes_are_attachments_or_nothing(data in vec(any::<u8>(), 0..300), complete: bool) {
        let mut unit = unit(if complete { Segment::complete(data) } else { Segment::truncated(data) });
        unit.flags.attached = true;
        let codeword = unit.codeword(0, 0).unwrap();
        let attachments = unit.detach();
        prop_assert_eq!(unit.segment(0, 0), Some(&codeword));
        prop_assert!(attachments.to_bytes().len() <= MAX_ATTACHED);
    }

    #[test]
    fn any_bytes_read_as_attachments_read_as_the_same_again(data in vec(any::<u8>(), 0..300)) {
        let attachments = Attachments::from_bytes(&data);
        prop_assert_eq!(Attachments::from_bytes(&attachments.to_bytes()), attachments);
    }
}

#[test]
fn the_bytes_of_attachments_are_those_of_the_specification() {
    let mut all = short();
    all.push(Attachment::Timecode(Timecode {
        hours: 10,
        minutes: 59,
        seconds: 58,
        frames: 29,
        field_count: 2,
        frame_rate: (30_000, 1001),
        drop_frame: true,
        interlaced: false,
        daily_jam: Some(DailyJam { unix_micros: -1, utc_offset: 3600 }),
    }))
    .unwrap();
    all.push(Attachment::Fields(Fields { interlaced: true, repeat_first: true, ..Fields::default() }))
        .unwrap();
    let mut unit = Unit::new(3, 1, []).unwrap();
    unit.set(0, 0, Segment::complete("xy"));
    unit.attach(&all);
    #[rustfmt::skip]
    let expected = [
        25,
        1, 4, 2, 0xfc, 0x80, 0x80,
        2, 14, 5, 10, 59, 58, 2, 29, 0xb0, 0xea, 1, 0xe9, 7, 1, 0xa0, 0x38,
        3, 1, 5,
        b'x', b'y',
    ];
    assert_eq!(unit.segment(0, 0).unwrap().data()[..], expected[..]);
    assert_eq!(unit.to_bytes()[1], 5, "key and attached");
}

#[test]
fn attachments_of_later_versions_are_skipped() {
    let mut bytes = vec![99, 2, 7, 7];
    bytes.extend(short().to_bytes());
    bytes.extend([1, 2, 9, 9]);
    bytes.extend([3, 3, 1, 42, 42]);
    let fields = Fields { interlaced: true, ..Fields::default() };
    let mut expected = short();
    expected.push(Attachment::Fields(fields)).unwrap();
    assert_eq!(Attachments::from_bytes(&bytes), expected);
}

#[test]
fn what_is_too_large_is_an_error_and_not_added() {
    let mut all = Attachments::new();
    let caption = |len| Attachment::Caption(CaptionKind::Cea708Cdp, vec![1; len]);
    let err = all.push(caption(MAX_CAPTION + 1)).unwrap_err().to_string();
    assert_eq!(err, "the length of a caption is 1025, it must be at most 1024 bytes");
    for _ in 0..3 {
        all.push(caption(MAX_CAPTION)).unwrap();
    }
    let err = all.push(caption(MAX_CAPTION)).unwrap_err().to_string();
    assert_eq!(err, "the length of all attachments is 4112, it must be at most 4096 bytes");
    assert_eq!(all.iter().count(), 3);
    let fields = Attachment::Fields(Fields::default());
    let err = (0..40).find_map(|_| all.push(fields.clone()).err()).unwrap().to_string();
    assert_eq!(err, "the number of attachments is 33, it must be at most 32");
}

#[test]
fn a_unit_without_layers_holds_attachments_and_others_take_the_place_of_those_before() {
    let mut unit = Unit::new(12, 3, []).unwrap();
    unit.attach(&short());
    assert_eq!((unit.coded_layers(), unit.has_picture(), unit.is_complete()), (1, true, true));
    let mut other = short();
    other.push(Attachment::Fields(Fields::default())).unwrap();
    unit.attach(&other);
    assert_eq!(unit.clone().detach(), other);
    unit.attach(&Attachments::new());
    assert!(!unit.flags.attached && unit.detach().is_empty());
}
