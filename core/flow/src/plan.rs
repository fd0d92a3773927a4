//! What the engine asks of the host and what the host reports back: plans, tickets, completions, events.
//! **Invariant:** every ticket ends in exactly one completion or expiry; every reason is a typed value.
//! It does not decide anything: `schedule` chooses, `engine` keeps the books.

use core::time::Duration;

use crate::{
    config::{Response, Severity},
    decision::ReviewItem,
    rung::Rung,
    time::Timestamp,
    value::{Value, ValueFault},
};

/// The name of one model run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketId(pub u64);

/// Why a run was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RunReason {
    /// There is no result yet (start, reset, recovery).
    First,
    /// The forecast error reaches the tolerance.
    Forecast,
    /// A track no longer looks like its key frame.
    Residual,
    /// Change that neither tracks nor background explain.
    Birth,
    /// Picture came in at the frame's edge that no result has looked at.
    Uncovered,
    /// The picture as a whole is another one.
    SceneCut,
    /// The result is about to pass the maximum age.
    Age,
    /// Random check of the engine's own forecast.
    Audit,
    /// The circuit breaker tries whether the model works again.
    Probe,
}

/// Why another variant of the model runs from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SwitchReason {
    /// The one before would miss the deadline by its learnt latency.
    Deadline,
    /// The device is getting hot; larger variants come back when it has cooled down.
    Heat,
    /// The one before keeps failing.
    Failing,
    /// It keeps the promise at less cost, or the one before did not keep it.
    Cost,
    /// The card's response plan has rolled the one before back.
    RolledBack,
}

/// One model run that the host is asked to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The run's name; give it back in the [`Completion`].
    pub id: TicketId,
    /// Capture time of its key frame.
    pub captured: Timestamp,
    /// Which variant of the model to run: 0 is the model itself.
    pub variant: u8,
    /// Why.
    pub reason: RunReason,
    /// When the engine stops waiting: a later completion is counted and dropped.
    pub expires: Timestamp,
}

/// Why a frame is not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SkipReason {
    /// The answers are forecast to be within the tolerance.
    WithinTolerance,
    /// A run is wanted, but as many as allowed are in flight; a newer frame will be taken when one ends.
    InFlight,
    /// A run is wanted, but would end after its deadline by the learnt latency.
    Deadline,
    /// A run is wanted, but the duty budget is spent.
    Budget,
    /// A run is wanted, but the device is hot: what it may spend is cut.
    Heat,
    /// A run is wanted, but the energy budget is spent, or power is to be saved.
    Energy,
    /// A run is wanted, but it is the turn of another engine that shares the budget.
    Shared,
    /// The same model input, or one that looks the same by what audits have shown, was answered before: the cached result
    /// is used.
    CacheHit,
    /// The circuit breaker is open.
    ModelFailing,
    /// The capture time is the same as the frame's before.
    RepeatedFrame,
    /// The capture time is before the frame's before.
    LateFrame,
    /// The card's response plan has taken the model out of use, after an alert.
    Disabled,
}

/// What to do with one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Run the model on it.
    Run(Ticket),
    /// Do not.
    Skip(SkipReason),
}

/// Why a run gave no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RunFailure {
    /// The model or its preprocessing reported an error.
    Model,
    /// The model panicked; the panic was caught.
    Panicked,
    /// The output is not a value that the card allows.
    Refused(ValueFault),
    /// It took longer than the host or the card allows.
    TimedOut,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The model's value for the key frame.
    Value(Value),
    /// No value.
    Failed(RunFailure),
    /// The host dropped the run, or did so on the engine's request.
    Cancelled,
}

/// The end of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// The run.
    pub ticket: TicketId,
    /// How it ended.
    pub outcome: Outcome,
}

/// What became of a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Admission {
    /// The value is in use.
    Admitted,
    /// A newer result was there already; the value was used to judge the forecast only.
    Superseded,
    /// The ticket had expired, was completed before, or never existed.
    UnknownTicket,
    /// The run failed, or its value was refused.
    Failed(RunFailure),
    /// The run was cancelled.
    Cancelled,
}

/// What the host tells about the device.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Environment {
    /// Thermal headroom as Android defines it: 1.0 is where severe throttling starts. `None` when unknown.
    pub thermal_headroom: Option<f32>,
    /// Whether the user asked to save power.
    pub power_saving: bool,
    /// The display's refresh period.
    pub display_period: Option<Duration>,
}

/// Something that the host may want to know. Polled, never called back.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// `now` went backwards by this much; it was taken as the time before.
    ClockRegressed(Duration),
    /// No frame came for this long; trends were reset.
    Gap(Duration),
    /// A run did not end in time.
    TicketExpired(TicketId),
    /// The result of this run cannot be of use any more: cancel it if it is cheap to.
    Cancel(TicketId),
    /// A back-test found the answer wrong by `error` where `epsilon` was promised, at the capture time of a
    /// fresh result.
    Violation {
        /// The error, in the unit of the card's `epsilon`.
        error: f32,
        /// Whether the answer had said that it would be within tolerance.
        believed: bool,
    },
    /// The model fails: runs stop but for probes.
    BreakerOpened(RunFailure),
    /// The model works again.
    BreakerClosed,
    /// The source of the answers changed to a worse or better rung of the card's ladder.
    RungChanged(Rung),
    /// Runs are made with another variant of the model from now on.
    VariantChanged {
        /// The one before.
        from: u8,
        /// The new one; larger numbers are smaller models.
        to: u8,
        /// Why.
        why: SwitchReason,
    },
    /// Kept results for pictures that look alike were wrong more often than the card allows: all were forgotten.
    CacheFlushed,
    /// The model is wanted: stop the candidate's run on the frame of this run of the model, if it is cheap to.
    CancelShadow(TicketId),
    /// A person should look at this; it waits in the review queue.
    Review(ReviewItem),
    /// Nobody will look at this: the review queue is full, and all others in it are dearer. What was decided for the
    /// meantime stands.
    ReviewDropped(ReviewItem),
    /// A rule of the card's response plan fired. What the engine can do about it is done already; what `owner` must do is
    /// not.
    Alert {
        /// Its place in [`crate::MonitorConfig::responses`], where its signal and owner are.
        rule: u8,
        /// The signal's value.
        value: f32,
        /// How urgent it is.
        severity: Severity,
        /// What is done about it.
        response: Response,
    },
    /// The rule's signal has been well under its threshold for as long as it takes to fire; what was done is undone, but
    /// for a roll-back.
    AlertCleared {
        /// Its place in [`crate::MonitorConfig::responses`].
        rule: u8,
        /// The signal's value.
        value: f32,
    },
    /// A window of the monitor is full: its snapshot is ready until the next one is.
    WindowClosed,
    /// Events were lost because the host did not poll; how many.
    Overflow(u32),
}

/// What a timeout is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Timeout {
    /// A run's expiry.
    Ticket(TicketId),
    /// The breaker's next probe becomes possible.
    Probe,
    /// The newest result passes its maximum age.
    MaxAge,
    /// A window of the monitor ends.
    Window,
}
