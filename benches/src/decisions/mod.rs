//! Decisions on tables of events: calibrators are fitted, tables scored, and methods compared by what they cost.
//! **Invariant:** what is scored goes through the same core as on a device.
//! It does not decide: `inbetween_flow` does.

pub mod baseline;
pub mod calibrate;
pub mod fit;
pub mod leak;
pub mod losses;
pub mod methods;
pub mod score;
pub mod section;
pub mod skew;
pub mod table;
