//! The command line of `card`.
//! **Invariant:** every option says its unit and its default in `--help`.
//! It does not do anything: the commands do.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use inbetween_card::Date;

/// Commands on system cards.
#[derive(Debug, Subcommand)]
pub enum CardCommand {
    /// Write a commented card to fill in; asks questions on a terminal
    New(NewArgs),
    /// Find what is missing, expired, leaked or against itself; fails when anything is
    Check(CheckArgs),
    /// Write a page with all sections and the checklist, for people to review
    Render(RenderArgs),
    /// Compare two cards; fails when a threshold was loosened, or a watch, an owner or a rung taken out
    Diff {
        /// The card in use
        old: PathBuf,
        /// The card that should replace it
        new: PathBuf,
    },
    /// Write the card as a CycloneDX 1.6 document, for inventories of software and models
    Export {
        /// The card (TOML)
        card: PathBuf,
        /// Write it here [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// Options of `card new`.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// Write it here; a file that is there is not overwritten [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The ONNX model: its name and its SHA-256 are taken
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// What the model looks at
    #[arg(long, value_enum, default_value_t = Kind::Image)]
    pub input: Kind,
    /// Ask nothing: leave placeholders
    #[arg(long)]
    pub yes: bool,
}

/// What a model looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Pictures, and it says where things are
    Image,
    /// Named numbers and categories, and it says how likely something is
    Features,
    /// Blocks of samples, and it says which of two classes they are
    Audio,
}

/// Options of `card check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The cards (TOML)
    #[arg(required = true, value_name = "FILE")]
    pub cards: Vec<PathBuf>,
    /// Check as of this day, as 2027-06-30 [default: today, UTC]
    #[arg(long, value_name = "DATE")]
    pub today: Option<Date>,
}

/// Options of `card render`.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// The card (TOML)
    pub card: PathBuf,
    /// Write it here; .html and .htm give HTML, anything else Markdown [default: Markdown on standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Review as of this day, as 2027-06-30 [default: today, UTC]
    #[arg(long, value_name = "DATE")]
    pub today: Option<Date>,
}
