//! What sessions tell, and what they carry.

use bytes::Bytes;
use fql_unit::TrackTable;

/// What happens in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The client is connected: from now on it sends, or can be sent to.
    Connected,
    /// What a publisher sends from now on.
    Tracks(TrackTable),
    /// An access unit of a publisher.
    Unit(MediaUnit),
    /// A viewer has lost something, or begins: it needs a key unit.
    KeyAsked,
    /// The session is over; nothing more comes of it.
    Ended,
}

/// An access unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaUnit {
    /// The track's id in the table.
    pub track: u8,
    /// When it is presented, in nanoseconds, on one clock for all tracks of the session.
    pub pts: u64,
    /// Whether a viewer can join here.
    pub key: bool,
    /// Its bytes: with start codes (H.264, H.265), as OBUs with sizes (AV1), as they are (others).
    pub data: Bytes,
}
