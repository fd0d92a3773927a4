//! The data: where it comes from, who owns it, how fresh it is, and when each feature is known.
//! **Invariant:** times of features count from the event that is decided on, so that a leak is a comparison.
//! It does not read data.

use serde::Deserialize;

use crate::check::{Faults, hours, millis, sha256};

/// What the model was made from and is fed with.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Where training data comes from.
    pub sources: Vec<DataSource>,
    /// Where truth comes from.
    pub labels: LabelSource,
    /// How old training data may be when the model is made, in hours.
    pub freshness_hours: f64,
    /// SHA-256 of the schema of the model's input; see [`Card::schema_sha256`](crate::Card::schema_sha256).
    pub schema_sha256: String,
    /// That training and serving compute the same features.
    pub same_features: SameFeatures,
    /// Every input of the model: `image` or `audio`, or the names of tensors or features.
    pub features: Vec<FeatureSource>,
}

/// One source of training data.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DataSource {
    /// Its name.
    pub name: String,
    /// What is in it, of whom, and under which terms.
    pub text: String,
    /// Who answers for it.
    pub owner: String,
}

/// Where truth comes from.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LabelSource {
    /// How truth is found.
    pub text: String,
    /// Who answers for it.
    pub owner: String,
    /// How long after the event it is known, in hours.
    pub delay_hours: f64,
}

/// That training and serving compute the same features.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SameFeatures {
    /// Whether they do.
    pub same: bool,
    /// The test, or the shared code, that shows it.
    pub shown_by: String,
}

/// Where one input of the model comes from.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FeatureSource {
    /// Its name: that of a feature or tensor, or `image` or `audio`.
    pub name: String,
    /// Where it comes from at serving.
    pub source: String,
    /// Who answers for it.
    pub owner: String,
    /// How old it may be at the event, in milliseconds.
    pub freshness_ms: f64,
    /// When it is known, in milliseconds from the event; before it is negative. Never after the decision.
    pub known_ms: f64,
}

impl Data {
    pub(crate) fn check(&self, f: &mut Faults) {
        f.need(!self.sources.is_empty(), "data.sources", "at least one source");
        for (i, source) in self.sources.iter().enumerate() {
            let path = |field: &str| format!("data.sources.{i}.{field}");
            f.words(&source.name, path("name"), "a name");
            f.words(&source.text, path("text"), "what is in it, of whom, and under which terms");
            f.words(&source.owner, path("owner"), OWNER);
        }
        f.distinct(self.sources.iter().map(|s| s.name.as_str()), |i| format!("data.sources.{i}.name"));
        f.words(&self.labels.text, "data.labels.text", "how truth is found, in words");
        f.words(&self.labels.owner, "data.labels.owner", OWNER);
        f.need(hours(self.labels.delay_hours), "data.labels.delay_hours", "from 0 to 87600 (ten years)");
        f.need(
            hours(self.freshness_hours) && self.freshness_hours > 0.0,
            "data.freshness_hours",
            "above 0, at most 87600 (ten years)",
        );
        f.need(sha256(&self.schema_sha256), "data.schema_sha256", "64 hexadecimal digits");
        f.words(
            &self.same_features.shown_by,
            "data.same_features.shown_by",
            "the test or the shared code that shows it",
        );
        f.need(!self.features.is_empty(), "data.features", "one entry for each input of the model");
        for (i, feature) in self.features.iter().enumerate() {
            let path = |field: &str| format!("data.features.{i}.{field}");
            f.words(&feature.name, path("name"), "the name of an input of the model");
            f.words(&feature.source, path("source"), "where it comes from at serving");
            f.words(&feature.owner, path("owner"), OWNER);
            let old = feature.freshness_ms;
            f.need(old >= 0.0 && old / 3.6e6 <= 87_600.0, path("freshness_ms"), "from 0 to ten years");
            f.need(
                feature.known_ms < 0.0 && feature.known_ms.is_finite() || millis(feature.known_ms),
                path("known_ms"),
                "finite, at most a day after the event",
            );
        }
        f.distinct(self.features.iter().map(|s| s.name.as_str()), |i| format!("data.features.{i}.name"));
    }
}

const OWNER: &str = "who answers for it: a role or a team";
