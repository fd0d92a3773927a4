//! Tools from package registries, in a virtual environment under the build directory.
//! **Invariant:** versions are pinned in the requirements file; an environment is made once for each content of it.
//! It does not install anything outside the build directory.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::{digest::sha256, process, repo::Repo};

/// The `bin` folder of an environment with what `requirements` (from the root) names.
///
/// # Errors
/// When Python, its `venv` or the registry is missing, with what to do.
pub fn environment(repo: &Repo, requirements: &str) -> Result<PathBuf> {
    let wanted = sha256(repo.read(requirements)?.as_bytes());
    let home = repo.target.join("tools").join(format!("python-{}", &wanted[..12]));
    let bin = home.join("bin");
    let stamp = home.join("complete");
    if stamp.is_file() {
        return Ok(bin);
    }
    eprintln!("  installing {requirements} into {}", home.display());
    let made = process::capture(repo.command("python3").args(["-m", "venv", "--clear"]).arg(&home))
        .context("install python3")?;
    if !made.success {
        bail!("python3 -m venv failed: install python3-venv\n{}", made.tail(5));
    }
    let mut pip = repo.command(bin.join("python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
        requirements,
    ]);
    let installed = process::stream(&mut pip, |_| true)?;
    if !installed.success {
        bail!("pip cannot install {requirements} (no network?)\n{}", installed.tail(5));
    }
    fs::write(stamp, "")?;
    Ok(bin)
}

/// The interpreter of an environment.
pub fn python(bin: &Path) -> PathBuf {
    bin.join("python")
}
