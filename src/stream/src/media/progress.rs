//! How a push goes on: rate, layers, loss, what was recovered, time.

use std::io::IsTerminal;
use std::time::Instant;

use gst::prelude::*;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::failure::Result;
use crate::output::Output;
use crate::text::{clock, one_line, percent, rate};

/// Without a terminal a line every so many seconds is enough.
const LINES: u64 = 5;
/// The name of the messages in which the sink tells of its state.
const STATE: &str = "application/x-stream-state";
/// The state in which there is nothing to tell.
const LIVE: &str = "live";

/// Tells of a push: a line that changes on a terminal, lines where there is none, or JSON.
pub struct Progress {
    stream: String,
    sink: gst::Element,
    output: Output,
    begun: Instant,
    told: u64,
    state: String,
    bar: Option<ProgressBar>,
    /// What the daemon reported last: at the end there is no session any more that knows.
    reported: Sent,
}

impl Progress {
    /// Of what this sink sends.
    pub fn new(stream: &str, sink: gst::Element, output: Output) -> Self {
        let on_terminal = !output.is_json() && std::io::stderr().is_terminal();
        let bar = on_terminal.then(|| {
            let style = ProgressStyle::with_template("{spinner} {wide_msg}");
            ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
        });
        Self {
            stream: stream.to_owned(),
            sink,
            output,
            begun: Instant::now(),
            told: 0,
            state: String::new(),
            bar,
            reported: Sent::default(),
        }
    }

    /// Tells how it goes at present.
    pub fn show(&mut self) -> Result<()> {
        let sent = self.sent();
        if sent.is_reported() {
            self.reported = sent.clone();
        }
        self.told += 1;
        if self.output.is_json() {
            return self.output.json_line(&sent.to_json(None));
        }
        match &self.bar {
            Some(bar) => {
                bar.set_message(format!("{}  {sent}", self.stream));
                bar.tick();
            }
            None if self.told.is_multiple_of(LINES) => eprintln!("{}  {sent}", self.stream),
            None => (),
        }
        Ok(())
    }

    /// Tells something that happened.
    pub fn note(&mut self, what: &str) -> Result<()> {
        let what = format!("stream: {}", one_line(what));
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{what}")),
            None => eprintln!("{what}"),
        }
        Ok(())
    }

    /// Follows what the sink's messages say of the stream's state, and tells it; not what every start goes through.
    pub fn follow(&mut self, told: &gst::StructureRef) -> Result<()> {
        let Ok(state) = told.get::<String>("state") else { return Ok(()) };
        if told.name() != STATE || state == self.state {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.state, state);
        if matches!(before.as_str(), "" | "connecting") && matches!(self.state.as_str(), "connecting" | LIVE)
        {
            return Ok(());
        }
        let detail = told.get::<String>("detail").unwrap_or_default();
        match detail.is_empty() {
            true => self.note(&self.state.clone()),
            false => self.note(&format!("{} ({detail})", self.state)),
        }
    }

    /// Tells how it was at the end.
    pub fn end(&mut self, why: &str) -> Result<()> {
        let now = self.sent();
        let sent =
            if now.is_reported() { now } else { Sent { seconds: now.seconds, ..self.reported.clone() } };
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.output.is_json() {
            return self.output.json_line(&sent.to_json(Some(why)));
        }
        self.output.text(&format!("✓ {} sent, {why}: {}\n", self.stream, sent.summary()))
    }

    fn sent(&self) -> Sent {
        let stats = self.sink.property::<Option<gst::Structure>>("stats");
        Sent::of(stats.as_deref(), self.begun.elapsed().as_secs())
    }
}

/// What was sent so far.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Sent {
    state: String,
    seconds: u64,
    bytes: u64,
    rate: u64,
    media_rate: u64,
    received: u64,
    lost: u64,
    recovered: u64,
    late: u64,
    round_trip_ms: Option<f64>,
    queueing_delay_ms: Option<f64>,
    tracks: Vec<TrackSent>,
}

/// What was sent of a track.
#[derive(Debug, Default, Clone, PartialEq)]
struct TrackSent {
    id: u32,
    media_rate: u64,
    layers_sent: u32,
    layers_acknowledged: u32,
}

impl Sent {
    /// As the statistics of the sink tell it; what they leave out is 0.
    fn of(stats: Option<&gst::StructureRef>, seconds: u64) -> Self {
        let text = |stats: &gst::StructureRef| stats.get::<String>("state").unwrap_or_default();
        let mut sent = Self { state: stats.map(text).unwrap_or_default(), seconds, ..Self::default() };
        let Some(stats) = stats.and_then(|stats| stats.get::<gst::Structure>("transport").ok()) else {
            return sent;
        };
        sent.bytes = count(&stats, "bytes");
        sent.rate = count(&stats, "wire-rate");
        sent.media_rate = count(&stats, "media-rate");
        if let Ok(peer) = stats.get::<gst::Structure>("peer") {
            sent.received = count(&peer, "received");
            sent.lost = count(&peer, "lost");
            sent.recovered = count(&peer, "recovered");
            sent.late = count(&peer, "late");
            sent.round_trip_ms = Some(milliseconds(&peer, "round-trip"));
            sent.queueing_delay_ms = Some(milliseconds(&peer, "queueing-delay"));
        }
        let tracks = stats.get::<gst::Array>("tracks");
        sent.tracks = tracks.iter().flat_map(|tracks| tracks.iter()).filter_map(TrackSent::of).collect();
        sent
    }

    /// Whether the daemon's reports are part of it.
    fn is_reported(&self) -> bool {
        self.round_trip_ms.is_some()
    }

    fn loss(&self) -> f64 {
        let all = self.received.saturating_add(self.lost);
        if all == 0 { 0.0 } else { self.lost as f64 / all as f64 }
    }

    /// Of the track with the most layers, which is the video where there is one.
    fn layers(&self) -> Option<(u32, u32)> {
        let most = self.tracks.iter().max_by_key(|track| track.media_rate)?;
        Some((most.layers_acknowledged, most.layers_sent))
    }

    fn summary(&self) -> String {
        format!(
            "{}, {:.1} MB, {} packets lost ({}), {} recovered",
            clock(self.seconds),
            self.bytes as f64 / 1e6,
            self.lost,
            percent(self.loss()),
            self.recovered
        )
    }

    fn to_json(&self, ended: Option<&str>) -> Value {
        let track = |track: &TrackSent| {
            json!({
                "id": track.id, "mediaRate": track.media_rate,
                "layersSent": track.layers_sent, "layersAcknowledged": track.layers_acknowledged,
            })
        };
        let mut document = json!({
            "state": self.state, "elapsedSeconds": self.seconds, "bytes": self.bytes, "rate": self.rate,
            "mediaRate": self.media_rate,
            "packets": {
                "received": self.received, "lost": self.lost, "recovered": self.recovered, "late": self.late,
            },
            "roundTripMs": self.round_trip_ms, "queueingDelayMs": self.queueing_delay_ms,
            "tracks": self.tracks.iter().map(track).collect::<Value>(),
        });
        if let Some(why) = ended {
            document["ended"] = why.into();
        }
        document
    }
}

impl std::fmt::Display for Sent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}  {}", clock(self.seconds), rate(self.rate))?;
        if let Some((there, sent)) = self.layers() {
            write!(f, "  layers {there} of {sent}")?;
        }
        write!(f, "  lost {}  recovered {}", percent(self.loss()), self.recovered)?;
        if let Some(round_trip) = self.round_trip_ms {
            write!(f, "  round trip {round_trip:.0} ms")?;
        }
        if self.state != LIVE && !self.state.is_empty() {
            write!(f, "  {}", self.state)?;
        }
        Ok(())
    }
}

impl TrackSent {
    fn of(value: &gst::glib::SendValue) -> Option<Self> {
        let track = value.get::<gst::Structure>().ok()?;
        Some(Self {
            id: track.get("id").unwrap_or(0),
            media_rate: count(&track, "media-rate"),
            layers_sent: track.get("layers-sent").unwrap_or(0),
            layers_acknowledged: track.get("layers-acknowledged").unwrap_or(0),
        })
    }
}

fn count(structure: &gst::StructureRef, name: &str) -> u64 {
    structure.get(name).unwrap_or(0)
}

fn milliseconds(structure: &gst::StructureRef, name: &str) -> f64 {
    count(structure, name) as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats() -> gst::Structure {
        let track = gst::Structure::builder("track")
            .field("id", 0u32)
            .field("media-rate", 1_500_000u64)
            .field("layers-sent", 12u32)
            .field("layers-acknowledged", 11u32)
            .build();
        let peer = gst::Structure::builder("peer")
            .field("received", 900u64)
            .field("lost", 100u64)
            .field("recovered", 80u64)
            .field("round-trip", 20_000_000u64)
            .build();
        let transport = gst::Structure::builder("transport")
            .field("bytes", 2_500_000u64)
            .field("wire-rate", 2_000_000u64)
            .field("peer", peer)
            .field("tracks", gst::Array::new([track.to_send_value()]))
            .build();
        gst::Structure::builder("stats").field("state", "live").field("transport", transport).build()
    }

    #[test]
    fn progress_tells_rate_layers_loss_and_time() {
        gst::init().unwrap();
        let sent = Sent::of(Some(&stats()), 65);
        let line = "1:05  2.00 Mbit/s  layers 11 of 12  lost 10.0 %  recovered 80  round trip 20 ms";
        assert_eq!(sent.to_string(), line);
        assert_eq!(sent.summary(), "1:05, 2.5 MB, 100 packets lost (10.0 %), 80 recovered");
        let document = sent.to_json(Some("interrupted"));
        assert_eq!(document["tracks"][0]["layersSent"], 12);
        assert_eq!(document["ended"], "interrupted");
    }

    #[test]
    fn statistics_that_are_not_there_are_no_panic() {
        gst::init().unwrap();
        assert_eq!(Sent::of(None, 1).to_string(), "0:01  0 bit/s  lost 0.0 %  recovered 0");
        let transport =
            gst::Structure::builder("transport").field("bytes", "many").field("tracks", 7u32).build();
        let strange = gst::Structure::builder("stats")
            .field("state", "connecting")
            .field("transport", transport)
            .build();
        let sent = Sent::of(Some(&strange), 1);
        assert_eq!((sent.bytes, sent.to_string().ends_with("connecting")), (0, true));
    }
}
