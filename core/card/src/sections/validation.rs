//! The validation: six ways to try a model before it decides anything.
//! **Invariant:** a step that is done names its evidence.
//! It does not validate.

use serde::Deserialize;

use crate::check::Faults;

/// How the model is tried before it decides anything.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// On labelled data.
    pub offline: Step,
    /// On recorded sessions, against the baseline and every rung.
    pub backtest: Step,
    /// Beside the system in use, without reaching anyone.
    pub shadow: Step,
    /// For a growing share of users.
    pub staged: Step,
    /// Against the system in use, by chance.
    pub ab: Step,
    /// By people who look at outputs.
    pub human_review: Step,
}

/// One way to try a model.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Where it stands.
    pub status: StepStatus,
    /// How it is done, or why it is not needed.
    pub how: String,
    /// Where its results are; demanded once it is done.
    pub evidence: Option<String>,
}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// It was done and passed.
    Done,
    /// It will be done before the model decides for everyone.
    Planned,
    /// It would not show anything here; `how` says why.
    NotNeeded,
}

impl Validation {
    /// Every step with its name, in the card's order.
    pub const fn steps(&self) -> [(&'static str, &Step); 6] {
        [
            ("offline", &self.offline),
            ("backtest", &self.backtest),
            ("shadow", &self.shadow),
            ("staged", &self.staged),
            ("ab", &self.ab),
            ("human_review", &self.human_review),
        ]
    }

    pub(crate) fn check(&self, f: &mut Faults) {
        for (name, step) in self.steps() {
            f.words(&step.how, format!("validation.{name}.how"), "how it is done, or why it is not needed");
            let evident = step.evidence.as_ref().is_some_and(|e| !e.trim().is_empty());
            f.need(
                evident || step.status != StepStatus::Done,
                format!("validation.{name}.evidence"),
                "where the results are, for a step that is done",
            );
        }
    }
}
