//! The metrics that a response plan may name, and their ids.
//! **Invariant:** every id is one metric, and every metric one id; a name that is not here is refused.
//! It does not hold values: `live` reads them.

use crate::config::{MOST_CELLS, MonitorConfig};

use super::drift::DriftKind;

/// Ids that every engine has.
pub const SIGNALS: [(&str, Signal); 20] = [
    ("psi.scores", Signal::PsiScores),
    ("psi.classes", Signal::PsiClasses),
    ("concept.evidence", Signal::ConceptEvidence),
    ("error_rate", Signal::ErrorRate),
    ("calibration_gap", Signal::CalibrationGap),
    ("estimated_error", Signal::EstimatedError),
    ("failure_rate", Signal::FailureRate),
    ("timeout_rate", Signal::TimeoutRate),
    ("panics", Signal::Panics),
    ("unsound_values", Signal::UnsoundValues),
    ("rejected_rate", Signal::RejectedRate),
    ("schema_breaks", Signal::SchemaBreaks),
    ("violation_rate", Signal::ViolationRate),
    ("fallback_rate", Signal::FallbackRate),
    ("latency.p95_ms", Signal::LatencyP95),
    ("age.p95_ms", Signal::AgeP95),
    ("freshness_s", Signal::Freshness),
    ("volume_drop", Signal::VolumeDrop),
    ("label_loss", Signal::LabelLoss),
    ("slice_gap", Signal::SliceGap),
];

/// A metric of the feature or cell with this place in the configuration.
pub type Of = fn(u8) -> Signal;

/// What stands before a feature's name.
pub const FEATURE_SIGNALS: [(&str, Of); 4] = [
    ("psi.", Signal::Psi),
    ("missing.", Signal::Missing),
    ("nan.", Signal::Nan),
    ("out_of_range.", Signal::OutOfRange),
];

/// What stands before a cell of a slice: `NAME=VALUE`, or `other`.
pub const SLICE_SIGNALS: [(&str, Of); 3] = [
    ("error_rate.", Signal::SliceErrorRate),
    ("share.", Signal::SliceShare),
    ("psi_scores.", Signal::SlicePsi),
];

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// Population stability index of a feature against its reference, in the last full window.
    Psi(u8),
    /// Share of events without the feature.
    Missing(u8),
    /// Share of events in which it is not a number.
    Nan(u8),
    /// Share of its numbers beyond the first or last edge.
    OutOfRange(u8),
    /// Population stability index of the scores, in the last full window.
    PsiScores,
    /// The same of the classes.
    PsiClasses,
    /// Decimal logarithm of the evidence that outcomes are not what the probabilities say: 2 is significant at 1%.
    ConceptEvidence,
    /// Share of labelled predictions that were wrong.
    ErrorRate,
    /// Expected calibration error of labelled predictions.
    CalibrationGap,
    /// Share of predictions that are wrong by their own probabilities: an estimate without labels, see
    /// [`AccuracyEstimate`](super::AccuracyEstimate).
    EstimatedError,
    /// Share of runs that gave no value.
    FailureRate,
    /// Share of runs that did not end in time.
    TimeoutRate,
    /// Runs in which the model panicked, in the open window and the last full one. A response to it needs no volume.
    Panics,
    /// Values of the model that were refused, as NaN is; counted likewise.
    UnsoundValues,
    /// Share of frames that broke the contract.
    RejectedRate,
    /// Frames of another shape than the card's, in the open window and the last full one.
    SchemaBreaks,
    /// Share of back-tests above the tolerance.
    ViolationRate,
    /// Share of answers from the rule, or none.
    FallbackRate,
    /// 95% of runs take no longer, in milliseconds.
    LatencyP95,
    /// 95% of answers are no older, in milliseconds.
    AgeP95,
    /// Seconds since the newest frame.
    Freshness,
    /// One less frames a second of this window over those of the one before.
    VolumeDrop,
    /// Share of predictions that left without a label, of those that left.
    LabelLoss,
    /// The largest difference of a cell's error rate and the error rate of all.
    SliceGap,
    /// Error rate in a cell.
    SliceErrorRate(u8),
    /// Share of events in a cell.
    SliceShare(u8),
    /// Population stability index of a cell's scores in the last full window, against the window before: what drifts in one
    /// group alone may be too small to be seen in all.
    SlicePsi(u8),
}

impl Signal {
    /// The metric that `id` names under `config`.
    ///
    /// # Example
    /// ```
    /// use inbetween_flow::{MonitorConfig, monitor::Signal};
    /// let config = MonitorConfig::default();
    /// assert_eq!(Signal::parse("latency.p95_ms", &config), Some(Signal::LatencyP95));
    /// assert_eq!(Signal::parse("psi.amount", &config), None);
    /// ```
    pub fn parse(id: &str, config: &MonitorConfig) -> Option<Self> {
        if let Some((_, signal)) = SIGNALS.iter().find(|(known, _)| *known == id) {
            return Some(*signal);
        }
        let feature = |name: &str| config.features.iter().position(|f| f.name == name);
        let of = |list: &[(&str, Of)], find: &dyn Fn(&str) -> Option<usize>| {
            list.iter().find_map(|(prefix, signal)| {
                let at = find(id.strip_prefix(prefix)?)?;
                Some(signal(at as u8))
            })
        };
        of(&FEATURE_SIGNALS, &feature).or_else(|| of(&SLICE_SIGNALS, &|name| cell(name, config)))
    }

    /// Which drift it tests for, if it does.
    pub const fn drift(self) -> Option<DriftKind> {
        match self {
            Self::Psi(_) => Some(DriftKind::Data),
            Self::PsiScores | Self::PsiClasses | Self::SlicePsi(_) => Some(DriftKind::Prediction),
            Self::ConceptEvidence => Some(DriftKind::Concept),
            _ => None,
        }
    }
}

/// The cell that `NAME=VALUE` or `other` is.
fn cell(name: &str, config: &MonitorConfig) -> Option<usize> {
    if name == "other" {
        return Some(MOST_CELLS);
    }
    let (slice, value) = name.split_once('=')?;
    let mut at = 0;
    for watch in &config.slices {
        if watch.name == slice {
            return watch.values.iter().position(|v| v == value).map(|i| at + i);
        }
        at += watch.values.len();
    }
    None
}
