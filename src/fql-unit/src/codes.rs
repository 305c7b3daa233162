//! Values that stand in bytes as small numbers.

use crate::Error;
use crate::track::unknown;
use crate::wire::Reader;

/// Values by their numbers in the track table, from 0 up.
pub(crate) struct Codes<T: 'static> {
    pub(crate) all: &'static [T],
    /// What a value is called in an error.
    pub(crate) what: &'static str,
    /// The numbers that there are, in words.
    pub(crate) expected: &'static str,
}

impl<T: Copy + PartialEq> Codes<T> {
    pub(crate) fn code(&self, value: T) -> u8 {
        self.all.iter().position(|known| *known == value).unwrap_or_default() as u8
    }

    pub(crate) fn read(&self, r: &mut Reader) -> Result<T, Error> {
        let code = r.u8(self.what)?;
        self.all.get(usize::from(code)).copied().ok_or_else(|| unknown(self.what, code, self.expected))
    }
}
