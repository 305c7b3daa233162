//! Video that another encoder made, for a decoder of GStreamer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use fql_unit::encoded::{Framing, VideoShape};
use fql_unit::{EncodedVideoInfo, MAX_DIMENSION, VideoCodec};
use gst::prelude::*;

use crate::Error;
use crate::converter::{Counting, Input, Payload};
use crate::elements::{self, Kind, set};

/// How many access units may wait for the decoder, which cannot leave out any up to the next key picture.
const MOST_WAITING: u64 = 60;

/// The access units of one track, on their way to a decoder.
#[derive(Debug)]
pub struct Encoded {
    codec: VideoCodec,
    framing: Framing,
    /// The sequence header of AV1, where units may lack it.
    header: Bytes,
    /// Whether units are left out up to the next key picture: as at the beginning.
    awaits_key: bool,
}

impl Encoded {
    pub fn new(info: &EncodedVideoInfo) -> Self {
        let header = match info.codec {
            VideoCodec::Av1 => info.config.get(4..).unwrap_or_default().to_vec(),
            _ => Vec::new(),
        };
        let framing = Framing::of_config(info.codec, &info.config);
        Self { codec: info.codec, framing, header: header.into(), awaits_key: true }
    }

    /// What is given to the decoder; none where that would be of no use.
    pub fn take(&mut self, input: &Input<'_>, waiting: u64, counting: &Counting) -> Option<gst::Buffer> {
        let Payload::Whole(data) = input.payload else {
            counting.unusable.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let shape = VideoShape::of_access_unit(self.codec, self.framing, data);
        let is_too_large = shape.is_some_and(|shape| shape.width.max(shape.height) > MAX_DIMENSION);
        if is_too_large || (self.awaits_key && !input.key) {
            self.awaits_key = true;
            counting.unusable.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        if waiting >= MOST_WAITING {
            self.awaits_key = true;
            counting.dropped.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.awaits_key = false;
        let data = match input.key && !self.header.is_empty() {
            true => [&self.header[..], data].concat().into(),
            false => data.clone(),
        };
        Some(gst::Buffer::from_slice(data))
    }
}

/// The caps of access units. What comes with a track is the word of a publisher, so they are made anew.
pub fn caps(info: &EncodedVideoInfo) -> gst::Caps {
    let (name, format) = match info.codec {
        VideoCodec::H264 => ("video/x-h264", Some(("avc", "byte-stream", "au"))),
        VideoCodec::H265 => ("video/x-h265", Some(("hvc1", "byte-stream", "au"))),
        VideoCodec::Av1 => ("video/x-av1", None),
        VideoCodec::Vp8 => ("video/x-vp8", None),
        VideoCodec::Vp9 => ("video/x-vp9", None),
    };
    let mut caps =
        gst::Caps::builder(name).field("width", info.width as i32).field("height", info.height as i32);
    if let (Ok(numerator @ 1..), Ok(denominator @ 1..)) =
        (i32::try_from(info.frame_rate.0), i32::try_from(info.frame_rate.1))
    {
        caps = caps.field("framerate", gst::Fraction::new(numerator, denominator));
    }
    let Some((with_lengths, with_start_codes, alignment)) = format else { return caps.build() };
    let caps = caps.field("alignment", alignment);
    match Framing::of_config(info.codec, &info.config) {
        Framing::StartCodes => caps.field("stream-format", with_start_codes).build(),
        Framing::Lengths(_) => caps
            .field("stream-format", with_lengths)
            .field("codec_data", gst::Buffer::from_slice(info.config.clone()))
            .build(),
    }
}

/// What makes raw pictures of them, of which the oldest give way where the encoder is behind.
pub fn stages(info: &EncodedVideoInfo, counting: &Arc<Counting>) -> Result<Vec<gst::Element>, Error> {
    let (parser, decoder): (Option<&Kind>, &Kind) = match info.codec {
        VideoCodec::H264 => (Some(&elements::H264PARSE), &elements::H264_DECODER),
        VideoCodec::H265 => (Some(&elements::H265PARSE), &elements::H265_DECODER),
        VideoCodec::Av1 => (None, &elements::AV1_DECODER),
        VideoCodec::Vp8 => (None, &elements::VP8_DECODER),
        VideoCodec::Vp9 => (None, &elements::VP9_DECODER),
    };
    let mut stages = Vec::new();
    if let Some(parser) = parser {
        stages.push(parser.make()?);
    }
    let queue = elements::LEAKY_QUEUE.make()?;
    let counting = counting.clone();
    queue.connect("overrun", false, move |_| {
        counting.dropped.fetch_add(1, Ordering::Relaxed);
        None
    });
    stages.extend([decoder.make()?, queue]);
    if matches!(info.codec, VideoCodec::H264 | VideoCodec::H265) {
        stages.push(elements::AUTODEINTERLACE.make()?);
    }
    // 4:2:0 has no half samples of colour; windows that are shared have any size.
    if info.width % 2 + info.height % 2 > 0 {
        let crop = elements::VIDEOCROP.make()?;
        set(&crop, "right", &(info.width % 2).to_string());
        set(&crop, "bottom", &(info.height % 2).to_string());
        stages.push(crop);
    }
    Ok(stages)
}
