use thiserror::Error;

/// Why bytes are no part of a file, or values cannot become one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// A unit, a track table, or another structure within a record is not valid.
    #[error(transparent)]
    Content(#[from] fql_unit::Error),
    /// The file is of another version of the format.
    #[error("the file is of version {0} of the format; this program reads version {version}", version = crate::VERSION)]
    Version(u8),
    /// A record would be longer than any may be.
    #[error("a record of {0} bytes is too long: at most {max} are allowed", max = crate::MAX_RECORD)]
    TooLong(u64),
    /// A unit belongs to a track that no table has named.
    #[error("a unit belongs to track {0}, which is not in the track table")]
    UnknownTrack(u8),
    /// Tags are too many or too long.
    #[error("the tags are too long: at most {max} bytes are allowed", max = crate::MAX_TAGS)]
    Tags,
}

/// Why a file cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// What is read from failed.
    #[error("reading failed: {0}")]
    Io(#[from] std::io::Error),
    /// What was read makes no sense.
    #[error(transparent)]
    Format(#[from] Error),
    /// There is no record at the beginning.
    #[error("this is no .fql file: no record was found in its first {0} bytes")]
    NoFile(u64),
}
