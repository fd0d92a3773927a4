//! What differs between two cards, loosened thresholds first.
//! **Invariant:** every change is listed.
//! It does not compare: `inbetween-card` does.

use std::fmt::Write as _;

use inbetween_card::{Change, Effect};

/// Whether any change holds the system to less than before.
pub fn loosened(changes: &[Change]) -> bool {
    changes.iter().any(|c| c.effect == Effect::Loosened)
}

/// All changes, ready to print.
pub fn report(changes: &[Change]) -> String {
    let mut out = String::new();
    for change in changes {
        let effect = match change.effect {
            Effect::Loosened => "LOOSENED ",
            Effect::Tightened => "tightened",
            Effect::Changed => "changed  ",
        };
        let shown = |value: &Option<String>| {
            value.as_ref().map_or("(not there)".to_owned(), |v| v.replace('\n', " "))
        };
        let _ =
            writeln!(out, "{effect} {}: {} -> {}", change.field, shown(&change.before), shown(&change.after));
    }
    let of = |effect| changes.iter().filter(|c| c.effect == effect).count();
    let _ = writeln!(
        out,
        "{} loosened, {} tightened, {} changed otherwise",
        of(Effect::Loosened),
        of(Effect::Tightened),
        of(Effect::Changed)
    );
    out
}
