//! What an FLV tag of video or sound holds (Adobe Flash Video File Format 10.1, annex E; Enhanced RTMP 2).
//!
//! The headers are read by scuffle-flv. Its bodies are not used: they take decoder configurations apart, which are to
//! go on as they are.

use std::io::Cursor;

use bytes::{Buf, Bytes};
use fql_unit::{AudioCodec, VideoCodec};
use scuffle_flv::audio::header::AudioTagHeader;
use scuffle_flv::audio::header::enhanced::{
    AudioFourCc, AudioPacketModEx, AudioPacketType, ExAudioTagHeader, ExAudioTagHeaderContent,
};
use scuffle_flv::audio::header::legacy::SoundFormat;
use scuffle_flv::video::header::enhanced::{
    ExVideoTagHeader, ExVideoTagHeaderContent, VideoFourCc, VideoPacketModEx, VideoPacketType,
};
use scuffle_flv::video::header::legacy::LegacyVideoTagHeader;
use scuffle_flv::video::header::{VideoFrameType, VideoTagHeader, VideoTagHeaderData};

/// Tracks of which a tag may hold something; more are left out.
const MOST_PARTS: usize = 16;
/// The codec id of H.265 before Enhanced RTMP had one, which hardware encoders send.
const OLD_H265: u8 = 12;

/// The codec of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Codec {
    Video(VideoCodec),
    Audio(AudioCodec),
    /// One that is not taken, as people call it.
    Other(String),
}

/// What a tag holds of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// The track's number among those of its kind.
    pub(crate) number: u8,
    pub(crate) codec: Codec,
    /// Nanoseconds after the time of the tag.
    pub(crate) nanos: u32,
    pub(crate) body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    /// What a decoder is set up with.
    Config(Bytes),
    /// An access unit.
    Frame {
        /// Milliseconds from decoding to presentation.
        composition: i32,
        /// Whether the tag calls it a key frame.
        key: bool,
        data: Bytes,
    },
}

/// The parts of a tag of video; `None` where it is damaged. What says nothing of pictures gives no part.
pub(crate) fn video(payload: &Bytes) -> Option<Vec<Part>> {
    let mut reader = Cursor::new(payload.clone());
    // A modifier takes at least 4 bytes of the tag: their number is bounded by its length.
    let header = VideoTagHeader::demux(&mut reader).ok()?;
    let key = header.frame_type == VideoFrameType::KeyFrame;
    match &header.data {
        VideoTagHeaderData::Legacy(legacy) => {
            let codec = match legacy {
                LegacyVideoTagHeader::AvcPacket(_) => VideoCodec::H264,
                LegacyVideoTagHeader::Other { video_codec_id } if video_codec_id.0 == OLD_H265 => {
                    VideoCodec::H265
                }
                LegacyVideoTagHeader::Other { video_codec_id } => {
                    let name = format!("codec {} of FLV", video_codec_id.0);
                    return Some(vec![unsupported(name, payload.slice(1..))]);
                }
                LegacyVideoTagHeader::VideoCommand(_) => return Some(Vec::new()),
            };
            old_video(codec, key, payload.slice(1..))
        }
        VideoTagHeaderData::Enhanced(enhanced) => {
            let body = payload.slice(reader.position() as usize..);
            Some(enhanced_video(enhanced, key, body))
        }
    }
}

/// The parts of a tag of sound; `None` where it is damaged.
pub(crate) fn audio(payload: &Bytes) -> Option<Vec<Part>> {
    let mut reader = Cursor::new(payload.clone());
    match AudioTagHeader::demux(&mut reader).ok()? {
        AudioTagHeader::Legacy(header) if header.sound_format == SoundFormat::Aac => {
            let (kind, body) = (*payload.get(1)?, payload.slice(2..));
            let body = match kind {
                0 => Body::Config(body),
                1 => Body::Frame { composition: 0, key: true, data: body },
                _ => return Some(Vec::new()),
            };
            Some(vec![Part { number: 0, codec: Codec::Audio(AudioCodec::Aac), nanos: 0, body }])
        }
        AudioTagHeader::Legacy(header) => {
            let name = match header.sound_format {
                SoundFormat::Mp3 | SoundFormat::Mp38Khz => "MP3".to_owned(),
                SoundFormat::Speex => "Speex".to_owned(),
                other => format!("sound format {} of FLV", other.0),
            };
            Some(vec![unsupported(name, payload.slice(1..))])
        }
        AudioTagHeader::Enhanced(header) => {
            let body = payload.slice(reader.position() as usize..);
            Some(enhanced_audio(&header, body))
        }
    }
}

fn unsupported(name: String, data: Bytes) -> Part {
    let body = Body::Frame { composition: 0, key: false, data };
    Part { number: 0, codec: Codec::Other(name), nanos: 0, body }
}

/// `AVCVIDEOPACKET` (E.4.3.2).
fn old_video(codec: VideoCodec, key: bool, mut packet: Bytes) -> Option<Vec<Part>> {
    let kind = packet.try_get_u8().ok()?;
    let composition = composition(&mut packet)?;
    let body = match kind {
        0 => Body::Config(packet),
        1 => Body::Frame { composition, key, data: packet },
        _ => return Some(Vec::new()),
    };
    Some(vec![Part { number: 0, codec: Codec::Video(codec), nanos: 0, body }])
}

/// Milliseconds as a signed number of 24 bits.
fn composition(bytes: &mut Bytes) -> Option<i32> {
    let value = bytes.try_get_uint(3).ok()? as i32;
    Some(value << 8 >> 8)
}

fn enhanced_video(header: &ExVideoTagHeader, key: bool, body: Bytes) -> Vec<Part> {
    let form = match &header.content {
        ExVideoTagHeaderContent::NoMultiTrack(code) => Form::Single(code.0),
        ExVideoTagHeaderContent::OneTrack(code) => Form::One(code.0),
        ExVideoTagHeaderContent::ManyTracks(code) => Form::Many(code.0),
        ExVideoTagHeaderContent::ManyTracksManyCodecs => Form::ManyOfAll,
        ExVideoTagHeaderContent::VideoCommand(_) | ExVideoTagHeaderContent::Unknown { .. } => {
            return Vec::new();
        }
    };
    let nanos = header.video_packet_mod_exs.iter().find_map(|modifier| match modifier {
        VideoPacketModEx::TimestampOffsetNano { video_timestamp_nano_offset } => {
            Some(*video_timestamp_nano_offset)
        }
        VideoPacketModEx::Other { .. } => None,
    });
    let part = |(number, code, mut bytes): (u8, [u8; 4], Bytes)| {
        let codec = video_codec(code);
        let body = match header.video_packet_type {
            VideoPacketType::SequenceStart => Body::Config(bytes),
            VideoPacketType::CodedFrames => {
                let has_composition =
                    matches!(codec, Codec::Video(VideoCodec::H264) | Codec::Video(VideoCodec::H265));
                let composition = if has_composition { composition(&mut bytes)? } else { 0 };
                Body::Frame { composition, key, data: bytes }
            }
            VideoPacketType::CodedFramesX => Body::Frame { composition: 0, key, data: bytes },
            _ => return None,
        };
        Some(Part { number, codec, nanos: nanos.unwrap_or_default(), body })
    };
    split(form, body).into_iter().filter_map(part).collect()
}

fn enhanced_audio(header: &ExAudioTagHeader, body: Bytes) -> Vec<Part> {
    let form = match &header.content {
        ExAudioTagHeaderContent::NoMultiTrack(code) => Form::Single(code.0),
        ExAudioTagHeaderContent::OneTrack(code) => Form::One(code.0),
        ExAudioTagHeaderContent::ManyTracks(code) => Form::Many(code.0),
        ExAudioTagHeaderContent::ManyTracksManyCodecs => Form::ManyOfAll,
        ExAudioTagHeaderContent::Unknown { .. } => return Vec::new(),
    };
    let nanos = header.audio_packet_mod_exs.iter().find_map(|modifier| match modifier {
        AudioPacketModEx::TimestampOffsetNano { audio_timestamp_nano_offset } => {
            Some(*audio_timestamp_nano_offset)
        }
        AudioPacketModEx::Other { .. } => None,
    });
    let part = |(number, code, bytes): (u8, [u8; 4], Bytes)| {
        let body = match header.audio_packet_type {
            AudioPacketType::SequenceStart => Body::Config(bytes),
            AudioPacketType::CodedFrames => Body::Frame { composition: 0, key: true, data: bytes },
            _ => return None,
        };
        Some(Part { number, codec: audio_codec(code), nanos: nanos.unwrap_or_default(), body })
    };
    split(form, body).into_iter().filter_map(part).collect()
}

fn video_codec(code: [u8; 4]) -> Codec {
    match VideoFourCc(code) {
        VideoFourCc::Avc => Codec::Video(VideoCodec::H264),
        VideoFourCc::Hevc => Codec::Video(VideoCodec::H265),
        VideoFourCc::Av1 => Codec::Video(VideoCodec::Av1),
        VideoFourCc::Vp8 => Codec::Video(VideoCodec::Vp8),
        VideoFourCc::Vp9 => Codec::Video(VideoCodec::Vp9),
        _ => Codec::Other(readable(code)),
    }
}

fn audio_codec(code: [u8; 4]) -> Codec {
    match AudioFourCc(code) {
        AudioFourCc::Aac => Codec::Audio(AudioCodec::Aac),
        AudioFourCc::Opus => Codec::Audio(AudioCodec::Opus),
        _ => Codec::Other(readable(code)),
    }
}

/// The code of a codec in a log.
fn readable(code: [u8; 4]) -> String {
    String::from_utf8_lossy(&code).escape_debug().to_string()
}

/// How a tag is divided into tracks. The codes are of codecs.
enum Form {
    Single([u8; 4]),
    One([u8; 4]),
    Many([u8; 4]),
    ManyOfAll,
}

/// The tracks in the body of a tag: number, codec and bytes of each. What is damaged ends them.
fn split(form: Form, mut body: Bytes) -> Vec<(u8, [u8; 4], Bytes)> {
    let one = match form {
        Form::Single(code) => return vec![(0, code, body)],
        Form::One(code) => body.try_get_u8().ok().map(|number| (number, code, body.clone())),
        Form::Many(_) | Form::ManyOfAll => None,
    };
    if let Some(one) = one {
        return vec![one];
    }
    std::iter::from_fn(|| next_track(&form, &mut body)).take(MOST_PARTS).collect()
}

fn next_track(form: &Form, body: &mut Bytes) -> Option<(u8, [u8; 4], Bytes)> {
    let code = match form {
        Form::Many(code) => *code,
        Form::ManyOfAll => body.try_get_u32().ok()?.to_be_bytes(),
        Form::Single(_) | Form::One(_) => return None,
    };
    let number = body.try_get_u8().ok()?;
    let length = body.try_get_uint(3).ok()? as usize;
    (length <= body.len()).then(|| (number, code, body.split_to(length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(read: fn(&Bytes) -> Option<Vec<Part>>, bytes: &[u8]) -> Vec<Part> {
        read(&Bytes::copy_from_slice(bytes)).unwrap()
    }

    fn frame(composition: i32, key: bool, data: &'static [u8]) -> Body {
        Body::Frame { composition, key, data: Bytes::from_static(data) }
    }

    #[test]
    fn composition_times_may_be_negative() {
        for tag in [&[0x27, 1, 0xff, 0xff, 0xd8, 1, 2][..], &[0x2c, 1, 0xff, 0xff, 0xd8, 1, 2]] {
            assert_eq!(parts(video, tag)[0].body, frame(-40, false, &[1, 2]));
        }
        let tag = [&[0x91][..], b"hvc1", &[0xff, 0xff, 0xd8, 1, 2]].concat();
        assert_eq!(parts(video, &tag)[0].body, frame(-40, true, &[1, 2]));
    }

    #[test]
    fn codecs_of_the_enhanced_form_are_known_by_their_codes() {
        let tag = |code: &[u8]| [&[0x93][..], code, &[9]].concat();
        for (code, codec) in [
            (b"avc1", VideoCodec::H264),
            (b"hvc1", VideoCodec::H265),
            (b"av01", VideoCodec::Av1),
            (b"vp08", VideoCodec::Vp8),
            (b"vp09", VideoCodec::Vp9),
        ] {
            let part = &parts(video, &tag(code))[0];
            assert_eq!((&part.codec, &part.body), (&Codec::Video(codec), &frame(0, true, &[9])));
        }
        assert_eq!(parts(video, &tag(b"vvc1"))[0].codec, Codec::Other("vvc1".into()));
        let opus = parts(audio, &[&[0x91][..], b"Opus", &[9]].concat());
        assert_eq!(opus[0].codec, Codec::Audio(AudioCodec::Opus));
        assert_eq!(parts(audio, &[0x2f, 1])[0].codec, Codec::Other("MP3".into()));
    }

    #[test]
    fn several_tracks_in_a_tag_are_told_apart() {
        let one = [&[0x96, 0x01][..], b"avc1", &[3, 0, 0, 40, 5]].concat();
        let found = parts(video, &one);
        assert_eq!((found.len(), found[0].number, &found[0].body), (1, 3, &frame(40, true, &[5])));
        let many = [&[0x96, 0x13][..], b"av01", &[0, 0, 0, 1, 5, 1, 0, 0, 2, 6, 7, 2, 0, 0, 9]].concat();
        let found = parts(video, &many);
        assert_eq!(found.iter().map(|part| part.number).collect::<Vec<_>>(), [0, 1], "the last is cut off");
        let codecs =
            [&[0x95, 0x20][..], b"mp4a", &[0, 0, 0, 2, 0x12, 0x10], b"Opus", &[1, 0, 0, 1, 6]].concat();
        let found = parts(audio, &codecs);
        assert_eq!(found[0].body, Body::Config(Bytes::from_static(&[0x12, 0x10])));
        assert_eq!((found[1].number, &found[1].codec), (1, &Codec::Audio(AudioCodec::Opus)));
    }

    #[test]
    fn nanoseconds_are_read_and_other_modifiers_passed_over() {
        let tag = [&[0x97, 0, 9, 0x17, 2, 0, 1, 0, 0x03][..], b"av01", &[5]].concat();
        let part = &parts(video, &tag)[0];
        assert_eq!((part.nanos, &part.body), (256, &frame(0, true, &[5])));
    }

    #[test]
    fn any_bytes_are_parts_or_nothing() {
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..50_000 {
            let mut bytes: Vec<u8> = (0..random.usize(..40)).map(|_| random.u8(..)).collect();
            if let Some(first) = bytes.first_mut() {
                *first = [0x97, 0x96, 0x95, 0x17, 0xaf, *first][random.usize(..6)];
            }
            let bytes = Bytes::from(bytes);
            assert!(video(&bytes).unwrap_or_default().len() <= MOST_PARTS);
            assert!(audio(&bytes).unwrap_or_default().len() <= MOST_PARTS);
        }
    }
}
