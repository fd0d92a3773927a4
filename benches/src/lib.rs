//! The desktop harness as a library, so that tests and benches can call what the command does.
//! **Invariant:** everything that is printed or written comes from one measured run; nothing is filled in.
//! It does not decide when to run a model: the SDK and the simulator's policies do.
#![forbid(unsafe_code)]

pub mod record;
pub mod report;
pub mod seeds;
pub mod session;
pub mod table;
pub mod video;
