//! The library as it ships on phones: how it is built, what is in it, how large it is, how it is packed.
//! **Invariant:** where a platform's own tools are missing, what was checked in their place is said.
//! It does not run what it builds: that needs a phone.

mod aar;
mod build;
mod contents;
mod folder;
mod framework;
mod licences;
mod package;
mod size;

pub use aar::android;
pub use framework::ios;
pub use package::check_package_files;
pub use size::{desktop, measure};

use anyhow::Result;
use clap::ValueEnum;

use crate::repo::Repo;

/// Where the library ships.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Platform {
    /// `aarch64-linux-android`, a shared library.
    Android,
    /// `aarch64-apple-ios`, a static library.
    Ios,
    /// This machine, the library that the tests of other languages load: not shipped, but there in every run.
    Desktop,
}

/// Writes the licences that a package for Android carries into `folder`.
pub fn licences(repo: &Repo, folder: &str) -> Result<()> {
    let folder = repo.root.join(folder);
    licences::write(repo, &build::ABIS.map(|abi| abi.triple), &folder)
}

impl Platform {
    const fn name(self) -> &'static str {
        match self {
            Self::Android => "android",
            Self::Ios => "ios",
            Self::Desktop => "desktop",
        }
    }
}
