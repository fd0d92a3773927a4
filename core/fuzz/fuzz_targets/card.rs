//! Any text as a card: a card or an error that says where and how to mend, never a panic.
#![no_main]

use inbetween::Card;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = Card::parse(text) {
        assert!(!error.to_string().is_empty());
    }
});
