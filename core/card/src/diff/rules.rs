//! Which way each threshold is loosened, and what must not be taken out.
//! **Invariant:** a field without a rule never counts as loosened.
//! It does not walk cards.

use toml::Value;

use super::Effect;

/// Which way a value holds the system to less.
#[derive(Clone, Copy)]
enum Looser {
    /// A larger one does.
    Up,
    /// A smaller one does.
    Down,
    /// A later one in the list does; `""` stands for a field that is left out.
    Ranked(&'static [&'static str]),
    /// Any that is gone does.
    Gone,
}

use Looser::{Down, Gone, Ranked, Up};

/// A path (`*` is any name), which way it is loosened, and its number when it is left out.
type Rule = (&'static str, Looser, Option<f64>);

/// The first that fits counts. A threshold that is left out and has no default is no bound at all.
const RULES: &[Rule] = &[
    ("tolerance.epsilon", Up, None),
    ("tolerance.miss_rate", Up, None),
    ("tolerance.grace_ms", Up, Some(150.0)),
    ("budget.deadline_ms", Up, None),
    ("budget.max_age_ms", Up, None),
    ("budget.duty", Up, Some(1.0)),
    ("budget.energy_mj_per_s", Up, None),
    ("budget.energy_mj_per_run", Down, Some(0.0)), // the same runs would count as cheaper
    ("budget.max_in_flight", Up, Some(1.0)),
    ("scheduling.audit_rate", Down, Some(0.01)),
    ("serving.memory_mib", Up, None),
    ("platform.memory_mib", Up, None),
    ("platform.permissions[*]", Gone, None), // see `effect`: a new permission asks for more of the user
    ("decision.deadline_ms", Up, None),
    ("decision.cost_*", Down, Some(1.0)),
    ("decision.outcomes[*].reversible", Ranked(&["true", "false"]), None),
    ("decision.outcomes[*]", Gone, None),
    ("decision.review.load", Down, None), // fewer cases reach a person
    ("decision.review.capacity_per_hour", Down, None),
    ("decision.review.queue", Down, None),
    ("failure.false_*", Down, None),
    ("failure.*", Gone, None),
    ("goals.goal[*].gate.at_least", Down, None),
    ("goals.goal[*].gate.at_most", Up, None),
    ("goals.goal[*]", Gone, None),
    ("goals.non_goals[*]", Gone, None),
    ("data.freshness_hours", Up, None),
    ("data.features[*].freshness_ms", Up, None),
    ("data.features[*].known_ms", Up, None),
    ("data.features[*].owner", Gone, None),
    ("data.sources[*].owner", Gone, None),
    ("data.labels.delay_hours", Up, None),
    ("data.same_features.same", Ranked(&["true", "false"]), None),
    ("metrics.*[*].gate.at_least", Down, None),
    ("metrics.*[*].gate.at_most", Up, None),
    ("metrics.*[*]", Gone, None),
    ("baseline.candidate.level", Down, None),
    ("baseline.candidate", Gone, None),
    ("baseline.score", Gone, None),
    ("model.sha256", Gone, None),
    ("model.calibrator.kind", Gone, None),
    ("model.input_contract.min_side", Down, Some(16.0)),
    ("model.input_contract.max_side", Up, Some(8192.0)),
    ("validation.*.status", Ranked(&["done", "planned", "not_needed"]), None),
    ("validation.*.evidence", Gone, None),
    ("monitoring.window_minutes", Up, Some(60.0)),
    ("monitoring.min_sessions", Up, Some(200.0)),
    ("monitoring.features[*]", Gone, None),
    ("monitoring.scores.edges", Gone, None),
    ("monitoring.slices[*].values[*]", Gone, None),
    ("monitoring.slices[*]", Gone, None),
    ("monitoring.labels.delay_hours", Up, None),
    ("monitoring.labels.expiry_hours", Gone, None),
    ("monitoring.signals[*]", Gone, None),
    ("monitoring.response[*].above", Up, None),
    ("monitoring.response[*].below", Down, None),
    ("monitoring.response[*].for_minutes", Up, Some(0.0)),
    ("monitoring.response[*].severity", Ranked(&["page", "ticket", "log"]), None),
    (
        "monitoring.response[*].action",
        Ranked(&["disable", "roll_back", "fall_back", "retrain", "alert"]),
        None,
    ),
    ("monitoring.response[*].owner", Gone, None),
    ("monitoring.response[*]", Gone, None),
    ("ladder.rungs[*]", Gone, None),
    ("fallback.rungs[*]", Gone, None),
    ("fallback.rungs[*].test", Gone, None),
    ("ownership.expires", Up, None),
    ("ownership.*", Gone, None),
];

/// What the change of one field does; `None` where there is no change.
pub(super) fn effect(path: &str, before: Option<&Value>, after: Option<&Value>) -> Option<Effect> {
    let found = RULES.iter().find(|(pattern, ..)| fits(pattern, path));
    // A permission more is a promise less, against all other lists.
    if path.starts_with("platform.permissions[") {
        return match (before, after) {
            (None, Some(_)) => Some(Effect::Loosened),
            (Some(_), None) => Some(Effect::Tightened),
            _ => None,
        };
    }
    let Some((_, looser, default)) = found else { return (before != after).then_some(Effect::Changed) };
    let (old, new) = match looser {
        Gone => match (before, after) {
            (Some(_), None) => return Some(Effect::Loosened),
            (None, Some(_)) => return Some(Effect::Tightened),
            (a, b) => return (a != b).then_some(Effect::Changed),
        },
        Ranked(order) => {
            let rank = |value: Option<&Value>| {
                let name = value.map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
                name.and_then(|name| order.iter().position(|known| **known == name))
                    .map_or(f64::INFINITY, |i| i as f64)
            };
            (rank(before), rank(after))
        }
        Up => (number(before, *default, f64::INFINITY), number(after, *default, f64::INFINITY)),
        Down => {
            let (a, b) =
                (number(before, *default, f64::NEG_INFINITY), number(after, *default, f64::NEG_INFINITY));
            (-a, -b)
        }
    };
    match new.partial_cmp(&old) {
        Some(core::cmp::Ordering::Greater) => Some(Effect::Loosened),
        Some(core::cmp::Ordering::Less) => Some(Effect::Tightened),
        _ => None,
    }
}

/// A value as a number: dates as a day, what is left out as its default or as no bound.
fn number(value: Option<&Value>, default: Option<f64>, none: f64) -> f64 {
    match value {
        Some(Value::Integer(n)) => *n as f64,
        Some(Value::Float(x)) => *x,
        Some(Value::Datetime(at)) => {
            crate::Date::try_from(*at).map_or(none, |date| f64::from(date.unix_days()))
        }
        _ => default.unwrap_or(none),
    }
}

/// Whether a path fits a pattern, in which `*` stands for any text without brackets around it.
fn fits(pattern: &str, path: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == path };
    let Some(rest) = path.strip_prefix(before) else { return false };
    // Up to where the rest of the pattern begins again; names may hold dots, so every place is tried.
    (0..=rest.len()).filter(|i| rest.is_char_boundary(*i)).any(|i| {
        let closed = before.ends_with('[') || !rest[..i].contains(['.', '[']);
        closed && fits(after, &rest[i..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_names_with_dots_in_brackets_only() {
        assert!(fits("a[*].b", "a[psi.amount].b"));
        assert!(!fits("a[*]", "a[x].b"));
        assert!(fits("a.*", "a.b"));
        assert!(!fits("a.*", "a.b.c"));
        assert!(fits("a.cost_*", "a.cost_late"));
        assert!(!fits("a.b", "a.bc"));
    }

    #[test]
    fn every_rule_can_be_reached() {
        for (i, (pattern, ..)) in RULES.iter().enumerate() {
            let path = pattern.replace('*', "x");
            let first = RULES.iter().position(|(p, ..)| fits(p, &path));
            assert_eq!(first, Some(i), "{pattern} is hidden by {:?}", first.map(|i| RULES[i].0));
        }
    }
}
