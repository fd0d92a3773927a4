//! Goals and non-goals, and the gate of a number.
//! **Invariant:** a goal has a metric and a gate, so that it can be missed.
//! It does not measure.

use serde::Deserialize;

use crate::check::Faults;

/// What must be reached, and what is not meant to be.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Goals {
    /// What must be reached.
    pub goal: Vec<Goal>,
    /// What the system is not meant to do.
    pub non_goals: Vec<String>,
}

/// One goal.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// The goal in words.
    pub text: String,
    /// The id of a metric of the section `metrics`.
    pub metric: String,
    /// When it is reached.
    pub gate: Gate,
}

/// A bound that a number must keep: one of the two, in the metric's unit.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The least that passes.
    pub at_least: Option<f64>,
    /// The most that passes.
    pub at_most: Option<f64>,
}

impl Goals {
    pub(crate) fn check(&self, f: &mut Faults) {
        f.need(!self.goal.is_empty(), "goals.goal", "at least one goal, as [[goals.goal]]");
        for (i, goal) in self.goal.iter().enumerate() {
            let path = |field: &str| format!("goals.goal.{i}.{field}");
            f.words(&goal.text, path("text"), "the goal in words");
            f.words(&goal.metric, path("metric"), "the id of a metric of [metrics]");
            goal.gate.check(&path("gate"), f);
        }
        f.need(!self.non_goals.is_empty(), "goals.non_goals", "at least one thing that is not meant");
        f.each(&self.non_goals, "goals.non_goals", "what is not meant, in words");
    }
}

impl Gate {
    pub(crate) fn check(&self, at: &str, f: &mut Faults) {
        f.need(
            self.at_least.is_some() != self.at_most.is_some(),
            at,
            "either { at_least = … } or { at_most = … }",
        );
        for bound in [self.at_least, self.at_most].into_iter().flatten() {
            f.need(bound.is_finite(), at, "a finite bound");
        }
    }

    /// Whether `value` passes.
    pub fn passes(&self, value: f64) -> bool {
        self.at_least.is_none_or(|bound| value >= bound) && self.at_most.is_none_or(|bound| value <= bound)
    }
}
