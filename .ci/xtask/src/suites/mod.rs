//! The test suites and the loop that runs them.
//! **Invariant:** every suite prints one line with its counts; the sum is the last line that is printed.
//! It does not stop at the first failing suite.

mod aarch64;
mod deny;
mod fuzz;
mod kotlin;
mod lint;
mod packages;
mod python;
mod rust;
mod swift;

pub use self::{kotlin::costs as kotlin_costs, swift::costs as swift_costs};

use std::time::Instant;

use clap::ValueEnum;

use crate::{assets, claims, counts, purity, repo::Repo, report::Tally, tidy};

/// A suite of `cargo xtask test`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Suite {
    /// Formatting of every crate.
    Fmt,
    /// Lints of every crate and target; a warning fails.
    Clippy,
    /// Unit, property, golden and integration tests.
    Rust,
    /// The same tests on 64-bit ARM, under emulation of several processors.
    Aarch64,
    /// That counts of instructions are exact, and show a regression.
    Counts,
    /// Examples in the documentation, and that it builds without warnings.
    Doc,
    /// That the core does no I/O, with planted violations.
    Purity,
    /// Rules of the house that can be read off the text.
    Tidy,
    /// Licences, bans and sources of the dependencies.
    Deny,
    /// Tests in Python: references, and the bindings.
    Python,
    /// Tests in Swift: the package of `ios/`.
    Swift,
    /// The Android modules, compiled and tested on the JVM.
    Kotlin,
    /// Size and contents of the library, and what packages are made of.
    Packages,
    /// Real models and recordings that were fetched.
    Assets,
    /// The ledger of claims, its records, and the tables in documents.
    ClaimsCheck,
}

impl Suite {
    fn run(self, repo: &Repo) -> Tally {
        match self {
            Self::Fmt => lint::fmt(repo),
            Self::Clippy => lint::clippy(repo),
            Self::Rust => rust::tests(repo),
            Self::Aarch64 => aarch64::run(repo),
            Self::Counts => counts::check(repo),
            Self::Doc => rust::docs(repo),
            Self::Purity => purity::run(repo),
            Self::Tidy => tidy::run(repo),
            Self::Deny => deny::run(repo),
            Self::Python => python::run(repo),
            Self::Swift => swift::run(repo),
            Self::Kotlin => kotlin::run(repo),
            Self::Packages => packages::run(repo),
            Self::Assets => assets::check(repo),
            Self::ClaimsCheck => claims::check(repo),
        }
    }

    /// Why a suite is run only when it is named.
    const fn by_name(self) -> Option<&'static str> {
        match self {
            Self::Aarch64 => Some("builds everything once more and emulates it: `cargo xtask test aarch64`"),
            _ => None,
        }
    }

    fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned())
    }
}

/// Runs `suites`, or all; returns whether nothing failed.
pub fn run(repo: &Repo, suites: &[Suite]) -> bool {
    let mut sum = Tally::default();
    let usual: Vec<Suite> =
        Suite::value_variants().iter().copied().filter(|s| s.by_name().is_none()).collect();
    if suites.is_empty() {
        let by_name = |suite: &Suite| suite.by_name().map(|why| format!("{}: {why}", suite.name()));
        sum.skips.extend(Suite::value_variants().iter().filter_map(by_name));
    }
    let suites = if suites.is_empty() { &usual } else { suites };
    for suite in suites {
        let name = suite.name();
        eprintln!("{name} ...");
        let started = Instant::now();
        let mut tally = suite.run(repo);
        for failure in &tally.failures {
            eprintln!("  FAILED: {failure}");
        }
        println!("{name}: {tally}");
        eprintln!("  {:.1} s", started.elapsed().as_secs_f64());
        for text in tally.failures.iter_mut().chain(&mut tally.skips) {
            text.insert_str(0, &format!("{name}: "));
        }
        sum.add(tally);
    }
    for (heading, list) in [("Skipped, and why:", &sum.skips), ("Failed:", &sum.failures)] {
        if !list.is_empty() {
            println!("\n{heading}");
            for line in list {
                println!("  {line}");
            }
        }
    }
    println!("\n{sum}");
    sum.failures.is_empty()
}
