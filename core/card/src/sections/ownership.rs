//! The ownership: who answers for what, where alerts go, and when the card expires.
//! **Invariant:** every duty has an owner.
//! It does not know people: owners are roles or teams.

use serde::Deserialize;

use crate::{Date, check::Faults};

/// Who answers for what, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Ownership {
    /// For the data.
    pub data: String,
    /// For training.
    pub training: String,
    /// For evaluation.
    pub evaluation: String,
    /// For deployment and rollback.
    pub deployment_rollback: String,
    /// For monitoring and retraining.
    pub monitoring_retraining: String,
    /// For documentation and retirement.
    pub documentation_retirement: String,
    /// Where alerts go.
    pub alert_route: String,
    /// The last day on which this card holds; before that someone must look at it again.
    pub expires: Date,
}

impl Ownership {
    /// Every duty with its owner, in the card's order.
    pub fn owners(&self) -> [(&'static str, &str); 6] {
        [
            ("data", &self.data),
            ("training", &self.training),
            ("evaluation", &self.evaluation),
            ("deployment_rollback", &self.deployment_rollback),
            ("monitoring_retraining", &self.monitoring_retraining),
            ("documentation_retirement", &self.documentation_retirement),
        ]
    }

    pub(crate) fn check(&self, f: &mut Faults) {
        for (duty, owner) in self.owners() {
            f.words(owner, format!("ownership.{duty}"), "who answers for it: a role or a team");
        }
        f.words(&self.alert_route, "ownership.alert_route", "where alerts go: a channel that someone reads");
    }
}
