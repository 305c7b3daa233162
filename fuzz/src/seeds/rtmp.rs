//! What publishers send by RTMP after the handshake.

use crate::input::Output;

/// The connection to the application, and the stream key.
fn begin() -> Output {
    let object = [&[3][..], b"\0\x03app", &text("live"), &[0, 0, 9]].concat();
    let connect = [text("connect"), number(1.0), object].concat();
    let create = [text("createStream"), number(2.0), vec![5]].concat();
    let publish = [text("publish"), number(3.0), vec![5], text("key"), text("live")].concat();
    Output::default()
        .bytes(&message(20, 0, &connect))
        .bytes(&message(20, 0, &create))
        .bytes(&message(20, 0, &publish))
        .bytes(&message(1, 0, &4096u32.to_be_bytes()))
}

/// H.264 with AAC; H.265, AV1 and VP9 with Opus in the enhanced form; several tracks; several messages in one.
pub fn publishers() -> Vec<Vec<u8>> {
    let avcc = [0x17, 0, 0, 0, 0, 1, 100, 0, 13, 0xff, 0xe1, 0, 27];
    let set = [
        0x67, 0x64, 0, 0x0d, 0xac, 0xd9, 0x41, 0x50, 0x87, 0x88, 0x88, 0xc0, 0x44, 0, 0, 3, 0, 4, 0, 0, 3, 0,
        0xc8, 0x3c, 0x50, 0xa6, 0x58, 1, 0, 6, 0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0,
    ];
    let metadata = b"\x02\0\x0aonMetaData\x08\0\0\0\x02\0\x05width\0\x40\x74\0\0\0\0\0\0\0\x09framerate\0\x40\x39\0\0\0\0\0\0\0\0\x09";
    let h264 = begin()
        .bytes(&message(18, 0, metadata))
        .bytes(&message(9, 0, &[&avcc[..], &set].concat()))
        .bytes(&message(8, 0, &[0xaf, 0, 0x11, 0x90]))
        .bytes(&message(9, 0, &[0x17, 1, 0, 0, 40, 0, 0, 0, 2, 0x65, 1]))
        .bytes(&message(8, 5, &[0xaf, 1, 1, 2, 3]))
        .bytes(&message(9, u32::MAX, &[0x27, 1, 0xff, 0xff, 0xd8, 0, 0, 0, 2, 0x41, 1]));
    let opus = [&[0x90][..], b"Opus", b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0"].concat();
    let vp9 = [0x82, 0x49, 0x83, 0x42, 0x00, 0x14, 0x10, 0x0f, 0x10, 0xf6, 0, 0];
    let enhanced = begin()
        .bytes(&message(8, 0, &opus))
        .bytes(&message(9, 0, &[&[0x91][..], b"vp09", &vp9].concat()))
        .bytes(&message(9, 40, &[&[0x97, 2, 0, 1, 0, 0x03][..], b"av01", &[0x0a, 0, 0x32, 0]].concat()))
        .bytes(&message(9, 80, &[&[0x91][..], b"hvc1", &[0, 0, 40, 0, 0, 0, 2, 0x26, 1]].concat()));
    let tracks = begin()
        .bytes(&message(9, 0, &[&[0x96, 0x11][..], b"vp09", &[0, 0, 0, 12], &vp9, &[1, 0, 0, 1, 9]].concat()))
        .bytes(&message(8, 0, &[&[0x95, 0x20][..], b"mp4a", &[0, 0, 0, 2, 0x12, 0x10]].concat()))
        .bytes(&message(22, 9, &[9, 0, 0, 2, 0, 0, 7, 0, 0, 0, 0, 0x27, 1, 0, 0, 0, 13]));
    [h264, enhanced, tracks].map(|output| output.0).into()
}

fn text(text: &str) -> Vec<u8> {
    [&[2][..], &(text.len() as u16).to_be_bytes(), text.as_bytes()].concat()
}

fn number(number: f64) -> Vec<u8> {
    [&[0][..], &number.to_be_bytes()].concat()
}

/// A message in chunks of 128 bytes.
fn message(kind: u8, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let is_extended = timestamp >= 0xff_ffff;
    let time = timestamp.min(0xff_ffff).to_be_bytes();
    let length = (payload.len() as u32).to_be_bytes();
    let mut out = [&[4][..], &time[1..], &length[1..], &[kind, 1, 0, 0, 0]].concat();
    let extended = timestamp.to_be_bytes();
    let extended = if is_extended { &extended[..] } else { &[] };
    out.extend(extended);
    for (i, chunk) in payload.chunks(128).enumerate() {
        if i > 0 {
            out.push(0xc4);
            out.extend(extended);
        }
        out.extend(chunk);
    }
    out
}
