//! Tuning of the baselines: every setting of a grid at once, on the same frames.
//! **Invariant:** choosing looks at violations and runs alone, pooled over the sequences it was given.
//! It does not choose the sequences: tune on the tune split, or on a single scene for the best N in hindsight.

use crate::{
    model::SimulatedDetector,
    policy::{Baseline, Estimator, Follower, Marlin, Policy, Radius, ResultCache, Trigger},
    run::{Setup, run},
    scene::Scene,
    spec::SceneSpec,
};

/// Frames between runs that are tried.
pub const EVERY: [u32; 16] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60];

/// Filter settings that are tried, px²/s³: from objects that hardly turn to such that always do.
pub const Q: [f64; 4] = [300.0, 3_000.0, 30_000.0, 300_000.0];

/// Differences of a block's brightness that are tried, in grey levels: from sensor noise to objects.
pub const DIFFERENCE: [f32; 8] = [1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 30.0];

/// Shares of the picture that are tried: from a few points to a tenth.
pub const SHARE: [f32; 9] = [0.0005, 0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06, 0.12];

/// Radii of the cache that are tried, in grey levels.
pub const RADIUS: [f32; 9] = [0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.5, 4.0, 8.0];

/// Weights of the newest distance that are tried, and shares of dropped hits.
pub const LOOSEN: [f32; 3] = [0.05, 0.2, 0.8];
/// See [`LOOSEN`].
pub const DROPOUT: [f32; 3] = [0.01, 0.03, 0.1];

/// Changes outside the tracked boxes that are tried, in grey levels.
pub const CHANGE: [f32; 7] = [4.0, 7.0, 12.0, 18.0, 25.0, 40.0, 80.0];

/// The kinds of baseline that have something to tune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Every Nth frame, held.
    Hold,
    /// Every Nth frame, extrapolated.
    Kalman,
    /// Every Nth frame, with the engine's own estimator. Needs pixels, so it is slow.
    Inbetween,
    /// As soon as a run ends, extrapolated: the filter is tuned.
    BackToBackKalman,
    /// By the shrinking-tail rule, extrapolated: the filter is tuned.
    ShrinkingTailKalman,
    /// When a block differs from the key frame, extrapolated: threshold and filter.
    DifferenceKalman,
    /// When the picture differs from the last one sent, held: the share of it.
    DifferenceFilter,
    /// A cache with a fixed radius.
    StaticCache,
    /// A cache whose radius learns: how fast, and how many hits are checked.
    AdaptiveCache,
    /// Tracked until a tracker fails or something else changes: by how much. Needs pixels, so it is slow.
    Marlin,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Hold,
        Self::Kalman,
        Self::Inbetween,
        Self::BackToBackKalman,
        Self::ShrinkingTailKalman,
        Self::DifferenceKalman,
        Self::DifferenceFilter,
        Self::StaticCache,
        Self::AdaptiveCache,
        Self::Marlin,
    ];

    /// The name of its policy.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hold => "every-nth-hold",
            Self::Kalman => "every-nth-kalman",
            Self::Inbetween => "every-nth-inbetween",
            Self::BackToBackKalman => "back-to-back-kalman",
            Self::ShrinkingTailKalman => "shrinking-tail-kalman",
            Self::DifferenceKalman => "difference-kalman",
            Self::DifferenceFilter => "difference-filter",
            Self::StaticCache => "static-cache",
            Self::AdaptiveCache => "adaptive-cache",
            Self::Marlin => "marlin",
        }
    }

    /// The kind of a policy's name, where that has something to tune.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// All settings that are tried.
    pub fn settings(self) -> Vec<Setting> {
        let kalman = |trigger: Trigger| {
            Q.into_iter().map(move |q| Setting::Baseline { trigger, estimator: Estimator::Kalman { q } })
        };
        let hold = |trigger| Setting::Baseline { trigger, estimator: Estimator::Hold };
        match self {
            Self::Hold => EVERY.into_iter().map(|n| hold(Trigger::Every(n))).collect(),
            Self::Kalman => EVERY.into_iter().flat_map(|n| kalman(Trigger::Every(n))).collect(),
            Self::Inbetween => EVERY.into_iter().map(|every| Setting::Inbetween { every }).collect(),
            Self::BackToBackKalman => kalman(Trigger::BackToBack).collect(),
            Self::ShrinkingTailKalman => kalman(Trigger::ShrinkingTail).collect(),
            Self::DifferenceKalman => DIFFERENCE
                .into_iter()
                .flat_map(|threshold| kalman(Trigger::Difference { threshold }))
                .collect(),
            Self::DifferenceFilter => {
                SHARE.into_iter().map(|share| hold(Trigger::Changed { share })).collect()
            }
            Self::StaticCache => RADIUS.into_iter().map(|r| Setting::Cache(Radius::Fixed(r))).collect(),
            Self::AdaptiveCache => LOOSEN
                .into_iter()
                .flat_map(|loosen| DROPOUT.into_iter().map(move |dropout| (loosen, dropout)))
                .map(|(loosen, dropout)| Setting::Cache(Radius::Adaptive { start: 0.0, loosen, dropout }))
                .collect(),
            Self::Marlin => CHANGE.into_iter().map(|change| Setting::Marlin { change }).collect(),
        }
    }
}

/// One setting of a baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Setting {
    /// A trigger and an estimator.
    Baseline {
        /// When it runs.
        trigger: Trigger,
        /// What stands between results.
        estimator: Estimator,
    },
    /// An approximate cache.
    Cache(Radius),
    /// Tracking until something changes outside the boxes by this many grey levels, or a tracker fails.
    Marlin {
        /// Grey levels.
        change: f32,
    },
    /// The engine's own estimator on a timer.
    Inbetween {
        /// Frames between runs.
        every: u32,
    },
}

impl Setting {
    /// This setting as a policy; `seed` is that of the sequence.
    pub fn policy(&self, name: &str, spec: &SceneSpec, seed: u64) -> Box<dyn Policy> {
        match *self {
            Self::Baseline { trigger, estimator } => Box::new(Baseline::new(name, trigger, estimator, spec)),
            Self::Cache(radius) => Box::new(ResultCache::new(name, radius, spec, seed)),
            Self::Marlin { change } => Box::new(Marlin::new(name, change, spec)),
            Self::Inbetween { every } => Box::new(Follower::new(name, every, spec)),
        }
    }
}

/// What one setting did, on one sequence or on several.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// The setting.
    pub setting: Setting,
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
}

/// All settings of the grid on one scene and seed, with the scene's simulated detector.
pub fn trials(spec: &SceneSpec, seed: u64, kind: Kind) -> Vec<Trial> {
    let settings = kind.settings();
    let mut policies: Vec<Box<dyn Policy>> =
        settings.iter().map(|setting| setting.policy("trial", spec, seed)).collect();
    let mut scene: Scene = spec.build(seed);
    let mut detector = SimulatedDetector::new(&scene);
    let reports = run(&mut scene, &mut policies, &mut detector, Setup { seed, ..Setup::default() });
    let trial = |(setting, report): (Setting, crate::measure::Report)| Trial {
        setting,
        violations: report.row.violations,
        refreshes: report.row.refreshes,
        runs: report.row.runs,
    };
    settings.into_iter().zip(reports).map(trial).collect()
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
        let setting = Setting::Baseline { trigger: Trigger::Every(every), estimator: Estimator::Hold };
        Trial { setting, violations, refreshes: 1000, runs }
    }

    #[test]
    fn the_cheapest_that_keeps_the_promise_is_chosen() {
        let all = [trial(1, 5, 600), trial(2, 15, 300), trial(3, 40, 200)];
        assert_eq!(best(&all, 0.02), Some((all[1], true)));
        assert_eq!(best(&all, 0.001), Some((all[0], false)));
        assert_eq!(best(&[], 0.02), None);
    }

    #[test]
    fn kinds_go_by_the_names_of_their_policies() {
        let spec = SceneSpec::parse("name = \"k\"").unwrap();
        for kind in Kind::ALL {
            assert_eq!(Kind::of(kind.name()), Some(kind));
            assert!(crate::policy::by_name(kind.name(), &spec, 1).is_ok(), "{}", kind.name());
            assert!(kind.settings().len() >= 4);
        }
        assert_eq!(Kind::of("every-nth-hold:3"), None);
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
            let (trial, kept) = best(&trials(&spec, 1, kind), 0.05).unwrap();
            let Setting::Baseline { trigger: Trigger::Every(n), .. } = trial.setting else { unreachable!() };
            (n, kept)
        };
        let (hold_still, kept) = every(still, Kind::Hold);
        assert!(kept && hold_still >= 50, "{hold_still}");
        let (hold_quick, _) = every(quick, Kind::Hold);
        let (kalman_quick, kept) = every(quick, Kind::Kalman);
        assert!(kept && kalman_quick > hold_quick, "{hold_quick} {kalman_quick}");
    }
}
