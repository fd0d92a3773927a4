//! Two cards beside each other: what is loosened is flagged, what is tightened is not.

mod common;

use common::RISK;
use inbetween_card::{Change, Effect, diff};

/// A threshold, its looser setting, and the field that must be named.
const LOOSER: &[(&str, &str, &str)] = &[
    ("epsilon = 0.1", "epsilon = 0.2", "tolerance.epsilon"),
    ("miss_rate = 0.05", "miss_rate = 0.06", "tolerance.miss_rate"),
    ("grace_ms = 0\n", "", "tolerance.grace_ms"),
    ("deadline_ms = 150", "deadline_ms = 160", "budget.deadline_ms"),
    ("max_age_ms = 1000", "max_age_ms = 2000", "budget.max_age_ms"),
    ("duty = 0.5\n", "", "budget.duty"),
    ("energy_mj_per_s = 20\n", "", "budget.energy_mj_per_s"),
    ("energy_mj_per_s = 20", "energy_mj_per_s = 30", "budget.energy_mj_per_s"),
    ("audit_rate = 0.01", "audit_rate = 0", "scheduling.audit_rate"),
    ("deadline_ms = 200", "deadline_ms = 300", "decision.deadline_ms"),
    ("cost_wrong = 5", "cost_wrong = 4", "decision.cost_wrong"),
    ("load = 0.02", "load = 0.01", "decision.review.load"),
    ("false_negative = 200.0", "false_negative = 20.0", "failure.false_negative"),
    ("false_positive = 5.0", "false_positive = 4.5", "failure.false_positive"),
    (
        "gate = { at_most = 0.9 }\n\n[data]",
        "gate = { at_most = 1.1 }\n\n[data]",
        "goals.goal[cost].gate.at_most",
    ),
    (
        "gate = { at_most = 0.9 }\n\n[data]",
        "gate = { at_least = 0.9 }\n\n[data]",
        "goals.goal[cost].gate.at_most",
    ),
    ("at_most = 0.01", "at_most = 0.02", "metrics.guardrail[held_honest].gate.at_most"),
    (", gate = { at_most = 0.01 }", "", "metrics.guardrail[held_honest].gate.at_most"),
    ("freshness_hours = 2160", "freshness_hours = 9999", "data.freshness_hours"),
    ("known_ms = -1000", "known_ms = 0", "data.features[age_days].known_ms"),
    ("same = true", "same = false", "data.same_features.same"),
    ("level = 0.95", "level = 0.8", "baseline.candidate.level"),
    (
        "status = \"done\", how = \"held-out",
        "status = \"planned\", how = \"held-out",
        "validation.offline.status",
    ),
    ("above = 0.25", "above = 0.5", "monitoring.response[psi.amount].above"),
    ("for_minutes = 60", "for_minutes = 120", "monitoring.response[psi.amount].for_minutes"),
    ("severity = \"page\"", "severity = \"ticket\"", "monitoring.response[psi.amount].severity"),
    ("action = \"fall_back\"", "action = \"alert\"", "monitoring.response[psi.amount].action"),
    ("    { id = \"timeout_rate\" },\n", "", "monitoring.signals[timeout_rate]"),
    ("values = [\"AT\", \"DE\"]", "values = [\"AT\"]", "monitoring.slices[country].values[DE]"),
    ("expires = 2027-06-30", "expires = 2027-07-01", "ownership.expires"),
    ("permissions = []", "permissions = [\"CAMERA\"]", "platform.permissions[CAMERA]"),
    ("memory_mib = 32", "memory_mib = 48", "serving.memory_mib"),
    (
        "    { outcome = \"review\", action = \"ask a person\", reversible = true },\n",
        "",
        "decision.outcomes[review]",
    ),
    (
        "    { rung = \"rule\", trigger = \"psi.amount above 0.25 for an hour\", recovery = \"a new model\", test = \"tests/ladder.rs rule\" },\n",
        "",
        "fallback.rungs[rule]",
    ),
];

fn changes(old: &str, new: &str) -> Vec<Change> {
    diff(old, new).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn the_same_card_has_no_changes() {
    assert_eq!(changes(RISK, RISK), []);
    let reordered = RISK.replace(
        "    { id = \"psi.amount\" },\n    { id = \"psi.age_days\" },\n",
        "    { id = \"psi.age_days\" },\n    { id = \"psi.amount\" },\n",
    );
    assert_ne!(reordered, RISK);
    assert_eq!(changes(RISK, &reordered), []);
}

#[test]
fn what_is_loosened_is_flagged_and_the_way_back_is_not() {
    for (from, to, field) in LOOSER {
        assert!(RISK.contains(from), "{from}");
        let looser = RISK.replacen(from, to, 1);
        let there = changes(RISK, &looser);
        let flagged = there.iter().any(|c| c.effect == Effect::Loosened && c.field == *field);
        assert!(flagged, "{from} -> {to}: {there:?}");
        assert!(there.is_sorted_by_key(|c| c.effect));
        let back = changes(&looser, RISK);
        let of_field = back.iter().find(|c| c.field == *field);
        assert_eq!(of_field.map(|c| c.effect), Some(Effect::Tightened), "{to} -> {from}: {back:?}");
    }
}

#[test]
fn a_section_that_is_gone_is_loosened() {
    let start = RISK.find("[[monitoring.response]]").unwrap();
    let end = RISK.find("[fallback]").unwrap();
    let text = format!("{}{}", &RISK[..start], &RISK[end..]);
    let found = changes(RISK, &text);
    assert!(
        found.iter().any(|c| c.effect == Effect::Loosened && c.field == "monitoring.response[psi.amount]")
    );
    let start = RISK.find("[ownership]").unwrap();
    let end = RISK.find("[platform]").unwrap();
    let found = changes(RISK, &format!("{}{}", &RISK[..start], &RISK[end..]));
    for duty in ["data", "training", "alert_route", "expires"] {
        let gone = |c: &&Change| c.effect == Effect::Loosened && c.field == format!("ownership.{duty}");
        assert_eq!(found.iter().filter(gone).count(), 1, "{duty}: {found:?}");
    }
}

#[test]
fn words_that_change_are_listed_and_not_judged() {
    let found = changes(RISK, &RISK.replace("\ntraining = \"risk models\"", "\ntraining = \"another team\""));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].effect, found[0].field.as_str()), (Effect::Changed, "ownership.training"));
    assert_eq!(found[0].before.as_deref(), Some("\"risk models\""));
    assert_eq!(found[0].after.as_deref(), Some("\"another team\""));
    let error = diff(RISK, "x = 1").unwrap_err();
    assert!(error.to_string().starts_with("card line 1"), "{error}");
}
