//! How well an answer is founded, as the card's ladder has it.
//! **Invariant:** rungs are in order: the better one is the smaller one.
//! It does not say which rung holds: the engine does.

/// The rungs of the ladder, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rung {
    /// The model as configured.
    Model,
    /// A smaller variant of it.
    SmallerVariant,
    /// Earlier results, carried forward.
    Predicted,
    /// The card's rule.
    Rule,
    /// Nothing.
    Unavailable,
}
