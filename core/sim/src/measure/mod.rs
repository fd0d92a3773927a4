//! What is measured: who counts at a refresh (`presence`), what violates (`score`), what it cost (`energy`, and `phase`
//! for long sessions), and the record of a run (`report`).
//! **Invariant:** every policy is measured by the same rules against the same truth at the same refreshes.
//! It does not run anything.

mod energy;
mod phase;
mod presence;
mod report;
mod score;

pub use energy::{Energies, EnergyProfile, PROFILES, RunCost, Spent};
pub(crate) use phase::Phases;
pub use phase::{PHASES, Phase};
pub(crate) use presence::same_place;
pub use presence::{Counted, Presence};
pub use report::{FrameMark, RefreshMark, Report, Row, Timeline};
pub use score::{Fault, Faults, Scorer, Verdict};
