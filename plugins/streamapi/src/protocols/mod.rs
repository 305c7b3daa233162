//! The protocols by which a stream can be published, one row of a table each.

mod encoders;
mod fql;
mod muxed;
mod piece;
mod whip;

use crate::ingest::Ingest;
use crate::media::Media;
pub use encoders::set_encoder;
use piece::Piece;

/// The value of the property `protocol` that leaves the choice to the table, the daemon and what is upstream.
pub const AUTO: &str = "auto";

/// A protocol and the elements that speak it.
pub struct Protocol {
    /// Its name, of the property `protocol` and in the daemon's answer.
    pub name: &'static str,
    /// Whether an element that sends goes on by itself after a break, and takes tracks at any time. Others are plugged
    /// once the media of all pads is known, and anew for each session.
    pub is_lasting: bool,
    /// The elements without which it cannot be spoken.
    needs: &'static [&'static str],
    /// The most tracks of pictures and of sound.
    most: (usize, usize),
    carries: fn(Media) -> bool,
    /// The element that sends, with a request pad `sink_%u` for each track.
    transport: fn(&Plan) -> Result<gst::Element, String>,
    /// What goes before a pad of it.
    chain: fn(&Track, &Plan) -> Vec<Piece>,
}

/// All protocols, those that are preferred first: the one that carries everything and repairs most, the one that
/// repairs, the one that passes where only TCP does, and the one that needs a plugin of its own.
static PROTOCOLS: [Protocol; 4] = [fql::FQL, muxed::SRT, muxed::RTMP, whip::WHIP];

/// What the elements are set to. Rates are in kbit/s, 0 for no bound.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Where the stream goes.
    pub address: String,
    /// The secret by which it is published.
    pub stream_key: String,
    /// The secret by which SRT encrypts; empty for none.
    pub srt_passphrase: String,
    /// How many layers an encoder of layers makes.
    pub layers: u32,
    /// How it is protected; empty for what the protocol has for a default.
    pub fec: String,
    /// Media rate of each raw video track.
    pub bitrate: u32,
    /// Most frames of a raw video track from one key frame to the next; 0 for those of a second.
    pub keyframe_interval: u32,
    /// Media rate of each raw sound track.
    pub audio_bitrate: u32,
    /// The most on the wire.
    pub max_bitrate: u32,
}

/// What comes by one pad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Track {
    /// The number of the pad.
    pub number: u32,
    /// What comes.
    pub media: Media,
    /// Pictures a second, rounded up; 0 where that is not known.
    pub frame_rate: u32,
}

impl Protocol {
    /// The protocols that the setting allows and the daemon offers, and of which the elements are there; those that are
    /// preferred first. There is at least one.
    pub fn candidates(name: &str, ingest: &Ingest) -> Result<Vec<&'static Self>, String> {
        let offered = |protocol: &&Self| ingest.addresses.contains_key(protocol.name);
        if name != AUTO {
            let protocol = Self::named(name)?;
            if !offered(&protocol) {
                return Err(format!("the daemon offers no address for {name}"));
            }
            protocol.installed()?;
            return Ok(vec![protocol]);
        }
        let known: Vec<&Self> = PROTOCOLS.iter().filter(offered).collect();
        let Some(first) = known.first() else {
            let offers: Vec<&str> = ingest.addresses.keys().map(String::as_str).collect();
            return Err(format!(
                "the daemon offers none of the protocols that are known here: {}",
                offers.join(", ")
            ));
        };
        let found: Vec<&Self> =
            known.iter().copied().filter(|protocol| protocol.installed().is_ok()).collect();
        if found.is_empty() { Err(first.installed().err().unwrap_or_default()) } else { Ok(found) }
    }

    /// The protocol of this name.
    pub fn named(name: &str) -> Result<&'static Self, String> {
        let known: Vec<&str> = PROTOCOLS.iter().map(|protocol| protocol.name).collect();
        PROTOCOLS
            .iter()
            .find(|protocol| protocol.name == name)
            .ok_or_else(|| format!("protocol is \"{name}\", it must be auto or one of: {}", known.join(", ")))
    }

    /// Whether the elements are there without which it cannot be spoken.
    fn installed(&self) -> Result<(), String> {
        let missing = self.needs.iter().find(|factory| gst::ElementFactory::find(factory).is_none());
        missing.map_or(Ok(()), |factory| Err(piece::missing(factory)))
    }

    /// Whether these tracks can go by it, or what keeps them from it.
    pub fn check(&self, tracks: &[Track]) -> Result<(), String> {
        if let Some(track) = tracks.iter().find(|track| !(self.carries)(track.media)) {
            return Err(format!(
                "{} cannot be carried by {} (pad sink_{}): another protocol, or another codec",
                track.media, self.name, track.number
            ));
        }
        let count = |is: fn(Media) -> bool| tracks.iter().filter(|track| is(track.media)).count();
        let (video, audio) = self.most;
        if count(Media::is_video) > video || count(Media::is_audio) > audio {
            return Err(format!("{} carries one track of pictures and one of sound, no more", self.name));
        }
        Ok(())
    }

    /// The element that sends.
    pub fn transport(&self, plan: &Plan) -> Result<gst::Element, String> {
        (self.transport)(plan)
    }

    /// What goes before a pad of it for this track, in the order in which data passes.
    pub fn chain(&self, track: &Track, plan: &Plan) -> Result<Vec<gst::Element>, String> {
        (self.chain)(track, plan).iter().map(Piece::make).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Codec;

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

    fn names(name: &str, offers: &[&str]) -> Result<Vec<&'static str>, String> {
        let candidates = Protocol::candidates(name, &offering(offers))?;
        Ok(candidates.iter().map(|protocol| protocol.name).collect())
    }

    fn tracks(all: &[Media]) -> Vec<Track> {
        (0..).zip(all).map(|(number, media)| Track { number, media: *media, frame_rate: 25 }).collect()
    }

    #[test]
    fn the_protocol_is_one_that_is_wanted_offered_and_there() {
        gst::init().unwrap();
        assert_eq!(names("srt", &["fql", "rtmp", "srt"]), Ok(vec!["srt"]));
        assert_eq!(names("auto", &["rtmp", "srt", "smoke"]), Ok(vec!["srt", "rtmp"]));
        assert_eq!(names("fql", &["srt"]).unwrap_err(), "the daemon offers no address for fql");
        assert_eq!(
            names("smoke", &["fql"]).unwrap_err(),
            "protocol is \"smoke\", it must be auto or one of: fql, srt, rtmp, whip"
        );
        assert!(names("auto", &["smoke", "mirrors"]).unwrap_err().contains("mirrors, smoke"));
    }

    #[test]
    fn a_protocol_takes_only_what_it_can_carry() {
        use Codec::{Aac, Av1, H264, Opus};
        let encoded = |codec| Media::Encoded(codec);
        let takes = |name: &str, all: &[Media]| Protocol::named(name).unwrap().check(&tracks(all)).is_ok();
        for name in ["fql", "srt", "rtmp", "whip"] {
            assert!(takes(name, &[Media::RawVideo, Media::RawAudio]), "{name}");
            assert!(takes(name, &[encoded(H264)]), "{name}");
            assert_eq!(takes(name, &[Media::AsItIs]), name == "fql");
            assert_eq!(takes(name, &[encoded(Av1)]), name == "fql");
            assert_eq!(takes(name, &[encoded(Aac)]), name != "whip");
            assert_eq!(takes(name, &[encoded(Opus)]), name != "rtmp");
            assert_eq!(
                takes(name, &[Media::RawVideo, encoded(H264)]),
                ["fql", "srt"].contains(&name),
                "{name}"
            );
        }
        let error = Protocol::named("whip").unwrap().check(&tracks(&[Media::RawVideo, encoded(Aac)]));
        assert!(error.unwrap_err().starts_with("AAC cannot be carried by whip (pad sink_1)"));
    }
}
