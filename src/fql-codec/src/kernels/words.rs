//! What a set of vector instructions can do with numbers of 16 bits, as samples to predict from are.

/// Operations on vectors of numbers of 16 bits, element by element unless something else is said. Vectors are of eights:
/// where numbers move from lane to lane, they stay within their eight.
pub(crate) trait Words: Copy {
    /// How many numbers a vector has: 8 or 16.
    const COUNT: usize;
    /// That many numbers of 16 bits.
    type I16: Copy;
    /// That many numbers of 32 bits.
    type Sums: Copy;
    /// Sums of neighbouring lanes, in 32 bits.
    type Pairs: Copy;
    /// Two factors, the same for all lanes.
    type Factors: Copy;
    /// Two vectors, the way that they are weighed fastest.
    type Two: Copy;
    /// The same instructions on eight numbers.
    type Eight: Words;

    fn eight(self) -> Self::Eight;
    /// Two eights as one vector; where vectors have one eight, it is the first.
    fn join(self, first: <Self::Eight as Words>::I16, second: <Self::Eight as Words>::I16) -> Self::I16;

    /// The same number in all lanes.
    fn splat(self, x: i16) -> Self::I16;
    /// The first numbers of a slice that has as many at least.
    fn load(self, from: &[i16]) -> Self::I16;
    /// Writes to the first numbers of a slice that has as many at least.
    fn store(self, x: Self::I16, to: &mut [i16]);
    /// The first bytes of a slice, as numbers from 0 to 255.
    fn load_bytes(self, from: &[u8]) -> Self::I16;
    /// Writes to the first bytes of a slice, limited to 0 to 255.
    fn store_bytes(self, x: Self::I16, to: &mut [u8]);

    fn add(self, a: Self::I16, b: Self::I16) -> Self::I16;
    fn sub(self, a: Self::I16, b: Self::I16) -> Self::I16;
    /// The sum, limited to what 16 bits hold.
    fn add_limited(self, a: Self::I16, b: Self::I16) -> Self::I16;
    fn abs(self, a: Self::I16) -> Self::I16;
    fn max(self, a: Self::I16, b: Self::I16) -> Self::I16;
    /// Shifts right by fewer than 16 bits, and keeps the sign.
    fn shr_by(self, a: Self::I16, bits: u32) -> Self::I16;
    /// Takes turns: the numbers of the lower half of each eight of `a` and of `b`, then those of the upper half.
    fn zip(self, a: Self::I16, b: Self::I16) -> (Self::I16, Self::I16);

    /// `a * wa + b * wb`.
    fn weigh(self, a: Self::I16, b: Self::I16, wa: Self::I16, wb: Self::I16) -> Self::Sums;
    fn factors(self, a: i16, b: i16) -> Self::Factors;
    fn two(self, a: Self::I16, b: Self::I16) -> Self::Two;
    /// The first of the vectors times the first of the factors, and the second times the second.
    fn weigh_two(self, x: Self::Two, factors: Self::Factors) -> Self::Sums;
    /// What a filter makes of numbers that follow each other: for each lane the sum of the number in its place times
    /// the first factor, of the next number times the second one, and so on. Takes `COUNT + 2 N - 1` numbers.
    fn filter<const N: usize>(self, from: &[i16], factors: &[Self::Factors; N]) -> Self::Sums;
    fn add_sums(self, a: Self::Sums, b: Self::Sums) -> Self::Sums;
    /// Adds a half, shifts right, and limits to what 16 bits hold.
    fn narrow<const SHIFT: i32>(self, x: Self::Sums) -> Self::I16;

    /// No sums yet.
    fn no_pairs(self) -> Self::Pairs;
    /// Adds sums of neighbouring lanes.
    fn add_pairs(self, sum: Self::Pairs, x: Self::I16) -> Self::Pairs;
    /// Adds absolute differences of the first bytes of two slices.
    fn add_differences(self, sum: Self::Pairs, a: &[u8], b: &[u8]) -> Self::Pairs;
    /// The sum of each eight; 0 for the second where there is none.
    fn totals(self, sum: Self::Pairs) -> [u32; 2];
    /// The means of the first bytes of two slices, rounded up, as numbers from 0 to 255.
    fn load_means(self, from: [&[u8]; 2]) -> Self::I16;
}
