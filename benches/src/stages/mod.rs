//! Every stage of the SDK as a piece of work that can be measured: in instructions, in CPU time, in wall time.
//! **Invariant:** a stage says what its result must be, so that measuring it is testing it; it does the same each time.
//! It does not measure: a meter does, which is handed in.

mod answers;
mod engine;
mod heads;
pub mod monitor;
mod pictures;
mod reuse;
mod sessions;

use std::fmt;

pub use sessions::{SESSION_FRAMES, session};

/// Runs a piece of work exactly once, and measures it.
pub type Meter<'a> = &'a mut dyn FnMut(&mut dyn FnMut());

type Step = Box<dyn FnMut(Meter<'_>) -> f64>;

/// One piece of work.
pub struct Stage {
    /// Its name: what is done, and to what. Letters, digits and `/`.
    pub name: String,
    /// What each step must give.
    pub expected: f64,
    /// By how much it may differ: kernels of another processor round in another way.
    pub tolerance: f64,
    step: Step,
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a step gave instead of what it must give.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{stage} gave {found} instead of {expected} ± {tolerance}: the stage computes something else now")]
pub struct Unexpected {
    /// Which stage.
    pub stage: String,
    /// What it gave.
    pub found: f64,
    /// What it must give.
    pub expected: f64,
    /// By how much it may differ.
    pub tolerance: f64,
}

impl Stage {
    fn new(name: impl Into<String>, expected: f64, step: impl FnMut(Meter<'_>) -> f64 + 'static) -> Self {
        Self { name: name.into(), expected, tolerance: 0.0, step: Box::new(step) }
    }

    fn within(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Does the work once; `meter` sees that alone, not what prepares it.
    ///
    /// # Errors
    /// When the result is not the expected one.
    pub fn step(&mut self, meter: Meter<'_>) -> Result<f64, Unexpected> {
        let found = (self.step)(meter);
        if (found - self.expected).abs() <= self.tolerance {
            return Ok(found);
        }
        let Self { name, expected, tolerance, .. } = self;
        Err(Unexpected { stage: name.clone(), found, expected: *expected, tolerance: *tolerance })
    }
}

type Group = (&'static str, fn() -> anyhow::Result<Vec<Stage>>);

/// Groups, by the names that commands know them under.
const GROUPS: [Group; 6] = [
    ("pictures", pictures::stages),
    ("engine", engine::stages),
    ("monitor", monitor::stages),
    ("answers", answers::stages),
    ("reuse", reuse::stages),
    ("heads", heads::stages),
];

/// Stages of these groups, or all: preprocessing for each pixel format, the gate, a schedule without pixels, a skipped
/// frame, what the monitor does with frames, rows and labels, decisions and reviews, an answer for each kind of value, caches,
/// a decoder for each head, and a run of the demo's model.
///
/// # Errors
/// When there is no such group, or a configuration or a card in here is refused.
pub fn of(groups: &[&str]) -> anyhow::Result<Vec<Stage>> {
    let mut stages = Vec::new();
    for name in groups {
        anyhow::ensure!(GROUPS.iter().any(|(n, _)| n == name), "no group `{name}`: there are {}", names());
    }
    for (_, make) in GROUPS.iter().filter(|(name, _)| groups.is_empty() || groups.contains(name)) {
        stages.extend(make()?);
    }
    Ok(stages)
}

fn names() -> String {
    GROUPS.map(|(name, _)| name).join(", ")
}

/// The demo's model, of which the stage `run/demo` is.
///
/// # Errors
/// When it cannot be loaded.
pub fn demo_model() -> anyhow::Result<inbetween::Model> {
    pictures::model()
}

/// Runs `work` once under `meter` and hands on what it gives.
fn metered<T>(meter: Meter<'_>, mut work: impl FnMut() -> T) -> Option<T> {
    let mut result = None;
    meter(&mut || result = Some(work()));
    result
}

/// Bytes that look like noise and are the same everywhere.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let step = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(step).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_stage_gives_what_is_expected_again_and_again() {
        let mut names = BTreeSet::new();
        let mut faults = BTreeSet::new();
        for mut stage in of(&[]).expect("all stages can be made") {
            assert!(names.insert(stage.name.clone()), "{} is there twice", stage.name);
            for _ in 0..3 {
                let mut ran = 0;
                let done = stage.step(&mut |work| {
                    ran += 1;
                    work();
                });
                faults.extend(done.err().map(|e| e.to_string()));
                assert_eq!(ran, 1, "{} is measured {ran} times", stage.name);
            }
        }
        assert!(faults.is_empty(), "{faults:#?}");
        assert!(names.len() > 30);
    }

    #[test]
    fn groups_have_names() {
        assert!(of(&["heads"]).is_ok_and(|stages| stages.iter().all(|s| s.name.starts_with("decode/"))));
        assert!(of(&["head"]).is_err_and(|e| e.to_string().contains("pictures, engine")));
    }

    #[test]
    fn another_result_is_an_error() {
        let mut stage = Stage::new("half", 0.5, |meter| metered(meter, || 0.75).unwrap_or_default());
        let error = stage.step(&mut |work| work()).expect_err("it gives something else");
        assert_eq!(error.found, 0.75);
        assert!(stage.within(0.25).step(&mut |work| work()).is_ok());
    }
}
