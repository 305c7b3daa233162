//! What a file says of itself.

use std::collections::BTreeMap;

use fql_unit::wire::{Reader, put_string, put_varint};

use crate::Error;

/// The most bytes that all tags of a file can take.
pub const MAX_TAGS: usize = 64 << 10;
const MAX_KEY: usize = 64;

/// What a file begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// When the file was begun, in microseconds since 1970-01-01 00:00 UTC; 0 where that is not known.
    pub created: i64,
}

impl Head {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        self.created.to_be_bytes().to_vec()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self { created: Reader::new(bytes).u64("the time at which the file was begun")? as i64 })
    }
}

/// What people want to know of a file: values by their keys, such as `title`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// All keys and values, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets the value of a key of 1 to 64 bytes; an empty value takes it away. All tags together have at most
    /// [`MAX_TAGS`] bytes.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), Error> {
        let is_text = |text: &str| !text.contains('\0');
        if key.is_empty() || key.len() > MAX_KEY || !is_text(key) || !is_text(value) {
            return Err(Error::Tags);
        }
        let before = match value {
            "" => self.0.remove(key),
            _ => self.0.insert(key.to_owned(), value.to_owned()),
        };
        if self.to_bytes().len() > MAX_TAGS {
            match before {
                Some(before) => self.0.insert(key.to_owned(), before),
                None => self.0.remove(key),
            };
            return Err(Error::Tags);
        }
        Ok(())
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, self.0.len() as u64);
        for (key, value) in &self.0 {
            put_string(&mut out, key.as_bytes());
            put_string(&mut out, value.as_bytes());
        }
        out
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_TAGS {
            return Err(Error::Tags);
        }
        let mut r = Reader::new(bytes);
        let mut tags = BTreeMap::new();
        for _ in 0..r.varint("the number of tags")? {
            let key = r.text(MAX_KEY, "the key of a tag")?.to_owned();
            if key.is_empty() {
                return Err(Error::Tags);
            }
            tags.insert(key, r.text(MAX_TAGS, "the value of a tag")?.to_owned());
        }
        Ok(Self(tags))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_come_back_as_they_went() {
        let mut tags = Tags::default();
        tags.set("title", "A day at the sea").unwrap();
        tags.set("artist", "nobody").unwrap();
        tags.set("artist", "").unwrap();
        tags.set("place", "\u{e9}").unwrap();
        let again = Tags::from_bytes(&tags.to_bytes()).unwrap();
        assert_eq!(again, tags);
        assert_eq!(again.iter().collect::<Vec<_>>(), [("place", "\u{e9}"), ("title", "A day at the sea")]);
    }

    #[test]
    fn tags_that_are_too_long_change_nothing() {
        let mut tags = Tags::default();
        tags.set("title", "short").unwrap();
        assert_eq!(tags.set("title", &"x".repeat(MAX_TAGS)), Err(Error::Tags));
        assert_eq!(tags.set("other", &"x".repeat(MAX_TAGS)), Err(Error::Tags));
        assert_eq!(tags.set("", "x"), Err(Error::Tags));
        assert_eq!(tags.iter().collect::<Vec<_>>(), [("title", "short")]);
    }

    #[test]
    fn a_tag_without_a_key_is_an_error() {
        assert!(Tags::from_bytes(&[1, 1, b'k', 1, b'v']).is_ok());
        assert_eq!(Tags::from_bytes(&[1, 0, 1, b'v']), Err(Error::Tags));
    }

    #[test]
    fn a_count_of_tags_that_are_not_there_is_an_error() {
        assert!(Tags::from_bytes(&[0xff, 0xff, 0xff, 0x7f]).is_err());
    }
}
