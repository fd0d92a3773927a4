//! The command line of `scene`.
//! **Invariant:** every option says its unit and its default in `--help`.
//! It does not do anything: the commands do.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::parse::size;

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
