//! What the models of a unit begin with: probabilities of `false` in units of 2^-16, counted on music, speech and
//! single sounds at 8 to 48 kHz.

use crate::entropy::BitModel;

use super::{planes, residual};

/// For the planes.
pub(super) const MODELS: planes::Models = planes::Models {
    band: models1([
        65056, 51104, 49216, 41664, 59152, 37696, 45040, 29504, 57056, 38160, 45552, 29616, 44192, 24976,
        31312, 16032,
    ]),
    significant: models2([
        [58656, 54976, 51856, 53872],
        [51680, 50512, 47296, 46896],
        [48352, 49104, 45120, 43840],
        [43728, 44608, 41888, 40624],
        [41856, 43888, 41312, 39248],
        [39024, 40464, 38768, 37680],
        [36720, 38976, 37472, 35792],
        [35680, 37088, 36704, 35360],
        [34384, 35904, 34992, 34592],
        [33520, 34208, 34208, 34016],
        [33264, 32464, 33552, 33792],
        [32704, 33840, 32864, 33040],
    ]),
    refine: models2([
        [51376, 49680, 48544, 46832, 45856, 43776, 41264, 38224, 35632, 34352, 33792, 32912],
        [44000, 44192, 43920, 43568, 43056, 42464, 41312, 39584, 37488, 35216, 33792, 33136],
        [39056, 38240, 38416, 37504, 38848, 39200, 38368, 37488, 37152, 35824, 34400, 33168],
    ]),
};

/// For the exact layer.
pub(super) const RESIDUAL_MODELS: residual::Models = residual::Models {
    zero: models2([
        [63600, 62912, 35296],
        [63088, 62368, 40960],
        [61920, 61184, 46816],
        [59808, 58992, 51488],
        [56608, 55712, 32768],
        [51728, 50816, 43696],
        [45152, 44656, 38544],
        [37200, 36688, 34688],
    ]),
    sign: models1([40400, 53328, 60640, 63712, 64864, 65236, 65236, 65236]),
    one: models2([[65236, 65236, 60848], [65236, 65236, 40960]]),
    more: models1([
        61616, 43696, 32768, 32768, 32768, 32768, 32768, 32768, 32768, 32768, 32768, 32768, 32768, 32768,
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
