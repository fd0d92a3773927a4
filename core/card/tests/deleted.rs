//! Whatever is taken out of a complete card is missed, unless it is one of the few fields with a default.

mod common;

use common::{RISK, listed, reviewed};
use toml::{Table, Value};

/// Fields that may be left out: each has a default that its documentation states. `*` is any index.
const OPTIONAL: &[&str] = &[
    "budget.duty", // or an energy budget
    "budget.energy_mj_per_s",
    "budget.max_in_flight",
    "decision.cost_late",
    "decision.cost_missing",
    "decision.cost_wrong",
    "decision.hysteresis",
    "display",
    "display.hz",
    "model.head.activation",
    "model.head.label",
    "model.head.output",
    "model.input.tensor",
    "model.input_contract",
    "model.input_contract.formats",
    "model.input_contract.formats.*",
    "model.input_contract.max_side",
    "model.input_contract.min_side",
    "model.variants.*.head",
    "model.variants.*.initial_latency_ms",
    "model.variants.*.input",
    "model.variants.*.input.features.*.range",
    "monitoring.min_sessions",
    "monitoring.response.*.for_minutes",
    "monitoring.slices.*.values.1",
    "monitoring.window_minutes",
    "platform.abi.*", // one of two
    "platform.os.*",  // one of two
    "scheduling",
    "scheduling.attribute_kib",
    "scheduling.audit_rate",
    "scheduling.cache_kib",
    "scheduling.follow_pixels",
    "scheduling.initial_latency_ms",
    "scheduling.reuse_kib",
    "tolerance.grace_ms",
];

/// Every path of a table, with list elements by their index.
fn paths(value: &Value, at: &str, all: &mut Vec<String>) {
    if !at.is_empty() {
        all.push(at.to_owned());
    }
    let path = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    match value {
        Value::Table(table) => table.iter().for_each(|(k, v)| paths(v, &path(k), all)),
        Value::Array(list) => list.iter().enumerate().for_each(|(i, v)| paths(v, &path(&i.to_string()), all)),
        _ => {}
    }
}

/// Takes the value at `path` out.
fn delete(value: &mut Value, path: &str) {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    match (value, rest) {
        (Value::Table(table), None) => drop(table.remove(first)),
        (Value::Table(table), Some(rest)) => delete(table.get_mut(first).expect("a key"), rest),
        (Value::Array(list), None) => drop(list.remove(first.parse::<usize>().expect("an index"))),
        (Value::Array(list), Some(rest)) => {
            delete(&mut list[first.parse::<usize>().expect("an index")], rest);
        }
        _ => panic!("{path}"),
    }
}

/// Whether a path of the list above, with `*` for an index, is this one.
fn optional(path: &str) -> bool {
    OPTIONAL.iter().any(|pattern| {
        let (mut want, mut have) = (pattern.split('.'), path.split('.'));
        loop {
            match (want.next(), have.next()) {
                (None, None) => return true,
                (Some("*"), Some(index)) if index.parse::<usize>().is_ok() => {}
                (Some(a), Some(b)) if a == b => {}
                _ => return false,
            }
        }
    })
}

#[test]
fn a_field_that_is_deleted_is_missed() {
    let card: Value = toml::from_str::<Table>(RISK).expect("a table").into();
    let mut all = Vec::new();
    paths(&card, "", &mut all);
    assert!(all.len() > 250, "{} paths", all.len());
    let mut wrong = Vec::new();
    for path in &all {
        let mut less = card.clone();
        delete(&mut less, path);
        let review = reviewed(&toml::to_string(&less).expect("TOML"));
        if review.passes() != optional(path) {
            wrong.push(format!(
                "{path}: {}",
                if review.passes() { "not missed".into() } else { listed(&review) }
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for pattern in OPTIONAL {
        let like = |path: &&String| pattern.split('.').count() == path.split('.').count() && optional(path);
        assert!(all.iter().any(|path| like(&path)), "nothing is like {pattern}");
    }
}
