//! What every datagram begins with, in clear.
//!
//! | first byte | datagram | then, in clear | sealed |
//! | --- | --- | --- | --- |
//! | 0xf0 | first message of a handshake | session id of the initiator (4), length of the key id (1), key id | Noise |
//! | 0xf1 | second message of a handshake | session id of the initiator (4) | Noise |
//! | 0xf2 | address cookie | session id of the initiator (4), cookie (16) | |
//! | 0xf3 | first message with a cookie | cookie (16), the whole first message as it was | |
//! | 0xf4 | transport | session id of the side that receives it (4), packet number (4) | a message |
//! | 0xf5 | first message of a viewer's handshake | session id of the initiator (4) | Noise |
//! | 0xf6 | one way | session id (4), packet number (4) | a message |
//! | 0xf7 | one way, announcement | session id (4), packet number (4), salt (16) | a message |

use fql_unit::wire::Reader;

use crate::error::Malformed;

/// The most bytes of a datagram, so that it also passes inside QUIC.
pub(crate) const MAX: usize = 1120;
/// The fewest bytes that the largest datagram may be set to.
pub(crate) const MIN_MTU: usize = 256;
/// Bytes of the header of a sealed datagram.
pub(crate) const HEADER: usize = 9;
/// Bytes of the authentication tag at a sealed datagram's end.
pub(crate) const TAG: usize = 16;
/// Bytes of an address cookie.
pub(crate) const COOKIE_LEN: usize = 16;
/// What shows that an address hears what is sent to it.
pub(crate) type Cookie = [u8; COOKIE_LEN];
/// Bytes of a one-way session's salt.
pub(crate) const SALT: usize = 16;

pub(crate) const INITIATE: u8 = 0xf0;
pub(crate) const RESPOND: u8 = 0xf1;
pub(crate) const COOKIE: u8 = 0xf2;
pub(crate) const WITH_COOKIE: u8 = 0xf3;
pub(crate) const TRANSPORT: u8 = 0xf4;
pub(crate) const VIEW: u8 = 0xf5;
pub(crate) const ONE_WAY: u8 = 0xf6;
pub(crate) const ANNOUNCE: u8 = 0xf7;

/// A datagram by its first bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Datagram<'a> {
    Initiate {
        initiator: u32,
        /// Chooses the key; empty where a passphrase is the only one.
        key_id: &'a [u8],
        noise: &'a [u8],
    },
    Respond {
        initiator: u32,
        noise: &'a [u8],
    },
    Cookie {
        initiator: u32,
        cookie: Cookie,
    },
    /// A first message, `Initiate` or `View`, with the cookie that was given for it.
    WithCookie {
        cookie: Cookie,
        first: &'a [u8],
    },
    View {
        initiator: u32,
        noise: &'a [u8],
    },
    Transport {
        session: u32,
        number: u32,
    },
    OneWay {
        session: u32,
        number: u32,
    },
    Announce {
        session: u32,
        number: u32,
        salt: [u8; SALT],
    },
}

impl<'a> Datagram<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() > MAX {
            return Err(Malformed);
        }
        let mut r = Reader::new(bytes);
        match r.u8("")? {
            INITIATE => {
                let initiator = r.u32("")?;
                let len = r.u8("")?;
                let key_id = r.bytes(len.into(), "")?;
                Ok(Self::Initiate { initiator, key_id, noise: r.rest() })
            }
            RESPOND => Ok(Self::Respond { initiator: r.u32("")?, noise: r.rest() }),
            COOKIE => Ok(Self::Cookie { initiator: r.u32("")?, cookie: cookie(&mut r)? }),
            WITH_COOKIE => Ok(Self::WithCookie { cookie: cookie(&mut r)?, first: r.rest() }),
            VIEW => Ok(Self::View { initiator: r.u32("")?, noise: r.rest() }),
            TRANSPORT => Ok(Self::Transport { session: r.u32("")?, number: r.u32("")? }),
            ONE_WAY => Ok(Self::OneWay { session: r.u32("")?, number: r.u32("")? }),
            ANNOUNCE => {
                let (session, number) = (r.u32("")?, r.u32("")?);
                let salt = r.bytes(SALT, "")?.try_into().map_err(|_| Malformed)?;
                Ok(Self::Announce { session, number, salt })
            }
            _ => Err(Malformed),
        }
    }
}

fn cookie(r: &mut Reader) -> Result<Cookie, Malformed> {
    r.bytes(COOKIE_LEN, "")?.try_into().map_err(|_| Malformed)
}

/// Appends the header of a sealed datagram.
pub(crate) fn put_header(out: &mut Vec<u8>, kind: u8, session: u32, number: u64) {
    out.push(kind);
    out.extend(session.to_be_bytes());
    out.extend((number as u32).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_a_datagram_or_none(kind in 0xeeu8..=0xf9, rest in vec(any::<u8>(), 0..1200)) {
            let bytes = [&[kind], &rest[..]].concat();
            let known = (0xf0..=0xf7).contains(&kind);
            prop_assert!(Datagram::parse(&bytes).is_err() || (known && bytes.len() <= MAX));
        }

        #[test]
        fn a_first_message_is_the_same_behind_its_cookie(cookie: Cookie, first in vec(any::<u8>(), 0..1000)) {
            let bytes = [&[WITH_COOKIE], &cookie[..], &first].concat();
            prop_assert_eq!(Datagram::parse(&bytes), Ok(Datagram::WithCookie { cookie, first: &first }));
        }
    }
}
