//! Any bytes are a track table or an error, and a table survives the trip back through bytes.
#![no_main]

use fql_unit::TrackTable;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(table) = TrackTable::from_bytes(bytes) {
        assert_eq!(TrackTable::from_bytes(&table.to_bytes()).as_ref(), Ok(&table));
    }
});
