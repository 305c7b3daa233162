use bytes::Bytes;
use fql_codec::audio::{Decoder, DecoderConfig};
use fql_unit::{AudioFormat, Unit};

use crate::Error;

/// Gaps up to this are filled in, in milliseconds: what is made up fades out within a few units, and a sender that was
/// away for longer is not to be waited for.
const LONGEST_FILL: f64 = 250.0;

/// Units of one audio track to sound.
#[derive(Debug)]
pub struct SoundDecoder {
    decoder: Decoder,
    /// The amplitude 1 in samples.
    full_scale: f32,
    rate: f64,
    channels: usize,
    /// Where the last unit ended on the sender's clock, in milliseconds, and how many samples it had.
    end: Option<f64>,
    last_len: usize,
    samples: Vec<i32>,
    planes: Vec<f32>,
}

/// What one unit gave. Counts are samples a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Samples that fill the gap before the unit.
    pub filled: usize,
    /// Samples of the unit, after those.
    pub samples: usize,
    /// Whether those of the unit are made up, too, because nothing of it could be used.
    pub concealed: bool,
}

impl SoundDecoder {
    /// A decoder that has heard nothing yet, for so many samples a second and channels of this format.
    pub fn new(rate: u32, channels: u8, format: AudioFormat) -> Result<Self, Error> {
        let decoder = Decoder::new(DecoderConfig { rate, channels, format })?;
        Ok(Self {
            decoder,
            full_scale: (1u32 << (format.bits() - 1)) as f32,
            rate: f64::from(rate),
            channels: channels.into(),
            end: None,
            last_len: 0,
            samples: Vec::new(),
            planes: Vec::new(),
        })
    }

    /// Decodes the bytes of a unit, up to the layer `max_layer`, presented at `pts` milliseconds on the sender's clock,
    /// with `lost` if units before it are missing. The sound is in [`SoundDecoder::planes`] until the next call.
    pub fn decode(&mut self, unit: &Bytes, pts: f64, lost: bool, max_layer: u8) -> Heard {
        self.samples.clear();
        let filled = self.fill(pts, lost);
        let decoded = Unit::from_shared(unit)
            .map_err(Error::from)
            .and_then(|unit| Ok(self.decoder.decode(&unit, max_layer, &mut self.samples)?));
        let (samples, concealed) = match decoded {
            Ok(sound) => (sound.samples, sound.concealed),
            Err(_) => {
                self.decoder.conceal(self.last_len, &mut self.samples);
                (self.last_len, true)
            }
        };
        self.last_len = samples;
        self.end = Some(pts + samples as f64 / self.rate * 1e3);
        self.spread();
        Heard { filled, samples, concealed }
    }

    /// Fills the gap before a unit, or forgets what was heard where it is too long.
    fn fill(&mut self, pts: f64, lost: bool) -> usize {
        let Some(gap) = self.end.map(|end| pts - end).filter(|_| lost) else { return 0 };
        if !(0.0..=LONGEST_FILL).contains(&gap) {
            self.decoder.reset();
            return 0;
        }
        let missing = (gap / 1e3 * self.rate).round() as usize;
        self.decoder.conceal(missing, &mut self.samples);
        missing
    }

    /// Takes the interleaved samples apart.
    fn spread(&mut self) {
        let count = self.samples.len() / self.channels;
        self.planes.clear();
        self.planes.reserve(self.samples.len());
        for channel in 0..self.channels {
            let samples = self.samples.iter().skip(channel).step_by(self.channels);
            self.planes.extend(samples.map(|&sample| sample as f32 / self.full_scale));
        }
        debug_assert_eq!(self.planes.len(), count * self.channels);
    }

    /// The last sound: all samples of the first channel, then those of the second, and so on; -1 to 1.
    pub fn planes(&self) -> &[f32] {
        &self.planes
    }

    /// Forgets all that was heard, as after a pause.
    pub fn reset(&mut self) {
        self.decoder.reset();
        self.end = None;
    }
}
