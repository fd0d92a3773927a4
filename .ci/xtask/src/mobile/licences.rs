//! `cargo xtask licences`: the licences that a package must carry, of the SDK and of every crate that is linked into it.
//! **Invariant:** every crate that cargo links for one of the targets is named, each licence file of it is quoted.
//! It does not judge licences: `deny.toml` says which may be there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::{build::ABIS, folder::fresh};
use crate::{process, repo::Repo};

const OURS: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];
const THIRD_PARTY: &str = "THIRD-PARTY.txt";
const HEADER: &str = "Inbetween contains these libraries. The standard library of Rust is under MIT OR Apache-2.0.\n\
                      The address of each leads to its source.\n\n";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    authors: Vec<String>,
    manifest_path: std::path::PathBuf,
    source: Option<String>,
}

/// Writes them into `folder` for a library that is built for `targets`.
pub fn write(repo: &Repo, targets: &[&str], folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for file in OURS {
        fs::copy(repo.root.join(file), folder.join(file)).with_context(|| format!("cannot copy {file}"))?;
    }
    let linked = linked(repo, targets)?;
    let mut metadata = repo.cargo();
    let output = metadata.args(["metadata", "--format-version=1", "--locked"]).output()?;
    ensure!(output.status.success(), "cargo metadata failed ({})", output.status);
    let packages = serde_json::from_slice::<Metadata>(&output.stdout).context("cargo metadata")?.packages;
    let third: Vec<&Package> = packages
        .iter()
        .filter(|p| p.source.is_some() && linked.contains(&format!("{} v{}", p.name, p.version)))
        .collect();
    ensure!(!third.is_empty(), "cargo links no crates for {targets:?}");
    fs::write(folder.join(THIRD_PARTY), notices(&third)?).context("cannot write the licences")?;
    check(folder)
}

/// `name vVERSION` of all that is linked, without what runs at build time.
fn linked(repo: &Repo, targets: &[&str]) -> Result<BTreeSet<String>> {
    let mut tree = repo.cargo();
    tree.args(["tree", "--package", "inbetween-ffi", "--edges", "normal,no-proc-macro", "--locked"]);
    tree.args(["--prefix", "none", "--no-dedupe", "--format", "{p}"]);
    for target in targets {
        tree.args(["--target", target]);
    }
    let end = process::capture(&mut tree)?;
    ensure!(end.success, "cargo tree failed: {}", end.tail(3));
    let words = |line: &String| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    Ok(end.lines.iter().map(words).collect())
}

/// The list of crates, then each text with the crates that have it.
fn notices(packages: &[&Package]) -> Result<String> {
    let mut list = HEADER.to_owned();
    // By words: the same text is often broken into other lines.
    let mut texts: BTreeMap<String, (String, BTreeSet<&str>)> = BTreeMap::new();
    for package in packages {
        let licence =
            package.license.as_deref().with_context(|| format!("{} has no licence", package.name))?;
        let address = package.repository.as_deref().unwrap_or("no address");
        writeln!(list, "{} {}: {licence}; {address}", package.name, package.version)?;
        let files = licence_texts(package.manifest_path.parent().context("a manifest is in a folder")?)?;
        if files.is_empty() && !package.authors.is_empty() {
            writeln!(list, "    by {}", package.authors.join(", "))?;
        }
        for text in files {
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let (_, names) = texts.entry(words).or_insert_with(|| (text, BTreeSet::new()));
            names.insert(&package.name);
        }
    }
    for (text, names) in texts.into_values() {
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        write!(list, "\n{}\n{names}\n\n{text}\n", "-".repeat(80))?;
    }
    Ok(list)
}

/// What files of a crate say about its licence, with line ends of one kind.
fn licence_texts(folder: &Path) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        let named = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];
        if named.iter().any(|n| name.starts_with(n)) && entry.file_type()?.is_file() {
            let text = String::from_utf8_lossy(&fs::read(entry.path())?).replace("\r\n", "\n");
            texts.push(text.trim().to_owned());
        }
    }
    texts.sort();
    Ok(texts)
}

/// Part of the suite `packages`: those for phones are written, and a folder that lacks some is refused.
pub fn check_written(repo: &Repo) -> Result<()> {
    let folder = fresh(&repo.target.join("packages/licences"))?;
    write(repo, &ABIS.map(|abi| abi.triple), &folder)?;
    fs::write(folder.join(THIRD_PARTY), HEADER)?;
    ensure!(check(&folder).is_err(), "a {THIRD_PARTY} without crates is not seen");
    Ok(())
}

/// Whether `folder` holds the SDK's licences, and those of libraries that are in every build.
pub fn check(folder: &Path) -> Result<()> {
    for file in OURS {
        ensure!(folder.join(file).is_file(), "it lacks {file}");
    }
    let third = fs::read_to_string(folder.join(THIRD_PARTY)).with_context(|| format!("no {THIRD_PARTY}"))?;
    for library in ["tract-core ", "uniffi_core ", "libm "] {
        let named = third.lines().any(|l| l.starts_with(library) && l.contains(": "));
        ensure!(named, "{THIRD_PARTY} does not name {library}");
    }
    ensure!(third.contains("Permission is hereby granted"), "{THIRD_PARTY} quotes no licence");
    Ok(())
}
