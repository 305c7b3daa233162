use fql_unit::encoded::{AccessUnit, Importance};

use crate::input::Output;

/// Access units of each codec and framing, and units that they became. H.264: parameter sets and an IDR picture, a
/// recovery point, a picture that others need and one that none does. H.265: the same kinds. AV1: a sequence header
/// with a key frame, and an inter frame.
pub fn access_units() -> Vec<Vec<u8>> {
    let avc: &[&[u8]] = &[
        &[0, 0, 0, 1, 0x67, 0x64, 0, 0x1f, 0, 0, 1, 0x68, 0xee, 0, 0, 1, 0x65, 0x88, 0x84],
        &[0, 0, 1, 0x06, 6, 1, 0xc4, 0x80, 0, 0, 1, 0x41, 0x9a],
        &[0, 0, 0, 1, 0x41, 0x9a, 0x24],
        &[0, 0, 1, 0x01, 0x9e, 0x42],
    ];
    let avcc: &[&[u8]] =
        &[&[0, 0, 0, 2, 0x67, 0x64, 0, 0, 0, 3, 0x65, 0x88, 0x84], &[0, 0, 0, 2, 0x41, 0x9a]];
    let hevc: &[&[u8]] = &[
        &[0, 0, 0, 1, 0x40, 1, 0x0c, 0, 0, 1, 0x42, 1, 1, 0, 0, 1, 0x44, 1, 0, 0, 1, 0x26, 1, 0xaf],
        &[0, 0, 1, 0x02, 1, 0xd0],
        &[0, 0, 1, 0x00, 1, 0xd0],
    ];
    // A temporal delimiter, a sequence header of 320x180 and the first bytes of a key frame; then an inter frame.
    let av1: &[&[u8]] = &[
        &[
            0x12, 0, 0x0a, 0x0b, 0, 0, 0, 0x24, 0xc4, 0xff, 0xdf, 0x3f, 0xfe, 0xb0, 0x40, 0x32, 4, 0x10, 0,
            0x9c, 0x38,
        ],
        &[0x12, 0, 0x32, 5, 0x30, 0x11, 0xff, 0, 0x40],
    ];
    let avc_config = [1, 0x64, 0, 0x1f, 0xff, 0xe1];
    vec![of(0, &[], avc), of(0, &avc_config, avcc), of(1, &[], hevc), of(2, &[], av1), units()]
}

/// Access units of a codec, with its decoder configuration.
fn of(codec: u8, config: &[u8], access_units: &[&[u8]]) -> Vec<u8> {
    let head = Output::default().u8(codec).bytes(config);
    let steps = access_units.iter().enumerate();
    steps.fold(head, |out, (step, data)| out.u8(step as u8 * 2).bytes(data)).0
}

/// Units as they arrive: a key picture, one that others need, one that none does.
fn units() -> Vec<u8> {
    let kinds = [Importance::Key, Importance::Reference, Importance::Disposable];
    let unit = |(references, importance): (usize, Importance)| {
        let access_unit = AccessUnit {
            data: b"picture".to_vec().into(),
            importance,
            key: importance == Importance::Key,
            discont: false,
            references: references as u8,
            composition: Some(40_000_000),
        };
        access_unit.into_unit(3).expect("three layers are in range").to_bytes()
    };
    let head = Output::default().u8(0).bytes(&[]);
    kinds.into_iter().enumerate().map(unit).fold(head, |out, unit| out.u8(1).bytes(&unit)).0
}
