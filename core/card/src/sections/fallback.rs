//! Fallback: the ladder's rungs, and how each of them is reached and tested.
//! **Invariant:** a rule's value is of the kind that the head gives.
//! It does not climb: the engine does.

use serde::Deserialize;

use crate::{HeadSpec, check::Faults};

/// How each rung is reached and tested.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// One entry for each rung that answers may come from, best first.
    pub rungs: Vec<FallbackRung>,
}

/// How one rung is reached.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FallbackRung {
    /// Which.
    pub rung: RungName,
    /// What makes answers come from it.
    pub trigger: String,
    /// What leads back up; left out for the first.
    pub recovery: Option<String>,
    /// The test, or the drill, that reaches it.
    pub test: String,
}

/// A rung, finer than the ladder: variants and reused results are the model's rung to the engine's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RungName {
    /// The model.
    Model,
    /// A smaller model, or one that needs fewer features.
    Variant,
    /// An earlier result for the same input.
    Cached,
    /// Earlier results, carried forward.
    Predicted,
    /// A fixed value that needs no model.
    Rule,
    /// Nothing.
    Unavailable,
}

impl RungName {
    /// Its name in a card.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Variant => "variant",
            Self::Cached => "cached",
            Self::Predicted => "predicted",
            Self::Rule => "rule",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Fallback {
    pub(crate) fn check(&self, f: &mut Faults) {
        f.need(!self.rungs.is_empty(), "fallback.rungs", "one entry for each rung");
        f.need(
            self.rungs.windows(2).all(|w| w[0].rung < w[1].rung),
            "fallback.rungs",
            "in the order model, variant, cached, predicted, rule, unavailable, none of them twice",
        );
        for (i, rung) in self.rungs.iter().enumerate() {
            let path = |field: &str| format!("fallback.rungs.{i}.{field}");
            f.words(&rung.trigger, path("trigger"), "what makes answers come from this rung");
            f.words(&rung.test, path("test"), "the test or the drill that reaches this rung");
            if let Some(recovery) = &rung.recovery {
                f.words(recovery, path("recovery"), "what leads back up");
            }
        }
    }
}

/// What stands in when the model cannot.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Ladder {
    /// The rungs, best first.
    #[serde(default = "Ladder::default_rungs")]
    pub rungs: Vec<Rung>,
    /// The value of the rung `rule`.
    pub rule: Option<RuleValue>,
}

impl Ladder {
    fn default_rungs() -> Vec<Rung> {
        vec![Rung::Model, Rung::Predicted, Rung::Unavailable]
    }

    pub(crate) fn check(&self, head: &HeadSpec, f: &mut Faults) {
        let rungs = &self.rungs;
        f.need(
            rungs.windows(2).all(|w| w[0] < w[1]),
            "ladder.rungs",
            "in the order model, predicted, rule, unavailable, none of them twice",
        );
        f.need(
            [Rung::Model, Rung::Predicted, Rung::Unavailable].iter().all(|r| rungs.contains(r)),
            "ladder.rungs",
            "a list with model, predicted and unavailable: these three cannot be left out",
        );
        let rule = self.rule.as_ref();
        f.need(
            rungs.contains(&Rung::Rule) == rule.is_some(),
            "ladder.rule",
            "given when `rungs` contains \"rule\", and only then",
        );
        let Some(rule) = rule else { return };
        let fits = matches!(
            (rule, head),
            (RuleValue::Boxes(_), HeadSpec::Ssd(_) | HeadSpec::Yolo(_))
                | (RuleValue::Keypoints(_), HeadSpec::Keypoints(_))
                | (RuleValue::Vector(_), HeadSpec::Raw(_))
                | (RuleValue::Rotation(_), HeadSpec::Rotation(_))
        ) || match (rule, head) {
            (RuleValue::Probabilities(_), HeadSpec::Classification(h)) => !h.label,
            (RuleValue::Label(_), HeadSpec::Classification(h)) => h.label,
            (RuleValue::Scalar(_), HeadSpec::Regression(h)) => h.length == 1,
            (RuleValue::Vector(_), HeadSpec::Regression(h)) => h.length != 1,
            (RuleValue::Embedding(v), HeadSpec::Embedding(h)) => v.len() == h.length,
            _ => false,
        };
        f.need(fits, "ladder.rule", "a value of the kind that model.head gives (there is none for masks)");
        let sound = match rule {
            RuleValue::Scalar(x) => x.is_finite(),
            RuleValue::Vector(v) => v.iter().all(|x| x.is_finite()),
            RuleValue::Keypoints(v) => v.iter().flatten().all(|x| x.is_finite()),
            RuleValue::Boxes(v) => v.iter().all(|b| {
                [b.x0, b.y0, b.x1, b.y1].iter().all(|x| x.is_finite()) && b.x0 <= b.x1 && b.y0 <= b.y1
            }),
            RuleValue::Probabilities(v) => {
                v.iter().all(|p| (0.0..=1.0).contains(p)) && (v.iter().sum::<f32>() - 1.0).abs() < 0.01
            }
            RuleValue::Label(_) => true,
            RuleValue::Rotation(v) => unit(v),
            RuleValue::Embedding(v) => unit(v),
        };
        f.need(
        sound,
        "ladder.rule",
        "finite, boxes with x0 <= x1 and y0 <= y1, probabilities that sum to 1, rotations and embeddings of length 1",
    );
    }
}

/// Whether a vector has length 1, within the engine's 1%.
fn unit(v: &[f32]) -> bool {
    let square: f64 = v.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
    (0.981..=1.02).contains(&square)
}

impl Default for Ladder {
    fn default() -> Self {
        Self { rungs: Self::default_rungs(), rule: None }
    }
}

/// A rung of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// The model.
    Model,
    /// Earlier results, carried forward.
    Predicted,
    /// A fixed value that needs no model.
    Rule,
    /// Nothing.
    Unavailable,
}

/// A fixed value; its kind must be that of the head.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RuleValue {
    /// One number.
    Scalar(f32),
    /// Numbers.
    Vector(Vec<f32>),
    /// Boxes; often none.
    Boxes(Vec<RuleBox>),
    /// Points, x and y in upright frame pixels.
    Keypoints(Vec<[f32; 2]>),
    /// A distribution.
    Probabilities(Vec<f32>),
    /// One class, by its index.
    Label(u32),
    /// A unit quaternion: w, x, y, z.
    Rotation([f32; 4]),
    /// A vector of unit length.
    Embedding(Vec<f32>),
}

/// A fixed box, in upright frame pixels.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RuleBox {
    /// Left.
    pub x0: f32,
    /// Top.
    pub y0: f32,
    /// Right.
    pub x1: f32,
    /// Bottom.
    pub y1: f32,
    /// Class index.
    #[serde(default)]
    pub class: u32,
}
