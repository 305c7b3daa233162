//! AAC with ADTS headers (ISO/IEC 13818-7, 6.2), which a track does not have: its frames are raw, and the
//! AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1) says what the headers said.

use fql_unit::{AudioCodec, EncodedAudioInfo, Media};

use super::frames::{Found, Header};

const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
const HEADER: usize = 7;
const CHECKSUM: usize = 2;
const SAMPLES_A_BLOCK: u32 = 1024;
/// The index that says that the rate itself follows.
const OTHER_RATE: u8 = 15;
/// Spectral band replication, alone and with parametric stereo: what the frames are without it follows later.
const EXTENDED: [u8; 2] = [5, 29];

/// What ADTS headers and the beginning of an AudioSpecificConfig say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Configuration {
    /// Main, LC, SSR, LTP: 1 to 4.
    object: u8,
    rate: u8,
    /// The channel configuration: 1 to 7.
    channels: u8,
}

impl Configuration {
    /// What an AudioSpecificConfig says; `None` where ADTS has no header for it.
    pub(crate) fn of(config: &[u8]) -> Option<Self> {
        let bits = config.iter().take(8).fold(0u64, |bits, &byte| bits << 8 | u64::from(byte));
        let mut bits = bits << (8 * (8 - config.len().min(8)));
        let mut take = |count: u32| {
            let value = (bits >> (64 - count)) as u32;
            bits <<= count;
            value
        };
        let object = take(5) as u8;
        let index = take(4) as u8;
        let rate = if index == OTHER_RATE { index_of(take(24))? } else { index };
        let channels = take(4) as u8;
        let object = if EXTENDED.contains(&object) {
            if take(4) as u8 == OTHER_RATE {
                take(24);
            }
            take(5) as u8
        } else {
            object
        };
        let is_possible =
            (1..=4).contains(&object) && usize::from(rate) < RATES.len() && (1..=7).contains(&channels);
        is_possible.then_some(Self { object, rate, channels })
    }

    fn config(self) -> Vec<u8> {
        let bits = u16::from(self.object) << 11 | u16::from(self.rate) << 7 | u16::from(self.channels) << 3;
        bits.to_be_bytes().to_vec()
    }

    fn media(self) -> Media {
        let rate = RATES[usize::from(self.rate)];
        // 7 is the configuration of eight channels.
        let channels = if self.channels == 7 { 8 } else { self.channels };
        let caps = format!(
            "audio/mpeg, mpegversion=(int)4, framed=(boolean)true, stream-format=(string)raw, rate=(int){rate}, \
             channels=(int){channels}"
        );
        let config = self.config();
        Media::EncodedAudio(EncodedAudioInfo { codec: AudioCodec::Aac, rate, channels, config, caps })
    }
}

fn index_of(rate: u32) -> Option<u8> {
    RATES.iter().position(|&known| known == rate).map(|index| index as u8)
}

/// Reads the header of a frame.
pub(super) fn read(bytes: &[u8]) -> Found {
    if bytes[0] != 0xff || bytes.get(1).is_some_and(|byte| byte & 0xf6 != 0xf0) {
        return Found::Nothing;
    }
    let Some(&[_, flags, profile, channels, high, low, blocks]) = bytes.first_chunk::<HEADER>() else {
        return Found::TooShort;
    };
    let length = usize::from(channels & 3) << 11 | usize::from(high) << 3 | usize::from(low >> 5);
    let skipped = if flags & 1 == 1 { HEADER } else { HEADER + CHECKSUM };
    let configuration = Configuration {
        object: (profile >> 6) + 1,
        rate: profile >> 2 & 15,
        channels: (profile & 1) << 2 | channels >> 6,
    };
    // Channels that only the frame itself describes are not carried on.
    if length <= skipped || usize::from(configuration.rate) >= RATES.len() || configuration.channels == 0 {
        return Found::Nothing;
    }
    Found::Frame(Box::new(Header {
        length,
        skipped,
        samples: SAMPLES_A_BLOCK * (u32::from(blocks & 3) + 1),
        rate: RATES[usize::from(configuration.rate)],
        media: configuration.media(),
    }))
}

/// The header of a raw frame of so many bytes; `None` where it is too long for one.
pub(crate) fn with_header(configuration: Configuration, frame: usize) -> Option<[u8; HEADER]> {
    let length = frame + HEADER;
    if length >= 1 << 13 {
        return None;
    }
    let Configuration { object, rate, channels } = configuration;
    Some([
        0xff,
        0xf1,
        (object - 1) << 6 | rate << 2 | channels >> 2,
        (channels & 3) << 6 | (length >> 11) as u8,
        (length >> 3) as u8,
        (length as u8 & 7) << 5 | 0x1f,
        0xfc,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_with_band_replication_is_that_of_its_core() {
        // HE-AAC: object 5, 24 kHz, stereo, extension 48 kHz, object 2.
        let he = 5u64 << 59 | 6 << 55 | 2 << 51 | 3 << 47 | 2 << 42;
        let lc = Configuration { object: 2, rate: 6, channels: 2 };
        assert_eq!(Configuration::of(&he.to_be_bytes()), Some(lc));
        assert_eq!(Configuration::of(&lc.config()), Some(lc));
    }

    #[test]
    fn a_header_says_what_the_configuration_says() {
        let configuration = Configuration { object: 2, rate: 3, channels: 2 };
        let mut frame = with_header(configuration, 300).unwrap().to_vec();
        frame.resize(307, 7);
        let Found::Frame(header) = read(&frame) else { panic!("no header in {:x?}", &frame[..7]) };
        assert_eq!((header.length, header.skipped, header.samples, header.rate), (307, 7, 1024, 48_000));
        assert_eq!(header.media, configuration.media());
        assert_eq!(with_header(configuration, 9000), None);
    }
}
