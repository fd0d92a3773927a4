//! From an answer to an action: calibrated probability, costs, hysteresis, and people who are asked.
//! **Invariant:** the same answers in the same order give the same decisions; one result is reviewed once at most.
//! It does not change answers and does not know the model.

mod queue;

use crate::{
    decision::{Action, Calibrator, DecideConfig, Decision, ReviewItem, Thresholds},
    rung::Rung,
    time::Timestamp,
    value::Value,
};

pub use self::queue::{Load, ReviewQueue};

/// Decides on the answers of one stream.
#[derive(Clone, Debug)]
pub struct Decider {
    config: DecideConfig,
    thresholds: Thresholds,
    /// The last action of the stream.
    last: Option<Action>,
    queue: Option<ReviewQueue>,
    /// Capture time of the newest result that was offered for review.
    offered: Option<Timestamp>,
}

/// What stands to be decided on.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The answer's value.
    pub value: &'a Value,
    /// Its rung.
    pub rung: Rung,
    /// The model's variant behind it.
    pub variant: u8,
}

impl Decider {
    /// Decides as `config` says, which was validated.
    pub fn new(config: DecideConfig) -> Self {
        let thresholds = config.costs.thresholds();
        let queue = config.review.map(ReviewQueue::new);
        Self { thresholds, last: None, queue, offered: None, config }
    }

    /// The probabilities at which the action changes.
    pub const fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// Those who are asked, if anybody is.
    pub const fn queue(&self) -> Option<&ReviewQueue> {
        self.queue.as_ref()
    }

    /// Decides on one event that has nothing to do with those before it.
    pub fn event(&self, case: &Case<'_>) -> Option<Decision> {
        decide(&self.config, case, None)
    }

    /// The last action of the stream.
    pub const fn last(&self) -> Option<Action> {
        self.last
    }

    /// Takes what was decided on a refresh, with the capture time of the result behind it.
    pub fn decided(&mut self, captured: Timestamp, decision: &Decision) -> Option<Offer> {
        self.last = Some(decision.action);
        if self.offered.is_some_and(|newest| captured <= newest) {
            return None;
        }
        self.offered = Some(captured);
        self.offer(captured, decision)
    }

    /// Takes a decision on a new result or event to the reviewers; what came of it, if it is theirs.
    pub fn offer(&mut self, captured: Timestamp, decision: &Decision) -> Option<Offer> {
        let queue = self.queue.as_mut()?;
        queue.seen(captured, decision.action == Action::Review);
        if decision.action != Action::Review {
            return None;
        }
        let saves =
            self.config.costs.expected(decision.meanwhile, decision.probability) - decision.expected_cost;
        let item = ReviewItem { captured, decision: *decision, saves };
        Some(Offer { item, dropped: queue.push(item) })
    }

    /// The item that is the dearest to leave unseen, for a person who is free now.
    pub fn take_review(&mut self) -> Option<ReviewItem> {
        self.queue.as_mut()?.take()
    }

    /// The stream begins anew. What waits for review waits on.
    pub const fn reset(&mut self) {
        (self.last, self.offered) = (None, None);
    }
}

/// What came of an item for the reviewers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offer {
    /// The item.
    pub item: ReviewItem,
    /// What had to go because the queue was full: the cheapest of all, perhaps the item itself.
    pub dropped: Option<ReviewItem>,
}

/// Decides on one case of a stream whose last action was `last`: that stays until a threshold is crossed by the card's
/// hysteresis. Without a last one the action of least expected cost is taken.
pub fn decide(config: &DecideConfig, case: &Case<'_>, last: Option<Action>) -> Option<Decision> {
    let p = probability(config, case)?;
    let thresholds = config.costs.thresholds();
    let action = thresholds.sticky(p, last, config.hysteresis);
    Some(Decision {
        action,
        meanwhile: if action == Action::Review { thresholds.automatic(p) } else { action },
        probability: p,
        expected_cost: config.costs.expected(action, p),
        rung: case.rung,
    })
}

/// The calibrated probability of the positive class, if the value has one.
///
/// A rule is a fixed value that is meant as it is: it is not calibrated. Of a label with another class only
/// `1 − score` is known, which is an upper bound with more than two classes.
fn probability(config: &DecideConfig, case: &Case<'_>) -> Option<f64> {
    let class = config.positive_class;
    let score = match case.value {
        Value::Probabilities(p) => f64::from(*p.get(class as usize)?).clamp(0.0, 1.0),
        Value::Label(l) if l.class == class => f64::from(l.score),
        Value::Label(l) => 1.0 - f64::from(l.score),
        Value::Scalar(x) => f64::from(*x),
        _ => return None,
    };
    let own = config.calibrators.get(usize::from(case.variant)).filter(|_| case.rung != Rung::Rule);
    own.unwrap_or(&Calibrator::Identity).apply(score)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::{
        decision::{Costs, ReviewConfig},
        value::Label,
    };

    fn decider() -> Decider {
        let costs = Costs { review: Some(2.0), ..Costs::of_mistakes(5.0, 200.0) };
        let config = DecideConfig {
            calibrators: vec![Calibrator::Temperature { temperature: 2.0 }],
            hysteresis: 0.05,
            review: Some(ReviewConfig { capacity_per_hour: 20.0, queue: 2, expected_load: 0.1 }),
            ..DecideConfig::new(1, costs)
        };
        assert_eq!(config.validate(), Ok(()));
        Decider::new(config)
    }

    fn case(value: &Value, rung: Rung, variant: u8) -> Case<'_> {
        Case { value, rung, variant }
    }

    #[test]
    fn the_calibrator_is_the_variants_own_and_never_the_rules() {
        let d = decider();
        let value = Value::Probabilities(vec![0.1, 0.9]);
        let p = |rung, variant| d.event(&case(&value, rung, variant)).unwrap().probability;
        assert!((p(Rung::Model, 0) - 0.75).abs() < 1e-6);
        assert!((p(Rung::SmallerVariant, 1) - 0.9).abs() < 1e-6);
        assert!((p(Rung::Rule, 0) - 0.9).abs() < 1e-6);
    }

    #[test]
    fn values_without_a_positive_class_are_not_decided_on() {
        let d = decider();
        for value in [Value::Probabilities(vec![1.0]), Value::Scalar(1.5), Value::Vector(vec![0.5])] {
            assert_eq!(d.event(&case(&value, Rung::Model, 0)), None, "{value:?}");
        }
        let other = Value::Label(Label { class: 0, score: 0.9 });
        let p = d.event(&case(&other, Rung::Rule, 0)).unwrap().probability;
        assert!((p - 0.1).abs() < 1e-6);
    }

    #[test]
    fn a_review_says_what_is_done_meanwhile_and_what_it_saves() {
        let mut d = decider();
        let decision = d.event(&case(&Value::Scalar(0.3), Rung::Rule, 0)).unwrap();
        assert_eq!((decision.action, decision.meanwhile), (Action::Review, Action::Positive));
        assert!((decision.expected_cost - 2.0).abs() < 1e-9);
        let at = Timestamp::from_millis;
        let offer = d.decided(at(1), &decision).unwrap();
        assert!((offer.item.saves - (0.7 * 5.0 - 2.0)).abs() < 1e-6 && offer.dropped.is_none());
        assert_eq!(d.decided(at(1), &decision), None, "the same result again");
        d.decided(at(2), &decision);
        // The queue of two is full: a cheaper item goes at once, a dearer one drives out the cheapest.
        let cheaper = d.event(&case(&Value::Scalar(0.5), Rung::Rule, 0)).unwrap();
        let dearer = d.event(&case(&Value::Scalar(0.03), Rung::Rule, 0)).unwrap();
        assert_eq!(d.decided(at(3), &cheaper).unwrap().dropped.unwrap().captured, at(3));
        assert_eq!(d.decided(at(4), &dearer).unwrap().dropped.unwrap().captured, at(2));
        let taken: alloc::vec::Vec<_> = core::iter::from_fn(|| d.take_review()).map(|i| i.captured).collect();
        assert_eq!(taken, [at(1), at(4)].iter().rev().copied().collect::<alloc::vec::Vec<_>>());
        assert_eq!(d.queue().unwrap().load().dropped, 2);
    }
}
