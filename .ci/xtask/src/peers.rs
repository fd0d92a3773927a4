//! `cargo xtask peers`: installs other runtimes from their packages and measures them and Inbetween in one run.
//! **Invariant:** versions are pinned in `benches/peers`; a runtime that cannot be had is named with the reason.
//! It does not measure: `benches/peers/driver.py` and the harness do.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{claims, process, repo::Repo, tools};

/// The command that the claims of the comparison name.
const CLAIMED: &str = "cargo xtask peers --json {json}";
/// The runtimes, each with the packages that its environment has in `benches/peers/runtimes/NAME.txt`.
const RUNTIMES: [&str; 5] = ["onnxruntime", "litert", "mnn", "ncnn", "mediapipe"];
/// What documents are made from, and the picture in them.
const RECORD: &str = "benches/records/peers.json";
const PICTURE: &str = "benches/records/peers.svg";

/// What is run. The defaults are the full comparison.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Keeps the record and its picture in benches/records, and the claims that rest on them.
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
    /// Draws the picture of a record again, and measures nothing.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["record", "json"])]
    draw: Option<PathBuf>,
}

/// Runs the comparison; returns whether the claims that were recorded hold.
pub fn run(repo: &Repo, options: &Options) -> Result<bool> {
    let folder = repo.target.join("inbetween").join("peers");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let (document, picture) = (folder.join("peers.json"), folder.join("peers.svg"));
    let own = tools::environment(repo, "benches/peers/requirements.txt")?;
    let mut driver = repo.command(tools::python(&own));
    driver.arg("benches/peers/driver.py").env("PYTHONDONTWRITEBYTECODE", "1");
    if let Some(record) = &options.draw {
        driver.arg("--draw").arg(record).arg("--plot").arg(&picture);
        return finish(&mut driver).map(|()| println!("{}", picture.display())).map(|()| true);
    }
    let program = harness(repo)?;
    driver.arg("--root").arg(&repo.root).arg("--assets").arg(repo.root.join("assets"));
    driver.arg("--inbetween").arg(&program).arg("--work").arg(&folder);
    driver.arg("--json").arg(&document).arg("--plot").arg(&picture);
    driver.args(["--repeats", &options.repeats.to_string()]);
    for name in RUNTIMES.iter().filter(|n| options.only.is_empty() || options.only.iter().any(|o| o == *n)) {
        match tools::environment(repo, &format!("benches/peers/runtimes/{name}.txt")) {
            Ok(bin) => driver.arg("--runtime").arg(format!("{name}={}", tools::python(&bin).display())),
            Err(why) => driver.arg("--skipped").arg(format!("{name}={why:#}")),
        };
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
    fs::write(repo.root.join(RECORD), &text).with_context(|| format!("cannot write {RECORD}"))?;
    fs::copy(&picture, repo.root.join(PICTURE)).with_context(|| format!("cannot write {PICTURE}"))?;
    let value: Value = serde_json::from_str(&text).context("the record is not JSON")?;
    claims::keep(repo, CLAIMED, &value)
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
fn finish(driver: &mut std::process::Command) -> Result<()> {
    let end = process::stream(driver, |line| line.starts_with("  "))?;
    if !end.success {
        bail!("the comparison failed ({}): {}", end.status, end.tail(8));
    }
    for line in end.lines.iter().filter(|l| !l.starts_with("  ")) {
        println!("{line}");
    }
    Ok(())
}
