//! The system card: what an app states about its decision, its tolerance, its budget and its model.
//!
//! A card is a TOML text. [`Card::parse`] refuses what it does not know, and every refusal names the line, the
//! field and what the field must be. Input and head of the model are *data* here: `inbetween-infer` interprets
//! them, so that a new model needs a card and no code.
//!
//! An engine needs a few sections only. A *complete* card has fourteen; [`review`] says what is missing, out of date or
//! against itself.
#![forbid(unsafe_code)]

mod card;
mod check;
mod date;
mod diff;
mod error;
mod fields;
mod locate;
mod review;
#[cfg(feature = "schema")]
mod schema;
mod sections;
mod signal;
mod signal_table;
mod tree;

pub use card::Card;
pub use date::{Date, DateError};
pub use diff::{Change, Effect, diff};
pub use error::CardError;
pub use fields::fields;
pub use review::{Finding, Item, Level, Review, Section, review};
#[cfg(feature = "schema")]
pub use schema::schema;
pub use sections::{
    baseline::{Baseline, Better, Candidate},
    data::{Data, DataSource, FeatureSource, LabelSource, SameFeatures},
    decision::{Decision, Outcome, ReviewCapacity},
    failure::Failure,
    fallback::{Fallback, FallbackRung, Ladder, RuleBox, RuleValue, Rung, RungName},
    goals::{Gate, Goal, Goals},
    metrics::{Metric, Metrics},
    model::{
        Activation, AnchorLayer, AudioInput, Beta, BoxOrder, Calibrator, Channels, ClassificationHead,
        ColorMatrix, ColorRange, Contract, ElementType, EmbeddingHead, FeatureSpec, FeaturesInput, Fit,
        FrameFormat, HeadSpec, Hits, ImageInput, InputSpec, Isotonic, KeypointScale, KeypointsHead, Layout,
        MaskHead, ModelFormat, ModelSpec, NmsMode, NmsSpec, Normalise, OutputRef, PerChannel, Platt,
        QuaternionOrder, RawHead, RegressionHead, Resample, RotationHead, SizeCoding, SsdHead, SsdOutputs,
        StateSpec, Temperature, TensorSpec, TensorsInput, VariantSpec, YoloHead, YoloLayout,
    },
    monitoring::{
        FeatureReference, LabelJoin, Monitoring, Reference, Response, ResponseAction, Severity, SignalRef,
        Slice,
    },
    ownership::Ownership,
    platform::{Abi, Os, Platform},
    serving::{Budget, Display, DisplayMode, Scheduling, Serving, ServingMode, Tolerance},
    user::{User, Volume},
    validation::{Step, StepStatus, Validation},
};
pub use signal::{AUDIO_FEATURES, FEATURE_SIGNALS, IMAGE_FEATURES, SIGNALS, SLICE_SIGNALS, signal_known};
pub use signal_table::{SIGNAL_TABLE, Signal, SignalKind};
