//! Media playlists as a viewer reads them.

use anyhow::{Context, Result, ensure};

/// A media playlist, or a delta update of one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Playlist {
    /// Seconds.
    pub target: f64,
    /// How far from the end players of parts stay away, in seconds.
    pub hold_back: f64,
    /// The initialization segment.
    pub map: Option<String>,
    /// Whole segments; those that a delta update leaves out are missing.
    pub segments: Vec<Piece>,
    /// Parts, of the growing segment too.
    pub parts: Vec<Piece>,
    /// The segment after the last whole one, and how many parts of it are there.
    pub growing: (u64, u64),
}

/// A segment, or a part of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// The segment's media sequence number.
    pub number: u64,
    /// Which part of it; 0 for a segment.
    pub part: u64,
    /// Where it is, beside the playlist.
    pub uri: String,
    /// Seconds.
    pub duration: f64,
    /// Whether one can begin with it.
    pub independent: bool,
}

impl Playlist {
    /// Reads a playlist.
    pub fn parse(text: &str) -> Result<Self> {
        ensure!(text.starts_with("#EXTM3U"), "not a playlist: {}", text.lines().next().unwrap_or_default());
        let mut playlist = Self::default();
        let (mut number, mut part, mut duration) = (0, 0, 0.0);
        for line in text.lines() {
            let (tag, value) = line.split_once(':').unwrap_or((line, ""));
            match tag {
                "#EXT-X-TARGETDURATION" => playlist.target = value.parse()?,
                "#EXT-X-SERVER-CONTROL" => {
                    playlist.hold_back = attribute(value, "PART-HOLD-BACK").unwrap_or("0").parse()?;
                }
                "#EXT-X-MEDIA-SEQUENCE" => number = value.parse()?,
                "#EXT-X-SKIP" => {
                    let skipped = attribute(value, "SKIPPED-SEGMENTS").context("a skip of nothing")?;
                    number += skipped.parse::<u64>()?;
                }
                "#EXT-X-MAP" => playlist.map = attribute(value, "URI").map(str::to_owned),
                "#EXTINF" => duration = value.split(',').next().unwrap_or_default().parse()?,
                "#EXT-X-PART" => {
                    playlist.parts.push(Piece {
                        number,
                        part,
                        uri: attribute(value, "URI").context("a part without URI")?.to_owned(),
                        duration: attribute(value, "DURATION").context("a part without DURATION")?.parse()?,
                        independent: attribute(value, "INDEPENDENT") == Some("YES"),
                    });
                    part += 1;
                }
                _ if line.is_empty() || line.starts_with('#') => {}
                _ => {
                    let uri = line.to_owned();
                    playlist.segments.push(Piece { number, part: 0, uri, duration, independent: true });
                    (number, part) = (number + 1, 0);
                }
            }
        }
        playlist.growing = (number, part);
        Ok(playlist)
    }

    /// The last part that one can begin with. Those of a first segment are not listed where they are uneven.
    pub fn first_part(&self) -> Option<usize> {
        self.parts.iter().rposition(|part| part.independent)
    }

    /// What to ask for to have what comes next as soon as it is there: the next part, or where no part is listed, the
    /// next segment.
    pub fn next(&self) -> String {
        let (number, part) = self.growing;
        match self.parts.is_empty() {
            true => format!("?_HLS_msn={number}"),
            false => format!("?_HLS_msn={number}&_HLS_part={part}"),
        }
    }
}

/// The playlists of a multivariant playlist: of the first variant, and of its sound.
pub fn renditions(text: &str) -> Result<Vec<String>> {
    let variant = text.lines().find(|line| !line.is_empty() && !line.starts_with('#'));
    let sound = text.lines().filter_map(|line| line.strip_prefix("#EXT-X-MEDIA:")).next();
    let sound = sound.and_then(|value| attribute(value, "URI"));
    Ok(sound.into_iter().chain([variant.context("no variant")?]).map(str::to_owned).collect())
}

/// An attribute of a tag, without its quotes.
fn attribute<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = value;
    loop {
        let (key, after) = rest.split_once('=')?;
        let (found, next) = match after.strip_prefix('"') {
            Some(quoted) => {
                let (found, next) = quoted.split_once('"')?;
                (found, next.strip_prefix(',').unwrap_or(next))
            }
            None => after.split_once(',').unwrap_or((after, "")),
        };
        if key == name {
            return Some(found);
        }
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n\
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.000,CAN-SKIP-UNTIL=12.0\n\
        #EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n#EXT-X-MAP:URI=\"v/init-1.mp4\"\n\
        #EXT-X-PART:DURATION=0.333,URI=\"v/part-40.m4s\",INDEPENDENT=YES\n#EXT-X-PART:DURATION=0.3,URI=\"v/part-41.m4s\"\n\
        #EXTINF:0.633,\nv/seg-9.m4s\n#EXT-X-PART:DURATION=0.2,URI=\"v/part-42.m4s\",INDEPENDENT=YES\n\
        #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"v/part-43.m4s\"\n";

    #[test]
    fn segments_and_parts_are_numbered_behind_those_that_are_skipped() {
        let playlist = Playlist::parse(TEXT).unwrap();
        assert_eq!((playlist.target, playlist.hold_back, playlist.growing), (2.0, 1.0, (10, 1)));
        assert_eq!(playlist.map.as_deref(), Some("v/init-1.mp4"));
        let whole: Vec<_> = playlist.segments.iter().map(|piece| (piece.number, piece.duration)).collect();
        assert_eq!(whole, [(9, 0.633)]);
        let parts: Vec<_> =
            playlist.parts.iter().map(|piece| (piece.number, piece.part, piece.independent)).collect();
        assert_eq!(parts, [(9, 0, true), (9, 1, false), (10, 0, true)]);
        assert_eq!((playlist.first_part(), playlist.next().as_str()), (Some(2), "?_HLS_msn=10&_HLS_part=1"));
    }

    #[test]
    fn where_no_part_is_listed_the_next_segment_is_waited_for() {
        let text = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nseg-0.m4s\n";
        let playlist = Playlist::parse(text).unwrap();
        assert_eq!((playlist.first_part(), playlist.next().as_str()), (None, "?_HLS_msn=1"));
    }

    #[test]
    fn the_sound_of_a_variant_is_played_with_it() {
        let text = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a,b\",URI=\"s.m3u8\"\n#EXT-X-STREAM-INF:X=1\nv.m3u8\n";
        assert_eq!(renditions(text).unwrap(), ["s.m3u8", "v.m3u8"]);
        assert!(renditions("#EXTM3U\n").is_err());
        assert!(Playlist::parse("<html>").is_err());
    }
}
