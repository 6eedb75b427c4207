#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| motia_fuzz::run("evaluate", data));
