//! Part of suite `clippy`: the fuzz targets, which are a workspace of their own and would else rot unseen.
//! **Invariant:** versions are those of the repository's lock file; nothing is written outside of the build directory.
//! It does not fuzz: that needs libFuzzer, which `cargo fuzz` compiles (`core/fuzz/README.md`).

use std::fs;

use anyhow::{Context, Result, bail};

use crate::{process, repo::Repo};

const FOLDER: &str = "core/fuzz";

/// Lints a copy of the manifest that names the targets and crates where they are.
pub fn check(repo: &Repo) -> Result<()> {
    let root = repo.root.display();
    let manifest = repo.read(format!("{FOLDER}/Cargo.toml"))?;
    let staged = staged(&manifest, &root.to_string())?;
    let folder = repo.target.join("fuzz-check");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("Cargo.toml"), staged)?;
    fs::copy(repo.root.join("Cargo.lock"), folder.join("Cargo.lock")).context("no Cargo.lock")?;
    let mut command = repo.cargo();
    command
        .args(["clippy", "--no-default-features", "--bins", "--manifest-path"])
        .arg(folder.join("Cargo.toml"));
    let end = process::stream(command.args(["--", "-D", "warnings"]), |_| true)?;
    if !end.success {
        bail!("the fuzz targets do not build (above): {FOLDER}/fuzz_targets");
    }
    Ok(())
}

/// The manifest with absolute paths.
fn staged(manifest: &str, root: &str) -> Result<String> {
    let mut text = manifest.to_owned();
    for (relative, absolute) in [
        ("path = \"..\"", format!("path = \"{root}/core\"")),
        ("path = \"../", format!("path = \"{root}/core/")),
        ("path = \"fuzz_targets/", format!("path = \"{root}/{FOLDER}/fuzz_targets/")),
    ] {
        if !text.contains(relative) {
            bail!("{FOLDER}/Cargo.toml has no `{relative}`: its paths are written otherwise now");
        }
        text = text.replace(relative, &absolute);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_paths_become_absolute() {
        let manifest = include_str!("../../../../core/fuzz/Cargo.toml");
        let staged = staged(manifest, "/r").unwrap();
        let paths: Vec<&str> = staged.split("path = \"").skip(1).collect();
        assert!(paths.len() >= 5 && paths.iter().all(|p| p.starts_with("/r/core")), "{staged}");
        assert!(super::staged("[package]", "/r").is_err());
    }
}
