use thiserror::Error;

/// Why bytes are not a unit or a track table, or why values cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes end inside the named part.
    #[error("the bytes end inside {0}")]
    Truncated(&'static str),
    /// A value is outside of its range.
    #[error("{what} is {value}, it must be {expected}")]
    OutOfRange {
        /// What the value is.
        what: &'static str,
        /// The value that was found.
        value: u64,
        /// What is allowed, in words.
        expected: &'static str,
    },
    /// Text is not UTF-8, or holds a zero byte.
    #[error("{0} is not UTF-8 text without zero bytes")]
    NotText(&'static str),
    /// Bytes follow after the end.
    #[error("{0} bytes follow after the end")]
    TrailingBytes(usize),
    /// Two tracks have the same id.
    #[error("two tracks have the id {0}")]
    DuplicateTrack(u8),
}
