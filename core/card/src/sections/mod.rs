//! The sections of a card, one file each, in the order of the card.
//! **Invariant:** each section checks itself alone; what ties sections together is the review's.
//! It does not parse: `Card::parse` does.

pub mod baseline;
pub mod data;
pub mod decision;
pub mod failure;
pub mod fallback;
pub mod goals;
pub mod metrics;
pub mod model;
pub mod monitoring;
pub mod ownership;
pub mod platform;
pub mod serving;
pub mod user;
pub mod validation;
