use std::sync::LazyLock;

use fql_codec::audio::{Decoder, DecoderConfig, unit_samples};
use fql_unit::AudioFormat;

use crate::input::Input;
use crate::units;

const RATES: [u32; 5] = [8_000, 11_025, 44_100, 48_000, 192_000];
const FORMATS: [AudioFormat; 2] = [AudioFormat::S16, AudioFormat::S24];
const CHANNELS: usize = 8;
const MAX_UNITS: usize = 8;

/// Decoders that have heard nothing, one for each rate, format and number of channels: their tables take time to make.
static DECODERS: LazyLock<Vec<Decoder>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for rate in RATES {
        for format in FORMATS {
            for channels in 1..=CHANNELS as u8 {
                let config = DecoderConfig { rate, channels, format };
                all.push(Decoder::new(config).expect("rate and channels are in range"));
            }
        }
    }
    all
});

/// Whatever units a sound decoder gets, in whatever order, it gives an error or as many samples as it says, and none
/// is outside of its range.
pub fn audio_decode(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (rate, format, channels) = (input.u8(), input.u8(), usize::from(input.u8()) % CHANNELS);
    let (rate, format) = (usize::from(rate) % RATES.len(), usize::from(format) % FORMATS.len());
    let mut decoder = DECODERS[(rate * FORMATS.len() + format) * CHANNELS + channels].clone();
    let channels = channels + 1;
    let range = match FORMATS[format] {
        AudioFormat::S16 => -(1 << 15)..1 << 15,
        AudioFormat::S24 => -(1 << 23)..1 << 23,
    };
    for _ in 0..MAX_UNITS {
        if input.is_empty() {
            break;
        }
        let mut out = Vec::new();
        let (kind, max_layer) = (input.u8() % 4, input.u8());
        match kind {
            0 | 1 => {
                let Some(unit) = units::next(&mut input, kind == 0) else { continue };
                match decoder.decode(&unit, max_layer, &mut out) {
                    Ok(sound) => {
                        assert_eq!(unit_samples(&unit, channels as u8), Ok(sound.samples));
                        assert!(sound.samples <= decoder.frame_len());
                        assert_eq!(out.len(), sound.samples * channels);
                    }
                    Err(_) => assert!(out.is_empty()),
                }
            }
            2 => {
                let samples = usize::from(input.u16());
                decoder.conceal(samples, &mut out);
                assert_eq!(out.len(), samples * channels);
            }
            _ => decoder.reset(),
        }
        assert!(out.iter().all(|sample| range.contains(sample)));
    }
}
