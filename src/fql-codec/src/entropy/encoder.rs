use super::{BitModel, Coder, LOW_RANGE, scale};

/// Bits that are shifted out of `low` at once.
const FLUSHED: u32 = 16;

/// Writes decisions as bytes.
#[derive(Debug, Clone)]
pub struct Encoder {
    /// The low end of the interval: 32 bits, above them those that are not written yet, above these a carry.
    low: u64,
    range: u32,
    /// How many bits are not written yet: less than `FLUSHED`, a multiple of 8.
    pending: u32,
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
        Self::with_buffer(Vec::new())
    }

    /// An encoder with nothing written, that writes into this memory; what is in it is dropped.
    pub fn with_buffer(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Self { low: 0, range: u32::MAX, pending: 0, out: buffer }
    }

    /// How many bytes are certain to be written so far; [`Encoder::finish`] adds at most four.
    pub fn len(&self) -> usize {
        self.out.len() + self.pending as usize / 8
    }

    /// Whether no byte is certain yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends the codeword with the fewest bytes that make every coded decision certain.
    pub fn finish(mut self) -> Vec<u8> {
        let end = self.low + u64::from(self.range);
        for bytes in 0..=4 {
            // All values that begin with these bytes lie in the interval, whatever follows.
            let tail = (1u64 << (32 - 8 * bytes)) - 1;
            let value = (self.low + tail) & !tail;
            if value + tail < end {
                self.write(value << FLUSHED >> self.pending >> 32, (self.pending / 8) as usize);
                self.out.extend_from_slice(&(value as u32).to_be_bytes()[..bytes]);
                break;
            }
        }
        self.out
    }

    /// Writes the first `bytes` of two bytes with the carry above them.
    #[inline(always)]
    fn write(&mut self, top: u64, bytes: usize) {
        if top >> FLUSHED != 0 {
            self.carry();
        }
        self.out.extend_from_slice(&(top as u16).to_be_bytes()[..bytes]);
    }

    #[inline(always)]
    fn narrow(&mut self, bit: bool, bound: u32) {
        // Without a branch on the bit, which nothing predicts.
        let taken = u32::from(bit).wrapping_neg();
        self.low += u64::from(bound & taken);
        self.range = bound ^ ((bound ^ (self.range - bound)) & taken);
        while self.range < LOW_RANGE {
            self.range <<= 8;
            self.low <<= 8;
            self.pending += 8;
            if self.pending == FLUSHED {
                self.write(self.low >> 32, 2);
                self.low &= u64::from(u32::MAX);
                self.pending = 0;
            }
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

    #[inline(always)]
    fn is_exhausted(&self) -> bool {
        false
    }
}
