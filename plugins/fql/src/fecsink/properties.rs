//! The properties of `fqlfecsink`.

use gst::glib;
use gst::prelude::*;

use crate::network::Network;
use crate::sending::Settings;
use crate::settings;

pub fn all() -> Vec<glib::ParamSpec> {
    let default = Settings::default();
    let mut properties = vec![
        settings::uri_property(
            &default.uri,
            "Where the stream goes: udp://host:port/name, with a host name, an IPv4 address, an IPv6 address in \
             brackets, or (with one-way) a multicast group",
        ),
        settings::passphrase_property(),
        settings::passphrase_file_property(),
        settings::stream_key_property(),
        settings::stream_key_file_property(),
        glib::ParamSpecBoolean::builder("one-way")
            .nick("One way")
            .blurb(
                "Send without a return path (multicast, satellite): no handshake and no reports. This cannot \
                 prevent that a whole recorded session is replayed to a receiver that has not seen it",
            )
            .default_value(default.one_way)
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("fec")
            .nick("Forward error correction")
            .blurb(
                "none, equal:R, unequal:a,b,c,... (parity shards for every started 10 source shards of layers 0, \
                 1, 2, ...), adaptive or adaptive:MAX% (most share of the rate in percent; with one-way for a loss \
                 of 8 %); empty for adaptive",
            )
            .default_value(Some(""))
            .mutable_playing()
            .build(),
        glib::ParamSpecUInt::builder("mtu")
            .nick("Largest datagram")
            .blurb("Most bytes of a datagram, UDP and IP headers not included")
            .minimum(256)
            .maximum(1120)
            .default_value(default.mtu)
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("max-bitrate")
            .nick("Maximum bitrate")
            .blurb(
                "Most kbit/s on the wire, headers and error correction included (at least 16); encoders are told \
                 what is left for media. 0 for no bound",
            )
            .default_value(default.max_bitrate)
            .mutable_playing()
            .build(),
        glib::ParamSpecBoolean::builder("congestion-control")
            .nick("Congestion control")
            .blurb(
                "Whether the rate on the wire follows what the link carries, up to max-bitrate; encoders are told. \
                 Without it a full link loses what it cannot carry. Nothing with one-way, where nobody says what \
                 arrived",
            )
            .default_value(default.congestion_control)
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("connect-timeout")
            .nick("Connect timeout")
            .blurb(
                "How long the start (preroll) waits for the receiver, in milliseconds, so that it misses nothing \
                 of a file; then sending starts all the same and the receiver may join at any time. 0 does not \
                 wait; live sources and one-way never wait",
            )
            .default_value(default.connect_timeout)
            .mutable_ready()
            .build(),
        settings::stats_property(
            "What was sent and what the receiver reported: counts, rates in bit/s, times in nanoseconds",
        ),
    ];
    properties.extend(Network::of_sender());
    properties
}
