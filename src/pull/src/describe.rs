//! What the caps of encoded media say, as the track table has it.

use fql_unit::{AudioCodec, EncodedAudioInfo, EncodedVideoInfo, Media, VideoCodec};

/// What a track with these caps is; none where it is something else.
pub(crate) fn media(caps: &gst::Caps) -> Option<Media> {
    let structure = caps.structure(0)?;
    let video = |codec| video(structure, codec);
    match structure.name().as_str() {
        "video/x-h264" => video(VideoCodec::H264),
        "video/x-h265" => video(VideoCodec::H265),
        "video/x-av1" => video(VideoCodec::Av1),
        "video/x-vp8" => video(VideoCodec::Vp8),
        "video/x-vp9" => video(VideoCodec::Vp9),
        "audio/mpeg" => audio(structure, AudioCodec::Aac, bytes(structure, "codec_data")?),
        "audio/x-opus" => audio(structure, AudioCodec::Opus, opus_header(structure)?),
        _ => None,
    }
}

fn video(structure: &gst::StructureRef, codec: VideoCodec) -> Option<Media> {
    let (width, height) = (positive(structure, "width")?, positive(structure, "height")?);
    let rate = structure.get::<gst::Fraction>("framerate").unwrap_or(gst::Fraction::new(0, 1));
    let frame_rate = (u32::try_from(rate.numer()).ok()?, u32::try_from(rate.denom()).ok()?);
    let config = bytes(structure, "codec_data").unwrap_or_default();
    let config = if codec == VideoCodec::H265 { parameter_sets_of(config) } else { config };
    let caps = text(structure);
    Some(Media::EncodedVideo(EncodedVideoInfo { codec, width, height, frame_rate, config, caps }))
}

/// An `hvcC` (ISO/IEC 14496-15, 8.3.3.1) with its parameter sets and nothing else: encoders put texts in it that are longer
/// than a track table takes. One that is damaged stays as it is.
pub(crate) fn parameter_sets_of(config: Vec<u8>) -> Vec<u8> {
    only_sets(&config).unwrap_or(config)
}

fn only_sets(config: &[u8]) -> Option<Vec<u8>> {
    const SETS: std::ops::RangeInclusive<u8> = 32..=34;
    let (head, mut rest) = config.split_at_checked(23)?;
    let mut kept = head.to_vec();
    kept[22] = 0;
    for _ in 0..head[22] {
        let array = rest;
        let count = u16::from_be_bytes([*rest.get(1)?, *rest.get(2)?]);
        rest = &rest[3..];
        for _ in 0..count {
            let length = usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?]));
            rest = rest.get(2 + length..)?;
        }
        if SETS.contains(&(array[0] & 0x3f)) {
            kept.extend_from_slice(&array[..array.len() - rest.len()]);
            kept[22] += 1;
        }
    }
    Some(kept)
}

fn audio(structure: &gst::StructureRef, codec: AudioCodec, config: Vec<u8>) -> Option<Media> {
    let channels = u8::try_from(positive(structure, "channels")?).ok()?;
    let rate = positive(structure, "rate")?;
    Some(Media::EncodedAudio(EncodedAudioInfo { codec, rate, channels, config, caps: text(structure) }))
}

/// The caps as text, without what the track table holds as bytes.
fn text(structure: &gst::StructureRef) -> String {
    let mut structure = structure.to_owned();
    structure.remove_fields(["codec_data", "streamheader"]);
    [structure].into_iter().collect::<gst::Caps>().to_string()
}

/// The first of the headers.
fn opus_header(structure: &gst::StructureRef) -> Option<Vec<u8>> {
    let headers = structure.get::<gst::ArrayRef>("streamheader").ok()?;
    let first = headers.first()?.get::<gst::Buffer>().ok()?;
    Some(first.map_readable().ok()?.to_vec())
}

fn positive(structure: &gst::StructureRef, field: &str) -> Option<u32> {
    u32::try_from(structure.get::<i32>(field).ok()?).ok().filter(|value| *value > 0)
}

fn bytes(structure: &gst::StructureRef, field: &str) -> Option<Vec<u8>> {
    let buffer = structure.get::<gst::Buffer>(field).ok()?;
    Some(buffer.map_readable().ok()?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_of_h265_keeps_its_parameter_sets() {
        let head = [1; 22];
        let (sets, text) = ([0xa0, 0, 2, 0, 1, 7, 0, 2, 8, 9], [0x27, 0, 1, 0, 3, b'x', b'2', b'6']);
        let whole = [&head[..], &[2], &text, &sets].concat();
        assert_eq!(parameter_sets_of(whole.clone()), [&head[..], &[1], &sets].concat());
        assert_eq!(parameter_sets_of(whole[..30].to_vec()), whole[..30], "what is cut stays");
    }

    proptest::proptest! {
        #[test]
        fn no_configuration_makes_it_panic(config in proptest::collection::vec(0_u8..40, 0..120)) {
            let _ = parameter_sets_of(config);
        }
    }
}
