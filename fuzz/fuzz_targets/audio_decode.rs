//! Whatever units a sound decoder gets, in whatever order, it gives an error or as many samples as it says.
#![no_main]

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use fql_codec::audio::{Decoder, DecoderConfig, unit_samples};
use fql_fuzz::AnyUnit;
use libfuzzer_sys::fuzz_target;

const RATES: [u32; 4] = [8_000, 11_025, 48_000, 192_000];

#[derive(Debug, Arbitrary)]
struct Input {
    rate: u8,
    channels: u8,
    steps: Vec<Step>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    AnyParams(Vec<u8>, AnyUnit, u8),
    Plausible(Params, AnyUnit, u8),
    Conceal(u16),
    Reset,
}

/// Parameters that mostly pass the decoder's checks.
#[derive(Debug, Arbitrary)]
struct Params {
    flags: u8,
    sequence: u8,
    coded: u8,
    samples: u16,
    step: u16,
    angles: [u8; 4],
}

impl Params {
    fn to_bytes(&self, frame: usize, channels: u8) -> Vec<u8> {
        let mut bytes = vec![self.flags % 16, self.sequence % 4, self.coded % 16];
        bytes.extend((self.samples % (frame as u16 + 1)).to_be_bytes());
        bytes.extend((self.step % 321).to_be_bytes());
        bytes.extend(self.angles.iter().map(|angle| angle % 64).take(usize::from(channels / 2)));
        bytes
    }
}

/// Decoders that have heard nothing, one for each of the rates and 1 to 8 channels: their tables take time to make.
static DECODERS: LazyLock<Vec<Decoder>> = LazyLock::new(|| {
    let configs =
        RATES.iter().flat_map(|&rate| (1..=8).map(move |channels| DecoderConfig { rate, channels }));
    configs.map(|config| Decoder::new(config).expect("rate and channels are in range")).collect()
});

fuzz_target!(|input: Input| {
    let channels = 1 + input.channels % 8;
    let rate = usize::from(input.rate) % RATES.len();
    let mut decoder = DECODERS[rate * 8 + usize::from(channels) - 1].clone();
    for step in input.steps.iter().take(8) {
        let mut out = Vec::new();
        let (unit, max_layer) = match step {
            Step::AnyParams(params, unit, max_layer) => (unit.with_params(params), *max_layer),
            Step::Plausible(params, unit, max_layer) => {
                (unit.of_shape(15, 1, &params.to_bytes(decoder.frame_len(), channels)), *max_layer)
            }
            Step::Conceal(samples) => {
                decoder.conceal((*samples).into(), &mut out);
                assert_eq!(out.len(), usize::from(*samples) * usize::from(channels));
                continue;
            }
            Step::Reset => {
                decoder.reset();
                continue;
            }
        };
        match decoder.decode(&unit, max_layer, &mut out) {
            Ok(sound) => {
                assert_eq!(unit_samples(&unit, channels), Ok(sound.samples));
                assert!(sound.samples <= decoder.frame_len());
                assert_eq!(out.len(), sound.samples * usize::from(channels));
            }
            Err(_) => assert!(out.is_empty()),
        }
    }
});
