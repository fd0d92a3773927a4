//! What a method costs on labelled events: decisions by the same costs, imbalance in view, intervals paired.
//! **Invariant:** both sides of a comparison are of the same rows in every resample.
//! It does not score: probabilities come in.

use inbetween_flow::{Action, Costs};
use serde::Serialize;

use super::{fit::Labelled, losses};
use crate::summary::bootstrap::{Clusters, Estimate};

/// A method's probabilities, row by row.
#[derive(Clone, Debug)]
pub struct Method {
    /// Its name.
    pub name: String,
    /// Probability of the positive class.
    pub probabilities: Vec<f64>,
}

/// What a method does on some rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Its name.
    pub method: String,
    /// Mean cost of an event, in the card's unit.
    pub cost: Estimate,
    /// Shares of events that are acted on, and that a person is asked about.
    pub acted: f64,
    /// Share of events that a person is asked about.
    pub reviewed: f64,
    /// Share of the positives that are acted on or reviewed.
    pub recall: f64,
    /// Share of positives among those that are acted on; 1 when none is.
    pub precision: f64,
    /// Mean precision over recalls; chance is the share of positives.
    pub average_precision: Option<f64>,
    /// Chance that a positive ranks above a negative; chance is a half.
    pub ranking: Option<f64>,
    /// Log loss, in nats.
    pub log_loss: f64,
}

/// How the candidate compares with another method.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The other method.
    pub against: String,
    /// Mean cost of an event by the candidate less that by the other; below 0 is better.
    pub difference: Estimate,
    /// What that says.
    pub verdict: Verdict,
}

/// What a comparison says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The candidate costs less, with its whole interval.
    CandidateWins,
    /// The interval holds zero: the candidate has not shown that it is better.
    NoDifferenceShown,
    /// The other costs less, with the whole interval.
    OtherWins,
}

impl Comparison {
    /// In words.
    pub fn sentence(&self, unit: &str) -> String {
        let Estimate { value, low, high } = self.difference;
        let interval = format!("{value:+.4} {unit} an event, 95% interval {low:+.4} to {high:+.4}");
        match self.verdict {
            Verdict::CandidateWins => format!("the candidate beats the {}: {interval}", self.against),
            Verdict::NoDifferenceShown => {
                format!(
                    "the candidate is not shown to beat the {}: {interval}. Keep the simpler one",
                    self.against
                )
            }
            Verdict::OtherWins => format!("the {} wins: the candidate costs {interval}", self.against),
        }
    }
}

/// Rows on which methods are compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Slice {
    /// `all`, or `column=value`.
    pub name: String,
    /// Rows.
    pub rows: usize,
    /// Share of positives.
    pub prevalence: f64,
    /// Mean cost when nothing is ever done: what any method must beat.
    pub cost_of_nothing: f64,
    /// Each method.
    pub figures: Vec<Figures>,
    /// The candidate against each other one.
    pub comparisons: Vec<Comparison>,
}

/// Cost of each row by a method's own decisions.
fn costs_of(method: &Method, labels: &[bool], costs: &Costs) -> Vec<f64> {
    let thresholds = costs.thresholds();
    let cost = |(p, positive): (&f64, &bool)| costs.expected(thresholds.action(*p), f64::from(*positive));
    method.probabilities.iter().zip(labels).map(cost).collect()
}

/// Compares the last method with each of the others on the rows at `places`.
pub fn compare(name: &str, methods: &[Method], labels: &[bool], costs: &Costs, places: &[usize]) -> Slice {
    let one_each = Clusters(places.iter().map(|i| vec![*i]).collect());
    let mean_of = |values: &[f64]| {
        let mean = |draw: &[Vec<usize>]| {
            Some(draw.iter().flatten().map(|i| values[*i]).sum::<f64>() / draw.len().max(1) as f64)
        };
        one_each.estimate(mean).unwrap_or(Estimate { value: f64::NAN, low: f64::NAN, high: f64::NAN })
    };
    let positives = places.iter().filter(|i| labels[**i]).count();
    let paid: Vec<Vec<f64>> = methods.iter().map(|m| costs_of(m, labels, costs)).collect();
    let figures =
        methods.iter().zip(&paid).map(|(m, paid)| figures(m, mean_of(paid), labels, costs, places)).collect();
    let candidate = paid.last().map_or(&[][..], |c| c);
    let comparisons = methods.iter().zip(&paid).take(methods.len().saturating_sub(1)).map(|(m, other)| {
        let gaps: Vec<f64> = candidate.iter().zip(other).map(|(c, o)| c - o).collect();
        let difference = mean_of(&gaps);
        let verdict = if difference.high < 0.0 {
            Verdict::CandidateWins
        } else if difference.low > 0.0 {
            Verdict::OtherWins
        } else {
            Verdict::NoDifferenceShown
        };
        Comparison { against: m.name.clone(), difference, verdict }
    });
    let nothing = places.iter().map(|i| costs.expected(Action::Negative, f64::from(labels[*i]))).sum::<f64>();
    let n = places.len().max(1) as f64;
    Slice {
        name: name.to_owned(),
        rows: places.len(),
        prevalence: positives as f64 / n,
        cost_of_nothing: nothing / n,
        figures,
        comparisons: comparisons.collect(),
    }
}

fn figures(method: &Method, cost: Estimate, labels: &[bool], costs: &Costs, places: &[usize]) -> Figures {
    let thresholds = costs.thresholds();
    let rows: Vec<Labelled> =
        places.iter().map(|i| Labelled { score: method.probabilities[*i], positive: labels[*i] }).collect();
    let count = |f: &dyn Fn(&Labelled) -> bool| rows.iter().filter(|r| f(r)).count() as f64;
    let action = |r: &Labelled| thresholds.action(r.score);
    let acted = count(&|r| action(r) == Action::Positive);
    let found = count(&|r| r.positive && action(r) != Action::Negative);
    let hits = count(&|r| r.positive && action(r) == Action::Positive);
    let n = rows.len().max(1) as f64;
    Figures {
        method: method.name.clone(),
        cost,
        acted: acted / n,
        reviewed: count(&|r| action(r) == Action::Review) / n,
        recall: found / count(&|r| r.positive).max(1.0),
        precision: if acted > 0.0 { hits / acted } else { 1.0 },
        average_precision: losses::average_precision(&rows),
        ranking: losses::ranking(&rows),
        log_loss: losses::log_loss(&rows, |s| s),
    }
}

#[cfg(test)]
mod tests {
    use inbetween_sim::rng::Rng;

    use super::*;

    fn method(name: &str, probabilities: &[f64]) -> Method {
        Method { name: name.to_owned(), probabilities: probabilities.to_vec() }
    }

    /// A method that knows, one that guesses the base rate, and truth.
    fn world(n: usize) -> (Vec<f64>, Vec<f64>, Vec<bool>) {
        let mut rng = Rng::new(5);
        let p: Vec<f64> = (0..n).map(|_| rng.unit().powi(4)).collect();
        let labels: Vec<bool> = p.iter().map(|p| rng.unit() < *p).collect();
        let base = labels.iter().filter(|l| **l).count() as f64 / n as f64;
        (p, vec![base; n], labels)
    }

    #[test]
    fn the_simple_method_wins_where_it_does_and_a_tie_is_no_win() {
        let (knows, guesses, labels) = world(2_000);
        let costs = Costs { review: Some(0.3), ..Costs::of_mistakes(1.0, 5.0) };
        let all: Vec<usize> = (0..labels.len()).collect();
        let verdict = |rule: &[f64], candidate: &[f64]| {
            let methods = [method("rule", rule), method("candidate", candidate)];
            let slice = compare("all", &methods, &labels, &costs, &all);
            (slice.comparisons[0].verdict, slice.comparisons[0].sentence("EUR"))
        };
        assert_eq!(verdict(&guesses, &knows).0, Verdict::CandidateWins);
        let (lost, words) = verdict(&knows, &guesses);
        assert_eq!(lost, Verdict::OtherWins);
        assert!(words.starts_with("the rule wins"), "{words}");
        let (tie, words) = verdict(&knows, &knows);
        assert_eq!(tie, Verdict::NoDifferenceShown);
        assert!(words.contains("Keep the simpler one"), "{words}");
    }

    #[test]
    fn figures_count_what_is_done() {
        let labels = [true, true, false, false];
        let costs = Costs { review: Some(0.2), ..Costs::of_mistakes(1.0, 1.0) };
        let candidate = method("candidate", &[0.9, 0.5, 0.5, 0.95]);
        let slice = compare("all", &[candidate], &labels, &costs, &[0, 1, 2, 3]);
        let f = &slice.figures[0];
        assert_eq!((f.acted, f.reviewed, f.recall, f.precision), (0.5, 0.5, 1.0, 0.5));
        assert!((f.cost.value - (0.0 + 0.2 + 0.2 + 1.0) / 4.0).abs() < 1e-12);
        assert_eq!((slice.prevalence, slice.cost_of_nothing), (0.5, 0.5));
    }
}
