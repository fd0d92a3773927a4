//! `cargo xtask locks` and `sessions`: the long runs of the bindings' example `soak`.
//! **Invariant:** the JSON is the line that the example wrote; without one the run has failed.
//! It does not judge: the example fails by itself.

use std::fs;

use anyhow::{Context, Result};

use crate::{process, repo::Repo};

/// Runs the example; whether it found nothing wrong.
pub fn run(repo: &Repo, arguments: &[&str], json: Option<&str>) -> Result<bool> {
    let mut command = repo.cargo();
    command.args(["run", "--quiet", "--release", "--package", "inbetween-ffi", "--example", "soak", "--"]);
    let end = process::stream(command.args(arguments), |line| !line.starts_with('{'))?;
    if let Some(file) = json {
        let line = end.lines.iter().rev().find(|l| l.starts_with('{'));
        let line = line.with_context(|| format!("no figures: {}", end.tail(5)))?;
        fs::write(file, line).with_context(|| format!("cannot write {file}"))?;
    }
    Ok(end.success)
}
