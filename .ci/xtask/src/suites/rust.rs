//! Suites `rust` and `doc`.
//! **Invariant:** every workspace crate is in exactly one selection, so none goes untested and tract is built once.
//! It does not choose tests: all of a crate's run.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::{
    cargo_output::TestOutput,
    process,
    repo::Repo,
    report::Tally,
    selections::{APART, BINDINGS, POLICY, TOOLS, TRACT},
};

/// Unit, property, golden and integration tests.
pub fn tests(repo: &Repo) -> Tally {
    let mut tally = Tally::default();
    tally.check("selections", every_crate_is_selected(repo));
    tally.check("one build for tests and demo", demo_shares_the_build(repo));
    let targets = ["--lib", "--bins", "--tests", "--examples"];
    tally.add(cargo_test(repo, &[POLICY, TOOLS].concat(), &targets, "policy crates and tools"));
    tally.add(cargo_test(repo, TRACT, &[&["--release"], &targets[..]].concat(), "crates over tract"));
    tally.add(cargo_test(repo, BINDINGS, &["--release", "--lib", "--examples"], "bindings"));
    tally
}

/// Examples in the documentation, and the documentation itself.
pub fn docs(repo: &Repo) -> Tally {
    let mut tally = Tally::default();
    tally.add(cargo_test(repo, POLICY, &["--doc"], "doctests of policy crates"));
    tally.add(cargo_test(repo, TRACT, &["--doc", "--release"], "doctests over tract"));
    tally.check("cargo doc", rustdoc(repo));
    tally
}

fn cargo_test(repo: &Repo, packages: &[&str], arguments: &[&str], what: &str) -> Tally {
    let mut command = repo.cargo();
    command.args(["test", "--no-fail-fast"]).args(arguments);
    for package in packages {
        command.args(["--package", package]);
    }
    command.args(["--", "--show-output"]);
    let mut output = TestOutput::default();
    match process::stream(&mut command, |line| output.line(line)) {
        Ok(end) => output.finish(end.success, what),
        Err(why) => {
            let mut tally = Tally::default();
            tally.fail(format!("{what}: {why:#}"));
            tally
        }
    }
}

fn rustdoc(repo: &Repo) -> Result<()> {
    let mut command = repo.cargo();
    command.args(["doc", "--no-deps", "--workspace", "--lib"]).env("RUSTDOCFLAGS", "-D warnings");
    let end = process::stream(&mut command, |_| true)?;
    if !end.success {
        bail!("the documentation has warnings (above)");
    }
    Ok(())
}

fn every_crate_is_selected(repo: &Repo) -> Result<()> {
    for folder in repo.members()? {
        let name = repo.package(&folder)?;
        let selections =
            [POLICY, TOOLS, TRACT, BINDINGS, APART].iter().filter(|s| s.contains(&&*name)).count();
        if selections != 1 {
            bail!("{name} is in {selections} selections of .ci/xtask/src/suites/rust.rs instead of one");
        }
    }
    Ok(())
}

/// Dependencies have the same features for `cargo demo` as for the tests over tract; else tract is built twice.
fn demo_shares_the_build(repo: &Repo) -> Result<()> {
    let demo = features(repo, &["inbetween-bench"], "normal,build")?;
    let tests = features(repo, TRACT, "normal,build,dev")?;
    let differing: Vec<&str> = demo.difference(&tests).map(String::as_str).collect();
    if !differing.is_empty() {
        bail!(
            "features differ between `cargo demo` and the tests, so tract is built twice; a dev-dependency adds to\n    {}",
            differing.join("\n    ")
        );
    }
    Ok(())
}

/// `name version [features]` of everything below `packages`.
fn features(repo: &Repo, packages: &[&str], edges: &str) -> Result<BTreeSet<String>> {
    let mut command = repo.cargo();
    command.args(["tree", "--locked", "--edges", edges, "--format", "{p} [{f}]", "--prefix", "none"]);
    for package in packages {
        command.args(["--package", package]);
    }
    let end = process::capture(&mut command)?;
    if !end.success {
        bail!("cargo tree failed: {}", end.tail(5));
    }
    Ok(end.lines.iter().map(|l| l.trim_end_matches(" (*)").to_owned()).filter(|l| l.contains(" v")).collect())
}
