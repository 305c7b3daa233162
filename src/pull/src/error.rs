//! Why a source is not open, or not any more.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Why, in a word that programs know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Its name leads nowhere.
    Unresolved,
    /// Nothing answers there.
    Unreachable,
    /// Something answers, and does not want this.
    Refused,
    /// Something answers that cannot show that it is what the address names.
    Untrusted,
    /// Other credentials are needed.
    Unauthorized,
    /// There is nothing of this name.
    NotFound,
    /// Nothing came that can be used.
    NoMedia,
    /// It leads to an address that may not be connected to.
    PrivateAddress,
    /// What came is not what the address says.
    Malformed,
    /// It is more than is taken.
    TooLarge,
    /// Media came, and does not come any more.
    Lost,
    /// Nobody takes what comes.
    Stopped,
}

/// Why a source is not open, or not any more. The detail never holds the address's secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Error {
    /// In a word.
    pub reason: Reason,
    /// For people.
    pub detail: String,
}

impl Reason {
    /// Its name in answers and events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unresolved => "unresolved",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Untrusted => "untrusted",
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not_found",
            Self::NoMedia => "no_media",
            Self::PrivateAddress => "private_address",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::Lost => "lost",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Error {
    /// With a detail for people.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// What connecting to an address, or listening on it, has failed with.
    pub(crate) fn connecting(address: SocketAddr, error: &io::Error) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::ConnectionRefused => Reason::Refused,
            _ => Reason::Unreachable,
        };
        Self::new(reason, format!("{address}: {}", error.kind()))
    }

    /// What TLS has failed with, if that is the certificate that was shown.
    pub(crate) fn untrusted(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref() {
                return Some(Self::new(Reason::Untrusted, format!("its certificate is not trusted: {why}")));
            }
            // What an error of input holds is not its source: that is the source of what it holds.
            let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            cause = match held {
                Some(held) => Some(held),
                None => error.source(),
            };
        }
        None
    }

    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Reason::Malformed, detail)
    }

    /// What came does not fit the elements that were to read it.
    pub(crate) fn unlinked(error: gst::glib::BoolError) -> Self {
        Self::malformed(error.to_string())
    }
}
