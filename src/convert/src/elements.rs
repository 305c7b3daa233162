//! Which elements of GStreamer do what, the best that is installed first, and which Debian packages have them.

use gst::prelude::*;

use crate::Error;

/// A kind of element, of which several may do.
pub struct Kind {
    /// For people.
    pub what: &'static str,
    pub elements: &'static [Element],
}

/// An element that is known to do.
#[derive(Debug, Clone, Copy)]
pub struct Element {
    pub name: &'static str,
    /// The Debian package that has it.
    pub package: &'static str,
    /// By how many samples its sound comes later than its times say.
    pub delay: u64,
    /// What it is set to, by the names of properties: those that this version of it does not have are left.
    pub settings: &'static [(&'static str, &'static str)],
    /// The property that takes the bit rate, and how many bits a second its unit is.
    pub bitrate: Option<(&'static str, u32)>,
    pub is_hardware: bool,
}

const fn plain(name: &'static str, package: &'static str) -> Element {
    Element { name, package, delay: 0, settings: &[], bitrate: None, is_hardware: false }
}

const BASE: &str = "gstreamer1.0-plugins-base";
const GOOD: &str = "gstreamer1.0-plugins-good";
const BAD: &str = "gstreamer1.0-plugins-bad";
const UGLY: &str = "gstreamer1.0-plugins-ugly";
const LIBAV: &str = "gstreamer1.0-libav";

pub static APPSRC: Kind = Kind { what: "source of media", elements: &[plain("appsrc", BASE)] };
pub static APPSINK: Kind = Kind { what: "sink of media", elements: &[plain("appsink", BASE)] };
pub static CAPSFILTER: Kind =
    Kind { what: "filter of formats", elements: &[plain("capsfilter", "libgstreamer1.0-0")] };
pub static VIDEOCONVERT: Kind =
    Kind { what: "converter of colours", elements: &[plain("videoconvert", BASE)] };
pub static DEINTERLACE: Kind = Kind {
    what: "deinterlacer",
    elements: &[Element {
        settings: &[("mode", "interlaced"), ("fields", "top"), ("method", "linear")],
        ..plain("deinterlace", GOOD)
    }],
};
/// For fields that may come and go.
pub static AUTODEINTERLACE: Kind = Kind {
    what: "deinterlacer",
    elements: &[Element {
        settings: &[("mode", "auto"), ("method", "linear")],
        ..plain("deinterlace", GOOD)
    }],
};
pub static VIDEOCROP: Kind = Kind { what: "cutter of pictures", elements: &[plain("videocrop", GOOD)] };
pub static VIDEOFLIP: Kind = Kind { what: "turner of pictures", elements: &[plain("videoflip", GOOD)] };
pub static AUDIOCONVERT: Kind =
    Kind { what: "converter of samples", elements: &[plain("audioconvert", BASE)] };
pub static AUDIORESAMPLE: Kind = Kind { what: "resampler", elements: &[plain("audioresample", BASE)] };
/// What fills gaps of samples with silence, and leaves out what lies over each other. Times of some protocols are rounded to
/// milliseconds, which is neither.
pub static AUDIORATE: Kind = Kind {
    what: "filler of gaps in sound",
    elements: &[Element {
        settings: &[("skip-to-first", "true"), ("tolerance", "10000000")],
        ..plain("audiorate", BASE)
    }],
};
pub static H264PARSE: Kind = Kind { what: "parser of H.264", elements: &[plain("h264parse", BAD)] };
pub static AACPARSE: Kind = Kind { what: "parser of AAC", elements: &[plain("aacparse", GOOD)] };
pub static AAC_DECODER: Kind =
    Kind { what: "decoder of AAC", elements: &[plain("avdec_aac", LIBAV), plain("faad", BAD)] };
pub static H264_DECODER: Kind = Kind {
    what: "decoder of H.264",
    // By slices: by frames it would hold back as many pictures as it has threads.
    elements: &[Element { settings: &[("thread-type", "slice")], ..plain("avdec_h264", LIBAV) }],
};
pub static H265PARSE: Kind = Kind { what: "parser of H.265", elements: &[plain("h265parse", BAD)] };
pub static H265_DECODER: Kind = Kind {
    what: "decoder of H.265",
    elements: &[
        Element { settings: &[("thread-type", "slice")], ..plain("avdec_h265", LIBAV) },
        plain("libde265dec", BAD),
    ],
};
pub static VP8_DECODER: Kind = Kind { what: "decoder of VP8", elements: &[plain("vp8dec", GOOD)] };
pub static VP9_DECODER: Kind = Kind { what: "decoder of VP9", elements: &[plain("vp9dec", GOOD)] };
pub static AV1_DECODER: Kind = Kind { what: "decoder of AV1", elements: &[plain("av1dec", BAD)] };
/// Between a decoder and an encoder that may be behind: what is oldest gives way.
pub static LEAKY_QUEUE: Kind = Kind {
    what: "queue",
    elements: &[Element {
        settings: &[
            ("leaky", "downstream"),
            ("max-size-buffers", "3"),
            ("max-size-bytes", "0"),
            ("max-size-time", "0"),
        ],
        ..plain("queue", "libgstreamer1.0-0")
    }],
};
pub static OPUS_DECODER: Kind = Kind { what: "decoder of Opus", elements: &[plain("opusdec", BASE)] };
/// Frames of layers I to III, each with its header.
pub static MPEG_AUDIO_DECODER: Kind = Kind {
    what: "decoder of MPEG audio",
    elements: &[plain("mpg123audiodec", GOOD), plain("avdec_mp2float", LIBAV)],
};

/// Encoders of H.264: those in hardware first, then x264.
pub static H264_ENCODER: Kind = Kind {
    what: "encoder of H.264",
    elements: &[
        hardware(
            "nvh264enc",
            BAD,
            &[("preset", "low-latency-hq"), ("rc-mode", "cbr"), ("bframes", "0"), ("zerolatency", "true")],
            ("bitrate", 1000),
        ),
        hardware("vah264enc", BAD, &[("rate-control", "cbr"), ("b-frames", "0")], ("bitrate", 1000)),
        hardware("vah264lpenc", BAD, &[("rate-control", "cbr"), ("b-frames", "0")], ("bitrate", 1000)),
        hardware(
            "qsvh264enc",
            BAD,
            &[("rate-control", "cbr"), ("b-frames", "0"), ("low-latency", "true")],
            ("bitrate", 1000),
        ),
        Element { bitrate: None, ..hardware("v4l2h264enc", GOOD, &[], ("", 1)) },
        Element {
            settings: &[
                ("tune", "zerolatency"),
                ("speed-preset", "veryfast"),
                ("bframes", "0"),
                ("option-string", "scenecut=0"),
            ],
            bitrate: Some(("bitrate", 1000)),
            ..plain("x264enc", UGLY)
        },
        Element {
            settings: &[
                ("usage-type", "camera"),
                ("complexity", "low"),
                ("rate-control", "bitrate"),
                ("enable-frame-skip", "false"),
            ],
            bitrate: Some(("bitrate", 1)),
            ..plain("openh264enc", BAD)
        },
    ],
};

/// Encoders of AAC.
pub static AAC_ENCODER: Kind = Kind {
    what: "encoder of AAC",
    elements: &[
        Element { bitrate: Some(("bitrate", 1)), delay: 2048, ..plain("fdkaacenc", "gstreamer1.0-fdkaac") },
        Element { bitrate: Some(("bitrate", 1)), delay: 1024, ..plain("avenc_aac", LIBAV) },
        Element { bitrate: Some(("bitrate", 1)), delay: 1600, ..plain("voaacenc", BAD) },
    ],
};

/// Encoders of Opus.
pub static OPUS_ENCODER: Kind = Kind {
    what: "encoder of Opus",
    elements: &[Element {
        settings: &[("audio-type", "generic"), ("frame-size", "20")],
        bitrate: Some(("bitrate", 1)),
        ..plain("opusenc", BASE)
    }],
};

const fn hardware(
    name: &'static str,
    package: &'static str,
    settings: &'static [(&'static str, &'static str)],
    bitrate: (&'static str, u32),
) -> Element {
    Element { settings, bitrate: Some(bitrate), is_hardware: true, ..plain(name, package) }
}

impl Kind {
    /// The first element that is installed and works.
    pub fn make(&self) -> Result<gst::Element, Error> {
        self.choose(true).map(|(_, element)| element)
    }

    /// The same, with what is known of it; without those in hardware where those are not wanted.
    pub fn choose(&self, hardware: bool) -> Result<(&'static Element, gst::Element), Error> {
        let wanted = self.elements.iter().filter(|element| hardware || !element.is_hardware);
        let mut working = wanted.filter_map(|element| Some((element, element.make()?)));
        working.next().ok_or_else(|| self.missing())
    }

    fn missing(&self) -> Error {
        let list = |of: fn(&Element) -> &'static str| {
            let mut names: Vec<_> =
                self.elements.iter().filter(|element| !element.is_hardware).map(of).collect();
            names.dedup();
            names.join(", ")
        };
        let (elements, packages) = (list(|element| element.name), list(|element| element.package));
        Error::NoElement { what: self.what, elements, packages }
    }
}

impl Element {
    /// The element with its settings, where it is installed. One in hardware has to open its device.
    fn make(&self) -> Option<gst::Element> {
        let element = gst::ElementFactory::make(self.name).build().ok()?;
        for (property, value) in self.settings {
            set(&element, property, value);
        }
        if !self.is_hardware {
            return Some(element);
        }
        let works = element.set_state(gst::State::Ready).is_ok();
        let _ = element.set_state(gst::State::Null);
        works.then_some(element)
    }

    /// Sets the bit rate, in bits a second.
    pub fn set_bitrate(&self, element: &gst::Element, bits: u32) {
        match self.bitrate {
            Some((property, unit)) => set(element, property, &(bits / unit).max(1).to_string()),
            None => {
                let controls = format!("controls,video_bitrate=(int){}", bits.min(i32::MAX as u32));
                set(element, "extra-controls", &controls);
            }
        }
    }
}

/// Sets a property from text, where the element has it and takes this value of it.
pub fn set(element: &gst::Element, property: &str, value: &str) {
    let Some(spec) = element.find_property(property) else { return };
    if let Ok(value) = gst::glib::Value::deserialize_with_pspec(value, &spec) {
        element.set_property_from_value(property, &value);
    }
}
