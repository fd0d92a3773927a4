//! One row of results: a scene (or video), a seed and a policy, with the counts that they gave.
//! **Invariant:** the JSON names of the columns are a contract; every column is in every row, `null` where unknown.
//! It does not compute anything but ratios of its own counts.

use std::{io::Write, path::Path};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// The name of the policy that this project is about.
pub const INBETWEEN: &str = "inbetween";

/// What one policy did on one scene with one seed.
///
/// # Units
/// `epsilon` in pixels of the upright frame, `age_cap` and `seconds` in seconds, `energy` in modelled joules,
/// `cpu_ns_per_frame` in nanoseconds of one core.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// `tune`, `test`, or `video`.
    pub split: String,
    /// Name of the scene, or file name of the video.
    pub scene: String,
    /// Seed of scene, detector and latencies.
    pub seed: u64,
    /// Name of the policy.
    pub policy: String,
    /// The share of refreshes that may violate, as the card promises.
    pub miss_rate: f64,
    /// The tolerance.
    pub epsilon: f64,
    /// The age after which a result is not shown.
    pub age_cap: f64,
    /// Frames that the camera gave.
    pub frames: u64,
    /// Display refreshes that were scored.
    pub refreshes: u64,
    /// Refreshes that violated the tolerance.
    pub violations: u64,
    /// Violations of which the answer had said that it may be wrong.
    pub flagged_violations: u64,
    /// Model runs that were started.
    pub runs: u64,
    /// Runs that were audits.
    pub audits: u64,
    /// Runs that were cancelled.
    pub cancelled: u64,
    /// Multiply-accumulates of all runs; `null` when the model's count is not known.
    pub macs: Option<u64>,
    /// Modelled energy; `null` when the counts behind it are not known.
    pub energy: Option<f64>,
    /// Time that the policy itself took for a frame (gate, schedule, answers; not the model); `null` when not measured.
    pub cpu_ns_per_frame: Option<u64>,
    /// Length of the scored session.
    pub seconds: f64,
    /// Whether an oracle keeps the promise here; `null` when no oracle was run.
    pub feasible: Option<bool>,
    /// Runs that the oracle needs; `null` when none was run.
    pub oracle_runs: Option<u64>,
    /// (runs − oracle) ÷ (every frame − oracle); `null` when no oracle was run.
    pub regret: Option<f64>,
    /// For the every-Nth policies: N.
    pub every: Option<u32>,
    /// Mean age of the answers' key frames, in milliseconds.
    pub mean_age_ms: Option<f64>,
    /// 95th percentile of a run's time, in milliseconds.
    pub latency_p95_ms: Option<f64>,
}

impl Record {
    /// The share of refreshes that violated.
    pub fn violation_rate(&self) -> f64 {
        if self.refreshes == 0 { 0.0 } else { self.violations as f64 / self.refreshes as f64 }
    }

    /// Model runs a second.
    pub fn runs_per_second(&self) -> f64 {
        if self.seconds > 0.0 { self.runs as f64 / self.seconds } else { 0.0 }
    }

    /// Whether the promise was kept: something was scored, and no more of it violated than the card allows.
    pub fn kept(&self) -> bool {
        self.refreshes > 0 && self.violation_rate() <= self.miss_rate
    }
}

/// Writes one JSON object a line.
///
/// # Errors
/// When the file cannot be written.
pub fn write_json<T: Serialize>(path: &Path, rows: &[T]) -> anyhow::Result<()> {
    let context = || format!("cannot write {}", path.display());
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).with_context(context)?);
    for row in rows {
        serde_json::to_writer(&mut file, row).with_context(context)?;
        file.write_all(b"\n").with_context(context)?;
    }
    file.flush().with_context(context)
}

/// How many times fewer runs `ours` needs than `other`, as a geometric mean over the (scene, seed) pairs in which
/// both keep the promise, with the number of those pairs.
pub fn runs_ratio(records: &[Record], ours: &str, other: &str) -> Option<(f64, usize)> {
    let mut logs = Vec::new();
    for a in records.iter().filter(|r| r.policy == ours && r.kept() && r.runs > 0) {
        let same =
            |r: &&Record| r.policy == other && (&r.scene, r.seed, &r.split) == (&a.scene, a.seed, &a.split);
        if let Some(b) = records.iter().find(same).filter(|b| b.kept() && b.runs > 0) {
            logs.push((b.runs as f64 / a.runs as f64).ln());
        }
    }
    let n = logs.len();
    (n > 0).then(|| ((logs.iter().sum::<f64>() / n as f64).exp(), n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(policy: &str, seed: u64, runs: u64, violations: u64) -> Record {
        Record {
            policy: policy.into(),
            seed,
            runs,
            violations,
            refreshes: 100,
            miss_rate: 0.02,
            ..Record::default()
        }
    }

    #[test]
    fn ratios_count_only_pairs_that_both_keep_the_promise() {
        let rows = [
            record("a", 0, 10, 1),
            record("b", 0, 40, 2),
            record("a", 1, 10, 0),
            record("b", 1, 90, 0),
            record("a", 2, 1, 0),
            record("b", 2, 99, 3), // breaks it
        ];
        let (ratio, pairs) = runs_ratio(&rows, "a", "b").unwrap();
        assert_eq!(pairs, 2);
        assert!((ratio - 6.0).abs() < 1e-12, "{ratio}");
        assert!(runs_ratio(&rows, "a", "c").is_none());
    }

    #[test]
    fn nothing_scored_is_no_promise_kept() {
        assert!(!Record { miss_rate: 0.5, ..Record::default() }.kept());
        assert!(record("a", 0, 1, 2).kept());
        assert!(!record("a", 0, 1, 3).kept());
    }
}
