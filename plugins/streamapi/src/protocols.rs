//! The protocols by which a stream can be published, one row of a table each.

use gst::prelude::*;

use crate::ingest::Ingest;
use crate::media::Media;

/// The value of the property `protocol` that leaves the choice to the table and the daemon.
pub const AUTO: &str = "auto";

/// A protocol and the elements that speak it.
pub struct Protocol {
    /// Its name, of the property `protocol` and in the daemon's answer.
    pub name: &'static str,
    /// The element that sends, with a request pad `sink_%u` for each track.
    transport: fn(&Plan) -> Piece,
    /// What goes before a pad of it, for media of this kind.
    chain: fn(Media, &Plan) -> Vec<Piece>,
}

/// All protocols, those that are preferred first.
static PROTOCOLS: [Protocol; 1] = [Protocol { name: "fql", transport: fql_transport, chain: fql_chain }];

/// What the elements are set to. Rates are in kbit/s, 0 for no bound.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Where the stream goes.
    pub address: String,
    /// The secret by which it is published.
    pub stream_key: String,
    /// How many layers an encoder of layers makes.
    pub layers: u32,
    /// How it is protected; empty for what the protocol has for a default.
    pub fec: String,
    /// Media rate of each raw video track.
    pub bitrate: u32,
    /// Media rate of each raw sound track.
    pub audio_bitrate: u32,
    /// The most on the wire.
    pub max_bitrate: u32,
}

/// An element by the name of its factory, and its properties as text.
pub struct Piece {
    factory: &'static str,
    properties: Vec<(&'static str, String)>,
}

impl Protocol {
    /// The protocol of this name; with [`AUTO`] the first one that the daemon offers an address for.
    pub fn choose(name: &str, ingest: &Ingest) -> Result<&'static Self, String> {
        let offered = |protocol: &&Self| ingest.addresses.contains_key(protocol.name);
        if name == AUTO {
            let offers: Vec<&str> = ingest.addresses.keys().map(String::as_str).collect();
            return PROTOCOLS.iter().find(offered).ok_or_else(|| {
                format!("the daemon offers none of the protocols that are known here: {}", offers.join(", "))
            });
        }
        let protocol = Self::named(name)?;
        Some(protocol).filter(offered).ok_or_else(|| format!("the daemon offers no address for {name}"))
    }

    /// The protocol of this name.
    pub fn named(name: &str) -> Result<&'static Self, String> {
        let known: Vec<&str> = PROTOCOLS.iter().map(|protocol| protocol.name).collect();
        PROTOCOLS
            .iter()
            .find(|protocol| protocol.name == name)
            .ok_or_else(|| format!("protocol is \"{name}\", it must be auto or one of: {}", known.join(", ")))
    }

    /// The element that sends.
    pub fn transport(&self, plan: &Plan) -> Result<gst::Element, String> {
        (self.transport)(plan).make()
    }

    /// What goes before a pad of it for this kind of media, in the order in which data passes.
    pub fn chain(&self, media: Media, plan: &Plan) -> Result<Vec<gst::Element>, String> {
        (self.chain)(media, plan).iter().map(Piece::make).collect()
    }
}

impl Piece {
    fn new(factory: &'static str) -> Self {
        Self { factory, properties: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.properties.push((name, value.to_string()));
        self
    }

    /// Makes the element. Values of properties are in no error: one of them is secret.
    fn make(&self) -> Result<gst::Element, String> {
        let factory = self.factory;
        let element = gst::ElementFactory::make(factory)
            .build()
            .map_err(|_| format!("there is no element {factory}: is its plugin on GST_PLUGIN_PATH?"))?;
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

fn fql_transport(plan: &Plan) -> Piece {
    Piece::new("fqlfecsink")
        .with("uri", &plan.address)
        .with("stream-key", &plan.stream_key)
        .with("fec", &plan.fec)
        .with("max-bitrate", plan.max_bitrate)
}

fn fql_chain(media: Media, plan: &Plan) -> Vec<Piece> {
    let encoder = |bitrate: u32| Piece::new("fqlenc").with("layers", plan.layers).with("bitrate", bitrate);
    match media {
        Media::RawVideo => vec![Piece::new("videoconvert"), encoder(plan.bitrate)],
        Media::RawAudio => {
            vec![Piece::new("audioconvert"), Piece::new("audioresample"), encoder(plan.audio_bitrate)]
        }
        // Viewers join at key pictures: these need their parameters with them.
        Media::Encoded(parser @ ("h264parse" | "h265parse")) => {
            vec![Piece::new(parser).with("config-interval", -1)]
        }
        Media::Encoded(parser) => vec![Piece::new(parser)],
        Media::AsItIs => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offering(names: &[&str]) -> Ingest {
        Ingest {
            stream: String::new(),
            playback_id: String::new(),
            layers: 12,
            fec: String::new(),
            max_bitrate: None,
            addresses: names.iter().map(|name| ((*name).to_owned(), format!("{name}://host"))).collect(),
        }
    }

    fn error(name: &str, offers: &[&str]) -> String {
        Protocol::choose(name, &offering(offers)).err().expect("no protocol should fit")
    }

    #[test]
    fn the_protocol_is_the_one_that_is_wanted_and_offered() {
        assert_eq!(Protocol::choose("auto", &offering(&["fql", "srt"])).map(|p| p.name), Ok("fql"));
        assert_eq!(Protocol::choose("fql", &offering(&["fql"])).map(|p| p.name), Ok("fql"));
        assert_eq!(error("fql", &["srt"]), "the daemon offers no address for fql");
        assert_eq!(error("smoke", &["fql"]), "protocol is \"smoke\", it must be auto or one of: fql");
        assert!(error("auto", &["rtmp", "srt"]).contains("rtmp, srt"));
    }

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
}
