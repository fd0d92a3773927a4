//! `cargo xtask bindings`: Kotlin, Swift or Python from the library of `inbetween-ffi`.
//! **Invariant:** generated code goes below the build directory; none is in git.
//! It does not compile what it generates: the suites of the languages do.

use std::{
    borrow::Cow,
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::{process, repo::Repo};

/// How Swift finds the C header. The generator's own map uses modules of Apple's systems.
pub const MODULE_MAP: &str =
    "module InbetweenCoreFFI {\n    header \"InbetweenCoreFFI.h\"\n    export *\n}\n";

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
    if language == Language::Kotlin {
        let file = folder.join("dev/inbetween/inbetween_ffi.kt");
        let text = fs::read_to_string(&file).with_context(|| format!("no {}", file.display()))?;
        fs::write(&file, hide_machinery(&text))?;
    }
    Ok(folder)
}

/// Makes everything internal but plain data: apps see records, enums and the error, and the hand-written API.
fn hide_machinery(kotlin: &str) -> String {
    const DATA: &[&str] = &["data class ", "enum class ", "sealed class "];
    const MACHINERY: &[&str] =
        &["object ", "interface ", "class ", "open class ", "abstract class ", "fun ", "inline fun "];
    let mut hidden = String::with_capacity(kotlin.len() + 4096);
    for line in kotlin.lines() {
        // Functions outside of classes have one space before them, or a list of what they throw.
        let line = match line.strip_prefix(" fun ") {
            Some(rest) => Cow::from(format!("fun {rest}")),
            None => line.replacen("::class) fun `", "::class) internal fun `", 1).into(),
        };
        let bare = line.strip_prefix("public ").unwrap_or(&line);
        let data = DATA.iter().any(|d| bare.starts_with(d)) && !bare.contains("LogSinkException");
        if !data && MACHINERY.iter().chain(DATA).any(|m| bare.starts_with(m)) {
            hidden.push_str("internal ");
            hidden.push_str(bare);
        } else if let Some((indent, rest)) = line.split_once("companion object ErrorHandler") {
            hidden.extend([indent, "internal companion object ErrorHandler", rest]);
        } else {
            hidden.push_str(&line);
        }
        hidden.push('\n');
    }
    hidden
}

/// A folder with the sources of `language`, the library, and `vectors.json`: what the facade answers to a scenario.
pub fn for_tests(repo: &Repo, language: Language) -> Result<PathBuf> {
    let folder = generate(repo, language)?;
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
    fs::write(c.join("module.modulemap"), MODULE_MAP).context("cannot write the module map")?;
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

/// The library as tests load it, built if it is not.
pub fn library_for_tests(repo: &Repo) -> Result<PathBuf> {
    build(repo)?;
    Ok(library(repo))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_data_of_the_generated_kotlin_is_public() {
        let text = "public object FfiConverterX {\nopen class Session: Disposable\ndata class Answer (\n\
                    internal class Y\nsealed class SdkException: kotlin.Exception() {\n    \
                    companion object ErrorHandler : Z\ninline fun <T> T.use() = 1\nenum class Carry {";
        let hidden = "internal object FfiConverterX {\ninternal open class Session: Disposable\n\
                      data class Answer (\ninternal class Y\nsealed class SdkException: kotlin.Exception() {\n    \
                      internal companion object ErrorHandler : Z\ninternal inline fun <T> T.use() = 1\n\
                      enum class Carry {\n";
        assert_eq!(hide_machinery(text), hidden);
    }
}
