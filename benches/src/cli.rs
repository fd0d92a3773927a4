//! The command line.
//! **Invariant:** every option says its unit and its default in `--help`.
//! It does not do anything: the commands do.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use inbetween_flow::Rect;

use crate::{
    bench::Group, card::args::CardCommand, energy::EnergyCommand, peers::PeersCommand, run::cpu::REPEATS,
    seeds::Seeds, soak::SoakArgs,
};

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

/// Where results go.
#[derive(Clone, Debug, Default, Args)]
pub struct Output {
    /// Write one JSON object a line: one for each policy (and scene and seed)
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the HTML report here
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Where results go.
    #[command(flatten)]
    pub output: Output,
    /// Use the real video and face detector that `cargo xtask assets` fetches
    #[arg(long)]
    pub real: bool,
    /// Length of the rendered scene in seconds [default: as the scene says]
    #[arg(long, value_name = "S", conflicts_with = "real")]
    pub seconds: Option<f64>,
    /// Seed of scene, camera and latencies
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Take the run times that are measured here instead of the scene's
    #[arg(long)]
    pub measured: bool,
    /// Measure CPU time (medians of N) instead, with the model on every frame as truth
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = REPEATS, conflicts_with_all = ["real", "measured", "report"])]
    pub cpu: Option<u32>,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A y4m file, H.264 in mp4, a folder of images, or anything that an installed ffmpeg decodes
    #[arg(long, value_name = "FILE")]
    pub video: PathBuf,
    /// The ONNX model
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,
    /// The system card (TOML)
    #[arg(long, value_name = "FILE")]
    pub card: PathBuf,
    /// In virtual time every run takes this many milliseconds
    #[arg(long, value_name = "X", conflicts_with_all = ["measured", "real_time"])]
    pub latency_ms: Option<f64>,
    /// In virtual time every run takes what it takes on this machine (the default)
    #[arg(long, conflicts_with = "real_time")]
    pub measured: bool,
    /// Real time: a capture thread, a worker and a display thread, as in an app
    #[arg(long)]
    pub real_time: bool,
    /// Frames a second of image folders
    #[arg(long, value_name = "FPS", default_value_t = 30.0)]
    pub fps: f64,
    /// Stop after this many seconds of video
    #[arg(long, value_name = "S")]
    pub seconds: Option<f64>,
    /// Seed of the engine's audits
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// The model sees only this part of each frame, in pixels of the upright frame
    #[arg(long, value_name = "X,Y,W,H", value_parser = region)]
    pub region: Option<Rect>,
    /// Measure CPU time (medians of N) for Inbetween, every frame, and every Nth + Kalman of equal quality
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = REPEATS, conflicts_with_all = ["real_time", "report"])]
    pub cpu: Option<u32>,
    /// Where results go.
    #[command(flatten)]
    pub output: Output,
}

/// Options of `calibrate`.
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// A .csv or .parquet file with scores of the positive class and labels
    #[arg(long, value_name = "FILE")]
    pub scores: PathBuf,
    /// The column of scores, from 0 to 1
    #[arg(long, value_name = "COLUMN", default_value = "score")]
    pub score: String,
    /// The column of labels, 0 or 1
    #[arg(long, value_name = "COLUMN", default_value = "label")]
    pub label: String,
    /// A column that is 1 in rows which only the table of results may see [default: 30%, drawn]
    #[arg(long, value_name = "COLUMN")]
    pub held_out: Option<String>,
    /// Write the section `model.calibrator` of this card
    #[arg(long, value_name = "FILE")]
    pub card: Option<PathBuf>,
    /// Write everything as one JSON object
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Options of `score`.
#[derive(Debug, Args)]
pub struct ScoreArgs {
    /// A folder with card.toml and the files that it names
    #[arg(long, value_name = "DIR")]
    pub bundle: PathBuf,
    /// Events as a .csv or .parquet file, with a column for each feature of the card
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// Where scores and decisions go, as CSV
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// The column of event times, in milliseconds; columns FEATURE.known_at are checked against it
    #[arg(long, value_name = "COLUMN")]
    pub time: Option<String>,
    /// Refuse a table whose features are distributed otherwise than in training, by the card's histograms
    #[arg(long)]
    pub refuse_skew: bool,
    /// Columns to copy into the output, by comma
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub keep: Vec<String>,
}

/// Options of `baseline`.
#[derive(Debug, Args)]
pub struct BaselineArgs {
    /// The candidate: a folder with card.toml, whose costs decide for all methods, and the files that it names
    #[arg(long, value_name = "DIR")]
    pub bundle: PathBuf,
    /// Labelled events as a .csv or .parquet file
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// The column of labels, 0 or 1
    #[arg(long, value_name = "COLUMN", default_value = "label")]
    pub label: String,
    /// The simple method: a column of probabilities (or 0 and 1), or the folder of a bundle
    #[arg(long, value_name = "COLUMN|DIR")]
    pub rule: String,
    /// The model before, likewise
    #[arg(long, value_name = "COLUMN|DIR")]
    pub previous: Option<String>,
    /// Compare within each value of this column, too; may be repeated
    #[arg(long, value_name = "COLUMN")]
    pub slice: Vec<String>,
    /// Write the section `baseline` of the candidate's card
    #[arg(long)]
    pub write: bool,
    /// Write everything as one JSON object
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Options of `backtest`.
#[derive(Debug, Args)]
pub struct BacktestArgs {
    /// A recorded session, one JSON object a line; may be repeated
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub session: Vec<PathBuf>,
    /// The system card (TOML)
    #[arg(long, value_name = "FILE")]
    pub card: PathBuf,
    /// Another card, for the same model: the settings before, say
    #[arg(long, value_name = "CARD")]
    pub against: Option<PathBuf>,
    /// Seed of the engine's audits
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Write everything as one JSON object
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

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

/// Commands on scene files.
#[derive(Debug, Subcommand)]
pub enum SceneCommand {
    /// Write frames as PNG files with their truth as JSON, to train a model on
    Export(ExportArgs),
    /// Read scene files and explain what is wrong with them
    Check {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

/// Options of `scene export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The scene file
    #[arg(long, value_name = "FILE")]
    pub scene: PathBuf,
    /// Seed of everything that the file leaves open
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How many frames, spread over the scene's length
    #[arg(long, value_name = "N")]
    pub frames: u64,
    /// Folder for `00000.png`, … and `truth.json`
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Scale the frames (and the truth) to this size
    #[arg(long, value_name = "WxH", value_parser = size)]
    pub size: Option<(u32, u32)>,
}

/// A part of a frame: left, top, width and height.
///
/// # Errors
/// When it is not that.
pub fn region(text: &str) -> Result<Rect, String> {
    let numbers: Vec<f32> = text.split(',').map_while(|s| s.trim().parse().ok()).collect();
    let finite = numbers.iter().all(|n| n.is_finite()) && numbers.len() == text.split(',').count();
    match numbers[..] {
        [x, y, w, h] if finite && x >= 0.0 && y >= 0.0 && w >= 1.0 && h >= 1.0 => {
            Ok(Rect::new(x, y, x + w, y + h))
        }
        _ => Err("write it as 40,20,96,96: left, top, width and height in pixels".into()),
    }
}

/// Width and height.
///
/// # Errors
/// When it is not that.
pub fn size(text: &str) -> Result<(u32, u32), String> {
    let side = |s: &str| s.parse::<u32>().ok().filter(|n| (1..=4096).contains(n));
    text.split_once('x')
        .and_then(|(w, h)| Some((side(w)?, side(h)?)))
        .ok_or_else(|| "write it as 320x180, with sides from 1 to 4096".into())
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

    #[test]
    fn regions_need_four_numbers() {
        assert_eq!(region("4,2,9,8.5"), Ok(Rect::new(4.0, 2.0, 13.0, 10.5)));
        for bad in ["4,2,9", "4,2,0,8", "-1,2,9,8", "4,2,inf,8", "a,b,c,d", "1,2,3,4,5", "1,2,3,4,x"] {
            assert!(region(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_need_two_sides() {
        assert_eq!(size("320x180"), Ok((320, 180)));
        for bad in ["320", "0x4", "x", "320x", "9999x1", "3 x4"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
