use std::io::Cursor;

use fql_file::{FileReader, Parser, Record, RecordHeader, RecordKind, VERSION, thin};
use fql_unit::MAX_LAYERS;

use crate::input::Input;

const KINDS: [RecordKind; 7] = [
    RecordKind::Head,
    RecordKind::Tracks,
    RecordKind::Tags,
    RecordKind::Unit,
    RecordKind::Index,
    RecordKind::End,
    RecordKind::Other(77),
];
const MAX_PIECES: usize = 64;
const MAX_JUMPS: usize = 4;

/// Whatever a file holds, whole and with true checksums or damaged, it is read to its end in pieces of any size and
/// gives no more bytes than it has; its index leads into it; and a copy without upper layers is a whole file.
pub fn file(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (piece, max_layer) = (1 + usize::from(input.u16()), input.u8() % MAX_LAYERS);
    let file = put_together(&mut input);
    let units = read_in_pieces(&file, piece);
    follow_the_index(&file);
    copy_without_layers(&file, max_layer, units);
}

/// Records with true checksums, and bytes between them. What is left at the end of the input is the file as it is.
fn put_together(input: &mut Input) -> Vec<u8> {
    let mut file = Vec::new();
    for _ in 0..MAX_PIECES {
        let kind = input.u8();
        match kind % 9 {
            0 => break,
            1 => file.extend(input.bytes()),
            number => {
                let body = input.bytes();
                let kind = KINDS[usize::from(number) - 2];
                let (serial, body_crc) = (0, crc32fast::hash(body));
                let header = RecordHeader { version: VERSION, kind, serial, length: body.len(), body_crc };
                file.extend(header.to_bytes());
                file.extend(body);
            }
        }
    }
    file.extend(input.rest());
    file
}

/// Gives how many units were found.
fn read_in_pieces(file: &[u8], piece: usize) -> u64 {
    let mut parser = Parser::default();
    let (mut units, mut damaged, mut last) = (0, 0, 0);
    for bytes in file.chunks(piece) {
        parser.push(bytes);
        while let Ok(Some(parsed)) = parser.next_record() {
            assert!(parsed.offset >= last && parsed.offset <= file.len() as u64);
            last = parsed.offset;
            match parsed.record {
                Record::Unit(stored) => {
                    assert!(stored.unit.len() <= file.len());
                    let _ = (stored.unit(), stored.end(), stored.decoding_time());
                    units += 1;
                }
                Record::Damage(bytes) => damaged += bytes,
                _ => {}
            }
        }
    }
    assert!(damaged <= file.len() as u64);
    let _ = parser.ending();
    units
}

fn follow_the_index(file: &[u8]) {
    let mut reader = FileReader::new(Cursor::new(file));
    let Ok(loaded) = reader.index() else { return };
    let index = loaded.index;
    let _ = (index.begin(), index.end(), index.start(0, |_| true), index.start(i64::MAX, |_| true));
    for entry in index.entries.iter().take(MAX_JUMPS) {
        if reader.jump(entry).is_ok() {
            let _ = reader.next_record();
        }
    }
}

fn copy_without_layers(file: &[u8], max_layer: u8, units: u64) {
    let mut out = Vec::new();
    let Ok(report) = thin::copy(file, &mut out, max_layer, 7, |_| true) else { return };
    assert_eq!(report.written, out.len() as u64);
    assert!(report.units + report.left_out <= units);
    let mut parser = Parser::default();
    parser.push(&out);
    let mut again = 0;
    while let Some(parsed) = parser.next_record().expect("it is of this version") {
        assert!(!matches!(parsed.record, Record::Damage(_)));
        again += u64::from(matches!(parsed.record, Record::Unit(_)));
    }
    assert_eq!(again, report.units);
    assert_eq!(parser.ending(), fql_file::Ending::Finished);
}
