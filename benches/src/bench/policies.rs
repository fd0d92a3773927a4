//! Which policies a bench compares, and where each has its settings from.
//! **Invariant:** baselines are tuned on the tune split alone, once for all that use them.
//! It does not tune our own settings.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use inbetween_sim::{
    Policy, SceneSpec,
    policy::{self, Estimator, Inbetween, Trigger, engine_config},
    tune::{self, EVERY, Kind, Setting, Trial},
};
use rayon::prelude::*;

use super::journal::{Done, Journal, key};
use crate::{cli::Group, record::INBETWEEN, scenes, summary::TunedSetting, terminal::Steps};

/// The policies that are compared when none is named.
pub const MAIN: [&str; 5] =
    ["inbetween", "every-frame", "every-nth-hold", "every-nth-kalman", "every-nth-kalman-hindsight"];

/// Every Nth frame with the filter that was tuned: the sweep of its N.
const TUNED_KALMAN: &str = "every-nth-kalman-tuned";

/// Seeds on which settings are tuned: none that a bench would use by itself.
const TUNING_SEEDS: std::ops::Range<u64> = 9000..9002;

/// Baselines that look at pixels are tuned on the first of these seeds alone and on so many seconds of each scene: their
/// grids take a hundred times as long.
const DEAR_TUNING_S: f64 = 30.0;

/// Shares of the promised tolerance that the engine is given in its sweep, while the promise is scored: a tighter one
/// makes it run more and violate less.
const TOLERANCES: [f64; 6] = [0.35, 0.5, 0.7, 1.4, 2.0, 2.8];

/// N of the timer with our own estimator in its sweep, in frames: few, for it looks at pixels.
const OWN_TIMER: [u32; 9] = [1, 2, 3, 5, 8, 12, 20, 30, 60];

/// How a policy is made for a sequence.
#[derive(Clone, Debug, PartialEq)]
pub enum How {
    /// Its name says all.
    Named,
    /// With one setting, for all sequences.
    Set(Setting),
    /// With the setting that turns out best for the sequence.
    Hindsight(Kind),
    /// The engine with another tolerance than is scored.
    Tolerance(f64),
}

/// A policy of a bench.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Its name in rows.
    pub name: String,
    /// How it is made.
    pub how: How,
    /// On how many seeds it is run.
    pub rank: Rank,
}

/// What is many or dear is run on fewer seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// The main comparison: all seeds.
    Main,
    /// Ablations and sweeps.
    Study,
    /// Whole grids of what looks at pixels.
    Dear,
}

impl Choice {
    /// All of its making that is not in its name.
    pub fn setting(&self) -> String {
        match &self.how {
            How::Named => String::new(),
            How::Set(setting) => format!("{setting:?}"),
            How::Hindsight(kind) => format!("{:?}", kind.settings()),
            How::Tolerance(share) => format!("{share}"),
        }
    }

    /// Roughly what a frame costs, in units of a policy that has results alone.
    pub fn work(&self) -> f64 {
        /// Following pixels.
        const PIXELS: f64 = 15.0;
        match &self.how {
            How::Named if self.name.starts_with(INBETWEEN) => PIXELS,
            How::Tolerance(_) | How::Set(Setting::Inbetween { .. } | Setting::Marlin { .. }) => PIXELS,
            How::Named | How::Set(_) => 1.0,
            How::Hindsight(kind) => {
                let one = if looks_at_pixels(*kind) { PIXELS } else { 1.0 };
                one * kind.settings().len() as f64
            }
        }
    }

    /// The policy for a sequence; `None` for one that is chosen afterwards.
    ///
    /// # Errors
    /// When there is none of that name, or the scene asks the engine for what it cannot do.
    pub fn policy(&self, spec: &SceneSpec, seed: u64) -> anyhow::Result<Option<Box<dyn Policy>>> {
        let context = || format!("scene {}", spec.name);
        Ok(match &self.how {
            How::Named => Some(policy::by_name(&self.name, spec, seed).with_context(context)?),
            How::Set(setting) => Some(setting.policy(&self.name, spec, seed)),
            How::Hindsight(_) => None,
            How::Tolerance(share) => {
                let mut config = engine_config(spec);
                config.tolerance.epsilon *= *share as f32;
                Some(Box::new(Inbetween::with_config(&self.name, config, seed).with_context(context)?))
            }
        })
    }
}

/// A setting in words.
pub fn label(setting: &Setting) -> String {
    match setting {
        Setting::Baseline { trigger, estimator } => {
            let when = match trigger {
                Trigger::Every(n) => format!("N = {n}"),
                Trigger::Difference { threshold } => format!("{threshold} grey levels"),
                Trigger::Changed { share } => format!("{:.2}% of the picture", share * 100.0),
                Trigger::BackToBack | Trigger::ShrinkingTail => String::new(),
            };
            match estimator {
                Estimator::Hold => when,
                Estimator::Kalman { q } if when.is_empty() => format!("q = {q} px²/s³"),
                Estimator::Kalman { q } => format!("{when}, q = {q} px²/s³"),
            }
        }
        Setting::Cache(radius) => format!("{radius:?}"),
        Setting::Marlin { change } => format!("{change} grey levels"),
        Setting::Inbetween { every } => format!("N = {every}"),
        other => format!("{other:?}"),
    }
}

/// The names of the groups' policies.
pub fn names(groups: &[Group]) -> Vec<String> {
    let has = |group: Group| groups.contains(&group) || groups.contains(&Group::All);
    let mut names = Vec::new();
    if has(Group::Main) || has(Group::Baselines) || groups.is_empty() {
        names.extend(MAIN.map(String::from));
    }
    if has(Group::Baselines) {
        names.push("back-to-back-hold".into());
        for kind in Kind::ALL {
            names.extend([kind.name().to_owned(), format!("{}-hindsight", kind.name())]);
        }
    }
    if has(Group::Ablations) {
        names.push(INBETWEEN.into());
        names.extend(policy::ablations());
    }
    if has(Group::Frontier) {
        names.push(INBETWEEN.into());
        names.extend(TOLERANCES.map(|share| format!("{INBETWEEN}:{share}")));
        let timers =
            [("every-nth-hold", &EVERY[..]), (TUNED_KALMAN, &EVERY), ("every-nth-inbetween", &OWN_TIMER)];
        for (timer, every) in timers {
            names.extend(every.iter().map(|n| format!("{timer}:{n}")));
        }
    }
    names
}

/// Makes choices of names, and tunes what must be tuned.
///
/// # Errors
/// When a name is none, or there is nothing to tune on.
pub fn choose(
    names: &[String],
    jobs: &rayon::ThreadPool,
    journal: &Journal,
) -> anyhow::Result<(Vec<Choice>, Vec<TunedSetting>)> {
    let mut tuner = Tuner { jobs, journal, tuned: BTreeMap::new() };
    let mut choices: Vec<Choice> = Vec::new();
    for name in names {
        if choices.iter().all(|c| c.name != *name) {
            choices.push(tuner.choice(name)?);
        }
    }
    Ok((choices, tuner.tuned.into_values().map(|(_, said)| said).collect()))
}

/// Whether a kind looks at pixels: its whole grid is dear, so that looking back is done on fewer seeds.
const fn looks_at_pixels(kind: Kind) -> bool {
    !matches!(kind, Kind::Hold | Kind::Kalman | Kind::BackToBackKalman | Kind::ShrinkingTailKalman)
}

struct Tuner<'a> {
    jobs: &'a rayon::ThreadPool,
    journal: &'a Journal,
    tuned: BTreeMap<&'static str, (Setting, TunedSetting)>,
}

impl Tuner<'_> {
    fn choice(&mut self, name: &str) -> anyhow::Result<Choice> {
        let choice = |how, rank| Choice { name: name.to_owned(), how, rank };
        if let Some(kind) = name.strip_suffix("-hindsight").and_then(Kind::of) {
            let rank = if looks_at_pixels(kind) { Rank::Dear } else { Rank::Main };
            return Ok(choice(How::Hindsight(kind), rank));
        }
        if let Some(kind) = Kind::of(name) {
            return Ok(choice(How::Set(self.tune(kind)?), Rank::Main));
        }
        if let Some((base, setting)) = name.split_once(':') {
            if base == INBETWEEN {
                let share: f64 =
                    setting.parse().with_context(|| format!("`{name}`: after the colon stands a share"))?;
                ensure!((0.01..=100.0).contains(&share), "`{name}`: the share is from 0.01 to 100");
                return Ok(choice(How::Tolerance(share), Rank::Study));
            }
            if base == TUNED_KALMAN {
                let every = setting.parse().with_context(|| format!("`{name}`: after the colon stands N"))?;
                let mut setting = self.tune(Kind::Kalman)?;
                if let Setting::Baseline { trigger, .. } = &mut setting {
                    *trigger = Trigger::Every(every);
                }
                return Ok(choice(How::Set(setting), Rank::Study));
            }
            // As settings of a grid, so that they share its runs.
            let how = match (Kind::of(base), setting.parse()) {
                (Some(Kind::Hold), Ok(n @ 1..=10_000)) => {
                    How::Set(Setting::Baseline { trigger: Trigger::Every(n), estimator: Estimator::Hold })
                }
                (Some(Kind::Inbetween), Ok(every @ 1..=10_000)) => How::Set(Setting::Inbetween { every }),
                _ => How::Named,
            };
            return Ok(choice(how, Rank::Study));
        }
        let rank = if name.starts_with(crate::summary::WITHOUT) { Rank::Study } else { Rank::Main };
        Ok(choice(How::Named, rank))
    }

    /// The setting of a baseline, tuned once.
    fn tune(&mut self, kind: Kind) -> anyhow::Result<Setting> {
        let name = kind.name();
        if let Some((setting, _)) = self.tuned.get(name) {
            return Ok(*setting);
        }
        let seeds =
            if looks_at_pixels(kind) { TUNING_SEEDS.start..TUNING_SEEDS.start + 1 } else { TUNING_SEEDS };
        let mut scenes = scenes::select(&[], Some("tune"))?;
        if looks_at_pixels(kind) {
            for spec in &mut scenes {
                spec.duration_s = spec.duration_s.min(DEAR_TUNING_S);
            }
        }
        let miss_rate = scenes.iter().map(|s| s.tolerance.miss_rate).fold(f64::INFINITY, f64::min);
        let first = scenes.first().context("there are no scenes to tune on")?;
        let grid = kind.settings();
        let asked = format!("{scenes:?} {seeds:?} {grid:?}");
        let key = key(first, TUNING_SEEDS.start, &format!("tuned-{name}"), &asked)?;
        let known = match self.journal.get(&key) {
            Some(Done::Tuned { place, violation_rate }) => grid.get(place).map(|s| (*s, violation_rate)),
            _ => None,
        };
        let (setting, violation_rate) = if let Some(known) = known {
            known
        } else {
            let pooled = tune::pool(&self.trials(kind, &scenes, seeds));
            let (best, _) = tune::best(&pooled, miss_rate).context("the grid is empty")?;
            let place = pooled.iter().position(|t| *t == best).unwrap_or_default();
            let violation_rate = best.violation_rate();
            self.journal.put(key, Done::Tuned { place, violation_rate })?;
            (best.setting, violation_rate)
        };
        let said = TunedSetting {
            policy: name.to_owned(),
            setting: label(&setting),
            violation_rate,
            kept: violation_rate <= miss_rate,
        };
        self.tuned.insert(name, (setting, said));
        Ok(setting)
    }

    /// The grid of a kind on every sequence that settings are tuned on.
    fn trials(&self, kind: Kind, scenes: &[SceneSpec], seeds: std::ops::Range<u64>) -> Vec<Vec<Trial>> {
        let pairs: Vec<(&SceneSpec, u64)> =
            scenes.iter().flat_map(|s| seeds.clone().map(move |seed| (s, seed))).collect();
        let steps = Steps::new(pairs.len() as u64, &format!("tuning {}", kind.name()));
        self.jobs.install(|| {
            let one = |&(spec, seed): &(&SceneSpec, u64)| {
                let trials = tune::trials(spec, seed, kind);
                steps.done(1);
                trials
            };
            pairs.par_iter().with_max_len(1).map(one).collect()
        })
    }
}
