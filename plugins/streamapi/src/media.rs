//! What a pad gets, as far as it decides what is plugged behind it.

/// A kind of media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Media {
    /// Pictures that no encoder has seen.
    RawVideo,
    /// Samples that no encoder has seen.
    RawAudio,
    /// What another encoder made, and the element that brings it into the form of one access unit a buffer.
    Encoded(&'static str),
    /// Layers that `fqlenc` made, or data.
    AsItIs,
}

/// The parsers of encoded media.
const PARSERS: [(&str, &str); 5] = [
    ("video/x-h264", "h264parse"),
    ("video/x-h265", "h265parse"),
    ("video/x-av1", "av1parse"),
    ("audio/mpeg", "aacparse"),
    ("audio/x-opus", "opusparse"),
];

impl Media {
    /// The kind of media with these caps.
    pub fn of(caps: &gst::CapsRef) -> Self {
        let Some(structure) = caps.structure(0) else { return Self::AsItIs };
        let parser = PARSERS.iter().find(|(media_type, _)| *media_type == structure.name());
        match (structure.name().as_str(), parser) {
            ("video/x-raw", _) => Self::RawVideo,
            ("audio/x-raw", _) => Self::RawAudio,
            // Of MPEG audio only AAC is carried as it is.
            ("audio/mpeg", _) if structure.get::<i32>("mpegversion") == Ok(1) => Self::AsItIs,
            (_, Some((_, parser))) => Self::Encoded(parser),
            _ => Self::AsItIs,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn caps_say_what_is_plugged() {
        gst::init().unwrap();
        for (caps, media) in [
            ("video/x-raw, format=I420", Media::RawVideo),
            ("audio/x-raw, format=S16LE", Media::RawAudio),
            ("video/x-h264, alignment=nal", Media::Encoded("h264parse")),
            ("audio/mpeg, mpegversion=4", Media::Encoded("aacparse")),
            ("audio/mpeg, mpegversion=1, layer=3", Media::AsItIs),
            ("video/x-fql", Media::AsItIs),
            ("text/x-raw", Media::AsItIs),
        ] {
            assert_eq!(Media::of(&gst::Caps::from_str(caps).unwrap()), media, "{caps}");
        }
    }
}
