//! Purity 5: in steady state the engine makes no system call but for memory.
//! **Invariant:** the child is killed for each planted call, so a filter that is not on is found.
//! It does not filter itself: the child (`.ci/purity-child`) does, after its warm-up.

use anyhow::{Result, bail};

use super::scratch::must_pass;
use crate::{process, repo::Repo, report::Tally};

/// What the child does after its frames, and the signals that may end it: 31 is SIGSYS; 11 is SIGSEGV, for reading
/// the processor's time stamp, where the clock needs no system call.
const PLANTS: &[(&str, &[i32])] = &[
    ("clock-call", &[31]),
    ("clock", &[31, 11]),
    ("file", &[31]),
    ("socket", &[31]),
    ("thread", &[31]),
    ("print", &[31]),
];

/// The child lives without plants and dies of each.
pub fn run(repo: &Repo) -> Tally {
    let mut tally = Tally::default();
    if !cfg!(target_os = "linux") {
        tally.skip("steady state under a system call filter: Linux only");
        return tally;
    }
    let built = process::capture(repo.cargo().args(["build", "--package", "purity-child"]));
    if let Err(why) = built.and_then(|end| must_pass(&end)) {
        tally.fail(format!("purity-child does not build: {why:#}"));
        return tally;
    }
    tally.check("1,000 frames with memory calls only", child(repo, None, &[]));
    for (plant, signals) in PLANTS {
        tally.check(&format!("planted {plant} kills the child"), child(repo, Some(plant), signals));
    }
    tally
}

#[cfg(unix)]
fn child(repo: &Repo, plant: Option<&str>, signals: &[i32]) -> Result<()> {
    use std::os::unix::process::ExitStatusExt;

    let output = repo.command(repo.target.join("debug/purity-child")).args(plant).output()?;
    let status = output.status;
    let said = String::from_utf8_lossy(&output.stderr);
    let right = if plant.is_none() {
        status.success()
    } else {
        status.signal().is_some_and(|s| signals.contains(&s))
    };
    if !right {
        bail!("it ended with {status}\n{said}");
    }
    Ok(())
}

#[cfg(not(unix))]
fn child(_: &Repo, _: Option<&str>, _: &[i32]) -> Result<()> {
    bail!("no such filter here")
}
