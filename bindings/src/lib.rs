//! The facade for Kotlin, Swift and Python.
//!
//! One object, [`Session`], holds an engine behind a lock. A host gives it frames on its capture thread, runs the
//! model on a worker with [`Session::run`], and asks for an answer before each refresh with [`Session::answer_at`].
//! Everything else is plain data. No decision is made here: each call is one call of the facade `inbetween`.
//!
//! Times are `i64` nanoseconds of one monotonic clock that the host chooses (`System.nanoTime`, `SensorEvent` time,
//! `CACurrentMediaTime`). Negative ones are refused.
//!
//! A session takes images only: audio and tensors are in the facade, not here. [`Scorer`] takes features, of events that
//! have nothing to do with each other.
#![deny(unsafe_code)]

#[macro_use]
mod mirror;
mod answer;
mod decision;
mod error;
mod event;
#[cfg_attr(target_os = "ios", allow(dead_code))] // only the JVM calls it
mod fast;
mod frame;
mod front;
mod guard;
mod jobs;
mod logging;
mod monitoring;
mod plan;
mod registry;
mod rung;
mod scorer;
mod session;
mod shared;
mod time;

pub use answer::{Answer, Carry, Degraded, DetectedBox, Keypoint, Source, Value};
pub use decision::{Action, Decision, ReviewItem};
pub use error::{FrameFault, ModelFault, SdkError};
pub use event::{Environment, Event, Timeout, TimeoutReason};
pub use fast::take_fast_error;
pub use frame::{
    CameraMotion, ImageGeometry, PixelFormat, PlaneLayout, Rect, Rotation, camera_motion_from_turn,
};
pub use logging::{LogLevel, LogSink, LogSinkError, log_problem, set_log_sink};
pub use monitoring::{AlertRule, Labelled, MetricsSender, Response, Severity, Truth};
pub use plan::{Admission, FramePlan, RunEnd, RunFailure, RunReason, SkipReason, ValueFault};
pub use rung::Rung;
pub use scorer::{Feature, ScoredEvent, Scorer, bucket};
pub use session::Session;
pub use shared::{SharedBudget, SharedLimits};

uniffi::setup_scaffolding!();

/// The version of the SDK.
#[uniffi::export]
pub fn sdk_version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
