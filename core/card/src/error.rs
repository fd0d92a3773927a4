//! What can be wrong with a card.
//! **Invariant:** every variant names the line, the field and the mend.
//! It does not cover whether the model fits the card: that is `inbetween-infer`'s `LoadError`.

use std::borrow::Cow;

use crate::{locate, tree};

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

impl CardError {
    /// A TOML error as a card error: the library gives a span and a text, the path is found again.
    pub(crate) fn read(text: &str, error: &tree::Error) -> Self {
        let span = error.span.clone().unwrap_or(0..0);
        let mut field = locate::path_at(text, span.start);
        let mut line = locate::line_at(text, span.start);
        let mut message = error.message.trim().replace('\n', "; ");
        let named = |prefix: &str| -> Option<String> {
            message.strip_prefix(prefix)?.split_once('`').map(|(name, _)| name.to_owned())
        };
        // Inside tagged tables the library only knows the table; the message has the name.
        if let Some(name) = named("unknown field `") {
            field = locate::find_key(text, &field, &name).unwrap_or(field);
            line = locate::line_of(text, &field);
        } else if let Some(name) = named("unknown variant `") {
            field = locate::find_text(text, &field, &name).unwrap_or(field);
            line = locate::line_of(text, &field);
        } else if let Some(name) = named("missing field `") {
            field = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
            message = format!("missing; add `{name} = …` here");
        }
        if field.is_empty() {
            // The text is not TOML here; what stands before the equals sign is the best name there is.
            let content = text.lines().nth(line - 1).unwrap_or_default();
            content.split('=').next().unwrap_or_default().trim().clone_into(&mut field);
        }
        Self::Parse { line, field, message }
    }
}
