//! What `cargo xtask peers` measures of Inbetween, beside other runtimes in the same run.
//! **Invariant:** what is timed is CPU time of one thread; decoding a video and judging are outside of it.
//! It does not run the other runtimes: `benches/peers` does, and hands in what they said.

mod frontier;
mod judge;
mod tensor;

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
};

use anyhow::Context as _;
use clap::Subcommand;
use serde::Serialize;

/// Commands of `peers`.
#[derive(Debug, Subcommand)]
pub enum PeersCommand {
    /// A model on one raw input tensor: load, first run, run after run, memory, outputs
    Tensor(tensor::TensorArgs),
    /// A video: CPU time and violations of every frame, every Nth + Kalman, and Inbetween at several tolerances
    Frontier(frontier::FrontierArgs),
    /// Results that another program had for each frame, shown until the next: violations against a truth
    Judge(judge::JudgeArgs),
}

/// Does one.
///
/// # Errors
/// When a model, card, video or file cannot be used.
pub fn command(command: &PeersCommand) -> anyhow::Result<()> {
    match command {
        PeersCommand::Tensor(args) => tensor::command(args),
        PeersCommand::Frontier(args) => frontier::command(args),
        PeersCommand::Judge(args) => judge::command(args),
    }
}

/// Writes one JSON object a line.
fn write_lines<T: Serialize>(path: &Path, lines: impl IntoIterator<Item = T>) -> anyhow::Result<()> {
    let context = || format!("cannot write {}", path.display());
    let mut file = BufWriter::new(File::create(path).with_context(context)?);
    for line in lines {
        serde_json::to_writer(&mut file, &line).with_context(context)?;
        file.write_all(b"\n").with_context(context)?;
    }
    file.flush().with_context(context)
}
