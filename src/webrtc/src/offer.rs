//! Offers as far as they are looked at before the library reads them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use fql_unit::VideoCodec;
use str0m::change::SdpOffer;

use crate::error::OfferError;

/// Longer offers are no browser's: theirs have 4 to 12 kB.
pub(crate) const LARGEST: usize = 64 << 10;
/// A stream has a picture and a sound, and some clients offer more than they use.
const MOST_LINES: usize = 16;

/// Which word of a line `m=` is the first format.
const FORMATS_AT: usize = 3;

/// The codecs that are carried, as offers name them.
const CODECS: [&str; 6] = ["H264", "H265", "VP8", "VP9", "AV1", "opus"];

/// Whether anything can come of an offer at all, whatever is published or played: it is SDP, and has a medium in a codec
/// that is carried. What that costs is little, so it is known before anything is begun or counted.
///
/// # Errors
/// Says what is wrong with it.
pub fn check(offer: &str) -> Result<(), OfferError> {
    let offer = without_candidates(offer)?;
    // The library stops at some offers, as it does where one is answered.
    let parsed = catch_unwind(AssertUnwindSafe(|| SdpOffer::from_sdp_string(&offer).map(drop)));
    let parsed = parsed.map_err(|_| OfferError::Malformed("it contradicts itself".into()))?;
    parsed.map_err(|error| OfferError::Malformed(error.to_string()))?;
    let is_carried = |codec: &str| CODECS.iter().any(|known| known.eq_ignore_ascii_case(codec));
    let maps = offer.lines().filter_map(|line| line.strip_prefix("a=rtpmap:"));
    let mut codecs = maps.filter_map(|map| map.split_whitespace().nth(1)?.split('/').next());
    if codecs.any(is_carried) {
        return Ok(());
    }
    Err(OfferError::NoCommonMedia("it has no picture and no sound in a codec that is carried".into()))
}

/// The offer without candidates: an ICE-lite agent needs none, for it answers where checks come from. The names with
/// which browsers hide addresses (`….local`) would not be read either.
pub(crate) fn without_candidates(offer: &str) -> Result<String, OfferError> {
    if offer.len() > LARGEST {
        return Err(OfferError::Malformed(format!("it is longer than {LARGEST} bytes")));
    }
    let lines = offer.lines().filter(|line| line.starts_with("m=")).count();
    if lines > MOST_LINES {
        return Err(OfferError::Malformed(format!("it has more than {MOST_LINES} media")));
    }
    let is_candidate =
        |line: &&str| line.starts_with("a=candidate:") || line.starts_with("a=end-of-candidates");
    let kept = offer.lines().filter(|line| !line.trim().is_empty() && !is_candidate(line));
    Ok(kept.flat_map(|line| [line.trim_end(), "\r\n"]).collect())
}

/// An offer to watch in which all media say of themselves that they are of one stream: the library answers with what is
/// said there, and else with another stream for each. Browsers keep sound and picture of one stream together.
pub(crate) fn of_one_stream(offer: &str, stream: &str) -> String {
    let is_stream =
        |line: &&str| line.starts_with("a=msid:") || line.starts_with("a=ssrc:") && line.contains(" msid:");
    let mut out = String::with_capacity(offer.len() + 128);
    for line in offer.lines().map(str::trim_end).filter(|line| !is_stream(line)) {
        out = out + line + "\r\n";
        if let Some(mid) = line.strip_prefix("a=mid:") {
            out = out + "a=msid:" + stream + " " + stream + "-" + mid + "\r\n";
        }
    }
    out
}

/// The answer with one canonical name for all of its sources.
pub(crate) fn with_name(answer: &str, name: &str) -> String {
    let named = answer.lines().map(|line| match line.split_once(" cname:") {
        Some((source, _)) if line.starts_with("a=ssrc:") => format!("{source} cname:{name}\r\n"),
        _ => format!("{line}\r\n"),
    });
    named.collect()
}

/// Whether an offer names this codec.
pub fn offers(offer: &str, codec: VideoCodec) -> bool {
    let name = match codec {
        VideoCodec::H264 => "H264",
        VideoCodec::H265 => "H265",
        VideoCodec::Av1 => "AV1",
        VideoCodec::Vp8 => "VP8",
        VideoCodec::Vp9 => "VP9",
    };
    let maps = offer.lines().filter_map(|line| line.strip_prefix("a=rtpmap:")?.split_once(' '));
    maps.filter_map(|(_, format)| format.split('/').next()).any(|offered| offered.eq_ignore_ascii_case(name))
}

/// The value of the first `a=ice-ufrag` and of the first `a=ice-pwd`.
pub(crate) fn credentials(sdp: &str) -> (Option<&str>, Option<&str>) {
    (value(sdp, "a=ice-ufrag:"), value(sdp, "a=ice-pwd:"))
}

/// What stands on the first line that begins so.
fn value<'a>(sdp: &'a str, name: &str) -> Option<&'a str> {
    sdp.lines().find_map(|line| line.trim_end().strip_prefix(name))
}

/// The answer with a format in each medium that it refuses: the library names none there, and a line without one is no SDP
/// to browsers. The first one that was offered stands for all of them (RFC 3264, 6), with what it was said to be.
pub(crate) fn with_formats(answer: &str, offer: &str) -> String {
    let mut offered = offer.split("\nm=").skip(1);
    let mut named = String::new();
    let mut complete = String::with_capacity(answer.len());
    for line in answer.lines().map(str::trim_end) {
        complete += line;
        if line.starts_with("m=") {
            let medium = offered.next().unwrap_or_default();
            let first = medium.split_whitespace().nth(FORMATS_AT);
            if let (None, Some(first)) = (line.split_whitespace().nth(FORMATS_AT), first) {
                complete.push(' ');
                complete += first;
                let map = format!("a=rtpmap:{first} ");
                named = medium.lines().find(|line| line.starts_with(&map)).unwrap_or_default().to_owned();
            }
        }
        complete += "\r\n";
        if line.starts_with("a=mid:") && !named.is_empty() {
            complete += std::mem::take(&mut named).trim_end();
            complete += "\r\n";
        }
    }
    complete
}

/// The answer with its candidates in the first medium that is not refused: the library has them in the first one, where
/// browsers look past them if it is refused.
pub(crate) fn with_candidates_in_use(answer: &str) -> String {
    let is_candidate =
        |line: &&str| line.starts_with("a=candidate:") || line.starts_with("a=end-of-candidates");
    let candidates: Vec<_> = answer.lines().map(str::trim_end).filter(is_candidate).collect();
    let (mut is_placed, mut is_in_use) = (false, false);
    let mut out = String::with_capacity(answer.len());
    for line in answer.lines().map(str::trim_end).filter(|line| !is_candidate(line)) {
        if let Some(medium) = line.strip_prefix("m=") {
            is_in_use = medium.split_whitespace().nth(1) != Some("0");
        }
        out = out + line + "\r\n";
        if is_in_use && !is_placed && line.starts_with("a=mid:") {
            is_placed = true;
            out.extend(candidates.iter().flat_map(|candidate| [candidate, "\r\n"]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_in_the_first_medium_that_is_not_refused() {
        let candidate = "a=candidate:1 1 udp 1 192.0.2.1 5 typ host\r\n";
        let answer = |video: &str, [first, second]: [&str; 2]| {
            format!("v=0\r\nm=video {video} UDP\r\na=mid:0\r\n{first}m=audio 9 UDP\r\na=mid:1\r\n{second}")
        };
        let refused = answer("0", [candidate, ""]);
        assert_eq!(with_candidates_in_use(&refused), answer("0", ["", candidate]));
        let taken = answer("9", [candidate, ""]);
        assert_eq!(with_candidates_in_use(&taken), taken);
    }

    #[test]
    fn a_refused_medium_has_a_format_as_it_was_offered() {
        let offer = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=rtpmap:97 rtx/90000\r\na=rtpmap:96 VP8/90000\r\n\
                     m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\na=rtpmap:111 opus/48000/2\r\n";
        let answer = "v=0\r\nm=video 0 UDP/TLS/RTP/SAVPF \r\na=mid:0\r\na=inactive\r\n\
                      m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\n";
        let complete = "v=0\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=rtpmap:96 VP8/90000\r\na=inactive\r\n\
                        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\n";
        assert_eq!(with_formats(answer, offer), complete);
        assert_eq!(with_formats(complete, offer), complete, "what has formats keeps them");
    }

    #[test]
    fn offers_of_which_nothing_can_come_are_told_from_others() {
        let head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n";
        let medium = |kind: &str, map: &str| {
            format!(
                "{head}m={kind} 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:EsAw\r\n\
                 a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=setup:actpass\r\na=rtcp-mux\r\na=sendrecv\r\n\
                 a=fingerprint:sha-256 {}\r\na=rtpmap:96 {map}\r\n",
                ["AB"; 32].join(":")
            )
        };
        assert_eq!(check(&medium("video", "VP8/90000")), Ok(()));
        assert_eq!(check(&medium("audio", "OPUS/48000/2")), Ok(()));
        for useless in [medium("audio", "PCMU/8000"), medium("video", "theora/90000")] {
            assert!(matches!(check(&useless), Err(OfferError::NoCommonMedia(_))), "{useless}");
        }
        for malformed in ["", "hello", "{}"] {
            assert!(matches!(check(malformed), Err(OfferError::Malformed(_))), "{malformed}");
        }
    }

    #[test]
    fn codecs_are_found_by_their_names() {
        let offer = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=rtpmap:96 h264/90000\r\na=rtpmap:97 VP9/90000\r\n\
                     a=fmtp:97 VP8/90000\r\na=rtpmap:\r\na=rtpmap:98\r\n";
        assert!(offers(offer, VideoCodec::H264) && offers(offer, VideoCodec::Vp9));
        assert!(!offers(offer, VideoCodec::Vp8) && !offers(offer, VideoCodec::H265));
    }

    #[test]
    fn candidates_are_left_out_and_lines_end_as_they_should() {
        let offer =
            "v=0\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=candidate:1 1 udp 1 x.local 5 typ host\r\na=mid:0\n\n";
        assert_eq!(
            without_candidates(offer).unwrap(),
            "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
        );
    }

    #[test]
    fn offers_that_no_browser_makes_are_refused() {
        let large = "a".repeat(LARGEST + 1);
        assert!(matches!(without_candidates(&large), Err(OfferError::Malformed(_))));
        let many = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n".repeat(17);
        assert!(matches!(without_candidates(&many), Err(OfferError::Malformed(_))));
    }
}
