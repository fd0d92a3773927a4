//! What happened: counts by reason and histograms of times, in fixed memory.
//! **Invariant:** recording never allocates, never fails and never changes a plan or an answer.
//! It does not judge (drift, alerts) and exports nothing: the host reads it.

mod histogram;

pub use histogram::Histogram;

use core::time::Duration;

use crate::{
    answer::{Carry, Source},
    plan::{Admission, Plan, RunReason, SkipReason},
};

/// Counts and histograms since the engine was made. `reset` of the engine does not clear them.
#[derive(Clone, Debug, Default)]
pub struct Monitor {
    /// Frames that were handed in.
    pub frames: u64,
    /// Frames that broke the contract.
    pub rejected: u64,
    /// Runs by reason.
    pub runs: Counts<9>,
    /// Skips by reason.
    pub skips: Counts<11>,
    /// Answers by source.
    pub answers: Counts<8>,
    /// Answers that said to be within tolerance.
    pub answers_within: u64,
    /// Results that were admitted.
    pub admitted: u64,
    /// Results that came after a newer one.
    pub superseded: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Runs that were cancelled.
    pub cancelled: u64,
    /// Runs that expired before they ended.
    pub expired: u64,
    /// Completions of no known run.
    pub unknown: u64,
    /// Times that `now` went backwards.
    pub clock_regressions: u64,
    /// Frames whose capture time was after `now`.
    pub future_frames: u64,
    /// Back-tests against fresh results.
    pub backtests: u64,
    /// Back-tests in which the error was above the tolerance.
    pub violations: u64,
    /// Back-tests of audit runs only: an unbiased sample of the skips.
    pub audits: u64,
    /// Audits in which the error was above the tolerance.
    pub audit_violations: u64,
    /// Runs that checked a result from the cache which was, or would have been, served.
    pub hit_audits: u64,
    /// Those that found it out of tolerance.
    pub hit_audit_violations: u64,
    /// From plan to completion.
    pub latency: Histogram,
    /// Age of the answers.
    pub age: Histogram,
}

impl Monitor {
    pub(crate) fn planned(&mut self, plan: &Plan) {
        match plan {
            Plan::Run(ticket) => self.runs.add(run_index(ticket.reason)),
            Plan::Skip(reason) => self.skips.add(skip_index(*reason)),
        }
    }

    pub(crate) fn completed(&mut self, admission: Admission, took: Duration) {
        match admission {
            Admission::Admitted => self.admitted += 1,
            Admission::Superseded => self.superseded += 1,
            Admission::Failed(_) => self.failed += 1,
            Admission::Cancelled => self.cancelled += 1,
            Admission::UnknownTicket => self.unknown += 1,
        }
        if admission != Admission::UnknownTicket {
            self.latency.record(took);
        }
    }

    pub(crate) fn backtested(&mut self, violated: bool, audit: bool) {
        self.backtests += 1;
        self.violations += u64::from(violated);
        if audit {
            self.audits += 1;
            self.audit_violations += u64::from(violated);
        }
    }

    pub(crate) fn checked_hit(&mut self, wrong: bool) {
        self.hit_audits += 1;
        self.hit_audit_violations += u64::from(wrong);
    }

    pub(crate) fn answered(&mut self, source: Source, within: bool, age: Duration) {
        self.answers.add(source_index(source));
        self.answers_within += u64::from(within);
        if source != Source::Unavailable {
            self.age.record(age);
        }
    }

    /// Runs for `reason`.
    pub fn runs_for(&self, reason: RunReason) -> u64 {
        self.runs.of(run_index(reason))
    }

    /// Skips for `reason`.
    pub fn skips_for(&self, reason: SkipReason) -> u64 {
        self.skips.of(skip_index(reason))
    }

    /// Answers from `source`.
    pub fn answers_from(&self, source: Source) -> u64 {
        self.answers.of(source_index(source))
    }
}

/// A fixed number of counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts<const N: usize>([u64; N]);

impl<const N: usize> Counts<N> {
    fn add(&mut self, index: usize) {
        self.0[index] += 1;
    }

    fn of(&self, index: usize) -> u64 {
        self.0[index]
    }

    /// The sum of all.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl<const N: usize> Default for Counts<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

const fn run_index(reason: RunReason) -> usize {
    match reason {
        RunReason::First => 0,
        RunReason::Forecast => 1,
        RunReason::Residual => 2,
        RunReason::Birth => 3,
        RunReason::SceneCut => 4,
        RunReason::Age => 5,
        RunReason::Audit => 6,
        RunReason::Probe => 7,
        RunReason::Uncovered => 8,
    }
}

const fn skip_index(reason: SkipReason) -> usize {
    match reason {
        SkipReason::WithinTolerance => 0,
        SkipReason::InFlight => 1,
        SkipReason::Deadline => 2,
        SkipReason::Budget => 3,
        SkipReason::CacheHit => 4,
        SkipReason::ModelFailing => 5,
        SkipReason::RepeatedFrame => 6,
        SkipReason::LateFrame => 7,
        SkipReason::Heat => 8,
        SkipReason::Energy => 9,
        SkipReason::Shared => 10,
    }
}

const fn source_index(source: Source) -> usize {
    match source {
        Source::Model => 0,
        Source::Cached => 1,
        Source::Interpolated => 2,
        Source::Predicted(Carry::Hold) => 3,
        Source::Predicted(Carry::Trend) => 4,
        Source::Predicted(Carry::Pixels) => 5,
        Source::Rule => 6,
        Source::Unavailable => 7,
    }
}
