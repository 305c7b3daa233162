//! The delivery directives of Low-Latency HLS (RFC 8216bis, 6.2.5).

/// What a player wants of a playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Directives {
    /// The segment that is to be in it, and which part of that.
    pub until: Option<(u64, Option<u64>)>,
    /// Whether it may be a delta update.
    pub skip: bool,
}

impl Directives {
    /// Reads a query. Parameters that are not directives are of no account; a directive that makes no sense is an error
    /// that says which.
    pub fn read(query: &str) -> Result<Self, String> {
        let (mut number, mut part, mut skip) = (None, None, false);
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "_HLS_msn" => number = Some(integer(name, value)?),
                "_HLS_part" => part = Some(integer(name, value)?),
                "_HLS_skip" if matches!(value, "YES" | "v2") => skip = true,
                "_HLS_skip" => return Err("_HLS_skip is YES or v2".into()),
                _ => {}
            }
        }
        match (number, part) {
            (None, Some(_)) => Err("_HLS_part needs _HLS_msn beside it".into()),
            (None, None) => Ok(Self { until: None, skip }),
            (Some(number), part) => Ok(Self { until: Some((number, part)), skip }),
        }
    }
}

/// Whether the multivariant playlist is to be that of MPEG transport streams: `segments=ts`. An error says which kinds of
/// segments there are.
pub(super) fn wants_transport(query: &str) -> Result<bool, &'static str> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    match pairs.filter(|(name, _)| *name == "segments").map(|(_, kind)| kind).next_back() {
        None | Some("fmp4") => Ok(false),
        Some("ts") => Ok(true),
        Some(_) => Err("segments is ts or fmp4"),
    }
}

fn integer(name: &str, value: &str) -> Result<u64, String> {
    let is_decimal = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let value = if is_decimal { value.parse().ok() } else { None };
    value.ok_or_else(|| format!("{name} is a number of at most 64 bits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_read_and_others_are_not_looked_at() {
        let read = |query| Directives::read(query).unwrap();
        assert_eq!(read(""), Directives::default());
        assert_eq!(read("token=a%20b&x"), Directives::default());
        assert_eq!(
            read("_HLS_msn=7&_HLS_part=2&_HLS_skip=YES"),
            Directives { until: Some((7, Some(2))), skip: true }
        );
        assert_eq!(read("_HLS_msn=18446744073709551615").until, Some((u64::MAX, None)));
    }

    #[test]
    fn the_kind_of_segments_is_read() {
        assert_eq!(wants_transport(""), Ok(false));
        assert_eq!(wants_transport("a=b&segments=ts"), Ok(true));
        assert_eq!(wants_transport("segments=fmp4"), Ok(false));
        assert!(wants_transport("segments=avi").is_err());
    }

    #[test]
    fn directives_that_make_no_sense_are_told_of() {
        for query in [
            "_HLS_part=1",
            "_HLS_msn=-1",
            "_HLS_msn=+1",
            "_HLS_msn=",
            "_HLS_msn=18446744073709551616",
            "_HLS_msn=1&_HLS_part=x",
            "_HLS_skip=NO",
        ] {
            assert!(Directives::read(query).is_err(), "{query}");
        }
    }
}
