//! A rollout in stages: each widens the share of units, when its guardrails pass and its time is over.
//! **Invariant:** the share grows only after a pass of every guardrail and never after a halt.
//! It does not measure: verdicts come in.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use super::{BUCKETS, BucketRange, Verdict, bucket};
use crate::{error::ConfigError, time::Timestamp};

/// One stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Units that get the candidate, of ten thousand.
    pub share: u16,
    /// How long it lasts at least.
    pub soak: Duration,
}

/// Why a rollout was halted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Halt {
    /// A guardrail showed harm; which, by its place.
    Guardrail(usize),
    /// Something happened that must not: a panic, a value that is no number, a run without end.
    Critical,
    /// A person said so.
    Operator,
}

/// How far a rollout has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// At a stage, by its place.
    Running(usize),
    /// At a stage whose time is over while a guardrail is inconclusive: it stays there.
    Paused(usize),
    /// Everybody who was to get the candidate has it.
    Complete,
    /// Nobody has it any more.
    Halted(Halt),
}

/// A rollout of one candidate.
///
/// # Example
/// ```
/// use core::time::Duration;
/// use inbetween_flow::{Timestamp, rollout::{Phase, Rollout, Stage, Verdict}};
///
/// let day = Duration::from_secs(86_400);
/// let stages = vec![Stage { share: 100, soak: day }, Stage { share: 10_000, soak: day }];
/// let mut rollout = Rollout::new("risk-v2", 0, stages, Timestamp::ZERO)?;
/// assert_eq!(rollout.handle_looks(Timestamp::ZERO + day, &[Verdict::Pass]), Phase::Running(1));
/// assert!(rollout.treats("anybody"));
/// # Ok::<(), inbetween_flow::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Rollout {
    namespace: String,
    range: BucketRange,
    stages: Vec<Stage>,
    phase: Phase,
    since: Timestamp,
}

impl Rollout {
    /// A rollout that starts its first stage now. Buckets are taken from `start` on.
    ///
    /// # Errors
    /// When there is no stage, a share does not grow, or `start` is no bucket.
    pub fn new(
        namespace: impl Into<String>,
        start: u16,
        stages: Vec<Stage>,
        now: Timestamp,
    ) -> Result<Self, ConfigError> {
        let grows = stages.windows(2).all(|w| w[0].share < w[1].share);
        let shares = stages.iter().all(|s| (1..=BUCKETS).contains(&s.share));
        let (true, true, Some(first)) = (grows, shares, stages.first()) else {
            return Err(ConfigError { field: "rollout.stages", must: "growing shares from 1 to 10000" });
        };
        let range = BucketRange::new(start, first.share);
        let range = range.ok_or(ConfigError { field: "rollout.start", must: "a bucket, from 0 to 9999" })?;
        Ok(Self { namespace: namespace.into(), range, stages, phase: Phase::Running(0), since: now })
    }

    /// How far it has come.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether a unit gets the candidate now. Ask once at the start of a session and keep the answer for it: a session
    /// does not change sides.
    pub fn treats(&self, unit: &str) -> bool {
        !matches!(self.phase, Phase::Halted(_)) && self.range.contains(bucket(&self.namespace, unit))
    }

    /// Takes what the guardrails say, in their order, and goes on as far as they let it: no guardrails, no progress.
    pub fn handle_looks(&mut self, now: Timestamp, verdicts: &[Verdict]) -> Phase {
        if let Some(failed) = verdicts.iter().position(|v| *v == Verdict::Fail) {
            self.halt(Halt::Guardrail(failed));
            return self.phase;
        }
        let (Phase::Running(stage) | Phase::Paused(stage)) = self.phase else { return self.phase };
        let over = now.since(self.since) >= self.stages.get(stage).map_or(Duration::MAX, |s| s.soak);
        if !over {
            return self.phase;
        }
        let pass = !verdicts.is_empty() && verdicts.iter().all(|v| *v == Verdict::Pass);
        self.phase = match self.stages.get(stage + 1) {
            _ if !pass => Phase::Paused(stage),
            Some(next) => {
                self.range = self.range.resized(next.share);
                self.since = now;
                Phase::Running(stage + 1)
            }
            None => Phase::Complete,
        };
        self.phase
    }

    /// Takes the candidate from everybody, for good: a mended one is another candidate.
    pub const fn halt(&mut self, why: Halt) {
        if !matches!(self.phase, Phase::Halted(_)) {
            self.phase = Phase::Halted(why);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{format, vec};

    use super::*;
    use crate::rollout::Inconclusive;

    const DAY: Duration = Duration::from_hours(24);
    const OPEN: Verdict = Verdict::Inconclusive(Inconclusive::Open);

    fn rollout() -> Rollout {
        let stages = [10, 100, 1_000, 10_000].map(|share| Stage { share, soak: DAY });
        Rollout::new("n", 9_950, stages.to_vec(), Timestamp::ZERO).unwrap()
    }

    fn treated(r: &Rollout) -> vec::Vec<bool> {
        (0..5_000).map(|i| r.treats(&format!("{i}"))).collect()
    }

    #[test]
    fn each_stage_keeps_those_of_the_one_before() {
        let mut r = rollout();
        let mut now = Timestamp::ZERO;
        let mut before = treated(&r);
        for stage in 1..4 {
            assert_eq!(
                r.handle_looks(now + DAY / 2, &[Verdict::Pass]),
                Phase::Running(stage - 1),
                "too early"
            );
            now = now + DAY;
            assert_eq!(r.handle_looks(now, &[Verdict::Pass, Verdict::Pass]), Phase::Running(stage));
            let after = treated(&r);
            assert!(before.iter().zip(&after).all(|(b, a)| !b || *a), "nobody loses it");
            assert!(after.iter().filter(|t| **t).count() > before.iter().filter(|t| **t).count());
            before = after;
        }
        assert!(before.iter().all(|t| *t));
        assert_eq!(r.handle_looks(now + DAY, &[Verdict::Pass]), Phase::Complete);
        assert!(r.treats("anybody"));
    }

    #[test]
    fn what_is_not_a_pass_does_not_widen() {
        for verdicts in [&[OPEN][..], &[Verdict::Pass, OPEN], &[]] {
            let mut r = rollout();
            assert_eq!(r.handle_looks(Timestamp::ZERO + DAY, verdicts), Phase::Paused(0));
            assert_eq!(r.handle_looks(Timestamp::ZERO + 2 * DAY, &[Verdict::Pass]), Phase::Running(1));
        }
    }

    #[test]
    fn a_failure_takes_it_from_everybody_at_any_time_and_for_good() {
        let mut r = rollout();
        r.handle_looks(Timestamp::ZERO + DAY, &[Verdict::Pass]);
        let phase = r.handle_looks(Timestamp::ZERO + DAY, &[Verdict::Pass, Verdict::Fail]);
        assert_eq!(phase, Phase::Halted(Halt::Guardrail(1)));
        assert!(treated(&r).iter().all(|t| !t));
        r.halt(Halt::Operator);
        assert_eq!(r.handle_looks(Timestamp::ZERO + 9 * DAY, &[Verdict::Pass]), phase);
    }

    #[test]
    fn stages_that_do_not_grow_are_refused() {
        let stage = |share| Stage { share, soak: DAY };
        for bad in [vec![], vec![stage(0)], vec![stage(5), stage(5)], vec![stage(10_001)]] {
            assert!(Rollout::new("n", 0, bad, Timestamp::ZERO).is_err());
        }
        assert!(Rollout::new("n", 10_000, vec![stage(1)], Timestamp::ZERO).is_err());
    }
}
