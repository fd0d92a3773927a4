//! Where the results of a command go.
//! **Invariant:** nothing is written where nothing was asked for.
//! It does not write anything: the commands do.

use std::path::PathBuf;

use clap::Args;

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
