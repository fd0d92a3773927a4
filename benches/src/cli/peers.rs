//! The command line of `peers`.
//! **Invariant:** every option says its unit and its default in `--help`.
//! It does not do anything: the commands do.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use inbetween_flow::Rect;

use super::parse::{region, size};

/// Commands of `peers`.
#[derive(Debug, Subcommand)]
pub enum PeersCommand {
    /// A model on one raw input tensor: load, first run, run after run, memory, outputs
    Tensor(TensorArgs),
    /// A video: CPU time and violations of every frame, every Nth + Kalman, and Inbetween at several tolerances
    Frontier(FrontierArgs),
    /// Results that another program had for each frame, shown until the next: violations against a truth
    Judge(JudgeArgs),
}

/// Options of `peers tensor`.
#[derive(Debug, Args)]
pub struct TensorArgs {
    /// The ONNX model, with one input
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,
    /// Name of its input
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// Shape of its input
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', required = true)]
    pub shape: Vec<usize>,
    /// The input: floats in row-major order, little-endian
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// How many numbers each output has, in the model's order
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', required = true)]
    pub lengths: Vec<usize>,
    /// How often the model runs after the first time
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub runs: usize,
    /// Write all outputs here, one after the other
    #[arg(long, value_name = "FILE")]
    pub outputs: PathBuf,
    /// Write times and memory here
    #[arg(long, value_name = "FILE")]
    pub json: PathBuf,
}

/// Options of `peers frontier`.
#[derive(Debug, Args)]
pub struct FrontierArgs {
    /// A video, or a folder of images
    #[arg(long, value_name = "FILE")]
    pub video: PathBuf,
    /// Frames a second of image folders
    #[arg(long, value_name = "FPS", default_value_t = 30.0)]
    pub fps: f64,
    /// The ONNX model
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,
    /// The system card
    #[arg(long, value_name = "FILE")]
    pub card: PathBuf,
    /// The model sees only this part of each frame
    #[arg(long, value_name = "X,Y,W,H", value_parser = region)]
    pub region: Option<Rect>,
    /// In virtual time every run takes this many milliseconds
    #[arg(long, value_name = "X")]
    pub latency_ms: f64,
    /// Tolerances that Inbetween runs with, in pixels; it is judged at that of the card
    #[arg(long, value_name = "X,X,…", value_delimiter = ',', required = true)]
    pub epsilons: Vec<f32>,
    /// Seed of the engine's audits
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Write what the model says about each frame here
    #[arg(long, value_name = "FILE")]
    pub results: PathBuf,
    /// Write the points here
    #[arg(long, value_name = "FILE")]
    pub json: PathBuf,
}

/// Options of `peers judge`.
#[derive(Debug, Args)]
pub struct JudgeArgs {
    /// What it is called
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// What was said: one JSON object a frame, with `captured_s` and `boxes` or `points`
    #[arg(long, value_name = "FILE")]
    pub results: PathBuf,
    /// What is true, in the same form
    #[arg(long, value_name = "FILE")]
    pub truth: PathBuf,
    /// The system card with the tolerance and the display's rate
    #[arg(long, value_name = "FILE")]
    pub card: PathBuf,
    /// Size of the frames
    #[arg(long, value_name = "WxH", value_parser = size)]
    pub size: (u32, u32),
    /// How long after a frame its result is there
    #[arg(long, value_name = "X")]
    pub latency_ms: f64,
    /// Write the row here
    #[arg(long, value_name = "FILE")]
    pub json: PathBuf,
}
