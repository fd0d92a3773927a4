//! `cargo xtask peers`: installs other runtimes from their packages and measures them and Inbetween in one run.
//! **Invariant:** versions are pinned in `benches/peers`; a runtime that cannot be had is named with the reason.
//! It does not measure: `benches/peers/driver.py` and the harness do.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{claims, process, repo::Repo, tools};

/// The command that the claims of the comparison name.
const CLAIMED: &str = "cargo xtask peers --json {json}";
/// The runtimes, each with the packages that its environment has in `benches/peers/runtimes/NAME.txt`.
const RUNTIMES: [&str; 5] = ["onnxruntime", "litert", "mnn", "ncnn", "mediapipe"];
/// What is kept, with the endings `json` (the record), `md` (its tables) and `svg` (its picture).
const RECORD: &str = "benches/records/peers";

/// What is run. The defaults are the full comparison.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Keeps the record, its tables and its picture in benches/records, and the claims that rest on them.
    #[arg(long)]
    record: bool,
    /// Writes the record here, too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// How often everything is measured; medians count.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=99))]
    repeats: u32,
    /// Only these runtimes, by comma.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = RUNTIMES)]
    only: Vec<String>,
    /// Takes what was measured before into this file, and measures nothing.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["repeats", "only"])]
    from: Option<PathBuf>,
}

/// Runs the comparison; returns whether the claims that were recorded hold.
pub fn run(repo: &Repo, options: &Options) -> Result<bool> {
    let folder = repo.target.join("inbetween").join("peers");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let (document, picture) = (folder.join("peers.json"), folder.join("peers.svg"));
    let own = tools::environment(repo, "benches/peers/requirements.txt")?;
    let mut driver = repo.command(tools::python(&own));
    driver.arg("benches/peers/driver.py").env("PYTHONDONTWRITEBYTECODE", "1");
    driver.arg("--json").arg(&document).arg("--plot").arg(&picture);
    if let Some(measured) = &options.from {
        driver.arg("--from").arg(measured);
    } else {
        driver.arg("--root").arg(&repo.root).arg("--assets").arg(repo.root.join("assets"));
        driver.arg("--inbetween").arg(harness(repo)?).arg("--work").arg(&folder);
        driver.args(["--repeats", &options.repeats.to_string()]);
        runtimes(repo, &options.only, &mut driver);
    }
    finish(&mut driver)?;
    let text = fs::read_to_string(&document).context("the driver wrote no record")?;
    if let Some(path) = &options.json {
        fs::write(path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if !options.record {
        println!("the picture is {}", picture.display());
        return Ok(true);
    }
    for ending in ["json", "md", "svg"] {
        let kept = repo.root.join(RECORD).with_extension(ending);
        fs::copy(document.with_extension(ending), &kept)
            .with_context(|| format!("cannot write {}", kept.display()))?;
    }
    let value: Value = serde_json::from_str(&text).context("the record is not JSON")?;
    claims::keep(repo, CLAIMED, &value)
}

/// Installs what can be had of the runtimes, and tells the driver; with the reason where one cannot.
fn runtimes(repo: &Repo, only: &[String], driver: &mut Command) {
    for name in RUNTIMES.iter().filter(|n| only.is_empty() || only.iter().any(|o| o == *n)) {
        match tools::environment(repo, &format!("benches/peers/runtimes/{name}.txt")) {
            Ok(bin) => driver.arg("--runtime").arg(format!("{name}={}", tools::python(&bin).display())),
            Err(why) => driver.arg("--skipped").arg(format!("{name}={why:#}")),
        };
    }
}

/// Builds the harness that is measured.
fn harness(repo: &Repo) -> Result<PathBuf> {
    let mut build = repo.cargo();
    build.args(["build", "--release", "--package", "inbetween-bench", "--bin", "inbetween"]);
    let end = process::stream(&mut build, |line| line.contains("Compiling") || line.contains("error"))?;
    if !end.success {
        bail!("the harness does not build ({}): {}", end.status, end.tail(5));
    }
    Ok(repo.target.join("release").join(format!("inbetween{}", std::env::consts::EXE_SUFFIX)))
}

/// Runs the driver to its end. Its progress is shown, its tables are printed.
fn finish(driver: &mut Command) -> Result<()> {
    let end = process::stream(driver, |line| line.starts_with("  "))?;
    if !end.success {
        bail!("the comparison failed ({}): {}", end.status, end.tail(8));
    }
    for line in end.lines.iter().filter(|l| !l.starts_with("  ")) {
        println!("{line}");
    }
    Ok(())
}
