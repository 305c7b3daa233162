/// Why a track, or one of its units, cannot be packaged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Segments of MP4 cannot hold this codec, or no player of them takes it.
    #[error("{0} cannot be packaged: players of HLS and DASH take H.264, H.265, AV1, VP9, AAC and Opus")]
    Codec(&'static str),
    /// What a decoder is set up with is not what it should be.
    #[error("{what} cannot be read")]
    Configuration {
        /// What was being read.
        what: &'static str,
    },
    /// A box that cannot be written, such as one with a value that is too large for it.
    #[error("a box cannot be written")]
    Box(#[from] mp4_atom::Error),
}

/// The error of a configuration that cannot be read.
pub(crate) fn unreadable(what: &'static str) -> Error {
    Error::Configuration { what }
}
