//! What the models of a unit begin with: probabilities of `false` in units of 2^-16, counted on music, speech and
//! single sounds at 8 to 48 kHz.

use crate::entropy::BitModel;

use super::{planes, residual};

/// For the planes.
pub(super) const MODELS: planes::Models = planes::Models {
    band: models1([
        65056, 51056, 48672, 41696, 59312, 37504, 46112, 28864, 57024, 38192, 45552, 29488, 44080, 25168,
        30832, 15952,
    ]),
    significant: models2([
        [58560, 55072, 51872, 53728],
        [52224, 50480, 47344, 46944],
        [49200, 49152, 45232, 44016],
        [44848, 45072, 42224, 40912],
        [43312, 44080, 41472, 39632],
        [40512, 40656, 39024, 37872],
        [38304, 39456, 37648, 36224],
        [37264, 37296, 36848, 35728],
        [35984, 35792, 35264, 34832],
        [35264, 34784, 34480, 34144],
        [35136, 33392, 33856, 33968],
        [34784, 36176, 33952, 33520],
    ]),
    refine: models2([
        [50256, 49248, 48080, 46432, 45504, 43472, 41152, 38384, 36032, 34608, 34096, 33184],
        [42608, 43392, 43408, 43040, 42384, 42192, 40848, 39328, 37360, 35360, 33904, 33344],
        [37056, 37584, 37664, 37184, 38080, 38272, 37760, 37184, 36912, 35648, 34416, 33232],
    ]),
};

/// For the exact layer.
pub(super) const RESIDUAL_MODELS: residual::Models = residual::Models {
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
