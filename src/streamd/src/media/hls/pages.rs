//! The answers to players: playlists, media, and the description of DASH.

use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use fql_packager::{Packager, Reached, Rendition};

use super::channel::{Channel, Page};
use super::query::{self, Directives};
use super::{Hls, Player, Unplayable, answer, transport};
use crate::api::problem::Kind;
use crate::http::client::Client;

pub(super) const PLAYLIST: &str = "application/vnd.apple.mpegurl";
const DESCRIPTION: &str = "application/dash+xml";
/// How long the first player waits for the first segment. Key frames may be seconds apart.
const FIRST_SEGMENT: Duration = Duration::from_secs(15);
/// The same where no track can be packaged that is there so far.
pub(super) const FIRST_TRACK: Duration = Duration::from_secs(3);
/// The same where tracks are converted: the first time, GStreamer looks for all of its plugins.
pub(super) const FIRST_CONVERTED: Duration = Duration::from_secs(10);
/// How long a part that was hinted at is waited for.
const HINTED_PART: Duration = Duration::from_secs(5);
/// The most of what a program says of itself that tells it from others.
const MOST_AGENT: usize = 200;

/// Who asks by what.
pub(super) fn player(protocol: &'static str, client: Client, headers: &HeaderMap) -> Player {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    Player { address: client.address, protocol, agent: agent.chars().take(MOST_AGENT).collect() }
}

/// `/play/{playback ID}/hls/{file}`: the multivariant playlist, or that of a rendition.
pub(super) async fn playlist(
    State(hls): State<Hls>,
    Extension(client): Extension<Client>,
    Path((playback_id, file)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        hls.wake(&playback_id).await;
        let channel = hls.channel(&playback_id).map_err(Unplayable::into_response)?;
        channel.attend(player("hls", client, &headers));
        let query = query.as_deref().unwrap_or_default();
        let with_gzip = answer::takes_gzip(&headers);
        if file == "index.m3u8" && query::wants_transport(query).map_err(malformed)? {
            return transport::multivariant(&channel, with_gzip).await;
        }
        let target = ready(&channel).await.map_err(Unplayable::into_response)?;
        if file == "index.m3u8" {
            let page = channel.render(Page::Multivariant, with_gzip, Packager::multivariant_playlist);
            return page.map(|page| answer::text(page, PLAYLIST, 1)).ok_or_else(no_such_file);
        }
        let name = file.strip_suffix(".m3u8").ok_or_else(no_such_file)?;
        let directives = Directives::read(query).map_err(malformed)?;
        wait(&channel, name, directives, target).await?;
        let page = Page::Playlist { rendition: name.to_owned(), skip: directives.skip };
        let make =
            |packager: &Packager| packager.media_playlist(packager.rendition_named(name)?, directives.skip);
        let page = channel.render(page, with_gzip, make).ok_or_else(no_such_file)?;
        Ok(answer::text(page, PLAYLIST, holds(&channel, directives, target)))
    };
    answer.await.unwrap_or_else(|refusal: Response| refusal)
}

/// How many seconds a media playlist holds. One that was waited for has an address of its own, which stays right (RFC
/// 8216bis, B.1), unless the stream has ended: it may begin anew, with another playlist under the same address.
pub(super) fn holds(channel: &Channel, directives: Directives, target: u64) -> u64 {
    let stays = directives.until.is_some() && !channel.look(Packager::has_ended);
    if stays { 6 * target } else { target / 2 }
}

/// Waits for the first segment. Gives the target duration in seconds.
pub(super) async fn ready(channel: &Channel) -> Result<u64, Unplayable> {
    let patience = if channel.converts() { FIRST_CONVERTED } else { FIRST_TRACK };
    let has_track = |packager: &Packager| match packager.renditions().next() {
        Some(_) => Some(Ok(())),
        None => channel.unconverted().map(|why| Err(Unplayable::Unconverted(why))),
    };
    channel.wait(patience, has_track).await.unwrap_or(Err(Unplayable::NoTrack))?;
    channel.wait(FIRST_SEGMENT, Packager::target_duration).await.ok_or(Unplayable::NotBegun)
}

/// Waits until a playlist has what the player asks for.
async fn wait(channel: &Channel, name: &str, directives: Directives, target: u64) -> Result<(), Response> {
    let Some((number, part)) = directives.until else { return Ok(()) };
    wait_until(channel, target, |packager: &Packager| {
        packager.rendition_named(name).map(|rendition| packager.reached(rendition, number, part))
    })
    .await
}

/// Waits until a playlist has come as far as is asked for; there is none of that name where `reached` gives none.
pub(super) async fn wait_until(
    channel: &Channel,
    target: u64,
    reached: impl Fn(&Packager) -> Option<Reached>,
) -> Result<(), Response> {
    let look = |packager: &Packager| match reached(packager) {
        None => Some(Err(no_such_file())),
        Some(Reached::Yes) => Some(Ok(())),
        Some(Reached::NotYet) => None,
        Some(Reached::TooFar) => {
            Some(Err(malformed("_HLS_msn or _HLS_part is further ahead than the playlist can be soon")))
        }
    };
    // RFC 8216bis, 6.2.5.2.
    let longest = Duration::from_secs(3 * target);
    match channel.wait(longest, look).await {
        Some(reached) => reached,
        None => Err(answer::refusal(Kind::Timeout, "the stream did not go on in time")),
    }
}

pub(super) fn malformed(why: impl Into<String>) -> Response {
    answer::refusal(Kind::MalformedRequest, why)
}

/// `/play/{playback ID}/hls/{rendition}/{file}`: initialization segments, segments and parts.
pub(super) async fn media(
    State(hls): State<Hls>,
    Extension(client): Extension<Client>,
    Path((playback_id, name, file)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        let channel = hls.channel(&playback_id).map_err(Unplayable::into_response)?;
        channel.attend(player("hls", client, &headers));
        let file = File::named(&file).ok_or_else(no_such_file)?;
        let found = channel.wait(HINTED_PART, |packager| match packager.rendition_named(&name) {
            None => Some(None),
            Some(rendition) => file.find(packager, rendition),
        });
        let (kind, pieces) = found.await.flatten().ok_or_else(no_such_file)?;
        Ok(answer::media(pieces, kind, &headers))
    };
    answer.await.unwrap_or_else(|refusal: Response| refusal)
}

/// `/play/{playback ID}/cmaf/index.mpd`.
pub(super) async fn description(
    State(hls): State<Hls>,
    Extension(client): Extension<Client>,
    Path((playback_id, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        if file != "index.mpd" {
            return Err(no_such_file());
        }
        hls.wake(&playback_id).await;
        let channel = hls.channel(&playback_id).map_err(Unplayable::into_response)?;
        channel.attend(player("dash", client, &headers));
        ready(&channel).await.map_err(Unplayable::into_response)?;
        // The same addresses as those of HLS, so that caches hold media once.
        let make = |packager: &Packager| packager.presentation_description("../hls/");
        let page =
            channel.render(Page::Description, answer::takes_gzip(&headers), make).ok_or_else(no_such_file)?;
        Ok(answer::text(page, DESCRIPTION, 1))
    };
    answer.await.unwrap_or_else(|refusal: Response| refusal)
}

pub(super) fn no_such_file() -> Response {
    answer::refusal(Kind::NotFound, "the stream has no such file, or not any more")
}

/// A file of media, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum File {
    Initialization(u64),
    Segment(u64),
    Part(u64),
}

impl File {
    fn named(name: &str) -> Option<Self> {
        let (stem, ending) = name.rsplit_once('.')?;
        let (kind, number) = stem.split_once('-')?;
        let number = number.parse().ok()?;
        match (kind, ending) {
            ("init", "mp4") => Some(Self::Initialization(number)),
            ("seg", "m4s") => Some(Self::Segment(number)),
            ("part", "m4s") => Some(Self::Part(number)),
            _ => None,
        }
    }

    /// `None` where it is not there yet; `Some(None)` where it will not be.
    fn find(self, packager: &Packager, rendition: &Rendition) -> Option<Option<(&'static str, Vec<Bytes>)>> {
        let kind = if rendition.is_video() { "video/mp4" } else { "audio/mp4" };
        let pieces = match self {
            Self::Initialization(number) => rendition.initialization(number).map(|data| vec![data.clone()]),
            Self::Segment(number) => {
                let parts = rendition.segment(number).map(|segment| &segment.parts);
                parts
                    .filter(|parts| !parts.is_empty())
                    .map(|parts| parts.iter().map(|part| part.data.clone()).collect())
            }
            Self::Part(number) if number == rendition.next_part() && !packager.has_ended() => return None,
            Self::Part(number) => rendition.part(number).map(|part| vec![part.data.clone()]),
        };
        Some(pieces.map(|pieces| (kind, pieces)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_names() {
        assert_eq!(File::named("init-7.mp4"), Some(File::Initialization(7)));
        assert_eq!(File::named("seg-18446744073709551615.m4s"), Some(File::Segment(u64::MAX)));
        assert_eq!(File::named("part-0.m4s"), Some(File::Part(0)));
        for name in ["seg-.m4s", "seg-1.mp4", "part-18446744073709551616.m4s", "part-1", "", "../init-1.mp4"]
        {
            assert_eq!(File::named(name), None, "{name}");
        }
    }
}
