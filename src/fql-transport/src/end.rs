use std::fmt;

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// The other side said goodbye.
    Goodbye,
    /// Nothing came from the other side for too long.
    Silence,
    /// A newer session of a holder of the key took its place.
    Replaced,
    /// Another publisher is live, and the stream takes no second one.
    Refused,
    /// The stream has another key now.
    KeyRotated,
    /// The stream is not there any more.
    Archived,
    /// No stream has this playback ID.
    UnknownStream,
    /// The stream is not for everybody, and the token is missing or wrong.
    Unauthorized,
    /// The server has no room.
    Full,
}

impl EndReason {
    /// Whether trying again the same way cannot help: the side that began the session stops.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Goodbye | Self::Silence | Self::Full)
    }

    /// What a goodbye says. Silence is never said.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Goodbye | Self::Silence => 0,
            Self::Replaced => 1,
            Self::Refused => 2,
            Self::KeyRotated => 3,
            Self::Archived => 4,
            Self::UnknownStream => 5,
            Self::Unauthorized => 6,
            Self::Full => 7,
        }
    }

    /// The meaning of a goodbye. What later versions add is a goodbye.
    pub(crate) fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Replaced,
            2 => Self::Refused,
            3 => Self::KeyRotated,
            4 => Self::Archived,
            5 => Self::UnknownStream,
            6 => Self::Unauthorized,
            7 => Self::Full,
            _ => Self::Goodbye,
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Goodbye => "the other side said goodbye",
            Self::Silence => "nothing came from the other side for too long",
            Self::Replaced => "another publisher took over",
            Self::Refused => "another publisher is live",
            Self::KeyRotated => "the stream has a new key",
            Self::Archived => "the stream is archived",
            Self::UnknownStream => "no stream has this playback ID",
            Self::Unauthorized => "the stream asks for a token",
            Self::Full => "the server has no room",
        })
    }
}
