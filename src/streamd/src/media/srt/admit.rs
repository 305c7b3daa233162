//! Who is accepted, by the stream id alone: it takes no time, for a thread of libsrt's waits for it.

use std::sync::Arc;

use fql_srt::{Caller, Decision, Mode, Reject, StreamId};

use super::Room;
use crate::media::{Media, Refused};
use crate::service::Entry;

/// Why callers are refused that come before the daemon has begun, or while it ends.
pub const DOWN: Reject = Reject::DOWN;

/// What a caller may do.
#[derive(PartialEq, Eq)]
pub enum Wanted {
    /// Publish, with this stream key.
    Publish(String),
    /// Watch the stream with this playback ID.
    Request(String),
}

/// Decides on a caller.
pub fn decide(media: &Media, caller: Caller, room: &Room) -> Decision {
    let admitted = wanted(media, caller.stream_id).and_then(|(wanted, entry)| match wanted {
        wanted if !room.is_for(&wanted) => Err(Reject::OVERLOAD),
        Wanted::Publish(key) => media.may_publish(&key).map_err(reject_of),
        Wanted::Request(_) => Ok(entry),
    });
    match admitted {
        Ok(entry) => Decision::Accept {
            passphrase: entry.srt_passphrase.as_ref().map(|passphrase| passphrase.reveal().to_owned()),
        },
        Err(reject) => {
            tracing::debug!(peer = %caller.address, %reject, "SRT is refused");
            Decision::Reject(reject)
        }
    }
}

/// What a caller with this stream id may do, and with which stream. Without a mode a stream key publishes, and a playback
/// ID is watched.
pub fn wanted(media: &Media, stream_id: &str) -> Result<(Wanted, Arc<Entry>), Reject> {
    let id = StreamId::of(stream_id).map_err(|_| Reject::BAD_REQUEST)?;
    let name = id.resource.to_owned();
    let stream = media.service.directory().by_playback_id(id.resource);
    match (id.mode, stream) {
        (Some(Mode::Request) | None, Some(entry)) => Ok((Wanted::Request(name), entry)),
        (Some(Mode::Request), None) => Err(Reject::NOT_FOUND),
        (Some(Mode::Publish), _) | (None, None) => match media.stream_of_key(id.resource) {
            Ok(entry) => Ok((Wanted::Publish(name), entry)),
            Err(refused) => Err(reject_of(refused)),
        },
    }
}

fn reject_of(refused: Refused) -> Reject {
    match refused {
        Refused::UnknownKey => Reject::UNAUTHORIZED,
        Refused::AlreadyLive => Reject::CONFLICT,
        Refused::Full => Reject::OVERLOAD,
        Refused::Ending => Reject::DOWN,
    }
}
