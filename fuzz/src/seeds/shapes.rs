//! Configurations of decoders as encoders write them.

/// The sequence parameter set and the picture parameter set of x264, 320x176.
pub const H264_SETS: [&[u8]; 2] = [
    &[
        0x67, 0x64, 0, 0x0d, 0xac, 0xd9, 0x41, 0x50, 0x87, 0x88, 0x88, 0xc0, 0x44, 0, 0, 3, 0, 4, 0, 0, 3, 0,
        0xc8, 0x3c, 0x50, 0xa6, 0x58,
    ],
    &[0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0],
];

/// `avcC`, the same sets after start codes and after lengths, AudioSpecificConfigs, OpusHead, key frames of VP8 and VP9.
pub fn configurations() -> Vec<Vec<u8>> {
    let [sequence, picture] = H264_SETS;
    let length = [0, sequence.len() as u8];
    let avcc = [&[1, 100, 0, 13, 0xff, 0xe1][..], &length, sequence, &[1, 0, 6], picture].concat();
    let start_codes = [&[0, 0, 0, 1][..], sequence, &[0, 0, 1], picture].concat();
    let lengths = [&[0, 0][..], &length, sequence, &[0, 0, 0, 6], picture].concat();
    let all = [
        avcc,
        start_codes,
        lengths,
        vec![0x11, 0x90],
        vec![0x2b, 0x8a, 0x08, 0],
        b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0".to_vec(),
        vec![0x10, 2, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb0, 0],
        vec![0x82, 0x49, 0x83, 0x42, 0x00, 0x14, 0x10, 0x0f, 0x10, 0xf6, 0, 0],
        vec![0x0a, 0x0b, 0, 0, 0, 0x4a, 0xab, 0xbf, 0xc3, 0x77, 0x6b, 0xe2, 1],
    ];
    all.into_iter().map(|data| [&[4], &data[..]].concat()).collect()
}
