//! Playlists as they are written: which renditions they name, and where what they name is.

use m3u8_rs::{AlternativeMedia, AlternativeMediaType, MasterPlaylist, MediaPlaylist, Playlist};
use reqwest::Url;

use super::super::follow;
use crate::error::{Error, Reason};

/// The most segments of a playlist: a day of them, each of a second.
pub(super) const MOST_SEGMENTS: usize = 86_400;

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
    m3u8_rs::parse_playlist_res(plain(bytes)?.as_bytes()).map_err(|_| unreadable())
}

fn unreadable() -> Error {
    Error::malformed("the playlist cannot be read")
}

/// The playlist as the reader of playlists takes it: a tag a line, of those that say something here, and nothing after its
/// value. The reader makes hundreds of bytes of each line, however short it is, takes what follows a value for a segment,
/// and looks for the end of what is quoted in all lines that follow.
fn plain(bytes: &[u8]) -> Result<String, Error> {
    let (text, mut plain, mut segments) = (String::from_utf8_lossy(bytes), String::from("#EXTM3U\n"), 0);
    for line in text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with('#') {
            plain.extend(tag(line)?);
        } else {
            segments += 1;
            plain.push_str(line);
        }
        if segments > MOST_SEGMENTS {
            let detail = format!("the playlist names more than {MOST_SEGMENTS} segments");
            return Err(Error::new(Reason::TooLarge, detail));
        }
        plain.push('\n');
    }
    Ok(plain)
}

/// A tag with what it says, if that is of use.
fn tag(line: &str) -> Result<Option<String>, Error> {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    let value = match name {
        "#EXT-X-ENDLIST" | "#EXT-X-DISCONTINUITY" => return Ok(Some(name.to_owned())),
        "#EXT-X-TARGETDURATION" | "#EXT-X-MEDIA-SEQUENCE" => number(value).map(|number| number.to_string()),
        "#EXT-X-BYTERANGE" => match value.split_once('@') {
            Some((length, start)) => {
                number(length).zip(number(start)).map(|(length, start)| format!("{length}@{start}"))
            }
            None => number(value).map(|length| length.to_string()),
        },
        // To the reader, a key that says that there is none has to have what only the others have (RFC 8216, 4.3.2.4).
        "#EXT-X-KEY" if value == "METHOD=NONE" => Some("METHOD=NONE,IV=0x0".to_owned()),
        "#EXT-X-KEY" | "#EXT-X-MAP" | "#EXT-X-MEDIA" | "#EXT-X-STREAM-INF" | "#EXT-X-I-FRAME-STREAM-INF" => {
            attributes(value).map(str::to_owned)
        }
        _ => return Ok(None),
    };
    value.map(|value| Some(format!("{name}:{value}"))).ok_or_else(unreadable)
}

/// The number that a value begins with: some write fractions of seconds where there are none.
fn number(value: &str) -> Option<u64> {
    value.trim().split(|digit: char| !digit.is_ascii_digit()).next()?.parse().ok()
}

/// Attributes up to where the reader stops at the latest; none where it would go on in the next line.
fn attributes(value: &str) -> Option<&str> {
    let mut rest = value;
    while !rest.trim_start().is_empty() {
        let said = rest.split_once('=')?.1;
        let end = match said.strip_prefix('"') {
            Some(text) if !text.starts_with('"') => text.find('"')? + 2,
            _ => said.find(',').unwrap_or(said.len()),
        };
        if end == 0 {
            return Some(&value[..value.len() - rest.len()]);
        }
        rest = &said[end..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    Some(value)
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

    fn uris(playlist: &MediaPlaylist) -> Vec<&str> {
        playlist.segments.iter().map(|segment| segment.uri.as_str()).collect()
    }

    #[test]
    fn a_playlist_of_too_many_segments_is_not_read() {
        let text = |count: usize| ["#EXTM3U\n#EXT-X-TARGETDURATION:1\n", &"a\n".repeat(count)].concat();
        assert_eq!(media_playlist(text(MOST_SEGMENTS).as_bytes()).unwrap().segments.len(), MOST_SEGMENTS);
        assert_eq!(parse(text(MOST_SEGMENTS + 1).as_bytes()).unwrap_err().reason, Reason::TooLarge);
    }

    #[test]
    fn lines_that_say_nothing_here_cost_nothing() {
        let text = ["#EXTM3U\n", &"#\r#EXT-X-DATERANGE:ID=\"1\"\n\n".repeat(50_000), "a.ts\n"].concat();
        assert_eq!(
            plain(text.as_bytes()).unwrap().trim_end().lines().filter(|line| !line.is_empty()).count(),
            2
        );
        assert_eq!(uris(&media_playlist(text.as_bytes()).unwrap()), ["a.ts"]);
    }

    #[test]
    fn what_follows_a_value_is_no_segment() {
        let text = b"#EXTM3U x-tvg-url=\"b\"\n#EXT-X-TARGETDURATION: 9.6\n#EXT-X-MEDIA-SEQUENCE:7 of 9\r\n\
            #EXT-X-DISCONTINUITY-SEQUENCE:x\n# \xe9\n#EXTINF:1,Artist, Song, Live\n#EXT-X-BYTERANGE:5@@6\n\
            #EXT-X-MAP:URI=\"init.mp4\",X=,b\na.ts \r\n#EXTINF:1\n,b.ts\n#EXT-X-ENDLIST and so on\n#EXT-X-ENDLIST:c.ts";
        let Err(error) = media_playlist(text) else { panic!("a range of no number is read") };
        assert_eq!(error.reason, Reason::Malformed);
        let text = String::from_utf8_lossy(text).replace("@@", "@");
        let playlist = media_playlist(text.as_bytes()).unwrap();
        assert_eq!((playlist.target_duration, playlist.media_sequence, playlist.end_list), (9, 7, true));
        assert_eq!(uris(&playlist), ["a.ts", ",b.ts"]);
        let first = &playlist.segments[0];
        assert_eq!(first.byte_range.as_ref().map(|range| (range.length, range.offset)), Some((5, Some(6))));
        assert_eq!(first.map.as_ref().unwrap().uri, "init.mp4");
        assert!(playlist.segments.iter().all(|segment| !segment.discontinuity));
    }

    #[test]
    fn attributes_end_with_their_line() {
        for whole in ["", "A=1", "A=1, B=\"2,3\" ,C=\"\",", "A=b\"c,D=\"e\"f=g", "=1", "URI=\"a=b\""] {
            assert_eq!(attributes(whole), Some(whole));
        }
        assert_eq!(attributes("A=1,B=,C=2"), Some("A=1,"));
        for value in ["x", "A=1,x", "A=\"1", "A=b\"c,d\"", "A=\""] {
            assert_eq!(attributes(value), None, "{value}");
            let text = format!("#EXTM3U\n#EXT-X-KEY:{value}\n#EXTINF:1,\na.ts?b=\"\n");
            assert_eq!(parse(text.as_bytes()).unwrap_err().reason, Reason::Malformed, "{value}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_playlist_names_no_more_segments_than_lines(
            text in "(#EXT(INF|-X-(ENDLIST|KEY|MAP|MEDIA|BYTERANGE|DISCONTINUITY|TARGETDURATION|STREAM-INF))|\
                [:#=\",@\n\r 0-9aé]|METHOD=NONE|URI=\"){0,60}"
        ) {
            if let Ok(playlist) = media_playlist(format!("#EXTM3U\n{text}").as_bytes()) {
                let lines = text.split(['\n', '\r']).map(str::trim);
                let named: Vec<_> = lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
                proptest::prop_assert_eq!(uris(&playlist), named);
            }
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
