//! On-device inference on key frames, with answers for every frame in between.
//!
//! An app states in a *system card* which decision the answers drive, how much error it can live with and what it
//! can spend. The [`Engine`] decides on each frame whether the model runs; at each display refresh it answers, says
//! where the answer came from, and whether it believes it to be within the tolerance.
//!
//! # The run loop
//!
//! The core does no I/O: it starts no thread and reads no clock. The host owns three loops, which may be three
//! threads that share the engine behind a lock, or one:
//!
//! - **capture**: for each camera frame, [`Engine::handle_frame`]. It never runs the model and takes microseconds.
//!   On [`Plan::Run`] it hands the [`Job`] and the frame to the worker.
//! - **worker**: [`Job::run`] takes as long as the model takes; the engine is not locked meanwhile. If the camera
//!   wants its buffer back early, [`Job::prepare`] copies what the model needs and [`PreparedJob::run`] needs no
//!   frame. The [`Completion`] goes to [`Engine::handle_completion`], whatever it says: failed, late and cancelled
//!   runs are normal.
//! - **display**: before each refresh, [`Engine::answer_at`] the time at which the refresh will be seen.
//!
//! Now and then, on any of them: [`Engine::poll_event`], and [`Engine::handle_timeout`] when
//! [`Engine::poll_timeout`] is due.
//!
//! All times are [`Timestamp`]s of one monotonic clock that the host chooses. A job that is dropped without a
//! completion is not lost: its ticket expires.
//!
//! # Example
//! ```
//! use std::{sync::mpsc, thread, time::Duration};
//! use inbetween::{Bundle, Completion, Engine, Frame, Image, Options, PixelFormat, Plan, Timestamp, Value};
//!
//! let card = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/bright_spot.toml"));
//! let model = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/bright_spot.onnx"));
//! let mut engine = Engine::new(Bundle::from_parts(card, model)?, Options { seed: 7 })?;
//!
//! // The worker: owns no engine, only jobs and the frames that they are for.
//! let (to_worker, jobs) = mpsc::channel::<(inbetween::Job, Vec<u8>, Timestamp)>();
//! let (to_engine, completions) = mpsc::channel::<Completion>();
//! let worker = thread::spawn(move || {
//!     for (job, pixels, captured) in jobs {
//!         let frame = Frame::image(captured, Image::packed(PixelFormat::Gray8, 64, 64, &pixels));
//!         to_engine.send(job.run(&frame)).unwrap();
//!     }
//! });
//!
//! // Capture and display, here in one loop: a bright square in a dark picture.
//! let mut pixels = vec![10_u8; 64 * 64];
//! for y in 16..32 {
//!     pixels[y * 64 + 32..y * 64 + 48].fill(250);
//! }
//! for n in 0..10_u64 {
//!     let captured = Timestamp::from_millis(1000 + 33 * n);
//!     let now = captured + Duration::from_millis(2);
//!     let frame = Frame::image(captured, Image::packed(PixelFormat::Gray8, 64, 64, &pixels));
//!     match engine.handle_frame(now, &frame)? {
//!         Plan::Run(job) => to_worker.send((job, pixels.clone(), captured)).unwrap(),
//!         Plan::Skip(_why) => {}
//!     }
//!     // A real loop would use `try_recv` here and go on; the example waits for the first result.
//!     let completed = if n == 0 { completions.recv().ok() } else { completions.try_recv().ok() };
//!     if let Some(completion) = completed {
//!         engine.handle_completion(now + Duration::from_millis(5), completion);
//!     }
//!     let answer = engine.answer_at(now + Duration::from_millis(16));
//!     let Some(Value::Boxes(boxes)) = &answer.value else { panic!("{answer:?}") };
//!     assert_eq!(boxes.len(), 1);
//!     assert!((boxes[0].bounds.center().x - 40.0).abs() < 1.0);
//! }
//! drop(to_worker);
//! worker.join().unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod bundle;
mod candidate;
mod convert;
mod engine;
mod error;
mod job;
mod scorer;
mod shadow;

pub use bundle::Bundle;
pub use convert::{config, variant_contracts};
pub use engine::{Engine, Options, Plan};
pub use error::{BundleError, EngineError};
pub use job::{Job, PreparedJob};
pub use scorer::Scorer;
pub use shadow::{PreparedShadow, ShadowJob};

pub use inbetween_card::{Card, CardError};
/// Staged rollouts of candidates.
pub use inbetween_flow::rollout;
pub use inbetween_flow::{
    Action, Admission, Answer, Answerer, Audio, Calibrator, CameraMotion, Carry, Completion, Config,
    ConfigError, Costs, DecideConfig, Decision, Degraded, Detection, Elements, Environment, Event,
    EventEngine, Feature, FeatureValue, FeatureWatch, Frame, FrameError, Image, Input, Keypoint,
    LATCHED_BYTES, Label, Labelled, LatchError, Mask, Member, MonitorConfig, Outcome, PixelFormat, Plane,
    Point, PredictionId, Quaternion, Rect, Response, ResponseRule, Restored, ReviewConfig, ReviewItem,
    Rotation, RunFailure, RunReason, Rung, Samples, Session, Severity, Share, SharedBudget, SharedLimits,
    SkipReason, SliceWatch, Source, SwitchReason, Tensor, Thresholds, Ticket, TicketId, Timeout, Timestamp,
    Truth, Value, ValueFault, ValueKind, Variant, monitor,
};
pub use inbetween_infer::{
    CancelToken, InputFault, LoadError, LoadLimits, Model, Placement, RunError, Runner, Work,
};

/// The example of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
