//! What a set of vector instructions can do.

/// Operations on vectors of numbers, element by element unless something else is said. Arithmetic wraps.
pub(crate) trait Lanes: Copy {
    /// How many numbers a vector of 32-bit numbers has: 1, 4 or 8.
    const COUNT: usize;
    /// That many numbers of 32 bits.
    type I32: Copy;

    /// The same number in all lanes.
    fn splat(self, x: i32) -> Self::I32;
    /// The first numbers of a slice that has as many at least.
    fn load(self, from: &[i32]) -> Self::I32;
    /// Writes to the first numbers of a slice that has as many at least.
    fn store(self, x: Self::I32, to: &mut [i32]);

    /// The first bytes of a slice, as numbers from 0 to 255.
    fn load_u8(self, from: &[u8]) -> Self::I32;
    /// The first pairs of bytes of a slice, as numbers from 0 to 65535, the less significant byte first.
    fn load_u16(self, from: &[u8]) -> Self::I32;
    /// The first fours of bytes of a slice, the least significant byte first.
    fn load_u32(self, from: &[u8]) -> Self::I32;
    /// Writes numbers from 0 to 255 to the first bytes of a slice.
    fn store_u8(self, x: Self::I32, to: &mut [u8]);
    /// Writes numbers from 0 to 65535 to the first pairs of bytes of a slice.
    fn store_u16(self, x: Self::I32, to: &mut [u8]);
    /// Writes to the first fours of bytes of a slice.
    fn store_u32(self, x: Self::I32, to: &mut [u8]);
    /// The first numbers of a slice, from 0 to 65535.
    fn load_words(self, from: &[u16]) -> Self::I32;
    /// Writes numbers from 0 to 65535 to the first ones of a slice.
    fn store_words(self, x: Self::I32, to: &mut [u16]);
    /// The first numbers of a slice, with their signs.
    fn load_i16(self, from: &[i16]) -> Self::I32;
    /// Writes numbers from -32768 to 32767 to the first ones of a slice.
    fn store_i16(self, x: Self::I32, to: &mut [i16]);
    /// The first numbers of a slice, from -128 to 127.
    fn load_i8(self, from: &[i8]) -> Self::I32;

    fn add(self, a: Self::I32, b: Self::I32) -> Self::I32;
    fn sub(self, a: Self::I32, b: Self::I32) -> Self::I32;
    fn mul(self, a: Self::I32, b: Self::I32) -> Self::I32;
    /// Shifts right, and keeps the sign.
    fn shr<const N: i32>(self, a: Self::I32) -> Self::I32;
    /// Shifts right by fewer than 32 bits, and keeps the sign.
    fn shr_by(self, a: Self::I32, bits: u32) -> Self::I32;
    /// Shifts left by fewer than 32 bits.
    fn shl_by(self, a: Self::I32, bits: u32) -> Self::I32;
    fn and(self, a: Self::I32, b: Self::I32) -> Self::I32;
    fn or(self, a: Self::I32, b: Self::I32) -> Self::I32;
    fn min(self, a: Self::I32, b: Self::I32) -> Self::I32;
    fn max(self, a: Self::I32, b: Self::I32) -> Self::I32;
    /// The lesser of numbers without a sign.
    fn min_u32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    /// The magnitude, as a number without a sign.
    fn abs(self, a: Self::I32) -> Self::I32;
    /// All bits where the numbers are equal, none where they are not.
    fn equal(self, a: Self::I32, b: Self::I32) -> Self::I32;
    /// The bits of the numbers as `f32`, times a factor.
    fn scaled_f32(self, a: Self::I32, factor: f32) -> Self::I32;
    /// The upper 32 bits of the product of numbers without a sign.
    fn mul_high_u32(self, a: Self::I32, b: Self::I32) -> Self::I32;

    /// All lanes one up: the last one of the vector before, then those of `x` without its last.
    fn after(self, before: Self::I32, x: Self::I32) -> Self::I32;
    /// The numbers of even and those of odd places of two vectors that follow each other.
    fn split(self, a: Self::I32, b: Self::I32) -> (Self::I32, Self::I32);
    /// Undoes [`Lanes::split`].
    fn merge(self, even: Self::I32, odd: Self::I32) -> (Self::I32, Self::I32);
}
