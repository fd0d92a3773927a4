//! Suites `fmt` and `clippy`.
//! **Invariant:** a warning fails; each workspace crate is one check of `clippy`, the fuzz targets are another.
//! It does not fix anything: `cargo fmt` and `cargo clippy --fix` do.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::fuzz;
use crate::{process, repo::Repo, report::Tally};

/// Formatting of every crate.
pub fn fmt(repo: &Repo) -> Tally {
    let mut tally = Tally::default();
    let mut command = repo.cargo();
    command.args(["fmt", "--all", "--", "--check"]);
    let formatted = process::stream(&mut command, |_| true).and_then(|end| {
        if !end.success {
            bail!("not formatted (above): run `cargo fmt --all`");
        }
        Ok(())
    });
    tally.check("cargo fmt", formatted);
    tally
}

/// Lints of every crate and target.
pub fn clippy(repo: &Repo) -> Tally {
    let mut tally = Tally::default();
    match clippy_findings(repo) {
        Ok(Findings { crates, texts }) => {
            let dirty: BTreeSet<&String> = texts.iter().map(|(krate, _)| krate).collect();
            tally.passed = crates - dirty.len();
            tally.failures.extend(texts.iter().map(|(krate, text)| format!("{krate}: {text}")));
        }
        Err(why) => tally.fail(format!("{why:#}")),
    }
    tally.check("fuzz targets", fuzz::check(repo));
    tally
}

/// What clippy says.
struct Findings {
    /// How many packages it looked at.
    crates: usize,
    /// Package and text of each finding, once.
    texts: BTreeSet<(String, String)>,
}

fn clippy_findings(repo: &Repo) -> Result<Findings> {
    let mut command = repo.cargo();
    command.args(["clippy", "--workspace", "--all-targets", "--message-format=json-diagnostic-short"]);
    let end = process::stream(&mut command, |line| !line.starts_with('{'))?;
    let texts: BTreeSet<(String, String)> = end.lines.iter().filter_map(|line| finding(line)).collect();
    if !end.success && texts.is_empty() {
        bail!("cargo clippy failed ({}): {}", end.status, end.tail(20));
    }
    Ok(Findings { crates: repo.members()?.len(), texts })
}

/// Package and text of one diagnostic, from cargo's JSON.
fn finding(line: &str) -> Option<(String, String)> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    if message["reason"] != "compiler-message" {
        return None;
    }
    let diagnostic = &message["message"];
    let text = diagnostic["rendered"].as_str()?.trim();
    let level = diagnostic["level"].as_str()?;
    let summary = diagnostic["spans"].as_array().is_none_or(Vec::is_empty);
    if !matches!(level, "warning" | "error") || summary {
        return None; // a summary such as "2 warnings emitted" has no place in the code
    }
    Some((package_name(message["package_id"].as_str()?), text.to_owned()))
}

/// Name in a package id such as `path+file:///x/core/flow#inbetween-flow@0.1.0` or `path+file:///x/flow#0.1.0`.
fn package_name(id: &str) -> String {
    let (place, name) = id.rsplit_once('#').unwrap_or((id, id));
    let name = name.split_once('@').map_or(name, |(n, _)| n);
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        place.rsplit('/').next().unwrap_or(place).to_owned()
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diagnostics_are_attributed_to_packages() {
        let line = r#"{"reason":"compiler-message","package_id":"path+file:///w/core/flow#inbetween-flow@0.1.0","message":{"level":"warning","rendered":"src/a.rs:1:2: warning: unused\n","spans":[{}]}}"#;
        assert_eq!(
            finding(line),
            Some(("inbetween-flow".to_owned(), "src/a.rs:1:2: warning: unused".to_owned()))
        );
        assert_eq!(finding(&line.replace("[{}]", "[]")), None);
        assert_eq!(finding(&line.replace("compiler-message", "compiler-artifact")), None);
        assert_eq!(package_name("path+file:///w/.ci/xtask#0.1.0"), "xtask");
    }
}
