//! A file that is read with `Read`, and `Seek` where there is any.

use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;

use crate::load::MAX_LEAD;
use crate::{Ending, Entry, Loaded, Parsed, Parser, ReadAt, ReadError, load_index};

const CHUNK: usize = 256 << 10;

/// Reads the records of a file in order, from any place on.
///
/// A file that is still being written can be followed: where [`FileReader::next_record`] gives nothing, it may give
/// something later.
#[derive(Debug)]
pub struct FileReader<R> {
    input: R,
    parser: Parser,
    chunk: Vec<u8>,
    has_begun: bool,
}

impl<R: Read> FileReader<R> {
    /// Reads from where the input stands, which should be the beginning of a file.
    pub fn new(input: R) -> Self {
        Self { input, parser: Parser::default(), chunk: vec![0; CHUNK], has_begun: false }
    }

    /// The next record; `None` at the present end of the input.
    pub fn next_record(&mut self) -> Result<Option<Parsed>, ReadError> {
        loop {
            if let Some(parsed) = self.parser.next_record()? {
                self.has_begun = true;
                return Ok(Some(parsed));
            }
            if !self.has_begun && self.parser.skipped() >= MAX_LEAD {
                return Err(ReadError::NoFile(MAX_LEAD));
            }
            let count = match self.input.read(&mut self.chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if count == 0 {
                return if self.has_begun {
                    Ok(None)
                } else {
                    Err(ReadError::NoFile(self.parser.position()))
                };
            }
            self.parser.push(&self.chunk[..count]);
        }
    }

    /// Up to where the input was read, in bytes.
    pub fn position(&self) -> u64 {
        self.parser.position()
    }

    /// How the input ends, where nothing more comes.
    pub fn ending(&self) -> Ending {
        self.parser.ending()
    }
}

impl<R: Read + Seek> FileReader<R> {
    /// The index of the file, stored or made anew. Reading goes on where it was.
    pub fn index(&mut self) -> Result<Loaded, ReadError> {
        let position = self.parser.position();
        let loaded = load_index(&mut Seekable(&mut self.input));
        self.input.seek(SeekFrom::Start(position))?;
        loaded
    }

    /// Goes on at a refresh point: first comes its track table, and units before it may follow.
    pub fn jump(&mut self, entry: &Entry) -> Result<(), ReadError> {
        self.input.seek(SeekFrom::Start(entry.table))?;
        self.parser.jump(entry.table);
        Ok(())
    }
}

/// Reads anywhere by seeking.
struct Seekable<'a, R>(&'a mut R);

impl<R: Read + Seek> ReadAt for Seekable<'_, R> {
    fn size(&mut self) -> io::Result<u64> {
        self.0.seek(SeekFrom::End(0))
    }

    fn read_at(&mut self, offset: u64, length: usize) -> io::Result<Bytes> {
        self.0.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        (&mut *self.0).take(length as u64).read_to_end(&mut bytes)?;
        Ok(bytes.into())
    }
}
