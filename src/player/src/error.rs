use thiserror::Error as ThisError;

/// Why something cannot be done, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// A session cannot be set up so.
    #[error(transparent)]
    Transport(#[from] fql_transport::Error),
    /// A decoder cannot be set up so, or a unit cannot be decoded.
    #[error(transparent)]
    Codec(#[from] fql_codec::Error),
    /// Bytes that are no unit.
    #[error(transparent)]
    Unit(#[from] fql_unit::Error),
    /// A picture whose decoder would take more memory than a page should.
    #[error(
        "a picture of {width} x {height} is too large for a browser: at most 9437184 pixels (4096 x 2304)"
    )]
    TooLarge {
        /// Width in luma samples.
        width: u32,
        /// Height in luma samples.
        height: u32,
    },
    /// A chroma format that the table of tracks does not have.
    #[error("the chroma format is {0}, it must be 0 to 4")]
    Chroma(u32),
    /// What JavaScript passed makes no sense: an error in the page, not of a server.
    #[error("{0}")]
    Misuse(&'static str),
}
