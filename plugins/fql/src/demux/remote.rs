//! How the index of a file comes over a source that pushes, but can be told from where on.

use fql_file::{END_LENGTH, Index, Parser, Record};
use gst::prelude::*;

/// The most bytes after the beginning of an index that are waited for.
const MAX_INDEX: u64 = 16 << 20;

/// Gets the index from the end of a file.
pub struct Fetch {
    size: u64,
    parser: Parser,
    /// From where on bytes are to come.
    offset: u64,
    has_end: bool,
}

/// What is to be done next.
#[derive(Debug, PartialEq)]
pub enum Fetched {
    /// More bytes are to come.
    More,
    /// Bytes are to come from this offset on.
    From(u64),
    /// That is the index, or there is none.
    Done(Option<Index>),
}

impl Fetch {
    /// Of a file of so many bytes; `None` where it is too small to have one.
    pub fn new(size: u64) -> Option<Self> {
        let offset = size.checked_sub(END_LENGTH as u64)?;
        Some(Self { size, parser: at(offset), offset, has_end: false })
    }

    /// From where on bytes are to come.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes bytes that were asked for.
    pub fn take(&mut self, bytes: &[u8]) -> Fetched {
        self.parser.push(bytes);
        match self.parser.next_record() {
            Ok(Some(parsed)) if parsed.offset == self.offset => match parsed.record {
                Record::End(end) if !self.has_end => self.go_to(end.index),
                Record::Index(index) if self.has_end => Fetched::Done(Some(index)),
                _ => Fetched::Done(None),
            },
            Ok(None) if self.parser.skipped() == 0 && self.parser.position() < self.size => Fetched::More,
            _ => Fetched::Done(None),
        }
    }

    fn go_to(&mut self, index: u64) -> Fetched {
        if index == 0 || index >= self.size || self.size - index > MAX_INDEX {
            return Fetched::Done(None);
        }
        (self.parser, self.offset, self.has_end) = (at(index), index, true);
        Fetched::From(index)
    }
}

/// Whether upstream is a web server that does not say that it gives parts of files. Its source would find that out only
/// when it is told to go elsewhere, and fail.
pub fn has_whole_files_only(pad: &gst::Pad) -> bool {
    let mut has = false;
    pad.sticky_events_foreach(|event| {
        let headers = event.structure().filter(|structure| structure.name() == "http-headers");
        let response = headers.and_then(|headers| headers.get::<gst::Structure>("response-headers").ok());
        has |= response.is_some_and(|response| !gives_parts(&response));
        std::ops::ControlFlow::Continue(gst::EventForeachAction::Keep)
    });
    has
}

fn gives_parts(response: &gst::StructureRef) -> bool {
    let is_named = |name: &str| name.eq_ignore_ascii_case("accept-ranges");
    let is_bytes = |value: &gst::glib::SendValue| {
        value.get::<&str>().is_ok_and(|unit| unit.eq_ignore_ascii_case("bytes"))
    };
    response.iter().any(|(name, value)| is_named(name) && is_bytes(value))
}

fn at(offset: u64) -> Parser {
    let mut parser = Parser::default();
    parser.jump(offset);
    parser
}

#[cfg(test)]
mod tests {
    use fql_file::{Writer, WriterOptions};

    use super::*;

    /// What comes of a file that is asked for piece by piece.
    fn fetch(file: &[u8], piece: usize) -> Option<Index> {
        let mut fetch = Fetch::new(file.len() as u64)?;
        let mut at = fetch.offset() as usize;
        loop {
            let to = (at + piece).min(file.len());
            match fetch.take(&file[at..to]) {
                Fetched::More => at = to,
                Fetched::From(offset) => at = offset as usize,
                Fetched::Done(index) => return index,
            }
        }
    }

    #[test]
    fn the_index_comes_in_pieces_of_any_size() {
        let file = Writer::new(WriterOptions::default()).finish();
        for piece in [1, 7, 52, 1000] {
            assert_eq!(fetch(&file, piece), Some(Index::default()), "pieces of {piece}");
        }
    }

    #[test]
    fn a_web_server_says_whether_it_gives_parts() {
        gst::init().unwrap();
        let response = |name, value| gst::Structure::builder("response-headers").field(name, value).build();
        assert!(
            gives_parts(&response("Accept-Ranges", "bytes"))
                && gives_parts(&response("accept-ranges", "Bytes"))
        );
        assert!(
            !gives_parts(&response("Accept-Ranges", "none")) && !gives_parts(&response("Server", "bytes"))
        );
    }

    #[test]
    fn a_file_without_an_end_has_none() {
        let file = Writer::new(WriterOptions::default()).finish();
        for cut in 0..file.len() {
            assert_eq!(fetch(&file[..cut], 64), None, "cut off at {cut}");
        }
    }
}
