//! The desktop harness as a library, so that tests and benches can call what the command does.
//! **Invariant:** everything that is printed or written comes from one measured run; nothing is filled in.
//! It does not decide when to run a model: the SDK and the simulator's policies do.
#![forbid(unsafe_code)]

pub mod assets;
pub mod backtest;
mod baselines;
pub mod bench;
pub mod card;
pub mod cli;
pub mod decisions;
pub mod demo;
pub mod energy;
mod facade;
pub mod film;
pub mod model;
pub mod peers;
pub mod record;
pub mod report;
pub mod run;
mod scene;
pub mod scenes;
pub mod seeds;
pub mod session;
pub mod soak;
pub mod stages;
pub mod summary;
pub mod table;
mod terminal;
pub mod video;
pub mod workload;

use std::process::ExitCode;

use cli::{Cli, Command};

/// Does what the command line says.
///
/// # Errors
/// When something that it names cannot be used; the message says what and how to mend it.
pub fn execute(cli: &Cli) -> anyhow::Result<ExitCode> {
    match &cli.command {
        Command::Bench(args) => bench::command(args).map(|()| ExitCode::SUCCESS),
        Command::Scene(args) => scene::command(args).map(|()| ExitCode::SUCCESS),
        Command::Card(command) => card::command(command),
        Command::Run(args) => run::command(args).map(|_| ExitCode::SUCCESS),
        Command::Demo(args) => demo::command(args),
        Command::Soak(args) => soak::command(args),
        Command::Energy(what) => energy::command(what).map(|()| ExitCode::SUCCESS),
        Command::Peers(command) => peers::command(command).map(|()| ExitCode::SUCCESS),
        Command::Calibrate(args) => decisions::calibrate::command(args).map(|()| ExitCode::SUCCESS),
        Command::Score(args) => decisions::score::command(args).map(|()| ExitCode::SUCCESS),
        Command::Backtest(args) => backtest::command(args).map(|()| ExitCode::SUCCESS),
        Command::Baseline(args) => decisions::baseline::command(args).map(|()| ExitCode::SUCCESS),
    }
}

/// The command line as a reader of a report would type it.
fn command_line() -> String {
    let mut words = vec!["inbetween".to_owned()];
    words.extend(std::env::args().skip(1).map(|a| if a.contains(' ') { format!("'{a}'") } else { a }));
    words.join(" ")
}
