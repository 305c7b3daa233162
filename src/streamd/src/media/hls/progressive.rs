//! `/play/{playback ID}.mp4`, `.ts` and `.aac`: media in one answer that goes on for as long as the stream does.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use fql_unit::{AudioCodec, Media as TrackMedia, TrackTable};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use tokio::sync::watch;

use super::channel::{Channel, Listener};
use super::pages::{FIRST_CONVERTED, FIRST_TRACK, player};
use super::{Hls, Unplayable, answer};
use crate::api::problem::Kind;
use crate::http::client::Client;
use crate::media::{Piece, Subscribing, Subscription, Takes, TransportStream, Watched, Watcher};
use crate::service::Live;

/// What the stream is asked for as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::media) enum Form {
    /// Fragmented MP4.
    Mp4,
    /// An MPEG transport stream.
    Ts,
    /// AAC in ADTS.
    Aac,
}

/// The playback ID and the form in the last part of an address; none where there is no ending that is known.
pub(in crate::media) fn form(name: &str) -> Option<(&str, Form)> {
    let (playback_id, ending) = name.rsplit_once('.')?;
    match ending {
        "mp4" => Some((playback_id, Form::Mp4)),
        "ts" => Some((playback_id, Form::Ts)),
        "aac" => Some((playback_id, Form::Aac)),
        _ => None,
    }
}

impl Hls {
    /// The stream in one answer.
    pub(in crate::media) async fn progressive(
        &self,
        playback_id: &str,
        form: Form,
        client: Client,
        headers: &HeaderMap,
    ) -> Response {
        self.wake(playback_id).await;
        let answer = match form {
            Form::Mp4 => self.mp4(playback_id, client, headers).await,
            Form::Ts => self.ts(playback_id, client).await,
            Form::Aac => self.aac(playback_id, client).await,
        };
        answer.unwrap_or_else(|refusal| refusal)
    }

    async fn mp4(
        &self,
        playback_id: &str,
        client: Client,
        headers: &HeaderMap,
    ) -> Result<Response, Response> {
        let channel = self.channel(playback_id).map_err(Unplayable::into_response)?;
        channel.attend(player("mp4", client, headers));
        let listener = channel.listen();
        let (version, generation) = channel.follow();
        super::pages::ready(&channel).await.map_err(Unplayable::into_response)?;
        let begun = channel.look(|packager| packager.progressive());
        let (initialization, fragment) = begun.ok_or_else(|| Unplayable::NotBegun.into_response())?;
        let state = Mp4 { channel, _listener: listener, version, generation, fragment, initialization };
        let first = state.initialization.clone();
        let media = stream::unfold((state, vec![first]), |(mut state, pieces)| async move {
            let pieces = if pieces.is_empty() { state.next().await? } else { pieces };
            Some((stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)), (state, Vec::new())))
        });
        Ok(endless("mp4", "video/mp4", media.flatten()))
    }

    async fn ts(&self, playback_id: &str, client: Client) -> Result<Response, Response> {
        let takes = Takes::TELEVISION;
        let stream = self.subscribe(playback_id, ("ts", takes), client).map_err(Unplayable::into_response)?;
        let id = stream.entry().id.clone();
        let mut stream = TransportStream::new(stream);
        if !tokio::time::timeout(self.patience(&id, takes), stream.begins()).await.unwrap_or(false) {
            let why = "the stream has no track that MPEG-TS can carry: H.264, H.265, AAC, Opus or MPEG audio";
            return Err(self.no_track(&id, takes, why));
        }
        let media = stream::unfold(stream, |mut stream| async move {
            match stream.next().await? {
                Piece::Packets(packets) => Some((Ok::<_, Infallible>(packets), stream)),
                Piece::Offline => None,
            }
        });
        Ok(endless("ts", "video/mp2t", media))
    }

    /// The units of a stream that is live, for one that is given them in one answer.
    fn subscribe(
        &self,
        playback_id: &str,
        (protocol, takes): (&'static str, Takes),
        client: Client,
    ) -> Result<Subscription, Unplayable> {
        let entry = self.entry(playback_id)?;
        if !self.0.media.is_live(&entry.id) {
            return Err(self.not_live(&entry));
        }
        let watcher = Watcher { protocol, address: SocketAddr::new(client.address, 0) };
        let how = Subscribing { watcher: Some(watcher), ..Subscribing::default() };
        let subscription = self.0.media.subscribe_as(playback_id, how, takes);
        subscription.map_err(|_| Unplayable::UnknownStream)
    }

    /// How long the first tracks of a stream are waited for.
    fn patience(&self, stream: &str, takes: Takes) -> Duration {
        if self.0.media.converts(stream, takes) { FIRST_CONVERTED } else { FIRST_TRACK }
    }

    /// A stream has no track of this kind, or none for now.
    fn no_track(&self, stream: &str, takes: Takes, why: &'static str) -> Response {
        match self.0.media.unconverted(stream, takes) {
            Some(why) => Unplayable::Unconverted(why).into_response(),
            None => answer::refusal(Kind::NotFound, why),
        }
    }

    async fn aac(&self, playback_id: &str, client: Client) -> Result<Response, Response> {
        let subscription = self.subscribe(playback_id, ("aac", Takes::AAC), client);
        let mut subscription = subscription.map_err(Unplayable::into_response)?;
        let patience = self.patience(&subscription.entry().id, Takes::AAC);
        let tracks = tokio::time::timeout(patience, subscription.next()).await;
        let track = match tracks {
            Ok(Some(Watched::Tracks(tracks))) => sound(&tracks),
            _ => None,
        };
        if track.is_none() {
            let why = "the stream has no sound in AAC";
            return Err(self.no_track(&subscription.entry().id, Takes::AAC, why));
        }
        let media = stream::unfold(Adts { subscription, track }, |mut state| async move {
            Some((Ok::<_, Infallible>(state.next().await?), state))
        });
        Ok(endless("aac", "audio/aac", media))
    }
}

fn endless(
    protocol: &'static str,
    kind: &'static str,
    pieces: impl Stream<Item = Result<Bytes, Infallible>> + Send + 'static,
) -> Response {
    let counted = pieces.inspect_ok(move |piece| answer::count(protocol, piece.len() as u64));
    let body = Body::from_stream(counted);
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], body).into_response()
}

/// Where one client is in the fragments.
struct Mp4 {
    channel: Arc<Channel>,
    _listener: Listener,
    version: watch::Receiver<u64>,
    generation: u64,
    fragment: u32,
    initialization: Bytes,
}

impl Mp4 {
    /// The fragments that are new. None at the end: of the stream, or where the tracks have changed, which a file cannot.
    async fn next(&mut self) -> Option<Vec<Bytes>> {
        loop {
            self.version.borrow_and_update();
            if self.channel.generation() != self.generation {
                return None;
            }
            let (begun, fragments, has_ended) = self.channel.look(|packager| {
                (packager.progressive(), packager.fragments_after(self.fragment), packager.has_ended())
            });
            let (initialization, latest) = begun?;
            if initialization != self.initialization {
                return None;
            }
            let fragments = match fragments.first() {
                // One that is so slow that what it needs next is gone goes on with what is live.
                Some((first, _)) if *first != self.fragment.wrapping_add(1) => {
                    self.fragment = latest;
                    self.channel.look(|packager| packager.fragments_after(latest))
                }
                _ => fragments,
            };
            if let Some((last, _)) = fragments.last() {
                self.fragment = *last;
                return Some(fragments.into_iter().map(|(_, data)| data).collect());
            }
            if has_ended || self.version.changed().await.is_err() {
                return None;
            }
        }
    }
}

/// The first track of AAC, and its AudioSpecificConfig.
fn sound(tracks: &TrackTable) -> Option<(u8, Vec<u8>)> {
    tracks.tracks().iter().find_map(|track| match &track.media {
        TrackMedia::EncodedAudio(audio) if audio.codec == AudioCodec::Aac => {
            Some((track.id, audio.config.clone()))
        }
        _ => None,
    })
}

/// The frames of AAC of a stream.
struct Adts {
    subscription: Subscription,
    track: Option<(u8, Vec<u8>)>,
}

impl Adts {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.subscription.next().await? {
                Watched::Tracks(table) => self.track = Some(sound(&table)?),
                Watched::Paused(_) => {}
                Watched::Offline => return None,
                Watched::Unit(unit) => {
                    let Some((_, config)) = self.track.as_ref().filter(|(id, _)| *id == unit.track) else {
                        continue;
                    };
                    let Some(data) = unit.data() else { continue };
                    if config.is_empty() {
                        // ADTS already.
                        return Some(data.clone());
                    }
                    if let Some(header) = fql_packager::adts_header(config, data.len()) {
                        return Some([&header[..], data].concat().into());
                    }
                }
            }
        }
    }
}
