//! Where daemons of tests listen, beside HTTP.

/// Options for ports that are free, of every protocol but HTTP: tests run beside each other, and beside a daemon that
/// somebody uses.
pub const FREE_PORTS: [&str; 12] = [
    "--fql",
    "127.0.0.1:0",
    "--webtransport",
    "127.0.0.1:0",
    "--rtmp",
    "127.0.0.1:0",
    "--srt",
    "127.0.0.1:0",
    "--rtsp",
    "127.0.0.1:0",
    "--rtc",
    "127.0.0.1:0",
];
