//! Lists in pages: each page ends with a cursor from which the next one begins, so that rows made or archived meanwhile
//! neither come twice nor push others out.

use jiff::Timestamp;

use super::Error;
use crate::store::to_millis;

/// The most that a page holds.
pub const MAX_LIMIT: u32 = 100;
/// What it holds when nobody says.
pub const DEFAULT_LIMIT: u32 = 20;
const TIME_DIGITS: usize = 12;
const ID_CHARACTERS: std::ops::RangeInclusive<usize> = 18..=22;

/// A place in a list that is ordered by time of creation, then id: after the row that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    millis: i64,
    id: String,
}

impl Cursor {
    /// Before the first row.
    pub fn start() -> Self {
        Self { millis: -1, id: String::new() }
    }

    /// After this row.
    pub fn after(created_at: i64, id: &str) -> Self {
        Self { millis: created_at, id: id.to_owned() }
    }

    /// As the API writes it: the time in 12 hexadecimal digits, and the id.
    pub fn to_text(&self) -> String {
        format!("{:0TIME_DIGITS$x}{}", self.millis, self.id)
    }

    /// The inverse of `to_text`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = || Error::invalid("cursor", "is not one that this API gave");
        let (time, id) = text.split_at_checked(TIME_DIGITS).ok_or_else(wrong)?;
        let hexadecimal = time.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let of_an_id = id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7' | b'_'));
        if !hexadecimal || !of_an_id || !ID_CHARACTERS.contains(&id.len()) {
            return Err(wrong());
        }
        let millis = i64::from_str_radix(time, 16).map_err(|_| wrong())?;
        Ok(Self { millis, id: id.to_owned() })
    }

    /// What the store's queries take.
    pub fn position(&self) -> (i64, &str) {
        (self.millis, &self.id)
    }
}

/// Which part of a list is asked for.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// How many rows at most, 1 to [`MAX_LIMIT`].
    pub limit: u32,
    /// Where it begins.
    pub after: Cursor,
}

impl PageRequest {
    /// From what a client wrote.
    pub fn new(limit: Option<i64>, cursor: Option<&str>) -> Result<Self, Error> {
        let limit = limit.unwrap_or(i64::from(DEFAULT_LIMIT));
        let Some(limit) = u32::try_from(limit).ok().filter(|limit| (1..=MAX_LIMIT).contains(limit)) else {
            return Err(Error::invalid("limit", format!("is {limit}, and may be 1 to {MAX_LIMIT}")));
        };
        let after = cursor.map(Cursor::parse).transpose()?.unwrap_or_else(Cursor::start);
        Ok(Self { limit, after })
    }

    /// How many rows to ask the store for: one more tells whether there is a next page.
    pub(crate) fn rows(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Makes a page of the rows that the store gave; `place` tells when a row was made, and its id.
    pub(crate) fn page<T>(&self, mut rows: Vec<T>, place: impl Fn(&T) -> (i64, &str)) -> Page<T> {
        let limit = self.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|last| {
            let (created_at, id) = place(last);
            Cursor::after(created_at, id)
        });
        Page { items: rows, next }
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { limit: DEFAULT_LIMIT, after: Cursor::start() }
    }
}

/// Part of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// Now, as exactly as the store keeps it: what is answered at once equals what is answered later.
pub(crate) fn now() -> Timestamp {
    crate::store::from_millis(to_millis(Timestamp::now()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        let cursor = Cursor::after(1_700_000_000_123, "str_abcdefgh234567aa");
        assert_eq!(Cursor::parse(&cursor.to_text()).unwrap(), cursor);
    }

    proptest! {
        #[test]
        fn any_text_is_a_cursor_or_an_error(text in ".*") {
            if let Ok(cursor) = Cursor::parse(&text) {
                prop_assert_eq!(cursor.to_text(), text);
            }
        }
    }
}
