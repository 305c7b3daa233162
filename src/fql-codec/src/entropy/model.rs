/// How fast the two estimates of a model follow what they see: each step takes 2^-rate of the difference.
const FAST: u32 = 5;
const SLOW: u32 = 7;

/// The adaptive probability of one binary decision: the mean of a fast and a slow estimate, so that it follows
/// changes soon and is precise where nothing changes.
///
/// Both estimates are in one word, the fast one in the upper half: they are read, moved and written together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitModel(u32);

impl BitModel {
    /// Both outcomes are equally likely at first.
    pub const EVEN: Self = Self::new(1 << 15);

    /// A model that begins with this probability of `false`, in units of 2^-16; 0 counts as 1.
    pub const fn new(probability_of_false: u16) -> Self {
        let estimate = if probability_of_false == 0 { 1 } else { probability_of_false as u32 };
        Self(estimate << 16 | estimate)
    }

    /// The probability of `false` in units of 2^-16; 1 to 65535 at any time, and never near to certain once the
    /// model has adapted.
    #[inline(always)]
    pub fn probability_of_false(self) -> u32 {
        ((self.0 >> 16) + (self.0 & 0xffff)) >> 1
    }

    /// Takes an outcome into account.
    #[inline(always)]
    pub(super) fn update(&mut self, bit: bool) {
        // Branch-free, as the bit is the least predictable thing that there is: the estimate of what happened moves
        // up as the one of the opposite moves down.
        let mirror = u32::from(bit).wrapping_sub(1);
        let p = self.0 ^ mirror;
        let step = (p >> FAST & 0xffff_0000) + ((p & 0xffff) >> SLOW);
        self.0 = (p - step) ^ mirror;
    }
}
