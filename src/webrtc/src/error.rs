//! What can be wrong with what a client asks for.

use thiserror::Error;

/// Why an offer is not answered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OfferError {
    /// It is not SDP, or says what contradicts itself.
    #[error("the offer is no valid SDP: {0}")]
    Malformed(String),
    /// Nothing in it can be taken or given.
    #[error("the offer has no media in common with this server: {0}")]
    NoCommonMedia(String),
    /// There are as many sessions as there may be.
    #[error("there is no room for another WebRTC session")]
    Full,
}

/// Why candidates of a client are not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TrickleError {
    /// It is not an SDP fragment (RFC 8840).
    #[error("the body is no SDP fragment: {0}")]
    Malformed(&'static str),
    /// It begins ICE anew, which a session here cannot.
    #[error("this server does not restart ICE: publish or play again")]
    Restart,
    /// The session is over.
    #[error("the session is over")]
    NoSession,
}
