//! Playlists as they are written: which renditions they name, and where what they name is.

use m3u8_rs::{AlternativeMedia, AlternativeMediaType, MasterPlaylist, MediaPlaylist, Playlist};
use reqwest::Url;

use super::super::follow;
use crate::error::Error;

/// What a multivariant playlist offers best.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Best<'a> {
    pub uri: &'a str,
    /// Where its sound is, if that is elsewhere.
    pub sound: Option<&'a str>,
}

/// The variant of the highest rate, and the sound that is played where nobody chooses.
pub(super) fn best(playlist: &MasterPlaylist) -> Option<Best<'_>> {
    let streams = playlist.variants.iter().filter(|variant| !variant.is_i_frame);
    let variant = streams.max_by_key(|variant| variant.bandwidth)?;
    let group = variant.audio.as_deref();
    Some(Best { uri: &variant.uri, sound: group.and_then(|group| sound(&playlist.alternatives, group)) })
}

/// Where the sound of this group is; none where it is in the variant itself.
fn sound<'a>(alternatives: &'a [AlternativeMedia], group: &str) -> Option<&'a str> {
    let is_of_group = |media: &&AlternativeMedia| {
        media.media_type == AlternativeMediaType::Audio && media.group_id == group
    };
    let of_group = alternatives.iter().filter(is_of_group);
    // The first of those that are as good.
    let chosen = of_group.rev().max_by_key(|media| (media.default, media.autoselect))?;
    chosen.uri.as_deref()
}

pub(super) fn parse(bytes: &[u8]) -> Result<Playlist, Error> {
    if !bytes.trim_ascii_start().starts_with(b"#EXTM3U") {
        return Err(Error::malformed("it is no playlist"));
    }
    let bytes = without_keys_of_none(bytes);
    m3u8_rs::parse_playlist_res(&bytes).map_err(|_| Error::malformed("the playlist cannot be read"))
}

/// The playlist as the reader of playlists takes it: to that, a key that says that there is none has to have what only the
/// others have (RFC 8216, 4.3.2.4).
fn without_keys_of_none(bytes: &[u8]) -> Vec<u8> {
    const NONE: &[u8] = b"#EXT-X-KEY:METHOD=NONE";
    let lines = bytes.split(|byte| *byte == b'\n').map(|line| match line.trim_ascii_end() {
        NONE => [NONE, b",IV=0x0"].concat(),
        _ => line.to_vec(),
    });
    lines.collect::<Vec<_>>().join(&b'\n')
}

pub(super) fn media_playlist(bytes: &[u8]) -> Result<MediaPlaylist, Error> {
    match parse(bytes)? {
        Playlist::MediaPlaylist(playlist) => Ok(playlist),
        Playlist::MasterPlaylist(_) => {
            Err(Error::malformed("a playlist leads to another that is none of segments"))
        }
    }
}

pub(super) fn join(base: &Url, uri: &str) -> Result<Url, Error> {
    let url = follow(base, uri).ok_or_else(|| Error::malformed("the playlist names what is no address"))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(Error::malformed("the playlist leads to something else than http:// and https://")),
    }
}

#[cfg(test)]
mod tests {
    use m3u8_rs::KeyMethod;

    use super::*;
    use crate::error::Reason;

    #[test]
    fn playlists_lead_to_no_other_scheme() {
        let base = Url::parse("https://origin/live/index.m3u8").unwrap();
        assert_eq!(join(&base, "../a.ts").unwrap().as_str(), "https://origin/a.ts");
        for uri in ["file:///etc/passwd", "rtsp://a/b", "data:text/plain,a"] {
            assert_eq!(join(&base, uri).unwrap_err().reason, Reason::Malformed, "{uri}");
        }
    }

    #[test]
    fn what_is_no_playlist_is_refused() {
        for text in ["", "<html>", "#EXTINF:1\na.ts"] {
            assert_eq!(parse(text.as_bytes()).unwrap_err().reason, Reason::Malformed);
        }
    }

    #[test]
    fn the_best_variant_is_played_with_its_sound() {
        let best = |text: &str| {
            let Ok(Playlist::MasterPlaylist(playlist)) = parse(text.as_bytes()) else { panic!("{text}") };
            best(&playlist).map(|best| (best.uri.to_owned(), best.sound.map(str::to_owned)))
        };
        let media = |rest: &str| format!("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",{rest}\n");
        let offered = |media: &str| {
            format!(
                "#EXTM3U\n{media}#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"b\",NAME=\"4\",DEFAULT=YES,URI=\"other.m3u8\"\n\
                 #EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO=\"a\"\nbest.m3u8\n\
                 #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"b\"\nless.m3u8\n\
                 #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=3,URI=\"frames.m3u8\"\n"
            )
        };
        let one = media("NAME=\"1\",URI=\"one.m3u8\"");
        let two = media("NAME=\"2\",DEFAULT=YES,AUTOSELECT=YES,URI=\"two.m3u8\"");
        let inside = media("NAME=\"3\",DEFAULT=YES,AUTOSELECT=YES");
        for (media, sound) in [
            (String::new(), None),
            (one.clone(), Some("one.m3u8")),
            (format!("{one}{two}"), Some("two.m3u8")),
            (format!("{one}{}", one.replace("one", "another")), Some("one.m3u8")),
            (format!("{one}{inside}"), None),
        ] {
            let expected = Some(("best.m3u8".to_owned(), sound.map(str::to_owned)));
            assert_eq!(best(&offered(&media)), expected, "{media}");
        }
        let frames = "#EXTM3U\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=3,URI=\"frames.m3u8\"\n";
        assert_eq!(best(frames), None);
    }

    #[test]
    fn keys_end_where_it_is_said() {
        let text = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI=\"key\"\n#EXTINF:1,\na.ts\n\
            #EXT-X-KEY:METHOD=NONE\r\n#EXTINF:1,\nb.ts\n";
        let playlist = media_playlist(text.as_bytes()).unwrap();
        let methods = playlist.segments.iter().map(|segment| segment.key.as_ref().map(|key| &key.method));
        assert_eq!(methods.collect::<Vec<_>>(), [Some(&KeyMethod::AES128), Some(&KeyMethod::None)]);
    }
}
