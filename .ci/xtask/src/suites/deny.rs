//! Suite `deny`: licences, duplicate and banned crates, sources of the dependencies (`deny.toml`).
//! **Invariant:** each kind of check is one line in the count; advisories that cannot be fetched are skipped aloud.
//! It does not judge licences itself: cargo-deny does, by the reviewed list.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::{process, repo::Repo, report::Tally, tools};

/// Checks that need no network.
const OFFLINE: &[&str] = &["licenses", "bans", "sources"];

/// Runs each check of cargo-deny.
pub fn run(repo: &Repo) -> Tally {
    let mut tally = Tally::default();
    let tool = match find(repo) {
        Ok(tool) => tool,
        Err(why) => {
            tally.skip(format!("no cargo-deny: {why:#}"));
            return tally;
        }
    };
    for check in OFFLINE {
        tally.check(check, deny(repo, &tool, check));
    }
    match process::capture(repo.command(&tool).args(["--workspace", "check", "advisories"])) {
        Ok(end) if end.success => tally.pass(),
        Ok(end)
            if end.says("failed to fetch advisory database")
                || end.says("failed to load advisory database") =>
        {
            tally.skip("advisories: the database cannot be fetched from here");
        }
        Ok(end) => tally.fail(format!("advisories:\n{}", end.tail(60))),
        Err(why) => tally.fail(format!("advisories: {why:#}")),
    }
    tally
}

fn deny(repo: &Repo, tool: &PathBuf, check: &str) -> Result<()> {
    let end =
        process::capture(repo.command(tool).args(["--workspace", "check", "--hide-inclusion-graph", check]))?;
    if !end.success {
        bail!("\n{}", end.tail(60));
    }
    Ok(())
}

/// An installed cargo-deny, else one in the tools' environment.
fn find(repo: &Repo) -> Result<PathBuf> {
    if process::capture(repo.command("cargo-deny").arg("--version")).is_ok_and(|end| end.success) {
        return Ok("cargo-deny".into());
    }
    let tool = tools::environment(repo, ".ci/requirements.txt")?.join("cargo-deny");
    let end = process::capture(repo.command(&tool).arg("--version"))?;
    if !end.success {
        bail!("{} does not run; `cargo install --locked cargo-deny` brings another", tool.display());
    }
    Ok(tool)
}
