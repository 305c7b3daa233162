//! `stream thin` and `stream info` on files of their own.

mod common;

use std::path::{Path, PathBuf};

use common::{Folder, run};
use fql_file::{FileReader, Record, StoredUnit, Tags, Writer, WriterOptions};
use fql_unit::{AudioFormat, AudioInfo, Media, Segment, Track, TrackTable, Unit};
use serde_json::Value;

/// Sound of four layers of 10, 20, 30 and 40 bytes, in a hundred units of 20 ms.
fn file() -> Vec<u8> {
    let media =
        Media::Audio(AudioInfo { rate: 48_000, channels: 2, format: AudioFormat::S16, channel_mask: 3 });
    let table = TrackTable::new(vec![Track { id: 3, name: String::new(), layers: 4, media }]).unwrap();
    let mut writer =
        Writer::new(WriterOptions { created: 1_800_000_000_000_000, ..WriterOptions::default() });
    let mut tags = Tags::default();
    tags.set("title", "a sea").unwrap();
    let mut bytes = writer.tags(&tags);
    bytes.extend(writer.tracks(&table));
    for n in 0..100 {
        let mut unit = Unit::new(4, 1, b"p").unwrap();
        for layer in 0..4 {
            unit.set(layer, 0, Segment::complete(vec![n as u8; 10 * (usize::from(layer) + 1)]));
        }
        let stored = StoredUnit { duration: Some(20_000_000), ..StoredUnit::of(3, n * 20_000_000, &unit) };
        bytes.extend(writer.unit(&stored).unwrap());
    }
    bytes.extend(writer.finish());
    bytes
}

struct Files {
    _folder: Folder,
    input: PathBuf,
    output: PathBuf,
}

impl Files {
    fn new(test: &str, bytes: &[u8]) -> Self {
        let folder = Folder::new(test);
        let (input, output) = (folder.0.join("in.fql"), folder.0.join("out.fql"));
        std::fs::write(&input, bytes).unwrap();
        Self { _folder: folder, input, output }
    }

    fn thin(&self, layer: &str, more: &[&str]) -> common::Ran {
        let (input, output) = (self.input.to_str().unwrap(), self.output.to_str().unwrap());
        run(&[&["thin", input, output, "--max-layer", layer], more].concat())
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.input.parent().unwrap()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn units(file: &Path) -> Vec<Unit> {
    let mut reader = FileReader::new(std::fs::File::open(file).unwrap());
    let mut units = Vec::new();
    while let Some(parsed) = reader.next_record().unwrap() {
        if let Record::Unit(stored) = parsed.record {
            units.push(stored.unit().unwrap());
        }
    }
    units
}

#[test]
fn a_copy_has_the_lower_layers_alone() {
    let files = Files::new("thin", &file());
    let ran = files.thin("1", &[]);
    assert!(ran.code == 0 && ran.err.is_empty(), "{ran:?}");
    assert!(ran.out.starts_with('✓') && ran.out.contains("layers 0 to 1"), "{ran:?}");
    let (whole, thin) = (units(&files.input), units(&files.output));
    assert_eq!((whole.len(), thin.len()), (100, 100));
    for (whole, thin) in whole.iter().zip(&thin) {
        assert_eq!(thin.coded_layers(), 2);
        assert!((0..2).all(|layer| thin.segment(layer, 0) == whole.segment(layer, 0)));
    }
    assert_eq!(files.names(), ["in.fql", "out.fql"]);
}

#[test]
fn a_file_is_thinned_in_its_place() {
    let mut files = Files::new("in-place", &file());
    files.output = files.input.clone();
    let document: Value = serde_json::from_str(&files.thin("0", &["--json"]).out).unwrap();
    assert_eq!(
        (&document["units"], &document["maxLayer"], &document["wasCut"]),
        (&100.into(), &0.into(), &false.into())
    );
    assert!(units(&files.input).iter().all(|unit| unit.coded_layers() == 1));
    assert_eq!(files.names(), ["in.fql"]);
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_copied() {
    let mut bytes = file();
    let half = bytes.len() / 2;
    bytes[half] ^= 1;
    bytes.truncate(bytes.len() - 2_000);
    let files = Files::new("damaged", &bytes);
    let ran = files.thin("3", &[]);
    assert!(ran.code == 0 && ran.err.contains("has no end") && ran.err.lines().count() == 1, "{ran:?}");
    assert!((70..99).contains(&units(&files.output).len()));
}

#[test]
fn a_copy_that_fails_leaves_nothing_behind() {
    let files = Files::new("nothing", b"no file at all");
    std::fs::write(&files.output, "as it was").unwrap();
    let ran = files.thin("3", &[]);
    assert!(ran.code == 1 && ran.err.contains("in.fql") && ran.err.contains("no .fql file"), "{ran:?}");
    assert_eq!(std::fs::read(&files.output).unwrap(), b"as it was");
    assert_eq!(files.names(), ["in.fql", "out.fql"]);
    assert_eq!(run(&["thin", "/no/such.fql", "/tmp/x.fql", "--max-layer", "3"]).code, 1);
    assert_eq!(files.thin("15", &[]).code, 2);
}

#[test]
fn info_tells_what_a_file_holds() {
    let files = Files::new("info", &file());
    let ran = run(&["info", files.input.to_str().unwrap()]);
    for words in [
        "Duration: 0:02",
        "2027-01-15T08:00:00Z",
        "4 refresh points",
        "title  a sea",
        "sound in layers, 48000 Hz, 2 channels",
        "40 kbit/s",
        "4 kbit/s + 8 kbit/s + 12 kbit/s + 16 kbit/s",
    ] {
        assert!(ran.out.contains(words), "nothing about {words}: {}", ran.out);
    }
    let document: Value =
        serde_json::from_str(&run(&["info", "--json", files.input.to_str().unwrap()]).out).unwrap();
    assert_eq!((&document["durationMs"], &document["hasIndex"]), (&2_000.into(), &true.into()));
    assert_eq!(document["tracks"][0]["layerBytes"], serde_json::json!([1_000, 2_000, 3_000, 4_000]));
}

#[test]
fn info_of_a_file_without_an_end_counts_what_is_there() {
    let bytes = file();
    let files = Files::new("info-cut", &bytes[..bytes.len() - 2_000]);
    let ran = run(&["info", files.input.to_str().unwrap()]);
    assert!(ran.code == 0 && ran.out.contains("missing: the file was not finished"), "{ran:?}");
    assert!(ran.out.contains("kbit/s + "), "{ran:?}");
    let missing = run(&["info", "/no/such.fql"]);
    assert!(missing.code == 1 && missing.err.contains("/no/such.fql"), "{missing:?}");
}
