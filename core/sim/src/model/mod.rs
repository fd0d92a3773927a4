//! What stands in for a model in virtual time: what it says (`detector`) and how long it takes (`latency`).
//! **Invariant:** both are functions of the scene's seed and of time, the same for every policy.
//! It does not run real models; a real one takes the place of [`Detector`].

mod detector;
mod latency;

pub use detector::{Detector, SimulatedDetector};
pub use latency::Worker;
