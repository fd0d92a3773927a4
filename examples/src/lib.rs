//! What the examples share: where files are.
//!
//! The examples themselves are `live` (video), `risk` (events) and `voice` (audio); see the README of this folder.
#![forbid(unsafe_code)]

use std::{env, path::PathBuf};

/// The path of a file that `cargo xtask assets` fetches, whether or not it is there.
///
/// Assets are in `assets/` of the repository, or where the environment variable `INBETWEEN_ASSETS` says.
pub fn asset(path: &str) -> PathBuf {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../assets"));
    env::var_os("INBETWEEN_ASSETS").map_or_else(default, PathBuf::from).join(path)
}
