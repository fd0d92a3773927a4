//! All policy of Inbetween, without I/O.
//!
//! This crate decides on each frame whether the model runs, and what stands in the answer for each display
//! refresh. It is `no_std`: the compiler itself refuses clocks, files, sockets and threads. Mathematics goes
//! through `libm`, so that every target computes the same bits. Apps use the facade crate `inbetween`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod answer;
pub mod cache;
mod config;
mod contract;
pub mod decide;
mod decision;
mod engine;
mod error;
mod frame;
pub mod gate;
mod geometry;
mod ingredient;
pub mod monitor;
mod plan;
mod quaternion;
mod rng;
pub mod rollout;
mod rung;
mod schedule;
pub mod source;
mod time;
mod value;

pub use answer::{Answer, Carry, Degraded, PredictionId, Source};
pub use config::{
    Bound, Budget, Config, DisplayMode, FeatureContract, FeatureWatch, InputContract, MonitorConfig,
    Response, ResponseRule, Scheduling, Session, Severity, SliceWatch, Tolerance, Variant,
};
pub use decision::{Action, Calibrator, Costs, DecideConfig, Decision, ReviewConfig, ReviewItem, Thresholds};
pub use engine::{Answerer, Engine, EventEngine, Inspection, LATCHED_BYTES, LatchError, Restored};
pub use error::{ConfigError, FrameError};
pub use frame::{
    Audio, CameraMotion, Elements, Feature, FeatureValue, Frame, Image, Input, Luma, LumaLayout, PixelFormat,
    Plane, Rotation, Samples, Tensor,
};
pub use geometry::{Point, Rect};
pub use ingredient::Ingredients;
pub use monitor::{Labelled, Truth};
pub use plan::{
    Admission, Completion, Environment, Event, Outcome, Plan, RunFailure, RunReason, SkipReason,
    SwitchReason, Ticket, TicketId, Timeout,
};
pub use quaternion::Quaternion;
pub use rung::Rung;
pub use schedule::{Member, Share, SharedBudget, SharedLimits};
pub use time::Timestamp;
pub use value::{Detection, Keypoint, Label, Mask, Value, ValueFault, ValueKind};
