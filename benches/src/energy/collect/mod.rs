//! `inbetween energy collect`: runs beside the meters of phones and Macs, driven from here or read from what was saved there.
//! **Invariant:** a run that a meter did not see whole, or that breaks a rule of the protocol, is not added to the log.
//! It does not subtract idle energy: `energy read` does, over the whole log.

pub mod android;
pub mod apple;

use std::{fs, path::PathBuf};

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};

use super::log::{self, LEAST_RUNS, Run};
use crate::terminal::say;

/// Where meters are.
#[derive(Debug, Subcommand)]
pub enum CollectCommand {
    /// Power monitors or the battery of an Android device, over `adb shell` or from saved snapshots
    Android(AndroidArgs),
    /// What `powermetrics` saved on a Mac, as text or property lists
    Apple(AppleArgs),
}

/// What every collector is told.
#[derive(Debug, Args)]
pub struct Common {
    /// The log, JSON lines; runs are added to it
    #[arg(long, value_name = "FILE")]
    pub log: PathBuf,
    /// Name of the workload; `idle` for the same time with nothing
    #[arg(long, value_name = "NAME")]
    pub workload: String,
}

/// Options of `collect android`.
#[derive(Debug, Args)]
pub struct AndroidArgs {
    /// Log and workload.
    #[command(flatten)]
    pub common: Common,
    /// Snapshots before and after one run, made with the script that `inbetween energy script` prints
    #[arg(long, value_names = ["BEFORE", "AFTER"], num_args = 2, conflicts_with_all = ["serial", "command"])]
    pub from: Vec<PathBuf>,
    /// How often the workload was done between the snapshots
    #[arg(long, value_name = "N", requires = "from")]
    pub iterations: Option<u64>,
    /// The device, as `adb devices` names it
    #[arg(long, value_name = "SERIAL")]
    pub serial: Option<String>,
    /// Count rails whose name has this in it; may be repeated [default: CPU, GPU, G3D, TPU, MIF, DDR]
    #[arg(long, value_name = "TEXT")]
    pub rail: Vec<String>,
    /// How long each run is, in seconds of the device; 10 at least, 120 where there is only a battery
    #[arg(long, value_name = "S", default_value_t = 12.0)]
    pub seconds: f64,
    /// How many runs; 5 at least
    #[arg(long, value_name = "N", default_value_t = LEAST_RUNS)]
    pub runs: usize,
    /// The command on the device, repeated until a run is long enough; none for `idle`
    #[arg(last = true)]
    pub command: Vec<String>,
}

/// Options of `collect apple`.
#[derive(Debug, Args)]
pub struct AppleArgs {
    /// Log and workload.
    #[command(flatten)]
    pub common: Common,
    /// What `powermetrics` printed during one run each; `ioreg -rn AppleSmartBattery` after it gives the temperature
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub from: Vec<PathBuf>,
    /// How often the workload was done in each run
    #[arg(long, value_name = "N")]
    pub iterations: Option<u64>,
    /// Temperature in degrees Celsius, where the files hold none
    #[arg(long, value_name = "C")]
    pub temperature_c: Option<f64>,
}

/// The command.
///
/// # Errors
/// When a file, a device or a tool cannot be used, or a rule of the protocol is broken.
pub fn command(what: &CollectCommand) -> anyhow::Result<()> {
    match what {
        CollectCommand::Android(args) => android::collect(args),
        CollectCommand::Apple(args) => apple::collect(args),
    }
}

impl Common {
    fn is_idle(&self) -> bool {
        self.workload == log::IDLE
    }

    /// How often the workload was done, which must be said of any but `idle`.
    fn iterations(&self, given: Option<u64>) -> anyhow::Result<u64> {
        ensure!(
            self.is_idle() || given.is_some_and(|n| n > 0),
            "say with --iterations how often `{}` was done",
            self.workload
        );
        Ok(given.unwrap_or(0))
    }

    /// Adds a run that follows the protocol.
    fn add(&self, run: &Run) -> anyhow::Result<()> {
        log::check(run)?;
        log::append(&self.log, run)?;
        say(format_args!(
            "{}: {:.2} J in {:.1} s, {} iterations, {:.0} MHz, {:.1} °C",
            run.workload, run.joules, run.seconds, run.iterations, run.mhz, run.temperature_c
        ));
        Ok(())
    }
}

fn text_of(file: &PathBuf) -> anyhow::Result<String> {
    // `powermetrics` puts zero bytes between property lists.
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
