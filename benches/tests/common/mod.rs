//! A folder for the files of one test.
//! **Invariant:** it is empty when the test starts; two tests never share one.
//! It does not clean up: it lies in the build directory, and what a failed test wrote is worth a look.

use std::path::PathBuf;

/// An empty folder named after a test.
pub fn folder(test: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    if path.exists() {
        std::fs::remove_dir_all(&path).unwrap();
    }
    std::fs::create_dir_all(&path).unwrap();
    path
}
