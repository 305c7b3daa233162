//! AAC in MP4 (ISO/IEC 14496-14) and in ADTS (ISO/IEC 13818-7, 6.2).

use bytes::Bytes;
use mp4_atom::esds::{DecoderConfig, DecoderSpecific, EsDescriptor};
use mp4_atom::{Esds, Mp4a};

use super::{Configuration, Converted, audio};
use crate::Error;
use crate::bits::Bits;
use crate::error::unreadable;

const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
/// The object type of MPEG-4 audio in an `esds` box.
const MPEG_4_AUDIO: u8 = 0x40;
const AUDIO_STREAM: u8 = 5;
/// The most frames that are taken from one unit: the most that a packet of MPEG-TS could hold of the shortest.
const MOST_FRAMES: usize = 64;

/// What an AudioSpecificConfig begins with (ISO/IEC 14496-3, 1.6.2.1).
struct Head {
    object_type: u8,
    rate: u32,
    channels: u8,
    is_short: bool,
}

fn read_object_type(bits: &mut Bits) -> Option<u8> {
    Some(match bits.take(5)? {
        31 => 32 + bits.take(6)? as u8,
        kind => kind as u8,
    })
}

fn read_rate(bits: &mut Bits) -> Option<u32> {
    match bits.take(4)? {
        15 => bits.take(24),
        index => RATES.get(index as usize).copied(),
    }
}

impl Head {
    /// `rate` is that of the samples that a frame is counted in, the core's with spectral band replication.
    fn read(config: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(config);
        let object_type = read_object_type(&mut bits)?;
        let rate = read_rate(&mut bits).filter(|rate| *rate > 0)?;
        let channels = match bits.take(4)? {
            7 => 8,
            channels => channels as u8,
        };
        let mut core = object_type;
        if matches!(object_type, 5 | 29) {
            // The rate after replication, and the core's object type.
            read_rate(&mut bits)?;
            core = read_object_type(&mut bits)?;
        }
        let is_short = matches!(core, 1..=4) && bits.flag()?;
        Some(Self { object_type, rate, channels, is_short })
    }
}

pub(super) fn configuration(config: &[u8], outer_rate: u32) -> Result<Configuration, Error> {
    let what = "the configuration of AAC (AudioSpecificConfig)";
    let head = Head::read(config).ok_or_else(|| unreadable(what))?;
    let dec_config = DecoderConfig {
        object_type_indication: MPEG_4_AUDIO,
        stream_type: AUDIO_STREAM,
        dec_specific: Some(DecoderSpecific { raw: config.to_vec(), ..DecoderSpecific::default() }),
        ..DecoderConfig::default()
    };
    let es_desc = EsDescriptor { es_id: 1, dec_config, ..EsDescriptor::default() };
    let audio = audio(head.channels.max(1), outer_rate);
    let entry = Mp4a { audio, esds: Esds { es_desc }, btrt: None, taic: None };
    let name = format!("mp4a.40.{}", head.object_type);
    Ok(Configuration { entry: entry.into(), name, aac: config.to_vec() })
}

pub(super) fn rate(config: &[u8]) -> Option<u32> {
    Head::read(config).map(|head| head.rate)
}

pub(super) fn frame_length(config: &[u8]) -> u32 {
    if Head::read(config).is_some_and(|head| head.is_short) { 960 } else { 1024 }
}

/// The frames after ADTS headers, and the configuration that the first header says.
pub(super) fn without_headers(data: &Bytes) -> Converted {
    let (mut samples, mut configuration) = (Vec::new(), None);
    let mut rest = data.clone();
    while samples.len() < MOST_FRAMES
        && let Some(header) = Header::read(&rest)
    {
        let frame = rest.split_to(header.length);
        samples.push(frame.slice(header.size..));
        if configuration.is_none() {
            configuration = self::configuration(&header.config(), header.rate).ok();
        }
    }
    Converted { samples, configuration }
}

/// The header of one frame.
struct Header {
    profile: u8,
    rate_index: u8,
    rate: u32,
    channels: u8,
    size: usize,
    length: usize,
}

impl Header {
    /// `None` where there is none, or the frame is not whole.
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(bytes);
        if bits.take(12)? != 0xfff {
            return None;
        }
        bits.skip(3)?;
        let size = if bits.flag()? { 7 } else { 9 };
        let (profile, rate_index) = (bits.take(2)? as u8, bits.take(4)? as u8);
        bits.skip(1)?;
        let channels = bits.take(3)? as u8;
        bits.skip(4)?;
        let length = bits.take(13)? as usize;
        let rate = *RATES.get(usize::from(rate_index))?;
        let is_whole = length > size && length <= bytes.len();
        is_whole.then_some(Self { profile, rate_index, rate, channels, size, length })
    }

    /// As an AudioSpecificConfig.
    fn config(&self) -> [u8; 2] {
        let object_type = self.profile + 1;
        [object_type << 3 | self.rate_index >> 1, self.rate_index << 7 | self.channels << 3]
    }
}

/// The ADTS header of a frame of so many bytes; `None` where ADTS cannot say the configuration or the length.
pub(crate) fn adts_header(config: &[u8], length: usize) -> Option<[u8; 7]> {
    let mut head = Head::read(config)?;
    if matches!(head.object_type, 5 | 29) {
        // Decoders find the replication in the frames themselves.
        head.object_type = 2;
    }
    let rate_index = RATES.iter().position(|rate| *rate == head.rate)? as u8;
    let channels = match head.channels {
        8 => 7,
        // Three bits say it: there is no word for later configurations.
        channels @ 0..8 => channels,
        _ => return None,
    };
    let length = u16::try_from(length + 7).ok().filter(|length| *length < 1 << 13)?;
    let [high, low] = length.to_be_bytes();
    let profile = head.object_type.checked_sub(1).filter(|profile| *profile < 4)?;
    let third = profile << 6 | rate_index << 2 | channels >> 2;
    let fourth = channels << 6 | high >> 3;
    Some([0xff, 0xf1, third, fourth, high << 5 | low >> 3, low << 5 | 0x1f, 0xfc])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Low complexity, 48 kHz, 6 channels.
    const CONFIG: [u8; 2] = [0x11, 0xb0];

    #[test]
    fn a_header_says_what_the_configuration_says() {
        let frame = [7; 100];
        let header = adts_header(&CONFIG, frame.len()).unwrap();
        let bytes: Bytes = [&header[..], &frame, &header, &frame].concat().into();
        let found = without_headers(&bytes);
        assert_eq!(found.samples, [&frame[..], &frame]);
        assert_eq!(found.configuration.unwrap().aac, CONFIG);
    }

    #[test]
    fn a_frame_that_is_cut_off_is_none() {
        let header = adts_header(&CONFIG, 100).unwrap();
        let bytes: Bytes = [&header[..], &[7; 99]].concat().into();
        assert!(without_headers(&bytes).samples.is_empty());
        assert!(adts_header(&CONFIG, 8192).is_none());
    }

    #[test]
    fn channels_that_a_header_has_no_word_for_are_not_called_others() {
        // 7.1 with the height channels, configuration 12.
        assert_eq!(adts_header(&[0x11, 0xe0], 100), None);
    }

    #[test]
    fn with_band_replication_the_rate_is_the_cores() {
        // HE-AAC, 24 kHz core, 48 kHz, stereo.
        let config = [0x2b, 0x11, 0x88, 0x00];
        assert_eq!(rate(&config), Some(24_000));
        assert_eq!(configuration(&config, 48_000).unwrap().name, "mp4a.40.5");
    }
}
