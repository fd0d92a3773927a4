//! The ladder that an answer stands on.
//! **Invariant:** the rungs of the facade, in its order.
//! It does not say when the ladder is climbed: the engine does.

mirror! {
    /// The rungs of the ladder, best first.
    Rung = inbetween::Rung {
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
}
