//! Scenes with exact truth and rendered pixels, simulated detectors and latencies, baselines, metrics.
//!
//! A scene is data ([`SceneSpec`]); with a seed it becomes a [`Scene`] that renders frames and knows the truth at
//! every time. [`run()`] lets several policies meet the same frames in virtual time and scores every display
//! refresh. There is no clock, file, thread or ambient randomness in this crate: the same scene and seed give the
//! same bytes and the same figures everywhere.
#![forbid(unsafe_code)]

pub mod measure;
mod model;
pub mod oracle;
pub mod policy;
pub mod rng;
mod run;
mod scene;
mod spec;
pub mod trace;
pub mod tune;

pub use measure::{EnergyProfile, PROFILES, Phase, Report, Row, RunCost, Timeline};
pub use model::{Detector, SimulatedDetector, Worker};
pub use policy::{Policy, PolicyError, Shown, Step, reason_of_run, reason_of_skip, shown};
pub use run::{Moment, Setup, run};
pub use scene::{Colour, RenderedFrame, Scene, Truth};
pub use spec::{
    Background, Camera, Change, DetectorSpec, Display, Easing, Edge, FrequencyStep, LabelSpec, LatencySpec,
    Light, Motion, Num, Object, Pattern, PhotoSpec, Photograph, Photographs, SceneError, SceneSpec, Shape,
    Split, Texture, ToleranceSpec, Views,
};
