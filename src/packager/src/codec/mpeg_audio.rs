//! MPEG audio (ISO/IEC 11172-3, ISO/IEC 13818-3), layers I to III, each frame with its header. Transport streams hold it;
//! players of MP4 in pages do not take it.

use mp4_atom::esds::{DecoderConfig, EsDescriptor};
use mp4_atom::{Esds, Mp4a};

use super::{Configuration, audio};

/// What the caps of such a track begin with.
const CAPS: &str = "audio/mpeg, mpegversion=(int)1,";
/// The object type of MPEG-1 audio in an `esds` box.
const MPEG_1_AUDIO: u8 = 0x6b;
const AUDIO_STREAM: u8 = 5;

/// What the caps say; `None` where they are of something else.
pub(super) fn configuration(caps: &str) -> Option<Configuration> {
    if !caps.starts_with(CAPS) {
        return None;
    }
    let number = |name: &str| {
        let (_, value) = caps.split_once(&format!("{name}=(int)"))?;
        value.split(',').next()?.trim().parse::<u32>().ok()
    };
    let layer = number("layer").filter(|layer| (1..=3).contains(layer))?;
    let rate = number("rate").filter(|rate| (8000..=48_000).contains(rate))?;
    let channels = number("channels").filter(|channels| (1..=2).contains(channels))?;
    let dec_config = DecoderConfig {
        object_type_indication: MPEG_1_AUDIO,
        stream_type: AUDIO_STREAM,
        ..DecoderConfig::default()
    };
    let es_desc = EsDescriptor { es_id: 1, dec_config, ..EsDescriptor::default() };
    let entry = Mp4a { audio: audio(channels as u8, rate), esds: Esds { es_desc }, btrt: None, taic: None };
    // The object types of MPEG-4 that the layers have (ISO/IEC 14496-3, table 1.17).
    Some(Configuration { entry: entry.into(), name: format!("mp4a.40.{}", 31 + layer), aac: Vec::new() })
}

/// The caps of a track with this configuration.
pub(crate) fn caps(configuration: &Configuration) -> String {
    let object_type: Option<u32> = configuration.name.rsplit('.').next().and_then(|kind| kind.parse().ok());
    format!("{CAPS} layer=(int){}", object_type.unwrap_or(33).saturating_sub(31))
}

/// How many samples a frame has.
pub(super) fn frame_length(frame: &[u8]) -> u32 {
    let head = frame.get(1).copied().unwrap_or_default();
    let is_mpeg_1 = head & 0x08 != 0;
    match head >> 1 & 3 {
        3 => 384,
        1 if !is_mpeg_1 => 576,
        _ => 1152,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_say_which_layer_and_frames_how_long_they_are() {
        let layer_2 =
            configuration("audio/mpeg, mpegversion=(int)1, layer=(int)2, rate=(int)48000, channels=(int)2");
        let layer_2 = layer_2.unwrap();
        assert_eq!(layer_2.name, "mp4a.40.33");
        assert_eq!(caps(&layer_2), "audio/mpeg, mpegversion=(int)1, layer=(int)2");
        assert_eq!(super::super::timescale(&layer_2), 48_000);
        for other in
            ["meta/x-klv", "audio/mpeg, mpegversion=(int)1, layer=(int)4, rate=(int)48000, channels=(int)2"]
        {
            assert!(configuration(other).is_none(), "{other}");
        }
        assert_eq!(frame_length(&[0xff, 0xfd]), 1152);
        assert_eq!(frame_length(&[0xff, 0xf3]), 576);
        assert_eq!(frame_length(&[]), 1152);
    }
}
