//! HLS (RFC 8216): a playlist that is read again and again, and the segments that it names.

mod joined;
mod key;
mod place;
mod playlist;
mod segments;

use std::ops::Range;
use std::time::Duration;

use m3u8_rs::{MediaPlaylist, Playlist};
use reqwest::Url;
use tokio::time::{Instant, sleep_until};

use self::place::Place;
use self::playlist::{best, join, media_playlist, parse};
use self::segments::Segments;
use super::stream::peer;
use super::{Client, body};
use crate::address::Address;
use crate::error::{Error, Reason};
use crate::out::{Out, Sink};
use crate::pace::Pace;
use crate::reach::Rules;

/// The longest playlist.
const MOST_PLAYLIST: usize = 2 << 20;
/// The shortest time between two looks at a playlist, and the longest.
const LOOK: Range<Duration> = Duration::from_millis(500)..Duration::from_secs(30);
/// Segments that fail, one after the other, before all of it has.
const PATIENCE: usize = 3;

pub(crate) async fn pull<S: Sink>(
    address: &Address,
    rules: &Rules,
    out: &mut Out<'_, S>,
) -> Result<(), Error> {
    let client = Client::new(rules)?;
    let (url, response) = client.get(address.url(), None).await?;
    out.connected(peer(&response));
    let pace = Pace::default();
    match parse(&body(response, MOST_PLAYLIST).await?)? {
        Playlist::MediaPlaylist(playlist) => Rendition::new(&client, url, playlist, pace).follow(out).await,
        Playlist::MasterPlaylist(playlist) => {
            let best = best(&playlist).ok_or_else(|| Error::malformed("the playlist names no stream"))?;
            let pictures = Rendition::open(&client, join(&url, best.uri)?, pace.clone()).await?;
            let Some(sound) = best.sound else { return pictures.follow(out).await };
            let sound = Rendition::open(&client, join(&url, sound)?, pace).await?;
            joined::follow(pictures, sound, out).await
        }
    }
}

/// What one playlist of segments gives.
struct Rendition<'a> {
    client: &'a Client,
    url: Url,
    playlist: MediaPlaylist,
    segments: Segments,
}

impl<'a> Rendition<'a> {
    fn new(client: &'a Client, url: Url, playlist: MediaPlaylist, pace: Pace) -> Self {
        Self { client, url, playlist, segments: Segments::new(pace) }
    }

    async fn open(client: &'a Client, url: Url, pace: Pace) -> Result<Self, Error> {
        let (url, bytes) = client.all(&url, None, MOST_PLAYLIST).await?;
        Ok(Self::new(client, url, media_playlist(&bytes)?, pace))
    }

    /// Until its end, or until it fails.
    async fn follow<S: Sink>(mut self, out: &mut Out<'_, S>) -> Result<(), Error> {
        let (mut place, mut failed) = (Place::default(), 0);
        loop {
            let looked = Instant::now();
            let due = place.take(&self.playlist)?;
            for due in &due {
                match self.segments.take(self.client, &self.url, due, out).await {
                    Ok(()) => failed = 0,
                    // One that is gone from the server is left out: the window has moved on.
                    Err(error) if is_of_the_segment(&error) && failed < PATIENCE => {
                        failed += 1;
                        self.segments.leave_out(out).await?;
                        tracing::debug!(number = due.number, %error, "a segment is left out");
                    }
                    Err(error) => return Err(error),
                }
            }
            if self.playlist.end_list {
                return self.segments.finish(out).await;
            }
            // A playlist that has not changed is looked at again after half the time.
            let target = Duration::from_secs(self.playlist.target_duration);
            let wait = if due.is_empty() { target / 2 } else { target };
            sleep_until(looked + wait.clamp(LOOK.start, LOOK.end)).await;
            self.playlist = media_playlist(&self.client.all(&self.url, None, MOST_PLAYLIST).await?.1)?;
        }
    }
}

fn is_of_the_segment(error: &Error) -> bool {
    matches!(error.reason, Reason::NotFound | Reason::Lost | Reason::Refused)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, OnceLock};

    use super::super::tests::{Server, anywhere};
    use super::*;
    use crate::out::tests::Taken;

    const CREDENTIALS: &str = "Basic bWU6d29yZA==";

    #[tokio::test]
    async fn credentials_of_the_address_go_with_all_that_it_names() {
        let other = Server::start("", |_| ("200 OK", vec![0; 188])).await;
        let (stranger, own) = (other.host.clone(), Arc::new(OnceLock::<String>::new()));
        let server = Server::start(CREDENTIALS, {
            let own = Arc::clone(&own);
            move |path| match path {
                "/all.m3u8" => ("200 OK", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlive/a.m3u8\n".to_vec()),
                "/live/a.m3u8" => {
                    let list = format!(
                        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n#EXTINF:1,\nhttp://{}/b.ts\n\
                         #EXTINF:1,\nhttp://{stranger}/c.ts\n#EXT-X-ENDLIST\n",
                        own.get().unwrap()
                    );
                    ("200 OK", list.into_bytes())
                }
                _ => ("200 OK", vec![0; 188]),
            }
        })
        .await;
        own.set(server.host.clone()).unwrap();
        let address = Address::parse(&format!("http://me:word@{}/all.m3u8", server.host)).unwrap();
        let mut taken = Taken::default();
        let (mut out, _) = Out::new(&mut taken);
        pull(&address, &anywhere(), &mut out).await.unwrap();
        let asked = |path: &str| format!("{path} {}", CREDENTIALS.to_ascii_lowercase());
        let expected = ["/all.m3u8", "/live/a.m3u8", "/live/a.ts", "/b.ts"].map(asked);
        assert_eq!(*server.requests.lock().unwrap(), expected);
        assert_eq!(*other.requests.lock().unwrap(), ["/c.ts"]);
    }
}
