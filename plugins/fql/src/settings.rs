//! Properties that several elements have in common: once for the encoders, once for the decoders.

use std::fs::File;
use std::io::{self, Read};

use fql_unit::MAX_LAYERS;
use gst::glib;
use gst::prelude::*;

/// The most threads that may be asked for.
const MAX_THREADS: u32 = 256;
/// The most bytes of a file that are read for a secret: longer ones than any are refused as such.
const MAX_SECRET_FILE: u64 = 4096;

/// What `fqlenc` and the encoders in it can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncoderSettings {
    /// How many layers the stream has.
    pub layers: u8,
    /// Media rate in kbit/s; 0 for the whole ladder.
    pub bitrate: u32,
    /// Threads for one frame; 0 for all cores.
    pub threads: u32,
    /// Video: frames from one key frame to the next; 0 for those of a second.
    pub keyframe_interval: u32,
    /// Video: the highest layer that pictures are predicted from; -1 for the finest that a picture has.
    pub reference_layer: i32,
}

impl Default for EncoderSettings {
    fn default() -> Self {
        Self { layers: 12, bitrate: 2000, threads: 0, keyframe_interval: 0, reference_layer: -1 }
    }
}

impl EncoderSettings {
    /// The properties that encoders of video have: `layers`, `bitrate`, `threads`, `keyframe-interval` and
    /// `reference-layer`.
    pub fn video_properties() -> Vec<glib::ParamSpec> {
        let mut properties = Self::properties();
        properties.extend([keyframe_interval_property(), reference_layer_property()]);
        properties
    }

    /// The properties that all encoders have: `layers`, `bitrate` and `threads`.
    pub fn properties() -> Vec<glib::ParamSpec> {
        let default = Self::default();
        vec![
            glib::ParamSpecUInt::builder("layers")
                .nick("Layers")
                .blurb(
                    "How many quality layers the stream has (1 to 15). With 10 and more the last one that is \
                     used restores 8-bit video and 16-bit sound exactly, if the bitrate lets it",
                )
                .minimum(1)
                .maximum(MAX_LAYERS.into())
                .default_value(default.layers.into())
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt::builder("bitrate")
                .nick("Bitrate")
                .blurb(
                    "Media rate of all layers together, in kbit/s, before error correction and headers; 0 codes \
                     the whole ladder whatever it takes",
                )
                .maximum(u32::MAX)
                .default_value(default.bitrate)
                .mutable_playing()
                .build(),
            threads_property("frame"),
        ]
    }

    /// Sets a property; `false` if it is not one of these.
    pub fn set(&mut self, name: &str, value: &glib::Value) -> bool {
        let number: u32 = value.get().unwrap_or_default();
        match name {
            "layers" => self.layers = number as u8,
            "bitrate" => self.bitrate = number,
            "threads" => self.threads = number,
            "keyframe-interval" => self.keyframe_interval = number,
            "reference-layer" => self.reference_layer = value.get().unwrap_or(-1),
            _ => return false,
        }
        true
    }

    /// The value of a property; `None` if it is not one of these.
    pub fn get(&self, name: &str) -> Option<glib::Value> {
        match name {
            "layers" => Some(u32::from(self.layers).to_value()),
            "bitrate" => Some(self.bitrate.to_value()),
            "threads" => Some(self.threads.to_value()),
            "keyframe-interval" => Some(self.keyframe_interval.to_value()),
            "reference-layer" => Some(self.reference_layer.to_value()),
            _ => None,
        }
    }
}

/// What `fqldec` and the decoders in it can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecoderSettings {
    /// The highest layer to decode, from 0.
    pub max_layer: u8,
    /// Threads for one frame; 0 for all cores.
    pub threads: u32,
    /// Video: whether nothing is shown before the first key frame.
    pub waits_for_key: bool,
}

impl Default for DecoderSettings {
    fn default() -> Self {
        Self { max_layer: MAX_LAYERS - 1, threads: 0, waits_for_key: true }
    }
}

impl DecoderSettings {
    /// The properties of decoders of video: `max-layer`, `threads`, `wait-for-key-frame` and `stats`.
    pub fn video_properties() -> Vec<glib::ParamSpec> {
        let mut properties = Self::properties();
        properties.push(
            glib::ParamSpecBoolean::builder("wait-for-key-frame")
                .nick("Wait for key frame")
                .blurb(
                    "Whether nothing is shown before the first key frame; otherwise pictures that are predicted from \
                     ones that never came are shown with the flag CORRUPTED",
                )
                .default_value(true)
                .mutable_playing()
                .build(),
        );
        properties.push(stats_property("How many pictures were shown, marked and left out (video)"));
        properties
    }

    /// The properties of all decoders: `max-layer` and `threads`.
    pub fn properties() -> Vec<glib::ParamSpec> {
        vec![max_layer_property("decode"), threads_property("frame")]
    }

    /// Sets a property; `false` if it is not one of these.
    pub fn set(&mut self, name: &str, value: &glib::Value) -> bool {
        let number: u32 = value.get().unwrap_or_default();
        match name {
            "max-layer" => self.max_layer = number as u8,
            "threads" => self.threads = number,
            "wait-for-key-frame" => self.waits_for_key = value.get().unwrap_or(true),
            _ => return false,
        }
        true
    }

    /// The value of a property; `None` if it is not one of these.
    pub fn get(&self, name: &str) -> Option<glib::Value> {
        match name {
            "max-layer" => Some(u32::from(self.max_layer).to_value()),
            "threads" => Some(self.threads.to_value()),
            "wait-for-key-frame" => Some(self.waits_for_key.to_value()),
            _ => None,
        }
    }
}

/// The property `max-layer`, of an element that does `verb` with layers.
pub fn max_layer_property(verb: &str) -> glib::ParamSpec {
    let most = u32::from(MAX_LAYERS) - 1;
    glib::ParamSpecUInt::builder("max-layer")
        .nick("Highest layer")
        .blurb(&format!("Index of the highest layer to {verb}: 0 for the coarsest alone, 14 for all"))
        .maximum(most)
        .default_value(most)
        .mutable_playing()
        .build()
}

/// The property `uri`.
pub fn uri_property(default: &str, blurb: &str) -> glib::ParamSpec {
    glib::ParamSpecString::builder("uri")
        .nick("URI")
        .blurb(blurb)
        .default_value(Some(default))
        .mutable_ready()
        .build()
}

/// The property `passphrase`; it can be set and not be read.
pub fn passphrase_property() -> glib::ParamSpec {
    glib::ParamSpecString::builder("passphrase")
        .nick("Passphrase")
        .blurb(
            "Secret of sender and receiver, at most 1024 bytes, from which the key is derived (write only). \
             Without one the stream is encrypted with a key that everybody knows",
        )
        .write_only()
        .mutable_ready()
        .build()
}

/// The property `passphrase-file`.
pub fn passphrase_file_property() -> glib::ParamSpec {
    glib::ParamSpecString::builder("passphrase-file")
        .nick("Passphrase file")
        .blurb(
            "File that holds the passphrase, read at the start, the line's end left out: unlike the property \
             passphrase it is not seen in the list of processes. Only one of both may be set",
        )
        .default_value(Some(""))
        .mutable_ready()
        .build()
}

/// The property `stream-key`; it can be set and not be read.
pub fn stream_key_property() -> glib::ParamSpec {
    glib::ParamSpecString::builder("stream-key")
        .nick("Stream key")
        .blurb(
            "Secret of whoever publishes a stream of a server (sk_ and 32 characters), which the server gives (write \
             only). Instead of a passphrase",
        )
        .write_only()
        .mutable_ready()
        .build()
}

/// The property `stream-key-file`.
pub fn stream_key_file_property() -> glib::ParamSpec {
    glib::ParamSpecString::builder("stream-key-file")
        .nick("Stream key file")
        .blurb(
            "File that holds the stream key, read at the start, the line's end left out: unlike the property \
             stream-key it is not seen in the list of processes. Only one of both may be set",
        )
        .default_value(Some(""))
        .mutable_ready()
        .build()
}

/// The passphrase of the properties `passphrase` and `passphrase-file`; empty where neither is set.
pub fn passphrase(given: &str, file: &str) -> Result<String, String> {
    secret("passphrase", given, file)
}

/// The stream key of the properties `stream-key` and `stream-key-file`; empty where neither is set.
pub fn stream_key(given: &str, file: &str) -> Result<String, String> {
    secret("stream key", given, file)
}

/// A secret that is given, or in a file.
fn secret(what: &str, given: &str, file: &str) -> Result<String, String> {
    if file.is_empty() {
        return Ok(given.to_owned());
    }
    if !given.is_empty() {
        let property = what.replace(' ', "-");
        return Err(format!("{property} and {property}-file are both set"));
    }
    let failed = |err: io::Error| format!("the {what} cannot be read from {file}: {err}");
    let mut text = String::new();
    File::open(file)
        .and_then(|opened| opened.take(MAX_SECRET_FILE).read_to_string(&mut text))
        .map_err(failed)?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() { Err(format!("the file {file} holds no {what}")) } else { Ok(secret.into()) }
}

/// The property `stats`.
pub fn stats_property(blurb: &str) -> glib::ParamSpec {
    glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
        .nick("Statistics")
        .blurb(blurb)
        .read_only()
        .build()
}

fn keyframe_interval_property() -> glib::ParamSpec {
    glib::ParamSpecUInt::builder("keyframe-interval")
        .nick("Key frame interval")
        .blurb(
            "Most frames from one key frame to the next: viewers join at key frames, and what a loss did to the \
             pictures ends there; 0 for the frames of a second, 1 to predict no picture from another. With \
             bitrate=0 all are key frames",
        )
        .maximum(u32::MAX)
        .default_value(0)
        .mutable_playing()
        .build()
}

fn reference_layer_property() -> glib::ParamSpec {
    glib::ParamSpecInt::builder("reference-layer")
        .nick("Reference layer")
        .blurb(
            "The highest layer that the next picture is predicted from, -1 for the finest that a picture has: \
             losing layers above it harms one picture only, those up to it all until the next key frame, and \
             layers above it cost more bits",
        )
        .minimum(-1)
        .maximum(i32::from(MAX_LAYERS) - 1)
        .default_value(-1)
        .mutable_playing()
        .build()
}

fn threads_property(what: &str) -> glib::ParamSpec {
    glib::ParamSpecUInt::builder("threads")
        .nick("Threads")
        .blurb(&format!(
            "Number of threads that share the work on one {what}; 0 for as many as there are cores"
        ))
        .maximum(MAX_THREADS)
        .default_value(0)
        .mutable_ready()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_is_set_and_got() {
        let mut encoder = EncoderSettings::default();
        for pspec in EncoderSettings::video_properties() {
            let seven = 7u32.to_value().transform_with_type(pspec.value_type()).unwrap();
            assert!(encoder.set(pspec.name(), &seven));
            let got = encoder.get(pspec.name()).unwrap();
            assert_eq!(got.type_(), pspec.value_type());
            assert_eq!(got.transform::<u32>().unwrap().get::<u32>(), Ok(7));
        }
        let mut decoder = DecoderSettings::default();
        for pspec in DecoderSettings::properties() {
            assert!(decoder.set(pspec.name(), &7u32.to_value()));
            assert_eq!(decoder.get(pspec.name()).unwrap().get::<u32>(), Ok(7));
        }
        assert!(decoder.set("wait-for-key-frame", &false.to_value()));
        assert_eq!(decoder.get("wait-for-key-frame").unwrap().get::<bool>(), Ok(false));
        assert!(!decoder.set("bitrate", &7u32.to_value()));
        assert!(encoder.get("max-layer").is_none());
    }

    #[test]
    fn a_passphrase_comes_from_one_place_and_what_is_wrong_is_named() {
        let file = std::env::temp_dir().join(format!("fql-passphrase-{}", std::process::id()));
        let name = file.to_str().unwrap();
        let read = |content: &str| {
            std::fs::write(&file, content).unwrap();
            passphrase("", name)
        };
        assert_eq!(read("secret words\r\n"), Ok("secret words".into()));
        assert_eq!(read(" spaces count "), Ok(" spaces count ".into()));
        assert!(read("\n").unwrap_err().contains("holds no passphrase"));
        assert!(passphrase("given", name).unwrap_err().contains("both"));
        std::fs::remove_file(&file).unwrap();
        assert!(passphrase("", name).unwrap_err().contains(name));
        assert_eq!(passphrase("given", ""), Ok("given".into()));
        assert_eq!(passphrase("", ""), Ok(String::new()));
        assert!(stream_key("given", name).unwrap_err().contains("stream-key and stream-key-file"));
    }

    #[test]
    fn defaults_are_those_of_the_properties() {
        let encoder = EncoderSettings::default();
        for pspec in EncoderSettings::video_properties() {
            let (value, default) = (encoder.get(pspec.name()).unwrap(), pspec.default_value().clone());
            let as_text = |value: glib::Value| value.transform::<String>().unwrap().get::<String>().unwrap();
            assert_eq!(as_text(value), as_text(default), "{}", pspec.name());
        }
        let decoder = DecoderSettings::default();
        for pspec in DecoderSettings::properties() {
            let value = decoder.get(pspec.name()).unwrap();
            assert_eq!(value.get::<u32>(), pspec.default_value().get::<u32>(), "{}", pspec.name());
        }
    }
}
