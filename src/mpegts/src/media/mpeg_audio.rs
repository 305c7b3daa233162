//! MPEG audio, layers I to III (ISO/IEC 11172-3, 2.4.2.3; ISO/IEC 13818-3): its tracks are data, for the track table
//! knows no codec of that name.

use fql_unit::{DataInfo, Media};

use super::frames::{Found, Header};

const HEADER: usize = 4;
/// Kilobits a second by index: MPEG-1 layers I, II, III, then MPEG-2 layers I, II and III.
const BIT_RATES: [[u32; 15]; 5] = [
    [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];
const RATES: [u32; 3] = [44_100, 48_000, 32_000];

/// Reads the header of a frame.
pub(super) fn read(bytes: &[u8]) -> Found {
    if bytes[0] != 0xff || bytes.get(1).is_some_and(|byte| byte >> 5 != 7) {
        return Found::Nothing;
    }
    let Some(&[_, kind, rates, mode]) = bytes.first_chunk::<HEADER>() else { return Found::TooShort };
    frame(kind, rates, mode).map_or(Found::Nothing, |header| Found::Frame(Box::new(header)))
}

fn frame(kind: u8, rates: u8, mode: u8) -> Option<Header> {
    // 0 is MPEG-2.5, with a quarter of the rates; 2 is MPEG-2, with half of them; 3 is MPEG-1.
    let version = kind >> 3 & 3;
    let layer = 4 - u32::from(kind >> 1 & 3);
    if version == 1 || layer == 4 {
        return None;
    }
    let is_first = version == 3;
    let row = if is_first { layer as usize - 1 } else { 3 + usize::from(layer > 1) };
    let kilobits = *BIT_RATES[row].get(usize::from(rates >> 4)).filter(|&&rate| rate > 0)?;
    let rate = RATES.get(usize::from(rates >> 2 & 3))?
        >> match version {
            3 => 0,
            2 => 1,
            _ => 2,
        };
    let padding = u32::from(rates >> 1 & 1);
    let samples = match layer {
        1 => 384,
        3 if !is_first => 576,
        _ => 1152,
    };
    // Slots are of four bytes in layer I and of one in the others.
    let length = match layer {
        1 => (12 * kilobits * 1000 / rate + padding) * 4,
        _ => samples / 8 * kilobits * 1000 / rate + padding,
    };
    let channels = if mode >> 6 == 3 { 1 } else { 2 };
    let version = if is_first { 1 } else { 2 };
    let caps = format!(
        "audio/mpeg, mpegversion=(int)1, mpegaudioversion=(int){version}, layer=(int){layer}, rate=(int){rate}, \
         channels=(int){channels}, parsed=(boolean)true"
    );
    let length = length as usize;
    Some(Header { length, skipped: 0, samples, rate, media: Media::Data(DataInfo { caps }) })
}
