//! What the caps of encoded media say, as the track table has it.

use fql_unit::{AudioCodec, EncodedAudioInfo, EncodedVideoInfo, Media, VideoCodec};

/// H.264 with avcC.
pub fn h264(caps: &gst::Caps) -> Option<Media> {
    let structure = caps.structure(0)?;
    let (width, height) = (positive(structure, "width")?, positive(structure, "height")?);
    let rate = structure.get::<gst::Fraction>("framerate").unwrap_or(gst::Fraction::new(0, 1));
    let frame_rate = (u32::try_from(rate.numer()).ok()?, u32::try_from(rate.denom()).ok()?);
    let caps = format!(
        "video/x-h264, stream-format=(string)avc, alignment=(string)au, width=(int){width}, height=(int){height}, \
         framerate=(fraction){}/{}",
        frame_rate.0, frame_rate.1
    );
    let config = bytes(structure.get::<gst::Buffer>("codec_data").ok()?)?;
    let info = EncodedVideoInfo { codec: VideoCodec::H264, width, height, frame_rate, config, caps };
    Some(Media::EncodedVideo(info))
}

/// Raw AAC with an AudioSpecificConfig.
pub fn aac(caps: &gst::Caps) -> Option<Media> {
    let structure = caps.structure(0)?;
    let (rate, channels) = shape(structure)?;
    let caps = format!(
        "audio/mpeg, mpegversion=(int)4, stream-format=(string)raw, rate=(int){rate}, channels=(int){channels}"
    );
    let config = bytes(structure.get::<gst::Buffer>("codec_data").ok()?)?;
    Some(Media::EncodedAudio(EncodedAudioInfo { codec: AudioCodec::Aac, rate, channels, config, caps }))
}

/// Opus with its identification header.
pub fn opus(caps: &gst::Caps) -> Option<Media> {
    let structure = caps.structure(0)?;
    let (rate, channels) = shape(structure)?;
    let headers = structure.get::<gst::ArrayRef>("streamheader").ok()?;
    let config = bytes(headers.first()?.get::<gst::Buffer>().ok()?)?;
    let caps =
        format!("audio/x-opus, channel-mapping-family=(int)0, rate=(int){rate}, channels=(int){channels}");
    Some(Media::EncodedAudio(EncodedAudioInfo { codec: AudioCodec::Opus, rate, channels, config, caps }))
}

fn shape(structure: &gst::StructureRef) -> Option<(u32, u8)> {
    let channels = positive(structure, "channels")?;
    Some((positive(structure, "rate")?, u8::try_from(channels).ok()?))
}

fn positive(structure: &gst::StructureRef, field: &str) -> Option<u32> {
    u32::try_from(structure.get::<i32>(field).ok()?).ok().filter(|value| *value > 0)
}

fn bytes(buffer: gst::Buffer) -> Option<Vec<u8>> {
    Some(buffer.map_readable().ok()?.to_vec())
}
