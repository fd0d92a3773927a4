//! The circuit breaker: stop asking a model that fails, and try now and then whether it works again.
//! **Invariant:** an open breaker lets one probe through at a time, and a success closes it.
//! It does not decide what stands in the answers meanwhile.

use core::time::Duration;

use crate::time::Timestamp;

/// Failures in a row that open it: one may be chance, three are a pattern.
const THRESHOLD: u32 = 3;
/// First pause before a probe; doubled after each failed one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause: a fault that heals by itself is found within half a minute.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What the breaker allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// All is well.
    Closed,
    /// One run may try.
    Probe,
    /// Nothing before this time.
    Open(Timestamp),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Breaker {
    failures: u32,
    until: Option<Timestamp>,
    pause: Duration,
}

impl Breaker {
    pub(crate) fn state(&self, now: Timestamp) -> Passage {
        match self.until {
            None => Passage::Closed,
            Some(until) if now >= until => Passage::Probe,
            Some(until) => Passage::Open(until),
        }
    }

    /// The host's clock is another one from `now` on: an open breaker waits its pause from there.
    pub(crate) fn restart_clock(&mut self, now: Timestamp) {
        self.until = self.until.map(|_| now + self.pause);
    }

    /// When the next probe becomes possible, while open.
    pub(crate) const fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Takes a failure; whether the breaker opened by it.
    pub(crate) fn failed(&mut self, now: Timestamp) -> bool {
        self.failures = self.failures.saturating_add(1);
        if self.failures < THRESHOLD {
            return false;
        }
        let opened = self.until.is_none();
        self.pause = if opened { FIRST_PAUSE } else { (self.pause * 2).min(LONGEST_PAUSE) };
        self.until = Some(now + self.pause);
        opened
    }

    /// Takes a success; whether the breaker closed by it.
    pub(crate) fn succeeded(&mut self) -> bool {
        self.failures = 0;
        self.until.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_probes_backs_off_and_closes() {
        let s = |s: u64| Timestamp::from_millis(s * 1_000);
        let mut b = Breaker::default();
        assert!(!b.failed(s(0)) && !b.failed(s(0)));
        assert_eq!(b.state(s(0)), Passage::Closed);
        assert!(b.failed(s(0)));
        assert_eq!(b.state(s(0)), Passage::Open(s(1)));
        assert_eq!(b.state(s(1)), Passage::Probe);
        assert!(!b.failed(s(1)), "already open");
        assert_eq!(b.state(s(2)), Passage::Open(s(3)));
        for _ in 0..40 {
            b.failed(s(3));
        }
        assert_eq!(b.state(s(3)), Passage::Open(s(33)));
        assert!(b.succeeded());
        assert_eq!(b.state(s(3)), Passage::Closed);
        assert!(!b.succeeded());
    }

    #[test]
    fn a_success_in_between_forgives() {
        let mut b = Breaker::default();
        for _ in 0..10 {
            assert!(!b.failed(Timestamp::ZERO) && !b.failed(Timestamp::ZERO));
            b.succeeded();
        }
        assert_eq!(b.state(Timestamp::ZERO), Passage::Closed);
    }
}
