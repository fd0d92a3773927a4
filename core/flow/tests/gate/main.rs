//! The gate on rendered pictures whose truth is known exactly.

mod change;
mod motion;
mod render;
mod robust;
