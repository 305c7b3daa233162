//! Statistics as GStreamer structures: what the property `stats` shows.

use std::net::SocketAddr;
use std::time::Duration;

use fql_transport::{
    EndReason, PeerStats, ReceiverStats, ReceiverTrackStats, Refusals, SenderStats, SenderTrackStats,
};
use gst::glib;
use gst::prelude::*;

use crate::videodec::Counts;

/// The name of a sender's structure.
pub const SENDER: &str = "application/x-fql-sender-stats";
/// The name of a receiver's structure.
pub const RECEIVER: &str = "application/x-fql-receiver-stats";

/// The name of a decoder's structure.
pub const DECODER: &str = "application/x-fql-decoder-stats";

/// The name of the structure of the element message that tells what becomes of a session.
pub const SESSION: &str = "application/x-fql-session";

/// What becomes of a session, for an element message: `state` is `waiting` (of who asks), `connected`, `paused`,
/// `resumed` or `disconnected`, `detail` says more.
pub fn session_message(state: &str, detail: &str) -> gst::Structure {
    gst::Structure::builder(SESSION).field("state", state).field("detail", detail).build()
}

/// That a session ended, for an element message: `detail` says why in words, `reason` in one.
pub fn end_message(reason: EndReason) -> gst::Structure {
    let mut message = session_message("disconnected", &reason.to_string());
    message.set("reason", end_name(reason));
    message
}

fn end_name(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Goodbye => "goodbye",
        EndReason::Silence => "silence",
        EndReason::Replaced => "replaced",
        EndReason::Refused => "refused",
        EndReason::KeyRotated => "key-rotated",
        EndReason::Archived => "archived",
        EndReason::UnknownStream => "unknown-stream",
        EndReason::Unauthorized => "unauthorized",
        EndReason::Full => "full",
        _ => "other",
    }
}

/// What a decoder of video did.
pub fn of_decoder(counts: &Counts) -> gst::Structure {
    gst::Structure::builder(DECODER)
        .field("shown", counts.shown)
        .field("key-frames", counts.keys)
        .field("concealed", counts.concealed)
        .field("drifted", counts.drifted)
        .field("unreferenced", counts.unreferenced)
        .field("hidden", counts.hidden)
        .field("skipped", counts.skipped)
        .field("corrupt", counts.corrupt)
        .field("last-layers", u32::from(counts.layers))
        .build()
}

/// What a sender did. Rates in bit/s, times in nanoseconds, shares from 0 to 1.
pub fn of_sender(stats: Option<&SenderStats>, local: Option<SocketAddr>) -> gst::Structure {
    let mut s = start(SENDER, local);
    let Some(stats) = stats else {
        s.set("connected", false);
        return s;
    };
    s.set("connected", stats.connected);
    s.set("sessions", stats.sessions);
    s.set("datagrams", stats.datagrams);
    s.set("bytes", stats.bytes);
    s.set("wire-rate", stats.wire_rate);
    s.set("media-rate", stats.media_rate);
    s.set("source-shards", stats.source_shards);
    s.set("parity-shards", stats.parity_shards);
    s.set("parity-share", stats.parity_share);
    s.set("queued", stats.queued as u64);
    s.set("fec", &stats.fec);
    if let Some(rate) = stats.allowed_rate {
        s.set("allowed-rate", rate);
    }
    if let Some(state) = stats.congestion {
        s.set("congestion", state.name());
    }
    if let Some(rate) = stats.allowed_media_rate {
        s.set("allowed-media-rate", rate);
    }
    s.set("units-dropped", stats.units_dropped);
    s.set("units-trimmed", stats.units_trimmed);
    s.set("assumed-loss", stats.assumed_loss);
    s.set("assumed-burst", stats.assumed_burst);
    set_refusals(&mut s, &stats.refused);
    if let Some(peer) = &stats.peer {
        s.set("peer", of_peer(peer));
    }
    s.set("tracks", gst::Array::new(stats.tracks.iter().map(of_sender_track)));
    s
}

/// What a receiver saw. Rates in bit/s, times in nanoseconds.
pub fn of_receiver(stats: Option<&ReceiverStats>, local: Option<SocketAddr>) -> gst::Structure {
    let mut s = start(RECEIVER, local);
    let Some(stats) = stats else {
        s.set("connected", false);
        return s;
    };
    s.set("connected", stats.connected);
    s.set("sessions", stats.sessions);
    s.set("received", stats.received);
    s.set("bytes", stats.bytes);
    s.set("delivered-rate", stats.delivered_rate);
    s.set("lost", stats.lost);
    s.set("bursts", stats.bursts);
    s.set("recovered", stats.recovered);
    s.set("late", stats.late);
    s.set("units-complete", stats.units_complete);
    s.set("units-partial", stats.units_partial);
    s.set("units-lost", stats.units_lost);
    s.set("queueing-delay", nanos(stats.queueing_delay));
    s.set("held-bytes", stats.held_bytes as u64);
    set_refusals(&mut s, &stats.refused);
    s.set("tracks", gst::Array::new(stats.tracks.iter().map(of_receiver_track)));
    s
}

fn start(name: &str, local: Option<SocketAddr>) -> gst::Structure {
    let local = local.map(|local| local.to_string());
    gst::Structure::builder(name).field_if_some("local-address", local).build()
}

fn set_refusals(s: &mut gst::Structure, refused: &Refusals) {
    s.set("refused-replayed", refused.replayed);
    s.set("refused-forged", refused.forged);
    s.set("refused-foreign", refused.foreign);
    s.set("refused-malformed", refused.malformed);
}

fn of_peer(peer: &PeerStats) -> gst::Structure {
    gst::Structure::builder("peer")
        .field("received", peer.received)
        .field("lost", peer.lost)
        .field("recovered", peer.recovered)
        .field("late", peer.late)
        .field("units-complete", peer.units_complete)
        .field("units-partial", peer.units_partial)
        .field("units-lost", peer.units_lost)
        .field("delivered-rate", peer.delivered_rate)
        .field("queueing-delay", nanos(peer.queueing_delay))
        .field("round-trip", nanos(peer.round_trip))
        .field("latency", nanos(peer.latency))
        .build()
}

fn of_sender_track(track: &SenderTrackStats) -> glib::SendValue {
    gst::Structure::builder("track")
        .field("id", u32::from(track.id))
        .field("units", track.units)
        .field("media-rate", track.media_rate)
        .field("layer-rates", gst::Array::new(track.layer_rates.iter()))
        .field("layers-sent", u32::from(track.layers_sent))
        .field("layers-acknowledged", u32::from(track.layers_acknowledged))
        .build()
        .to_send_value()
}

fn of_receiver_track(track: &ReceiverTrackStats) -> glib::SendValue {
    gst::Structure::builder("track")
        .field("id", u32::from(track.id))
        .field("units-complete", track.units_complete)
        .field("units-partial", track.units_partial)
        .field("units-lost", track.units_lost)
        .field("last-layers", u32::from(track.last_layers))
        .field("mean-layers", track.mean_layers)
        .field("layers", gst::Array::new(track.layers.iter()))
        .field("media-rate", track.media_rate)
        .build()
        .to_send_value()
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
