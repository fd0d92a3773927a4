//! The program, and a folder for the files of one test.
//! **Invariant:** the folder is empty when the test starts; two tests never share one.
//! It does not clean up: it lies in the build directory, and what a failed test wrote is worth a look.
#![allow(dead_code, clippy::unwrap_used)] // no test needs everything; helpers of tests may fail as tests do

use std::{path::PathBuf, process::Command};

/// Names an emulator for another processor's programs, with its arguments: one a line.
const EMULATOR: &str = "INBETWEEN_EMULATOR";

/// The command, where needed by way of the emulator that runs the test itself.
pub fn inbetween() -> Command {
    let program = env!("CARGO_BIN_EXE_inbetween");
    let Ok(emulator) = std::env::var(EMULATOR) else { return Command::new(program) };
    let mut words = emulator.lines();
    let mut command = Command::new(words.next().expect("the emulator has a name"));
    command.args(words).arg(program);
    command
}

/// An empty folder named after a test.
pub fn folder(test: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    if path.exists() {
        std::fs::remove_dir_all(&path).unwrap();
    }
    std::fs::create_dir_all(&path).unwrap();
    path
}
