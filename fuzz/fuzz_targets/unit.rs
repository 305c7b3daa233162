//! Any bytes are a unit or an error, and a unit survives the trip back through bytes.
#![no_main]

use fql_unit::Unit;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(unit) = Unit::from_bytes(bytes) {
        assert!(unit.payload_len() <= bytes.len());
        assert!(unit.complete_layers_everywhere() <= unit.coded_layers());
        assert_eq!(Unit::from_bytes(&unit.to_bytes()).as_ref(), Ok(&unit));
    }
});
