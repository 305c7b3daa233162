/// How fast the two estimates of a model follow what they see: each step takes 2^-rate of the difference.
const FAST: u32 = 5;
const SLOW: u32 = 7;

/// The adaptive probability of one binary decision: the mean of a fast and a slow estimate, so that it follows
/// changes soon and is precise where nothing changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitModel {
    fast: u16,
    slow: u16,
}

impl BitModel {
    /// Both outcomes are equally likely at first.
    pub const EVEN: Self = Self::new(1 << 15);

    /// A model that begins with this probability of `false`, in units of 2^-16.
    pub const fn new(probability_of_false: u16) -> Self {
        Self { fast: probability_of_false, slow: probability_of_false }
    }

    /// The probability of `false` in units of 2^-16; never 0 or certain once the model has adapted, and 1 to 65535
    /// at any time.
    #[inline(always)]
    pub fn probability_of_false(self) -> u32 {
        ((u32::from(self.fast) + u32::from(self.slow)) >> 1).max(1)
    }

    /// Takes an outcome into account.
    #[inline(always)]
    pub(super) fn update(&mut self, bit: bool) {
        // Branch-free: the bit is the least predictable thing that there is.
        let target = if bit { 0 } else { 0xffff };
        self.fast = step(self.fast, target, FAST);
        self.slow = step(self.slow, target, SLOW);
    }
}

#[inline(always)]
fn step(p: u16, target: i32, rate: u32) -> u16 {
    let p = i32::from(p);
    (p + ((target - p + ((1 << rate) - 1) * i32::from(target == 0)) >> rate)) as u16
}
