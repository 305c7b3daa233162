//! Bits of parameter sets and sequence headers, the most significant of a byte first.

/// Reads bits; `None` past the end.
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// An integer of at most 32 bits.
    pub(crate) fn take(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0u32, |value, _| Some(value << 1 | u32::from(self.flag()?)))
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    pub(crate) fn skip(&mut self, count: u32) -> Option<()> {
        self.at += count as usize;
        (self.at <= self.bytes.len() * 8).then_some(())
    }

    /// The number of zero bits before the next one, which is read as well; `None` where they are 32 or more.
    fn zeros(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
        }
        (zeros < 32).then_some(zeros)
    }

    /// An Exp-Golomb code, `ue(v)` of H.264 and H.265 and `uvlc()` of AV1.
    pub(crate) fn ue(&mut self) -> Option<u32> {
        let zeros = self.zeros()?;
        Some(self.take(zeros)? + ((1u32 << zeros) - 1))
    }
}
