//! The metrics: what is measured before, beside, against harm, by slice and in operation.
//! **Invariant:** an id names one metric.
//! It does not measure.

use serde::Deserialize;

use crate::{Gate, check::Faults};

/// What is measured.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// On recorded data, before a release.
    pub offline: Vec<Metric>,
    /// What the product is for.
    pub business: Vec<Metric>,
    /// What must not become worse.
    pub guardrail: Vec<Metric>,
    /// The same for parts of the users or inputs.
    pub slice: Vec<Metric>,
    /// In operation: ids that the SDK's monitor has.
    pub monitoring: Vec<Metric>,
}

/// One metric.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// Its id.
    pub id: String,
    /// What it is, with its unit.
    pub text: String,
    /// The bound that it must keep.
    pub gate: Option<Gate>,
}

impl Metrics {
    /// Every list with its name, in the card's order.
    pub fn lists(&self) -> [(&'static str, &[Metric]); 5] {
        [
            ("offline", &self.offline),
            ("business", &self.business),
            ("guardrail", &self.guardrail),
            ("slice", &self.slice),
            ("monitoring", &self.monitoring),
        ]
    }

    /// The metric with this id.
    pub fn find(&self, id: &str) -> Option<&Metric> {
        self.lists().into_iter().flat_map(|(_, list)| list).find(|m| m.id == id)
    }

    pub(crate) fn check(&self, f: &mut Faults) {
        for (name, list) in self.lists() {
            f.need(!list.is_empty(), format!("metrics.{name}"), "at least one metric");
            for (i, metric) in list.iter().enumerate() {
                let path = |field: &str| format!("metrics.{name}.{i}.{field}");
                f.words(&metric.id, path("id"), "an id, as \"recall\"");
                f.words(&metric.text, path("text"), "what it is, with its unit");
                if let Some(gate) = &metric.gate {
                    gate.check(&path("gate"), f);
                }
            }
            f.distinct(list.iter().map(|m| m.id.as_str()), |i| format!("metrics.{name}.{i}.id"));
        }
    }
}
