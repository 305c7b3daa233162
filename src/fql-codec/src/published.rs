//! The tables that `docs/fql-0.4.md` refers to are published beside it, for those who write another decoder. A test
//! holds `docs/fql-0.4/tables.json` equal to the ones that are used here; `UPDATE_VECTORS=1` writes it anew, after a
//! change of the format.

use std::fmt::Write;

use crate::{audio, video};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/fql-0.4/tables.json");

/// The tables of one codec by their names.
pub(crate) type Tables = Vec<(&'static str, Vec<u16>)>;

fn json() -> String {
    let mut out = String::from("{\n");
    let codecs = [("video", video::published()), ("audio", audio::published())];
    for (index, (codec, tables)) in codecs.iter().enumerate() {
        let _ = writeln!(out, "  \"{codec}\": {{");
        for (index, (name, table)) in tables.iter().enumerate() {
            let _ = writeln!(out, "    \"{name}\": [");
            let rows: Vec<String> = table.chunks(15).map(row).collect();
            let _ = writeln!(out, "{}\n    ]{}", rows.join(",\n"), comma(index, tables.len()));
        }
        let _ = writeln!(out, "  }}{}", comma(index, codecs.len()));
    }
    out + "}\n"
}

fn row(numbers: &[u16]) -> String {
    let numbers: Vec<String> = numbers.iter().map(u16::to_string).collect();
    format!("      {}", numbers.join(", "))
}

fn comma(index: usize, count: usize) -> &'static str {
    if index + 1 < count { "," } else { "" }
}

#[test]
fn the_published_tables_are_those_that_are_used() {
    let tables = json();
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(FILE, &tables).unwrap();
    }
    assert!(std::fs::read_to_string(FILE).unwrap() == tables, "{FILE} is not what the codec uses");
}
