//! The command line of `calibrate`, `score`, `baseline` and `backtest`.
//! **Invariant:** every option says its unit and its default in `--help`.
//! It does not do anything: the commands do.

use std::path::PathBuf;

use clap::Args;

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
