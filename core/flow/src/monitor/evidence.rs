//! Evidence that outcomes are not what the probabilities said: a bet against them that grows when they are wrong.
//! **Invariant:** while probabilities are right to within the slack, the chance that the evidence ever reaches 1/α is ≤ α.
//! It does not look at inputs: a change of inputs alone, with probabilities that stay right, is no evidence.

/// What probabilities may be off without it being drift, as a share: the standard error of a frequency over some 600
/// points, which a calibrator is fitted on.
pub const SLACK: f64 = 0.02;
/// Stakes, from patient to bold; each is best for another size of change. Under 1 / (1 + slack), so that no bet ruins.
const STAKES: [f64; 4] = [0.03, 0.1, 0.3, 0.8];

/// What is bet on: that what was predicted happens more often than its probability, or less; that the likelier side is right
/// more often than it says, or less. The last is what a change of the concept does that leaves all frequencies alone.
const BETS: usize = 4;

/// A product of fair bets on (outcome − probability), each way and with each stake, averaged.
///
/// # Source
/// Ville 1939 for the bound; Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", 2024.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    wealth: [[f64; STAKES.len()]; BETS],
    observations: u32,
}

impl Default for Evidence {
    fn default() -> Self {
        Self { wealth: [[1.0; STAKES.len()]; BETS], observations: 0 }
    }
}

impl Evidence {
    /// Takes an outcome and the probability that it was given.
    pub fn observe(&mut self, happened: bool, probability: f64) {
        if probability.is_nan() {
            return;
        }
        let surprise = surprise(happened, probability);
        // Of the likelier side: known before the outcome is, as a fair bet must be.
        let confident = if probability < 0.5 { -surprise } else { surprise };
        for (wealth, surprise) in self.wealth.iter_mut().zip([surprise, -surprise, confident, -confident]) {
            bet(wealth, surprise);
        }
        self.observations = self.observations.saturating_add(1);
    }

    /// The same where only more than the probability is against what was said.
    pub fn observe_excess(&mut self, happened: bool, probability: f64) {
        if probability.is_nan() {
            return;
        }
        bet(&mut self.wealth[0], surprise(happened, probability));
        self.observations = self.observations.saturating_add(1);
    }

    /// The evidence: 1 at the start, 100 is significant at 1% whenever it is looked at.
    pub fn value(&self) -> f64 {
        let sum: f64 = self.wealth.iter().flatten().sum();
        sum / (BETS * STAKES.len()) as f64
    }

    /// Outcomes that were taken.
    pub const fn observations(&self) -> u32 {
        self.observations
    }
}

fn surprise(happened: bool, probability: f64) -> f64 {
    f64::from(u8::from(happened)) - probability.clamp(0.0, 1.0)
}

fn bet(wealth: &mut [f64; STAKES.len()], surprise: f64) {
    for (wealth, stake) in wealth.iter_mut().zip(STAKES) {
        // Kept away from nought and infinity, from where there is no way back.
        *wealth = (*wealth * (1.0 + stake * (surprise - SLACK))).clamp(1e-290, 1e290);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After `n` outcomes of which every so many happens.
    fn evidence(probability: f64, every: u32, n: u32) -> f64 {
        let mut evidence = Evidence::default();
        for i in 0..n {
            evidence.observe(i % every == 0, probability);
        }
        evidence.value()
    }

    #[test]
    fn what_happens_as_often_as_it_was_said_is_no_evidence() {
        assert!(evidence(0.25, 4, 10_000) < 1.0);
        assert!(evidence(0.26, 4, 10_000) < 1.0, "within the slack");
        assert!(evidence(f64::NAN, 4, 100) == 1.0);
    }

    #[test]
    fn more_and_less_than_was_said_are_evidence() {
        assert!(evidence(0.10, 4, 500) > 100.0);
        assert!(evidence(0.40, 4, 500) > 100.0);
        assert!(evidence(0.999, 2, 100_000) <= 1e290, "it stays finite");
    }

    #[test]
    fn confidence_that_is_not_earned_is_evidence_where_frequencies_agree() {
        let mut evidence = Evidence::default();
        for i in 0..600 {
            // Said 10% and 90% in turn; it is a coin.
            evidence.observe(i / 2 % 2 == 0, if i % 2 == 0 { 0.1 } else { 0.9 });
        }
        assert!(evidence.value() > 1e6);
    }
}
