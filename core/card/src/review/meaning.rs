//! Rules about what the system is for: decision, failure, goals.
//! **Invariant:** each rule looks at what ties two statements together.
//! It does not judge whether a decision is a good idea.

use super::{Notes, Subject};

/// An action for every outcome that the engine may give.
pub(super) fn outcomes(s: &Subject<'_>, notes: &mut Notes) {
    let d = &s.card.decision;
    if d.outcomes.len() < 2 {
        notes.error(
            "decision.outcomes",
            "fewer than two outcomes have an action: nothing is decided",
            "add { outcome = \"…\", action = \"…\", reversible = … } for each outcome",
        );
    }
    if d.positive_class.is_none() {
        return;
    }
    let known = |name: &str| d.outcomes.iter().any(|o| o.outcome == name);
    for (name, needed) in [("positive", true), ("negative", true), ("review", d.review.is_some())] {
        if needed && !known(name) {
            notes.error(
                "decision.outcomes",
                format!("the outcome `{name}` has no action"),
                format!("add {{ outcome = \"{name}\", action = \"…\", reversible = … }}"),
            );
        }
    }
    for (i, o) in d.outcomes.iter().enumerate() {
        let given = matches!(o.outcome.as_str(), "positive" | "negative")
            || o.outcome == "review" && d.review.is_some();
        if !given {
            notes.error(
                format!("decision.outcomes.{i}.outcome"),
                format!("the engine never gives the outcome `{}`", o.outcome),
                "name it positive or negative, or review with decision.review",
            );
        }
    }
}

/// A deadline that runs keep.
pub(super) fn deadline(s: &Subject<'_>, notes: &mut Notes) {
    let Some(deadline) = s.card.decision.deadline_ms else {
        notes.error(
            "decision.deadline_ms",
            "the decision has no deadline",
            "state how many milliseconds after the event it must stand",
        );
        return;
    };
    let run = s.card.budget.deadline_ms;
    if run > deadline {
        notes.error(
            "budget.deadline_ms",
            format!("runs may end {run} ms after the event, the decision must stand after {deadline} ms"),
            "lower it to decision.deadline_ms",
        );
    }
}

/// The load of a review against who is there.
pub(super) fn review_load(s: &Subject<'_>, notes: &mut Notes) {
    let (Some(review), Some(user)) = (&s.card.decision.review, &s.card.user) else { return };
    let load = f64::from(review.load) * user.volume.events_per_hour * user.volume.devices as f64;
    // f32 shares of round volumes may be a hair above the round number that the card means.
    if load > review.capacity_per_hour * (1.0 + 1e-6) {
        notes.error(
            "decision.review.load",
            format!(
                "{load:.1} cases an hour are sent to people who can look at {}",
                review.capacity_per_hour
            ),
            "narrow the review band, or raise capacity_per_hour with people who are there",
        );
    }
}

/// Whether asking a person is ever the cheapest.
///
/// # Source
/// Chow, On optimum recognition error and reject tradeoff, 1970: rejecting pays only below the cost of the best guess.
pub(super) fn review_pays(s: &Subject<'_>, notes: &mut Notes) {
    let (Some(_), Some(f)) = (&s.card.decision.review, &s.card.failure) else { return };
    let positive = f64::from(f.false_positive) - f64::from(f.true_negative);
    let negative = f64::from(f.false_negative) - f64::from(f.true_positive);
    let most = positive * negative / (positive + negative);
    if f64::from(f.review) >= most {
        notes.error(
            "failure.review",
            format!("a look costs {}, and no guess ever costs more than {most:.2}", f.review),
            "leave decision.review out, or state what a look really costs",
        );
    }
}

/// Goals that can be missed.
pub(super) fn goals(s: &Subject<'_>, notes: &mut Notes) {
    let (Some(goals), Some(metrics)) = (&s.card.goals, &s.card.metrics) else { return };
    for (i, goal) in goals.goal.iter().enumerate() {
        if metrics.find(&goal.metric).is_none() {
            notes.error(
                format!("goals.goal.{i}.metric"),
                format!("no metric has the id `{}`", goal.metric),
                "name an id of [metrics], or add the metric there",
            );
        }
    }
}
