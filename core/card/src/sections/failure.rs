//! The cost of failure: a cost for each cell of the confusion matrix, and what a bad output does, in words.
//! **Invariant:** being wrong costs more than being right on the same truth, so that a threshold exists.
//! It does not choose the threshold: the engine does.

use serde::Deserialize;

use crate::check::Faults;

/// What failure costs, all in one unit.
///
/// # Source
/// The matrix: Elkan, The foundations of cost-sensitive learning, IJCAI 2001.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The unit of all costs.
    pub unit: String,
    /// Cost of acting where nothing is.
    pub false_positive: f32,
    /// Cost of not acting where something is.
    pub false_negative: f32,
    /// Cost of acting where something is; a gain is negative.
    pub true_positive: f32,
    /// Cost of not acting where nothing is; a gain is negative.
    pub true_negative: f32,
    /// Cost of one look of a person.
    pub review: f32,
    /// What a wrong output does to whom.
    pub wrong: String,
    /// What a late output does to whom.
    pub late: String,
    /// Who would suffer from a bias, and how it would be noticed.
    pub biased: String,
    /// What happens when there is no output.
    pub unavailable: String,
}

impl Failure {
    pub(crate) fn check(&self, f: &mut Faults) {
        f.words(&self.unit, "failure.unit", "the unit of all costs, as \"EUR\"");
        for (cost, field) in
            [(self.true_positive, "failure.true_positive"), (self.true_negative, "failure.true_negative")]
        {
            f.need(cost.is_finite(), field, "finite");
        }
        f.need(
            self.false_positive.is_finite() && self.false_positive > self.true_negative,
            "failure.false_positive",
            "finite and above true_negative: otherwise it always pays to act",
        );
        f.need(
            self.false_negative.is_finite() && self.false_negative > self.true_positive,
            "failure.false_negative",
            "finite and above true_positive: otherwise it never pays to act",
        );
        f.need(self.review.is_finite() && self.review >= 0.0, "failure.review", "finite and not negative");
        for (text, field) in [
            (&self.wrong, "failure.wrong"),
            (&self.late, "failure.late"),
            (&self.biased, "failure.biased"),
            (&self.unavailable, "failure.unavailable"),
        ] {
            f.words(text, field, "what such an output does to whom, in words");
        }
    }
}
