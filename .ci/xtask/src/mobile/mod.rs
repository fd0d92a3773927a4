//! The library as it ships on phones: how it is built, what is in it, how large it is, how it is packed.
//! **Invariant:** where a platform's own tools are missing, what was checked in their place is said.
//! It does not run what it builds: that needs a phone.

mod build;
mod contents;
mod package;
mod size;

pub use package::{android, check_package_files, ios};
pub use size::{desktop, measure};

use clap::ValueEnum;

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

impl Platform {
    const fn name(self) -> &'static str {
        match self {
            Self::Android => "android",
            Self::Ios => "ios",
            Self::Desktop => "desktop",
        }
    }

    /// Rust's name for it; none for this machine.
    const fn triple(self) -> Option<&'static str> {
        match self {
            Self::Android => Some("aarch64-linux-android"),
            Self::Ios => Some("aarch64-apple-ios"),
            Self::Desktop => None,
        }
    }
}
