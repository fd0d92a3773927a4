//! What the card wants watched, and what is to happen when a signal rises.
//! **Invariant:** what `validate` accepts fits the monitor's fixed memory.
//! It does not name metrics: the monitor does, and refuses what it does not have.

use core::time::Duration;

use alloc::{string::String, vec::Vec};

use crate::error::ConfigError;

/// Features that are watched at most.
pub const MOST_FEATURES: usize = 32;
/// Edges of a feature's histogram at most.
pub const MOST_FEATURE_EDGES: usize = 16;
/// Edges of the score's histogram at most.
pub const MOST_SCORE_EDGES: usize = 32;
/// Classes that are told apart at most; the rest counts together.
pub const MOST_CLASSES: usize = 64;
/// Values of all slices together at most; the rest counts as `other`.
pub const MOST_CELLS: usize = 16;
/// Rules of the response plan at most.
pub const MOST_RESPONSES: usize = 32;

/// What one observation of drift is.
///
/// Frames of a stream are like their neighbours: counted singly, a still scene of an hour looks like a drift. So each session
/// gives *one* observation of each feature and of the score: one drawn evenly from all of the session, not their mean,
/// so that a reference may be counted over single rows. Sessions of a span may still be alike: how much, is measured over
/// eight of them, and that many more are asked for before a difference is called significant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// Every event stands for itself, as payments of different people do.
    Event,
    /// A session lasts until the host says so, until frames pause for a second, or as long as this.
    Span(Duration),
}

/// One watched feature.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureWatch {
    /// Its name in the frame.
    pub name: String,
    /// Edges of the bins, rising; a bin holds what is above its lower edge and not above its upper one.
    pub edges: Vec<f64>,
    /// Counts in the training data, one more than edges; empty compares each window with the one before.
    pub reference: Vec<u32>,
}

/// Groups in which outcomes are told apart.
#[derive(Clone, Debug, PartialEq)]
pub struct SliceWatch {
    /// The feature whose category says the group, or a name that the host sets itself.
    pub name: String,
    /// Its values.
    pub values: Vec<String>,
}

/// How urgent an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It is written down.
    Log,
    /// Somebody looks at it in office hours.
    Ticket,
    /// Somebody is called.
    Page,
}

/// What is done about an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Response {
    /// The host is told. Every other response tells it, too.
    Alert,
    /// Answers come from the lowest rungs, the rule or none; the model still runs and is still watched.
    FallBack,
    /// The model is not run, and answers come from the lowest rungs.
    Disable,
    /// The variant that runs is not run again; without another one the model is disabled. The host brings the version before.
    RollBack,
    /// The host is told that a new model is due.
    Retrain,
}

/// What a signal must not cross.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// It is too high above this. A test of drift must find it significant, too.
    Above(f64),
    /// It is too low below this.
    Below(f64),
}

/// One rule of the response plan.
#[derive(Clone, Debug, PartialEq)]
pub struct ResponseRule {
    /// The metric's id.
    pub signal: String,
    /// What its value must not cross.
    pub bound: Bound,
    /// For how long.
    pub hold: Duration,
    /// How urgent it is.
    pub severity: Severity,
    /// Who answers for it.
    pub owner: String,
    /// What is done.
    pub response: Response,
}

/// What is watched.
#[derive(Clone, Debug, PartialEq)]
pub struct MonitorConfig {
    /// How long a window lasts. Drift is judged once for each.
    pub window: Duration,
    /// Sessions under which a window has no verdict.
    pub min_sessions: u32,
    /// What one observation of drift is.
    pub session: Session,
    /// Features, by name.
    pub features: Vec<FeatureWatch>,
    /// Edges for the probability of the positive class, or for the confidence (for a scalar, for the value itself).
    pub score_edges: Vec<f64>,
    /// Its counts in validation; empty compares each window with the one before.
    pub score_reference: Vec<u32>,
    /// Counts of the predicted classes in validation, likewise.
    pub class_reference: Vec<u32>,
    /// The class whose probability is watched; without one, that of the likeliest class is.
    pub positive_class: Option<u32>,
    /// Groups.
    pub slices: Vec<SliceWatch>,
    /// How long after a prediction its label may come.
    pub label_expiry: Duration,
    /// The response plan.
    pub responses: Vec<ResponseRule>,
}

impl Default for MonitorConfig {
    /// Windows of an hour, sessions of a minute, 200 sessions for a verdict, labels for ten days; ten even bins from 0 to 1
    /// for the score.
    fn default() -> Self {
        Self {
            window: Duration::from_hours(1),
            min_sessions: 200,
            session: Session::Span(Duration::from_mins(1)),
            features: Vec::new(),
            score_edges: (1..10).map(|i| f64::from(i) / 10.0).collect(),
            score_reference: Vec::new(),
            class_reference: Vec::new(),
            positive_class: None,
            slices: Vec::new(),
            label_expiry: Duration::from_hours(240),
            responses: Vec::new(),
        }
    }
}

impl MonitorConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let rising = |edges: &[f64]| {
            edges.iter().all(|e| e.is_finite()) && edges.windows(2).all(|pair| pair[0] < pair[1])
        };
        let fits =
            |edges: &[f64], reference: &[u32]| reference.is_empty() || reference.len() == edges.len() + 1;
        let distinct = |i: usize| self.features[..i].iter().all(|f| f.name != self.features[i].name);
        let cells: usize = self.slices.iter().map(|s| s.values.len()).sum();
        let long = Duration::from_hours(24 * 366);
        let spans = match self.session {
            Session::Event => true,
            Session::Span(span) => !span.is_zero() && span <= self.window,
        };
        let checks = [
            (
                self.window >= Duration::from_secs(1) && self.window <= long,
                "monitoring.window",
                "from a second to a year",
            ),
            (self.min_sessions > 0, "monitoring.min_sessions", "above 0"),
            (spans, "monitoring.session", "above 0 and at most the window"),
            (self.features.len() <= MOST_FEATURES, "monitoring.features", "at most 32"),
            (
                self.features
                    .iter()
                    .all(|f| (1..=MOST_FEATURE_EDGES).contains(&f.edges.len()) && rising(&f.edges)),
                "monitoring.features.edges",
                "from 1 to 16 finite numbers that rise",
            ),
            (
                self.features.iter().all(|f| fits(&f.edges, &f.reference)),
                "monitoring.features.reference",
                "empty, or one count more than edges",
            ),
            ((0..self.features.len()).all(distinct), "monitoring.features.name", "given once"),
            (
                (1..=MOST_SCORE_EDGES).contains(&self.score_edges.len()) && rising(&self.score_edges),
                "monitoring.scores.edges",
                "from 1 to 32 finite numbers that rise",
            ),
            (
                fits(&self.score_edges, &self.score_reference),
                "monitoring.scores.reference",
                "empty, or one count more than edges",
            ),
            (self.class_reference.len() <= MOST_CLASSES, "monitoring.class_reference", "at most 64 counts"),
            (
                cells <= MOST_CELLS && self.slices.len() <= MOST_CELLS,
                "monitoring.slices",
                "at most 16 values",
            ),
            (
                !self.label_expiry.is_zero() && self.label_expiry <= 10 * long,
                "monitoring.labels.expiry",
                "above 0 and at most ten years",
            ),
            (self.responses.len() <= MOST_RESPONSES, "monitoring.response", "at most 32 rules"),
            (
                self.responses.iter().all(|r| {
                    let (Bound::Above(x) | Bound::Below(x)) = r.bound;
                    x.is_finite() && r.hold <= long
                }),
                "monitoring.response",
                "finite, for at most a year",
            ),
        ];
        match checks.into_iter().find(|(ok, ..)| !ok) {
            Some((_, field, must)) => Err(ConfigError { field, must }),
            None => Ok(()),
        }
    }
}
