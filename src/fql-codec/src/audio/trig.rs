//! Sines and cosines by integer arithmetic, so that every platform has the same tables to the last bit.

/// Fractional bits of the tables.
pub(super) const TRIG_BITS: u32 = 23;

/// Fractional bits of the arithmetic that makes them.
const BITS: u32 = 60;
/// Half of pi.
const QUARTER_TURN: i128 = 1_811_004_864_519_280_711;
/// Terms of the power series; the last is below 2^-60 for a quarter turn.
const TERMS: i128 = 14;

/// A part of a quarter turn, 0 to 1, with 60 fractional bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quarter(i128);

impl Quarter {
    /// `part / whole` of a quarter turn; `part` is at most `whole`.
    pub(super) fn part(part: u64, whole: u64) -> Self {
        Self((i128::from(part) << BITS) / i128::from(whole))
    }

    /// The quarter whose part is the squared sine of this one.
    pub(super) fn squared_sine(self) -> Self {
        let sine = self.sine();
        Self((sine * sine) >> BITS)
    }

    /// Sine and cosine in units of 2^-TRIG_BITS.
    pub(super) fn sine_cosine(self) -> (i64, i64) {
        (to_table(self.sine()), to_table(Self((1 << BITS) - self.0).sine()))
    }

    fn sine(self) -> i128 {
        let angle = (self.0 * QUARTER_TURN) >> BITS;
        let square = (angle * angle) >> BITS;
        let one = 1i128 << BITS;
        let series =
            (1..TERMS).rev().fold(one, |sum, k| one - ((square * sum) >> BITS) / (2 * k * (2 * k + 1)));
        (angle * series) >> BITS
    }
}

fn to_table(value: i128) -> i64 {
    let shift = BITS - TRIG_BITS;
    ((value + (1 << (shift - 1))) >> shift) as i64
}

/// Cosine and sine of `part / whole` of a full turn, in units of 2^-TRIG_BITS. `part` is below `whole`.
pub(super) fn turn(part: u64, whole: u64) -> (i64, i64) {
    let quadrant = 4 * part / whole;
    let (sine, cosine) = Quarter::part(4 * part - quadrant * whole, whole).sine_cosine();
    match quadrant {
        0 => (cosine, sine),
        1 => (-sine, cosine),
        2 => (-cosine, -sine),
        _ => (sine, -cosine),
    }
}

/// A product with a table entry, rounded.
#[inline(always)]
pub(super) fn round_product(sum_of_products: i64) -> i64 {
    (sum_of_products + (1 << (TRIG_BITS - 1))) >> TRIG_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_agree_with_the_mathematical_functions() {
        let unit = f64::from(1 << TRIG_BITS);
        for part in 0..1000u64 {
            let angle = std::f64::consts::TAU * part as f64 / 1000.0;
            let (cosine, sine) = turn(part, 1000);
            assert!((cosine as f64 - unit * angle.cos()).abs() <= 0.51, "cosine of {part}/1000");
            assert!((sine as f64 - unit * angle.sin()).abs() <= 0.51, "sine of {part}/1000");
        }
    }
}
