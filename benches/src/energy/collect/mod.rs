//! `inbetween energy collect`: runs beside the meters of phones and Macs, driven from here or read from what was saved there.
//! **Invariant:** a run that a meter did not see whole, or that breaks a rule of the protocol, is not added to the log.
//! It does not subtract idle energy: `energy read` does, over the whole log.

pub mod android;
pub mod apple;

use std::{fs, path::PathBuf};

use anyhow::{Context as _, ensure};

use super::log::{self, Run};
use crate::{
    cli::{CollectCommand, Common},
    terminal::say,
};

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
