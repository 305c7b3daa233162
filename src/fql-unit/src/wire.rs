//! Reading and writing small binary structures: big-endian integers, variable-length integers (LEB128) and
//! bounded byte strings. Every read is checked against the bytes that are there.

use crate::Error;

/// Reads from a byte slice, front to back.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// All bytes that are left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// The next `n` bytes, called `what` in the error.
    pub fn bytes(&mut self, n: usize, what: &'static str) -> Result<&'a [u8], Error> {
        let (head, tail) = self.rest.split_at_checked(n).ok_or(Error::Truncated(what))?;
        self.rest = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Error> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or(Error::Truncated(what))?;
        self.rest = tail;
        Ok(*head)
    }

    /// One byte.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, Error> {
        Ok(u8::from_be_bytes(self.array(what)?))
    }

    /// Two bytes, big-endian.
    pub fn u16(&mut self, what: &'static str) -> Result<u16, Error> {
        Ok(u16::from_be_bytes(self.array(what)?))
    }

    /// Four bytes, big-endian.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, Error> {
        Ok(u32::from_be_bytes(self.array(what)?))
    }

    /// Eight bytes, big-endian.
    pub fn u64(&mut self, what: &'static str) -> Result<u64, Error> {
        Ok(u64::from_be_bytes(self.array(what)?))
    }

    /// A variable-length integer: seven bits a byte, least significant first, the top bit set on all bytes but
    /// the last. At most ten bytes; bits past the 64th are an error.
    pub fn varint(&mut self, what: &'static str) -> Result<u64, Error> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8(what)?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Error::OutOfRange { what, value, expected: "an integer of at most 64 bits" })
    }

    /// A signed integer as [`put_signed`] writes it.
    pub fn signed(&mut self, what: &'static str) -> Result<i64, Error> {
        let value = self.varint(what)?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A byte string with its length before it as a variable-length integer, at most `max` bytes long.
    pub fn string(&mut self, max: usize, what: &'static str) -> Result<&'a [u8], Error> {
        let len = self.varint(what)?;
        if len > max as u64 {
            return Err(Error::OutOfRange { what, value: len, expected: "a shorter byte string" });
        }
        self.bytes(len as usize, what)
    }

    /// UTF-8 text with its length in bytes before it, at most `max` bytes long.
    pub fn text(&mut self, max: usize, what: &'static str) -> Result<&'a str, Error> {
        std::str::from_utf8(self.string(max, what)?).map_err(|_| Error::NotText(what))
    }

    /// Nothing may be left.
    pub fn finish(self) -> Result<(), Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(Error::TrailingBytes(self.rest.len())) }
    }
}

/// Appends a variable-length integer, as [`Reader::varint`] reads it.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed integer: 0, -1, 1, -2, ... as the variable-length integers from 0 up.
pub fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, (value << 1 ^ value >> 63) as u64);
}

/// Appends a byte string with its length before it, as [`Reader::string`] reads it.
pub fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}
