//! `cargo xtask bindings`: Kotlin, Swift or Python from the library of `inbetween-ffi`.
//! **Invariant:** generated code goes below the build directory; none is in git.
//! It does not compile what it generates: the suites of the languages do.

use std::{
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    fs,
    path::{Path, PathBuf},
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
    copy(&library, &folder.join(name))?;
    write_vectors(repo, &folder)?;
    Ok(folder)
}

/// Puts the sources where the Swift package has them, `ios/Generated`; returns a folder with `vectors.json`.
pub fn for_swift(repo: &Repo) -> Result<PathBuf> {
    let folder = generate(repo, Language::Swift)?;
    write_vectors(repo, &folder)?;
    let package = repo.root.join("ios/Generated");
    let (swift, c) = (package.join("InbetweenCore"), package.join("InbetweenCoreFFI"));
    for folder in [&swift, &c] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    copy(&folder.join("InbetweenCore.swift"), &swift.join("InbetweenCore.swift"))?;
    copy(&folder.join("InbetweenCoreFFI.h"), &c.join("InbetweenCoreFFI.h"))?;
    // The generator's own map uses modules of Apple's systems.
    let map = "module InbetweenCoreFFI {\n    header \"InbetweenCoreFFI.h\"\n    export *\n}\n";
    fs::write(c.join("module.modulemap"), map).context("cannot write the module map")?;
    Ok(folder)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

fn write_vectors(repo: &Repo, folder: &Path) -> Result<()> {
    let vectors = repo.target.join("release/examples/vectors");
    let end = process::capture(repo.command(vectors).arg(folder.join("vectors.json")))?;
    if !end.success {
        bail!("no vectors ({}): {}", end.status, end.tail(5));
    }
    Ok(())
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
