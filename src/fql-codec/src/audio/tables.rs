//! What the models of a unit begin with: probabilities of `false` in units of 2^-16, counted on music, speech and
//! single sounds at 8 to 48 kHz.

use crate::entropy::BitModel;

use super::{planes, residual, weights};

/// For the planes.
pub(super) const MODELS: planes::Models = planes::Models {
    weights: weights::Models {
        other: models1([64336, 1360, 928, 31296]),
        less: models1([41488, 65200, 600, 37616]),
        more: models1([48368, 46288, 65236]),
    },
    band: models2([
        [
            63248, 46016, 47328, 32224, 59808, 38144, 43408, 25552, 52496, 33632, 38144, 19696, 44624, 26720,
            29728, 13632,
        ],
        [
            65136, 52496, 46624, 37136, 61248, 41424, 39440, 30816, 59904, 50640, 31696, 24272, 51712, 33760,
            31792, 24352,
        ],
    ]),
    significant: models2([
        [56464, 55536, 51728, 48720],
        [55024, 52960, 49968, 47104],
        [52320, 51472, 48496, 44992],
        [47168, 46624, 44592, 41312],
        [45232, 44784, 43504, 41440],
        [42624, 41760, 40752, 39440],
        [40272, 39968, 38768, 37600],
        [39024, 38352, 37696, 37456],
        [37360, 37040, 35760, 35984],
        [36416, 36128, 35344, 35456],
        [35744, 34400, 34720, 34656],
        [36416, 37360, 35248, 33872],
    ]),
    refine: models2([
        [51760, 49872, 48992, 47696, 46640, 44848, 42448, 39408, 36688, 35184, 34432, 33504],
        [44368, 43904, 44160, 43344, 43136, 42704, 41568, 40128, 38096, 35728, 34080, 33456],
        [38336, 37920, 38528, 38592, 38320, 38288, 37952, 37616, 37072, 35984, 34624, 33488],
    ]),
};

/// For the exact layer of 16 bits.
pub(super) const RESIDUAL_MODELS: residual::NearModels = residual::NearModels {
    zero: models2([
        [63584, 62896, 43696],
        [63072, 62384, 47664],
        [61872, 61168, 43696],
        [59824, 58992, 52432],
        [56528, 55680, 36416],
        [51664, 50768, 40336],
        [45104, 44640, 41712],
        [37152, 36672, 37456],
    ]),
    sign: models1([40592, 53616, 60688, 63696, 64864, 65236, 65236, 65236]),
    one: models2([[65236, 65236, 58256], [65236, 65236, 46816]]),
    more: models1([
        63152, 32768, 32768, 32768, 32768, 32768, 32768, 32768, 32768, 32768, 32768, 32768, 32768, 32768,
        32768, 32768,
    ]),
};

/// For the exact layer of 24 bits.
pub(super) const WIDE_MODELS: residual::WideModels = residual::WideModels {
    above: models2([
        [10000, 22000, 27000, 31300, 35400, 39200, 42500, 45500, 48000, 50000, 51500, 52500],
        [9900, 21800, 26700, 31000, 35000, 38600, 42000, 45000, 47500, 49500, 51000, 52000],
        [9500, 21000, 25700, 29800, 33700, 37200, 40400, 43200, 45600, 47600, 49000, 50000],
    ]),
    more: models1([49152; 16]),
};

const fn models1<const N: usize>(probabilities: [u16; N]) -> [BitModel; N] {
    let mut models = [BitModel::EVEN; N];
    let mut i = 0;
    while i < N {
        models[i] = BitModel::new(probabilities[i]);
        i += 1;
    }
    models
}

const fn models2<const N: usize, const M: usize>(probabilities: [[u16; N]; M]) -> [[BitModel; N]; M] {
    let mut models = [[BitModel::EVEN; N]; M];
    let mut i = 0;
    while i < M {
        models[i] = models1(probabilities[i]);
        i += 1;
    }
    models
}

/// The first probabilities of all models by their names in the specification.
#[cfg(test)]
pub(super) fn published() -> crate::published::Tables {
    let of = |models: &[BitModel]| models.iter().map(|model| model.probability_of_false() as u16).collect();
    vec![
        ("weight_other", of(&MODELS.weights.other)),
        ("weight_less", of(&MODELS.weights.less)),
        ("weight_more", of(&MODELS.weights.more)),
        ("band", of(MODELS.band.as_flattened())),
        ("significant", of(MODELS.significant.as_flattened())),
        ("refine", of(MODELS.refine.as_flattened())),
        ("zero", of(RESIDUAL_MODELS.zero.as_flattened())),
        ("sign", of(&RESIDUAL_MODELS.sign)),
        ("one", of(RESIDUAL_MODELS.one.as_flattened())),
        ("more", of(&RESIDUAL_MODELS.more)),
        ("above", of(WIDE_MODELS.above.as_flattened())),
        ("wide_more", of(&WIDE_MODELS.more)),
    ]
}
