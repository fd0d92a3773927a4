//! Suite `purity`: the core does no I/O, and each check of that is shown to bite.
//! **Invariant:** every check runs twice: on the product, where it must pass, and on a planted violation, where it
//! must fail for the reason that was planted.
//! It does not edit the product: violations are planted in copies under the build directory.

mod attributes;
mod libraries;
mod lints;
mod no_std;
mod scratch;
mod steady;
mod symbols;

use crate::{repo::Repo, report::Tally};

/// Runs the five checks.
pub fn run(repo: &Repo) -> Tally {
    let mut tally = Tally::default();
    tally.add(no_std::run(repo));
    tally.add(attributes::run(repo));
    tally.add(lints::run(repo));
    tally.add(symbols::run(repo));
    tally.add(steady::run(repo));
    tally
}
