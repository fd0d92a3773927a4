//! The command line.
//! **Invariant:** every option says its unit and its default in `--help`.
//! It does not do anything: the commands do.

mod bench;
mod card;
mod decisions;
mod energy;
mod output;
mod parse;
mod peers;
mod scene;
mod video;

pub use self::{
    bench::{BenchArgs, BenchCommand, Group, TraceArgs},
    card::{CardCommand, CheckArgs, Kind, NewArgs, RenderArgs},
    decisions::{BacktestArgs, BaselineArgs, CalibrateArgs, ScoreArgs},
    energy::{AndroidArgs, AppleArgs, CollectCommand, Common, EnergyCommand, SustainedArgs},
    output::Output,
    peers::{FrontierArgs, JudgeArgs, PeersCommand, TensorArgs},
    scene::{ExportArgs, SceneCommand},
    video::{DemoArgs, RunArgs, SoakArgs},
};

use clap::{Parser, Subcommand};

/// Run a model on key frames, answer for every frame in between, and measure what that is worth.
#[derive(Debug, Parser)]
#[command(name = "inbetween", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A model on a rendered scene (or, with --real, on a real video), with report and summary
    Demo(DemoArgs),
    /// A video through a model, against the model on every frame and against every-Nth baselines
    Run(RunArgs),
    /// Scenes with exact truth: all policies side by side in virtual time
    Bench(Box<BenchArgs>),
    /// Fit calibrators to labelled scores, choose one, and write it into a card
    Calibrate(CalibrateArgs),
    /// Score a table of events in batch, through the same core as on a device
    Score(ScoreArgs),
    /// A rule, the previous model and a candidate on one labelled table, by what they cost
    Baseline(BaselineArgs),
    /// Replay recorded sessions: the card, the baseline and every rung of the ladder by itself
    Backtest(BacktestArgs),
    /// Look at scene files
    #[command(subcommand)]
    Scene(SceneCommand),
    /// The demo in real time for minutes: what grows, and how long things take
    Soak(SoakArgs),
    /// Measure energy, and say what a model of it may claim
    #[command(subcommand)]
    Energy(EnergyCommand),
    /// Write, check, show, compare and export system cards
    #[command(subcommand)]
    Card(CardCommand),
    /// What `cargo xtask peers` measures beside other runtimes
    #[command(subcommand)]
    Peers(PeersCommand),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn latency_is_given_or_measured_but_not_both() {
        let run = ["inbetween", "run", "--video", "v", "--model", "m", "--card", "c", "--latency-ms", "9"];
        assert!(Cli::try_parse_from(run).is_ok());
        assert!(Cli::try_parse_from(run.iter().chain(&["--measured"])).is_err());
        assert!(Cli::try_parse_from(run.iter().chain(&["--real-time"])).is_err());
    }
}
