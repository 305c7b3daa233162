//! Values in AMF0 (Action Message Format, AMF 0, of 2007), as commands and metadata come in.
//!
//! scuffle-amf0 is used for writing only: its decoder allots what the length of an array claims, and follows objects
//! in objects to any depth, so that a few bytes of a stranger end the process.

/// How deep objects may lie in each other.
const MOST_DEPTH: u32 = 8;
/// How many values a message may hold.
const MOST_VALUES: u32 = 1024;

const OBJECT_END: u8 = 9;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Number(f64),
    Boolean(bool),
    Text(String),
    Object(Vec<(String, Value)>),
    List(Vec<Value>),
    /// Null, undefined, or something that says nothing without what came before.
    Nothing,
}

impl Value {
    /// The field of an object.
    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Object(fields) => fields.iter().find(|(field, _)| field == name).map(|(_, value)| value),
            _ => None,
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }
}

/// All values of a message; `None` where they are damaged, too many or too deep.
pub(crate) fn read_all(bytes: &[u8]) -> Option<Vec<Value>> {
    let mut reader = Reader { bytes, left: MOST_VALUES };
    let mut values = Vec::new();
    while !reader.bytes.is_empty() {
        values.push(reader.value(0)?);
    }
    Some(values)
}

struct Reader<'a> {
    bytes: &'a [u8],
    /// How many more values may come.
    left: u32,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn integer(&mut self, size: usize) -> Option<usize> {
        Some(self.take(size)?.iter().fold(0, |value, byte| value << 8 | usize::from(*byte)))
    }

    fn number(&mut self) -> Option<f64> {
        Some(f64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    /// Text with its length, of so many bytes, before it.
    fn text(&mut self, size: usize) -> Option<String> {
        let length = self.integer(size)?;
        Some(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    fn value(&mut self, depth: u32) -> Option<Value> {
        self.left = self.left.checked_sub(1)?;
        if depth > MOST_DEPTH {
            return None;
        }
        Some(match self.byte()? {
            0 => Value::Number(self.number()?),
            1 => Value::Boolean(self.byte()? != 0),
            2 => Value::Text(self.text(2)?),
            3 => Value::Object(self.fields(depth)?),
            5 | 6 => Value::Nothing,
            7 => self.take(2).map(|_| Value::Nothing)?,
            8 => {
                // Encoders count the fields wrong; what ends them is their end.
                self.take(4)?;
                Value::Object(self.fields(depth)?)
            }
            10 => Value::List(self.list(depth)?),
            11 => {
                let date = self.number()?;
                self.take(2)?;
                Value::Number(date)
            }
            12 | 15 => Value::Text(self.text(4)?),
            16 => {
                self.text(2)?;
                Value::Object(self.fields(depth)?)
            }
            _ => return None,
        })
    }

    /// Up to the end of an object, or of the message.
    fn fields(&mut self, depth: u32) -> Option<Vec<(String, Value)>> {
        let mut fields = Vec::new();
        while !self.bytes.is_empty() {
            let name = self.text(2)?;
            if name.is_empty() && self.bytes.first() == Some(&OBJECT_END) {
                self.byte()?;
                break;
            }
            fields.push((name, self.value(depth + 1)?));
        }
        Some(fields)
    }

    fn list(&mut self, depth: u32) -> Option<Vec<Value>> {
        let count = self.integer(4)?;
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(self.value(depth + 1)?);
        }
        Some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_an_object_is_read() {
        let mut bytes = b"\x02\x00\x07connect\x00\x3f\xf0\x00\x00\x00\x00\x00\x00".to_vec();
        bytes.extend(b"\x03\x00\x03app\x02\x00\x04live\x00\x01x\x05\x00\x00\x09\x01\x01");
        let values = read_all(&bytes).unwrap();
        assert_eq!(values[0].as_text(), Some("connect"));
        assert_eq!(values[1].as_number(), Some(1.0));
        assert_eq!(values[2].field("app").and_then(Value::as_text), Some("live"));
        assert_eq!(values[3], Value::Boolean(true));
    }

    #[test]
    fn an_array_of_named_values_may_be_counted_wrong_and_may_lack_its_end() {
        for end in [&b"\x00\x00\x09"[..], b""] {
            let bytes = [&b"\x08\x00\x00\x00\x63\x00\x01w\x00\x40\x90\0\0\0\0\0\0"[..], end].concat();
            let values = read_all(&bytes).unwrap();
            assert_eq!(values[0].field("w").and_then(Value::as_number), Some(1024.0));
        }
    }

    #[test]
    fn arrays_that_claim_to_be_huge_and_objects_without_bottom_are_refused() {
        assert_eq!(read_all(b"\x0a\xff\xff\xff\xff"), None);
        assert_eq!(read_all(&b"\x0a\x00\x00\x00\x01".repeat(10_000)), None);
        assert_eq!(read_all(&b"\x03\x00\x01a".repeat(10_000)), None);
        assert_eq!(read_all(&b"\x05".repeat(10_000)), None);
        assert_eq!(read_all(b"\x0c\xff\xff\xff\xffx"), None);
    }
}
