//! Operators of our own for what models of pictures spend their time on, and the pass that puts them into the graph.
//! **Invariant:** a rewritten graph computes the same numbers but for rounding; what is not certain stays as it was.
//! It does not replace the runtime: all other operators, and the order of the run, are the runtime's.

#![allow(clippy::inline_always)] // only what is inlined is compiled for the processor's extension
#![allow(clippy::wildcard_imports)] // the runtime's macros need its internal prelude

mod chain;
mod dense;
mod depthwise;
mod head;
mod largest;
mod layout;
mod ops;
mod pool;
mod rewrite;
mod simd;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use ops::FusedConv;
pub(crate) use rewrite::rewrite;
pub(crate) use simd::Processor;
