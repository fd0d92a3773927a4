//! Folders that packages are put together in.
//! **Invariant:** what is made here is empty.
//! It does not clean up behind a package: what is in it is worth a look.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// `folder`, empty.
pub fn fresh(folder: &Path) -> Result<PathBuf> {
    let _ = fs::remove_dir_all(folder); // not there the first time
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder.to_path_buf())
}
