//! Bits of headers, the most significant of a byte first.

/// Reads bits; `None` past the end.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// An integer of at most 32 bits.
    pub(super) fn take(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0u32, |value, _| Some(value << 1 | u32::from(self.flag()?)))
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    pub(super) fn skip(&mut self, count: u32) -> Option<()> {
        (0..count).try_for_each(|_| self.flag().map(drop))
    }

    /// The variable-length code `uvlc()` of AV1.
    pub(super) fn uvlc(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
        }
        if zeros >= 32 { Some(u32::MAX) } else { Some(self.take(zeros)? + ((1u32 << zeros) - 1)) }
    }

    /// The variable-length code `ue(v)` of H.264 and H.265; `None` where it does not fit into 32 bits.
    pub(super) fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
        }
        if zeros >= 32 { None } else { Some(self.take(zeros)? + ((1u32 << zeros) - 1)) }
    }

    /// The variable-length code `se(v)` of H.264 and H.265.
    pub(super) fn se(&mut self) -> Option<i32> {
        let code = self.ue()?;
        let size = (code / 2 + code % 2) as i32;
        Some(if code % 2 == 1 { size } else { -size })
    }
}
