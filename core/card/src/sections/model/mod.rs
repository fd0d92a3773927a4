//! The model path: file and hash, what the model eats and says, its calibrator and its variants.
//! **Invariant:** input and head are data; there is no code per model.
//! It does not load a model: `inbetween-infer` does.

mod calibrator;
mod check;
mod head;
mod input;

use serde::Deserialize;

pub use calibrator::{Beta, Calibrator, Isotonic, Platt, Temperature};
pub use head::{
    Activation, AnchorLayer, BoxOrder, ClassificationHead, EmbeddingHead, HeadSpec, Hits, KeypointScale,
    KeypointsHead, MaskHead, NmsMode, NmsSpec, OutputRef, QuaternionOrder, RawHead, RegressionHead,
    RotationHead, SizeCoding, SsdHead, SsdOutputs, YoloHead, YoloLayout,
};
pub use input::{
    AudioInput, Channels, ColorMatrix, ColorRange, ElementType, FeatureSpec, FeaturesInput, Fit, ImageInput,
    InputSpec, Layout, Normalise, PerChannel, Resample, TensorSpec, TensorsInput,
};

/// The model: where its bytes are, what it eats and what it says.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// Its name.
    pub name: String,
    /// Its version; every answer carries it.
    pub version: u32,
    /// Its file in the bundle.
    pub file: String,
    /// Format of the file.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub format: Option<ModelFormat>,
    /// SHA-256 of the file, 64 hexadecimal digits.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub sha256: Option<String>,
    /// How frames become its input.
    pub input: InputSpec,
    /// How its output becomes a value.
    pub head: HeadSpec,
    /// From what the model says to a probability.
    pub calibrator: Option<Calibrator>,
    /// Recurrent state: outputs that are inputs of the next run.
    #[serde(default)]
    pub state: Vec<StateSpec>,
    /// What frames must be, beyond what `input` implies.
    #[serde(default)]
    pub input_contract: Contract,
    /// Smaller models for the same output, the largest first: used when this one is too slow, too hot or better than
    /// needed.
    #[serde(default)]
    pub variants: Vec<VariantSpec>,
}

/// Format of a model's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ModelFormat {
    /// Open Neural Network Exchange.
    Onnx,
}

impl ModelSpec {
    /// The model itself (0) or one of its variants (from 1 on) as a model of its own; `None` where there is none.
    pub fn variant(&self, index: usize) -> Option<Self> {
        let Some(i) = index.checked_sub(1) else {
            return Some(Self { variants: Vec::new(), ..self.clone() });
        };
        self.variants.get(i).map(|v| Self {
            name: v.name.clone(),
            version: v.version,
            file: v.file.clone(),
            format: self.format,
            sha256: v.sha256.clone(),
            input: v.input.clone().unwrap_or_else(|| self.input.clone()),
            head: v.head.clone().unwrap_or_else(|| self.head.clone()),
            calibrator: v.calibrator.clone().or_else(|| self.calibrator.clone()),
            state: Vec::new(),
            input_contract: self.input_contract.clone(),
            variants: Vec::new(),
        })
    }
}

/// A smaller model for the same output.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VariantSpec {
    /// Its name.
    pub name: String,
    /// Its version; answers that rest on it carry it.
    pub version: u32,
    /// Its file in the bundle.
    pub file: String,
    /// SHA-256 of the file, 64 hexadecimal digits.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub sha256: Option<String>,
    /// Energy of a run, as a share of one of the model itself: measured, or by multiply-accumulates.
    pub energy: f32,
    /// Size of its errors, as a multiple of the model's own, on the app's validation data.
    pub error_scale: f32,
    /// What a run is believed to take before any was measured, in milliseconds; `energy` of what the model takes when
    /// left out.
    pub initial_latency_ms: Option<f64>,
    /// How frames become its input, where that differs from the model.
    pub input: Option<InputSpec>,
    /// How its output becomes a value, where that differs from the model. The kind of the value is the same.
    pub head: Option<HeadSpec>,
    /// From what it says to a probability; the model's own when left out.
    pub calibrator: Option<Calibrator>,
}

/// One recurrent state: zeros at first, then the output of the run before.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StateSpec {
    /// Name of the input.
    pub input: String,
    /// Name of the output that feeds it.
    pub output: String,
    /// Dimensions.
    pub shape: Vec<usize>,
}

/// What image frames must be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Accepted formats; all when empty.
    #[serde(default)]
    pub formats: Vec<FrameFormat>,
    /// Smallest accepted buffer side, in pixels.
    #[serde(default = "Contract::default_min_side")]
    pub min_side: u32,
    /// Largest accepted buffer side, in pixels.
    #[serde(default = "Contract::default_max_side")]
    pub max_side: u32,
}

impl Contract {
    const fn default_min_side() -> u32 {
        16 // the least that the engine accepts
    }
    const fn default_max_side() -> u32 {
        8192
    }
}

impl Default for Contract {
    fn default() -> Self {
        Self { formats: Vec::new(), min_side: Self::default_min_side(), max_side: Self::default_max_side() }
    }
}

/// A pixel format by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FrameFormat {
    /// Luma plane, then interleaved U, V.
    Nv12,
    /// Luma plane, then interleaved V, U.
    Nv21,
    /// Three planes.
    I420,
    /// R, G, B, A bytes.
    Rgba8,
    /// B, G, R, A bytes.
    Bgra8,
    /// R, G, B bytes.
    Rgb8,
    /// Luma bytes.
    Gray8,
}
