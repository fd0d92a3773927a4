//! `cargo xtask bindings`: Kotlin, Swift or Python from the library of `inbetween-ffi`.
//! **Invariant:** generated code goes below the build directory; none is in git.
//! It does not compile what it generates: the suites of the languages do.

use std::{
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    fs,
    path::PathBuf,
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::{process, repo::Repo};

/// A language that the SDK is exported to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// For Android and the JVM.
    Kotlin,
    /// For Apple's systems.
    Swift,
    /// For tests of the border.
    Python,
}

impl Language {
    const fn name(self) -> &'static str {
        match self {
            Self::Kotlin => "kotlin",
            Self::Swift => "swift",
            Self::Python => "python",
        }
    }
}

/// Builds the library and writes the sources of `language`; returns their folder.
pub fn generate(repo: &Repo, language: Language) -> Result<PathBuf> {
    build(repo)?;
    let folder = repo.target.join("bindings").join(language.name());
    let mut command = repo.cargo();
    command
        .args(["run", "--quiet", "--package", "inbetween-bindgen", "--", "generate", "--no-format"])
        .args(["--language", language.name(), "--config", "bindings/bindgen.toml", "--out-dir"])
        .arg(&folder)
        .arg(library(repo));
    let end = process::stream(&mut command, |_| true)?;
    if !end.success {
        bail!("the generator failed ({}): {}", end.status, end.tail(5));
    }
    Ok(folder)
}

/// A folder with the Python module, its library, and `vectors.json`: what the facade answers to a scenario.
pub fn for_python(repo: &Repo) -> Result<PathBuf> {
    let folder = generate(repo, Language::Python)?;
    let library = library(repo);
    let name = library.file_name().context("the library has a name")?;
    fs::copy(&library, folder.join(name)).with_context(|| format!("cannot copy {}", library.display()))?;
    let vectors = repo.target.join("release/examples/vectors");
    let end = process::capture(repo.command(vectors).arg(folder.join("vectors.json")))?;
    if !end.success {
        bail!("no vectors ({}): {}", end.status, end.tail(5));
    }
    Ok(folder)
}

/// The library and the writer of vectors, in one build.
fn build(repo: &Repo) -> Result<()> {
    let mut command = repo.cargo();
    command.args(["build", "--release", "--package", "inbetween-ffi", "--lib", "--example", "vectors"]);
    let end = process::stream(&mut command, |_| true)?;
    if !end.success {
        bail!("inbetween-ffi does not build ({})", end.status);
    }
    Ok(())
}

fn library(repo: &Repo) -> PathBuf {
    repo.target.join("release").join(format!("{DLL_PREFIX}inbetween_ffi{DLL_SUFFIX}"))
}
