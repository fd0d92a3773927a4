//! What the model says, as data: how output tensors become a value.
//! **Invariant:** everything that decoding depends on is a field here; there is no code per model.
//! It does not decode: `inbetween-infer` does.

use serde::Deserialize;

/// How output tensors become a value.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HeadSpec {
    /// Boxes relative to anchors (SSD, BlazeFace).
    Ssd(SsdHead),
    /// Boxes without anchors (YOLOv8 layout).
    Yolo(YoloHead),
    /// Points of one instance.
    Keypoints(KeypointsHead),
    /// One class of several.
    Classification(ClassificationHead),
    /// Numbers with a unit.
    Regression(RegressionHead),
    /// Numbers as they are.
    Raw(RawHead),
    /// How something is turned.
    Rotation(RotationHead),
    /// A direction in a space of features.
    Embedding(EmbeddingHead),
    /// The region of one thing.
    Mask(MaskHead),
}

/// Which of the model's outputs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "the name of a model output, or its index from 0")]
pub enum OutputRef {
    /// By its place.
    Index(usize),
    /// By its name.
    Name(String),
}

impl Default for OutputRef {
    fn default() -> Self {
        Self::Index(0)
    }
}

/// Non-maximum suppression.
///
/// # Source
/// Hard: the greedy rule of every detector. Weighted: BlazeFace, Bazarevsky et al., arXiv 1907.05047, section 3.3:
/// the surviving box is the mean, weighted by score, of the boxes that it suppresses.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NmsSpec {
    /// Boxes that overlap more than this (intersection over union) are one object.
    #[serde(default = "NmsSpec::default_iou")]
    pub iou: f32,
    /// The most boxes that are kept.
    #[serde(default = "NmsSpec::default_max")]
    pub max: usize,
    /// What becomes of the suppressed boxes.
    #[serde(default)]
    pub mode: NmsMode,
    /// Whether boxes of different classes never suppress each other.
    #[serde(default = "yes")]
    pub class_aware: bool,
}

impl NmsSpec {
    const fn default_iou() -> f32 {
        0.45 // the value of the YOLO family's reference code
    }
    const fn default_max() -> usize {
        100 // the COCO protocol scores 100 detections an image
    }
}

impl Default for NmsSpec {
    fn default() -> Self {
        Self {
            iou: Self::default_iou(),
            max: Self::default_max(),
            mode: NmsMode::default(),
            class_aware: true,
        }
    }
}

/// What becomes of suppressed boxes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NmsMode {
    /// They are dropped.
    #[default]
    Hard,
    /// They move the surviving box.
    Weighted,
}

/// Which candidates count, and what is done about duplicates.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Hits {
    /// Candidates below this score are dropped, from 0 to 1.
    #[serde(default = "Hits::default_threshold")]
    pub threshold: f32,
    /// Non-maximum suppression.
    #[serde(default)]
    pub nms: NmsSpec,
    /// Whether boxes are cut at the frame's edges.
    #[serde(default = "yes")]
    pub clip: bool,
}

impl Hits {
    const fn default_threshold() -> f32 {
        0.5
    }
}

impl Default for Hits {
    fn default() -> Self {
        Self { threshold: Self::default_threshold(), nms: NmsSpec::default(), clip: true }
    }
}

/// Boxes relative to anchors.
///
/// # Source
/// SSD, Liu et al., ECCV 2016; anchors and coding as MediaPipe's `SsdAnchorsCalculator` and
/// `TensorsToDetectionsCalculator` state them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SsdHead {
    /// Pairs of score and box tensors, in the order of the anchors; their rows are joined.
    pub outputs: Vec<SsdOutputs>,
    /// The grids of anchors, in the order of the rows.
    pub anchors: Vec<AnchorLayer>,
    /// Divisors of the four box numbers, in the order x, y, width, height.
    pub box_scale: [f32; 4],
    /// Order of the four box numbers.
    #[serde(default)]
    pub order: BoxOrder,
    /// Coding of width and height.
    #[serde(default)]
    pub size: SizeCoding,
    /// Whether scores are logits.
    #[serde(default = "yes")]
    pub sigmoid: bool,
    /// Whether the first score column is the background.
    #[serde(default)]
    pub background: bool,
    /// Candidates and duplicates.
    #[serde(default)]
    pub hits: Hits,
}

/// One pair of score and box tensors.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SsdOutputs {
    /// Rows × classes.
    pub scores: OutputRef,
    /// Rows × (4 or more) numbers; those past the fourth are not read.
    pub boxes: OutputRef,
}

/// One grid of anchors: cell by cell, row first, `per_cell` anchors at each cell's centre.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AnchorLayer {
    /// Distance of cells, in input pixels.
    pub stride: u32,
    /// Anchors at each cell.
    pub per_cell: u32,
    /// Width and height of each of them in input pixels; the whole input when left out (BlazeFace).
    #[serde(default)]
    pub sizes: Vec<[f32; 2]>,
}

/// Order of a row's four box numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum BoxOrder {
    /// x, y, width, height.
    #[default]
    Xywh,
    /// y, x, height, width (TensorFlow's object detection models).
    Yxhw,
}

/// How width and height are coded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SizeCoding {
    /// A share of the anchor's size (BlazeFace).
    #[default]
    Linear,
    /// The logarithm of it (SSD).
    Exp,
}

/// Boxes without anchors: for each candidate centre, size and a score for each class, in input pixels.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct YoloHead {
    /// The tensor.
    #[serde(default)]
    pub output: OutputRef,
    /// Order of its axes.
    #[serde(default)]
    pub layout: YoloLayout,
    /// Whether the fifth number is an objectness that multiplies the class scores (YOLOv5).
    #[serde(default)]
    pub objectness: bool,
    /// Whether scores are logits.
    #[serde(default)]
    pub sigmoid: bool,
    /// Candidates and duplicates.
    #[serde(default)]
    pub hits: Hits,
}

/// Order of a YOLO tensor's axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum YoloLayout {
    /// 1 × (4 + classes) × candidates (YOLOv8).
    #[default]
    Columns,
    /// 1 × candidates × (4 + classes) (YOLOv5).
    Rows,
}

/// Points of one instance.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeypointsHead {
    /// The tensor.
    #[serde(default)]
    pub output: OutputRef,
    /// How many points.
    pub points: usize,
    /// Numbers for each point: x, y, and what is not read.
    pub dims: usize,
    /// Unit of x and y.
    #[serde(default)]
    pub scale: KeypointScale,
    /// Which of the `dims` numbers is the point's visibility, if one is.
    pub visibility: Option<usize>,
    /// The tensor that says whether the instance is there; it multiplies the visibilities.
    pub presence: Option<OutputRef>,
    /// Whether visibility and presence are logits.
    #[serde(default = "yes")]
    pub sigmoid: bool,
}

/// Unit of keypoint coordinates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KeypointScale {
    /// Pixels of the model's picture.
    #[default]
    Pixels,
    /// From 0 to 1 over the model's picture.
    Normalised,
}

/// One class of several.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClassificationHead {
    /// The tensor.
    #[serde(default)]
    pub output: OutputRef,
    /// How many classes.
    pub classes: usize,
    /// What the numbers are.
    #[serde(default)]
    pub activation: Activation,
    /// Whether the value is the best class alone instead of the distribution.
    #[serde(default)]
    pub label: bool,
}

/// What a classifier's numbers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Logits of a distribution: softmax is applied.
    #[default]
    Softmax,
    /// Probabilities already; they are divided by their sum.
    Probabilities,
    /// One logit of the second of two classes: sigmoid is applied.
    Sigmoid,
    /// One probability of the second of two classes.
    Probability,
}

/// Numbers with a unit: `output · scale + offset`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RegressionHead {
    /// The tensor.
    #[serde(default)]
    pub output: OutputRef,
    /// How many numbers; one gives a scalar, more a vector.
    pub length: usize,
    /// Factor.
    #[serde(default = "one")]
    pub scale: f32,
    /// Added after scaling.
    #[serde(default)]
    pub offset: f32,
}

/// Numbers as they are, always a vector.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RawHead {
    /// The tensor.
    #[serde(default)]
    pub output: OutputRef,
    /// How many numbers.
    pub length: usize,
}

/// Four numbers that are a quaternion; they are divided by their length.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RotationHead {
    /// The tensor.
    #[serde(default)]
    pub output: OutputRef,
    /// Index of the first of the four numbers, where the tensor holds more (a position, say).
    #[serde(default)]
    pub first: usize,
    /// Order of the four numbers.
    #[serde(default)]
    pub order: QuaternionOrder,
}

/// Order of a quaternion's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum QuaternionOrder {
    /// The real part first (Eigen's constructor, most papers).
    #[default]
    Wxyz,
    /// The real part last (ROS, Unity, glTF).
    Xyzw,
}

/// Numbers as a direction; they are divided by their length.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EmbeddingHead {
    /// The tensor.
    #[serde(default)]
    pub output: OutputRef,
    /// How many numbers.
    pub length: usize,
}

/// A map of probabilities over the model's picture, one for each cell of a grid (1 × height × width × 1 or alike).
///
/// Grids with more than 256 cells in a row or column are averaged down.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MaskHead {
    /// The tensor.
    #[serde(default)]
    pub output: OutputRef,
    /// Cells in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Numbers of a cell, the last axis; more than one for several classes.
    #[serde(default = "MaskHead::one")]
    pub channels: usize,
    /// Which of them is the thing's.
    #[serde(default)]
    pub channel: usize,
    /// Whether the numbers are logits.
    #[serde(default)]
    pub sigmoid: bool,
}

impl MaskHead {
    const fn one() -> usize {
        1
    }
}

const fn yes() -> bool {
    true
}

const fn one() -> f32 {
    1.0
}
