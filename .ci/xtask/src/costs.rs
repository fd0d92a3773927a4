//! `cargo xtask costs`: runs the criterion bench of the SDK and writes its medians as JSON, for the claims.
//! **Invariant:** only what this run measured is written; a bench without an estimate is an error.
//! It does not judge: wall times belong to a machine.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{process, repo::Repo};

/// Measures, and writes `{ name: { "median_us": … } }` to `file`, or prints it. Names are criterion's, with every
/// character but letters and digits as `_`.
pub fn measure(repo: &Repo, file: Option<&str>) -> Result<()> {
    let mut bench = repo.cargo();
    bench.args(["bench", "--package", "inbetween-bench", "--bench", "sdk", "--", "--noplot"]);
    let start = std::time::SystemTime::now();
    let done = process::stream(&mut bench, |line| line.contains("time:") || line.contains("Compiling"))?;
    ensure!(done.success, "the bench failed ({}):\n{}", done.status, done.tail(20));
    let mut medians = BTreeMap::new();
    collect(&repo.target.join("criterion"), start, &mut medians)?;
    ensure!(!medians.is_empty(), "the bench wrote no estimates");
    let text = serde_json::to_string_pretty(&medians)?;
    if let Some(file) = file {
        return fs::write(file, text).with_context(|| format!("cannot write {file}"));
    }
    println!("{text}");
    Ok(())
}

/// Takes every `new/estimates.json` below `folder` that is younger than `start`.
fn collect(folder: &Path, start: std::time::SystemTime, into: &mut BTreeMap<String, Value>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if !path.is_dir() {
            continue;
        }
        let estimates = path.join("estimates.json");
        if path.ends_with("new") && estimates.is_file() {
            if fs::metadata(&estimates)?.modified()? < start {
                continue;
            }
            let read = |name: &str| -> Result<Value> {
                let file = path.join(name);
                let text =
                    fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
                serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))
            };
            let nanos = read("estimates.json")?.pointer("/median/point_estimate").and_then(Value::as_f64);
            let name = read("benchmark.json")?["full_id"].as_str().map(plain);
            let (nanos, name) =
                nanos.zip(name).with_context(|| format!("{} has no median", path.display()))?;
            into.insert(name, json!({ "median_us": nanos / 1e3 }));
        } else {
            collect(&path, start, into)?;
        }
    }
    Ok(())
}

/// A name that the expressions of claims can say.
fn plain(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        let c = if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        if c != '_' || !out.ends_with('_') {
            out.push(c);
        }
    }
    out.trim_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        assert_eq!(plain("gate.measure 1280x720/10 targets"), "gate_measure_1280x720_10_targets");
    }

    #[test]
    fn only_new_estimates_are_taken() {
        let root = std::env::temp_dir().join(format!("inbetween-costs-{}", std::process::id()));
        let new = root.join("a/b/new");
        fs::create_dir_all(&new).unwrap();
        fs::write(new.join("estimates.json"), r#"{"median":{"point_estimate":2500.0}}"#).unwrap();
        fs::write(new.join("benchmark.json"), r#"{"full_id":"a/b"}"#).unwrap();
        let mut found = BTreeMap::new();
        collect(&root, std::time::SystemTime::UNIX_EPOCH, &mut found).unwrap();
        assert_eq!(found["a_b"]["median_us"], 2.5);
        let mut none = BTreeMap::new();
        let later = std::time::SystemTime::now() + std::time::Duration::from_mins(1);
        collect(&root, later, &mut none).unwrap();
        assert!(none.is_empty());
        fs::remove_dir_all(&root).unwrap();
    }
}
