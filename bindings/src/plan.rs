//! What to do with a frame, how a run ended, what became of it.
//! **Invariant:** late, failed, cancelled and skipped runs are values here, not errors.
//! It does not decide: every value is the facade's.

use inbetween::Outcome;

mirror! {
    /// Why a run was asked for.
    RunReason = inbetween::RunReason {
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
}

mirror! {
    /// Why a frame is not run.
    SkipReason = inbetween::SkipReason {
        /// The answers are forecast to be within the tolerance.
        WithinTolerance,
        /// A run is wanted, but as many as allowed are in flight; a newer frame will be taken when one ends.
        InFlight,
        /// A run is wanted, but would end after its deadline by the learnt latency.
        Deadline,
        /// A run is wanted, but the duty budget is spent.
        Budget,
        /// A run is wanted, but the device is too hot for it.
        Heat,
        /// A run is wanted, but the energy budget is spent, or power is to be saved.
        Energy,
        /// A run is wanted, but other sessions that share the budget have their turn.
        Shared,
        /// The same model input was answered before: the cached result is used.
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
}

mirror! {
    /// Why a model's output is refused.
    ValueFault = inbetween::ValueFault {
        /// A number that is NaN or infinite, or a box whose edges are out of order.
        NotFinite,
        /// A score or probability outside its range, a distribution that does not sum to one, a rotation or
        /// embedding that is not of unit length, or a mask without a sound grid.
        OutOfRange,
        /// Another kind than the card promises.
        WrongKind,
        /// Another count of elements than the results before.
        WrongLength,
    }
}

/// What to do with one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum FramePlan {
    /// Run the model: call `run(ticket)` on a worker, then `handle_completion`. What the model needs of the frame
    /// was copied; the camera may have its buffer back.
    Run {
        /// The run's name.
        ticket: u64,
        /// Why.
        reason: RunReason,
        /// When the engine stops waiting for it.
        expires_nanos: i64,
    },
    /// Do not.
    Skip {
        /// Why.
        reason: SkipReason,
    },
}

/// Why a run gave no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum RunFailure {
    /// The model or its preprocessing reported an error.
    Model,
    /// The model panicked; the panic was caught.
    Panicked,
    /// The output is not a value that the card allows.
    Refused {
        /// What is wrong with it.
        fault: ValueFault,
    },
    /// It took longer than the host or the card allows.
    TimedOut,
    /// One that this version of the bindings has no name for.
    Other,
}

impl From<inbetween::RunFailure> for RunFailure {
    fn from(failure: inbetween::RunFailure) -> Self {
        match failure {
            inbetween::RunFailure::Model => Self::Model,
            inbetween::RunFailure::Panicked => Self::Panicked,
            inbetween::RunFailure::Refused(fault) => Self::Refused { fault: fault.into() },
            inbetween::RunFailure::TimedOut => Self::TimedOut,
            _ => Self::Other,
        }
    }
}

/// How a run ended. Its value waits in the session for `handle_completion`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum RunEnd {
    /// With a value.
    Value,
    /// Without one.
    Failed {
        /// Why.
        failure: RunFailure,
    },
    /// It was cancelled, by the host or because its result could be of no use any more.
    Cancelled,
    /// There was nothing to run: the ticket expired, was run before, or the session was reset.
    Gone,
}

impl From<&Outcome> for RunEnd {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Value(_) => Self::Value,
            Outcome::Failed(why) => Self::Failed { failure: (*why).into() },
            Outcome::Cancelled => Self::Cancelled,
        }
    }
}

/// What became of a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Admission {
    /// The value is in use.
    Admitted,
    /// A newer result was there already; the value was used to judge the forecast only.
    Superseded,
    /// The ticket had expired, was completed before, or the session was reset.
    UnknownTicket,
    /// The run failed, or its value was refused.
    Failed {
        /// Why.
        failure: RunFailure,
    },
    /// The run was cancelled.
    Cancelled,
    /// One that this version of the bindings has no name for.
    Other,
}

impl From<inbetween::Admission> for Admission {
    fn from(admission: inbetween::Admission) -> Self {
        match admission {
            inbetween::Admission::Admitted => Self::Admitted,
            inbetween::Admission::Superseded => Self::Superseded,
            inbetween::Admission::UnknownTicket => Self::UnknownTicket,
            inbetween::Admission::Failed(why) => Self::Failed { failure: why.into() },
            inbetween::Admission::Cancelled => Self::Cancelled,
            _ => Self::Other,
        }
    }
}
