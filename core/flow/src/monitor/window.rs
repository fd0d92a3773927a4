//! All that is counted in one window of time.
//! **Invariant:** fixed size; two windows of two devices merge by adding their counts.
//! It does not say when a window ends, nor what its counts mean.

use core::time::Duration;

use crate::{
    answer::{Carry, Source},
    config::{MOST_CELLS, MOST_CLASSES, MOST_FEATURES},
    error::FrameError,
    plan::RunFailure,
    time::Timestamp,
};

use super::{
    bins::{Bins, FEATURE_BINS, Place, SCORE_BINS},
    histogram::Histogram,
    likeness::Likeness,
    outcome::Outcomes,
};

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timing {
    /// From a run's plan to its completion.
    Latency,
    /// Of answers: display time less the key frame's capture time.
    Age,
    /// Of answers: how far the value was carried.
    Horizon,
    /// Between a frame and the one before.
    Interval,
    /// From capture to handling.
    Lag,
}

impl Timing {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Latency, Self::Age, Self::Horizon, Self::Interval, Self::Lag];

    /// Its name in exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Age => "age",
            Self::Horizon => "horizon",
            Self::Interval => "interval",
            Self::Lag => "lag",
        }
    }
}

/// A distribution over all events, and over sessions with one observation each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed<B> {
    /// Over events.
    pub events: B,
    /// Over sessions: the sample of drift.
    pub sessions: B,
    /// How alike sessions that follow each other are.
    pub likeness: Likeness,
}

impl<const N: usize> Observed<Bins<N>> {
    /// Takes the observation of a session.
    pub(super) fn session(&mut self, place: Place) {
        self.sessions.add(place);
        self.likeness.add(place);
    }
}

/// Classes, and one bin for all that are beyond them.
pub type ClassBins = Bins<{ MOST_CLASSES + 1 }>;

/// One group of a slice.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cell {
    /// Events in it.
    pub events: u32,
    /// Predictions in it whose label came.
    pub labelled: u32,
    /// Those that were wrong.
    pub wrong: u32,
    /// The probability or value: over events, and over sessions as the sample of drift.
    pub scores: Observed<Bins<SCORE_BINS>>,
}

/// What a window counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    /// When it began and, when it has, ended.
    pub started: Timestamp,
    /// The end; the newest event's time while it is open.
    pub ended: Timestamp,
    /// Frames that were handed in.
    pub frames: u32,
    /// Frames that broke the contract.
    pub rejected: u32,
    /// Those whose shape is another one: inputs, names or lengths that the card does not know or misses.
    pub schema_breaks: u32,
    /// Runs that ended, cancelled ones left out.
    pub runs: u32,
    /// Those that gave no value.
    pub failures: u32,
    /// Those that did not end in time.
    pub timeouts: u32,
    /// Those in which the model panicked.
    pub panics: u32,
    /// Those whose value was refused.
    pub unsound: u32,
    /// Answers.
    pub answers: u32,
    /// Answers from the rule, or none.
    pub fallbacks: u32,
    /// Answers that said to be within tolerance.
    pub within: u32,
    /// Back-tests.
    pub backtests: u32,
    /// Those above the tolerance.
    pub violations: u32,
    /// Sessions that ended.
    pub sessions: u32,
    /// Times, in the order of [`Timing::ALL`].
    pub timings: [Histogram; Timing::ALL.len()],
    /// Features, in the order of the configuration.
    pub features: [Observed<Bins<FEATURE_BINS>>; MOST_FEATURES],
    /// The probability or value of predictions.
    pub scores: Observed<Bins<SCORE_BINS>>,
    /// Their classes.
    pub classes: Observed<ClassBins>,
    /// Groups, in the order of the configuration; the last is `other`.
    pub cells: [Cell; MOST_CELLS + 1],
    /// What labels said.
    pub outcomes: Outcomes,
}

/// Adds one, and stays at the most.
pub(super) const fn bump(count: &mut u32) {
    *count = count.saturating_add(1);
}

/// Calls `each` with the place of every cell whose bit is set.
pub(super) fn for_each(mut mask: u32, mut each: impl FnMut(usize)) {
    while mask != 0 {
        each((mask.trailing_zeros() as usize).min(MOST_CELLS));
        mask &= mask - 1;
    }
}

impl Window {
    pub(super) fn restart(&mut self, now: Timestamp) {
        *self = Self { started: now, ended: now, ..Self::default() };
    }

    pub(super) fn rejected(&mut self, error: FrameError) {
        bump(&mut self.rejected);
        if matches!(
            error,
            FrameError::WrongInput
                | FrameError::Format { .. }
                | FrameError::SampleRate { .. }
                | FrameError::Length { .. }
                | FrameError::Unknown { .. }
                | FrameError::Repeated { .. }
                | FrameError::Missing { .. }
        ) {
            bump(&mut self.schema_breaks);
        }
    }

    pub(super) fn ran(&mut self, failure: Option<RunFailure>, took: Duration) {
        bump(&mut self.runs);
        self.timings[Timing::Latency as usize].record(took);
        if let Some(why) = failure {
            bump(&mut self.failures);
            match why {
                RunFailure::TimedOut => bump(&mut self.timeouts),
                RunFailure::Panicked => bump(&mut self.panics),
                RunFailure::Refused(_) => bump(&mut self.unsound),
                RunFailure::Model => {}
            }
        }
    }

    pub(super) fn answered(&mut self, source: Source, within: bool, age: Duration, horizon: Duration) {
        bump(&mut self.answers);
        self.within = self.within.saturating_add(u32::from(within));
        if matches!(source, Source::Rule | Source::Unavailable) {
            bump(&mut self.fallbacks);
        } else {
            self.timings[Timing::Age as usize].record(age);
        }
        if matches!(source, Source::Predicted(Carry::Hold | Carry::Trend | Carry::Pixels)) {
            self.timings[Timing::Horizon as usize].record(horizon);
        }
    }

    pub(super) fn timing(&self, timing: Timing) -> &Histogram {
        &self.timings[timing as usize]
    }
}
