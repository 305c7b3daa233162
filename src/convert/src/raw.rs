//! Pictures as fql-codec writes them and GStreamer reads them.

use fql_codec::video::{Format, PlaneLayout, Word};
use fql_unit::{Chroma, Interlace, VideoInfo};
use gst_video::{VideoChromaSite, VideoColorimetry, VideoFieldOrder, VideoFormat, VideoInterlaceMode};
use std::str::FromStr;

use crate::Error;

/// Pictures of one size and format: what is decoded, in memory that GStreamer takes.
#[derive(Debug)]
pub struct Raw {
    /// What is decoded, with all of its pixels.
    all: gst_video::VideoInfo,
    /// What is shown of it: an even number of rows and columns, as 4:2:0 needs.
    shown: gst_video::VideoInfo,
    /// Where the planes lie: in the first buffer, and opacity, which nobody is shown, in the second.
    pub planes: Vec<PlaneLayout>,
    /// Bytes of opacity.
    pub opacity: usize,
}

/// The format of GStreamer that has these samples, without their opacity, and how they are held in it.
fn format(samples: Format) -> (VideoFormat, Word) {
    let word = if samples.bits == 8 { Word::U8 } else { Word::U16 { shift: 0 } };
    let format = match (samples.chroma, samples.bits) {
        (Chroma::Yuv420, 8) => VideoFormat::I420,
        (Chroma::Yuv420, 10) => VideoFormat::I42010le,
        (Chroma::Yuv420, _) => VideoFormat::I42012le,
        (Chroma::Yuv422, 8) => VideoFormat::Y42b,
        (Chroma::Yuv422, 10) => VideoFormat::I42210le,
        (Chroma::Yuv422, _) => VideoFormat::I42212le,
        (Chroma::Yuv444, 8) => VideoFormat::Y444,
        (Chroma::Yuv444, 10) => VideoFormat::Y44410le,
        (Chroma::Yuv444, _) => VideoFormat::Y44412le,
        (Chroma::Rgb, 8) => VideoFormat::Gbr,
        (Chroma::Rgb, 10) => VideoFormat::Gbr10le,
        (Chroma::Rgb, _) => VideoFormat::Gbr12le,
        (Chroma::Grey, 8) => VideoFormat::Gray8,
        // There is none of 12 bits: the samples lie in the highest bits of 16.
        (Chroma::Grey, bits) => return (VideoFormat::Gray16Le, Word::U16 { shift: 16 - bits }),
    };
    (format, word)
}

impl Raw {
    /// For pictures as a track says that they are.
    pub fn new(info: &VideoInfo) -> Result<Self, Error> {
        let (width, height) = (info.width, info.height);
        let samples = Format::from(info);
        let (format, word) = format(samples);
        let all = raw_info(info, format, (width, height))?;
        let shown = raw_info(info, format, (width & !1, height & !1))?;
        let step = if word == Word::U8 { 1 } else { 2 };
        let colours = all.offset().iter().zip(all.stride());
        let mut planes: Vec<_> = colours
            .map(|(&offset, &stride)| PlaneLayout {
                buffer: 0,
                offset,
                stride: stride.unsigned_abs() as usize,
                step,
                word,
            })
            .collect();
        let mut opacity = 0;
        if samples.alpha {
            let stride = width as usize * step;
            planes.push(PlaneLayout { buffer: 1, offset: 0, stride, step, word });
            opacity = stride * height as usize;
        }
        Ok(Self { all, shown, planes, opacity })
    }

    /// Bytes of a picture.
    pub fn size(&self) -> usize {
        self.all.size()
    }

    /// The caps of what is shown.
    pub fn caps(&self) -> Result<gst::Caps, Error> {
        self.shown.to_caps().map_err(|error| Error::Undecodable(error.to_string()))
    }

    /// Says in a buffer where the planes lie.
    pub fn mark(&self, buffer: &mut gst::BufferRef) -> Result<(), Error> {
        let meta = gst_video::VideoMeta::add_full(
            buffer,
            gst_video::VideoFrameFlags::empty(),
            self.shown.format(),
            self.shown.width(),
            self.shown.height(),
            self.all.offset(),
            self.all.stride(),
        );
        meta.map(drop).map_err(|error| Error::Undecodable(error.to_string()))
    }
}

fn raw_info(
    info: &VideoInfo,
    format: VideoFormat,
    (width, height): (u32, u32),
) -> Result<gst_video::VideoInfo, Error> {
    let interlace = match info.interlace {
        Interlace::Progressive => VideoInterlaceMode::Progressive,
        Interlace::Interleaved => VideoInterlaceMode::Interleaved,
        Interlace::Mixed => VideoInterlaceMode::Mixed,
    };
    let order = match info.field_order {
        fql_unit::FieldOrder::Unknown => VideoFieldOrder::Unknown,
        fql_unit::FieldOrder::TopFirst => VideoFieldOrder::TopFieldFirst,
        fql_unit::FieldOrder::BottomFirst => VideoFieldOrder::BottomFieldFirst,
    };
    gst_video::VideoInfo::builder(format, width, height)
        .interlace_mode(interlace)
        .field_order(order)
        .fps(fraction(info.frame_rate, gst::Fraction::new(0, 1)))
        .par(fraction(info.pixel_aspect, gst::Fraction::new(1, 1)))
        .colorimetry_if_some(VideoColorimetry::from_str(&info.colorimetry).ok().as_ref())
        .chroma_site_if_some(VideoChromaSite::from_str(&info.chroma_site).ok())
        .build()
        .map_err(|error| Error::Undecodable(error.to_string()))
}

/// A fraction as GStreamer takes it; another where it is none.
fn fraction((numerator, denominator): (u32, u32), otherwise: gst::Fraction) -> gst::Fraction {
    match (i32::try_from(numerator), i32::try_from(denominator)) {
        (Ok(numerator), Ok(denominator)) if numerator > 0 && denominator > 0 => {
            gst::Fraction::new(numerator, denominator)
        }
        _ => otherwise,
    }
}
