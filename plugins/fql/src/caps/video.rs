//! Caps of layered video, and of the raw video before and after it.

use std::str::FromStr;

use fql_codec::video::Format;
use fql_unit::{
    ContentLight, FieldOrder, HdrInfo, Interlace, MAX_DIMENSION, MAX_LAYERS, MasteringDisplay, VideoInfo,
};
use gst_video::{
    VideoChromaSite, VideoColorimetry, VideoContentLightLevel, VideoFieldOrder, VideoFormat,
    VideoInterlaceMode, VideoMasteringDisplayInfo, VideoMasteringDisplayInfoCoordinate,
};

use super::{CapsError, VERSION, VIDEO, check_version, field, fraction, fraction_to_unit, ranged};
use crate::formats::{self, CLASSES, Class};
use crate::orientation;

const MASTERING: &str = "mastering-display-info";
const LIGHT: &str = "content-light-level";
const ORIENTATION: &str = "image-orientation";

/// Caps of all layered video that these elements know.
pub fn video_template() -> gst::Caps {
    gst::Caps::builder(VIDEO)
        .field("version", VERSION)
        .field("layers", gst::IntRange::new(1, i32::from(MAX_LAYERS)))
        .field("format", gst::List::new(CLASSES.iter().map(|class| class.name)))
        .field("width", gst::IntRange::new(1, MAX_DIMENSION as i32))
        .field("height", gst::IntRange::new(1, MAX_DIMENSION as i32))
        .field(
            "framerate",
            gst::FractionRange::new(gst::Fraction::new(0, 1), gst::Fraction::new(i32::MAX, 1)),
        )
        .build()
}

/// Caps of all raw video that the decoder gives.
pub fn raw_video_template() -> gst::Caps {
    raw_in_memory(None)
}

/// Caps of all raw video that the encoder takes: also what lies in memory of a device that can be mapped.
pub fn raw_video_input_template() -> gst::Caps {
    let mut caps = raw_in_memory(None);
    caps.merge(raw_in_memory(Some("memory:DMABuf")));
    caps
}

fn raw_in_memory(feature: Option<&str>) -> gst::Caps {
    let size = 1..=MAX_DIMENSION as i32;
    let builder = gst_video::VideoCapsBuilder::new()
        .format_list(formats::all_raw())
        .width_range(size.clone())
        .height_range(size);
    match feature {
        Some(feature) => builder.features([feature]).build(),
        None => builder.build(),
    }
}

/// What a decoder needs to know of raw video with these caps, so that it is coded as the same.
pub fn video_info_of_raw(info: &gst_video::VideoInfo, caps: &gst::CapsRef) -> Result<VideoInfo, CapsError> {
    let (class, _) =
        formats::of_raw(info.format()).ok_or_else(|| no_format(info.format().to_str().as_str()))?;
    let Format { chroma, alpha, bits } = class.samples;
    let interlace = match info.interlace_mode() {
        VideoInterlaceMode::Progressive => Interlace::Progressive,
        VideoInterlaceMode::Interleaved => Interlace::Interleaved,
        VideoInterlaceMode::Mixed => Interlace::Mixed,
        other => return Err(no_interlace(other.to_str())),
    };
    let field_order = match info.field_order() {
        VideoFieldOrder::TopFieldFirst => FieldOrder::TopFirst,
        VideoFieldOrder::BottomFieldFirst => FieldOrder::BottomFirst,
        _ => FieldOrder::Unknown,
    };
    Ok(VideoInfo {
        alpha,
        bits,
        frame_rate: fraction_to_unit(info.fps()),
        pixel_aspect: fraction_to_unit(info.par()),
        interlace,
        field_order,
        colorimetry: info.colorimetry().to_string(),
        chroma_site: chroma_site_text(info.chroma_site()),
        hdr: HdrInfo {
            mastering: VideoMasteringDisplayInfo::from_caps(caps).ok().map(of_mastering),
            light: VideoContentLightLevel::from_caps(caps).ok().map(of_light),
        },
        ..VideoInfo::new(info.width(), info.height(), chroma)
    })
}

/// The raw video that layered video decodes to, in one of the formats of its class.
pub fn raw_of_video_info(info: &VideoInfo, format: VideoFormat) -> Result<gst_video::VideoInfo, CapsError> {
    gst_video::VideoInfo::builder(format, info.width, info.height)
        .interlace_mode(interlace_mode(info.interlace))
        .field_order(field_order(info.field_order))
        .fps(fraction(info.frame_rate))
        .par(fraction(info.pixel_aspect))
        .colorimetry_if_some(VideoColorimetry::from_str(&info.colorimetry).ok().as_ref())
        .chroma_site_if_some(VideoChromaSite::from_str(&info.chroma_site).ok())
        .build()
        .map_err(|_| no_format(format.to_str().as_str()))
}

/// The caps of that raw video, with what GStreamer's description of raw video has no place for.
pub fn raw_video_caps(info: &VideoInfo, raw: &gst_video::VideoInfo) -> Result<gst::Caps, CapsError> {
    let mut caps = raw.to_caps().map_err(|_| no_format(raw.format().to_str().as_str()))?;
    add_hdr(info.hdr, caps.make_mut());
    Ok(caps)
}

/// The format that downstream likes best of those that video decodes to without a loss. `None` where it takes none.
pub fn preferred_raw_format(class: &Class, downstream: &gst::CapsRef) -> Option<VideoFormat> {
    let possible: Vec<VideoFormat> = class.raw_formats().collect();
    if downstream.is_any() {
        return possible.first().copied();
    }
    let in_system_memory = |(structure, features): (&gst::StructureRef, &gst::CapsFeaturesRef)| {
        let is_raw = structure.name() == "video/x-raw";
        (is_raw && (features.is_any() || features.contains(gst::CAPS_FEATURE_MEMORY_SYSTEM_MEMORY)))
            .then(|| formats_of(structure, &possible))
    };
    let wanted = downstream.iter_with_features().filter_map(in_system_memory).flatten();
    wanted.into_iter().find(|format| possible.contains(format))
}

/// The formats that a structure allows, in its order.
fn formats_of(structure: &gst::StructureRef, possible: &[VideoFormat]) -> Vec<VideoFormat> {
    let by_name = |name: &str| VideoFormat::from_string(name);
    if let Ok(name) = structure.get::<&str>("format") {
        return vec![by_name(name)];
    }
    match structure.get::<gst::ListRef>("format") {
        Ok(list) => list.iter().filter_map(|value| value.get::<&str>().ok()).map(by_name).collect(),
        Err(_) => possible.to_vec(),
    }
}

/// The caps of a layered video track.
pub fn of_video(info: &VideoInfo, layers: u8) -> gst::Caps {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let class = Class::of(Format::from(info));
    let is_interlaced = info.interlace != Interlace::Progressive;
    let interlace = is_interlaced.then(|| interlace_mode(info.interlace).to_str());
    let has_order = info.field_order != FieldOrder::Unknown;
    let order = has_order.then(|| field_order(info.field_order).to_str());
    let mut caps = gst::Caps::builder(VIDEO)
        .field("version", VERSION)
        .field("layers", i32::from(layers))
        .field("format", class.map_or("UNKNOWN", |class| class.name))
        .field("width", info.width as i32)
        .field("height", info.height as i32)
        .field("framerate", fraction(info.frame_rate))
        .field("pixel-aspect-ratio", fraction(info.pixel_aspect))
        .field_if_some("interlace-mode", interlace)
        .field_if_some("field-order", order)
        .field_if_some("colorimetry", some(&info.colorimetry))
        .field_if_some("chroma-site", some(&info.chroma_site))
        .field_if_some(ORIENTATION, some(orientation::text_unless_upright(info.orientation)))
        .build();
    add_hdr(info.hdr, caps.make_mut());
    caps
}

/// What layered video with these caps is.
pub fn to_video(structure: &gst::StructureRef) -> Result<VideoInfo, CapsError> {
    check_version(structure)?;
    let format: String = field(structure, "format")?;
    let class = Class::named(&format).ok_or_else(|| no_class(&format))?;
    let Format { chroma, alpha, bits } = class.samples;
    let fraction_or = |name: &'static str, default: gst::Fraction| {
        fraction_to_unit(structure.get::<gst::Fraction>(name).unwrap_or(default))
    };
    let text = |name| structure.get::<String>(name).unwrap_or_default();
    let width = ranged(structure, "width", 1..=MAX_DIMENSION, "1 to 8192")?;
    let height = ranged(structure, "height", 1..=MAX_DIMENSION, "1 to 8192")?;
    Ok(VideoInfo {
        alpha,
        bits,
        frame_rate: fraction_or("framerate", gst::Fraction::new(0, 1)),
        pixel_aspect: fraction_or("pixel-aspect-ratio", gst::Fraction::new(1, 1)),
        interlace: match text("interlace-mode").as_str() {
            "" | "progressive" => Interlace::Progressive,
            "interleaved" => Interlace::Interleaved,
            "mixed" => Interlace::Mixed,
            other => return Err(no_interlace(other)),
        },
        field_order: match text("field-order").as_str() {
            "top-field-first" => FieldOrder::TopFirst,
            "bottom-field-first" => FieldOrder::BottomFirst,
            _ => FieldOrder::Unknown,
        },
        colorimetry: text("colorimetry"),
        chroma_site: text("chroma-site"),
        hdr: HdrInfo {
            mastering: parsed::<VideoMasteringDisplayInfo>(structure, MASTERING)?.map(of_mastering),
            light: parsed::<VideoContentLightLevel>(structure, LIGHT)?.map(of_light),
        },
        orientation: orientation::of_text(&text(ORIENTATION)).unwrap_or_default(),
        ..VideoInfo::new(width, height, chroma)
    })
}

/// A field that is text of something, where it is there.
fn parsed<T: FromStr>(structure: &gst::StructureRef, name: &'static str) -> Result<Option<T>, CapsError> {
    let Ok(text) = structure.get::<String>(name) else { return Ok(None) };
    let wrong = |_| CapsError::Value { field: name, value: text.clone(), expected: "as in video/x-raw" };
    T::from_str(&text).map(Some).map_err(wrong)
}

fn interlace_mode(interlace: Interlace) -> VideoInterlaceMode {
    match interlace {
        Interlace::Progressive => VideoInterlaceMode::Progressive,
        Interlace::Interleaved => VideoInterlaceMode::Interleaved,
        Interlace::Mixed => VideoInterlaceMode::Mixed,
    }
}

fn field_order(order: FieldOrder) -> VideoFieldOrder {
    match order {
        FieldOrder::Unknown => VideoFieldOrder::Unknown,
        FieldOrder::TopFirst => VideoFieldOrder::TopFieldFirst,
        FieldOrder::BottomFirst => VideoFieldOrder::BottomFieldFirst,
    }
}

fn chroma_site_text(site: VideoChromaSite) -> String {
    if site.is_empty() { String::new() } else { site.to_str().to_string() }
}

fn add_hdr(hdr: HdrInfo, caps: &mut gst::CapsRef) {
    if let Some(mastering) = hdr.mastering {
        to_mastering(mastering).add_to_caps(caps);
    }
    if let Some(ContentLight { max_content, max_average }) = hdr.light {
        VideoContentLightLevel::new(max_content, max_average).add_to_caps(caps);
    }
}

fn of_mastering(info: VideoMasteringDisplayInfo) -> MasteringDisplay {
    let point = |at: VideoMasteringDisplayInfoCoordinate| (at.x, at.y);
    MasteringDisplay {
        primaries: info.display_primaries().map(point),
        white_point: point(info.white_point()),
        max_luminance: info.max_display_mastering_luminance(),
        min_luminance: info.min_display_mastering_luminance(),
    }
}

fn to_mastering(info: MasteringDisplay) -> VideoMasteringDisplayInfo {
    let point = |(x, y)| VideoMasteringDisplayInfoCoordinate { x, y };
    let MasteringDisplay { primaries, white_point, max_luminance, min_luminance } = info;
    VideoMasteringDisplayInfo::new(primaries.map(point), point(white_point), max_luminance, min_luminance)
}

fn of_light(info: VideoContentLightLevel) -> ContentLight {
    ContentLight {
        max_content: info.max_content_light_level(),
        max_average: info.max_frame_average_light_level(),
    }
}

fn no_class(name: &str) -> CapsError {
    let expected = "one of those in docs/elements.md";
    CapsError::Value { field: "format", value: name.to_owned(), expected }
}

fn no_format(name: &str) -> CapsError {
    let expected = "a raw format that this GStreamer has and the encoder takes";
    CapsError::Value { field: "format", value: name.to_owned(), expected }
}

fn no_interlace(mode: &str) -> CapsError {
    let expected = "progressive, interleaved or mixed";
    CapsError::Value { field: "interlace-mode", value: mode.to_owned(), expected }
}

#[cfg(test)]
mod tests {
    use fql_unit::{Chroma, Media, Orientation};

    use super::*;
    use crate::caps::{of_media, to_media};

    /// A track with all that one can say of it.
    fn video(samples: Format) -> VideoInfo {
        VideoInfo {
            alpha: samples.alpha,
            bits: samples.bits,
            frame_rate: (30_000, 1001),
            pixel_aspect: (4, 3),
            interlace: Interlace::Interleaved,
            field_order: FieldOrder::BottomFirst,
            colorimetry: if samples.chroma == Chroma::Rgb { "sRGB" } else { "bt2100-pq" }.into(),
            chroma_site: "v-cosited".into(),
            hdr: HdrInfo {
                mastering: Some(MasteringDisplay {
                    primaries: [(35_400, 14_600), (8_500, 39_850), (6_550, 2_300)],
                    white_point: (15_635, 16_450),
                    max_luminance: 10_000_000,
                    min_luminance: 50,
                }),
                light: Some(ContentLight { max_content: 1000, max_average: 400 }),
            },
            orientation: Orientation::FlipRotate270,
            ..VideoInfo::new(1279, 721, samples.chroma)
        }
    }

    #[test]
    fn every_track_survives_the_way_through_caps() {
        gst::init().unwrap();
        for class in CLASSES {
            for info in [
                video(class.samples),
                VideoInfo { interlace: Interlace::Mixed, ..video(class.samples) },
                VideoInfo {
                    interlace: Interlace::Progressive,
                    field_order: FieldOrder::Unknown,
                    colorimetry: String::new(),
                    chroma_site: String::new(),
                    hdr: HdrInfo::default(),
                    orientation: Orientation::Rotate0,
                    ..video(class.samples)
                },
            ] {
                let media = Media::Video(info);
                let caps = of_media(&media, 12);
                assert!(caps.is_fixed() && caps.is_subset(&video_template()), "{caps}");
                assert_eq!(to_media(&caps), Ok((media, 12)));
            }
        }
    }

    #[test]
    fn raw_caps_come_back_as_they_were() {
        gst::init().unwrap();
        for format in formats::all_raw() {
            let (class, _) = formats::of_raw(format).unwrap();
            let info = VideoInfo { orientation: Orientation::Rotate0, ..video(class.samples) };
            let raw = raw_of_video_info(&info, format).unwrap();
            let caps = raw_video_caps(&info, &raw).unwrap();
            assert!(caps.is_subset(&raw_video_template()) && caps.is_subset(&raw_video_input_template()));
            let again = gst_video::VideoInfo::from_caps(&caps).unwrap();
            assert_eq!(video_info_of_raw(&again, &caps), Ok(info), "{caps}");
        }
    }

    #[test]
    fn fields_that_make_no_sense_are_named() {
        gst::init().unwrap();
        let samples = Format { chroma: Chroma::Yuv420, alpha: false, bits: 8 };
        for (field, value, complaint) in [
            ("format", "I421", "format is I421, it must be one of those in docs/elements.md"),
            (
                "interlace-mode",
                "alternate",
                "interlace-mode is alternate, it must be progressive, interleaved or mixed",
            ),
            (LIGHT, "much", "content-light-level is much, it must be as in video/x-raw"),
        ] {
            let mut caps = of_video(&video(samples), 12);
            caps.make_mut().set(field, value);
            assert_eq!(to_media(&caps).unwrap_err().to_string(), complaint);
        }
    }

    #[test]
    fn downstream_chooses_among_formats_with_the_same_samples() {
        gst::init().unwrap();
        let class = Class::named("I420").unwrap();
        let choice = |caps: &str| preferred_raw_format(class, &gst::Caps::from_str(caps).unwrap());
        assert_eq!(choice("ANY"), Some(VideoFormat::I420));
        assert_eq!(choice("video/x-raw"), Some(VideoFormat::I420));
        assert_eq!(choice("video/x-raw, format=NV12"), Some(VideoFormat::Nv12));
        assert_eq!(choice("video/x-raw, format={ RGB, NV21, I420 }"), Some(VideoFormat::Nv21));
        assert_eq!(
            choice("video/x-raw(memory:GLMemory), format=NV12; video/x-raw, format=YV12"),
            Some(VideoFormat::Yv12)
        );
        assert_eq!(choice("video/x-raw, format={ RGB, Y42B }"), None);
        assert_eq!(choice("video/x-h264"), None);
    }
}
