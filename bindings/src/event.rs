//! What the host tells about the device, and what the session has to tell.
//! **Invariant:** events are polled, never called back; none is made up here but that a session failed.
//! It does not keep events: the engine's bounded queue does.

use crate::{
    decision::ReviewItem,
    error::SdkError,
    monitoring::{AlertRule, Response, Severity},
    plan::RunFailure,
    rung::Rung,
    time,
};

mirror! {
    /// Why another variant of the model runs from now on.
    SwitchReason = inbetween::SwitchReason {
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
}

/// What the host tells about the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, uniffi::Record)]
pub struct Environment {
    /// Thermal headroom as Android defines it: 1.0 is where severe throttling starts. Left out when unknown.
    pub thermal_headroom: Option<f32>,
    /// Whether the user asked to save power.
    pub power_saving: bool,
    /// The display's refresh period.
    pub display_period_nanos: Option<i64>,
}

impl TryFrom<Environment> for inbetween::Environment {
    type Error = SdkError;

    fn try_from(environment: Environment) -> Result<Self, SdkError> {
        let period = environment.display_period_nanos;
        Ok(Self {
            thermal_headroom: environment.thermal_headroom,
            power_saving: environment.power_saving,
            display_period: period.map(|p| time::duration("display_period_nanos", p)).transpose()?,
        })
    }
}

/// Something that the host may want to know.
#[derive(Clone, Debug, PartialEq, uniffi::Enum)]
pub enum Event {
    /// `now` went backwards; it was taken as the time before.
    ClockRegressed {
        /// By how much.
        by_nanos: i64,
    },
    /// No frame came for a while; trends were reset.
    Gap {
        /// For how long.
        for_nanos: i64,
    },
    /// A run did not end in time.
    TicketExpired {
        /// Which.
        ticket: u64,
    },
    /// The result of this run cannot be of use any more; it is being stopped.
    Cancelled {
        /// Which.
        ticket: u64,
    },
    /// A back-test found the answer wrong by `error` at the capture time of a fresh result.
    Violation {
        /// The error, in the unit of the card's `epsilon`.
        error: f32,
        /// Whether the answer had said that it would be within tolerance.
        believed: bool,
    },
    /// The model fails: runs stop but for probes.
    BreakerOpened {
        /// How the last run failed.
        failure: RunFailure,
    },
    /// The model works again.
    BreakerClosed,
    /// The source of the answers changed to a worse or better rung of the card's ladder.
    RungChanged {
        /// The rung.
        rung: Rung,
    },
    /// Runs are made with another variant of the model from now on.
    VariantChanged {
        /// The one before.
        before: u8,
        /// The new one; larger numbers are smaller models.
        after: u8,
        /// Why.
        why: SwitchReason,
    },
    /// Kept results for pictures that look alike were wrong too often: all were forgotten.
    CacheFlushed,
    /// A person should look at this; it waits in the review queue.
    Review {
        /// What waits.
        item: ReviewItem,
    },
    /// Nobody will look at this: the review queue is full of what is dearer. What was decided for the meantime stands.
    ReviewDropped {
        /// What was given up.
        item: ReviewItem,
    },
    /// A rule of the card's response plan fired. What the session can do about it is done already; what the owner must do is
    /// not.
    Alert {
        /// The rule's signal and owner.
        rule: AlertRule,
        /// The signal's value.
        value: f32,
        /// How urgent it is.
        severity: Severity,
        /// What is done about it.
        response: Response,
    },
    /// The rule's signal has been well under its threshold for a while; what was done is undone, but for a roll-back.
    AlertCleared {
        /// The rule's signal and owner.
        rule: AlertRule,
        /// The signal's value.
        value: f32,
    },
    /// A window of the monitor is full.
    WindowClosed,
    /// Events were lost because the host did not poll.
    Overflow {
        /// How many.
        lost: u32,
    },
    /// The SDK panicked inside. This session answers no more; make a new one. Told once.
    SessionFailed {
        /// What the panic said.
        reason: String,
    },
    /// One that this version of the bindings has no name for.
    Other,
}

impl Event {
    /// The next one of an engine.
    pub(crate) fn next(engine: &mut inbetween::Engine) -> Option<Self> {
        let event = engine.poll_event()?;
        let rule = |rule| AlertRule::of(engine.config().monitoring.as_ref(), rule);
        Some(match event {
            inbetween::Event::Alert { rule: number, value, severity, response } => Self::Alert {
                rule: rule(number),
                value,
                severity: severity.into(),
                response: response.into(),
            },
            inbetween::Event::AlertCleared { rule: number, value } => {
                Self::AlertCleared { rule: rule(number), value }
            }
            other => other.into(),
        })
    }
}

impl From<inbetween::Event> for Event {
    fn from(event: inbetween::Event) -> Self {
        match event {
            inbetween::Event::ClockRegressed(by) => Self::ClockRegressed { by_nanos: time::span(by) },
            inbetween::Event::Gap(length) => Self::Gap { for_nanos: time::span(length) },
            inbetween::Event::TicketExpired(id) => Self::TicketExpired { ticket: id.0 },
            inbetween::Event::Cancel(id) => Self::Cancelled { ticket: id.0 },
            inbetween::Event::Violation { error, believed } => Self::Violation { error, believed },
            inbetween::Event::BreakerOpened(why) => Self::BreakerOpened { failure: why.into() },
            inbetween::Event::BreakerClosed => Self::BreakerClosed,
            inbetween::Event::RungChanged(rung) => Self::RungChanged { rung: rung.into() },
            inbetween::Event::VariantChanged { from, to, why } => {
                Self::VariantChanged { before: from, after: to, why: why.into() }
            }
            inbetween::Event::CacheFlushed => Self::CacheFlushed,
            inbetween::Event::Review(item) => Self::Review { item: item.into() },
            inbetween::Event::ReviewDropped(item) => Self::ReviewDropped { item: item.into() },
            inbetween::Event::WindowClosed => Self::WindowClosed,
            inbetween::Event::Overflow(lost) => Self::Overflow { lost },
            _ => Self::Other,
        }
    }
}

/// What a timeout is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum TimeoutReason {
    /// A run's expiry.
    Ticket {
        /// Which.
        ticket: u64,
    },
    /// The breaker's next probe becomes possible.
    Probe,
    /// The newest result passes its maximum age.
    MaxAge,
    /// A window of the monitor ends.
    Window,
    /// One that this version of the bindings has no name for.
    Other,
}

/// When `handle_timeout` is due, and why. Calling it late does no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Timeout {
    /// When.
    pub at_nanos: i64,
    /// Why.
    pub reason: TimeoutReason,
}

impl From<(inbetween::Timestamp, inbetween::Timeout)> for Timeout {
    fn from((at, why): (inbetween::Timestamp, inbetween::Timeout)) -> Self {
        let reason = match why {
            inbetween::Timeout::Ticket(id) => TimeoutReason::Ticket { ticket: id.0 },
            inbetween::Timeout::Probe => TimeoutReason::Probe,
            inbetween::Timeout::MaxAge => TimeoutReason::MaxAge,
            inbetween::Timeout::Window => TimeoutReason::Window,
            _ => TimeoutReason::Other,
        };
        Self { at_nanos: time::nanos(at), reason }
    }
}
