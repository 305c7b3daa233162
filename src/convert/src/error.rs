/// Why something is not converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// GStreamer cannot be used at all.
    #[error("GStreamer cannot be used: {0}")]
    Library(String),
    /// No element that is needed is installed, or none of those that are works.
    #[error("no {what} is installed that works: {elements} would do (Debian: {packages})")]
    NoElement {
        /// What is missing.
        what: &'static str,
        /// The elements that would do.
        elements: String,
        /// The Debian packages that have them, in the same order.
        packages: String,
    },
    /// There is no way from this track to what is wanted.
    #[error("{from} cannot be converted to {to}")]
    NoWay {
        /// What the track is.
        from: &'static str,
        /// What was wanted.
        to: &'static str,
    },
    /// Pictures too small for an encoder.
    #[error("pictures of {width}x{height} cannot be converted: they must be at least 16x16")]
    TooSmall {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// The track's description is not one that its decoder takes.
    #[error("the track cannot be decoded: {0}")]
    Undecodable(String),
    /// An element has failed.
    #[error("{element} has failed: {why}")]
    Failed {
        /// Its name.
        element: String,
        /// What it says.
        why: String,
    },
}
