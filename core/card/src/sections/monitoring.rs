//! The monitoring: what is watched, against which reference, and what is done about it.
//! **Invariant:** every signal id is one that the engine's monitor has for this card.
//! It does not watch: the engine does.

use serde::Deserialize;

use crate::{
    InputSpec, ModelSpec,
    check::{Faults, hours},
    signal::{AUDIO_FEATURES, IMAGE_FEATURES},
    signal_table,
};

/// The most features whose distribution is watched; more would not fit the monitor's fixed memory.
pub(crate) const MAX_FEATURES: usize = 32;
/// The most edges of a feature's histogram.
const MAX_FEATURE_EDGES: usize = 16;
/// The most edges of the scores' histogram.
const MAX_SCORE_EDGES: usize = 32;
/// The most slice values together; the rest counts as "other".
const MAX_CELLS: usize = 16;
/// The most responses.
const MAX_RESPONSES: usize = 32;

/// What is watched, and what is done about it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Monitoring {
    /// Length of the live window, in minutes.
    #[serde(default = "Monitoring::default_window_minutes")]
    pub window_minutes: u32,
    /// Sessions that a window must have before drift is judged; a session is one sample.
    #[serde(default = "Monitoring::default_min_sessions")]
    pub min_sessions: u32,
    /// Features whose distribution is compared with a reference.
    #[serde(default)]
    pub features: Vec<FeatureReference>,
    /// The same for the calibrated probability, or the confidence where there is none.
    pub scores: Option<Reference>,
    /// Parts of the events that are counted separately.
    #[serde(default)]
    pub slices: Vec<Slice>,
    /// Truth that arrives later.
    pub labels: Option<LabelJoin>,
    /// Every signal that must be watched.
    #[serde(default)]
    pub signals: Vec<SignalRef>,
    /// What is done about signals.
    #[serde(default)]
    pub response: Vec<Response>,
}

/// The reference of one feature.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FeatureReference {
    /// Its name in frames; of pictures and sound one of those that the engine measures, as `image.brightness`.
    pub name: String,
    /// Upper edges of all bins but the last, rising, in the feature's unit.
    pub edges: Vec<f64>,
    /// Training events in each bin; one more than edges.
    pub reference: Vec<u64>,
}

/// A reference distribution.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Upper edges of all bins but the last, rising.
    pub edges: Vec<f64>,
    /// Training events in each bin; one more than edges.
    pub reference: Vec<u64>,
}

/// Parts of the events, by one property that the host states.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// The property.
    pub name: String,
    /// Its values; all others count as "other".
    pub values: Vec<String>,
}

/// Truth that arrives later.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LabelJoin {
    /// When it is expected, in hours after the prediction.
    pub delay_hours: f64,
    /// When a prediction no longer waits for it, in hours.
    pub expiry_hours: f64,
}

/// One signal that must be watched.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SignalRef {
    /// Its id; see [`SIGNAL_TABLE`](crate::SIGNAL_TABLE).
    pub id: String,
}

/// What is done when a signal leaves its bounds for long enough.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// Id of the signal.
    pub signal: String,
    /// It is too high above this, in the signal's unit.
    pub above: Option<f64>,
    /// It is too low below this.
    pub below: Option<f64>,
    /// For how long it must be so, in minutes.
    #[serde(default)]
    pub for_minutes: u32,
    /// How loudly to say so.
    pub severity: Severity,
    /// Who answers for it.
    pub owner: String,
    /// What is done.
    pub action: ResponseAction,
}

/// How loudly an alert is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Written down.
    Log,
    /// Someone looks at it in working hours.
    Ticket,
    /// Someone is woken.
    Page,
}

/// What is done about a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ResponseAction {
    /// Say so.
    Alert,
    /// Answer from the next rung of the ladder.
    FallBack,
    /// Run the model no more.
    Disable,
    /// Go back to the model before.
    RollBack,
    /// Ask for a new model.
    Retrain,
}

impl Monitoring {
    const fn default_window_minutes() -> u32 {
        60
    }
    const fn default_min_sessions() -> u32 {
        200 // below 20 a bin, the alarms of a stable stream are many
    }

    pub(crate) fn check(&self, model: &ModelSpec, f: &mut Faults) {
        f.need(
            (1..=10_080).contains(&self.window_minutes),
            "monitoring.window_minutes",
            "from 1 to 10080 (a week)",
        );
        f.need((1..=1_000_000).contains(&self.min_sessions), "monitoring.min_sessions", "from 1 to 1000000");
        f.need(self.features.len() <= MAX_FEATURES, "monitoring.features", "at most 32");
        for (i, feature) in self.features.iter().enumerate() {
            let at = format!("monitoring.features.{i}");
            f.words(&feature.name, format!("{at}.name"), "the name of a feature");
            f.need(
                !signal_table::TAKEN.contains(&feature.name.as_str()),
                format!("{at}.name"),
                "another name: `psi.scores` and `psi.classes` are signals of the model's own output",
            );
            let name = feature.name.as_str();
            let (known, must) = match &model.input {
                InputSpec::Features(input) => (
                    input.features.iter().any(|f| f.name == name && f.categories.is_empty()),
                    "the name of a number of model.input".to_owned(),
                ),
                InputSpec::Image(_) => one_of(&IMAGE_FEATURES, name),
                InputSpec::Audio(_) => one_of(&AUDIO_FEATURES, name),
                InputSpec::Tensors(_) => (false, "left out: tensors have no features".to_owned()),
            };
            f.need(known, format!("{at}.name"), must);
            reference(&feature.edges, &feature.reference, MAX_FEATURE_EDGES, &at, f);
        }
        f.distinct(self.features.iter().map(|s| s.name.as_str()), |i| {
            format!("monitoring.features.{i}.name")
        });
        if let Some(scores) = &self.scores {
            reference(&scores.edges, &scores.reference, MAX_SCORE_EDGES, "monitoring.scores", f);
        }
        self.check_slices(f);
        if let Some(labels) = &self.labels {
            let expiry = labels.expiry_hours;
            f.need(
                hours(expiry) && expiry > 0.0,
                "monitoring.labels.expiry_hours",
                "above 0, at most 87600 (ten years)",
            );
            f.need(
                labels.delay_hours >= 0.0 && labels.delay_hours <= expiry,
                "monitoring.labels.delay_hours",
                "from 0 to expiry_hours",
            );
        }
        for (i, signal) in self.signals.iter().enumerate() {
            self.known(&signal.id, format!("monitoring.signals.{i}.id"), f);
        }
        f.distinct(self.signals.iter().map(|s| s.id.as_str()), |i| format!("monitoring.signals.{i}.id"));
        f.need(self.response.len() <= MAX_RESPONSES, "monitoring.response", "at most 32");
        for (i, response) in self.response.iter().enumerate() {
            let path = |field: &str| format!("monitoring.response.{i}.{field}");
            self.known(&response.signal, path("signal"), f);
            f.need(
                response.above.is_some() != response.below.is_some(),
                path("above"),
                "given, or `below` instead of it: one bound for each response",
            );
            for bound in [response.above, response.below].into_iter().flatten() {
                let field = if response.above.is_some() { "above" } else { "below" };
                f.need(bound.is_finite(), path(field), "finite");
            }
            f.need(response.for_minutes <= 10_080, path("for_minutes"), "at most 10080 (a week)");
            f.words(&response.owner, path("owner"), "who answers for it: a role or a team");
        }
    }

    fn check_slices(&self, f: &mut Faults) {
        for (i, slice) in self.slices.iter().enumerate() {
            let at = format!("monitoring.slices.{i}");
            f.words(&slice.name, format!("{at}.name"), "the name of a property");
            f.need(!slice.values.is_empty(), format!("{at}.values"), "at least one value");
            f.distinct(slice.values.iter().map(String::as_str), |k| format!("{at}.values.{k}"));
        }
        f.distinct(self.slices.iter().map(|s| s.name.as_str()), |i| format!("monitoring.slices.{i}.name"));
        let cells: usize = self.slices.iter().map(|s| s.values.len()).sum();
        f.need(
            cells <= MAX_CELLS,
            "monitoring.slices",
            "at most 16 values together; the rest counts as \"other\"",
        );
    }

    fn known(&self, id: &str, field: String, f: &mut Faults) {
        if signal_table::find(id, self).is_none() {
            f.need(false, field, signal_table::advice(id));
        }
    }
}

fn one_of(names: &[&str], name: &str) -> (bool, String) {
    (names.contains(&name), format!("one of {}", names.join(", ")))
}

fn reference(edges: &[f64], counts: &[u64], most: usize, at: &str, f: &mut Faults) {
    f.need(
        (1..=most).contains(&edges.len())
            && edges.iter().all(|e| e.is_finite())
            && edges.is_sorted_by(|a, b| a < b),
        format!("{at}.edges"),
        format!("1 to {most} finite numbers, each above the one before"),
    );
    f.need(
        counts.len() == edges.len() + 1,
        format!("{at}.reference"),
        "one count for each bin: one more than edges",
    );
    let total = counts.iter().try_fold(0_u64, |sum, n| sum.checked_add(*n));
    f.need(total.is_some_and(|n| n > 0), format!("{at}.reference"), "counts that sum to more than 0");
}
