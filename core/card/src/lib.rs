//! The system card: what an app states about its decision, its tolerance, its budget and its model.
//!
//! A card is a TOML text. [`Card::parse`] refuses what it does not know, and every refusal names the line, the
//! field and what the field must be. Input and head of the model are *data* here: `inbetween-infer` interprets
//! them, so that a new model needs a card and no code.
//!
//! This stage holds the sections that run a model. Response plan, slices, manifest and signature come later;
//! until then a card that names them is refused rather than ignored.
#![forbid(unsafe_code)]

mod card;
mod check;
mod error;
mod head;
mod input;
mod locate;
mod signal;

pub use card::{
    Budget, Card, Contract, Decision, Display, DisplayMode, FrameFormat, Ladder, ModelSpec, RuleBox,
    RuleValue, Rung, Scheduling, StateSpec, Tolerance, VariantSpec,
};
pub use error::CardError;
pub use head::{
    Activation, AnchorLayer, BoxOrder, ClassificationHead, EmbeddingHead, HeadSpec, Hits, KeypointScale,
    KeypointsHead, MaskHead, NmsMode, NmsSpec, OutputRef, QuaternionOrder, RawHead, RegressionHead,
    RotationHead, SizeCoding, SsdHead, SsdOutputs, YoloHead, YoloLayout,
};
pub use input::{
    AudioInput, Channels, ColorMatrix, ColorRange, ElementType, FeatureSpec, FeaturesInput, Fit, ImageInput,
    InputSpec, Layout, Normalise, PerChannel, Resample, TensorSpec, TensorsInput,
};
pub use signal::{FEATURE_SIGNALS, SIGNALS, SLICE_SIGNALS, signal_known};
