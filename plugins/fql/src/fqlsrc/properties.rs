//! The properties of `fqlsrc`.

use gst::glib;
use gst::prelude::*;

use crate::network::Network;
use crate::receiving::Settings;
use crate::settings;

pub fn all() -> Vec<glib::ParamSpec> {
    let default = Settings::default();
    let mut properties = vec![
        settings::uri_property(
            &default.uri,
            "Where to listen: udp://address:port; 0.0.0.0 or [::] for all interfaces, a multicast group to join \
             it, port 0 for any free one (stats tell which). Or what to view from which server: \
             fql://host:port/play/<playback ID>?server-key=...",
        ),
        glib::ParamSpecString::builder("api-url")
            .nick("API address")
            .blurb(
                "The server's API (https://... or http://...), which is asked for the server's key where an fql:// \
                 address has none",
            )
            .default_value(Some(""))
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("token")
            .nick("Token")
            .blurb(
                "What shows the server of an fql:// address that this viewer may see a stream that is not for \
                 everybody, at most 512 bytes (write only)",
            )
            .write_only()
            .mutable_ready()
            .build(),
        settings::passphrase_property(),
        settings::passphrase_file_property(),
        glib::ParamSpecUInt::builder("latency")
            .nick("Latency")
            .blurb("Time for reordering and repair, from arrival to presentation, in milliseconds")
            .minimum(20)
            .maximum(10_000)
            .default_value(default.latency)
            .mutable_ready()
            .build(),
        settings::max_layer_property("receive"),
        glib::ParamSpecBoolean::builder("eos-on-goodbye")
            .nick("End at goodbye")
            .blurb(
                "End the stream (EOS) when the sender says goodbye, so that recordings finish; otherwise, and \
                 always when the sender only falls silent, wait for it to return; a server (fql://) is always \
                 waited for",
            )
            .default_value(default.eos_on_goodbye)
            .mutable_playing()
            .build(),
        glib::ParamSpecBoolean::builder("add-reference-timestamp-meta")
            .nick("Add reference timestamp meta")
            .blurb(
                "Whether buffers come with the UTC at which the sender captured them, where it says so, as \
                 GstReferenceTimestampMeta with the caps timestamp/x-unix",
            )
            .default_value(default.add_reference_timestamp_meta)
            .mutable_playing()
            .build(),
        settings::stats_property("What was received and lost: counts, rates in bit/s, times in nanoseconds"),
    ];
    properties.extend(Network::of_receiver());
    properties
}
