//! From units to what RTP carries: once a unit, for all its viewers.

use std::sync::Arc;

use bytes::Bytes;
use fql_unit::encoded::{Framing, Importance, Judge};
use fql_unit::{EncodedVideoInfo, Media, Track, TrackTable, VideoCodec};
use str0m::format::Codec;

use crate::codecs;
use crate::media::MediaUnit;

const START_CODE: [u8; 4] = [0, 0, 0, 1];
/// Types of OBUs of AV1.
const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
/// Longer access units are left out: no player would take one of so many packets.
const LARGEST: usize = 8 << 20;

/// An access unit as packets carry it.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub(crate) track: u8,
    pub(crate) pts: u64,
    pub(crate) key: bool,
    pub(crate) is_video: bool,
    pub(crate) data: Arc<[u8]>,
}

impl Prepared {
    /// Whether it is a picture.
    pub fn is_video(&self) -> bool {
        self.is_video
    }

    /// Whether a viewer can join here.
    pub fn is_key(&self) -> bool {
        self.key
    }

    /// How many bytes it has; never none.
    #[expect(clippy::len_without_is_empty, reason = "there is always something of it")]
    pub fn len(&self) -> usize {
        self.data.len()
    }
}

/// Prepares the units of a stream.
#[derive(Debug)]
pub struct Preparer {
    tracks: Vec<Line>,
}

/// A track that can be carried.
#[derive(Debug)]
struct Line {
    id: u8,
    codec: Codec,
    is_video: bool,
    framing: Framing,
    /// What goes before key units that lack it: parameter sets with start codes, or a sequence header.
    headers: Bytes,
    /// The latest time of a picture.
    latest: u64,
}

impl Preparer {
    /// For these tracks. Those that WebRTC has no codec for are left out, and of several of a kind the first is taken.
    pub fn new(table: &TrackTable) -> Self {
        let first = |is_kind: fn(&Media) -> bool| {
            table.tracks().iter().filter(|track| is_kind(&track.media)).find_map(Line::new)
        };
        Self { tracks: first(Media::is_video).into_iter().chain(first(Media::is_audio)).collect() }
    }

    /// Whether nothing of the stream can be carried.
    pub fn is_empty(&self) -> bool {
        self.tracks.is_empty()
    }

    /// Whether there is a picture.
    pub fn has_video(&self) -> bool {
        self.tracks.iter().any(|line| line.is_video)
    }

    pub(crate) fn codecs(&self) -> impl Iterator<Item = (u8, Codec)> + '_ {
        self.tracks.iter().map(|line| (line.id, line.codec))
    }

    /// Whether a stream that was of these tracks goes on as it was, for players, with those of another preparer.
    pub fn is_like(&self, other: &Self) -> bool {
        self.codecs().eq(other.codecs())
    }

    /// Prepares a unit; `None` where it is not carried: of another track, or a picture that nothing needs and that is
    /// presented before one that came earlier. Players of WebRTC show pictures in the order in which they come.
    pub fn prepare(&mut self, unit: &MediaUnit) -> Option<Prepared> {
        let line = self.tracks.iter_mut().find(|line| line.id == unit.track)?;
        if unit.data.is_empty() || unit.data.len() > LARGEST {
            return None;
        }
        if line.is_video && unit.pts < line.latest && !unit.key && line.is_disposable(&unit.data) {
            return None;
        }
        // Where the source began anew, times begin anew too.
        line.latest = if unit.key { unit.pts } else { line.latest.max(unit.pts) };
        Some(Prepared {
            track: unit.track,
            pts: unit.pts,
            key: unit.key,
            is_video: line.is_video,
            data: line.convert(unit),
        })
    }
}

impl Line {
    fn new(track: &Track) -> Option<Self> {
        let codec = codecs::of_media(&track.media)?;
        let (framing, headers) = match &track.media {
            Media::EncodedVideo(info) => (Framing::of_config(info.codec, &info.config), headers(info)),
            _ => (Framing::StartCodes, Bytes::new()),
        };
        let is_video = track.media.is_video();
        Some(Self { id: track.id, codec, is_video, framing, headers, latest: 0 })
    }

    /// Whether no other picture needs this one. Only H.264 and H.265 have pictures that are shown before earlier ones.
    fn is_disposable(&self, data: &[u8]) -> bool {
        let codec = match self.codec {
            Codec::H264 => VideoCodec::H264,
            Codec::H265 => VideoCodec::H265,
            _ => return false,
        };
        let judgement = Judge::new(codec, self.framing).judge(data);
        judgement.is_some_and(|judgement| judgement.importance == Importance::Disposable)
    }

    fn convert(&self, unit: &MediaUnit) -> Arc<[u8]> {
        let data = &unit.data[..];
        let needs_headers = unit.key && !self.headers.is_empty() && !self.has_headers(data);
        match (self.framing, needs_headers) {
            (Framing::StartCodes, false) => data.into(),
            (Framing::StartCodes, true) => [&self.headers[..], data].concat().into(),
            (Framing::Lengths(size), _) => {
                let mut out = if needs_headers { self.headers.to_vec() } else { Vec::new() };
                out.reserve(data.len() + 64);
                with_start_codes(data, size.into(), &mut out);
                out.into()
            }
        }
    }

    /// Whether an access unit brings its parameter sets or its sequence header itself.
    fn has_headers(&self, data: &[u8]) -> bool {
        match (self.codec, self.framing) {
            (Codec::H264, Framing::Lengths(size)) => nals(data, size.into()).any(|nal| nal[0] & 31 == 7),
            (Codec::H265, Framing::Lengths(size)) => {
                nals(data, size.into()).any(|nal| nal[0] >> 1 & 63 == 33)
            }
            (Codec::Av1, _) => match obu_type(data) {
                Some(TEMPORAL_DELIMITER) => data.get(2..).and_then(obu_type) == Some(SEQUENCE_HEADER),
                first => first == Some(SEQUENCE_HEADER),
            },
            _ => true,
        }
    }
}

fn obu_type(obu: &[u8]) -> Option<u8> {
    obu.first().map(|head| head >> 3 & 15)
}

/// The NAL units of an access unit, each after its length of so many bytes; none is empty.
fn nals(mut data: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        loop {
            let (length, rest) = data.split_at_checked(size)?;
            let length = length.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
            let (nal, rest) = rest.split_at(length.min(rest.len()));
            data = rest;
            if !nal.is_empty() {
                return Some(nal);
            }
        }
    })
}

fn with_start_codes(data: &[u8], size: usize, out: &mut Vec<u8>) {
    for nal in nals(data, size) {
        out.extend(START_CODE);
        out.extend(nal);
    }
}

/// What a decoder configuration holds that key units may lack.
fn headers(info: &EncodedVideoInfo) -> Bytes {
    let config = &info.config[..];
    let found = match info.codec {
        VideoCodec::H264 => avcc(config),
        VideoCodec::H265 => hvcc(config),
        VideoCodec::Av1 => config.get(4..).map(<[u8]>::to_vec),
        VideoCodec::Vp8 | VideoCodec::Vp9 => None,
    };
    found.unwrap_or_default().into()
}

/// The parameter sets of an `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 5.3.3.1).
fn avcc(config: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let sequences = config.get(5)? & 31;
    let rest = sets(config.get(6..)?, sequences, &mut out)?;
    let (pictures, rest) = rest.split_first()?;
    sets(rest, *pictures, &mut out)?;
    Some(out)
}

/// Those of an `HEVCDecoderConfigurationRecord` (8.3.3.1).
fn hvcc(config: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (arrays, mut rest) = config.get(22..)?.split_first()?;
    for _ in 0..*arrays {
        let (head, after) = rest.split_first_chunk::<3>()?;
        let count = u16::from_be_bytes([head[1], head[2]]);
        rest = sets(after, u8::try_from(count).ok()?, &mut out)?;
    }
    Some(out)
}

/// Reads parameter sets after lengths of two bytes; gives what follows them.
fn sets<'a>(mut rest: &'a [u8], count: u8, out: &mut Vec<u8>) -> Option<&'a [u8]> {
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (set, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
        out.extend(START_CODE);
        out.extend(set);
        rest = after;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AVCC: [u8; 17] = [1, 0x64, 0, 0x14, 0xff, 0xe1, 0, 3, 0x67, 1, 2, 1, 0, 3, 0x68, 3, 4];

    fn preparer(codec: VideoCodec, config: &[u8]) -> Preparer {
        let media = Media::EncodedVideo(EncodedVideoInfo {
            codec,
            width: 64,
            height: 48,
            frame_rate: (25, 1),
            config: config.to_vec(),
            caps: String::new(),
        });
        let track = Track { id: 3, name: String::new(), layers: 3, media };
        Preparer::new(&TrackTable::new(vec![track]).unwrap())
    }

    fn unit(pts: u64, key: bool, data: &[u8]) -> MediaUnit {
        MediaUnit { track: 3, pts, key, data: Bytes::copy_from_slice(data) }
    }

    fn prepared(preparer: &mut Preparer, key: bool, data: &[u8]) -> Vec<u8> {
        preparer.prepare(&unit(0, key, data)).unwrap().data.to_vec()
    }

    #[test]
    fn lengths_become_start_codes_and_key_units_bring_their_parameter_sets() {
        let mut preparer = preparer(VideoCodec::H264, &AVCC);
        assert_eq!(
            prepared(&mut preparer, true, &[0, 0, 0, 2, 0x65, 9]),
            [0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x68, 3, 4, 0, 0, 0, 1, 0x65, 9]
        );
        assert_eq!(prepared(&mut preparer, false, &[0, 0, 0, 2, 0x41, 9]), [0, 0, 0, 1, 0x41, 9]);
        let own = [0, 0, 0, 1, 0x67, 0, 0, 0, 1, 0x68, 0, 0, 0, 1, 0x65];
        assert_eq!(prepared(&mut preparer, true, &own), own, "lengths of 1 look like start codes");
    }

    #[test]
    fn units_with_start_codes_stay_as_they_are() {
        let mut preparer = preparer(VideoCodec::H264, &[]);
        assert_eq!(prepared(&mut preparer, true, &[0, 0, 1, 0x65, 9]), [0, 0, 1, 0x65, 9]);
    }

    #[test]
    fn key_units_of_av1_get_the_sequence_header_of_the_configuration() {
        let mut preparer = preparer(VideoCodec::Av1, &[0x81, 0, 0, 0, 0x0a, 1, 7]);
        assert_eq!(prepared(&mut preparer, true, &[0x32, 1, 9]), [0x0a, 1, 7, 0x32, 1, 9]);
        assert_eq!(prepared(&mut preparer, true, &[0x12, 0, 0x0a, 1, 8]), [0x12, 0, 0x0a, 1, 8]);
        assert_eq!(prepared(&mut preparer, false, &[0x32, 1, 9]), [0x32, 1, 9]);
    }

    #[test]
    fn pictures_that_are_shown_before_earlier_ones_are_left_out_where_nothing_needs_them() {
        let mut preparer = preparer(VideoCodec::H264, &[]);
        let (idr, reference, disposable) = (0x65, 0x41, 0x01);
        let mut take = |pts, nal| preparer.prepare(&unit(pts, nal == idr, &[0, 0, 1, nal, 9])).is_some();
        assert!(take(0, idr));
        assert!(take(120, reference));
        assert!(!take(40, disposable));
        assert!(take(160, disposable));
        assert!(take(10, idr), "times begin anew");
        assert!(take(20, disposable));
    }

    #[test]
    fn tracks_that_webrtc_cannot_carry_are_left_out() {
        let aac = Media::EncodedAudio(fql_unit::EncodedAudioInfo {
            codec: fql_unit::AudioCodec::Aac,
            rate: 48_000,
            channels: 2,
            config: vec![0x11, 0x90],
            caps: String::new(),
        });
        let track = Track { id: 1, name: String::new(), layers: 1, media: aac };
        assert!(Preparer::new(&TrackTable::new(vec![track]).unwrap()).is_empty());
    }

    proptest! {
        #[test]
        fn any_configuration_and_any_unit_are_prepared(
            config in prop::collection::vec(any::<u8>(), 0..60),
            data in prop::collection::vec(any::<u8>(), 1..60),
            codec in prop::sample::select(vec![
                VideoCodec::H264, VideoCodec::H265, VideoCodec::Av1, VideoCodec::Vp8, VideoCodec::Vp9,
            ]),
        ) {
            let mut preparer = preparer(codec, &config);
            prop_assert!(preparer.prepare(&unit(0, true, &data)).is_some());
        }
    }
}
