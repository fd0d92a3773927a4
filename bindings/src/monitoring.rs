//! The live monitor as hosts see it: labels for predictions, and what the card's response plan tells.
//! **Invariant:** the same words and numbers as those of the facade; ids of signals and owners are those of the card.
//! It does not judge: the monitor of `inbetween-flow` does.

use inbetween::{
    MonitorConfig,
    monitor::export::{Sender, Snapshot},
};

/// The truth for a prediction, as it became known.
#[derive(Clone, Copy, Debug, PartialEq, uniffi::Enum)]
pub enum Truth {
    /// The class that it was.
    Class {
        /// Its index.
        index: u32,
    },
    /// The number that it was, for a scalar.
    Number {
        /// The number.
        number: f32,
    },
}

impl From<Truth> for inbetween::Truth {
    fn from(truth: Truth) -> Self {
        match truth {
            Truth::Class { index } => Self::Class(index),
            Truth::Number { number } => Self::Number(number),
        }
    }
}

/// What became of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Labelled {
    /// It met its prediction.
    Joined {
        /// Whether that was wrong.
        wrong: bool,
    },
    /// Its prediction had expired.
    Expired,
    /// Its prediction was pushed out by newer ones, is labelled already, or never was.
    Unknown,
    /// A label of this kind says nothing about such a prediction.
    WrongKind,
    /// Nothing is watched: the card has no monitoring.
    Unwatched,
    /// One that this version of the bindings has no name for.
    Other,
}

impl From<inbetween::Labelled> for Labelled {
    fn from(labelled: inbetween::Labelled) -> Self {
        match labelled {
            inbetween::Labelled::Joined { wrong } => Self::Joined { wrong },
            inbetween::Labelled::Expired => Self::Expired,
            inbetween::Labelled::Unknown => Self::Unknown,
            inbetween::Labelled::WrongKind => Self::WrongKind,
            inbetween::Labelled::Unwatched => Self::Unwatched,
            _ => Self::Other,
        }
    }
}

/// How urgent an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Severity {
    /// It is written down.
    Log,
    /// Somebody looks at it in office hours.
    Ticket,
    /// Somebody is called.
    Page,
}

impl From<inbetween::Severity> for Severity {
    fn from(severity: inbetween::Severity) -> Self {
        match severity {
            inbetween::Severity::Log => Self::Log,
            inbetween::Severity::Ticket => Self::Ticket,
            inbetween::Severity::Page => Self::Page,
        }
    }
}

mirror! {
    /// What is done about an alert.
    Response = inbetween::Response {
        /// The host is told. Every other response tells it, too.
        Alert,
        /// Answers come from the lowest rungs, the rule or none; the model still runs and is still watched.
        FallBack,
        /// The model is not run, and answers come from the lowest rungs.
        Disable,
        /// The variant that runs is not run again. The host brings the version before.
        RollBack,
        /// The host is told that a new model is due.
        Retrain,
    }
}

/// Who metrics are from, and how their times are told.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct MetricsSender {
    /// Name of the app, which is the service of OpenTelemetry.
    pub service: String,
    /// Half of a random number that the host draws, and may draw anew at any time.
    pub instance_high: u64,
    /// The other half.
    pub instance_low: u64,
    /// Unix time of the session's clock at 0, in nanoseconds.
    pub origin_unix_nanos: u64,
}

impl MetricsSender {
    /// The window as bytes of OpenTelemetry's protocol.
    pub(crate) fn encode(&self, snapshot: &Snapshot<'_>, model_version: u32) -> Vec<u8> {
        let mut instance = [0; 16];
        instance[..8].copy_from_slice(&self.instance_high.to_be_bytes());
        instance[8..].copy_from_slice(&self.instance_low.to_be_bytes());
        let (service, origin_unix_nanos) = (&*self.service, self.origin_unix_nanos);
        snapshot.otlp(&Sender { service, instance, model_version, origin_unix_nanos })
    }
}

/// A rule of the card's response plan.
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct AlertRule {
    /// The metric's id, as the card names it.
    pub signal: String,
    /// Who answers for it.
    pub owner: String,
}

impl AlertRule {
    /// Rule number `rule`; empty words when the card has none.
    pub(crate) fn of(config: Option<&MonitorConfig>, rule: u8) -> Self {
        let rule = config.and_then(|c| c.responses.get(usize::from(rule)));
        rule.map_or_else(
            || Self { signal: String::new(), owner: String::new() },
            |rule| Self { signal: rule.signal.clone(), owner: rule.owner.clone() },
        )
    }
}
