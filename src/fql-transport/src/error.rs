use thiserror::Error;

/// Why something cannot be configured or sent. What comes from the network is never an error: it is counted in the
/// statistics and dropped.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A passphrase that cannot be used.
    #[error("the passphrase {0}")]
    Passphrase(&'static str),
    /// Text that is no stream key.
    #[error("the stream key {0}")]
    StreamKey(&'static str),
    /// Text that is no public key of a server.
    #[error("the server key is not 43 characters of base64url")]
    ServerKey,
    /// A playback ID that no stream can have.
    #[error("the playback ID has {0} bytes, it must have 1 to 64")]
    PlaybackId(usize),
    /// A playback token that is too long.
    #[error("the token has {0} bytes, it must have at most 512")]
    Token(usize),
    /// A stream key where nobody can answer.
    #[error("a stream key needs a return path, so it cannot be used one way")]
    OneWayStreamKey,
    /// A `fec` setting that cannot be read.
    #[error("the fec setting {setting:?} {problem}")]
    Fec {
        /// The setting.
        setting: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The datagrams would be too small or too large.
    #[error("the mtu is {0} bytes, it must be 256 to 1120")]
    Mtu(usize),
    /// A rate on the wire that not even layer 0 fits in.
    #[error("max-bitrate is {0} bit/s, it must be at least 16000")]
    MaxBitrate(u64),
    /// A latency budget that cannot be kept.
    #[error("the latency is {0} ms, it must be 20 to 10000")]
    Latency(u128),
    /// A unit of a track that is not in the track table.
    #[error("the track {0} is not in the track table")]
    UnknownTrack(u8),
    /// A unit with another number of layers than its track.
    #[error("a unit of {found} layers on the track {track}, which has {expected}")]
    Layers {
        /// The track.
        track: u8,
        /// Layers of the unit.
        found: u8,
        /// Layers of the track in the track table.
        expected: u8,
    },
    /// A presentation time of more than 292 years.
    #[error("the presentation time {0} ns is out of range")]
    Pts(u64),
    /// The sender has said goodbye.
    #[error("the session was closed")]
    Closed,
    /// The system has no random numbers to give.
    #[error("the system gives no random numbers: {0}")]
    Random(String),
}

/// Why a datagram's bytes have no meaning: only counted, so it says no more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

impl From<fql_unit::Error> for Malformed {
    fn from(_: fql_unit::Error) -> Self {
        Self
    }
}
