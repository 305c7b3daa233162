use std::time::Duration;

use fql_unit::wire::{Reader, put_varint};

use super::VERSION;
use crate::error::Malformed;
use crate::{Error, MAX_LATENCY, MIN_LATENCY};

const MAX_PLAYBACK_ID: usize = 64;
const MAX_TOKEN: usize = 512;

/// What a viewer asks a server for: version (1), its latency budget in ms (varint), the highest layer that it wants
/// (1), playback ID and token with their lengths before them (varint), the token empty where there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ViewRequest {
    pub(crate) latency: Duration,
    pub(crate) max_layer: u8,
    pub(crate) playback_id: String,
    pub(crate) token: Option<String>,
}

impl ViewRequest {
    /// Whether it can be asked.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.playback_id.is_empty() || self.playback_id.len() > MAX_PLAYBACK_ID {
            return Err(Error::PlaybackId(self.playback_id.len()));
        }
        match &self.token {
            Some(token) if token.len() > MAX_TOKEN => Err(Error::Token(token.len())),
            _ => crate::check_latency(self.latency),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        put_varint(&mut out, self.latency.as_millis() as u64);
        out.push(self.max_layer);
        for text in [&self.playback_id[..], self.token.as_deref().unwrap_or_default()] {
            put_varint(&mut out, text.len() as u64);
            out.extend(text.bytes());
        }
        out
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        if r.u8("")? != VERSION {
            return Err(Malformed);
        }
        let latency = Duration::from_millis(r.varint("")?).clamp(MIN_LATENCY, MAX_LATENCY);
        let max_layer = r.u8("")?;
        let playback_id = r.text(MAX_PLAYBACK_ID, "")?.to_owned();
        if playback_id.is_empty() {
            return Err(Malformed);
        }
        let token = Some(r.text(MAX_TOKEN, "")?.to_owned()).filter(|token| !token.is_empty());
        Ok(Self { latency, max_layer, playback_id, token })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_request_survives_the_trip_through_bytes(
            latency in 20u64..=10_000,
            max_layer: u8,
            playback_id in "[a-z]{1,64}",
            token in option::of("[ -~]{1,512}"),
        ) {
            let latency = Duration::from_millis(latency);
            let request = ViewRequest { latency, max_layer, playback_id, token };
            prop_assert_eq!(request.check(), Ok(()));
            prop_assert_eq!(ViewRequest::parse(&request.to_bytes()), Ok(request));
        }

        #[test]
        fn any_bytes_are_a_request_that_can_be_asked_or_none(mut bytes in vec(any::<u8>(), 0..700)) {
            if let Some(version) = bytes.first_mut() {
                *version = VERSION;
            }
            if let Ok(request) = ViewRequest::parse(&bytes) {
                prop_assert_eq!(request.check(), Ok(()));
            }
        }
    }
}
