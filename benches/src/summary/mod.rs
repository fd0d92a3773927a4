//! What a suite of sequences says: sums of each policy, the four lines of the contract, families, ablations, frontier.
//! **Invariant:** every figure is computed from rows that were measured; what cannot be computed is `null`.
//! It does not run policies, and it draws nothing.

pub(crate) mod bootstrap;
mod build;
mod cells;
mod lines;
mod verdicts;

use serde::{Deserialize, Serialize};

pub use bootstrap::{Clusters, Estimate, RESAMPLES, geometric_mean, quantile};
pub use build::{WITHOUT, summarise};
pub use cells::{Cells, Sequence, Sums};
pub use lines::SLACK;
pub use verdicts::{Verdict, percent, verdicts, words};

/// The version of the documents that `--summary` writes. It changes when a field changes its meaning or goes.
pub const SCHEMA: u32 = 1;

/// Everything that a run of the suite leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Suite {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The command that makes it again.
    pub command: String,
    /// What was run.
    pub setup: SuiteSetup,
    /// What it says.
    pub summary: Summary,
    /// Each scene and policy, its seeds pooled.
    pub scenes: Vec<SceneSums>,
    /// Runs and energy against violations.
    pub frontier: Vec<Series>,
}

/// What was run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SuiteSetup {
    /// `tune`, `test`, or nothing for both.
    pub split: Option<String>,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// Seconds of each sequence; nothing where each scene has its own.
    pub seconds: Option<f64>,
    /// How many sequences.
    pub sequences: usize,
    /// How often sequences were drawn anew for the intervals.
    pub resamples: usize,
    /// Names of the energy profiles, in the order of every list of energies.
    pub profiles: Vec<String>,
    /// Settings that were tuned on the tune split.
    pub tuned: Vec<TunedSetting>,
    /// What is run on fewer sequences than the rest, and on which.
    pub reduced: Vec<String>,
}

/// A setting that was tuned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TunedSetting {
    /// The policy.
    pub policy: String,
    /// Its setting in words.
    pub setting: String,
    /// Share of refreshes that violated on the tune split.
    pub violation_rate: f64,
    /// Whether that keeps the promise there; where nothing does, the setting is the one that violates least.
    pub kept: bool,
}

/// What the rows say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Each policy over all its sequences.
    pub policies: Vec<PolicySums>,
    /// Line 1: how many times more runs each baseline makes, where both keep the promise.
    pub fewer_runs: Vec<FewerRuns>,
    /// Line 2: against a timer with the same estimator.
    pub one_timer: Option<OneTimer>,
    /// Line 3: against the oracle.
    pub oracle: Option<Oracle>,
    /// Line 4: coverage and the honesty of the flag.
    pub coverage: Option<Coverage>,
    /// What each ingredient is worth.
    pub ablations: Vec<Ablation>,
}

/// Sums of a policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicySums {
    /// Its name.
    pub policy: String,
    /// How many sequences.
    pub sequences: usize,
    /// How many scenes.
    pub scenes: usize,
    /// Scenes whose pooled violations stay within the promise.
    pub scenes_kept: usize,
    /// Sequences that keep the promise.
    pub sequences_kept: usize,
    /// Share of all refreshes that violate.
    pub violation_rate: Option<Estimate>,
    /// The scene with the largest share of violations.
    pub worst_scene: String,
    /// Its share.
    pub worst_violation_rate: f64,
    /// Model runs in a second.
    pub runs_per_s: f64,
    /// Multiply-accumulates in a second.
    pub macs_per_s: f64,
    /// Modelled power in each profile, in watts.
    pub watts: Vec<f64>,
    /// Time of the policy itself for each frame, in nanoseconds.
    pub cpu_ns_per_frame: f64,
    /// Share of violating refreshes whose answer said that it was not within the tolerance.
    pub flagged_violations: Option<f64>,
    /// Share of good refreshes whose answer said that it was.
    pub trusted_good: Option<f64>,
}

/// Line 1, against one baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FewerRuns {
    /// The baseline.
    pub baseline: String,
    /// Its runs for each run of ours: geometric mean over the scenes in which both keep the promise.
    pub ratio: Option<Estimate>,
    /// The same for modelled energy in each profile.
    pub energy_ratios: Vec<Option<Estimate>>,
    /// Scenes in which both keep it.
    pub both_keep: usize,
    /// Scenes in which only the baseline keeps it.
    pub only_baseline_keeps: usize,
    /// Scenes in which only we keep it.
    pub only_ours_keeps: usize,
    /// Scenes.
    pub scenes: usize,
    /// Scenes in which the baseline keeps the promise with so many fewer runs that ours is more than 5% + 0.1 runs a
    /// second above it.
    pub offenders: Vec<Offender>,
}

/// A scene in which a baseline is the cheaper one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offender {
    /// The scene.
    pub scene: String,
    /// Our runs in a second.
    pub ours: f64,
    /// The baseline's.
    pub baseline: f64,
}

/// Line 2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OneTimer {
    /// The largest N that keeps the promise on as many scenes as we do; where none does, the one that keeps it on most.
    pub every: u32,
    /// On how many scenes that one keeps it.
    pub kept: usize,
    /// On how many we keep it, over the same sequences.
    pub ours_kept: usize,
    /// How many scenes.
    pub scenes: usize,
    /// Its runs for each of ours: geometric mean over all these scenes.
    pub ratio: Option<Estimate>,
    /// The same over the scenes in which both keep the promise.
    pub ratio_both_keep: Option<Estimate>,
    /// All its runs for each of ours.
    pub total_ratio: Option<Estimate>,
    /// Its share of violations.
    pub violation_rate: f64,
    /// Ours, over the same sequences.
    pub ours_violation_rate: f64,
}

/// Line 3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Oracle {
    /// Scenes with a sequence that the oracle can keep.
    pub feasible_scenes: usize,
    /// Scenes.
    pub scenes: usize,
    /// Our runs for each run of the oracle: geometric mean over the feasible scenes.
    pub ratio: Option<Estimate>,
    /// The same for modelled energy in each profile; the oracle is charged its runs alone.
    pub energy_ratios: Vec<Option<Estimate>>,
    /// The scene with the largest ratio.
    pub worst_scene: String,
    /// That ratio.
    pub worst_ratio: f64,
    /// Mean over the feasible sequences of (E − E oracle) / (E every frame − E oracle).
    pub regret: Option<Estimate>,
    /// Every feasible scene with its ratio, the largest first.
    pub by_scene: Vec<OracleScene>,
    /// Scenes none of whose sequences the oracle can keep.
    pub infeasible: Vec<String>,
}

/// One scene beside the oracle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OracleScene {
    /// The scene.
    pub scene: String,
    /// Our runs for each of the oracle's.
    pub ratio: f64,
    /// Our share of violations.
    pub violation_rate: f64,
}

/// Line 4.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Each family, its sequences pooled.
    pub families: Vec<Family>,
    /// Feasible families.
    pub feasible: usize,
    /// Of them, those within the promise and half a point.
    pub covered: usize,
    /// The feasible family that is furthest beyond it.
    pub worst: String,
    /// Share of violating refreshes that were flagged, over infeasible sequences.
    pub flagged_where_infeasible: Option<f64>,
    /// Share of violating refreshes that were flagged, over the other sequences.
    pub flagged_elsewhere: Option<f64>,
    /// Share of good refreshes that were trusted, over the other sequences.
    pub trusted_elsewhere: Option<f64>,
}

/// A family of scenes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Family {
    /// Its name.
    pub family: String,
    /// Whether the oracle keeps its feasible sequences' promise: `null` where no oracle was run.
    pub feasible: Option<bool>,
    /// The promise.
    pub miss_rate: f64,
    /// Our share of violations with its interval, over the feasible sequences where an oracle was run.
    pub violation_rate: Option<Estimate>,
    /// Whether it is within the promise and half a point.
    pub covered: bool,
    /// Share of violating refreshes that were flagged.
    pub flagged_violations: Option<f64>,
    /// Share of good refreshes that were trusted.
    pub trusted_good: Option<f64>,
}

/// What happens without an ingredient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ablation {
    /// The policy without it.
    pub policy: String,
    /// Sequences that were compared.
    pub sequences: usize,
    /// Its runs for each of ours: geometric mean over all scenes.
    pub runs_ratio: Option<Estimate>,
    /// By how many points more of its refreshes violate, mean over the scenes.
    pub more_violations: Option<Estimate>,
    /// How many more scenes we keep.
    pub scenes_lost: i64,
}

/// A scene and a policy, all seeds pooled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SceneSums {
    /// `tune` or `test`.
    pub split: String,
    /// The scene.
    pub scene: String,
    /// Its family.
    pub family: String,
    /// The policy.
    pub policy: String,
    /// How many seeds.
    pub seeds: usize,
    /// The promise.
    pub miss_rate: f64,
    /// Seconds of all sequences.
    pub seconds: f64,
    /// Frames that reached the app.
    pub frames: u64,
    /// Refreshes.
    pub refreshes: u64,
    /// Refreshes that violate.
    pub violations: u64,
    /// Of them, those that were flagged.
    pub flagged_violations: u64,
    /// Refreshes that were flagged.
    pub flagged: u64,
    /// Runs.
    pub runs: u64,
    /// Modelled energy in each profile, in joules.
    pub energies: Vec<f64>,
    /// Time of the policy itself for each frame, in nanoseconds.
    pub cpu_ns_per_frame: f64,
    /// Sequences that the oracle can keep, where it was run.
    pub feasible: Option<usize>,
    /// Runs of the oracle on the sequences that it can keep.
    pub oracle_runs: Option<u64>,
    /// Our violations by clause, as [`Faults`](inbetween_sim::measure::Faults) has them; other policies' where counted.
    pub faults: Option<inbetween_sim::measure::Faults>,
}

/// One policy over its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// What the points are of.
    pub policy: String,
    /// What is swept.
    pub knob: String,
    /// The points, in the order of the knob.
    pub points: Vec<Point>,
}

/// One setting, pooled over the sequences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The setting in words.
    pub setting: String,
    /// Share of refreshes that violate.
    pub violation_rate: f64,
    /// Model runs in a second.
    pub runs_per_s: f64,
    /// Modelled power in each profile, in watts.
    pub watts: Vec<f64>,
    /// Scenes that keep the promise.
    pub scenes_kept: usize,
    /// Scenes.
    pub scenes: usize,
}
