//! The command `inbetween`.
//! **Invariant:** it ends with 0 only if what was asked for was done and, for the demo, the promise was kept.
//! It does not contain logic: the library does.

use std::process::ExitCode;

use clap::Parser as _;
use inbetween_bench::cli::Cli;

fn main() -> ExitCode {
    match inbetween_bench::execute(&Cli::parse()) {
        Ok(code) => code,
        Err(e) => {
            eprintln!("error: {e:#}");
            ExitCode::FAILURE
        }
    }
}
