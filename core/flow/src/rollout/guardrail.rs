//! Whether a candidate does harm, by a bound that may be looked at as often as one likes.
//! **Invariant:** without harm above the margin, the probability that any look ever fails is at most `alpha`.
//! It does not decide what follows: `stages` does.

use crate::error::ConfigError;

/// Which way of a metric is harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// More of it: error rate, latency, complaints.
    Increase,
    /// Less of it: conversion, engagement.
    Decrease,
}

/// One metric that a candidate must not make worse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GuardrailConfig {
    /// Which way is harm.
    pub harm: Harm,
    /// How much worse is still borne, in the metric's unit.
    pub margin: f64,
    /// The probability of a false alarm that is borne, over all looks together.
    pub alpha: f64,
    /// Observations of each arm at which the bound is to be tightest; it holds at all counts.
    pub tightest_at: f64,
    /// Observations of each arm below which nothing is said.
    pub minimum: u64,
    /// Looks in a row that must fail: more than 1 for metrics that arrive in bursts.
    pub consecutive: u32,
}

impl GuardrailConfig {
    /// More of the metric is harm, above no margin, at 5%; tightest at ten thousand observations an arm, none below a
    /// thousand, one failing look.
    pub const fn new() -> Self {
        Self {
            harm: Harm::Increase,
            margin: 0.0,
            alpha: 0.05,
            tightest_at: 10_000.0,
            minimum: 1_000,
            consecutive: 1,
        }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// The first one that is out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let checks = [
            (self.margin.is_finite() && self.margin >= 0.0, "guardrail.margin", "finite and not negative"),
            (self.alpha > 0.0 && self.alpha <= 0.5, "guardrail.alpha", "above 0 and at most 0.5"),
            ((1.0..1e15).contains(&self.tightest_at), "guardrail.tightest_at", "from 1 to 10^15"),
            (self.minimum >= 2, "guardrail.minimum", "at least 2"),
            ((1..=100).contains(&self.consecutive), "guardrail.consecutive", "from 1 to 100"),
        ];
        match checks.into_iter().find(|(ok, ..)| !ok) {
            Some((_, field, must)) => Err(ConfigError { field, must }),
            None => Ok(()),
        }
    }
}

impl Default for GuardrailConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// What is known of one metric in one arm: count, mean and scatter, and what was no number. Arms merge by addition.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Arm {
    /// Finite observations.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The sum of their squares.
    pub squares: f64,
    /// Observations that were NaN or infinite.
    pub not_finite: u64,
}

impl Arm {
    /// Takes one observation.
    pub fn observe(&mut self, x: f64) {
        if x.is_finite() {
            self.count += 1;
            self.sum += x;
            self.squares += x * x;
        } else {
            self.not_finite += 1;
        }
    }

    /// Takes the observations of another device or interval.
    pub const fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
        self.not_finite += other.not_finite;
    }

    fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }

    /// Variance, with half an observation of each kind added for rates that were never seen: no rate is certain.
    fn variance(&self) -> f64 {
        let n = self.count as f64;
        let m = self.mean();
        let v = (self.squares / n - m * m).max(0.0);
        v.max(0.5 / n * (1.0 - 0.5 / n) * if self.sum == 0.0 || self.sum == n { 1.0 } else { 0.0 })
    }
}

/// Why a look says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inconclusive {
    /// There are too few observations.
    TooFew,
    /// Some observations are no numbers: the metric is broken, in one arm at least.
    NotFinite,
    /// Harm above the margin is neither shown nor ruled out.
    Open,
    /// This look fails, but fewer in a row do than the card asks for.
    Suspected,
}

/// What a look says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Harm above the margin is ruled out.
    Pass,
    /// Harm above the margin is shown.
    Fail,
    /// Neither. It pauses a rollout; it is not a pass.
    Inconclusive(Inconclusive),
}

/// One look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// What it says.
    pub verdict: Verdict,
    /// How much worse the candidate is, in the metric's unit; negative is better.
    pub worse: f64,
    /// It is at least this much worse, with confidence 1 − alpha over all looks.
    pub at_least: f64,
    /// It is at most this much worse, with the same confidence.
    pub at_most: f64,
}

/// A metric under guard.
///
/// # Example
/// ```
/// use inbetween_flow::rollout::{Arm, Guardrail, GuardrailConfig, Verdict};
///
/// let mut guardrail = Guardrail::new(GuardrailConfig::new())?;
/// let of = |bad: u64| Arm { count: 20_000, sum: bad as f64, squares: bad as f64, not_finite: 0 };
/// assert_eq!(guardrail.look(&of(200), &of(400)).verdict, Verdict::Fail); // 1% against 2%
/// # Ok::<(), inbetween_flow::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Guardrail {
    config: GuardrailConfig,
    failing: u32,
}

impl Guardrail {
    /// A guardrail that has not looked yet.
    ///
    /// # Errors
    /// When a field of the configuration is out of range.
    pub fn new(config: GuardrailConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self { config, failing: 0 })
    }

    /// Looks at all observations so far.
    ///
    /// # Source
    /// Asymptotic confidence sequence, Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central limit theory
    /// and asymptotic confidence sequences", 2021, one-sided form; for ever-valid bounds of this kind see Howard, Ramdas,
    /// McAuliffe, Sekhon, Annals of Statistics 2021.
    pub fn look(&mut self, control: &Arm, candidate: &Arm) -> Look {
        let c = &self.config;
        let n = control.count.min(candidate.count);
        let sign = if c.harm == Harm::Increase { 1.0 } else { -1.0 };
        let worse = sign * (candidate.mean() - control.mean());
        if n < c.minimum || control.not_finite + candidate.not_finite > 0 {
            let broken = control.not_finite + candidate.not_finite > 0;
            let why = if broken { Inconclusive::NotFinite } else { Inconclusive::TooFew };
            self.failing = 0;
            return Look {
                verdict: Verdict::Inconclusive(why),
                worse,
                at_least: f64::NEG_INFINITY,
                at_most: f64::INFINITY,
            };
        }
        let m = n as f64;
        let variance =
            m * (candidate.variance() / candidate.count as f64 + control.variance() / control.count as f64);
        let half = libm::sqrt(variance) * self.width(m);
        let (at_least, at_most) = (worse - half, worse + half);
        self.failing = if at_least > c.margin { self.failing.saturating_add(1) } else { 0 };
        let verdict = if self.failing >= c.consecutive {
            Verdict::Fail
        } else if self.failing > 0 {
            Verdict::Inconclusive(Inconclusive::Suspected)
        } else if at_most <= c.margin {
            Verdict::Pass
        } else {
            Verdict::Inconclusive(Inconclusive::Open)
        };
        Look { verdict, worse, at_least, at_most }
    }

    /// Half-width of the sequence at `n`, in standard deviations of one difference.
    fn width(&self, n: f64) -> f64 {
        let alpha = self.config.alpha;
        // The mixture's variance that makes the bound tightest at the wished count: the paper's equation for rho.
        let e = -2.0 * libm::log(2.0 * alpha);
        let e = e.max(0.1);
        let rho2 = (e + libm::log(1.0 + e)) / self.config.tightest_at;
        let a = n * rho2 + 1.0;
        libm::sqrt(2.0 * a / (n * n * rho2) * libm::log(1.0 + libm::sqrt(a) / (2.0 * alpha)))
    }
}
