//! DTSC's packed values: integers, texts, arrays and objects.

use bytes::Bytes;

/// The deepest that values may stand in each other.
const DEEPEST: usize = 16;
/// The most values of one message.
const MOST: usize = 1 << 16;
const END: [u8; 3] = [0, 0, 0xee];

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Integer(i64),
    /// Text, or any bytes.
    Text(Bytes),
    Null,
    Double(f64),
    Array(Vec<Value>),
    /// Members with their names, in the order in which they came.
    Object(Vec<(Bytes, Value)>),
}

/// What is no packed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damaged;

impl Value {
    /// The value that these bytes begin with.
    pub fn read(bytes: &Bytes) -> Result<Self, Damaged> {
        let mut reader = Reader { rest: bytes.clone(), left: MOST };
        let kind = reader.byte()?;
        reader.value(kind, DEEPEST)
    }

    /// The member of this name.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(found, _)| found == name.as_bytes()).map(|(_, value)| value)
    }

    /// All members.
    pub fn members(&self) -> &[(Bytes, Self)] {
        if let Self::Object(members) = self { members } else { &[] }
    }

    /// As a number; a text of digits is one.
    pub fn number(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Text(text) => std::str::from_utf8(text).ok()?.parse().ok(),
            _ => None,
        }
    }

    /// As bytes.
    pub fn bytes(&self) -> Option<&Bytes> {
        if let Self::Text(bytes) = self { Some(bytes) } else { None }
    }

    /// As text.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}

/// An object of texts, as bytes.
pub(super) fn object<'a>(members: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut out = vec![0xe0];
    for (name, text) in members {
        // Names are ours, and texts parts of an address: both are short.
        out.extend_from_slice(&(name.len() as u16).to_be_bytes());
        out.extend_from_slice(name.as_bytes());
        out.push(2);
        out.extend_from_slice(&(text.len() as u32).to_be_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    out.extend_from_slice(&END);
    out
}

struct Reader {
    rest: Bytes,
    /// How many values may still come.
    left: usize,
}

impl Reader {
    fn take(&mut self, length: usize) -> Result<Bytes, Damaged> {
        if length > self.rest.len() { Err(Damaged) } else { Ok(self.rest.split_to(length)) }
    }

    fn byte(&mut self) -> Result<u8, Damaged> {
        Ok(self.take(1)?[0])
    }

    fn eight(&mut self) -> Result<[u8; 8], Damaged> {
        self.take(8)?[..].try_into().map_err(|_| Damaged)
    }

    fn value(&mut self, kind: u8, depth: usize) -> Result<Value, Damaged> {
        let depth = depth.checked_sub(1).ok_or(Damaged)?;
        self.left = self.left.checked_sub(1).ok_or(Damaged)?;
        Ok(match kind {
            1 => Value::Integer(i64::from_be_bytes(self.eight()?)),
            2 => {
                let length = self.take(4)?;
                let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]);
                Value::Text(self.take(length as usize)?)
            }
            3 => Value::Null,
            4 => Value::Double(f64::from_be_bytes(self.eight()?)),
            10 => {
                let mut values = Vec::new();
                loop {
                    match self.byte()? {
                        0 => break self.end_after(1)?,
                        kind => values.push(self.value(kind, depth)?),
                    }
                }
                Value::Array(values)
            }
            0xe0 | 0xff => {
                let mut members = Vec::new();
                loop {
                    let length = self.take(2)?;
                    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                    if length == 0 {
                        break self.end_after(2)?;
                    }
                    let name = self.take(length)?;
                    let kind = self.byte()?;
                    members.push((name, self.value(kind, depth)?));
                }
                Value::Object(members)
            }
            _ => return Err(Damaged),
        })
    }

    /// The rest of the end, of which so many bytes were read.
    fn end_after(&mut self, read: usize) -> Result<(), Damaged> {
        let rest = self.take(END.len() - read)?;
        if rest[..] == END[read..] { Ok(()) } else { Err(Damaged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let bytes = object([("cmd", "play"), ("stream", "live")]);
        let value = Value::read(&bytes.into()).unwrap();
        assert_eq!(value.get("stream").and_then(Value::text), Some("live"));
        assert_eq!(value.get("other"), None);
    }

    #[test]
    fn what_is_nested_too_deep_is_damaged() {
        let deep = [vec![10; 1000], END.repeat(1000)].concat();
        assert_eq!(Value::read(&deep.into()), Err(Damaged));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(0_u8.., 0..400)) {
            let _ = Value::read(&bytes.clone().into());
            let _ = Value::read(&[&[0xe0, 0, 1, b'a'], &bytes[..]].concat().into());
        }
    }
}
