//! The every-Nth baselines at as many runs as the engine made, in their best setting.
//! **Invariant:** a baseline is never shown with fewer runs than the engine, nor with a worse filter than the best tried.
//! It does not run them.

use inbetween_sim::{
    Policy, Report as Detail, SceneSpec,
    policy::{Baseline, Estimator, Trigger},
    tune::Q,
};

use crate::record::kept;

/// What a reader must know about them.
pub const NOTE: &str = "every-nth-hold and every-nth-kalman run at the largest N that gives them at least as many runs \
    as Inbetween made; the Kalman filter has the best of four settings for this very session, chosen afterwards.";

/// What a reader must know about those in hindsight.
pub const HINDSIGHT_NOTE: &str = "-hindsight has the N (and filter) with the fewest runs that keeps the promise on this \
    very video, or violates least where none does: a setting that nobody can know beforehand.";

/// The baselines whose N is chosen afterwards, each with the settings that are tried.
pub fn in_hindsight() -> [(&'static str, Vec<Estimator>); 2] {
    let [(_, hold), (_, kalman)] = at_equal_runs();
    [("every-nth-hold-hindsight", hold), ("every-nth-kalman-hindsight", kalman)]
}

/// The report that keeps the promise with the fewest runs; where none does, the one that violates least.
pub fn cheapest(reports: Vec<Detail>) -> Option<Detail> {
    let keeps = reports.iter().any(|r| kept(&r.row));
    let cost =
        |r: &Detail| if keeps { (r.row.runs, r.row.violations) } else { (r.row.violations, r.row.runs) };
    reports.into_iter().filter(|r| !keeps || kept(&r.row)).min_by_key(cost)
}

/// The baselines by name, each with the settings that are tried.
pub fn at_equal_runs() -> [(&'static str, Vec<Estimator>); 2] {
    [
        ("every-nth-hold", vec![Estimator::Hold]),
        ("every-nth-kalman", Q.iter().map(|&q| Estimator::Kalman { q }).collect()),
    ]
}

/// A baseline that runs on every `every`-th frame.
pub fn policy(name: &str, every: u32, estimator: Estimator, spec: &SceneSpec) -> Box<dyn Policy> {
    Box::new(Baseline::new(name, Trigger::Every(every), estimator, spec))
}

/// The report with the fewest violations.
pub fn best(reports: Vec<Detail>) -> Option<Detail> {
    reports.into_iter().min_by_key(|r| r.row.violations)
}
