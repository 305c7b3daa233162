//! The raw video formats that the elements take and give, and what they have in common.

mod bits;
mod table;

use fql_codec::video::Format;
use gst_video::VideoFormat;

pub use bits::{TooShort, Unpacked, WordPlane};
pub use table::{BitPacking, CLASSES, Class, Layout, Packing, Place, Places};

impl Class {
    /// The class of a track. `None` for a track that no encoder makes.
    pub fn of(samples: Format) -> Option<&'static Self> {
        CLASSES.iter().find(|class| class.samples == samples)
    }

    /// The class with this name in the caps of layered video.
    pub fn named(name: &str) -> Option<&'static Self> {
        CLASSES.iter().find(|class| class.name == name)
    }

    /// The formats that this GStreamer has, best first.
    pub fn raw_formats(&self) -> impl Iterator<Item = VideoFormat> + '_ {
        let known = |layout: &Layout| VideoFormat::from_string(layout.name);
        self.formats.iter().map(known).filter(|format| *format != VideoFormat::Unknown)
    }
}

/// The class of a raw format, and how the format lays samples out. `None` for those that the encoder does not take.
pub fn of_raw(format: VideoFormat) -> Option<(&'static Class, &'static Layout)> {
    let name = format.to_str();
    CLASSES.iter().find_map(|class| Some(class).zip(class.formats.iter().find(|layout| layout.name == name)))
}

/// All raw formats that the encoder takes and the decoder gives, those of GStreamer's own that are there.
pub fn all_raw() -> Vec<VideoFormat> {
    CLASSES.iter().flat_map(Class::raw_formats).collect()
}

#[cfg(test)]
mod tests {
    use fql_unit::Chroma;
    use gst_video::VideoFormatInfo;
    use gst_video::prelude::*;

    use super::*;

    fn init() {
        gst::init().unwrap();
    }

    /// The formats that every GStreamer from 1.22 on has.
    const AT_LEAST: &str = "I420 YV12 NV12 NV21 Y42B NV16 NV61 YUY2 UYVY YVYU VYUY Y444 NV24 v308 IYU2 GRAY8 \
        I420_10LE I420_12LE I422_10LE I422_12LE Y444_10LE Y444_12LE P010_10LE P012_LE Y210 Y212_LE v210 UYVP GBR \
        RGBP BGRP GBR_10LE GBR_12LE RGB BGR RGBx BGRx xRGB xBGR RGBA BGRA ARGB ABGR GBRA GBRA_10LE GBRA_12LE A420 \
        AV12 A420_10LE A422_10LE A444_10LE AYUV VUYA Y412_LE GRAY10_LE32";

    #[test]
    fn every_sample_that_a_track_may_have_is_one_class_with_one_name() {
        let all: Vec<Format> = [Chroma::Grey, Chroma::Yuv420, Chroma::Yuv422, Chroma::Yuv444, Chroma::Rgb]
            .into_iter()
            .flat_map(|chroma| [false, true].map(|alpha| (chroma, alpha)))
            .flat_map(|(chroma, alpha)| [8, 10, 12].map(|bits| Format { chroma, alpha, bits }))
            .collect();
        assert_eq!(all.len(), CLASSES.len());
        for samples in all {
            let class = Class::of(samples).unwrap();
            assert!(std::ptr::eq(Class::named(class.name).unwrap(), class), "{}", class.name);
        }
    }

    #[test]
    fn the_documentation_has_every_class_and_format() {
        init();
        let page = include_str!("../../../../docs/elements.md");
        let section = page.split("### Raw video").nth(1).and_then(|rest| rest.split("###").next()).unwrap();
        let words: Vec<&str> = section.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        for class in CLASSES {
            let formats = class.formats.iter().map(|layout| layout.name);
            for name in formats.chain([class.name]) {
                assert!(words.contains(&name), "{name}");
            }
        }
    }

    #[test]
    fn no_format_is_missing_or_twice() {
        init();
        let mut names: Vec<_> = all_raw().iter().map(|format| format.to_str().to_string()).collect();
        for name in AT_LEAST.split_whitespace() {
            assert!(names.iter().any(|known| known == name), "{name}");
        }
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn the_table_agrees_with_what_gstreamer_says_of_a_format() {
        init();
        for format in all_raw() {
            let (class, layout) = of_raw(format).unwrap();
            let info = VideoFormatInfo::from_format(format);
            let name = layout.name;
            let Format { chroma, alpha, bits } = class.samples;
            assert!(info.depth()[..1].iter().all(|&depth| depth == u32::from(bits)), "{name}");
            assert_eq!(info.is_gray(), chroma == Chroma::Grey, "{name}");
            assert_eq!(info.is_rgb(), chroma == Chroma::Rgb, "{name}");
            // GStreamer 1.22 forgets the opacity of a few formats in its flags, but not their fourth component.
            assert_eq!(info.n_components() == 4, alpha, "{name}");
            let subsampled = match chroma {
                Chroma::Yuv420 => (1, 1),
                Chroma::Yuv422 => (1, 0),
                _ => (0, 0),
            };
            if chroma != Chroma::Grey {
                assert_eq!((info.w_sub()[1], info.h_sub()[1]), subsampled, "{name}");
            }
        }
    }

    /// GStreamer writes a picture of which every sample is known, and the table finds each where it is.
    #[test]
    fn samples_are_where_the_table_says() {
        init();
        for format in all_raw() {
            let (class, layout) = of_raw(format).unwrap();
            let (places, shift, bytes) = match layout.packing {
                Packing::Bytes(places) => (places, 0, 1),
                Packing::Words(places, shift) => (places, shift, 2),
                Packing::Bits(_) => continue,
            };
            let info = gst_video::VideoInfo::builder(format, 2, 1).build().unwrap();
            let frame = painted(&info, class.samples);
            for (component, place) in places.iter().enumerate() {
                let data = frame.plane_data(place.plane as u32).unwrap();
                let at = |x: usize| (place.offset + x * place.step) * bytes;
                let sample = match bytes {
                    1 => u16::from(data[at(0)]),
                    _ => u16::from_le_bytes([data[at(0)], data[at(0) + 1]]),
                };
                let expected = expected(class.samples, component) << shift;
                assert_eq!(sample, expected, "component {component} of {}", layout.name);
            }
        }
    }

    /// What [`painted`] gives the samples of a component: different ones for all.
    fn expected(samples: Format, component: usize) -> u16 {
        let order = if samples.chroma == Chroma::Rgb { [2, 3, 1, 0] } else { [1, 2, 3, 0] };
        (order[component] as u16 * 50 + 20) << (samples.bits - 8)
    }

    /// A picture that GStreamer packed from one colour: opacity 20, then 70, 120, 170 for luma, blue and red
    /// difference, or red, green, blue.
    fn painted(
        info: &gst_video::VideoInfo,
        samples: Format,
    ) -> gst_video::VideoFrame<gst_video::video_frame::Readable> {
        let format = info.format_info();
        let wide = samples.bits > 8;
        let pixel: Vec<u8> = [20u16, 70, 120, 170]
            .into_iter()
            .flat_map(|value| if wide { (value << 8).to_le_bytes().to_vec() } else { vec![value as u8] })
            .collect();
        let row = pixel.repeat(info.width() as usize);
        let mut buffer = gst::Buffer::with_size(info.size()).unwrap();
        {
            let buffer = buffer.get_mut().unwrap();
            let mut frame = gst_video::VideoFrameRef::from_buffer_ref_writable(buffer, info).unwrap();
            let strides: Vec<i32> = frame.plane_stride()[..frame.n_planes() as usize].to_vec();
            let count = strides.len();
            let mut planes = frame.planes_data_mut();
            let (flags, site) = (gst_video::VideoPackFlags::empty(), gst_video::VideoChromaSite::NONE);
            let width = info.width() as i32;
            format.pack(flags, &row, row.len() as i32, &mut planes[..count], &strides, site, 0, width);
        }
        gst_video::VideoFrame::from_buffer_readable(buffer, info).unwrap()
    }
}
