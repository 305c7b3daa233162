//! Elements by the names of their factories.

use gst::prelude::*;

/// An element by the name of its factory, and its properties as text.
pub struct Piece {
    factory: &'static str,
    properties: Vec<(&'static str, String)>,
}

/// Where elements that may be missing come from: a package of Debian, or how they are built.
const SOURCES: [(&str, &[&str]); 7] = [
    (
        "the package gstreamer1.0-plugins-base has it",
        &["videoconvert", "audioconvert", "audioresample", "opusenc"],
    ),
    (
        "the package gstreamer1.0-plugins-good has it",
        &["flvmux", "aacparse", "mpegaudioparse", "rtph264pay", "rtpvp8pay", "rtpvp9pay", "rtpopuspay"],
    ),
    (
        "the package gstreamer1.0-plugins-bad has it",
        &[
            "srtsink",
            "rtmp2sink",
            "mpegtsmux",
            "webrtcbin",
            "dtlssrtpenc",
            "h264parse",
            "h265parse",
            "av1parse",
            "vp9parse",
            "opusparse",
        ],
    ),
    ("the package gstreamer1.0-plugins-ugly has it", &["x264enc"]),
    ("the package gstreamer1.0-libav has it", &["avenc_aac"]),
    ("the package gstreamer1.0-nice has it", &["nicesink"]),
    ("pipelines/webrtc-plugin builds it", &["whipsink"]),
];

/// What is said of an element that is not there.
pub fn missing(factory: &str) -> String {
    let source = SOURCES.iter().find(|(_, factories)| factories.contains(&factory));
    let source = source.map_or("is its plugin on GST_PLUGIN_PATH?", |(source, _)| source);
    format!("there is no element {factory}: {source}")
}

impl Piece {
    pub fn new(factory: &'static str) -> Self {
        Self { factory, properties: Vec::new() }
    }

    /// What lets through only these caps.
    pub fn caps(caps: &str) -> Self {
        Self::new("capsfilter").with("caps", caps)
    }

    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.properties.push((name, value.to_string()));
        self
    }

    /// Makes the element. Values of properties are in no error: some of them are secret.
    pub fn make(&self) -> Result<gst::Element, String> {
        let factory = self.factory;
        let element = gst::ElementFactory::make(factory).build().map_err(|_| missing(factory))?;
        for (name, value) in &self.properties {
            let Some(property) = element.find_property(name) else {
                return Err(format!("{factory} has no property {name}: is its plugin of another version?"));
            };
            let value = gst::glib::Value::deserialize_with_pspec(value, &property)
                .map_err(|_| format!("{factory} does not take this value of {name}"))?;
            element.set_property_from_value(name, &value);
        }
        Ok(element)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_that_is_not_there_and_one_that_does_not_fit_are_named() {
        gst::init().unwrap();
        let error = Piece::new("nosuchelement").make().unwrap_err();
        assert!(error.contains("nosuchelement"), "{error}");
        let error = Piece::new("identity").with("secret", "sk_1").make().unwrap_err();
        assert!(error.contains("identity has no property secret") && !error.contains("sk_1"), "{error}");
        let error = Piece::new("queue").with("max-size-bytes", "sk_1").make().unwrap_err();
        assert!(error.contains("max-size-bytes") && !error.contains("sk_1"), "{error}");
    }

    #[test]
    fn what_is_missing_comes_with_the_package_that_has_it() {
        assert_eq!(
            missing("x264enc"),
            "there is no element x264enc: the package gstreamer1.0-plugins-ugly has it"
        );
        assert!(missing("whipsink").ends_with("pipelines/webrtc-plugin builds it"));
        assert!(missing("fqlenc").contains("GST_PLUGIN_PATH"));
    }
}
