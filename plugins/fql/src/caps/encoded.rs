//! Caps of media that another encoder made, to and from what the track table says of it.

use std::str::FromStr;

use fql_unit::encoded::{ENCODED_AUDIO_LAYERS, ENCODED_VIDEO_LAYERS, Framing};
use fql_unit::{AudioCodec, EncodedAudioInfo, EncodedVideoInfo, MAX_DIMENSION, Media, VideoCodec};

use super::{CapsError, fraction_to_unit, ranged};

/// The second header of Opus, which a list of headers has to have: no vendor, no comments.
const OPUS_TAGS: &[u8] = b"OpusTags\0\0\0\0\0\0\0\0";

/// How a codec's caps are told and checked.
struct Format<T: 'static> {
    codec: T,
    media_type: &'static str,
    /// The field that says that every buffer is one access unit, and its value.
    alignment: Option<(&'static str, &'static str)>,
    stream_formats: &'static [&'static str],
    /// The element that makes caps like these.
    parser: &'static str,
}

const VIDEO: [Format<VideoCodec>; 5] = [
    Format {
        codec: VideoCodec::H264,
        media_type: "video/x-h264",
        alignment: Some(("alignment", "au")),
        stream_formats: &["byte-stream", "avc", "avc3"],
        parser: "h264parse",
    },
    Format {
        codec: VideoCodec::H265,
        media_type: "video/x-h265",
        alignment: Some(("alignment", "au")),
        stream_formats: &["byte-stream", "hvc1", "hev1"],
        parser: "h265parse",
    },
    Format {
        codec: VideoCodec::Av1,
        media_type: "video/x-av1",
        alignment: Some(("alignment", "tu")),
        stream_formats: &["obu-stream"],
        parser: "av1parse",
    },
    Format {
        codec: VideoCodec::Vp8,
        media_type: "video/x-vp8",
        alignment: None,
        stream_formats: &[],
        parser: "vp8enc",
    },
    Format {
        codec: VideoCodec::Vp9,
        media_type: "video/x-vp9",
        alignment: Some(("alignment", "super-frame")),
        stream_formats: &[],
        parser: "vp9parse",
    },
];

const AUDIO: [Format<AudioCodec>; 2] = [
    Format {
        codec: AudioCodec::Aac,
        media_type: "audio/mpeg",
        alignment: None,
        stream_formats: &["raw", "adts"],
        parser: "aacparse",
    },
    Format {
        codec: AudioCodec::Opus,
        media_type: "audio/x-opus",
        alignment: None,
        stream_formats: &[],
        parser: "opusparse",
    },
];

/// Caps of all encoded video that these elements know.
pub fn encoded_video_template() -> gst::Caps {
    VIDEO.iter().map(|format| gst::Structure::new_empty(format.media_type)).collect()
}

/// Caps of all encoded sound that these elements know.
pub fn encoded_audio_template() -> gst::Caps {
    let aac = gst::Structure::builder("audio/mpeg").field("mpegversion", gst::List::new([2, 4])).build();
    [aac, gst::Structure::new_empty("audio/x-opus")].into_iter().collect()
}

/// What an encoded track with these caps is, and how many layers it has; `None` where they are of something else.
pub(super) fn to_encoded(structure: &gst::StructureRef) -> Option<Result<(Media, u8), CapsError>> {
    let name = structure.name().as_str();
    if let Some(format) = VIDEO.iter().find(|format| format.media_type == name) {
        return Some(
            to_video(structure, format).map(|info| (Media::EncodedVideo(info), ENCODED_VIDEO_LAYERS)),
        );
    }
    // Layers I to III of MPEG-1 are of the same type, and are not among the codecs.
    let is_aac = structure.get::<i32>("mpegversion").is_ok_and(|version| version == 2 || version == 4);
    let format = AUDIO.iter().find(|format| format.media_type == name)?;
    (format.codec != AudioCodec::Aac || is_aac)
        .then(|| to_audio(structure, format).map(|info| (Media::EncodedAudio(info), ENCODED_AUDIO_LAYERS)))
}

fn to_video(
    structure: &gst::StructureRef,
    format: &Format<VideoCodec>,
) -> Result<EncodedVideoInfo, CapsError> {
    let config = check(structure, format)?;
    let size = |name: &'static str| {
        if !structure.has_field(name) {
            return Err(unparsed(structure, format!("the field {name}"), format.parser));
        }
        ranged(structure, name, 1..=MAX_DIMENSION, "1 to 8192")
    };
    let frame_rate = structure.get::<gst::Fraction>("framerate").unwrap_or(gst::Fraction::new(0, 1));
    Ok(EncodedVideoInfo {
        codec: format.codec,
        width: size("width")?,
        height: size("height")?,
        frame_rate: fraction_to_unit(frame_rate),
        config,
        caps: text(structure),
    })
}

fn to_audio(
    structure: &gst::StructureRef,
    format: &Format<AudioCodec>,
) -> Result<EncodedAudioInfo, CapsError> {
    let mut config = check(structure, format)?;
    let number = |name: &'static str, default: Option<u32>, allowed, expected| match (
        structure.has_field(name),
        default,
    ) {
        (false, Some(default)) => Ok(default),
        (false, None) => Err(unparsed(structure, format!("the field {name}"), format.parser)),
        (true, _) => ranged(structure, name, allowed, expected),
    };
    let is_opus = format.codec == AudioCodec::Opus;
    if is_opus {
        config = opus_header(structure).unwrap_or_default();
    }
    Ok(EncodedAudioInfo {
        codec: format.codec,
        rate: number("rate", is_opus.then_some(48_000), 7_350..=192_000, "7350 to 192000")?,
        channels: number("channels", is_opus.then_some(2), 1..=8, "1 to 8")? as u8,
        config,
        caps: text(structure),
    })
}

/// Checks that every buffer is one access unit that can be decoded from these caps. Gives the `codec_data`.
fn check<T>(structure: &gst::StructureRef, format: &Format<T>) -> Result<Vec<u8>, CapsError> {
    if let Some((field, expected)) = format.alignment
        && structure.get::<&str>(field) != Ok(expected)
    {
        return Err(unparsed(structure, format!("{field}={expected}"), format.parser));
    }
    let config = structure.get::<gst::Buffer>("codec_data").ok();
    let config = config.and_then(|buffer| Some(buffer.map_readable().ok()?.to_vec())).unwrap_or_default();
    let Some(&first) = format.stream_formats.first() else { return Ok(config) };
    let stream_format = structure.get::<&str>("stream-format").unwrap_or_default();
    if !format.stream_formats.contains(&stream_format) {
        return Err(unparsed(structure, format!("stream-format={first}"), format.parser));
    }
    let describes_itself = ["byte-stream", "obu-stream", "adts"].contains(&stream_format);
    if !describes_itself && config.is_empty() {
        return Err(unparsed(structure, "the field codec_data".into(), format.parser));
    }
    Ok(config)
}

fn unparsed(structure: &gst::StructureRef, what: String, parser: &'static str) -> CapsError {
    CapsError::Unparsed { media: structure.name().to_string(), what, parser }
}

/// The identification header of Opus, the first of the `streamheader`.
fn opus_header(structure: &gst::StructureRef) -> Option<Vec<u8>> {
    let headers = structure.get::<gst::Array>("streamheader").ok()?;
    let first = headers.first()?.get::<gst::Buffer>().ok()?;
    Some(first.map_readable().ok()?.to_vec())
}

/// The caps as text, without what the track table holds as bytes.
fn text(structure: &gst::StructureRef) -> String {
    let mut structure = structure.to_owned();
    structure.remove_fields(["codec_data", "streamheader"]);
    [structure].into_iter().collect::<gst::Caps>().to_string()
}

/// The caps of encoded video.
pub(super) fn of_video(info: &EncodedVideoInfo) -> gst::Caps {
    let format = VIDEO.iter().find(|format| format.codec == info.codec).expect("all codecs are in the table");
    with_config(parse(&info.caps, format.media_type), &info.config)
}

/// The caps of encoded sound.
pub(super) fn of_audio(info: &EncodedAudioInfo) -> gst::Caps {
    let format = AUDIO.iter().find(|format| format.codec == info.codec).expect("all codecs are in the table");
    let mut caps = parse(&info.caps, format.media_type);
    if info.codec != AudioCodec::Opus {
        return with_config(caps, &info.config);
    }
    if !info.config.is_empty() {
        let headers = [&info.config, OPUS_TAGS].map(|bytes| gst::Buffer::from_slice(bytes.to_vec()));
        caps.make_mut().set("streamheader", gst::Array::new(headers));
    }
    caps
}

/// How the parts of access units of this track follow each other.
pub fn framing(info: &EncodedVideoInfo) -> Framing {
    let is_byte_stream = parse(&info.caps, "")
        .structure(0)
        .is_some_and(|structure| structure.get::<&str>("stream-format") == Ok("byte-stream"));
    if is_byte_stream { Framing::StartCodes } else { Framing::of_config(info.codec, &info.config) }
}

/// Caps from text that came over the network; those that cannot be of this type say no more than the type.
fn parse(text: &str, media_type: &str) -> gst::Caps {
    gst::Caps::from_str(text)
        .ok()
        .filter(|caps| {
            caps.is_fixed()
                && caps.structure(0).is_some_and(|s| s.name() == media_type || media_type.is_empty())
        })
        .unwrap_or_else(|| match media_type {
            "" => gst::Caps::new_empty(),
            _ => gst::Caps::new_empty_simple(media_type),
        })
}

fn with_config(mut caps: gst::Caps, config: &[u8]) -> gst::Caps {
    if !config.is_empty() {
        caps.make_mut().set("codec_data", gst::Buffer::from_slice(config.to_vec()));
    }
    caps
}

#[cfg(test)]
mod tests {
    use super::super::{of_media, to_media};
    use super::*;

    const AVC: &str = "video/x-h264, stream-format=(string)avc, alignment=(string)au, width=(int)320, \
        height=(int)240, framerate=(fraction)25/1, codec_data=(buffer)014d4015ffe1";

    fn error(caps: &str) -> String {
        to_media(&gst::Caps::from_str(caps).unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn encoded_tracks_survive_the_way_through_the_track_table() {
        gst::init().unwrap();
        for (caps, layers) in [
            (AVC, 3),
            ("video/x-h264, stream-format=byte-stream, alignment=au, width=64, height=48", 3),
            (
                "video/x-h265, stream-format=hvc1, alignment=au, width=64, height=48, codec_data=(buffer)0102",
                3,
            ),
            ("video/x-av1, stream-format=obu-stream, alignment=tu, width=64, height=48", 3),
            (
                "audio/mpeg, mpegversion=4, stream-format=raw, rate=48000, channels=2, codec_data=(buffer)1190",
                1,
            ),
            ("audio/mpeg, mpegversion=2, stream-format=adts, framed=true, rate=44100, channels=1", 1),
            ("video/x-vp8, profile=(string)0, width=320, height=240, framerate=(fraction)25/1", 3),
            (
                "video/x-vp9, alignment=(string)super-frame, width=320, height=240, framerate=(fraction)25/1",
                3,
            ),
            ("audio/x-opus, channel-mapping-family=0, channels=1, rate=48000", 1),
        ] {
            let caps = gst::Caps::from_str(caps).unwrap();
            let (media, found) = to_media(&caps).unwrap();
            assert_eq!(found, layers, "{caps}");
            assert!(media.is_encoded(), "{caps}");
            assert_eq!(of_media(&media, layers), caps);
            let template = if media.is_video() { encoded_video_template() } else { encoded_audio_template() };
            assert!(caps.is_subset(&template), "{caps}");
        }
    }

    #[test]
    fn the_numbers_that_people_want_to_know_are_told_apart() {
        gst::init().unwrap();
        let Ok((Media::EncodedVideo(info), _)) = to_media(&gst::Caps::from_str(AVC).unwrap()) else {
            panic!("{AVC} should be video");
        };
        assert_eq!(
            (info.codec, info.width, info.height, info.frame_rate),
            (VideoCodec::H264, 320, 240, (25, 1))
        );
        assert_eq!(info.config, [1, 0x4d, 0x40, 0x15, 0xff, 0xe1]);
        assert!(!info.caps.contains("codec_data"), "{}", info.caps);
        assert_eq!(framing(&info), Framing::Lengths(4));
    }

    #[test]
    fn the_header_of_opus_comes_back_with_an_empty_second_one() {
        gst::init().unwrap();
        let caps = "audio/x-opus, channel-mapping-family=(int)0, streamheader=(buffer)< 4f707573486561640101, 4f70 >";
        let (media, layers) = to_media(&gst::Caps::from_str(caps).unwrap()).unwrap();
        let Media::EncodedAudio(info) = &media else { panic!("{caps} should be sound") };
        assert_eq!(
            (info.rate, info.channels, info.config.as_slice()),
            (48_000, 2, b"OpusHead\x01\x01".as_slice())
        );
        let again = of_media(&media, layers);
        let headers = again.structure(0).unwrap().get::<gst::Array>("streamheader").unwrap();
        assert_eq!(headers.len(), 2);
        assert_eq!(to_media(&again).unwrap().0, media);
    }

    #[test]
    fn caps_that_are_not_parsed_name_the_parser() {
        gst::init().unwrap();
        assert_eq!(
            error("video/x-h264, stream-format=byte-stream, alignment=nal"),
            "video/x-h264 caps need alignment=au: put h264parse before fqlfecsink"
        );
        assert_eq!(
            error("video/x-h265, alignment=au"),
            "video/x-h265 caps need stream-format=byte-stream: put h265parse before fqlfecsink"
        );
        assert_eq!(
            error("video/x-h264, stream-format=avc, alignment=au, width=64, height=48"),
            "video/x-h264 caps need the field codec_data: put h264parse before fqlfecsink"
        );
        assert_eq!(
            error("video/x-av1, stream-format=obu-stream, alignment=tu"),
            "video/x-av1 caps need the field width: put av1parse before fqlfecsink"
        );
        assert_eq!(
            error("audio/mpeg, mpegversion=4, stream-format=loas, rate=48000, channels=2"),
            "audio/mpeg caps need stream-format=raw: put aacparse before fqlfecsink"
        );
    }

    #[test]
    fn sound_of_mpeg_1_is_a_data_track_as_before() {
        gst::init().unwrap();
        let caps = gst::Caps::from_str("audio/mpeg, mpegversion=1, layer=3, rate=48000, channels=2").unwrap();
        assert!(matches!(to_media(&caps), Ok((Media::Data(_), 1))));
    }

    #[test]
    fn text_from_the_network_that_is_of_another_type_is_not_used() {
        gst::init().unwrap();
        let (media, _) = to_media(&gst::Caps::from_str(AVC).unwrap()).unwrap();
        let Media::EncodedVideo(info) = media else { panic!("video") };
        for caps in ["video/x-raw", "", "no caps!", "video/x-h264, width=[1,2]"] {
            let info = EncodedVideoInfo { caps: caps.into(), config: vec![], ..info.clone() };
            assert_eq!(of_video(&info).to_string(), "video/x-h264", "{caps}");
        }
    }
}
