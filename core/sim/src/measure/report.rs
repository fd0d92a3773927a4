//! The record of one policy on one scene and seed.
//! **Invariant:** a row has every column of the bench contract; what is not known is `null`, never a guess.
//! It does not write files.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::{
    energy::Energies,
    phase::Phase,
    score::{Fault, Faults},
};

/// A word of the program's own. (Under its own name, for a derived reader would want to borrow from what it reads.)
type Word = &'static str;

/// One line of the bench contract. Nothing is measured in the default one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// `tune` or `test`; `video` where no scene was rendered.
    #[serde(deserialize_with = "split_word")]
    pub split: Word,
    /// Name of the scene.
    pub scene: String,
    /// What kind of difficulty it shows.
    pub family: String,
    /// The seed.
    pub seed: u64,
    /// Name of the policy.
    pub policy: String,
    /// Every how many frames it runs, where that is its rule.
    pub every: Option<u32>,
    /// Share of refreshes that may violate, by the card.
    pub miss_rate: f64,
    /// Largest good error in pixels, by the card.
    pub epsilon: f64,
    /// No answer may rest on a result older than this many seconds.
    pub age_cap: f64,
    /// Frames that reached the app.
    pub frames: u64,
    /// Display refreshes; all are scored.
    pub refreshes: u64,
    /// Refreshes that violate.
    pub violations: u64,
    /// Violations of which the answer itself said that it was not within the tolerance.
    pub flagged_violations: u64,
    /// Refreshes whose answer said that it was not within the tolerance, right or wrong.
    pub flagged: u64,
    /// Runs that were started.
    pub runs: u64,
    /// Runs that checked the policy's own forecast.
    pub audits: u64,
    /// Runs that were cancelled or refused.
    pub cancelled: u64,
    /// Multiply-accumulates of all runs, cancelled ones in full.
    pub macs: u64,
    /// Modelled energy in joules, in the first profile.
    pub energy: f64,
    /// Modelled energy in joules in each profile.
    pub energies: Energies,
    /// Measured time of the policy itself for each frame, with the answers that follow it; 0 when not measured.
    pub cpu_ns_per_frame: f64,
    /// Length of the sequence.
    pub seconds: f64,
    /// Whether the oracle of the pixel class keeps the promise; see [`oracle`](crate::oracle).
    pub feasible: Option<bool>,
    /// Runs of that oracle.
    pub oracle_runs: Option<u64>,
    /// Runs of the oracle of the output-only class, where that keeps the promise.
    pub output_oracle_runs: Option<u64>,
    /// Fewest straight pieces within epsilon of the truth.
    pub bound_runs: Option<u64>,
    /// (E − E_oracle) / (E_every − E_oracle).
    pub regret: Option<f64>,
    /// Mean age of what was shown, in milliseconds.
    pub age_ms_mean: f64,
    /// 95% quantile of the age, in milliseconds.
    pub age_ms_p95: f64,
    /// Root mean square step of the answers of objects that stand still, in pixels.
    pub static_jitter_px: f64,
}

/// The words that a row may have as its split: a row that is read back has the same ones.
const SPLITS: [&str; 4] = ["tune", "test", "video", ""];

fn split_word<'de, D: Deserializer<'de>>(from: D) -> Result<Word, D::Error> {
    let word = String::deserialize(from)?;
    let known = SPLITS.into_iter().find(|s| *s == word);
    known.ok_or_else(|| D::Error::custom(format!("split `{word}` is none of tune, test, video")))
}

impl Row {
    /// Share of refreshes that violate.
    pub fn violation_rate(&self) -> f64 {
        if self.refreshes == 0 { 0.0 } else { self.violations as f64 / self.refreshes as f64 }
    }

    /// Runs in a second.
    pub fn runs_per_s(&self) -> f64 {
        if self.seconds > 0.0 { self.runs as f64 / self.seconds } else { 0.0 }
    }
}

/// What happened with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FrameMark {
    /// Capture time in seconds.
    pub captured_s: f64,
    /// Whether the model was run on it.
    pub run: bool,
    /// Why, in a word.
    pub reason: &'static str,
}

/// What happened at a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RefreshMark {
    /// Display time in seconds.
    pub display_s: f64,
    /// Where the answer came from, in a word.
    pub source: &'static str,
    /// Age of the newest result behind it, in milliseconds; `None` when there is none.
    pub age_ms: Option<f64>,
    /// The worst error of an object that was answered, in pixels.
    pub error_px: f32,
    /// Whether an object had no answer.
    pub missing: bool,
    /// What the policy expected, in pixels.
    pub uncertainty_px: f32,
    /// Whether the answer said that it was within the tolerance.
    pub within_tolerance: bool,
    /// Whether it violates, and by which clause.
    #[serde(serialize_with = "fault_word")]
    pub fault: Option<Fault>,
}

#[allow(clippy::trivially_copy_pass_by_ref, clippy::ref_option)] // the signature that serde asks for
fn fault_word<S: serde::Serializer>(fault: &Option<Fault>, serializer: S) -> Result<S::Ok, S::Error> {
    fault.map(Fault::as_str).serialize(serializer)
}

impl Fault {
    /// In a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Missing => "missing",
            Self::Off => "off",
            Self::Identity => "identity",
            Self::Ghost => "ghost",
        }
    }
}

/// What happened, in order; at most as many marks as was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Timeline {
    /// Frames.
    pub frames: Vec<FrameMark>,
    /// Refreshes.
    pub refreshes: Vec<RefreshMark>,
    /// Whether there was more.
    pub truncated: bool,
}

/// Everything that was measured of one policy on one scene and seed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The figures.
    pub row: Row,
    /// Violations by clause.
    pub faults: Faults,
    /// Runs by reason.
    pub run_reasons: BTreeMap<&'static str, u64>,
    /// Frames that were not run, by reason.
    pub skip_reasons: BTreeMap<&'static str, u64>,
    /// Refreshes by source of the answer.
    pub sources: BTreeMap<&'static str, u64>,
    /// How long each run took, in milliseconds, in order.
    pub latencies_ms: Vec<f32>,
    /// The session in equal parts, where the scene has frequency steps; none elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<Phase>,
    /// What happened, in order.
    pub timeline: Timeline,
}
