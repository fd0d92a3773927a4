//! The checklist: every demand that a complete card must meet, by section.
//! **Invariant:** a rule runs only when its section is there.
//! It does not repeat the ranges of single fields: `check` has them.

use super::{Notes, Section, Subject, meaning, operation, quality};
use crate::locate;

/// One demand.
pub(super) struct Rule {
    pub section: Section,
    pub demand: &'static str,
    pub check: fn(&Subject<'_>, &mut Notes),
}

const fn rule(section: Section, demand: &'static str, check: fn(&Subject<'_>, &mut Notes)) -> Rule {
    Rule { section, demand, check }
}

/// Every demand beyond the ranges of single fields.
pub(super) const RULES: &[Rule] = {
    use Section as S;
    &[
        rule(S::Decision, "there is an action for every outcome", meaning::outcomes),
        rule(S::Decision, "it has a deadline, and runs end before it", meaning::deadline),
        rule(S::Decision, "people can look at what is sent to them", meaning::review_load),
        rule(S::Failure, "a person's look pays where it is asked for", meaning::review_pays),
        rule(S::Goals, "each goal is measured by a metric of the card", meaning::goals),
        rule(S::Data, "every input of the model is declared, and nothing else", quality::inputs),
        rule(S::Data, "nothing is known only after the decision", quality::leakage),
        rule(S::Data, "the schema is the one that is hashed", quality::schema),
        rule(S::Data, "training and serving compute the same features", quality::same_features),
        rule(S::Data, "predictions wait for as long as labels take", quality::label_delay),
        rule(S::Baseline, "it is scored on a metric of the card", quality::baseline_metric),
        rule(S::Baseline, "the model beats it with its whole interval", quality::beaten),
        rule(S::Metrics, "thresholds are gates: offline, guardrails, slices", quality::gates),
        rule(S::Metrics, "metrics in operation are signals that are watched", quality::watched_metrics),
        rule(S::Model, "format and hash are stated, for variants too", operation::hashes),
        rule(S::Model, "what is decided on is calibrated", operation::calibrated),
        rule(S::Serving, "an energy or duty budget is stated", operation::energy),
        rule(S::Serving, "the mode is what the decision says", operation::mode),
        rule(S::Validation, "it was tried offline, and on recorded sessions", operation::tried),
        rule(S::Monitoring, "one signal of each kind is watched", operation::kinds),
        rule(S::Monitoring, "signals have what they are made of", operation::sources),
        rule(
            S::Monitoring,
            "what drifts has a reference, and what has a reference is watched",
            operation::references,
        ),
        rule(S::Monitoring, "there are responses, to signals that are watched", operation::responses),
        rule(S::Fallback, "each rung of the ladder has a trigger and a test", operation::rungs),
        rule(S::Fallback, "each rung but the first has a way back", operation::recovery),
        rule(S::Ownership, "it is in date", operation::expiry),
        rule(S::Platform, "the device has the memory that serving takes", operation::memory),
    ]
};

/// Finds every text that is still a placeholder, as `<who uses it>`.
pub(super) fn placeholders(text: &str, notes: &mut Notes) {
    locate::each_text(text, &mut |path, value| {
        let value = value.trim();
        if value.starts_with('<') && value.ends_with('>') {
            let question = value.trim_matches(['<', '>']);
            notes.error(path, "this is still a placeholder", format!("write here: {question}"));
        }
    });
}
