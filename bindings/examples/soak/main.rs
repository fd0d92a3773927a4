//! Long runs over the real library: do answers ever wait, and does a session leave anything behind?
//! **Invariant:** it fails when they do; what only the machine did (another process had the core) is told apart.
//! It does not measure what calls cost: see `cargo xtask calls`.
//!
//! `soak locks SECONDS` lets three threads share a session at real rates; `soak sessions COUNT` opens and closes that many.
//! Either prints a table and one line of JSON. The tests of this example run both for a short time.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a command line tool

mod histogram;
mod locks;
mod memory;
mod sessions;
#[path = "../spot/mod.rs"]
mod spot;

use std::{env, process::ExitCode};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Live bytes are those of the whole process, and a wait may be for another test's work: long runs take turns.
#[cfg(test)]
static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().map_err(|e| format!("{text}: {e}"));
    let done = match words[..] {
        ["locks", seconds] => number(seconds).map_err(Failure::from).and_then(locks::print),
        ["sessions", count] => number(count).map_err(Failure::from).and_then(sessions::print),
        _ => Err("usage: soak locks SECONDS | soak sessions COUNT".into()),
    };
    if let Err(error) = done {
        eprintln!("soak: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
