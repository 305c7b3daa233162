//! Copies without the layers above one.

mod common;

use std::io::Cursor;

use common::{DATA, LAYERED, SOUND, VIDEO, only_units, parse, units, write};
use fql_file::thin::{self, CopyError};
use fql_file::{FileReader, Record, StoredUnit};

fn copy(file: &[u8], max_layer: u8) -> (Vec<u8>, thin::Report) {
    let mut copied = Vec::new();
    let report = thin::copy(Cursor::new(file), &mut copied, max_layer, 99, |_| true).unwrap();
    (copied, report)
}

#[test]
fn a_copy_has_the_lower_layers_bit_for_bit_and_no_others() {
    let units = units(30);
    let (file, _) = write(&units);
    for max_layer in 0..5 {
        let (copied, report) = copy(&file, max_layer);
        let mut expected = Vec::new();
        for stored in &units {
            let mut unit = stored.unit().unwrap();
            let is_left_out = stored.track == VIDEO && unit.coded_layers() > max_layer + 1;
            if is_left_out {
                continue;
            }
            unit.set_coded_layers(unit.coded_layers().min(max_layer + 1));
            expected.push(StoredUnit { unit: unit.to_bytes().into(), ..stored.clone() });
        }
        let found = only_units(parse(&copied));
        assert_eq!(found, expected, "up to layer {max_layer}");
        assert_eq!((report.units, report.left_out), (found.len() as u64, (units.len() - found.len()) as u64));
        assert_eq!((report.written, report.read), (copied.len() as u64, file.len() as u64));
        assert!(!report.was_cut && report.damaged == 0);
    }
}

#[test]
fn encoded_video_loses_its_units_by_importance_and_sound_and_data_stay() {
    let (file, _) = write(&units(30));
    let (copied, _) = copy(&file, 0);
    let of = |track: u8| only_units(parse(&copied)).into_iter().filter(move |unit| unit.track == track);
    assert_eq!(
        (of(VIDEO).count(), of(SOUND).count(), of(DATA).count(), of(LAYERED).count()),
        (10, 30, 6, 30)
    );
    assert!(of(VIDEO).all(|unit| unit.flags.key));
}

#[test]
fn the_copy_says_of_itself_what_the_file_said_and_has_an_index_of_its_own() {
    let (file, _) = write(&units(60));
    let (copied, _) = copy(&file, 1);
    let records = parse(&copied);
    assert!(records.contains(&parse(&file)[0]) && records.contains(&parse(&file)[1]));
    let loaded = FileReader::new(Cursor::new(&copied)).index().unwrap();
    assert!(!loaded.is_rebuilt);
    let whole = FileReader::new(Cursor::new(&file)).index().unwrap().index;
    assert_eq!((loaded.index.begin(), loaded.index.end()), (whole.begin(), whole.end()));
    let bytes = |index: &fql_file::Index| index.summary(LAYERED).unwrap().layer_bytes.clone();
    assert_eq!(bytes(&loaded.index), bytes(&whole)[..2]);
}

#[test]
fn of_a_damaged_and_cut_off_file_all_that_is_whole_is_copied() {
    let units = units(10);
    let (mut file, ends) = write(&units);
    file[ends[3] + 30] ^= 1;
    let (copied, report) = copy(&file[..ends[20] - 1], 15);
    let mut expected = units[..20].to_vec();
    expected.remove(4);
    assert_eq!(only_units(parse(&copied)), expected);
    assert!(report.was_cut && report.damaged > 0);
    assert!(parse(&copied).iter().any(|record| matches!(record, Record::End(_))));
}

#[test]
fn a_copy_that_nobody_wants_any_more_ends() {
    let (file, _) = write(&units(10));
    let result = thin::copy(Cursor::new(&file), &mut Vec::new(), 1, 0, |_| false);
    assert!(matches!(result, Err(CopyError::GivenUp)));
}

#[test]
fn units_that_lose_what_others_are_predicted_from_are_counted() {
    let mut units = units(30);
    for stored in units.iter_mut().filter(|stored| stored.track == LAYERED) {
        let mut unit = stored.unit().unwrap();
        unit.set_reference_layers(2.min(unit.coded_layers()));
        stored.unit = unit.to_bytes().into();
    }
    let (file, _) = write(&units);
    assert_eq!([4, 1, 0].map(|max_layer| copy(&file, max_layer).1.drifting), [0, 0, 30]);
}
