//! `cargo xtask suite`: runs the scene suite, and keeps its record and the claims that rest on it.
//! **Invariant:** what is recorded was measured by the program as it is, unless somebody asks to go on from a killed run.
//! It does not judge the figures: the harness and the ledger do.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{claims, process, repo::Repo};

/// The command that the claims of the suite name.
const CLAIMED: &str = "cargo xtask suite --json {json}";
/// What documents and the page are made from.
const RECORD: &str = "benches/records/suite.json";
/// The head of the page, for people who do not run anything.
const PICTURE: &str = "benches/records/suite.png";
/// Programs that draw a page, under their names on several systems.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// Width and height of the picture.
const WINDOW: (u32, u32) = (1200, 1660);

/// What is run. The defaults are the full suite.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Keeps the document in benches/records, a picture of its page, and the claims that rest on it.
    #[arg(long)]
    record: bool,
    /// Writes the document here, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Goes on from a run that was killed; the program must not have changed since.
    #[arg(long)]
    resume: bool,
    /// Seconds of each sequence.
    #[arg(long, value_name = "S", default_value_t = 120)]
    seconds: u32,
    /// Seeds; more of them narrow the intervals.
    #[arg(long, value_name = "A..B", default_value = "0..2")]
    seeds: String,
    /// Seeds of ablations and sweeps.
    #[arg(long, value_name = "A..B", default_value = "0..1")]
    study_seeds: String,
    /// Seeds of oracles, and of baselines that look at pixels in hindsight.
    #[arg(long, value_name = "A..B", default_value = "0..1")]
    dear_seeds: String,
    /// Groups of policies, by comma.
    #[arg(long, value_name = "GROUP", default_value = "all")]
    policies: String,
    /// Scene files, in place of the whole test split.
    #[arg(long, value_name = "FILE|GLOB")]
    scene: Vec<String>,
    /// How many sequences run at a time; one a core when not given.
    #[arg(long, value_name = "N")]
    jobs: Option<u32>,
}

/// Runs the suite.
pub fn run(repo: &Repo, options: &Options) -> Result<bool> {
    let folder = repo.target.join("inbetween");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let (journal, document, page) =
        (folder.join("suite.jsonl"), folder.join("suite.json"), folder.join("suite.html"));
    if !options.resume && journal.exists() {
        fs::remove_file(&journal).with_context(|| format!("cannot remove {}", journal.display()))?;
    }
    let mut bench = repo.cargo();
    bench.args(["run", "--release", "--package", "inbetween-bench", "--bin", "inbetween", "--", "bench"]);
    if options.scene.is_empty() {
        bench.args(["--split", "test"]);
    }
    for scene in &options.scene {
        bench.args(["--scene", scene]);
    }
    bench.args(["--seconds", &options.seconds.to_string(), "--seeds", &options.seeds]);
    bench.args(["--study-seeds", &options.study_seeds, "--policies", &options.policies]);
    bench.args(["--oracle", "--dear-seeds", &options.dear_seeds]);
    if let Some(jobs) = options.jobs {
        bench.args(["--jobs", &jobs.to_string()]);
    }
    bench.arg("--resume").arg(&journal).arg("--summary").arg(&document).arg("--report").arg(&page);
    let end = process::stream(&mut bench, |_| true)?;
    if !end.success {
        bail!("the suite failed ({}): {}", end.status, end.tail(5));
    }
    let text = fs::read_to_string(&document).context("the harness wrote no document")?;
    if let Some(path) = &options.json {
        fs::write(path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if !options.record {
        return Ok(true);
    }
    fs::write(repo.root.join(RECORD), &text).with_context(|| format!("cannot write {RECORD}"))?;
    if picture(repo, &page)? {
        eprintln!("recorded in {RECORD} and {PICTURE}");
    } else {
        eprintln!("recorded in {RECORD}; no picture: none of {} is installed", BROWSERS.join(", "));
    }
    let value: Value = serde_json::from_str(&text).context("the document is not JSON")?;
    claims::keep(repo, CLAIMED, &value)
}

/// Draws the head of a page; `false` when there is no program for it.
fn picture(repo: &Repo, page: &std::path::Path) -> Result<bool> {
    let Some(browser) = BROWSERS.iter().find(|b| repo.command(b).arg("--version").output().is_ok()) else {
        return Ok(false);
    };
    let picture = repo.root.join(PICTURE);
    let mut command = repo.command(browser);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
        .arg(format!("--window-size={},{}", WINDOW.0, WINDOW.1))
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("file://{}", page.display()));
    let end = process::capture(&mut command)?;
    if !end.success {
        bail!("{browser} cannot draw {} ({}): {}", page.display(), end.status, end.tail(3));
    }
    Ok(true)
}
