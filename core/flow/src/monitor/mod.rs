//! What happened: counts since the start, and the live monitor of distributions, drift and outcomes, in fixed memory.
//! **Invariant:** recording never allocates and never fails; only a rule of the card's response plan changes an answer.
//! It does not act and does no I/O: the engine carries rules out, the host sends what `export` writes.

mod bins;
mod drift;
mod evidence;
pub mod export;
mod histogram;
mod likeness;
mod live;
mod outcome;
mod prediction;
mod reading;
mod response;
mod ring;
mod sense;
mod session;
mod signal;
mod window;

pub use crate::config::{
    MOST_CELLS, MOST_CLASSES, MOST_FEATURE_EDGES, MOST_FEATURES, MOST_RESPONSES, MOST_SCORE_EDGES,
};
pub use bins::Bins;
pub use drift::{DriftKind, FALSE_ALARM, Reading, Verdict, psi};
pub use evidence::{Evidence, SLACK};
pub use histogram::Histogram;
pub use likeness::Likeness;
pub use live::Live;
pub use outcome::{AccuracyEstimate, Outcomes, RELIABILITY_BINS, Reliability};
pub use prediction::{Labelled, Truth};
pub use response::Change;
pub use ring::WAITING;
pub use sense::{AUDIO_FEATURES, IMAGE_FEATURES};
pub use signal::{FEATURE_SIGNALS, Of, SIGNALS, SLICE_SIGNALS, Signal};
pub use window::{Cell, ClassBins, Observed, Timing, Window};

use alloc::boxed::Box;
use core::time::Duration;

use crate::{
    answer::{Carry, PredictionId, Source},
    config::{MonitorConfig, Response},
    decision::Decision,
    error::{ConfigError, FrameError},
    frame::Frame,
    gate::Look,
    plan::{Admission, Plan, RunFailure, RunReason, SkipReason},
    time::Timestamp,
    value::Value,
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
    pub skips: Counts<12>,
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
    live: Option<Box<Live>>,
    predictions: u64,
}

impl Monitor {
    pub(crate) fn new(config: Option<&MonitorConfig>, seed: u64) -> Result<Self, ConfigError> {
        let live = config.map(|config| Live::new(config.clone(), seed)).transpose()?;
        Ok(Self { live, ..Self::default() })
    }

    /// The monitor of a host that feeds `live` itself: counts since the start stay at nought.
    pub fn of(live: Box<Live>) -> Self {
        Self { live: Some(live), ..Self::default() }
    }

    /// The live monitor, where the configuration has one.
    pub fn live(&self) -> Option<&Live> {
        self.live.as_deref()
    }

    pub(crate) fn live_mut(&mut self) -> Option<&mut Live> {
        self.live.as_deref_mut()
    }

    /// Takes that time has come to `now`; whether a window ended.
    pub(crate) fn tick(&mut self, now: Timestamp, changed: impl FnMut(Change)) -> bool {
        self.live_mut().is_some_and(|live| live.tick(now, changed))
    }

    pub(crate) fn frame(&mut self, now: Timestamp, frame: &Frame<'_>) {
        self.frames += 1;
        if let Some(live) = self.live_mut() {
            live.frame(now, frame);
        }
    }

    /// Whether what frames look or sound like is watched.
    pub(crate) fn senses(&self) -> bool {
        self.live().is_some_and(Live::senses)
    }

    /// Takes what the newest frame looks like.
    pub(crate) fn looked(&mut self, look: &Look) {
        if let Some(live) = self.live_mut() {
            live.looked(look);
        }
    }

    pub(crate) fn rejected(&mut self, error: FrameError) {
        self.rejected += 1;
        if let Some(live) = self.live_mut() {
            live.window.rejected(error);
        }
    }

    /// Takes that a run did not end in time.
    pub(crate) fn timed_out(&mut self, took: Duration) {
        if let Some(live) = self.live_mut() {
            live.window.ran(Some(RunFailure::TimedOut), took);
        }
    }

    /// The groups that hold now, as bits.
    pub(crate) fn mask(&self) -> u32 {
        self.live().map_or(0, Live::mask)
    }

    /// Takes a prediction; the name under which its label may come.
    pub(crate) fn predicted(
        &mut self,
        now: Timestamp,
        mask: u32,
        value: &Value,
        decision: Option<&Decision>,
    ) -> PredictionId {
        let id = PredictionId(self.predictions);
        self.predictions += 1;
        if let Some(live) = self.live_mut() {
            live.predicted(now, id, mask, value, decision);
        }
        id
    }

    /// Whether a rule that stands asks for `response`.
    pub(crate) fn stands(&self, response: Response) -> bool {
        self.live().is_some_and(|live| live.stands(response))
    }

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
        if admission == Admission::UnknownTicket {
            return;
        }
        self.latency.record(took);
        if admission != Admission::Cancelled
            && let Some(live) = self.live_mut()
        {
            let failure = if let Admission::Failed(why) = admission { Some(why) } else { None };
            live.window.ran(failure, took);
        }
    }

    pub(crate) fn backtested(&mut self, violated: bool, audit: bool) {
        self.backtests += 1;
        self.violations += u64::from(violated);
        if let Some(live) = self.live_mut() {
            window::bump(&mut live.window.backtests);
            live.window.violations = live.window.violations.saturating_add(u32::from(violated));
        }
        if audit {
            self.audits += 1;
            self.audit_violations += u64::from(violated);
        }
    }

    pub(crate) fn checked_hit(&mut self, wrong: bool) {
        self.hit_audits += 1;
        self.hit_audit_violations += u64::from(wrong);
    }

    pub(crate) fn answered(&mut self, source: Source, within: bool, age: Duration, horizon: Duration) {
        if let Some(live) = self.live_mut() {
            live.window.answered(source, within, age, horizon);
        }
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
        SkipReason::Disabled => 11,
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
