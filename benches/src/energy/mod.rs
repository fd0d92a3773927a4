//! Energy: what counts are worth under each profile of coefficients, what meters say, and what may be claimed of either.
//! **Invariant:** no number is called joules without a validation record of its device; every profile is always shown.
//! It does not decide anything: a win is one where it holds in all profiles.

pub mod collect;
mod command;
pub mod log;
pub mod profile;
pub mod sustained;
pub mod sysfs;
pub mod validation;

pub use command::command;
pub use profile::{Counts, Profiles};

/// The word for energy that is shown in every profile, from what was validated; `modelled` too when a file is damaged, of
/// which the commands speak.
pub fn word() -> &'static str {
    let claim = Profiles::shipped().and_then(|p| Ok(p.claim(&validation::Validations::shipped()?)));
    claim.unwrap_or_default().word()
}
