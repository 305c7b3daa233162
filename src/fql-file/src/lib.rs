//! The `.fql` file: the track table, units and an index, as docs/file.md specifies them byte for byte.
//!
//! A file is a row of [records](RecordKind), each with its length and two checksums, so that it plays up to the last
//! whole unit wherever it was cut off, and goes on after the next record where bytes in it were damaged. Nothing in it
//! is ever written twice: it may go into a pipe.
//!
//! - [`Writer`] makes the bytes of a file, from tracks and [stored units](StoredUnit).
//! - [`Parser`] takes bytes as they come, from a file, a pipe or a network, and gives records.
//! - [`Index`] says where to begin to read for a time; [`load_index`] finds it in a file, or makes it anew.
//! - [`FileReader`] puts these together over anything with `Read` and `Seek`.
//! - [`thin`] takes the layers above one out of units.
//!
//! Only [`FileReader`] and [`load_index`] do any input, and only through what they are given.
//!
//! ```
//! use fql_file::{Parser, Record, StoredUnit, Writer, WriterOptions};
//! use fql_unit::{DataInfo, Media, Segment, Track, TrackTable, Unit};
//!
//! let media = Media::Data(DataInfo { caps: "text/x-raw, format=utf8".into() });
//! let table = TrackTable::new(vec![Track { id: 0, name: "notes".into(), layers: 1, media }]).unwrap();
//! let mut unit = Unit::new(1, 1, b"").unwrap();
//! unit.set(0, 0, Segment::complete("hello"));
//!
//! let mut writer = Writer::new(WriterOptions::default());
//! let mut file = writer.tracks(&table);
//! file.extend(writer.unit(&StoredUnit::of(0, 1_000_000_000, &unit)).unwrap());
//! file.extend(writer.finish());
//!
//! let mut parser = Parser::default();
//! parser.push(&file);
//! let mut units = 0;
//! while let Some(parsed) = parser.next_record().unwrap() {
//!     units += usize::from(matches!(parsed.record, Record::Unit(_)));
//! }
//! assert_eq!(units, 1);
//! ```

mod error;
mod head;
mod index;
mod load;
mod parser;
mod reader;
mod record;
mod stored;
mod summary;
pub mod thin;
mod writer;

pub use error::{Error, ReadError};
pub use head::{Head, MAX_TAGS, Tags};
pub use index::{Entry, Index, IndexBuilder, MAX_ENTRIES};
pub use load::{Loaded, ReadAt, load_index, scan};
pub use parser::{Ending, Parsed, Parser, Record};
pub use reader::FileReader;
pub use record::{END_LENGTH, End, HEADER_LENGTH, MAX_RECORD, RecordHeader, RecordKind, VERSION};
pub use stored::{StoredFlags, StoredUnit};
pub use summary::Summary;
pub use writer::{Writer, WriterOptions};

/// What a file begins with, and every record in it.
pub const SYNC: [u8; 4] = *b"\xf4FQL";
