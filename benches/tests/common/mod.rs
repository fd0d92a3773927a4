//! The program, a folder for the files of one test, and the small model with a video for it.
//! **Invariant:** the folder is empty when the test starts; two tests never share one.
//! It does not clean up: it lies in the build directory, and what a failed test wrote is worth a look.
#![allow(dead_code, clippy::unwrap_used)] // no test needs everything; helpers of tests may fail as tests do

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A model that finds the bright spot, and its card.
pub const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/tests/models/bright_spot.onnx");
pub const CARD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/tests/models/bright_spot.toml");

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

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The rows of a file with one JSON object a line.
pub fn rows(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A video of so many frames of a bright square that moves to the right, 96 × 96, 30 frames a second.
pub fn square(folder: &Path, frames: usize) -> PathBuf {
    let path = folder.join("square.y4m");
    let mut out = b"YUV4MPEG2 W96 H96 F30:1 C420jpeg\n".to_vec();
    for n in 0..frames {
        out.extend_from_slice(b"FRAME\n");
        let mut luma = vec![30_u8; 96 * 96];
        for y in 36..60 {
            for x in 0..24 {
                // A pattern, so that there is something to follow.
                luma[y * 96 + n + x] = 215 + ((x / 3 + y / 3) % 2 * 35) as u8;
            }
        }
        out.extend(luma);
        out.extend(std::iter::repeat_n(128, 2 * 48 * 48));
    }
    std::fs::write(&path, out).unwrap();
    path
}
