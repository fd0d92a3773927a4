//! What can be wrong with a card.
//! **Invariant:** every variant names the line, the field and the mend.
//! It does not cover whether the model fits the card: that is `inbetween-infer`'s `LoadError`.

use std::borrow::Cow;

/// Why a card is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CardError {
    /// The text is not TOML, or a field is unknown, missing or of the wrong type.
    #[error("card line {line}, `{field}`: {message}")]
    Parse {
        /// Line, counted from 1.
        line: usize,
        /// Dotted path of the field; empty for the whole card.
        field: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// A value is outside its range or contradicts another one.
    #[error("card line {line}: `{field}` must be {must}")]
    Field {
        /// Line, counted from 1: that of the field or, when it was left out, of its section.
        line: usize,
        /// Dotted path of the field.
        field: String,
        /// What it must be.
        must: Cow<'static, str>,
    },
}
