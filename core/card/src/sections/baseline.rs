//! The baseline: the simple method and its score, and the candidate's score with its interval.
//! **Invariant:** either scores are given or the reason why they are not.
//! It does not score: the harness does, and writes this section.

use serde::Deserialize;

use crate::check::Faults;

/// The simple method that the model must beat.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The simple method.
    pub method: String,
    /// The id of a metric of the section `metrics`.
    pub metric: String,
    /// Which way the metric is good.
    pub better: Better,
    /// What was measured, on which data, and the command that measures it again.
    pub measured_on: String,
    /// Score of the simple method.
    pub score: Option<f64>,
    /// Score of the model.
    pub candidate: Option<Candidate>,
    /// Why there are no scores (yet).
    pub not_measured: Option<String>,
}

/// Which way a metric is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

/// Score of the model.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// The score.
    pub score: f64,
    /// Its interval, low and high.
    pub interval: [f64; 2],
    /// Coverage of the interval, as 0.95.
    pub level: f64,
    /// How the interval was made.
    pub interval_by: String,
}

impl Baseline {
    pub(crate) fn check(&self, f: &mut Faults) {
        f.words(&self.method, "baseline.method", "the simple method, in words");
        f.words(&self.metric, "baseline.metric", "the id of a metric of [metrics]");
        f.words(
            &self.measured_on,
            "baseline.measured_on",
            "on which data, and the command that measures it again",
        );
        f.need(
            self.not_measured.is_some() != self.score.is_some()
                && self.score.is_some() == self.candidate.is_some(),
            "baseline.score",
            "given together with baseline.candidate, or not_measured with the reason instead of both",
        );
        f.need(self.score.is_none_or(f64::is_finite), "baseline.score", "finite");
        if let Some(reason) = &self.not_measured {
            f.words(reason, "baseline.not_measured", "the reason, in words");
        }
        let Some(c) = &self.candidate else { return };
        f.need(c.score.is_finite(), "baseline.candidate.score", "finite");
        let [low, high] = c.interval;
        f.need(
            low.is_finite() && high.is_finite() && low <= c.score && c.score <= high,
            "baseline.candidate.interval",
            "[low, high] with the score between them",
        );
        f.need((0.5..1.0).contains(&c.level), "baseline.candidate.level", "from 0.5 to below 1, as 0.95");
        f.words(&c.interval_by, "baseline.candidate.interval_by", "how the interval was made, in words");
    }

    /// Whether the model's whole interval is better than the simple method; `None` where nothing was measured.
    pub fn beaten(&self) -> Option<bool> {
        let (score, candidate) = self.score.zip(self.candidate.as_ref())?;
        let [low, high] = candidate.interval;
        Some(match self.better {
            Better::Lower => high < score,
            Better::Higher => low > score,
        })
    }
}
