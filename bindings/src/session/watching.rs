//! What a session tells people: items for review, labels that come back, metrics.
//! **Invariant:** none of it changes what an answer shows but by the card's own response plan.
//! It does not send anything: the host does.

use super::Session;
use crate::{
    decision::ReviewItem,
    error::SdkError,
    monitoring::{Labelled, MetricsSender, Truth},
    time,
};

#[uniffi::export]
impl Session {
    /// The item that is the dearest to leave unseen, for a person who is free now.
    ///
    /// # Errors
    /// When the session was shut down or failed.
    pub fn take_review(&self) -> Result<Option<ReviewItem>, SdkError> {
        self.with(|open| Ok(open.engine.take_review().map(Into::into)))
    }

    /// Takes the truth for the prediction that an answer named, as it becomes known: days later, as a rule.
    ///
    /// # Errors
    /// When the time is negative. A label that meets no prediction is a result, not an error.
    pub fn handle_label(&self, now_nanos: i64, prediction: u64, truth: Truth) -> Result<Labelled, SdkError> {
        let now = time::timestamp("now_nanos", now_nanos)?;
        self.change(|open| {
            Ok(open.engine.handle_label(now, inbetween::PredictionId(prediction), truth.into()).into())
        })
    }

    /// States the group of a slice that holds from now on, as the camera in use; whether the card has it.
    ///
    /// # Errors
    /// When the session was shut down or failed.
    pub fn set_slice(&self, slice: &str, value: &str) -> Result<bool, SdkError> {
        self.with(|open| Ok(open.engine.set_slice(slice, value)))
    }

    /// Says that another session of use begins, as when another person takes the device: one observation of drift each.
    ///
    /// # Errors
    /// When the session was shut down or failed.
    pub fn begin_session(&self) -> Result<(), SdkError> {
        self.with(|open| {
            open.engine.begin_session();
            Ok(())
        })
    }

    /// The last full window of the monitor as a message of OpenTelemetry's protocol, to be posted to `/v1/metrics`; none
    /// before the first `WindowClosed`, and when the card watches nothing.
    ///
    /// # Errors
    /// When the session was shut down or failed.
    pub fn metrics(&self, sender: &MetricsSender) -> Result<Option<Vec<u8>>, SdkError> {
        self.with(|open| {
            let version = open.engine.config().model_version;
            Ok(open.engine.snapshot().map(|snapshot| sender.encode(&snapshot, version)))
        })
    }
}
