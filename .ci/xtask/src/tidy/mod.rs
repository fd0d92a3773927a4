//! Suite `tidy`: the rules of the house that can be read off the text of tracked files.
//! **Invariant:** every rule is a function of paths and texts, and has a test with a planted violation.
//! It does not parse Rust in full: rules are heuristics that a reviewed table in `.ci/tidy.toml` may except.

mod markdown;
mod rust;
mod siblings;
mod text;

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::{repo::Repo, report::Tally};

/// A tracked text file.
#[derive(Debug)]
pub struct File {
    /// From the root, with `/`.
    pub path: String,
    /// Its content.
    pub text: String,
}

impl File {
    #[cfg(test)]
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Whether the path ends in `.extension`.
    pub fn is(&self, extension: &str) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, e)| e == extension)
    }

    /// Whether it is source of a crate under core/.
    pub fn is_core_source(&self) -> bool {
        self.is("rs") && self.path.starts_with("core/") && self.path.contains("/src/")
            || self.path.starts_with("core/src/")
    }
}

/// What is excepted from a rule, with the reason.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exceptions {
    /// Imports between stages of core/flow.
    #[serde(default)]
    pub sibling: Vec<Sibling>,
    /// Files that may be longer.
    #[serde(default)]
    pub long: Vec<Long>,
}

/// A stage that may name types of another.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sibling {
    /// The stage that imports.
    pub stage: String,
    /// What it may name, such as `gate::Fit`.
    pub uses: Vec<String>,
    /// Why that is right.
    pub why: String,
}

/// A file that may be longer than the rule says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Long {
    /// Its path.
    pub path: String,
    /// Why that is right.
    pub why: String,
}

/// One rule: its name, and what it finds.
type Rule = (&'static str, fn(&[File], &Exceptions) -> Vec<String>);

const RULES: &[Rule] = &[
    ("file length", text::length),
    ("file size", text::size),
    ("no path of a machine", text::machine_paths),
    ("no registry host", text::registry_hosts),
    ("three-line header", rust::header),
    ("nothing unfinished", rust::unfinished),
    ("constants cite", rust::constants),
    ("stages import no sibling", siblings::siblings),
    ("links resolve", markdown::links),
    ("glossary is sorted", markdown::glossary),
    ("numbers in README tables are generated", markdown::generated_numbers),
    ("exceptions have a reason", exceptions),
];

/// Runs every rule over every tracked file.
pub fn run(repo: &Repo) -> Tally {
    let mut tally = Tally::default();
    let (files, except) = match load(repo) {
        Ok(loaded) => loaded,
        Err(why) => {
            tally.fail(format!("{why:#}"));
            return tally;
        }
    };
    for file in &files {
        let lines = file.text.lines().count();
        if file.is_core_source() && lines > text::AIM {
            eprintln!("  {}: {lines} lines; aim for at most {}", file.path, text::AIM);
        }
    }
    for (name, rule) in RULES {
        let findings = rule(&files, &except);
        if findings.is_empty() {
            tally.pass();
        }
        tally.failures.extend(findings.into_iter().map(|f| format!("{name}: {f}")));
    }
    tally
}

fn load(repo: &Repo) -> Result<(Vec<File>, Exceptions)> {
    let mut files = Vec::new();
    for path in repo.files()? {
        let bytes = std::fs::read(repo.root.join(&path)).with_context(|| format!("cannot read {path}"))?;
        // A binary file stays in the list for its size and path, with one `?` for each byte.
        let text = String::from_utf8(bytes).unwrap_or_else(|e| "?".repeat(e.as_bytes().len()));
        files.push(File { path, text });
    }
    let except = toml::from_str(&repo.read(".ci/tidy.toml")?).context(".ci/tidy.toml")?;
    Ok((files, except))
}

/// Every exception says why, once, and about something that exists.
fn exceptions(files: &[File], except: &Exceptions) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let siblings = except.sibling.iter().map(|s| (format!("stage {}", s.stage), &s.why, true));
    let long = except.long.iter().map(|l| (l.path.clone(), &l.why, files.iter().any(|f| f.path == l.path)));
    let mut findings = Vec::new();
    for (what, why, exists) in siblings.chain(long) {
        if why.split_whitespace().count() < 3 {
            findings.push(format!(".ci/tidy.toml: {what} gives no reason"));
        }
        if !exists {
            findings.push(format!(".ci/tidy.toml: {what} does not exist"));
        }
        if !seen.insert(what.clone()) {
            findings.push(format!(".ci/tidy.toml: {what} is there twice"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_need_reasons_and_existing_files() {
        let except = Exceptions {
            sibling: vec![Sibling { stage: "a".into(), uses: vec![], why: String::new() }],
            long: vec![Long { path: "gone.rs".into(), why: "a table of the standard".into() }],
        };
        assert_eq!(exceptions(&[], &except).len(), 2);
        assert!(exceptions(&[], &Exceptions::default()).is_empty());
    }

    #[test]
    fn core_sources_are_told_apart() {
        let core = |p: &str| File::new(p, "").is_core_source();
        assert!(core("core/flow/src/gate/mod.rs") && core("core/src/lib.rs"));
        assert!(!core("core/flow/tests/a.rs") && !core("benches/src/main.rs"));
    }
}
