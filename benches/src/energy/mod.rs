//! Energy: what counts are worth under each profile of coefficients, what meters say, and what may be claimed of either.
//! **Invariant:** no number is called joules without a validation record of its device; every profile is always shown.
//! It does not decide anything: a win is one where it holds in all profiles.

mod command;
pub mod log;
pub mod profile;
pub mod sysfs;
pub mod validation;

pub use command::{EnergyCommand, command};
