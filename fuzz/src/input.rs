//! How targets that need more than one string of bytes read their input, and how seeds are written: numbers, and
//! strings with their length before them. Past the end everything is zero or empty, so that any bytes are an input.

/// Reads an input, front to back.
pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn u8(&mut self) -> u8 {
        match self.rest.split_first() {
            Some((first, rest)) => {
                self.rest = rest;
                *first
            }
            None => 0,
        }
    }

    /// Two bytes, the low one first.
    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.u8(), self.u8()])
    }

    /// A string of bytes: its length in two bytes, or all that is left where that is less.
    pub fn bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.u16()).min(self.rest.len());
        let (bytes, rest) = self.rest.split_at(len);
        self.rest = rest;
        bytes
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }
}

/// Writes an input.
#[derive(Default)]
pub struct Output(pub Vec<u8>);

impl Output {
    pub fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub fn u16(mut self, value: u16) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    /// A string of bytes, at most 65,535.
    pub fn bytes(self, bytes: &[u8]) -> Self {
        let len = u16::try_from(bytes.len()).expect("a seed's strings are short");
        let mut out = self.u16(len);
        out.0.extend(bytes);
        out
    }
}
