//! The real models, recordings and photographs that `cargo xtask assets` fetches.
//! **Invariant:** what is missing is an error or a reason that says how to get it; nothing stands in for it.
//! It does not fetch anything itself.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use inbetween_sim::{Photograph, Photographs, SceneSpec};

/// The folder that `cargo xtask assets` fills; `INBETWEEN_ASSETS` names another.
pub fn folder() -> PathBuf {
    std::env::var_os("INBETWEEN_ASSETS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("assets"), PathBuf::from)
}

/// A fetched file by its name, wherever in the folder it is.
pub fn find(name: &str) -> Option<PathBuf> {
    let pattern = format!("{}/**/{name}", folder().display());
    glob::glob(&pattern).ok()?.find_map(Result::ok)
}

/// Supplies the photographs that a scene shows: `NAME.png` or `NAME.jpg` among the assets. `Err` is the reason why the
/// scene cannot be run, in words.
///
/// # Errors
/// When a photograph that is there cannot be read.
pub fn supply(spec: &mut SceneSpec) -> anyhow::Result<Result<(), String>> {
    let mut named = Vec::new();
    let mut missing = Vec::new();
    for name in spec.photograph_names() {
        match ["png", "jpg"].iter().find_map(|kind| find(&format!("{name}.{kind}"))) {
            Some(file) => named.push((name.to_owned(), photograph(&file)?)),
            None => missing.push(name),
        }
    }
    if !missing.is_empty() {
        return Ok(Err(format!(
            "no photograph {} in {}: run `cargo xtask assets photographs`",
            missing.join(", "),
            folder().display()
        )));
    }
    spec.photographs = named.into_iter().collect::<Photographs>();
    Ok(Ok(()))
}

fn photograph(file: &Path) -> anyhow::Result<Photograph> {
    let picture = image::open(file).with_context(|| format!("cannot read {}", file.display()))?.into_luma8();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Photograph::new(width, height, picture.into_raw())
        .with_context(|| format!("{} has no pixels", file.display()))
}
