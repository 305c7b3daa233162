use fql_unit::{Attachment, Attachments, CaptionKind, DailyJam, Fields, Segment, Timecode, Unit};

use crate::media;

/// Units whole, cut, with holes, and empty.
pub fn units() -> Vec<Vec<u8>> {
    let mut cut = media::unit(10, 4, 3);
    cut.set(3, 1, Segment::truncated("cut"));
    cut.set(4, 2, Segment::missing());
    let mut short = media::unit(12, 2, 2);
    short.set_coded_layers(5);
    short.set_reference_layers(6);
    let with_params = Unit::new(3, 1, b"params").expect("its values are in range");
    [media::unit(1, 1, 40), media::unit(15, 32, 0), cut, short, with_params]
        .map(|unit| unit.to_bytes().to_vec())
        .to_vec()
}

/// Tables with tracks of every kind.
pub fn track_tables() -> Vec<Vec<u8>> {
    vec![media::tracks().to_bytes(), vec![0]]
}

/// One of each kind, alone and in a unit.
pub fn attachments() -> Vec<Vec<u8>> {
    let timecode = Timecode {
        hours: 23,
        minutes: 59,
        seconds: 58,
        frames: 12,
        field_count: 1,
        frame_rate: (30_000, 1_001),
        drop_frame: true,
        interlaced: true,
        daily_jam: Some(DailyJam { unix_micros: 1_700_000_000_000_000, utc_offset: -3600 }),
    };
    let all = [
        Attachment::Caption(CaptionKind::Cea708Cdp, vec![0x96, 0x69, 0x0b, 0x3f]),
        Attachment::Timecode(timecode),
        Attachment::Fields(Fields { interlaced: true, top_first: true, ..Fields::default() }),
    ];
    let mut list = Attachments::new();
    for attachment in all {
        list.push(attachment).expect("it is small");
    }
    let mut unit = media::unit(3, 2, 4);
    unit.attach(&list);
    vec![list.to_bytes(), unit.to_bytes()]
}
