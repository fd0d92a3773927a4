//! `cargo xtask`: everything that automates this repository.
//! **Invariant:** what a command needs and cannot have is said with its reason, never passed over.
//! It does not hold knowledge of the SDK: suites run what the crates bring, checks read their text and symbols.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout)] // a command line tool

mod arm;
mod assets;
mod bindings;
mod calls;
mod cargo_output;
mod claims;
mod costs;
mod counts;
mod digest;
mod mobile;
mod peers;
mod process;
mod programs;
mod purity;
mod repo;
mod report;
mod scene_suite;
mod selections;
mod soak;
mod suites;
mod tidy;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use repo::Repo;
use suites::Suite;

/// Automates the repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs test suites; the last line is the sum `N passed, N failed, N skipped`.
    Test {
        /// Which suites, in this order; all when none is named.
        #[arg(value_enum)]
        suites: Vec<Suite>,
    },
    /// Fetches pinned packages with real models and recordings into assets/ (`.ci/assets.toml`).
    Assets {
        /// Which; all when none is named.
        names: Vec<String>,
    },
    /// Writes the SDK's sources for another language into target/bindings/LANGUAGE.
    Bindings {
        /// Which.
        #[arg(value_enum)]
        language: bindings::Language,
    },
    /// Measures claims of benches/claims.toml again: claimed, measured, bar, holds.
    ///
    /// Figures are expressions over the command's JSON: `summary.runs / summary.frames`,
    /// `mean([policy=inbetween,split=test].miss_rate)`; functions are sum, mean, min, max, median, count.
    /// Fails where one does not hold: exact ones must be equal, ratios within their noise; wall times only inform.
    Claims {
        /// Which; all when none is named.
        ids: Vec<String>,
        /// Writes the rows as JSON; `-` prints them instead of the table.
        #[arg(long, value_name = "FILE")]
        json: Option<String>,
        /// Keeps the results in benches/records/claims.json, from which documents are written.
        #[arg(long)]
        record: bool,
    },
    /// Runs the criterion bench of the SDK and writes its medians in microseconds as JSON.
    Costs {
        /// Writes them here; prints them when not given.
        #[arg(long, value_name = "FILE")]
        json: Option<String>,
    },
    /// Measures what the hot calls cost from Kotlin (by JNI and by the plain bindings) and Swift.
    Calls {
        /// Writes the figures as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<String>,
    },
    /// Shares a session among three threads at real rates and shows whether answers ever wait.
    Locks {
        /// For so long.
        #[arg(long, default_value_t = 120)]
        seconds: u64,
        /// Writes what happened as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<String>,
    },
    /// Opens and closes sessions and looks at what is left of them.
    Sessions {
        /// So many.
        #[arg(long, default_value_t = 100_000)]
        count: u64,
    },
    /// Builds the library for phones and compares its size, exports and imports with what was announced.
    ///
    /// Needs no NDK and no Xcode: compilers are unpacked into the build directory (root, Debian; 1 GB). Takes some minutes.
    Size {
        /// Which; all when none is named.
        #[arg(value_enum)]
        platforms: Vec<mobile::Platform>,
        /// Announces the sizes and imports: writes them into bindings/.
        #[arg(long)]
        record: bool,
        /// Writes the figures as JSON.
        #[arg(long, value_name = "FILE")]
        json: Option<String>,
    },
    /// Makes the AAR and checks it; without an NDK, Gradle and cargo-ndk, one for trying its parts.
    PackageAndroid {
        /// Fails where only a trial can be made.
        #[arg(long)]
        ship: bool,
    },
    /// Makes the XCFramework and checks it; elsewhere than on macOS, one for trying its parts.
    PackageIos {
        /// Fails where only a trial can be made.
        #[arg(long)]
        ship: bool,
    },
    /// Writes the licences of the SDK and of all that is linked into it, for a package.
    Licences {
        /// The folder.
        folder: String,
    },
    /// Counts what does not depend on the machine's load: instructions, accesses, cache lines, work, decisions.
    Bench {
        /// What.
        #[command(subcommand)]
        command: counts::Command,
    },
    /// Runs the scene suite: all policies on the test split, with oracles, sweeps and ablations.
    ///
    /// The full suite takes about 25 minutes on two cores. Progress is kept: a killed run goes on with --resume.
    Suite(scene_suite::Options),
    /// Installs other runtimes (onnxruntime, LiteRT, MNN, ncnn, MediaPipe) and measures them and Inbetween in one run.
    ///
    /// Needs `cargo xtask assets`. The machine should have nothing else to do: about ten minutes.
    Peers(peers::Options),
    /// Writes the recorded figures into the documents' tables, between `<!-- claims:ID,ID -->` and `<!-- /claims -->`.
    Readme {
        /// Changes nothing; fails when a document differs from the records.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether everything held.
fn run(command: Command) -> anyhow::Result<bool> {
    let repo = Repo::find()?;
    match command {
        Command::Test { suites } => Ok(suites::run(&repo, &suites)),
        Command::Assets { names } => assets::fetch(&repo, &names),
        Command::Bindings { language: bindings::Language::Swift } => {
            println!("{}", bindings::for_swift(&repo)?.display());
            Ok(true)
        }
        Command::Bindings { language } => {
            println!("{}", bindings::generate(&repo, language)?.display());
            Ok(true)
        }
        Command::Claims { ids, json, record } => {
            claims::measure(&repo, &ids, claims::Output { json: json.as_deref(), record })
        }
        Command::Costs { json } => costs::measure(&repo, json.as_deref()).map(|()| true),
        Command::Calls { json } => calls::measure(&repo, json.as_deref()).map(|()| true),
        Command::Locks { seconds, json } => {
            soak::run(&repo, &["locks", &seconds.to_string()], json.as_deref())
        }
        Command::Sessions { count } => soak::run(&repo, &["sessions", &count.to_string()], None),
        Command::Size { platforms, record, json } => {
            use clap::ValueEnum as _;
            let all = mobile::Platform::value_variants();
            mobile::measure(
                &repo,
                if platforms.is_empty() { all } else { &platforms },
                record,
                json.as_deref(),
            )
        }
        Command::PackageAndroid { ship } => mobile::android(&repo, ship).map(|_| true),
        Command::PackageIos { ship } => mobile::ios(&repo, ship).map(|_| true),
        Command::Licences { folder } => mobile::licences(&repo, &folder).map(|()| true),
        Command::Bench { command } => counts::run(&repo, &command),
        Command::Suite(options) => scene_suite::run(&repo, &options),
        Command::Peers(options) => peers::run(&repo, &options),
        Command::Readme { check: true } => Ok(suites::run(&repo, &[Suite::ClaimsCheck])),
        Command::Readme { check: false } => claims::write(&repo).map(|()| true),
    }
}
