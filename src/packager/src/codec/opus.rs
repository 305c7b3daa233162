//! Opus (RFC 6716) in MP4 (Encapsulation of Opus in ISO Base Media File Format 0.8.1).

use mp4_atom::{Dops, Opus, OpusChannelMapping};

use super::{Configuration, audio};
use crate::Error;
use crate::error::unreadable;

/// What encoders usually put before the sound, in samples at 48 kHz, where nothing says it.
const USUAL_SKIP: u16 = 312;

/// The identification header of RFC 7845, section 5.1; where it is empty, that of mono or stereo.
pub(super) fn configuration(header: &[u8], rate: u32, channels: u8) -> Result<Configuration, Error> {
    let dops = if header.is_empty() {
        let channels = channels.clamp(1, 2);
        Dops {
            output_channel_count: channels,
            pre_skip: USUAL_SKIP,
            input_sample_rate: rate,
            output_gain: 0,
            channel_mapping: None,
        }
    } else {
        read(header).ok_or_else(|| unreadable("the identification header of Opus"))?
    };
    let entry = Opus { audio: audio(dops.output_channel_count, 48_000), dops, btrt: None };
    Ok(Configuration { entry: entry.into(), name: "opus".into(), aac: Vec::new() })
}

fn read(header: &[u8]) -> Option<Dops> {
    let body = header.strip_prefix(b"OpusHead")?;
    let (&[_version, channels, skip_low, skip_high, r0, r1, r2, r3, gain_low, gain_high, family], rest) =
        body.split_first_chunk::<11>()?;
    let channel_mapping = match family {
        0 => None,
        _ => Some(OpusChannelMapping {
            family,
            stream_count: *rest.first()?,
            coupled_count: *rest.get(1)?,
            channel_mapping: rest.get(2..2 + usize::from(channels))?.to_vec(),
        }),
    };
    Some(Dops {
        output_channel_count: channels,
        pre_skip: u16::from_le_bytes([skip_low, skip_high]),
        input_sample_rate: u32::from_le_bytes([r0, r1, r2, r3]),
        output_gain: i16::from_le_bytes([gain_low, gain_high]),
        channel_mapping,
    })
}

/// Samples at 48 kHz that a packet lasts, by its first two bytes (RFC 6716, 3.1 and 3.2).
pub(super) fn frame_length(packet: &[u8]) -> u32 {
    let Some(&head) = packet.first() else { return 960 };
    let frame = match head >> 3 {
        kind @ 0..12 => [480, 960, 1920, 2880][usize::from(kind & 3)],
        kind @ 12..16 => [480, 960][usize::from(kind & 1)],
        kind => [120, 240, 480, 960][usize::from(kind & 3)],
    };
    let count = match head & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => packet.get(1).map_or(1, |byte| u32::from(byte & 63)),
    };
    (frame * count).clamp(120, 5760)
}
