//! Suite `packages`: size and exports of the library that the tests load, and the files that packages are made of.
//! **Invariant:** a library that has grown unannounced fails.
//! It does not build for phones: `cargo xtask size` and the `package-` commands do.

use crate::{mobile, repo::Repo, report::Tally};

/// Runs each check.
pub fn run(repo: &Repo) -> Tally {
    let mut tally = Tally::default();
    mobile::desktop(repo, &mut tally);
    mobile::check_package_files(repo, &mut tally);
    tally
}
