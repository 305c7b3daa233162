//! The figures of a publishing session as the control API gives them.

use std::collections::HashMap;
use std::time::Duration;

use fql_transport::{ReceiverStats, ReceiverTrackStats, Time};
use fql_unit::{AudioCodec, Media, Track, TrackTable, VideoCodec};

use crate::service::{LiveStats, PacketStats, PublisherStats, TrackStats};

/// Frame rates are means over at least this time.
const SPAN: Duration = Duration::from_secs(2);

/// What rates are reckoned from.
#[derive(Debug, Default)]
pub struct Figures {
    tracks: HashMap<u8, Counted>,
}

/// Units of a track up to a moment, and the rate before it.
#[derive(Debug)]
struct Counted {
    at: Time,
    units: u64,
    rate: f64,
}

impl Figures {
    /// A new session counts from zero.
    pub fn begin(&mut self) {
        self.tracks.clear();
    }

    /// Fills in what a session's receiver says.
    pub fn fill(
        &mut self,
        now: Time,
        receiver: &ReceiverStats,
        round_trip: Option<Duration>,
        tracks: &TrackTable,
        stats: &mut LiveStats,
    ) {
        stats.packets = PacketStats {
            received: receiver.received,
            lost: receiver.lost,
            recovered: receiver.recovered,
            late: receiver.late,
        };
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        stats.delay_ms = round_trip.map(|time| millis(time / 2 + receiver.queueing_delay));
        stats.publisher = Some(PublisherStats {
            round_trip_ms: round_trip.map(millis),
            queueing_delay_ms: Some(millis(receiver.queueing_delay)),
            rate: receiver.delivered_rate,
            ..PublisherStats::default()
        });
        let about = |track: &Track| {
            let counted = receiver.tracks.iter().find(|stats| stats.id == track.id);
            self.track(now, track, &counted.cloned().unwrap_or_default())
        };
        stats.tracks = tracks.tracks().iter().map(about).collect();
    }

    fn track(&mut self, now: Time, track: &Track, stats: &ReceiverTrackStats) -> TrackStats {
        let units = stats.units_complete + stats.units_partial + stats.units_lost;
        TrackStats {
            id: track.id,
            kind: kind(&track.media).to_owned(),
            name: track.name.clone(),
            codec: codec(&track.media).to_owned(),
            bitrate: stats.media_rate,
            frame_rate: self.rate(now, track.id, units),
            layers: track.layers,
            layer_rates: stats.layer_rates.clone(),
            units_complete: stats.units_complete,
            units_partial: stats.units_partial,
            units_lost: stats.units_lost,
        }
    }

    /// Units a second, lately.
    fn rate(&mut self, now: Time, track: u8, units: u64) -> f64 {
        let counted = self.tracks.entry(track).or_insert(Counted { at: now, units, rate: 0.0 });
        let (span, new) = (now - counted.at, units.saturating_sub(counted.units));
        let rate = new as f64 / span.as_secs_f64().max(1e-9);
        if span >= SPAN {
            *counted = Counted { at: now, units, rate };
        } else if counted.rate == 0.0 && new > 0 {
            return rate;
        }
        counted.rate
    }
}

/// What a track carries, in a word.
pub fn kind(media: &Media) -> &'static str {
    if media.is_video() {
        "video"
    } else if media.is_audio() {
        "audio"
    } else {
        "data"
    }
}

/// How a track is coded, in a word.
pub fn codec(media: &Media) -> &'static str {
    match media {
        Media::Video(_) | Media::Audio(_) => "fql",
        Media::EncodedVideo(video) => match video.codec {
            VideoCodec::H264 => "h264",
            VideoCodec::H265 => "h265",
            VideoCodec::Av1 => "av1",
            VideoCodec::Vp8 => "vp8",
            VideoCodec::Vp9 => "vp9",
        },
        Media::EncodedAudio(audio) => match audio.codec {
            AudioCodec::Aac => "aac",
            AudioCodec::Opus => "opus",
        },
        Media::Data(_) => "data",
    }
}
