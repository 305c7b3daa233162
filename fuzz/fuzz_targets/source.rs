#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fql_fuzz::targets::source(bytes));
