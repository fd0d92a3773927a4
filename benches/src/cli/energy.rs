//! The command line of `energy`.
//! **Invariant:** every option says its unit and its default in `--help`.
//! It does not do anything: the commands do.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::energy::log::LEAST_RUNS;

/// Commands of `energy`.
#[derive(Debug, Subcommand)]
pub enum EnergyCommand {
    /// Print the coefficients of the model, with their errors and sources
    Profiles,
    /// Run a command again and again beside a meter of Linux, and add the runs to a log
    Measure {
        /// The log, JSON lines
        #[arg(long, value_name = "FILE")]
        log: PathBuf,
        /// Name of the workload; `idle` takes no command
        #[arg(long, value_name = "NAME")]
        workload: String,
        /// How long each run is, in seconds; 10 at least
        #[arg(long, value_name = "S", default_value_t = 12.0)]
        seconds: f64,
        /// How many runs; 5 at least
        #[arg(long, value_name = "N", default_value_t = LEAST_RUNS)]
        runs: usize,
        /// Where `sys` is, for a copy of another machine's files
        #[arg(long, value_name = "DIR", default_value = "/")]
        root: PathBuf,
        /// The command
        #[arg(last = true)]
        command: Vec<String>,
    },
    /// Add runs on a phone or a Mac to a log
    #[command(subcommand)]
    Collect(CollectCommand),
    /// Print the script that makes a snapshot of an Android device: `adb shell sh < script > before.txt`
    Script,
    /// Half an hour of a device that heats up and slows down, phase by phase
    Sustained(SustainedArgs),
    /// What each workload of a log takes, idle subtracted, if the log follows the protocol
    Read {
        /// The log, JSON lines
        log: PathBuf,
    },
    /// Compare a log with the model, and say what may be claimed on the device
    Validate {
        /// The log, JSON lines
        log: PathBuf,
        /// Counts of one iteration of each workload: `{ "NAME": { "macs": …, "bytes": …, "cpu_s": …, "wakes": … } }`
        #[arg(long, value_name = "FILE")]
        counts: PathBuf,
        /// The device
        #[arg(long, value_name = "NAME")]
        device: String,
        /// Write the validation as JSON
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
}

/// Where meters are.
#[derive(Debug, Subcommand)]
pub enum CollectCommand {
    /// Power monitors or the battery of an Android device, over `adb shell` or from saved snapshots
    Android(AndroidArgs),
    /// What `powermetrics` saved on a Mac, as text or property lists
    Apple(AppleArgs),
}

/// What every collector is told.
#[derive(Debug, Args)]
pub struct Common {
    /// The log, JSON lines; runs are added to it
    #[arg(long, value_name = "FILE")]
    pub log: PathBuf,
    /// Name of the workload; `idle` for the same time with nothing
    #[arg(long, value_name = "NAME")]
    pub workload: String,
}

/// Options of `collect android`.
#[derive(Debug, Args)]
pub struct AndroidArgs {
    /// Log and workload.
    #[command(flatten)]
    pub common: Common,
    /// Snapshots before and after one run, made with the script that `inbetween energy script` prints
    #[arg(long, value_names = ["BEFORE", "AFTER"], num_args = 2, conflicts_with_all = ["serial", "command"])]
    pub from: Vec<PathBuf>,
    /// How often the workload was done between the snapshots
    #[arg(long, value_name = "N", requires = "from")]
    pub iterations: Option<u64>,
    /// The device, as `adb devices` names it
    #[arg(long, value_name = "SERIAL")]
    pub serial: Option<String>,
    /// Count rails whose name has this in it; may be repeated [default: CPU, GPU, G3D, TPU, MIF, DDR]
    #[arg(long, value_name = "TEXT")]
    pub rail: Vec<String>,
    /// How long each run is, in seconds of the device; 10 at least, 120 where there is only a battery
    #[arg(long, value_name = "S", default_value_t = 12.0)]
    pub seconds: f64,
    /// How many runs; 5 at least
    #[arg(long, value_name = "N", default_value_t = LEAST_RUNS)]
    pub runs: usize,
    /// The command on the device, repeated until a run is long enough; none for `idle`
    #[arg(last = true)]
    pub command: Vec<String>,
}

/// Options of `collect apple`.
#[derive(Debug, Args)]
pub struct AppleArgs {
    /// Log and workload.
    #[command(flatten)]
    pub common: Common,
    /// What `powermetrics` printed during one run each; `ioreg -rn AppleSmartBattery` after it gives the temperature
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub from: Vec<PathBuf>,
    /// How often the workload was done in each run
    #[arg(long, value_name = "N")]
    pub iterations: Option<u64>,
    /// Temperature in degrees Celsius, where the files hold none
    #[arg(long, value_name = "C")]
    pub temperature_c: Option<f64>,
}

/// Options of `energy sustained`.
#[derive(Debug, Args)]
pub struct SustainedArgs {
    /// A scene with `latency.steps` [default: benches/energy/sustained.toml]
    #[arg(long, value_name = "FILE")]
    pub scene: Option<PathBuf>,
    /// The policies
    #[arg(long, value_name = "NAME", default_values_t = ["inbetween", "every-nth-kalman:6", "every-frame"].map(str::to_owned))]
    pub policy: Vec<String>,
    /// Length in seconds [default: as the scene says]
    #[arg(long, value_name = "S")]
    pub seconds: Option<f64>,
    /// The seed
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Write everything as one JSON object
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}
