//! How much a coefficient of each band weighs in the picture: the L2 norm of its synthesis basis.
//!
//! The basis of a band is the product of a horizontal and a vertical one, so that its norm is the product of two
//! norms of one dimension. Those stand here, in units of 2^-16, for an endless signal; a test recomputes them.

/// Norms of the low-pass basis after 0 to 6 levels.
const LOW: [u32; 7] = [65536, 74694, 87923, 102124, 117756, 135480, 155778];
/// Norms of the high-pass basis of levels 1 to 6.
const HIGH: [u32; 7] = [65536, 58149, 64451, 76815, 89800, 103747, 119422];

/// Half of the interval of the finest lossy layer in a band, in 2^-8 of a coefficient's unit, for coefficients
/// with `fraction` fractional bits and the interval scale `256 + scale` over 256. A direction that is not
/// transformed is low-pass after no level.
pub(super) fn half_interval((horizontal, vertical): (Basis, Basis), fraction: u32, scale: u8) -> u32 {
    let one = u64::from(256 + u32::from(scale)) << (fraction + 32);
    (one / (horizontal.norm() * vertical.norm())) as u32
}

/// The synthesis basis in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Basis {
    /// Low-pass after this many levels.
    Low(u32),
    /// High-pass of this level, from 1.
    High(u32),
}

impl Basis {
    fn norm(self) -> u64 {
        match self {
            Self::Low(level) => LOW[level as usize].into(),
            Self::High(level) => HIGH[level as usize].into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::transform::{Levels, Samples, low_size};
    use super::*;

    /// The norm of the basis by synthesis of one large coefficient in the middle of a long row.
    fn measure(basis: Basis) -> f64 {
        const WIDTH: usize = 4096;
        const SIZE: i32 = 1 << 17;
        let (level, at) = match basis {
            Basis::Low(level) => (level, low_size(WIDTH, level) / 2),
            Basis::High(level) => (level, low_size(WIDTH, level) + low_size(WIDTH, level) / 2),
        };
        let levels = Levels { horizontal: level, vertical: level };
        let mut samples = Samples::new(WIDTH, 1, levels, 1);
        samples.data[at] = SIZE;
        samples.inverse(1, &|_, row, out| out.copy_from_slice(row));
        let energy: f64 = samples.data.iter().map(|&x| f64::from(x).powi(2)).sum();
        energy.sqrt() / f64::from(SIZE)
    }

    #[test]
    fn the_weights_are_the_norms_of_the_synthesis_basis() {
        for level in 0..=6 {
            let bases = [Some(Basis::Low(level)), (level > 0).then_some(Basis::High(level))];
            for basis in bases.into_iter().flatten() {
                let norm = measure(basis) * 65536.0;
                println!("{basis:?}: {norm:.1}");
                assert!((basis.norm() as f64 / norm - 1.0).abs() < 1e-3, "{basis:?}: {norm}");
            }
        }
    }
}
