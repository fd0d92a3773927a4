//! Which libraries the facade links, from cargo's own word.
//! **Invariant:** they are built in the same selection as the tests, so this costs no second build of tract.
//! It does not look into them: `symbols` does.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use anyhow::{Context, Result};
use serde_json::Value;

use super::scratch::must_pass;
use crate::{process, repo::Repo, selections::TRACT};

/// Name and library of the facade and of each crate that it links, from a release build.
pub fn below_facade(repo: &Repo) -> Result<BTreeSet<(String, PathBuf)>> {
    let metadata = process::capture(repo.cargo().args(["metadata", "--format-version=1", "--locked"]))?;
    let metadata: Value = metadata
        .lines
        .iter()
        .find_map(|l| serde_json::from_str(l).ok())
        .with_context(|| format!("cargo metadata: {}", metadata.tail(10)))?;
    let linked = linked_packages(&metadata, "inbetween")?;

    let mut command = repo.cargo();
    command.args(["build", "--release", "--message-format=json-render-diagnostics"]);
    for package in TRACT {
        command.args(["--package", package]);
    }
    let built = process::stream(&mut command, |l| !l.starts_with('{'))?;
    must_pass(&built)?;
    let mut libraries = BTreeSet::new();
    for line in &built.lines {
        let Ok(artifact) = serde_json::from_str::<Value>(line) else { continue };
        let Some(name) = artifact["package_id"].as_str().and_then(|id| linked.get(id)) else { continue };
        libraries.extend(library(&artifact).map(|file| (name.clone(), file)));
    }
    Ok(libraries)
}

/// The Rust library among the files of one artifact.
pub fn library(artifact: &Value) -> Option<PathBuf> {
    let files = artifact["filenames"].as_array()?.iter().filter_map(Value::as_str).map(PathBuf::from);
    files.into_iter().find(|f| f.extension().is_some_and(|e| e == "rlib"))
}

/// Id and name of each package that `root` links: normal dependencies, without procedural macros.
fn linked_packages(metadata: &Value, root: &str) -> Result<BTreeMap<String, String>> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut names = BTreeMap::new();
    for package in list(&metadata["packages"]) {
        let targets = list(&package["targets"]);
        let library = targets.iter().any(|t| list(&t["kind"]).iter().any(|k| k == "lib" || k == "rlib"));
        if library {
            names.insert(text(&package["id"]), text(&package["name"]));
        }
    }
    let mut edges: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        let below = list(&node["deps"])
            .iter()
            .filter(|d| list(&d["dep_kinds"]).iter().any(|k| k["kind"].is_null()))
            .map(|d| text(&d["pkg"]))
            .collect();
        edges.insert(text(&node["id"]), below);
    }
    let start = names.iter().find(|(_, n)| *n == root).with_context(|| format!("no package {root}"))?;
    let mut open = vec![start.0.clone()];
    let mut linked = BTreeMap::new();
    while let Some(id) = open.pop() {
        if let Some(name) = names.get(&id)
            && linked.insert(id.clone(), name.clone()).is_none()
        {
            open.extend(edges.get(&id).into_iter().flatten().cloned());
        }
    }
    Ok(linked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_linked_packages_are_followed() {
        let package = |name: &str, kind: &str| serde_json::json!({"id": name, "name": name, "targets": [{"kind": [kind]}]});
        let edge = |to: &str, kind: Value| serde_json::json!({"pkg": to, "dep_kinds": [{"kind": kind}]});
        let metadata = serde_json::json!({
            "packages": [package("a", "lib"), package("b", "lib"), package("m", "proc-macro"), package("s", "lib"), package("t", "lib")],
            "resolve": {"nodes": [
                {"id": "a", "deps": [edge("b", Value::Null), edge("m", Value::Null), edge("t", "dev".into())]},
                {"id": "b", "deps": []},
                {"id": "m", "deps": [edge("s", Value::Null)]},
            ]}
        });
        let linked = linked_packages(&metadata, "a").map(|l| l.into_values().collect::<Vec<_>>());
        assert_eq!(linked.ok(), Some(vec!["a".to_owned(), "b".to_owned()]));
    }
}
