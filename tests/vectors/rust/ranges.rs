//! `ranges.json`: decisions, the codewords that they make, and how many of them each prefix decides.

use fql_codec::entropy::{BitModel, Coder, Decoder, Encoder};
use serde::{Deserialize, Serialize};

use crate::hex;

#[derive(Serialize, Deserialize)]
struct Vector {
    name: String,
    /// What each model begins with: the probability of `false` in units of 2^-16.
    models: Vec<u16>,
    decisions: Vec<Decision>,
    codeword: String,
    /// How many decisions are certain with 0, 1, 2... bytes of the codeword.
    certain: Vec<usize>,
}

#[derive(Serialize, Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Decision {
    /// With this model.
    Bit(usize, bool),
    /// Without a model.
    Even(bool),
    /// An integer with so many models from this one on.
    Integer(usize, usize, u32),
}

impl Decision {
    /// Codes it, or something else of its kind that a decoder finds in its place.
    fn code(self, coder: &mut impl Coder, models: &mut [BitModel]) -> Self {
        match self {
            Self::Bit(model, bit) => Self::Bit(model, coder.code(&mut models[model], || bit)),
            Self::Even(bit) => Self::Even(coder.code_even(|| bit)),
            Self::Integer(first, count, value) => {
                Self::Integer(first, count, coder.code_integer(&mut models[first..first + count], || value))
            }
        }
    }
}

impl Vector {
    fn new(name: &str, models: &[u16], decisions: Vec<Decision>) -> Self {
        let (name, models) = (name.into(), models.to_vec());
        Self { name, models, decisions, codeword: String::new(), certain: Vec::new() }
    }

    fn decode(&mut self) {
        let first: Vec<BitModel> = self.models.iter().map(|&model| BitModel::new(model)).collect();
        let (mut encoder, mut models) = (Encoder::new(), first.clone());
        for decision in &self.decisions {
            decision.code(&mut encoder, &mut models);
        }
        let codeword = encoder.finish();
        let prefixes = (0..=codeword.len()).map(|len| &codeword[..len]);
        self.certain = prefixes.map(|prefix| self.certain(prefix, first.clone())).collect();
        assert_eq!(self.certain.last(), Some(&self.decisions.len()));
        self.codeword = hex(&codeword);
    }

    fn certain(&self, prefix: &[u8], mut models: Vec<BitModel>) -> usize {
        let mut decoder = Decoder::new(prefix);
        let certain = self.decisions.iter().take_while(|decision| {
            let found = decision.code(&mut decoder, &mut models);
            assert!(decoder.is_exhausted() || found == **decision, "{}", self.name);
            !decoder.is_exhausted()
        });
        certain.count()
    }
}

fn vectors() -> Vec<Vector> {
    let mixed = (0..400usize).map(|i| match i % 7 {
        0 => Decision::Even(i % 3 == 0),
        1 => Decision::Integer(4, 6, ((i as u32 * i as u32) % 1_000) >> (i % 11)),
        _ => Decision::Bit(i % 4, (i * i / 5) % (3 + i % 4) == 0),
    });
    let large = [0, 1, 2, 3, 255, 65_535, 0x7fff_fffe, 1, 0];
    vec![
        Vector::new("nothing", &[], vec![]),
        Vector::new("one decision", &[32_768], vec![Decision::Bit(0, true)]),
        Vector::new("what was certain happens", &[65_535, 65_535], vec![Decision::Bit(0, true); 40]),
        Vector::new("what cannot happen does not", &[0], vec![Decision::Bit(0, true); 300]),
        Vector::new("always the same", &[32_768], vec![Decision::Bit(0, false); 2_000]),
        Vector::new("a carry through many bytes", &[65_535], carry()),
        Vector::new("integers", &[32_768; 6], large.map(|value| Decision::Integer(0, 6, value)).into()),
        Vector::new("integers of one model", &[50_000], large.map(|v| Decision::Integer(0, 1, v)).into()),
        Vector::new(
            "all kinds",
            &[60_000, 40_000, 20_000, 5_000, 6_000, 9, 32_768, 1, 2, 3],
            mixed.collect(),
        ),
    ]
}

/// The lower end of the range just below a power of two, until the last decision lifts it above.
fn carry() -> Vec<Decision> {
    let mut decisions = vec![Decision::Even(false)];
    decisions.extend([Decision::Even(true); 60]);
    decisions.extend([Decision::Bit(0, true); 3]);
    decisions
}

#[test]
fn codewords_of_the_range_coder_stay_the_same() {
    super::check("ranges.json", vectors, Vector::decode);
}
