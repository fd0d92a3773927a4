//! Which packages are built together.
//! **Invariant:** each selection is built with the same features by everybody, so that tract is built once for each.
//! It does not build: suites and measurements do.

/// Policy, without tract: dev profile, so that overflow checks are on.
pub const POLICY: &[&str] = &["inbetween-flow", "inbetween-card", "inbetween-sim"];

/// What checks the project; built and tested with policy.
pub const TOOLS: &[&str] = &["purity-child", "xtask"];

/// Everything that touches tract, in release. One selection, because cargo unifies features over it: this one
/// gives shared dependencies the same features as `cargo demo` does alone, so that both use one build of tract.
pub const TRACT: &[&str] = &["inbetween", "inbetween-infer", "inbetween-bench", "inbetween-examples"];

/// The bindings: their dependencies change features of tract's, so they have a build of their own, which the suites
/// of other languages share.
pub const BINDINGS: &[&str] = &["inbetween-ffi"];

/// The generator of bindings: no tests, and dependencies that nothing else should be built with.
pub const APART: &[&str] = &["inbetween-bindgen"];
