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
    let caps = text(structure);
    Some(Media::EncodedVideo(EncodedVideoInfo { codec, width, height, frame_rate, config, caps }))
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
