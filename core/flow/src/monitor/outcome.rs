//! Outcomes against the probabilities that they were given: reliability, error rate, evidence of concept drift.
//! **Invariant:** each labelled prediction counts once; sums merge by addition.
//! It does not wait for labels (`ring` does) and never sees an input.

use super::evidence::Evidence;

/// Bins of equal width over the probability.
pub const RELIABILITY_BINS: usize = 10;

/// Predictions of about one probability, and what came of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reliability {
    /// Labelled predictions.
    pub count: u32,
    /// Those of which what was predicted happened.
    pub happened: u32,
    /// Sum of their probabilities.
    pub predicted: f64,
}

/// What labels said in one window, and what is believed without them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcomes {
    /// By the probability.
    pub reliability: [Reliability; RELIABILITY_BINS],
    /// Predictions whose label came.
    pub labelled: u32,
    /// Those that were wrong: another class, or a number that is off by more than the tolerance.
    pub wrong: u32,
    /// Labels for predictions that had been pushed out of the memory, or never were.
    pub unknown: u32,
    /// Predictions that expired without a label.
    pub expired: u32,
    /// Predictions that newer ones pushed out before they expired.
    pub dropped: u32,
    /// Sum over labelled predictions of (outcome − probability)².
    pub brier: f64,
    /// Predictions with a probability, labelled or not.
    pub scored: u32,
    /// Sum over them of the probability that they are right.
    pub believed: f64,
    /// That outcomes are not what the probabilities say.
    pub evidence: Evidence,
}

/// The share of predictions that are right, as the probabilities themselves say: an *estimate*.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AccuracyEstimate {
    /// The estimate.
    pub accuracy: f64,
    /// Predictions that it rests on.
    pub predictions: u32,
}

impl AccuracyEstimate {
    /// What must hold for the estimate to be one.
    pub const ASSUMPTION: &'static str = "the probabilities are calibrated on what the device sees now: inputs may have \
                                          shifted, what they mean has not";
}

impl Outcomes {
    /// Takes a prediction: the probability of what it says.
    pub(crate) fn predicted(&mut self, right: f64) {
        self.scored = self.scored.saturating_add(1);
        self.believed += right;
    }

    /// Takes a label of a number: whether it was off by more than may be, and the share that may be so.
    pub(crate) fn measured(&mut self, wrong: bool, promised: f64) {
        self.labelled = self.labelled.saturating_add(1);
        self.wrong = self.wrong.saturating_add(u32::from(wrong));
        self.evidence.observe_excess(wrong, promised);
    }

    /// Takes a label of a class: whether the prediction was wrong, and whether what had `probability` happened.
    pub(crate) fn labelled(&mut self, wrong: bool, happened: bool, probability: Option<f64>) {
        self.labelled = self.labelled.saturating_add(1);
        self.wrong = self.wrong.saturating_add(u32::from(wrong));
        let Some(probability) = probability else { return };
        let outcome = f64::from(u8::from(happened));
        self.brier += (outcome - probability) * (outcome - probability);
        let bin = (probability * RELIABILITY_BINS as f64) as usize;
        let bin = &mut self.reliability[bin.min(RELIABILITY_BINS - 1)];
        bin.count = bin.count.saturating_add(1);
        bin.happened = bin.happened.saturating_add(u32::from(happened));
        bin.predicted += probability;
        self.evidence.observe(happened, probability);
    }

    /// The share of labelled predictions that were wrong.
    pub fn error_rate(&self) -> Option<f64> {
        (self.labelled > 0).then(|| f64::from(self.wrong) / f64::from(self.labelled))
    }

    /// How far the mean outcome is from the mean probability, weighted over the bins (expected calibration error).
    ///
    /// # Source
    /// Naeini, Cooper, Hauskrecht, AAAI 2015.
    pub fn calibration_gap(&self) -> Option<f64> {
        let gaps = self.reliability.iter().map(|b| libm::fabs(f64::from(b.happened) - b.predicted));
        let count: u32 = self.reliability.iter().map(|b| b.count).sum();
        (count > 0).then(|| gaps.sum::<f64>() / f64::from(count))
    }

    /// Accuracy without labels, from the probabilities alone (confidence-based performance estimation). Right under a
    /// shift of inputs; wrong, and not noticing it, under a drift of the concept. See [`AccuracyEstimate::ASSUMPTION`].
    pub fn accuracy_estimate(&self) -> Option<AccuracyEstimate> {
        let accuracy = self.believed / f64::from(self.scored.max(1));
        (self.scored > 0).then_some(AccuracyEstimate { accuracy, predictions: self.scored })
    }
}
