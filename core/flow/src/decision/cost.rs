//! From what mistakes cost to the probabilities at which the action changes.
//! **Invariant:** the action that `Thresholds::action` gives has the least expected cost of all three.
//! It does not know where probabilities come from.

use super::Action;
use crate::error::ConfigError;

/// What each outcome costs, in one unit that the card names (a currency, minutes of a person, harm on a scale).
/// Negative costs are gains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// Acting where there was nothing.
    pub false_positive: f64,
    /// Not acting where there was something.
    pub false_negative: f64,
    /// Acting rightly.
    pub true_positive: f64,
    /// Not acting, rightly.
    pub true_negative: f64,
    /// Asking a person, who then takes the right action; `None` where nobody can be asked.
    pub review: Option<f64>,
}

impl Costs {
    /// Costs of the two mistakes alone, with nobody to ask.
    pub const fn of_mistakes(false_positive: f64, false_negative: f64) -> Self {
        Self { false_positive, false_negative, true_positive: 0.0, true_negative: 0.0, review: None }
    }

    /// Checks that each mistake costs more than what would have been right: otherwise one action is always best.
    ///
    /// # Errors
    /// The first field that cannot be used.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let finite = [self.false_positive, self.false_negative, self.true_positive, self.true_negative];
        let checks = [
            (finite.iter().all(|c| c.is_finite()), "costs", "finite"),
            (self.false_positive > self.true_negative, "costs.false_positive", "above true_negative"),
            (self.false_negative > self.true_positive, "costs.false_negative", "above true_positive"),
            (
                self.review.is_none_or(|r| r.is_finite() && r >= 0.0),
                "costs.review",
                "finite and not negative",
            ),
        ];
        match checks.into_iter().find(|(ok, ..)| !ok) {
            Some((_, field, must)) => Err(ConfigError { field, must }),
            None => Ok(()),
        }
    }

    /// What is to be expected of an action when the probability is `p`; a review without reviewers costs infinitely.
    pub fn expected(&self, action: Action, p: f64) -> f64 {
        match action {
            Action::Positive => p * self.true_positive + (1.0 - p) * self.false_positive,
            Action::Negative => p * self.false_negative + (1.0 - p) * self.true_negative,
            Action::Review => match self.review {
                Some(r) => r + p * self.true_positive + (1.0 - p) * self.true_negative,
                None => f64::INFINITY,
            },
        }
    }

    /// Where the action changes.
    ///
    /// With `cFP` and `cFN` the costs of the mistakes above those of what would have been right, and `r` that of a
    /// review: not acting is best up to `r / cFN`, acting from `1 − r / cFP` on, and in between a person is asked. The
    /// band is empty unless `r < cFP · cFN / (cFP + cFN)`; then the action changes at `cFP / (cFP + cFN)`.
    ///
    /// # Source
    /// Elkan, "The Foundations of Cost-Sensitive Learning", IJCAI 2001; with a third option, Chow, "On optimum
    /// recognition error and reject tradeoff", 1970.
    pub fn thresholds(&self) -> Thresholds {
        let fp = self.false_positive - self.true_negative;
        let fn_ = self.false_negative - self.true_positive;
        let act = fp / (fp + fn_);
        match self.review {
            Some(r) if r < fp * fn_ / (fp + fn_) => {
                Thresholds { act, negative_to: r / fn_, positive_from: 1.0 - r / fp }
            }
            _ => Thresholds { act, negative_to: act, positive_from: act },
        }
    }
}

/// The probabilities at which the action changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// From here on acting is better than not acting, when nobody can be asked.
    pub act: f64,
    /// Up to here nothing is done. Equal to `positive_from` when there is no review band; then that one decides.
    pub negative_to: f64,
    /// From here on it is acted.
    pub positive_from: f64,
}

impl Thresholds {
    /// Whether anything is ever reviewed.
    pub fn reviews(&self) -> bool {
        self.negative_to < self.positive_from
    }

    /// The action of least expected cost.
    pub fn action(&self, p: f64) -> Action {
        if p >= self.positive_from {
            Action::Positive
        } else if p <= self.negative_to {
            Action::Negative
        } else {
            Action::Review
        }
    }

    /// The better of acting and not acting.
    pub fn automatic(&self, p: f64) -> Action {
        if p >= self.act { Action::Positive } else { Action::Negative }
    }

    /// The action in a stream whose last one was `last`: a threshold must be crossed by `band` before it changes. At
    /// most half of the way to certainty is asked for, so that no action is a trap.
    pub fn sticky(&self, p: f64, last: Option<Action>, band: f64) -> Action {
        let up = |t: f64| (t + band).min(f64::midpoint(t, 1.0));
        let down = |t: f64| (t - band).max(0.5 * t);
        let (low, high) = (self.negative_to, self.positive_from);
        let moved = match last {
            None => return self.action(p),
            Some(Action::Negative) => {
                Self { negative_to: up(low), positive_from: up(low).max(high), ..*self }
            }
            Some(Action::Positive) => {
                Self { positive_from: down(high), negative_to: down(high).min(low), ..*self }
            }
            Some(Action::Review) => Self { negative_to: down(low), positive_from: up(high), ..*self },
        };
        moved.action(p)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ACTIONS: [Action; 3] = [Action::Negative, Action::Positive, Action::Review];

    fn any_costs() -> impl Strategy<Value = Costs> {
        let review = prop_oneof![Just(None), (0.0..60.0).prop_map(Some)];
        (0.01..500.0, 0.01..500.0, -50.0..50.0, -50.0..50.0, review).prop_map(|(fp, fn_, tp, tn, review)| {
            Costs {
                false_positive: tn + fp,
                false_negative: tp + fn_,
                true_positive: tp,
                true_negative: tn,
                review,
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

        #[test]
        fn thresholds_are_the_brute_force_minimum(costs in any_costs()) {
            prop_assert_eq!(costs.validate(), Ok(()));
            let t = costs.thresholds();
            for i in 0..=1000 {
                let p = f64::from(i) / 1000.0;
                let least = ACTIONS.iter().map(|a| costs.expected(*a, p)).fold(f64::INFINITY, f64::min);
                let chosen = costs.expected(t.action(p), p);
                prop_assert!(chosen <= least + 1e-9 * (1.0 + least.abs()), "{p}: {chosen} > {least}, {t:?}");
                let two = costs.expected(Action::Negative, p).min(costs.expected(Action::Positive, p));
                let automatic = costs.expected(t.automatic(p), p);
                prop_assert!(automatic <= two + 1e-9 * (1.0 + two.abs()));
            }
        }

        #[test]
        fn a_stream_leaves_every_action_and_changes_only_by_a_crossing(
            costs in any_costs(), band in 0.0..0.4, p in 0.0..=1.0,
        ) {
            let t = costs.thresholds();
            for last in ACTIONS {
                prop_assert_eq!(t.sticky(0.0, Some(last), band), Action::Negative);
                prop_assert_eq!(t.sticky(1.0, Some(last), band), Action::Positive);
                let next = t.sticky(p, Some(last), band);
                // A change is to what would have been chosen anyway, or to review on the way there.
                prop_assert!(next == last || next == t.action(p) || !t.reviews() || next == Action::Review);
                // Where one settles one stays.
                prop_assert_eq!(t.sticky(p, Some(next), band), next);
            }
        }
    }

    #[test]
    fn the_band_of_the_textbook() {
        let costs = Costs { review: Some(2.0), ..Costs::of_mistakes(5.0, 200.0) };
        let t = costs.thresholds();
        assert!((t.negative_to - 0.01).abs() < 1e-12 && (t.positive_from - 0.6).abs() < 1e-12);
        assert!((t.act - 5.0 / 205.0).abs() < 1e-12);
        let dear = Costs { review: Some(5.0), ..costs };
        assert!(!dear.thresholds().reviews());
    }

    #[test]
    fn a_flutter_about_a_threshold_changes_nothing() {
        let t = Costs::of_mistakes(1.0, 1.0).thresholds();
        let mut last = None;
        let mut changes = 0;
        for i in 0..100 {
            let next = t.sticky(if i % 2 == 0 { 0.48 } else { 0.52 }, last, 0.05);
            changes += i32::from(last.is_some_and(|l| l != next));
            last = Some(next);
        }
        assert_eq!((changes, last), (0, Some(Action::Negative)));
        assert_eq!(t.sticky(0.56, last, 0.05), Action::Positive);
    }

    #[test]
    fn costs_that_make_a_mistake_pay_are_refused() {
        let good = Costs::of_mistakes(1.0, 1.0);
        for bad in [
            Costs { false_positive: 0.0, ..good },
            Costs { true_positive: 2.0, ..good },
            Costs { review: Some(-1.0), ..good },
            Costs { true_negative: f64::NAN, ..good },
        ] {
            assert!(bad.validate().is_err(), "{bad:?}");
        }
    }
}
