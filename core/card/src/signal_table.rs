//! What each signal of the monitor is, and which kinds of them a complete card watches.
//! **Invariant:** the table has every id that `signal` lists, and no other.
//! It does not measure: `inbetween-flow` does.

use crate::Monitoring;

/// The parts of `psi.scores` and `psi.classes` that stand where other ids have a feature's name.
pub(crate) const TAKEN: [&str; 2] = ["scores", "classes"];

/// What a complete card must watch at the very least: one signal of each kind. The model's version is on every answer
/// and snapshot; it needs no signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SignalKind {
    /// What comes in.
    Input,
    /// What goes out.
    Prediction,
    /// How long runs take.
    Latency,
    /// Runs that fail.
    Error,
    /// Runs that do not end in time.
    Timeout,
    /// How old inputs are.
    Freshness,
    /// Inputs that break the contract.
    Schema,
    /// How much there is.
    Volume,
    /// Truth that arrives, and how good answers were.
    Outcome,
    /// The same for parts of the events.
    Slice,
    /// Whether promises are kept: not demanded.
    Promise,
}

impl SignalKind {
    /// The kinds of which a complete card watches at least one signal each.
    pub const REQUIRED: [Self; 10] = [
        Self::Input,
        Self::Prediction,
        Self::Latency,
        Self::Error,
        Self::Timeout,
        Self::Freshness,
        Self::Schema,
        Self::Volume,
        Self::Outcome,
        Self::Slice,
    ];

    /// In words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Input => "input distribution",
            Self::Prediction => "prediction distribution",
            Self::Latency => "latency",
            Self::Error => "errors",
            Self::Timeout => "timeouts",
            Self::Freshness => "freshness",
            Self::Schema => "schema changes",
            Self::Volume => "volume",
            Self::Outcome => "labels and outcomes",
            Self::Slice => "slices",
            Self::Promise => "promises",
        }
    }
}

/// One signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Its id; `<feature>` stands for a name of `monitoring.features`, `<cell>` for `NAME=VALUE` of
    /// `monitoring.slices`, or `other`.
    pub id: &'static str,
    /// What it tells.
    pub kind: SignalKind,
    /// Its unit.
    pub unit: &'static str,
    /// What it is.
    pub text: &'static str,
}

const fn signal(id: &'static str, kind: SignalKind, unit: &'static str, text: &'static str) -> Signal {
    Signal { id, kind, unit, text }
}

/// Every signal, over the live window unless it says otherwise.
pub const SIGNAL_TABLE: &[Signal] = {
    use SignalKind as K;
    &[
        signal(
            "psi.<feature>",
            K::Input,
            "",
            "population stability index of a feature against its reference",
        ),
        signal("missing.<feature>", K::Input, "share", "events without the feature"),
        signal("nan.<feature>", K::Input, "share", "events in which the feature is not a number"),
        signal("out_of_range.<feature>", K::Input, "share", "numbers beyond the first or last edge"),
        signal("psi.scores", K::Prediction, "", "population stability index of the scores"),
        signal("psi.classes", K::Prediction, "", "population stability index of the classes"),
        signal(
            "concept.evidence",
            K::Outcome,
            "log10",
            "evidence that outcomes are not what probabilities say; 2 is 1%",
        ),
        signal("error_rate", K::Outcome, "share", "labelled predictions that were wrong"),
        signal("calibration_gap", K::Outcome, "", "expected calibration error of labelled predictions"),
        signal(
            "label_loss",
            K::Outcome,
            "share",
            "predictions that left without a label, of those that left",
        ),
        signal(
            "estimated_error",
            K::Prediction,
            "share",
            "wrong predictions by their own probabilities: an estimate",
        ),
        signal("failure_rate", K::Error, "share", "runs that gave no value"),
        signal("timeout_rate", K::Timeout, "share", "runs that did not end in time"),
        signal(
            "panics",
            K::Error,
            "runs",
            "runs in which the model panicked, in this window and the one before",
        ),
        signal("unsound_values", K::Error, "runs", "values of the model that were refused, likewise"),
        signal("rejected_rate", K::Schema, "share", "frames that broke the contract"),
        signal("schema_breaks", K::Schema, "frames", "frames of another shape than the card's"),
        signal("violation_rate", K::Outcome, "share", "back-tests above the tolerance"),
        signal("fallback_rate", K::Promise, "share", "answers from the rule, or none"),
        signal("latency.p95_ms", K::Latency, "ms", "95% of runs take no longer"),
        signal("age.p95_ms", K::Freshness, "ms", "95% of answers are no older"),
        signal("freshness_s", K::Freshness, "s", "since the newest frame"),
        signal(
            "volume_drop",
            K::Volume,
            "share",
            "one less frames a second of this window over those of the one before",
        ),
        signal(
            "slice_gap",
            K::Slice,
            "share",
            "the largest difference of a cell's error rate and that of all",
        ),
        signal("error_rate.<cell>", K::Slice, "share", "error rate in a cell of a slice"),
        signal("share.<cell>", K::Slice, "share", "events in a cell of a slice"),
        signal(
            "psi_scores.<cell>",
            K::Slice,
            "",
            "population stability index of a cell's scores against the window before",
        ),
    ]
};

/// The signal that `id` names under `monitoring`; `None` where the engine has none.
pub(crate) fn find(id: &str, monitoring: &Monitoring) -> Option<&'static Signal> {
    if let Some(signal) = SIGNAL_TABLE.iter().find(|s| s.id == id && !s.id.contains('<')) {
        return Some(signal);
    }
    SIGNAL_TABLE.iter().find(|s| {
        let Some((prefix, hole)) = s.id.split_once('<') else { return false };
        id.strip_prefix(prefix).is_some_and(|name| match hole {
            "feature>" => monitoring.features.iter().any(|f| f.name == name),
            _ => cell(name, monitoring),
        })
    })
}

/// Whether `name` is `NAME=VALUE` of a slice, or `other`.
fn cell(name: &str, monitoring: &Monitoring) -> bool {
    name == "other"
        || name.split_once('=').is_some_and(|(slice, value)| {
            monitoring.slices.iter().any(|s| s.name == slice && s.values.iter().any(|v| v == value))
        })
}

/// What an id that is not known should be.
pub(crate) fn advice(id: &str) -> String {
    let first = id.split('.').next().unwrap_or_default();
    let near: Vec<&str> =
        SIGNAL_TABLE.iter().map(|s| s.id).filter(|s| s.split('.').next() == Some(first)).collect();
    let ids = if near.is_empty() { SIGNAL_TABLE.iter().map(|s| s.id).collect() } else { near };
    format!(
        "a metric id that the engine has for this card: {} (<feature> is listed in monitoring.features, <slice> in monitoring.slices)",
        ids.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{FEATURE_SIGNALS, SIGNALS, SLICE_SIGNALS};

    #[test]
    fn every_id_is_described_once() {
        let mut listed: Vec<String> = SIGNALS.iter().map(|id| (*id).to_owned()).collect();
        listed.extend(FEATURE_SIGNALS.iter().map(|prefix| format!("{prefix}<feature>")));
        listed.extend(SLICE_SIGNALS.iter().map(|prefix| format!("{prefix}<cell>")));
        let mut described: Vec<String> = SIGNAL_TABLE.iter().map(|s| s.id.to_owned()).collect();
        listed.sort_unstable();
        described.sort_unstable();
        assert_eq!(described, listed);
        for kind in SignalKind::REQUIRED {
            assert!(SIGNAL_TABLE.iter().any(|s| s.kind == kind), "{kind:?}");
        }
    }
}
