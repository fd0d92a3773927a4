//! The metric ids that the engine's monitor has, so that a card which names another one is refused.
//! **Invariant:** the lists are those of `inbetween_flow::monitor::Signal`; a test of the facade compares them.
//! It does not say what a metric means: the monitor's documentation does.

/// Ids that every engine has.
pub const SIGNALS: [&str; 20] = [
    "psi.scores",
    "psi.classes",
    "concept.evidence",
    "error_rate",
    "calibration_gap",
    "estimated_error",
    "failure_rate",
    "timeout_rate",
    "panics",
    "unsound_values",
    "rejected_rate",
    "schema_breaks",
    "violation_rate",
    "fallback_rate",
    "latency.p95_ms",
    "age.p95_ms",
    "freshness_s",
    "volume_drop",
    "label_loss",
    "slice_gap",
];

/// What stands before the name of a monitored feature, as in `psi.amount`.
pub const FEATURE_SIGNALS: [&str; 4] = ["psi.", "missing.", "nan.", "out_of_range."];

/// What may be watched of pictures, as the names of `monitoring.features`: mean brightness and contrast (0 to 1), shares of the
/// picture that are black or white, noise and sharpness (levels of 255).
pub const IMAGE_FEATURES: [&str; 6] =
    ["image.brightness", "image.contrast", "image.dark", "image.bright", "image.noise", "image.sharpness"];

/// The same of sound: level in decibels below full scale, shares of samples that are clipped or nothing.
pub const AUDIO_FEATURES: [&str; 3] = ["audio.level_db", "audio.clipped", "audio.silent"];

/// What stands before a cell of a slice, as in `error_rate.country=AT`; values that no cell names are `other`.
pub const SLICE_SIGNALS: [&str; 3] = ["error_rate.", "share.", "psi_scores."];

/// Whether the monitor has a metric `id`, in a card that monitors `features` and `cells` (`country=AT`, `other`).
///
/// # Example
/// ```
/// use inbetween_card::signal_known;
/// assert!(signal_known("psi.amount", &["amount"], &[]));
/// assert!(!signal_known("psi.amuont", &["amount"], &[]));
/// ```
pub fn signal_known(id: &str, features: &[&str], cells: &[&str]) -> bool {
    let names = |prefixes: &[&str], of: &[&str]| {
        prefixes.iter().filter_map(|p| id.strip_prefix(p)).any(|name| of.contains(&name))
    };
    SIGNALS.contains(&id) || names(&FEATURE_SIGNALS, features) || names(&SLICE_SIGNALS, cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_and_cells_must_be_the_cards() {
        assert!(signal_known("latency.p95_ms", &[], &[]));
        assert!(signal_known("missing.amount", &["age", "amount"], &[]));
        assert!(!signal_known("psi.country=AT", &["amount"], &["country=AT"]));
        assert!(signal_known("share.country=AT", &["amount"], &["country=AT"]));
        assert!(!signal_known("psi.", &["amount"], &[]));
        assert!(!signal_known("error_rate.", &[], &["other"]));
    }
}
