//! Policies by name, as the command line and tables write them.
//! **Invariant:** every name of [`NAMES`] makes a policy for every scene; an unknown name is answered with all of them.
//! It does not tune: a name without a number has a middle setting.

use inbetween_flow::Ingredients;

use super::{
    Baseline, Estimator, Follower, Inbetween, Marlin, Policy, Radius, ResultCache, Trigger, engine_config,
};
use crate::spec::SceneSpec;

/// The names of all policies; those with a number take another one after a colon, as in `every-nth-kalman:6`.
///
/// | name | runs | shows | number |
/// |---|---|---|---|
/// | `inbetween` | as the engine decides | what the engine answers | |
/// | `every-frame` | on every frame that finds the worker free | the newest result | |
/// | `back-to-back-hold`, `-kalman` | the newest frame as soon as a run ends | held, extrapolated | |
/// | `shrinking-tail-kalman` | the same, unless waiting makes for fresher results | extrapolated | |
/// | `every-nth-hold`, `-kalman`, `-inbetween` | on every Nth frame | held, extrapolated, as the engine | N |
/// | `difference-kalman` | when a block differs from the key frame | extrapolated | grey levels |
/// | `difference-filter` | when the picture differs from the last one sent | held | permille of the picture |
/// | `static-cache` | when no picture of the last seconds is near | held | tenths of a grey level |
/// | `adaptive-cache` | the same, with a radius that learns | held | |
/// | `marlin` | when a tracker fails or something else changes | tracked | grey levels |
pub const NAMES: [&str; 13] = [
    "inbetween",
    "every-frame",
    "back-to-back-hold",
    "back-to-back-kalman",
    "shrinking-tail-kalman",
    "every-nth-hold",
    "every-nth-kalman",
    "every-nth-inbetween",
    "difference-kalman",
    "difference-filter",
    "static-cache",
    "adaptive-cache",
    "marlin",
];

/// Why a policy cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// No policy has this name.
    #[error("there is no policy `{0}`; there are {names}", names = [&NAMES[..], &[ABLATIONS]].concat().join(", "))]
    Unknown(String),
    /// The part after the colon is not a whole number from 1 to 10000.
    #[error("`{0}`: after the colon stands a whole number from 1 to 10000, as in every-nth-kalman:6")]
    Count(String),
    /// The scene's tolerance or budget is not one that the engine accepts.
    #[error("the scene asks the engine for what it cannot do: {0}")]
    Config(inbetween_flow::ConfigError),
}

/// N where a name gives none, in frames: five runs a second at 30 fps.
pub const DEFAULT_EVERY: u32 = 6;
/// Threshold of the difference trigger where a name gives none, in grey levels.
const DEFAULT_DIFFERENCE: f32 = 8.0;
/// Share of the picture whose change is sent where a name gives none.
const DEFAULT_SHARE: f32 = 0.01;
/// Radius of the cache where a name gives none, in grey levels.
const DEFAULT_RADIUS: f32 = 1.0;
/// Change of a block that is a new object where a name gives none, in grey levels.
const DEFAULT_CHANGE: f32 = 12.0;
/// The adaptive cache's settings: it starts by believing nothing, a tenth of the hits are checked.
pub(crate) const DEFAULT_ADAPTIVE: Radius = Radius::Adaptive { start: 0.0, loosen: 0.2, dropout: 0.1 };

/// The policy of a name: `inbetween`, `every-frame`, `every-nth-hold`, `every-nth-kalman:6`, …; see [`NAMES`].
///
/// # Errors
/// When there is none of that name, or the scene cannot be promised.
pub fn by_name(name: &str, spec: &SceneSpec, seed: u64) -> Result<Box<dyn Policy>, PolicyError> {
    let (kind, count) = name.split_once(':').map_or((name, None), |(kind, count)| (kind, Some(count)));
    let number = match count {
        None => None,
        Some(count) => match count.parse() {
            Ok(n @ 1..=10_000) => Some(n),
            _ => return Err(PolicyError::Count(name.to_owned())),
        },
    };
    let level = |default: f32, unit: f32| number.map_or(default, |n: u32| n as f32 * unit);
    let baseline = |trigger, estimator| -> Result<Box<dyn Policy>, PolicyError> {
        Ok(Box::new(Baseline::new(name, trigger, estimator, spec)))
    };
    let every = number.unwrap_or(DEFAULT_EVERY);
    let nth = Trigger::Every(every);
    match (kind, number) {
        ("inbetween", None) => Ok(Box::new(Inbetween::new(name, spec, seed).map_err(PolicyError::Config)?)),
        ("every-frame", None) => baseline(Trigger::Every(1), Estimator::Hold),
        ("back-to-back-hold", None) => baseline(Trigger::BackToBack, Estimator::Hold),
        ("back-to-back-kalman", None) => baseline(Trigger::BackToBack, Estimator::KALMAN),
        ("shrinking-tail-kalman", None) => baseline(Trigger::ShrinkingTail, Estimator::KALMAN),
        ("every-nth-hold", _) => baseline(nth, Estimator::Hold),
        ("every-nth-kalman", _) => baseline(nth, Estimator::KALMAN),
        ("every-nth-inbetween", _) => Ok(Box::new(Follower::new(name, every, spec))),
        ("difference-kalman", _) => {
            let threshold = level(DEFAULT_DIFFERENCE, 1.0);
            baseline(Trigger::Difference { threshold }, Estimator::KALMAN)
        }
        ("difference-filter", _) => {
            baseline(Trigger::Changed { share: level(DEFAULT_SHARE, 1e-3) }, Estimator::Hold)
        }
        ("static-cache", _) => {
            let radius = Radius::Fixed(level(DEFAULT_RADIUS, 0.1));
            Ok(Box::new(ResultCache::new(name, radius, spec, seed)))
        }
        ("adaptive-cache", None) => Ok(Box::new(ResultCache::new(name, DEFAULT_ADAPTIVE, spec, seed))),
        ("marlin", _) => Ok(Box::new(Marlin::new(name, level(DEFAULT_CHANGE, 1.0), spec))),
        _ => ablation(name, spec, seed),
    }
}

/// How the names of ablations are written where all names are listed.
const ABLATIONS: &str = "inbetween-without-INGREDIENT (see policy::ablations)";
/// What the names of all ablations begin with.
const WITHOUT: &str = "inbetween-without-";

/// The names of the engine without each one of its ingredients: `inbetween-without-audits` and so on. The choice among
/// ways of carrying is not among them: it is for keypoints, and scenes show boxes.
pub fn ablations() -> Vec<String> {
    let of_boxes = Ingredients::ALL.iter().filter(|(_, i)| *i != Ingredients::CHOICE);
    of_boxes.map(|(name, _)| format!("{WITHOUT}{name}")).collect()
}

fn ablation(name: &str, spec: &SceneSpec, seed: u64) -> Result<Box<dyn Policy>, PolicyError> {
    let ingredient = name.strip_prefix(WITHOUT).and_then(Ingredients::named);
    let Some(without) = ingredient else { return Err(PolicyError::Unknown(name.to_owned())) };
    let mut config = engine_config(spec);
    config.scheduling.without = without;
    Ok(Box::new(Inbetween::with_config(name, config, seed).map_err(PolicyError::Config)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_makes_a_policy_and_an_unknown_one_is_told_them_all() {
        let spec = SceneSpec::parse("name = \"n\"").unwrap();
        for name in NAMES.map(String::from).into_iter().chain(ablations()) {
            assert_eq!(by_name(&name, &spec, 1).map(|p| p.name().to_owned()), Ok(name.clone()));
        }
        let error = by_name("best", &spec, 1).err().unwrap().to_string();
        assert!(NAMES.iter().all(|name| error.contains(name)), "{error}");
    }
}
