//! The decision: what the answers are for, and what is done for each outcome.
//! **Invariant:** a card that names a positive class has a classification head that has it, and states costs.
//! It does not decide: the engine does.

use serde::Deserialize;

use crate::{
    Card, HeadSpec,
    check::{Faults, millis},
};

/// What the answers are for, and what an error costs, in any one unit.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The decision in words.
    pub text: String,
    /// Cost of acting on a wrong answer.
    #[serde(default = "unit_cost")]
    pub cost_wrong: f32,
    /// Cost of an answer that comes too late.
    #[serde(default = "unit_cost")]
    pub cost_late: f32,
    /// Cost of no answer.
    #[serde(default = "unit_cost")]
    pub cost_missing: f32,
    /// How long after the event (the capture of a frame) the decision must stand, in milliseconds.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub deadline_ms: Option<f64>,
    /// What is done for each outcome.
    #[serde(default)]
    pub outcomes: Vec<Outcome>,
    /// The class whose probability is decided on; left out: no decision is made.
    pub positive_class: Option<u32>,
    /// Half width of the band of probability that a stream must cross before its action changes.
    #[serde(default)]
    pub hysteresis: f32,
    /// Who looks at what the model is not sure of; left out: nobody is asked.
    pub review: Option<ReviewCapacity>,
}

/// What is done for one outcome.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The outcome: `positive`, `negative` and `review` where a positive class is decided on, otherwise any name.
    pub outcome: String,
    /// What is done.
    pub action: String,
    /// Whether it can be undone when it was wrong.
    pub reversible: bool,
}

/// How much people can look at.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReviewCapacity {
    /// Cases that people can look at, in an hour.
    pub capacity_per_hour: f64,
    /// Cases that may wait.
    pub queue: u32,
    /// Expected share of events that go to review.
    pub load: f32,
}

impl Decision {
    pub(crate) fn check(&self, card: &Card, f: &mut Faults) {
        f.words(&self.text, "decision.text", "the decision in words");
        for (cost, field) in [
            (self.cost_wrong, "decision.cost_wrong"),
            (self.cost_late, "decision.cost_late"),
            (self.cost_missing, "decision.cost_missing"),
        ] {
            f.need(cost.is_finite() && cost >= 0.0, field, "finite and not negative");
        }
        f.need(
            self.deadline_ms.is_none_or(|ms| millis(ms) && ms > 0.0),
            "decision.deadline_ms",
            "above 0, at most a day",
        );
        for (i, outcome) in self.outcomes.iter().enumerate() {
            let path = |field: &str| format!("decision.outcomes.{i}.{field}");
            f.words(&outcome.outcome, path("outcome"), "the name of an outcome");
            f.words(&outcome.action, path("action"), "what is done, in words");
        }
        f.distinct(self.outcomes.iter().map(|o| o.outcome.as_str()), |i| {
            format!("decision.outcomes.{i}.outcome")
        });
        f.need((0.0..0.5).contains(&self.hysteresis), "decision.hysteresis", "from 0 to below 0.5");
        if let Some(review) = &self.review {
            review.check(f);
        }
        let Some(class) = self.positive_class else {
            f.need(
                self.hysteresis == 0.0,
                "decision.hysteresis",
                "left out, or with positive_class beside it",
            );
            f.need(self.review.is_none(), "decision.review", "left out, or with positive_class beside it");
            return;
        };
        f.need(
            matches!(&card.model.head, HeadSpec::Classification(h) if (class as usize) < h.classes),
            "decision.positive_class",
            "the index of a class of model.head, which must be a classification",
        );
        f.need(
            card.failure.is_some(),
            "decision.positive_class",
            "left out, or with a section [failure]: without costs there is no threshold",
        );
    }
}

impl ReviewCapacity {
    fn check(&self, f: &mut Faults) {
        f.need(
            self.capacity_per_hour.is_finite() && self.capacity_per_hour > 0.0,
            "decision.review.capacity_per_hour",
            "finite and above 0",
        );
        f.need((1..=4096).contains(&self.queue), "decision.review.queue", "from 1 to 4096");
        f.need((0.0..=1.0).contains(&self.load), "decision.review.load", "from 0 to 1, a share of events");
    }
}

const fn unit_cost() -> f32 {
    1.0
}
