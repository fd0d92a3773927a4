//! Tuning of the baselines: every N and every filter setting of a grid at once, on the same frames.
//! **Invariant:** choosing looks at violations and runs alone, pooled over the sequences it was given.
//! It does not choose the sequences: tune on the tune split, or on a single scene for the best N in hindsight.

use crate::{
    model::SimulatedDetector,
    policy::{Baseline, Estimator, Follower, Policy, Trigger},
    run::{Setup, run},
    scene::Scene,
    spec::SceneSpec,
};

/// Frames between runs that are tried.
pub const EVERY: [u32; 16] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60];

/// Filter settings that are tried, px²/s³: from objects that hardly turn to such that always do.
pub const Q: [f64; 4] = [300.0, 3_000.0, 30_000.0, 300_000.0];

/// The kinds of baseline that have something to tune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Every Nth frame, held.
    Hold,
    /// Every Nth frame, extrapolated.
    Kalman,
    /// Every Nth frame, with the engine's own estimator. Needs pixels, so it is slow.
    Inbetween,
}

/// How a trial fills the time between results.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Filling {
    /// A baseline's way.
    Baseline(Estimator),
    /// The engine's own estimator.
    Inbetween,
}

/// What one setting did, on one sequence or on several.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// Frames between runs.
    pub every: u32,
    /// What stands between results.
    pub filling: Filling,
    /// Refreshes that violate.
    pub violations: u64,
    /// Refreshes.
    pub refreshes: u64,
    /// Runs.
    pub runs: u64,
}

impl Trial {
    /// Share of refreshes that violate.
    pub fn violation_rate(&self) -> f64 {
        self.violations as f64 / self.refreshes.max(1) as f64
    }

    /// This setting as a policy.
    pub fn policy(&self, name: &str, spec: &SceneSpec) -> Box<dyn Policy> {
        match self.filling {
            Filling::Baseline(estimator) => {
                Box::new(Baseline::new(name, Trigger::Every(self.every), estimator, spec))
            }
            Filling::Inbetween => Box::new(Follower::new(name, self.every, spec)),
        }
    }
}

/// All settings of the grid on one scene and seed, with the scene's simulated detector.
pub fn trials(spec: &SceneSpec, seed: u64, kind: Kind) -> Vec<Trial> {
    let fillings: Vec<Filling> = match kind {
        Kind::Hold => vec![Filling::Baseline(Estimator::Hold)],
        Kind::Kalman => Q.iter().map(|&q| Filling::Baseline(Estimator::Kalman { q })).collect(),
        Kind::Inbetween => vec![Filling::Inbetween],
    };
    let mut trials: Vec<Trial> = EVERY
        .iter()
        .flat_map(|&every| fillings.iter().map(move |&filling| (every, filling)))
        .map(|(every, filling)| Trial { every, filling, violations: 0, refreshes: 0, runs: 0 })
        .collect();
    let mut policies: Vec<Box<dyn Policy>> = trials.iter().map(|t| t.policy("trial", spec)).collect();
    let mut scene: Scene = spec.build(seed);
    let mut detector = SimulatedDetector::new(&scene);
    let reports = run(&mut scene, &mut policies, &mut detector, Setup { seed, ..Setup::default() });
    for (trial, report) in trials.iter_mut().zip(reports) {
        trial.violations = report.row.violations;
        trial.refreshes = report.row.refreshes;
        trial.runs = report.row.runs;
    }
    trials
}

/// Sums the trials of several sequences, setting by setting. All come from the same grid.
pub fn pool(sequences: &[Vec<Trial>]) -> Vec<Trial> {
    let mut sums: Vec<Trial> = sequences.first().cloned().unwrap_or_default();
    for sequence in sequences.iter().skip(1) {
        for (sum, trial) in sums.iter_mut().zip(sequence) {
            sum.violations += trial.violations;
            sum.refreshes += trial.refreshes;
            sum.runs += trial.runs;
        }
    }
    sums
}

/// The setting with the fewest runs that keeps `miss_rate`, and `true`; where none does, the one that violates least,
/// and `false`. `None` for no trials.
pub fn best(trials: &[Trial], miss_rate: f64) -> Option<(Trial, bool)> {
    let keeps = trials
        .iter()
        .filter(|t| t.violation_rate() <= miss_rate)
        .min_by(|a, b| a.runs.cmp(&b.runs).then(a.violation_rate().total_cmp(&b.violation_rate())));
    if let Some(trial) = keeps {
        return Some((*trial, true));
    }
    let least = trials
        .iter()
        .min_by(|a, b| a.violation_rate().total_cmp(&b.violation_rate()).then(a.runs.cmp(&b.runs)));
    least.map(|trial| (*trial, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(every: u32, violations: u64, runs: u64) -> Trial {
        Trial { every, filling: Filling::Baseline(Estimator::Hold), violations, refreshes: 1000, runs }
    }

    #[test]
    fn the_cheapest_that_keeps_the_promise_is_chosen() {
        let all = [trial(1, 5, 600), trial(2, 15, 300), trial(3, 40, 200)];
        assert_eq!(best(&all, 0.02), Some((all[1], true)));
        assert_eq!(best(&all, 0.001), Some((all[0], false)));
        assert_eq!(best(&[], 0.02), None);
    }

    #[test]
    fn pooling_adds_up() {
        let pooled = pool(&[vec![trial(1, 5, 600)], vec![trial(1, 10, 601)]]);
        assert_eq!((pooled[0].violations, pooled[0].refreshes, pooled[0].runs), (15, 2000, 1201));
    }

    #[test]
    fn a_still_scene_needs_few_runs_and_a_quick_one_many() {
        let still = "name = \"still\"\nduration_s = 20\n[[objects]]\n[detector]\nmiss_rate = 0\n";
        let quick = "name = \"quick\"\nduration_s = 20\n[detector]\nmiss_rate = 0\n[[objects]]\n\
                     motion = [{ linear = { speed_px_s = 60, direction_deg = 0 } }]\n";
        let every = |text: &str, kind| {
            let spec = SceneSpec::parse(text).unwrap();
            best(&trials(&spec, 1, kind), 0.05).unwrap()
        };
        let (hold_still, kept) = every(still, Kind::Hold);
        assert!(kept && hold_still.every >= 50, "{hold_still:?}");
        let (hold_quick, _) = every(quick, Kind::Hold);
        let (kalman_quick, kept) = every(quick, Kind::Kalman);
        assert!(kept && kalman_quick.every > hold_quick.every, "{hold_quick:?} {kalman_quick:?}");
    }
}
