//! Operators of our own for what models of pictures spend their time on, and the pass that puts them into the graph.
//! **Invariant:** a rewritten graph computes the same numbers but for rounding; what is not certain stays as it was.
//! It does not replace the runtime: all other operators, and the order of the run, are the runtime's.

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
