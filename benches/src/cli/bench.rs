//! The command line of `bench`.
//! **Invariant:** every option says its unit and its default in `--help`.
//! It does not do anything: the commands do.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::output::Output;
use crate::seeds::Seeds;

/// Commands of `bench`.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Replay one violation: plans, answers and truth around it
    Trace(TraceArgs),
}

/// Options of `bench trace`.
#[derive(Debug, Args)]
pub struct TraceArgs {
    /// A scene file, or the name of a scene that comes with the project
    #[arg(long, value_name = "FILE|NAME")]
    pub scene: String,
    /// Seed of the sequence
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// The policy
    #[arg(long, value_name = "NAME", default_value = "inbetween")]
    pub policy: String,
    /// Which violation, from 0 [default: lists all]
    #[arg(long, value_name = "K")]
    pub violation: Option<usize>,
    /// Length of the sequence in seconds, as in the bench [default: as the scene says]
    #[arg(long, value_name = "S")]
    pub seconds: Option<f64>,
    /// Seconds shown before it
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    pub before: f64,
    /// Seconds shown after it
    #[arg(long, value_name = "S", default_value_t = 0.5)]
    pub after: f64,
    /// A file of `bench --resume`, for settings that were tuned there
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
    /// Write it as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write it as a page with pictures
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Options of `bench`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BenchArgs {
    /// What else to do with a sequence.
    #[command(subcommand)]
    pub command: Option<BenchCommand>,
    /// A scene file, or a pattern for several; may be repeated [default: all that come with the project]
    #[arg(long, value_name = "FILE|GLOB")]
    pub scene: Vec<String>,
    /// Only scenes of this split
    #[arg(long, value_name = "SPLIT", value_parser = ["tune", "test"])]
    pub split: Option<String>,
    /// One seed (`7`) or a range (`0..5` is 0 to 4)
    #[arg(long, value_name = "A..B", default_value = "0..1")]
    pub seeds: Seeds,
    /// Groups of policies, by comma [default: main, when no --policy is named]
    #[arg(long, value_name = "GROUP", value_enum, value_delimiter = ',')]
    pub policies: Vec<Group>,
    /// A policy: `inbetween`, `every-frame`, `every-nth-hold[:N]`, `every-nth-kalman[:N]`, …; may be repeated
    #[arg(long, value_name = "NAME")]
    pub policy: Vec<String>,
    /// Seeds of ablations and sweeps, which are many [default: those of --seeds]
    #[arg(long, value_name = "A..B")]
    pub study_seeds: Option<Seeds>,
    /// Find the least work that any schedule needs, too: with pixels, with results alone, and a bound. Takes long
    #[arg(long)]
    pub oracle: bool,
    /// Seeds of what is dear: oracles, and baselines that look at pixels in hindsight [default: those of --study-seeds]
    #[arg(long, value_name = "A..B")]
    pub dear_seeds: Option<Seeds>,
    /// Length of each sequence in seconds [default: as the scene says]
    #[arg(long, value_name = "S")]
    pub seconds: Option<f64>,
    /// How many sequences run at a time [default: one a core]
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// Keep finished work in this file, and go on from it after a kill. Delete it when the program has changed
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
    /// Write what all sequences say (sums, lines of the contract, sweeps) as one JSON object
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    /// Where results go.
    #[command(flatten)]
    pub output: Output,
}

/// Policies that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Group {
    /// Inbetween beside every frame and every Nth frame, tuned and in hindsight
    Main,
    /// Everything that a team might build by hand, tuned and in hindsight
    Baselines,
    /// Inbetween without one of its ingredients each
    Ablations,
    /// Inbetween and the timers over their settings
    Frontier,
    /// All of these
    All,
}
