//! `cargo xtask`: everything that automates this repository.
//! **Invariant:** what a command needs and cannot have is said with its reason, never passed over.
//! It does not hold knowledge of the SDK: suites run what the crates bring, checks read their text and symbols.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)] // a command line tool

mod assets;
mod cargo_output;
mod process;
mod purity;
mod repo;
mod report;
mod suites;
mod tidy;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use repo::Repo;
use suites::Suite;

/// Automates the repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs test suites; the last line is the sum `N passed, N failed, N skipped`.
    Test {
        /// Which suites, in this order; all when none is named.
        #[arg(value_enum)]
        suites: Vec<Suite>,
    },
    /// Fetches pinned packages with real models and recordings into assets/ (`.ci/assets.toml`).
    Assets {
        /// Which; all when none is named.
        names: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether everything held.
fn run(command: Command) -> anyhow::Result<bool> {
    let repo = Repo::find()?;
    match command {
        Command::Test { suites } => Ok(suites::run(&repo, &suites)),
        Command::Assets { names } => assets::fetch(&repo, &names),
    }
}
