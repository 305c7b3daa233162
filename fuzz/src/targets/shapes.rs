use fql_unit::encoded::{AudioShape, Framing, VideoShape};
use fql_unit::{AudioCodec, VideoCodec};

use super::VIDEO_CODECS;
use crate::input::Input;

/// Whatever the configuration of a decoder or an access unit is, it says a size and a rate that can be, or nothing.
pub fn shapes(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let head = input.u8();
    let data = input.rest();
    for codec in VIDEO_CODECS {
        let framing = Framing::of_config(codec, data);
        check(codec, VideoShape::of_config(codec, data));
        for framing in [framing, Framing::StartCodes, Framing::Lengths(head % 6)] {
            check(codec, VideoShape::of_access_unit(codec, framing, data));
        }
    }
    for codec in [AudioCodec::Aac, AudioCodec::Opus] {
        if let Some(shape) = AudioShape::of_config(codec, data) {
            assert!(shape.rate > 0 && shape.channels > 0, "{shape:?} of {codec:?}");
        }
    }
}

fn check(codec: VideoCodec, shape: Option<VideoShape>) {
    if let Some(VideoShape { width, height, frame_rate }) = shape {
        assert!(width > 0 && height > 0 && frame_rate.1 > 0, "{shape:?} of {codec:?}");
    }
}
