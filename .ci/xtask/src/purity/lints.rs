//! Purity 3: clippy refuses clocks, files, sockets, threads and the environment in the tract-facing crate.
//! **Invariant:** each planted use is refused under the crate's own attributes and its own `clippy.toml`.
//! It does not lint the crate itself: the suite `clippy` does.

use anyhow::{Result, bail};

use super::{
    attributes::inner_attributes,
    scratch::{Scratch, must_fail, must_pass},
};
use crate::{repo::Repo, report::Tally};

/// The crate, from the root.
const CRATE: &str = "core/infer";

/// What is planted: name and a statement that does it.
const PLANTS: &[(&str, &str)] = &[
    ("clock", "let _ = std::time::Instant::now();"),
    ("calendar", "let _ = std::time::SystemTime::now();"),
    ("file", "let _ = std::fs::read(\"x\");"),
    ("open file", "let _ = std::fs::File::open(\"x\");"),
    ("socket", "let _ = std::net::TcpStream::connect(\"127.0.0.1:1\");"),
    ("thread", "let _ = std::thread::spawn(|| ());"),
    ("environment", "let _ = std::env::var(\"X\");"),
    ("process", "let _ = std::process::Command::new(\"x\");"),
];

/// One check for each plant, and one that clean code passes.
pub fn run(repo: &Repo) -> Tally {
    let mut tally = Tally::default();
    tally.check("clean code passes the lists of core/infer", lint(repo, None));
    for (name, statement) in PLANTS {
        tally.check(
            &format!("planted {name} is refused by the lists of {CRATE}"),
            lint(repo, Some(statement)),
        );
    }
    tally
}

fn lint(repo: &Repo, plant: Option<&str>) -> Result<()> {
    let lists = repo.root.join(CRATE);
    if !lists.join("clippy.toml").is_file() {
        bail!("{CRATE}/clippy.toml is missing");
    }
    let attributes = inner_attributes(&repo.read(format!("{CRATE}/src/lib.rs"))?);
    let scratch = Scratch::new(repo, "lints")?;
    let body = plant.unwrap_or_default();
    // The body is expanded from no macro and stands alone, so that nothing else can be what is refused.
    scratch.write(
        "probe/src/lib.rs",
        &format!("//! Probe.\n{attributes}\n/// Probe.\npub fn probe() {{\n    {body}\n}}\n"),
    )?;
    let end = scratch.cargo(&["clippy", "--package", "probe"], &[("CLIPPY_CONF_DIR", &lists)])?;
    if plant.is_some() { must_fail(&end, &["error: use of a disallowed"]) } else { must_pass(&end) }
}
