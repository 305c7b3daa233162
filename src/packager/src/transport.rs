//! Segments as MPEG transport streams (RFC 8216bis, 3.1.1), for players that take no MP4: pictures and sound together, cut
//! where the segments of the renditions are, out of the samples that those have.
//!
//! One writer makes all segments in their order, so that the counters of packets go on from each to the next.

use std::collections::VecDeque;
use std::fmt::Write;

use bytes::Bytes;
use fql_mpegts::{Muxer, Unit};
use fql_unit::encoded::{ENCODED_AUDIO_LAYERS, ENCODED_VIDEO_LAYERS};
use fql_unit::{AudioCodec, DataInfo, EncodedAudioInfo, EncodedVideoInfo, Media, Track, VideoCodec};
use mp4_atom::{Atom, Codec};

use crate::codec::{Configuration, caps_of_mpeg_audio};
use crate::fmp4::Sample;
use crate::packager::Packager;
use crate::playlist::{Reached, date_time, size};
use crate::rendition::{Rendition, Segment};

/// How many segments ahead a player may ask for.
const MOST_AHEAD: u64 = 2;

/// A whole segment of all tracks that a transport stream can carry.
#[derive(Debug, Clone)]
pub struct TransportSegment {
    /// Its media sequence number, which is that of the segments of the renditions.
    pub number: u64,
    /// Its packets; none where nothing came in its time.
    pub data: Bytes,
    period: u64,
    discontinuity: bool,
    wall: u64,
    /// In seconds.
    duration: f64,
}

/// The segments of a transport stream, the youngest last.
#[derive(Debug, Default)]
pub struct Transport {
    muxer: Option<Muxer>,
    /// The tracks of the last segment, each with the number of its initialization segment.
    tracks: Vec<(u8, u64)>,
    segments: VecDeque<TransportSegment>,
    /// The number of the first segment that is listed.
    first_listed: u64,
}

impl Transport {
    /// Makes the segments that are whole in all renditions, those with video first.
    pub(crate) fn follow(&mut self, renditions: &[&Rendition]) {
        let carried: Vec<_> = renditions.iter().copied().filter(|one| is_carried(one)).collect();
        let Some(leader) = carried.first() else { return };
        let next = self.segments.back().map_or(0, |last| last.number + 1);
        for segment in leader.listed().filter(|segment| segment.number >= next) {
            let grows = |one: &&Rendition| one.growing().is_some_and(|grows| grows.number <= segment.number);
            if carried.iter().any(grows) {
                break;
            }
            let made = self.make(&carried, segment);
            self.segments.push_back(made);
        }
        self.first_listed = leader.listed().next().map_or(self.first_listed, |first| first.number);
        let oldest = leader.oldest().unwrap_or(0);
        self.segments.retain(|segment| segment.number >= oldest);
    }

    fn make(&mut self, carried: &[&Rendition], of: &Segment) -> TransportSegment {
        let found: Vec<_> = carried.iter().filter_map(|one| Some((*one, one.segment(of.number)?))).collect();
        self.set_up(&found);
        let mut units: Vec<Unit> = found.iter().flat_map(|(one, segment)| units(one, segment)).collect();
        units.sort_by_key(|unit| unit.decoding);
        let mut data = Vec::new();
        if let Some(muxer) = &mut self.muxer {
            muxer.cut();
            units.iter().for_each(|unit| muxer.write(unit, &mut data));
        }
        let duration = of.duration as f64 / f64::from(carried[0].timescale());
        let Segment { number, period, discontinuity, wall, .. } = *of;
        TransportSegment { number, period, discontinuity, wall, duration, data: data.into() }
    }

    /// Makes the writer one of these tracks, where it is not.
    fn set_up(&mut self, found: &[(&Rendition, &Segment)]) {
        let tracks: Vec<_> = found.iter().map(|(one, segment)| (one.id(), segment.initialization)).collect();
        if tracks == self.tracks {
            return;
        }
        let table: Vec<Track> = found
            .iter()
            .filter_map(|(one, segment)| track(one.id(), one.configuration_of(segment.initialization)?))
            .collect();
        let goes_on = self.muxer.as_mut().is_some_and(|muxer| muxer.change_to(&table).is_ok());
        if !goes_on {
            self.muxer = Muxer::of(&table).ok();
        }
        self.tracks = tracks;
    }

    /// The segments that are listed.
    pub fn listed(&self) -> impl Iterator<Item = &TransportSegment> {
        self.segments.iter().filter(|segment| segment.number >= self.first_listed)
    }

    /// A segment that can be fetched, listed or not.
    pub fn segment(&self, number: u64) -> Option<&TransportSegment> {
        self.segments.iter().find(|segment| segment.number == number)
    }

    /// Whether the playlist has this segment.
    fn reached(&self, number: u64) -> Reached {
        let next = self.segments.back().map_or(number, |last| last.number + 1);
        match number {
            _ if number < next => Reached::Yes,
            _ if number > next.saturating_add(MOST_AHEAD) => Reached::TooFar,
            _ => Reached::NotYet,
        }
    }

    /// The highest rate of a segment, and the rate of all that are listed, in bits a second; at least 1.
    fn rates(&self) -> (u64, u64) {
        let rate = |bytes: usize, duration: f64| ((bytes * 8) as f64 / duration.max(0.001)).ceil() as u64;
        let peak = self.listed().map(|segment| rate(segment.data.len(), segment.duration)).max();
        let bytes = self.listed().map(|segment| segment.data.len()).sum();
        let duration = self.listed().map(|segment| segment.duration).sum();
        (peak.unwrap_or(1).max(1), rate(bytes, duration).max(1))
    }
}

impl Packager {
    /// Whether the playlist of the transport stream has this segment.
    pub fn reached_transport(&self, number: u64) -> Reached {
        match self.transport().map(|transport| transport.reached(number)) {
            Some(Reached::TooFar) => Reached::TooFar,
            _ if self.has_ended() => Reached::Yes,
            Some(reached) => reached,
            None => Reached::NotYet,
        }
    }

    /// The media playlist of the transport stream. Its segments are in the folder `ts` beside it. `None` before there is
    /// a first one.
    pub fn transport_playlist(&self) -> Option<String> {
        let target = self.target_duration()?;
        let transport = self.transport()?;
        let first = transport.listed().next()?;
        let mut out = String::from("#EXTM3U\n#EXT-X-VERSION:6\n");
        let _ = writeln!(out, "#EXT-X-TARGETDURATION:{target}");
        let _ = writeln!(out, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES");
        let _ = writeln!(out, "#EXT-X-MEDIA-SEQUENCE:{}", first.number);
        let before = first.period - u64::from(first.discontinuity);
        let _ = writeln!(out, "#EXT-X-DISCONTINUITY-SEQUENCE:{before}");
        for segment in transport.listed() {
            if segment.discontinuity {
                out.push_str("#EXT-X-DISCONTINUITY\n");
            }
            let _ = writeln!(out, "#EXT-X-PROGRAM-DATE-TIME:{}", date_time(segment.wall));
            if segment.data.is_empty() {
                out.push_str("#EXT-X-GAP\n");
            }
            let _ = writeln!(out, "#EXTINF:{:.5},\nts/seg-{}.ts", segment.duration, segment.number);
        }
        if self.has_ended() {
            out.push_str("#EXT-X-ENDLIST\n");
        }
        Some(out)
    }

    /// The multivariant playlist with the transport stream as its one variant. `None` before there is a first segment.
    pub fn transport_multivariant_playlist(&self) -> Option<String> {
        let transport = self.transport()?;
        transport.listed().next()?;
        let (peak, average) = transport.rates();
        let carried: Vec<_> = self.all_renditions().filter(|one| is_carried(one)).collect();
        let mut codecs: Vec<_> = carried.iter().map(|one| one.codec()).collect();
        codecs.dedup();
        let codecs = codecs.join(",");
        let mut out = String::from("#EXTM3U\n#EXT-X-VERSION:6\n");
        let _ =
            write!(out, "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS=\"{codecs}\"");
        if let Some((width, height)) = carried.iter().find_map(|one| size(one)) {
            let _ = write!(out, ",RESOLUTION={width}x{height}");
        }
        if let Some(rate) = carried.iter().find_map(|one| self.frame_rate(one)) {
            let _ = write!(out, ",FRAME-RATE={rate:.3}");
        }
        out.push_str("\nts.m3u8\n");
        Some(out)
    }
}

fn is_carried(rendition: &Rendition) -> bool {
    track(rendition.id(), rendition.configuration()).is_some()
}

/// A track as the writer of transport streams wants it; `None` where there is no place for it.
fn track(id: u8, configuration: &Configuration) -> Option<Track> {
    let media = match &configuration.entry {
        Codec::Avc1(entry) => video(VideoCodec::H264, &entry.avcc)?,
        Codec::Hvc1(entry) => video(VideoCodec::H265, &entry.hvcc)?,
        Codec::Mp4a(_) if configuration.is_mpeg_audio() => {
            Media::Data(DataInfo { caps: caps_of_mpeg_audio(configuration) })
        }
        Codec::Mp4a(entry) => sound(AudioCodec::Aac, entry.audio.channel_count, configuration.aac.clone()),
        Codec::Opus(entry) => sound(AudioCodec::Opus, entry.audio.channel_count, Vec::new()),
        _ => return None,
    };
    let layers = if media.is_video() { ENCODED_VIDEO_LAYERS } else { ENCODED_AUDIO_LAYERS };
    Some(Track { id, name: String::new(), layers, media })
}

fn video(codec: VideoCodec, atom: &impl Atom) -> Option<Media> {
    let mut config = Vec::new();
    atom.encode_body(&mut config).ok()?;
    let (width, height, frame_rate, caps) = (0, 0, (0, 1), String::new());
    Some(Media::EncodedVideo(EncodedVideoInfo { codec, width, height, frame_rate, config, caps }))
}

fn sound(codec: AudioCodec, channels: u16, config: Vec<u8>) -> Media {
    let (channels, rate, caps) = (channels.min(255) as u8, 48_000, String::new());
    Media::EncodedAudio(EncodedAudioInfo { codec, rate, channels, config, caps })
}

/// The samples of a segment as units.
fn units(rendition: &Rendition, segment: &Segment) -> impl Iterator<Item = Unit> {
    let unit = |sample: &Sample| {
        let shown = sample.time.saturating_add_signed(sample.composition);
        Unit {
            track: rendition.id(),
            decoding: rendition.nanos(sample.time),
            presentation: rendition.nanos(shown),
            duration: rendition.nanos(sample.length.into()),
            key: sample.key,
            discont: false,
            data: sample.data.clone(),
        }
    };
    segment.parts.iter().flat_map(|part| &part.samples).filter(|sample| !sample.is_rest()).map(unit)
}
