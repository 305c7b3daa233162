//! HLS with segments of MPEG transport streams, for players that take no MP4: `/play/{playback ID}/hls/index.m3u8?segments=ts`.
//! They are made from when somebody asks for them.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use fql_packager::Packager;

use super::channel::{Channel, Page};
use super::pages::{PLAYLIST, holds, malformed, no_such_file, player, ready, wait_until};
use super::query::Directives;
use super::{Hls, Unplayable, answer};
use crate::http::client::Client;

/// The multivariant playlist.
pub(super) async fn multivariant(channel: &Channel, with_gzip: bool) -> Result<Response, Response> {
    begun(channel).await.map_err(Unplayable::into_response)?;
    let make = Packager::transport_multivariant_playlist;
    let page = channel.render(Page::TransportMultivariant, with_gzip, make).ok_or_else(no_such_file)?;
    Ok(answer::text(page, PLAYLIST, 1))
}

/// `/play/{playback ID}/hls/ts.m3u8`.
pub(super) async fn playlist(
    State(hls): State<Hls>,
    Extension(client): Extension<Client>,
    Path(playback_id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        hls.wake(&playback_id).await;
        let channel = attended(&hls, &playback_id, client, &headers).map_err(Unplayable::into_response)?;
        let target = begun(&channel).await.map_err(Unplayable::into_response)?;
        let directives = Directives::read(query.as_deref().unwrap_or_default()).map_err(malformed)?;
        // There are no parts: whoever asks for one gets its segment.
        if let Some((number, _)) = directives.until {
            wait_until(&channel, target, |packager| Some(packager.reached_transport(number))).await?;
        }
        let with_gzip = answer::takes_gzip(&headers);
        let page = channel.render(Page::TransportPlaylist, with_gzip, Packager::transport_playlist);
        let page = page.ok_or_else(no_such_file)?;
        Ok(answer::text(page, PLAYLIST, holds(&channel, directives, target)))
    };
    answer.await.unwrap_or_else(|refusal: Response| refusal)
}

/// `/play/{playback ID}/hls/ts/{file}`: a segment.
pub(super) async fn media(
    State(hls): State<Hls>,
    Extension(client): Extension<Client>,
    Path((playback_id, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let channel = match attended(&hls, &playback_id, client, &headers) {
        Ok(channel) => channel,
        Err(unplayable) => return unplayable.into_response(),
    };
    let find = |packager: &Packager| Some(packager.transport()?.segment(number(&file)?)?.data.clone());
    match channel.look(find).filter(|data| !data.is_empty()) {
        Some(data) => answer::media(vec![data], "video/mp2t", &headers),
        None => no_such_file(),
    }
}

fn attended(
    hls: &Hls,
    playback_id: &str,
    client: Client,
    headers: &HeaderMap,
) -> Result<Arc<Channel>, Unplayable> {
    let channel = hls.channel(playback_id)?;
    channel.attend(player("hls", client, headers));
    Ok(channel)
}

/// Waits for the first segment. Gives the target duration in seconds.
async fn begun(channel: &Channel) -> Result<u64, Unplayable> {
    channel.start_transport();
    let target = ready(channel).await?;
    // Where there are segments of the renditions and none of these, there is nothing that they could hold.
    let has_begun = channel.look(|packager| packager.transport_playlist().is_some());
    if has_begun { Ok(target) } else { Err(Unplayable::NoTransport) }
}

/// The number in the name of a segment.
fn number(file: &str) -> Option<u64> {
    file.strip_prefix("seg-")?.strip_suffix(".ts")?.parse().ok()
}
