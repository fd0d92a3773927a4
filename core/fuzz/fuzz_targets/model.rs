//! Any bytes as a model: a model or a typed error, never a panic out, never memory without bound.
#![no_main]

use inbetween::Bundle;
use libfuzzer_sys::fuzz_target;

const CARD: &str = include_str!("../../tests/models/bright_spot.toml");

fuzz_target!(|bytes: &[u8]| {
    let _ = Bundle::from_parts(CARD, bytes);
});
