//! Rules about how good the model is, and on what: data, baseline, metrics.
//! **Invariant:** a leak, a skew and a baseline that wins are findings.
//! It does not compute scores: the harness writes them into the card.

use super::{Notes, Subject};
use crate::signal_table;

/// One declaration for each input of the model.
pub(super) fn inputs(s: &Subject<'_>, notes: &mut Notes) {
    let Some(data) = &s.card.data else { return };
    let names = s.card.model.input.names();
    for name in &names {
        if !data.features.iter().any(|f| f.name == *name) {
            notes.error(
                "data.features",
                format!("the model's input `{name}` is not declared"),
                format!(
                    "add {{ name = \"{name}\", source = \"…\", owner = \"…\", freshness_ms = …, known_ms = … }}"
                ),
            );
        }
    }
    for (i, feature) in data.features.iter().enumerate() {
        if !names.contains(&feature.name.as_str()) {
            notes.error(
                format!("data.features.{i}.name"),
                format!("the model has no input `{}`", feature.name),
                format!("name one of model.input ({}), or take it out", names.join(", ")),
            );
        }
    }
}

/// Point in time: a feature that is known after the decision was learnt from the future.
pub(super) fn leakage(s: &Subject<'_>, notes: &mut Notes) {
    let Some(data) = &s.card.data else { return };
    let by = s.card.decision.deadline_ms.unwrap_or(0.0);
    for (i, feature) in data.features.iter().enumerate() {
        if feature.known_ms > by {
            notes.error(
                format!("data.features.{i}.known_ms"),
                format!(
                    "`{}` is known {} ms after the event, the decision must stand after {by} ms: it leaks the future",
                    feature.name, feature.known_ms
                ),
                "take it out of the model, or use its value of before the decision",
            );
        }
    }
}

/// The hash of the input's schema.
pub(super) fn schema(s: &Subject<'_>, notes: &mut Notes) {
    let Some(data) = &s.card.data else { return };
    let found = s.card.schema_sha256();
    if !found.eq_ignore_ascii_case(&data.schema_sha256) {
        notes.error(
            "data.schema_sha256",
            "model.input is another one than the schema that was hashed",
            format!("retrain for the new schema; then state {found}"),
        );
    }
}

/// Training-serving skew by construction.
pub(super) fn same_features(s: &Subject<'_>, notes: &mut Notes) {
    let Some(data) = &s.card.data else { return };
    if !data.same_features.same {
        notes.error(
            "data.same_features.same",
            "training and serving compute features differently: the model was scored on something else",
            "share the code or the definition, and test that both give the same numbers",
        );
    }
}

/// How long predictions wait for truth.
pub(super) fn label_delay(s: &Subject<'_>, notes: &mut Notes) {
    let (Some(data), Some(monitoring)) = (&s.card.data, &s.card.monitoring) else { return };
    let Some(join) = &monitoring.labels else { return };
    if join.expiry_hours <= data.labels.delay_hours {
        notes.error(
            "monitoring.labels.expiry_hours",
            format!(
                "predictions wait {} hours for labels that take {}: none would be joined",
                join.expiry_hours, data.labels.delay_hours
            ),
            "raise it above data.labels.delay_hours",
        );
    }
}

/// A metric that the card has.
pub(super) fn baseline_metric(s: &Subject<'_>, notes: &mut Notes) {
    let (Some(baseline), Some(metrics)) = (&s.card.baseline, &s.card.metrics) else { return };
    if metrics.find(&baseline.metric).is_none() {
        notes.error(
            "baseline.metric",
            format!("no metric has the id `{}`", baseline.metric),
            "name an id of [metrics], or add the metric there",
        );
    }
}

/// Whether the model is worth it.
pub(super) fn beaten(s: &Subject<'_>, notes: &mut Notes) {
    let Some(baseline) = &s.card.baseline else { return };
    match (baseline.beaten(), baseline.score.zip(baseline.candidate.as_ref())) {
        (Some(false), Some((score, candidate))) => {
            let [low, high] = candidate.interval;
            notes.error(
                "baseline.candidate",
                format!(
                    "the model does not beat `{}`: {score} against {} with an interval from {low} to {high}",
                    baseline.method, candidate.score
                ),
                "use the simple method, or a model whose whole interval is better",
            );
        }
        (Some(true), _) => {}
        _ => notes.warning(
            "baseline.not_measured",
            "nothing shows that the model is better than the simple method",
            "measure both on the same data, and state score and candidate",
        ),
    }
}

/// Thresholds without gates hold nobody to anything.
pub(super) fn gates(s: &Subject<'_>, notes: &mut Notes) {
    let Some(metrics) = &s.card.metrics else { return };
    for (name, list) in metrics.lists() {
        if !matches!(name, "offline" | "guardrail" | "slice") {
            continue;
        }
        for (i, metric) in list.iter().enumerate() {
            if metric.gate.is_none() {
                notes.error(
                    format!("metrics.{name}.{i}.gate"),
                    format!("`{}` has no gate: any value would pass", metric.id),
                    "add gate = { at_least = … } or { at_most = … }",
                );
            }
        }
    }
}

/// Metrics in operation are signals.
pub(super) fn watched_metrics(s: &Subject<'_>, notes: &mut Notes) {
    let (Some(metrics), Some(monitoring)) = (&s.card.metrics, &s.card.monitoring) else { return };
    for (i, metric) in metrics.monitoring.iter().enumerate() {
        let field = format!("metrics.monitoring.{i}.id");
        if signal_table::find(&metric.id, monitoring).is_none() {
            let wrong = format!("the engine has no metric `{}`", metric.id);
            notes.error(field, wrong, format!("name {}", signal_table::advice(&metric.id)));
        } else if !monitoring.signals.iter().any(|s| s.id == metric.id) {
            let wrong = format!("`{}` is not watched", metric.id);
            notes.error(field, wrong, "add it to monitoring.signals");
        }
    }
}
