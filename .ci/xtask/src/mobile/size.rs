//! `cargo xtask size`: how large the library is, what is in it, and whether that was announced.
//! **Invariant:** a library that is more than 3% larger than its record fails, as does an export or import that nobody reviewed.
//! It does not change a record unless it is told to.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Platform,
    build::{Compilers, is_interface},
    contents::Contents,
};
use crate::{bindings, process, repo::Repo, report::Tally};

const RECORD: &str = "bindings/size.toml";
const HEADER: &str = "# Bytes of the library as it ships, and of the one that the tests load. Written by `cargo xtask size --record`.\n\
                      # A build that is more than 3% larger fails: make it smaller, or record it and say why.\n";
/// How much larger than its record a library may be, in percent.
const GROWTH: u64 = 3;
/// Pages of newer Android devices.
const PAGE: u64 = 16 * 1024;

/// What was recorded of one library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Sizes {
    file: u64,
    compressed: u64,
}

impl Sizes {
    /// On a desktop the library is not stripped: what is loaded counts.
    fn of(platform: Platform, contents: &Contents) -> Self {
        match platform {
            Platform::Desktop => Self { file: contents.sections.values().sum(), compressed: 0 },
            _ => Self { file: contents.file, compressed: contents.compressed },
        }
    }
}

/// Sizes by platform; `desktop` is the one that the tests of other languages load, with its compiler.
#[derive(Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
struct Record {
    desktop_rustc: Option<String>,
    #[serde(flatten)]
    libraries: BTreeMap<String, Sizes>,
}

impl Record {
    fn read(repo: &Repo) -> Result<Self> {
        toml::from_str(&repo.read(RECORD)?).with_context(|| format!("{RECORD} is no record"))
    }

    fn write(&self, repo: &Repo) -> Result<()> {
        let text = format!("{HEADER}{}", toml::to_string(self)?);
        fs::write(repo.root.join(RECORD), text).with_context(|| format!("cannot write {RECORD}"))
    }

    /// Whether a library is as large as it was announced.
    fn check(&self, name: &str, found: Sizes) -> Result<()> {
        let stated = self.libraries.get(name).with_context(|| format!("{RECORD} has no [{name}]"))?;
        for (what, found, stated) in
            [("file", found.file, stated.file), ("compressed", found.compressed, stated.compressed)]
        {
            ensure!(
                found * 100 <= stated * (100 + GROWTH),
                "the library for {name} has grown by {:.1}% ({what}: {found} bytes, recorded {stated}): make it \
                 smaller, or announce it with `cargo xtask size --record`",
                (found as f64 / stated as f64 - 1.0) * 100.0,
            );
        }
        Ok(())
    }
}

/// Builds for each platform and prints a table; whether all was as announced.
pub fn measure(repo: &Repo, platforms: &[Platform], record: bool, json: Option<&str>) -> Result<bool> {
    let mut known = if record { Record::read(repo).unwrap_or_default() } else { Record::read(repo)? };
    let mut measured = serde_json::Map::new();
    let mut problems = Vec::new();
    for platform in platforms {
        let name = platform.name();
        let library = match platform {
            Platform::Desktop => bindings::library_for_tests(repo)?,
            _ => Compilers::find(repo)?.build(repo, *platform)?,
        };
        let contents = Contents::read(&library)?;
        print(name, &contents);
        measured.insert(name.to_owned(), as_json(&contents));
        let sizes = Sizes::of(*platform, &contents);
        if record {
            known.libraries.insert(name.to_owned(), sizes);
            if *platform == Platform::Desktop {
                known.desktop_rustc = Some(rustc(repo)?);
            } else {
                fs::write(repo.root.join(imports_file(name)), listed(&contents))?;
            }
            known.write(repo)?;
        } else if let Err(why) = known.check(name, sizes).and_then(|()| reviewed(repo, *platform, &contents))
        {
            problems.push(format!("{why:#}"));
        }
        if let Err(why) = sound(*platform, &contents) {
            problems.push(format!("{name}: {why:#}"));
        }
    }
    if let Some(file) = json {
        let text = serde_json::to_string_pretty(&measured)?;
        fs::write(file, text).with_context(|| format!("cannot write {file}"))?;
    }
    for problem in &problems {
        eprintln!("FAILED: {problem}");
    }
    Ok(problems.is_empty())
}

/// The part of the check that needs no compilers for phones: the library that the tests load.
pub fn desktop(repo: &Repo, tally: &mut Tally) {
    if !repo.root.join(RECORD).is_file() {
        return tally.skip("size of the library: none was announced yet, `cargo xtask size --record` does");
    }
    let found = || -> Result<_> {
        Ok((Record::read(repo)?, Contents::read(&bindings::library_for_tests(repo)?)?, rustc(repo)?))
    };
    let (record, contents, rustc) = match found() {
        Ok(found) => found,
        Err(why) => return tally.fail(format!("size: {why:#}")),
    };
    tally.check("exports of the library", sound(Platform::Desktop, &contents));
    if record.desktop_rustc.as_ref() != Some(&rustc) {
        let theirs = record.desktop_rustc.unwrap_or_default();
        return tally.skip(format!("size: recorded with rustc {theirs}, this is {rustc}"));
    }
    tally.check("size of the library", record.check("desktop", Sizes::of(Platform::Desktop, &contents)));
}

fn rustc(repo: &Repo) -> Result<String> {
    let version = process::capture(repo.command("rustc").arg("--version"))?;
    let rustc = version.lines.first().and_then(|l| l.split(' ').nth(1)).context("rustc tells no version")?;
    Ok(rustc.to_owned())
}

/// What an app store, a loader and a reviewer ask of the library.
pub fn sound(platform: Platform, contents: &Contents) -> Result<()> {
    exports_are_interface(contents)?;
    if platform == Platform::Android {
        ensure!(
            contents.alignment >= PAGE,
            "segments are aligned to {} bytes, not {PAGE}",
            contents.alignment
        );
        ensure!(!contents.has_symbols, "it is not stripped");
        ensure!(contents.exports.contains("JNI_OnLoad"), "JNI_OnLoad is not exported: there is no fast path");
    }
    Ok(())
}

fn exports_are_interface(contents: &Contents) -> Result<()> {
    let others: Vec<&str> =
        contents.exports.iter().map(String::as_str).filter(|e| !is_interface(e)).take(5).collect();
    ensure!(others.is_empty(), "it exports what no host calls: {}", others.join(", "));
    ensure!(contents.exports.len() > 50, "it exports only {} symbols", contents.exports.len());
    Ok(())
}

fn imports_file(name: &str) -> String {
    format!("bindings/imports-{name}.txt")
}

fn listed(contents: &Contents) -> String {
    contents.imports.iter().flat_map(|i| [i, "\n"]).collect()
}

/// The imports are those that were reviewed: the system has them, and none does what the core does not do.
fn reviewed(repo: &Repo, platform: Platform, contents: &Contents) -> Result<()> {
    if platform == Platform::Desktop {
        return Ok(()); // the suite `purity` looks at what it calls
    }
    let name = platform.name();
    let file = imports_file(name);
    let list = repo.read(&file)?;
    let list: BTreeSet<String> = list.lines().map(str::to_owned).collect();
    let missing: Vec<&String> = contents.imports.difference(&list).collect();
    let stale: Vec<&String> = list.difference(&contents.imports).collect();
    if !missing.is_empty() || !stale.is_empty() {
        bail!(
            "imports of {name} differ from {file}: new {missing:?}, gone {stale:?}; review it and `--record`"
        );
    }
    Ok(())
}

fn print(name: &str, contents: &Contents) {
    let mib = |bytes: u64| format!("{:.2} MB", bytes as f64 / 1e6);
    println!("{name}: {} stripped, {} compressed", mib(contents.file), mib(contents.compressed));
    for (kind, bytes) in &contents.sections {
        println!("  {kind:<10} {:>10}", mib(*bytes));
    }
    println!("  {} exports, {} imports", contents.exports.len(), contents.imports.len());
}

fn as_json(contents: &Contents) -> serde_json::Value {
    json!({
        "mb": contents.file as f64 / 1e6, "compressed_mb": contents.compressed as f64 / 1e6,
        "sections": contents.sections, "exports": contents.exports.len(), "imports": contents.imports.len(),
        "alignment": contents.alignment,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(file: u64) -> Record {
        let libraries = BTreeMap::from([("android".to_owned(), Sizes { file, compressed: 100 })]);
        Record { desktop_rustc: None, libraries }
    }

    #[test]
    fn growth_above_three_percent_fails() {
        let record = record(10_000);
        assert!(record.check("android", Sizes { file: 10_300, compressed: 103 }).is_ok());
        assert!(record.check("android", Sizes { file: 10_301, compressed: 100 }).is_err());
        assert!(record.check("android", Sizes { file: 5_000, compressed: 104 }).is_err());
        assert!(record.check("ios", Sizes { file: 1, compressed: 1 }).is_err(), "it has no record");
    }

    #[test]
    fn a_record_reads_as_it_was_written() {
        let record = record(7);
        let text = toml::to_string(&record).expect("it can be written");
        assert_eq!(toml::from_str::<Record>(&text).expect("it can be read"), record);
    }
}
