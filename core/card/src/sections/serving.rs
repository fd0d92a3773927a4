//! Serving: the mode, what real time means, and tolerance, budget, display and scheduling.
//! **Invariant:** every duration is in milliseconds and at most a day.
//! It does not know engines: the facade converts it.

use serde::Deserialize;

use crate::check::{Faults, millis};

/// How the product uses the answers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Serving {
    /// Where and how scores become decisions.
    pub mode: ServingMode,
    /// What "real time" means for this product, in words: which delay would be noticed, by whom.
    pub real_time: String,
    /// What engine and model together may take, in MiB.
    pub memory_mib: f64,
}

/// Where and how scores become decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ServingMode {
    /// On the device, for single events.
    Edge,
    /// On the device, for a stream of frames or events.
    Streaming,
    /// The device proposes and a person decides, at least in part.
    HumanInTheLoop,
    /// The device decides with scores that a server computed before.
    Hybrid,
    /// Tables, all rows at once.
    Batch,
}

impl Serving {
    pub(crate) fn check(&self, f: &mut Faults) {
        f.words(&self.real_time, "serving.real_time", "what real time means here, in words");
        f.need(
            self.memory_mib > 0.0 && self.memory_mib <= 65_536.0,
            "serving.memory_mib",
            "above 0, at most 65536 MiB",
        );
    }
}

/// How much error the app can live with.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Tolerance {
    /// The largest good error: upright frame pixels for boxes and keypoints, the value's own unit for numbers,
    /// total variation for probabilities, degrees for rotations, cosine distance for embeddings,
    /// pixels that the boundary is off for masks.
    pub epsilon: f32,
    /// Share of display refreshes that may exceed it, between 0 and 1.
    pub miss_rate: f32,
    /// How long after it appears an object need not be answered, in milliseconds.
    #[serde(default = "Tolerance::default_grace_ms")]
    pub grace_ms: f64,
}

impl Tolerance {
    const fn default_grace_ms() -> f64 {
        150.0 // the project's definition of a violation
    }

    pub(crate) fn check(&self, f: &mut Faults) {
        f.need(self.epsilon > 0.0 && self.epsilon <= 1e12, "tolerance.epsilon", "above 0 and at most 1e12");
        f.need(
            self.miss_rate > 0.0 && self.miss_rate < 1.0,
            "tolerance.miss_rate",
            "between 0 and 1, both excluded (0.05 lets 5% of refreshes miss)",
        );
        f.need(millis(self.grace_ms), "tolerance.grace_ms", "from 0 to a day");
    }
}

/// What the app can spend.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// A run must end this long after its frame was captured, in milliseconds.
    pub deadline_ms: f64,
    /// A result older than this is not shown, in milliseconds.
    pub max_age_ms: f64,
    /// Largest share of time that the model may run, from 0 to 1.
    #[serde(default = "Budget::default_duty")]
    pub duty: f32,
    /// Most energy a second that runs may cost, in the unit of `energy_mj_per_run`; no bound when left out.
    #[serde(default)]
    pub energy_mj_per_s: Option<f32>,
    /// What a run costs: millijoules, or any other unit that all cards of an app use.
    #[serde(default)]
    pub energy_mj_per_run: f32,
    /// How many runs may be under way at a time.
    #[serde(default = "Budget::default_in_flight")]
    pub max_in_flight: u8,
}

impl Budget {
    const fn default_duty() -> f32 {
        1.0
    }
    const fn default_in_flight() -> u8 {
        1
    }

    pub(crate) fn check(&self, f: &mut Faults) {
        let aged = millis(self.max_age_ms) && self.max_age_ms > 0.0;
        if f.need(aged, "budget.max_age_ms", "above 0, at most a day") {
            let in_time = self.deadline_ms > 0.0 && self.deadline_ms <= self.max_age_ms;
            f.need(in_time, "budget.deadline_ms", "above 0 and at most max_age_ms");
        }
        let per_run = self.energy_mj_per_run;
        f.need(per_run.is_finite() && per_run >= 0.0, "budget.energy_mj_per_run", "finite and not negative");
        f.need(
            self.energy_mj_per_s.is_none_or(|e| e.is_finite() && e > 0.0 && per_run > 0.0),
            "budget.energy_mj_per_s",
            "finite and above 0, with budget.energy_mj_per_run beside it",
        );
        f.need(self.duty > 0.0 && self.duty <= 1.0, "budget.duty", "above 0 and at most 1");
        f.need((1..=8).contains(&self.max_in_flight), "budget.max_in_flight", "from 1 to 8");
    }
}

/// How answers are timed.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Display {
    /// Extrapolate to the display time, or interpolate behind it.
    #[serde(default)]
    pub mode: DisplayMode,
    /// For `delayed`: how far behind, in milliseconds.
    #[serde(default)]
    pub delay_ms: f64,
    /// Refreshes a second, until the host says otherwise.
    #[serde(default = "Display::default_hz")]
    pub hz: f64,
}

impl Display {
    const fn default_hz() -> f64 {
        60.0
    }

    pub(crate) fn check(&self, budget: &Budget, f: &mut Faults) {
        f.need((1.0..=1000.0).contains(&self.hz), "display.hz", "from 1 to 1000");
        match self.mode {
            DisplayMode::Predict => {
                f.need(self.delay_ms == 0.0, "display.delay_ms", "left out, or mode = \"delayed\"");
            }
            DisplayMode::Delayed => {
                f.need(
                    millis(self.delay_ms) && self.delay_ms > 0.0 && self.delay_ms <= budget.max_age_ms,
                    "display.delay_ms",
                    "above 0 and at most budget.max_age_ms",
                );
            }
        }
    }
}

impl Default for Display {
    fn default() -> Self {
        Self { mode: DisplayMode::Predict, delay_ms: 0.0, hz: Self::default_hz() }
    }
}

/// The two ways to time an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DisplayMode {
    /// No delay: extrapolate to the display time.
    #[default]
    Predict,
    /// Interpolate between two results, `delay_ms` behind.
    Delayed,
}

/// Settings of the scheduler that rarely need a change.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Scheduling {
    /// Share of skips that are run anyway to check the forecast, from 0 to 0.5.
    pub audit_rate: f32,
    /// What a run is believed to take before any was measured, in milliseconds.
    pub initial_latency_ms: f64,
    /// Whether the pixels between key frames are followed.
    pub follow_pixels: bool,
    /// Memory for exact results, in KiB; 0 switches the cache off.
    pub cache_kib: usize,
    /// Memory for results of pictures that look alike, in KiB; 0 switches their reuse off.
    pub reuse_kib: usize,
    /// Memory for attributes of tracks, in KiB; 0 keeps none.
    pub attribute_kib: usize,
}

impl Default for Scheduling {
    fn default() -> Self {
        // The same values as `inbetween_flow::Scheduling`; the facade tests that they stay so.
        Self {
            audit_rate: 0.005,
            initial_latency_ms: 30.0,
            follow_pixels: true,
            cache_kib: 64,
            reuse_kib: 2048,
            attribute_kib: 0,
        }
    }
}

impl Scheduling {
    pub(crate) fn check(&self, f: &mut Faults) {
        f.need((0.0..=0.5).contains(&self.audit_rate), "scheduling.audit_rate", "from 0 to 0.5");
        f.need(
            millis(self.initial_latency_ms) && self.initial_latency_ms > 0.0,
            "scheduling.initial_latency_ms",
            "above 0, at most a day",
        );
        for (kib, field) in [
            (self.cache_kib, "scheduling.cache_kib"),
            (self.attribute_kib, "scheduling.attribute_kib"),
            (self.reuse_kib, "scheduling.reuse_kib"),
        ] {
            f.need(kib <= 1 << 20, field, "at most 1048576 (1 GiB)");
        }
    }
}
