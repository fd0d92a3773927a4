//! What the model eats, as data: how a frame becomes its input tensors.
//! **Invariant:** everything that preprocessing depends on is a field here; there is no code per model.
//! It does not convert pixels or samples: `inbetween-infer` does.

use serde::Deserialize;

/// How frames become the model's input.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum InputSpec {
    /// A picture.
    Image(ImageInput),
    /// A block of samples.
    Audio(AudioInput),
    /// Tensors that the host fills.
    Tensors(TensorsInput),
    /// Named numbers and categories.
    Features(FeaturesInput),
}

impl InputSpec {
    /// Names of all that a frame must bring: of features or tensors, or `image` or `audio`.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Image(_) => vec!["image"],
            Self::Audio(_) => vec!["audio"],
            Self::Tensors(t) => t.tensors.iter().map(|t| t.name.as_str()).collect(),
            Self::Features(f) => f.features.iter().map(|f| f.name.as_str()).collect(),
        }
    }

    /// One line for each of them, with what it must be: what the schema's hash is taken of.
    pub(crate) fn schema(&self) -> String {
        let lines: Vec<String> = match self {
            Self::Image(i) => vec![format!("image {}x{} {:?} {:?}", i.width, i.height, i.channels, i.range)],
            Self::Audio(a) => vec![format!("audio {} {}", a.sample_rate, a.block)],
            Self::Tensors(t) => {
                t.tensors.iter().map(|t| format!("tensor {:?} {:?} {:?}", t.name, t.dtype, t.shape)).collect()
            }
            Self::Features(f) => f.features.iter().map(FeatureSpec::schema).collect(),
        };
        lines.join("\n")
    }
}

/// A picture for the model.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ImageInput {
    /// Name of the model's input; its first one when left out.
    pub tensor: Option<String>,
    /// Width of the model's picture, in pixels.
    pub width: u32,
    /// Height of the model's picture, in pixels.
    pub height: u32,
    /// Which channels, in which order.
    #[serde(default)]
    pub channels: Channels,
    /// Order of the tensor's axes.
    #[serde(default)]
    pub layout: Layout,
    /// How a frame (or its region) of another shape is made to fit.
    #[serde(default)]
    pub fit: Fit,
    /// Value of the bars that a letterbox leaves, in pixel units from 0 to 255, before normalising.
    #[serde(default)]
    pub pad: u8,
    /// From bytes to the model's numbers.
    #[serde(default)]
    pub normalise: Normalise,
    /// Element type of the tensor.
    #[serde(default)]
    pub dtype: ElementType,
    /// Filter of the resize.
    #[serde(default)]
    pub resample: Resample,
    /// Matrix of YUV frames.
    #[serde(default)]
    pub matrix: ColorMatrix,
    /// Range of YUV frames.
    #[serde(default)]
    pub range: ColorRange,
}

/// Channels of the model's picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Channels {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red, as models trained with OpenCV expect.
    Bgr,
    /// Brightness.
    Gray,
    /// Red, green, blue and a constant alpha of 255.
    Rgba,
}

impl Channels {
    /// How many there are.
    pub const fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb | Self::Bgr => 3,
            Self::Rgba => 4,
        }
    }
}

/// Order of a picture tensor's axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Batch, channel, row, column (PyTorch).
    #[default]
    Nchw,
    /// Batch, row, column, channel (TensorFlow).
    Nhwc,
}

/// How a frame is made to fit the model's picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Keep the shape, whole frame visible, centred between bars.
    #[default]
    Letterbox,
    /// Fill the picture, shape distorted.
    Stretch,
    /// Keep the shape, fill the picture, cut what sticks out on both sides.
    Crop,
}

/// Filter of the resize.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Resample {
    /// Bilinear, widened when shrinking so that nothing aliases (Pillow's `BILINEAR`, torchvision's `antialias=True`).
    #[default]
    Antialias,
    /// Bilinear over four pixels at any scale (OpenCV's `INTER_LINEAR`).
    Bilinear,
    /// The nearest pixel.
    Nearest,
}

/// Which matrix turns YUV into RGB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ColorMatrix {
    /// ITU-R BT.601: what cameras of phones deliver, and standard-definition video.
    #[default]
    Bt601,
    /// ITU-R BT.709: high-definition video.
    Bt709,
}

/// Which values YUV bytes take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ColorRange {
    /// 16 to 235 (chroma 16 to 240): video files, and Apple's `420YpCbCr8BiPlanarVideoRange`.
    #[default]
    Limited,
    /// 0 to 255: JPEG, Apple's `…FullRange`, and most Android cameras (`YUV_420_888` in the JFIF data space).
    Full,
}

/// Element type of a tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ElementType {
    /// 32-bit float.
    #[default]
    F32,
    /// Byte.
    U8,
    /// 64-bit signed integer.
    I64,
    /// 32-bit signed integer.
    I32,
}

/// One number for all channels or one for each.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "a number, or a list with one number for each channel")]
pub enum PerChannel {
    /// For all channels.
    All(f32),
    /// For each channel, in the order of [`Channels`].
    Each(Vec<f32>),
}

impl PerChannel {
    /// The number of channel `c`; the last of a list that is too short.
    pub fn of(&self, c: usize) -> f32 {
        match self {
            Self::All(x) => *x,
            Self::Each(list) => list.get(c).or(list.last()).copied().unwrap_or(0.0),
        }
    }

    /// All numbers.
    pub fn values(&self) -> &[f32] {
        match self {
            Self::All(x) => core::slice::from_ref(x),
            Self::Each(list) => list,
        }
    }
}

/// From bytes to the model's numbers: either `mean` and `std` (of pixels scaled to 0…1, as PyTorch states them) or
/// `scale` and `offset` (of bytes). With none of them, bytes become 0…1.
///
/// # Units
/// `(byte / 255 − mean) / std`, or `byte · scale + offset`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Normalise {
    /// Mean of pixels scaled to 0…1.
    pub mean: Option<PerChannel>,
    /// Standard deviation of pixels scaled to 0…1.
    pub std: Option<PerChannel>,
    /// Factor of bytes.
    pub scale: Option<PerChannel>,
    /// Added after scaling.
    pub offset: Option<PerChannel>,
}

impl Normalise {
    /// The factor and the offset that take a byte of channel `c` to the model's number.
    pub fn factors(&self, c: usize) -> (f32, f32) {
        if self.scale.is_some() || self.offset.is_some() {
            let scale = self.scale.as_ref().map_or(1.0, |s| s.of(c));
            return (scale, self.offset.as_ref().map_or(0.0, |o| o.of(c)));
        }
        let mean = self.mean.as_ref().map_or(0.0, |m| m.of(c));
        let std = self.std.as_ref().map_or(1.0, |s| s.of(c));
        (1.0 / (255.0 * std), -mean / std)
    }
}

/// A block of mono samples for the model, scaled to −1…1.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AudioInput {
    /// Name of the model's input; its first one when left out.
    pub tensor: Option<String>,
    /// Samples a second.
    pub sample_rate: u32,
    /// Samples in one frame's block.
    pub block: u32,
    /// Samples of the block before that are put in front; zeros when that block was not run just before.
    #[serde(default)]
    pub context: u32,
}

/// Tensors that the host fills.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TensorsInput {
    /// What each must be.
    pub tensors: Vec<TensorSpec>,
}

/// One tensor that the host fills.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TensorSpec {
    /// Name of the model's input.
    pub name: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its element type.
    #[serde(default)]
    pub dtype: ElementType,
}

/// Named numbers and categories, in one row vector of floats.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FeaturesInput {
    /// Name of the model's input; its first one when left out.
    pub tensor: Option<String>,
    /// The features in the model's order.
    pub features: Vec<FeatureSpec>,
}

/// One feature.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FeatureSpec {
    /// Its name in frames.
    pub name: String,
    /// What stands for it when it is missing; a feature without one is required.
    pub default: Option<f32>,
    /// For a category: its values; the model gets the index.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Accepted range of a number, inclusive.
    pub range: Option<[f64; 2]>,
}

impl FeatureSpec {
    fn schema(&self) -> String {
        let required = if self.default.is_some() { "optional" } else { "required" };
        format!("feature {:?} {required} {:?} {:?}", self.name, self.range, self.categories)
    }
}
