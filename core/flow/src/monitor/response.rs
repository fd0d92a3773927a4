//! The response plan at work: which rules stand, and since when.
//! **Invariant:** an alert is raised once and cleared once; a rule clears a fifth away from where it fires, after as long.
//! It does not carry anything out: the engine does.

use core::time::Duration;

use alloc::vec::Vec;

use crate::{
    config::{Bound, MonitorConfig, Response, Severity},
    error::ConfigError,
    time::Timestamp,
};

use super::{
    drift::{Reading, Verdict},
    signal::Signal,
};

/// A rule clears when its signal is this share of the bound away from it.
const MARGIN: f64 = 0.2;

/// One rule, and how it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rule {
    pub signal: Signal,
    bound: Bound,
    hold: Duration,
    pub severity: Severity,
    pub response: Response,
    /// Since when the signal says that the rule should change.
    since: Option<Timestamp>,
    pub active: bool,
}

/// A rule that changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Its place in the configuration.
    pub rule: u8,
    /// The signal's value.
    pub value: f32,
    /// How urgent it is.
    pub severity: Severity,
    /// What it asks for.
    pub response: Response,
    /// Whether it fired, or cleared.
    pub active: bool,
}

impl Rule {
    /// The rules of `config`.
    pub(super) fn all(config: &MonitorConfig) -> Result<Vec<Self>, ConfigError> {
        let rules = config.responses.iter().map(|r| {
            let signal = Signal::parse(&r.signal, config)?;
            let (bound, hold, severity, response) = (r.bound, r.hold, r.severity, r.response);
            Some(Self { signal, bound, hold, severity, response, since: None, active: false })
        });
        rules.collect::<Option<_>>().ok_or(ConfigError {
            field: "monitoring.response.signal",
            must: "a metric that the monitor has, of a feature or slice that it watches",
        })
    }

    /// Takes a reading at `now`; whether the rule changed by it.
    pub(super) fn look(&mut self, now: Timestamp, reading: &Reading) -> bool {
        if reading.verdict == Verdict::InsufficientData {
            // Nothing is known: neither does an alarm go on for longer, nor is it over.
            if !self.active {
                self.since = None;
            }
            return false;
        }
        let significant = self.signal.drift().is_none() || reading.verdict >= Verdict::Warn;
        let margin = |bound: f64| MARGIN * libm::fabs(bound);
        let (rises, clears) = match self.bound {
            Bound::Above(x) => {
                (significant && reading.value > x, !significant || reading.value <= x - margin(x))
            }
            Bound::Below(x) => (reading.value < x, reading.value >= x + margin(x)),
        };
        let should = if self.active { clears } else { rises };
        if !should {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        if now.since(since) < self.hold {
            return false;
        }
        self.active = !self.active;
        self.since = None;
        true
    }

    /// The clock is another one.
    pub(super) const fn restart_clock(&mut self) {
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_waits_fires_once_and_clears_lower() {
        let mut rule = Rule {
            signal: Signal::FailureRate,
            bound: Bound::Above(0.10),
            hold: Duration::from_mins(1),
            severity: Severity::Page,
            response: Response::FallBack,
            since: None,
            active: false,
        };
        let s = |s: u64| Timestamp::from_millis(s * 1_000);
        let mut look = |at: u64, value: f64| {
            rule.look(s(at), &Reading { value, observations: 99, verdict: Verdict::Stable })
        };
        assert!(!look(0, 0.2) && !look(50, 0.2), "not long enough");
        assert!(!look(55, 0.05) && !look(60, 0.2), "it has to start again");
        assert!(!look(100, 0.2) && look(120, 0.2));
        assert!(!look(200, 0.3), "fires once");
        assert!(!look(300, 0.09) && !look(900, 0.09), "between the thresholds nothing changes");
        assert!(!look(1_000, 0.07) && look(1_060, 0.07));
    }

    #[test]
    fn a_test_of_drift_fires_only_when_it_is_significant() {
        let mut rule = Rule {
            signal: Signal::PsiScores,
            bound: Bound::Above(0.1),
            hold: Duration::ZERO,
            severity: Severity::Log,
            response: Response::Alert,
            since: None,
            active: false,
        };
        let mut look =
            |verdict| rule.look(Timestamp::ZERO, &Reading { value: 0.3, observations: 99, verdict });
        assert!(!look(Verdict::InsufficientData) && !look(Verdict::Stable) && look(Verdict::Drift));
        assert!(!look(Verdict::InsufficientData) && look(Verdict::Stable));
    }

    #[test]
    fn a_signal_may_be_too_low() {
        let mut rule = Rule {
            signal: Signal::SliceShare(0),
            bound: Bound::Below(0.1),
            hold: Duration::ZERO,
            severity: Severity::Log,
            response: Response::Alert,
            since: None,
            active: false,
        };
        let mut look = |value| rule.look(Timestamp::ZERO, &Reading::plain(value, 99, 30));
        assert!(!look(0.11) && look(0.09) && !look(0.11) && look(0.13));
    }
}
