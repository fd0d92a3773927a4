//! What `cargo xtask peers` measures of Inbetween, beside other runtimes in the same run.
//! **Invariant:** what is timed is CPU time of one thread; decoding a video and judging are outside of it.
//! It does not run the other runtimes: `benches/peers` does, and hands in what they said.

mod frontier;
mod judge;
mod tensor;

use crate::cli::PeersCommand;

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
