//! H.264 and H.265: a PES packet is an access unit.

use fql_unit::encoded::{Framing, Judge, VideoShape};
use fql_unit::{EncodedVideoInfo, Media, VideoCodec};

use super::{Part, Piece};
use crate::nal::ByteStream;
use crate::time::nanos;

#[derive(Debug)]
pub(crate) struct Video {
    codec: VideoCodec,
    judge: Judge,
    stream: ByteStream,
    /// Of the last parameter set that was there.
    media: Option<Media>,
}

impl Video {
    pub(crate) fn new(codec: VideoCodec) -> Self {
        let judge = Judge::new(codec, Framing::StartCodes);
        Self { codec, judge, stream: ByteStream::new(codec, &[]), media: None }
    }

    pub(crate) fn media(&self) -> Option<&Media> {
        self.media.as_ref()
    }

    /// Hands out the access unit, unless nothing can be done with it: no picture is in it, or none before it began a
    /// sequence.
    pub(crate) fn cut(&mut self, piece: Piece, each: &mut dyn FnMut(Part)) {
        let Some(judgement) = self.judge.judge(&piece.data) else { return };
        if judgement.key
            && let Some(shape) = VideoShape::of_access_unit(self.codec, Framing::StartCodes, &piece.data)
        {
            let media = described(self.codec, shape);
            if self.media.as_ref() != Some(&media) {
                self.media = Some(media);
            }
        }
        if self.media.is_none() {
            return;
        }
        let presentation = piece.presentation.unwrap_or(piece.now);
        let decoding = piece.decoding.unwrap_or(presentation);
        each(Part {
            decoding: nanos(decoding),
            presentation: nanos(presentation),
            duration: 0,
            is_key: judgement.key,
            data: if judgement.key { self.stream.complete(piece.data) } else { piece.data },
        });
    }
}

fn described(codec: VideoCodec, shape: VideoShape) -> Media {
    let VideoShape { width, height, frame_rate } = shape;
    let name = if codec == VideoCodec::H264 { "h264" } else { "h265" };
    let mut caps = format!(
        "video/x-{name}, stream-format=(string)byte-stream, alignment=(string)au, width=(int){width}, \
         height=(int){height}"
    );
    if frame_rate.0 > 0 {
        caps += &format!(", framerate=(fraction){}/{}", frame_rate.0, frame_rate.1);
    }
    Media::EncodedVideo(EncodedVideoInfo { codec, width, height, frame_rate, config: Vec::new(), caps })
}
