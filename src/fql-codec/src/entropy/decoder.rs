use super::{BitModel, Coder, LOW_RANGE, scale};

/// Reads decisions from bytes, any bytes.
#[derive(Debug, Clone)]
pub struct Decoder<'a> {
    /// The bytes that are not in `code` yet.
    rest: &'a [u8],
    /// Distance from the low end of the interval, with zeros for unknown bytes: the least that it can be.
    code: u32,
    range: u32,
    /// How much more `code` could be, for bytes past the end.
    unknown: u32,
    exhausted: bool,
}

impl<'a> Decoder<'a> {
    /// A decoder at the start of these bytes.
    pub fn new(data: &'a [u8]) -> Self {
        let mut decoder = Self { rest: data, code: 0, range: u32::MAX, unknown: 0, exhausted: false };
        for _ in 0..4 {
            decoder.shift();
        }
        decoder
    }

    #[inline(always)]
    fn shift(&mut self) {
        self.code <<= 8;
        if let Some((&byte, rest)) = self.rest.split_first() {
            self.code |= u32::from(byte);
            self.rest = rest;
        } else {
            self.unknown = self.unknown << 8 | 0xff;
        }
    }

    /// Notes whether a decision depends on bytes that are not there.
    #[cold]
    fn look_for_the_end(&mut self, bound: u32) {
        self.exhausted |= self.code < bound && self.code.saturating_add(self.unknown) >= bound;
    }

    #[inline(always)]
    fn narrow(&mut self, bound: u32) -> bool {
        let bit = self.code >= bound;
        if self.unknown != 0 {
            self.look_for_the_end(bound);
        }
        // Without a branch on the bit, which nothing predicts.
        let taken = u32::from(bit).wrapping_neg();
        self.code -= bound & taken;
        self.range = bound ^ ((bound ^ (self.range - bound)) & taken);
        while self.range < LOW_RANGE {
            self.range <<= 8;
            self.shift();
        }
        bit
    }
}

impl Coder for Decoder<'_> {
    #[inline(always)]
    fn code(&mut self, model: &mut BitModel, _bit: impl FnOnce() -> bool) -> bool {
        let bound = scale(self.range, *model);
        let bit = self.narrow(bound);
        model.update(bit);
        bit
    }

    #[inline(always)]
    fn code_even(&mut self, _bit: impl FnOnce() -> bool) -> bool {
        self.narrow(self.range >> 1)
    }

    #[inline(always)]
    fn is_exhausted(&self) -> bool {
        self.exhausted
    }
}
