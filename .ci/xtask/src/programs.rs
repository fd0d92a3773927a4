//! What cargo builds: test binaries, and the programs whose results are compared or counted.
//! **Invariant:** every test binary that cargo names is in the list, under its crate and its own name.
//! It does not judge what they print.

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{
    process,
    repo::Repo,
    selections::{POLICY, TRACT},
};

/// A binary of tests.
#[derive(Clone, Debug)]
pub struct Test {
    /// The file.
    pub program: PathBuf,
    /// Where its tests expect to be run.
    pub folder: PathBuf,
}

/// What was built for one platform.
#[derive(Clone, Debug, Default)]
pub struct Programs {
    /// By `crate/name`.
    pub tests: BTreeMap<String, Test>,
    /// The example that prints digests of sessions.
    pub sessions: PathBuf,
    /// The driver of the counts.
    pub counts: PathBuf,
    /// The command.
    pub inbetween: PathBuf,
}

impl Programs {
    /// Everything, with a cargo that builds for ARM.
    pub fn of_arm(repo: &Repo, cargo: impl Fn() -> Command) -> Result<Self> {
        let mut tests = cargo();
        tests.args(["test", "--no-run", "--release", "--lib", "--bins", "--tests"]);
        tests.args(["--bench", "counts"]).args(packages(POLICY.iter().chain(TRACT)));
        // `cargo test --examples` would make a binary of tests of it.
        let mut example = cargo();
        example.args(["build", "--release", "--package", "inbetween-sim", "--example", "sessions"]);
        let Self { sessions, .. } = Self::build(repo, example)?;
        let programs = Self { sessions, ..Self::build(repo, tests)? };
        ensure!(programs.tests.len() > 10, "cargo built only {} binaries of tests", programs.tests.len());
        Ok(programs)
    }

    /// The programs alone, for this machine: in the profiles and selections in which the suite `rust` builds them.
    pub fn of_host(repo: &Repo) -> Result<Self> {
        let mut policy = repo.cargo();
        policy.args(["build", "--package", "inbetween-sim", "--example", "sessions"]);
        let mut over = repo.cargo();
        over.args(["build", "--release", "--bin", "inbetween", "--bench", "counts"]).args(packages(TRACT));
        let Self { sessions, .. } = Self::build(repo, policy)?;
        Ok(Self { sessions, ..Self::build(repo, over)? })
    }

    fn build(repo: &Repo, mut cargo: Command) -> Result<Self> {
        cargo.args(["--message-format", "json-render-diagnostics"]);
        let end = process::stream(&mut cargo, |line| {
            !line.starts_with('{') && line.contains("Compiling inbetween")
        })?;
        ensure!(end.success, "cargo build failed:\n{}", end.tail(20));
        let mut programs = Self::default();
        for line in end.lines.iter().filter(|l| l.starts_with('{')) {
            programs.take(&serde_json::from_str(line).context("cargo wrote no JSON")?, repo);
        }
        Ok(programs)
    }

    /// Takes one message of cargo's.
    fn take(&mut self, message: &Value, repo: &Repo) {
        let Some(executable) = message["executable"].as_str() else { return };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let folder = PathBuf::from(text(&message["manifest_path"])).parent().map(PathBuf::from);
        let (name, kind) = (text(&message["target"]["name"]), text(&message["target"]["kind"][0]));
        let program = PathBuf::from(executable);
        match (&*kind, &*name) {
            ("example", "sessions") if message["profile"]["test"] == false => self.sessions = program,
            ("bench", "counts") => self.counts = program,
            ("bin", "inbetween") if message["profile"]["test"] == false => self.inbetween = program,
            (_, _) if message["profile"]["test"] == true => {
                let folder = folder.unwrap_or_else(|| repo.root.clone());
                // `path+file:///…/core/flow#inbetween-flow@0.1.0`, or `…/bindings#0.1.0` when the names are equal.
                let package = text(&message["package_id"]);
                let package = package.rsplit(['#', '/']).next().unwrap_or_default();
                let package = package.split('@').next().unwrap_or_default().to_owned();
                self.tests.insert(format!("{package}/{name}"), Test { program, folder });
            }
            _ => {}
        }
    }
}

/// Rendered scenes of the repository, in the order of their names.
pub fn scenes(repo: &Repo) -> Result<Vec<String>> {
    let name = |f: &String| f.strip_prefix("benches/scenes/")?.strip_suffix(".toml").map(str::to_owned);
    let rendered = |f: &String| name(f).is_some_and(|n| !n.contains('/'));
    let scenes: Vec<String> = repo.files()?.into_iter().filter(rendered).collect();
    ensure!(scenes.len() > 20, "{} scenes", scenes.len());
    Ok(scenes)
}

/// What a command that must succeed prints to standard output.
pub fn output(command: &mut Command) -> Result<Vec<String>> {
    let output = command.output().context("cannot run it")?;
    if !output.status.success() {
        bail!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

pub fn json(command: &mut Command) -> Result<Value> {
    Ok(serde_json::from_str(&output(command)?.join("\n"))?)
}

fn packages<'a>(names: impl IntoIterator<Item = &'a &'a str>) -> Vec<&'a str> {
    names.into_iter().flat_map(|name| ["--package", name]).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn repo() -> Repo {
        Repo { root: "/r".into(), target: "/t".into() }
    }

    #[test]
    fn messages_of_cargo_name_tests_and_programs() {
        let mut programs = Programs::default();
        let message = |kind: &str, name: &str, test: bool| {
            json!({
                "reason": "compiler-artifact", "package_id": "path+file:///r/core/flow#inbetween-flow@0.1.0",
                "manifest_path": "/r/core/flow/Cargo.toml", "target": { "kind": [kind], "name": name },
                "profile": { "test": test }, "executable": format!("/t/{name}"),
            })
        };
        for (kind, name, test) in [
            ("test", "ladder", true),
            ("lib", "inbetween_flow", true),
            ("example", "sessions", false),
            ("bench", "counts", false),
        ] {
            programs.take(&message(kind, name, test), &repo());
        }
        programs.take(&json!({ "reason": "compiler-artifact", "executable": null }), &repo());
        let names: Vec<&String> = programs.tests.keys().collect();
        assert_eq!(names, ["inbetween-flow/inbetween_flow", "inbetween-flow/ladder"]);
        assert_eq!(programs.tests["inbetween-flow/ladder"].folder, Path::new("/r/core/flow"));
        assert_eq!(
            (&*programs.sessions, &*programs.counts),
            (Path::new("/t/sessions"), Path::new("/t/counts"))
        );
    }
}
