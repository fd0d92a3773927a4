//! `cargo xtask bench counts` and `bench compare`: figures that do not depend on the load or the clock of a machine.
//! **Invariant:** two measurements of the same commit are equal; a record says by how much its surroundings move it.
//! It does not measure time.

mod compare;
mod measure;
mod record;
mod suite;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Subcommand, ValueEnum};

use crate::repo::Repo;

pub use suite::run as check;

use record::Record;

/// Commands of `bench`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Counts instructions, accesses and cache lines of every stage, the work of a model's graph, and the engine's decisions.
    Counts {
        /// Writes the record here; prints it when not given.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// The platform.
        #[arg(long, value_enum, default_value = "x86_64")]
        target: Target,
        /// Keeps it in benches/records, with what other surroundings change (measures twice).
        #[arg(long)]
        record: bool,
        /// Only these groups of stages; all when none is named.
        #[arg(long, value_name = "GROUP")]
        group: Vec<String>,
    },
    /// Prints what differs between two records; fails on a regression.
    Compare {
        /// The record before; `x86_64` or `aarch64` stand for those of the repository.
        before: PathBuf,
        /// The record after.
        after: PathBuf,
    },
}

/// The platform that counts are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// Under callgrind.
    #[value(name = "x86_64")]
    X86,
    /// Under an emulator with a plugin.
    #[value(name = "aarch64")]
    Arm,
}

impl Target {
    const fn name(self) -> &'static str {
        match self {
            Self::X86 => "x86_64",
            Self::Arm => "aarch64",
        }
    }

    fn kept(self, repo: &Repo) -> PathBuf {
        repo.root.join(format!("benches/records/counts-{}.json", self.name()))
    }
}

/// Does what the command says; returns whether nothing regressed.
pub fn run(repo: &Repo, command: &Command) -> Result<bool> {
    match command {
        Command::Counts { json, target, record, group } => {
            let measured = measure::all(repo, *target, group, *record)?;
            match json {
                Some(file) => measured.write(file)?,
                None if *record => {}
                None => println!("{}", measured.text()?),
            }
            if *record {
                measured.write(&target.kept(repo))?;
            }
            Ok(true)
        }
        Command::Compare { before, after } => {
            let read = |path: &PathBuf| {
                let kept = Target::value_variants().iter().find(|t| path.as_os_str() == t.name());
                let path = kept.map_or_else(|| path.clone(), |t| t.kept(repo));
                Record::read(&path).with_context(|| format!("cannot use {}", path.display()))
            };
            let lines = compare::records(&read(before)?, &read(after)?)?;
            print!("{}", compare::table(&lines));
            Ok(!lines.iter().any(compare::Line::is_regression))
        }
    }
}
