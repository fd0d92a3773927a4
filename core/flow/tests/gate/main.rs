//! The gate on rendered pictures whose truth is known exactly.
//! **Invariant:** every bound here is on the error against that truth, not on an earlier output.
//! It does not time anything: `gate_cost` and criterion do.

mod change;
mod motion;
mod pitfalls;
mod render;
mod robust;
mod told;
