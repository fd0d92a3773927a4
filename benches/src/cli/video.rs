//! The command line of `demo`, `run` and `soak`.
//! **Invariant:** every option says its unit and its default in `--help`.
//! It does not do anything: the commands do.

use std::path::PathBuf;

use clap::Args;
use inbetween_flow::Rect;

use super::{output::Output, parse::region};

/// How often everything is timed where the command line does not say.
const REPEATS: &str = "5";

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

/// Options of `soak`.
#[derive(Debug, Args)]
pub struct SoakArgs {
    /// How long
    #[arg(long, value_name = "M", default_value_t = 10.0)]
    pub minutes: f64,
    /// Write what was seen as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}
