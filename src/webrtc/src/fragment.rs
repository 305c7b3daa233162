//! SDP fragments, in which clients tell candidates that they find late (RFC 8840, RFC 9725, 4.3.2).

use crate::error::TrickleError;
use crate::offer::{LARGEST, credentials};

/// Checks a fragment of a session whose client has this username fragment. There is nothing to be taken from it: an
/// ICE-lite agent answers where checks come from.
pub(crate) fn check(fragment: &str, ufrag: &str) -> Result<(), TrickleError> {
    if fragment.len() > LARGEST {
        return Err(TrickleError::Malformed("it is too long"));
    }
    let is_line = |line: &str| line.is_empty() || line.as_bytes().get(1) == Some(&b'=');
    if !fragment.lines().all(|line| is_line(line.trim_end())) {
        return Err(TrickleError::Malformed("a line of it is not `<letter>=<value>`"));
    }
    match credentials(fragment) {
        (Some(other), _) if other != ufrag => Err(TrickleError::Restart),
        (None, None) => Err(TrickleError::Malformed("it has no a=ice-ufrag")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAGMENT: &str = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n\
        a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n";

    #[test]
    fn candidates_of_the_session_are_taken_and_others_are_a_restart() {
        assert_eq!(check(FRAGMENT, "EsAw"), Ok(()));
        assert_eq!(check(FRAGMENT, "Other"), Err(TrickleError::Restart));
    }

    #[test]
    fn what_is_no_fragment_is_named() {
        assert!(matches!(check("{\"candidate\": 1}", "a"), Err(TrickleError::Malformed(_))));
        assert!(matches!(check("", "a"), Err(TrickleError::Malformed(_))));
    }
}
