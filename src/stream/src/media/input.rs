//! What `--input` names.

use std::path::PathBuf;

use crate::failure::{Failure, Result};

/// One source of media or data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Colour bars, a tone, or both, as a live source.
    Test {
        /// Colour bars.
        video: bool,
        /// A tone.
        audio: bool,
    },
    /// A camera or microphone of this machine.
    Device(String),
    /// The list of devices is asked for.
    Devices,
    /// An address that GStreamer plays.
    Address(String),
    /// A file of this machine.
    File(PathBuf),
    /// Standard input.
    Standard,
}

impl Input {
    /// What the text of `--input` names. Files are not looked for yet.
    pub fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(Failure::usage(
                "--input is empty: name a file, device://video0, test://, an address, or -",
            ));
        }
        if text == "-" {
            return Ok(Self::Standard);
        }
        let Some((scheme, rest)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
            return Ok(Self::File(text.into()));
        };
        match (scheme, rest) {
            ("device", "") => Ok(Self::Devices),
            ("device", name) => Ok(Self::Device(name.to_owned())),
            ("test", "") => Ok(Self::Test { video: true, audio: true }),
            ("test", "video") => Ok(Self::Test { video: true, audio: false }),
            ("test", "audio") => Ok(Self::Test { video: false, audio: true }),
            ("test", _) => Err(Failure::usage(format!(
                "{text} is no input: it is test://, test://video or test://audio"
            ))),
            _ => Ok(Self::Address(text.to_owned())),
        }
    }

    /// Whether it can begin again at its end.
    pub fn can_repeat(&self) -> bool {
        match self {
            Self::File(_) => true,
            Self::Address(address) => {
                ["http://", "https://", "file://"].iter().any(|s| address.starts_with(s))
            }
            _ => false,
        }
    }
}

/// Whether it may stand before `://`; single letters are drives of Windows.
fn is_scheme(text: &str) -> bool {
    text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_input_is_told_from_its_text() {
        let file = |name: &str| Input::File(name.into());
        for (text, input) in [
            ("-", Input::Standard),
            ("my-video.mp4", file("my-video.mp4")),
            ("./-", file("./-")),
            ("a b/c:d.mkv", file("a b/c:d.mkv")),
            ("device://", Input::Devices),
            ("device://video0", Input::Device("video0".into())),
            ("test://", Input::Test { video: true, audio: true }),
            ("test://audio", Input::Test { video: false, audio: true }),
            ("rtsp://camera.local/live", Input::Address("rtsp://camera.local/live".into())),
        ] {
            assert_eq!(Input::parse(text), Ok(input), "{text}");
        }
        assert!(Input::parse("").is_err() && Input::parse("test://picture").is_err());
    }

    #[test]
    fn only_what_has_a_beginning_can_repeat() {
        for (text, can) in [
            ("a.mp4", true),
            ("https://h/a.mp4", true),
            ("-", false),
            ("rtsp://h", false),
            ("test://", false),
        ] {
            assert_eq!(Input::parse(text).unwrap().can_repeat(), can, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_an_input_or_refused_without_a_panic(text in ".*", scheme in "[a-z]{0,4}://.*") {
            let _ = (Input::parse(&text), Input::parse(&scheme));
        }
    }
}
