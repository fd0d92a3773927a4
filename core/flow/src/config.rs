//! What the card promises, as the engine takes it: contract, tolerance, budget, display, ladder.
//! **Invariant:** a `Config` that `validate` accepts cannot make the engine panic or divide by zero.
//! It does not parse a card: `inbetween-card` does, the facade converts.

mod monitoring;

pub use self::monitoring::{
    Bound, FeatureWatch, MOST_CELLS, MOST_CLASSES, MOST_FEATURE_EDGES, MOST_FEATURES, MOST_RESPONSES,
    MOST_SCORE_EDGES, MonitorConfig, Response, ResponseRule, Session, Severity, SliceWatch,
};

use core::time::Duration;

use alloc::{string::String, vec::Vec};

use crate::{
    decision::DecideConfig,
    error::ConfigError,
    frame::PixelFormat,
    ingredient::Ingredients,
    value::{Value, ValueKind},
};

/// What every frame must be.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InputContract {
    /// Camera images.
    Image {
        /// Formats that are accepted; empty accepts all.
        formats: Vec<PixelFormat>,
        /// Smallest accepted buffer side, in pixels.
        min_side: u32,
        /// Largest accepted buffer side, in pixels.
        max_side: u32,
    },
    /// Audio blocks.
    Audio {
        /// Samples a second.
        sample_rate: u32,
        /// Samples in a block.
        block: u32,
    },
    /// Named tensors: name and shape of each.
    Tensors(Vec<(String, Vec<usize>)>),
    /// Named features.
    Features(Vec<FeatureContract>),
}

/// What one feature must be.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureContract {
    /// Its name.
    pub name: String,
    /// Whether a frame without it is refused.
    pub required: bool,
    /// Accepted range of a number, inclusive.
    pub range: Option<(f64, f64)>,
    /// Accepted categories; empty for a number.
    pub categories: Vec<String>,
}

/// How much error the app can live with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// The largest good error: pixels of the upright frame for boxes (worst corner) and keypoints (worst point),
    /// the value's own unit for scalars and vectors (largest element), total variation for probabilities,
    /// degrees of angle for rotations, cosine distance for embeddings, pixels that the
    /// boundary is off for masks (the distance that 95% of either boundary is within); a label is wrong or right.
    pub epsilon: f32,
    /// The share of display refreshes that may exceed it, from 0 to 1.
    pub miss_rate: f32,
    /// How long after it appears an object need not be answered.
    pub grace: Duration,
}

impl Tolerance {
    /// The largest epsilon, in pixels, degrees or whatever unit it has: squares of what is learnt from it stay finite.
    pub const MOST: f32 = 1e12;
}

/// What the app can spend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// A run must end this long after its frame was captured, or it is not started.
    pub deadline: Duration,
    /// A result older than this is not shown.
    pub max_age: Duration,
    /// The largest share of time that the model may run, from 0 to 1.
    pub duty: f32,
    /// The most energy a second that runs may cost; `None` for no bound.
    pub energy_mj_per_s: Option<f32>,
    /// What a run costs, in millijoules or any other unit that all cards of a device use.
    pub energy_mj_per_run: f32,
    /// How many runs may be under way at a time.
    pub max_in_flight: u8,
}

/// How answers are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisplayMode {
    /// No delay: the answer is for the display time itself, extrapolated where needed.
    Predict,
    /// The answer is for the display time less this delay: interpolated between two results where possible.
    Delayed(Duration),
}

/// Settings of the scheduler that one value serves for all scenes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scheduling {
    /// The share of skips that are run anyway to check the forecast, from 0 to 1.
    pub audit_rate: f32,
    /// What a run is believed to take before any was measured.
    pub initial_latency: Duration,
    /// Whether the pixels between key frames are followed.
    pub follow_pixels: bool,
    /// Bytes that exact results may be cached in; 0 switches the cache off.
    pub cache_bytes: usize,
    /// What is left out, for measurement only: nothing, in an app.
    pub without: Ingredients,
    /// Bytes that results for pictures which look alike may be cached in, once audits have shown how alike they must be;
    /// 0 switches this tier off.
    pub reuse_bytes: usize,
    /// Bytes that attributes of tracks may be cached in; 0 (the default) keeps none.
    pub attribute_bytes: usize,
}

impl Default for Scheduling {
    fn default() -> Self {
        Self {
            audit_rate: 0.005,
            initial_latency: Duration::from_millis(30),
            follow_pixels: true,
            cache_bytes: 64 * 1024,
            without: Ingredients::NONE,
            // A dozen views with the pictures that boxes are registered with; labels need a hundredth of it.
            reuse_bytes: 2 * 1024 * 1024,
            attribute_bytes: 0,
        }
    }
}

/// A smaller model for the same output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variant {
    /// Its version, passed on in the answers that rest on it.
    pub model_version: u32,
    /// What a run is believed to take before any was measured.
    pub initial_latency: Duration,
    /// Energy of a run, as a multiple of one of the model itself.
    pub energy: f32,
    /// Size of its errors, as a multiple of the model's own.
    pub error_scale: f32,
}

/// Everything that the engine is told at the start.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What every frame must be.
    pub input: InputContract,
    /// What the model says.
    pub output: ValueKind,
    /// How much error the app can live with.
    pub tolerance: Tolerance,
    /// What the app can spend.
    pub budget: Budget,
    /// How answers are timed.
    pub mode: DisplayMode,
    /// The display's refresh period, until the environment says otherwise.
    pub display_period: Duration,
    /// The rule's value, when the ladder has one: shown when nothing better may be.
    pub rule: Option<Value>,
    /// The model's version, passed on in every answer.
    pub model_version: u32,
    /// Smaller variants of the model, the largest first; a [`crate::Ticket`] names them from 1 on, the model itself is 0.
    pub variants: Vec<Variant>,
    /// The version of everything between a frame and the model's input (preprocessing, region): results that were kept
    /// under another one are not used.
    pub input_version: u64,
    /// Settings of the scheduler.
    pub scheduling: Scheduling,
    /// How answers become actions; `None` decides nothing.
    pub decide: Option<DecideConfig>,
    /// What is watched live; `None` keeps counts and times only.
    pub monitoring: Option<MonitorConfig>,
}

impl Config {
    /// A configuration for camera images of any format, with defaults for all but what only the app can know: what
    /// the model says, and the largest good error (see [`Tolerance::epsilon`]).
    ///
    /// Defaults: 2% misses, 150 ms of grace, a deadline of 100 ms, results up to 2 s old, any duty, one run at a
    /// time, 60 Hz, prediction to the display time, no rule.
    pub fn for_images(output: ValueKind, epsilon: f32) -> Self {
        Self {
            input: InputContract::Image { formats: Vec::new(), min_side: 16, max_side: 8192 },
            output,
            tolerance: Tolerance { epsilon, miss_rate: 0.02, grace: Duration::from_millis(150) },
            budget: Budget {
                deadline: Duration::from_millis(100),
                max_age: Duration::from_secs(2),
                duty: 1.0,
                energy_mj_per_s: None,
                energy_mj_per_run: 0.0,
                max_in_flight: 1,
            },
            mode: DisplayMode::Predict,
            display_period: Duration::from_nanos(16_666_667),
            rule: None,
            model_version: 0,
            variants: Vec::new(),
            input_version: 0,
            scheduling: Scheduling::default(),
            decide: None,
            monitoring: None,
        }
    }

    /// With the settings that stand for ingredients which are left out.
    pub(crate) fn ablated(mut self) -> Self {
        let s = &mut self.scheduling;
        s.follow_pixels &= !s.without.has(Ingredients::PIXELS);
        if s.without.has(Ingredients::AUDITS) {
            s.audit_rate = 0.0;
        }
        if s.without.has(Ingredients::CACHE) {
            (s.cache_bytes, s.reuse_bytes) = (0, 0);
        }
        self
    }

    /// Checks every field.
    ///
    /// # Errors
    /// The first field that is out of range, with what it must be.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let t = &self.tolerance;
        let b = &self.budget;
        let s = &self.scheduling;
        let hour = Duration::from_hours(1);
        let checks = [
            (
                t.epsilon > 0.0 && t.epsilon <= Tolerance::MOST,
                "tolerance.epsilon",
                "above 0 and at most 1e12",
            ),
            (t.miss_rate > 0.0 && t.miss_rate < 1.0, "tolerance.miss_rate", "between 0 and 1, both excluded"),
            (t.grace <= hour, "tolerance.grace", "at most an hour"),
            (!b.max_age.is_zero() && b.max_age <= hour, "budget.max_age", "above 0 and at most an hour"),
            (
                !b.deadline.is_zero() && b.deadline <= b.max_age,
                "budget.deadline",
                "above 0 and at most max_age",
            ),
            (b.duty > 0.0 && b.duty <= 1.0, "budget.duty", "above 0 and at most 1"),
            (
                b.energy_mj_per_s.is_none_or(|e| e.is_finite() && e > 0.0 && b.energy_mj_per_run > 0.0),
                "budget.energy_mj_per_s",
                "finite and above 0, with what a run costs; or left out",
            ),
            (
                b.energy_mj_per_run.is_finite() && b.energy_mj_per_run >= 0.0,
                "budget.energy_mj_per_run",
                "finite and not negative",
            ),
            ((1..=8).contains(&b.max_in_flight), "budget.max_in_flight", "from 1 to 8"),
            (
                !self.display_period.is_zero() && self.display_period <= Duration::from_secs(1),
                "display_period",
                "above 0 and at most a second",
            ),
            ((0.0..=0.5).contains(&s.audit_rate), "scheduling.audit_rate", "from 0 to 0.5"),
            (
                self.rule.as_ref().is_none_or(|r| r.kind() == self.output && r.fault().is_none()),
                "rule",
                "a sound value of the output's kind",
            ),
        ];
        self.check_variants()?;
        self.decide.as_ref().map_or(Ok(()), DecideConfig::validate)?;
        self.monitoring.as_ref().map_or(Ok(()), MonitorConfig::validate)?;
        for (ok, field, must) in checks {
            if !ok {
                return Err(ConfigError { field, must });
            }
        }
        if let DisplayMode::Delayed(delay) = self.mode
            && delay > b.max_age
        {
            return Err(ConfigError { field: "mode.delay", must: "at most max_age" });
        }
        match &self.input {
            InputContract::Image { min_side, max_side, .. } => {
                if *min_side < 16 || min_side > max_side || *max_side > 16_384 {
                    return Err(ConfigError {
                        field: "input.min_side",
                        must: "from 16 to max_side (at most 16384)",
                    });
                }
            }
            InputContract::Audio { sample_rate, block } => {
                if *sample_rate == 0 || *block == 0 {
                    return Err(ConfigError {
                        field: "input.sample_rate",
                        must: "above 0, as must be the block",
                    });
                }
            }
            InputContract::Tensors(list) => {
                if list.is_empty() {
                    return Err(ConfigError { field: "input.tensors", must: "at least one" });
                }
            }
            InputContract::Features(list) => {
                if list.is_empty() {
                    return Err(ConfigError { field: "input.features", must: "at least one" });
                }
            }
        }
        Ok(())
    }

    fn check_variants(&self) -> Result<(), ConfigError> {
        let positive = |x: f32| x.is_finite() && x > 0.0;
        let energies = core::iter::once(1.0).chain(self.variants.iter().map(|v| v.energy));
        let falls = energies.clone().zip(energies.skip(1)).all(|(a, b)| b <= a);
        let checks = [
            (self.variants.len() <= 7, "variants", "at most 7"),
            (
                self.variants.iter().all(|v| positive(v.energy)) && falls,
                "variants.energy",
                "above 0, at most 1 and not above that of the variant before",
            ),
            (self.variants.iter().all(|v| positive(v.error_scale)), "variants.error_scale", "above 0"),
            (
                self.variants.iter().all(|v| v.initial_latency <= self.budget.max_age),
                "variants.initial_latency",
                "at most budget.max_age",
            ),
        ];
        match checks.into_iter().find(|(ok, ..)| !ok) {
            Some((_, field, must)) => Err(ConfigError { field, must }),
            None => Ok(()),
        }
    }
}
