use super::{BitModel, Coder, LOW_RANGE, scale};

/// Writes decisions as bytes.
#[derive(Debug, Clone)]
pub struct Encoder {
    low: u32,
    range: u32,
    out: Vec<u8>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// An encoder with nothing written.
    pub fn new() -> Self {
        Self { low: 0, range: u32::MAX, out: Vec::new() }
    }

    /// How many bytes are certain to be written so far; [`Encoder::finish`] adds at most four.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether no byte is certain yet.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Ends the codeword with the fewest bytes that make every coded decision certain.
    pub fn finish(mut self) -> Vec<u8> {
        let (low, end) = (u64::from(self.low), u64::from(self.low) + u64::from(self.range));
        for bytes in 0..=4 {
            // All values that begin with these bytes lie in the interval, whatever follows.
            let tail = (1u64 << (32 - 8 * bytes)) - 1;
            let value = (low + tail) & !tail;
            if value + tail < end {
                if value >> 32 != 0 {
                    self.carry();
                }
                self.out.extend_from_slice(&(value as u32).to_be_bytes()[..bytes]);
                break;
            }
        }
        self.out
    }

    #[inline(always)]
    fn narrow(&mut self, bit: bool, bound: u32) {
        if bit {
            let (low, carry) = self.low.overflowing_add(bound);
            self.low = low;
            self.range -= bound;
            if carry {
                self.carry();
            }
        } else {
            self.range = bound;
        }
        while self.range < LOW_RANGE {
            self.out.push((self.low >> 24) as u8);
            self.low <<= 8;
            self.range <<= 8;
        }
    }

    #[cold]
    fn carry(&mut self) {
        // The interval never passes 1, so some byte below 0xff precedes.
        for byte in self.out.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
    }
}

impl Coder for Encoder {
    #[inline(always)]
    fn code(&mut self, model: &mut BitModel, bit: impl FnOnce() -> bool) -> bool {
        let bit = bit();
        let bound = scale(self.range, *model);
        self.narrow(bit, bound);
        model.update(bit);
        bit
    }

    #[inline(always)]
    fn code_even(&mut self, bit: impl FnOnce() -> bool) -> bool {
        let bit = bit();
        self.narrow(bit, self.range >> 1);
        bit
    }

    fn is_exhausted(&self) -> bool {
        false
    }
}
