//! What changed between two cards, and which of it holds the system to less than before.
//! **Invariant:** a threshold that is loosened, and a watch, an owner or a rung that is gone, is flagged.
//! It does not say whether a change is a good one: a person does.

mod rules;

use crate::{Card, CardError, fields};

/// What a change does to the promises of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// The system is held to less than before.
    Loosened,
    /// The system is held to more than before.
    Tightened,
    /// Neither, as far as fields alone tell.
    Changed,
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it does.
    pub effect: Effect,
    /// Path of the field; list elements by their name, as `monitoring.response[psi.amount].above`.
    pub field: String,
    /// What it was; `None` where it was not there.
    pub before: Option<String>,
    /// What it is; `None` where it is gone.
    pub after: Option<String>,
}

/// Compares two cards; what loosens comes first.
///
/// # Errors
/// When one of them is refused.
///
/// # Example
/// ```
/// # let card = "decision.text = \"t\"\ntolerance = { epsilon = 1, miss_rate = 0.1 }\n\
/// #     budget = { deadline_ms = 50, max_age_ms = 500 }\n[model]\nname = \"m\"\nversion = 1\nfile = \"m.onnx\"\n\
/// #     input = { kind = \"audio\", sample_rate = 8000, block = 80 }\nhead = { kind = \"raw\", length = 3 }";
/// use inbetween_card::{Effect, diff};
/// let changes = diff(card, &card.replace("miss_rate = 0.1", "miss_rate = 0.2"))?;
/// assert_eq!(changes[0].field, "tolerance.miss_rate");
/// assert_eq!(changes[0].effect, Effect::Loosened);
/// # Ok::<(), inbetween_card::CardError>(())
/// ```
pub fn diff(old: &str, new: &str) -> Result<Vec<Change>, CardError> {
    Card::parse(old)?;
    Card::parse(new)?;
    let (before, after) = (fields::values(old), fields::values(new));
    let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    let mut changes: Vec<Change> = paths
        .into_iter()
        .filter_map(|path| {
            let (a, b) = (before.get(path), after.get(path));
            let effect = rules::effect(path, a, b)?;
            let shown = |value: Option<&toml::Value>| value.map(ToString::to_string);
            Some(Change { effect, field: path.clone(), before: shown(a), after: shown(b) })
        })
        .collect();
    changes.sort_by_key(|c| c.effect);
    Ok(changes)
}
