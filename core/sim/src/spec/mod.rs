//! The scene file: what a scene says, as data.
//! **Invariant:** a `SceneSpec` that could be parsed can be built with every seed, rendered and run without a panic.
//! It does not draw anything from a seed (that is `scene`) and does not open files.

mod change;
mod check;
mod defaults;
mod number;
mod photograph;

use serde::{Deserialize, Serialize};

pub use change::{Change, Easing, Motion};
pub use check::SceneError;
pub use number::Num;
pub use photograph::{PhotoSpec, Photograph, Photographs};

/// A scene as its file says it. `benches/scenes/README.md` documents every field for authors.
///
/// # Example
/// ```
/// use inbetween_sim::SceneSpec;
///
/// let spec = SceneSpec::parse(
///     r#"
///     name = "one-ball"
///     duration_s = 2
///     [[objects]]
///     size_px = [30, 40]
///     motion = [{ linear = { speed_px_s = [40, 80] } }]
///     "#,
/// )?;
/// let mut scene = spec.build(1);
/// assert_eq!(scene.frame(0).truth.len(), 1);
/// # Ok::<(), inbetween_sim::SceneError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SceneSpec {
    /// Unique name; letters, digits and dashes.
    pub name: String,
    /// What kind of difficulty it shows; the name when left out.
    #[serde(default)]
    pub family: String,
    /// Whether settings may be tuned on it.
    #[serde(default)]
    pub split: Split,
    /// Length of the sequence.
    #[serde(default = "defaults::duration_s")]
    pub duration_s: f64,
    /// The camera.
    #[serde(default)]
    pub camera: Camera,
    /// The light.
    #[serde(default)]
    pub light: Light,
    /// What is behind all objects.
    #[serde(default)]
    pub background: Background,
    /// What moves. Later ones are in front, unless `z` says otherwise.
    #[serde(default)]
    pub objects: Vec<Object>,
    /// Times at which everything is replaced by another picture.
    #[serde(default)]
    pub cuts_s: Vec<f64>,
    /// Several places that the picture goes back and forth between, in place of `cuts_s`.
    #[serde(default)]
    pub views: Option<Views>,
    /// The model names the view, and finds no objects.
    #[serde(default)]
    pub labels: Option<LabelSpec>,
    /// The display.
    #[serde(default)]
    pub display: Display,
    /// How the simulated detector errs.
    #[serde(default)]
    pub detector: DetectorSpec,
    /// How long a run takes.
    #[serde(default)]
    pub latency: LatencySpec,
    /// What the card promises.
    #[serde(default)]
    pub tolerance: ToleranceSpec,
    /// The photographs that textures name. Not in the file: the host supplies them before it builds the scene.
    #[serde(skip)]
    pub photographs: Photographs,
}

/// What a scene may be used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Settings may be tuned on it.
    Tune,
    /// Only for figures.
    #[default]
    Test,
}

impl Split {
    /// As the file says it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tune => "tune",
            Self::Test => "test",
        }
    }
}

/// The camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Camera {
    /// Frame width in pixels.
    pub width: u32,
    /// Frame height in pixels.
    pub height: u32,
    /// Frames a second.
    pub fps: f64,
    /// Capture times lie up to this far from the regular ones.
    pub jitter_ms: f64,
    /// Share of frames that never arrive.
    pub drop_rate: f64,
    /// From capture to arrival at the app.
    pub delivery_ms: f64,
    /// How long the shutter is open: motion blur around the capture time; 0 for none.
    pub shutter_ms: f64,
    /// Standard deviation of sensor noise, in grey levels of 255.
    pub noise: f64,
    /// Where the camera goes.
    pub pan: Vec<Motion>,
    /// Change of magnification: 0 is none, 1 is twice as large.
    pub zoom: Vec<Change>,
    /// Rotation about the frame's centre in degrees, clockwise.
    pub roll_deg: Vec<Change>,
}

/// The light.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Light {
    /// Change of exposure in stops: 1 is twice as bright.
    pub exposure_ev: Vec<Change>,
    /// Share of brightness by which mains light swings.
    pub flicker: f64,
    /// Frequency of the swing of brightness.
    pub flicker_hz: f64,
}

/// What is behind all objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Background {
    /// Its look.
    pub texture: Texture,
    /// Share of the camera's pan that it follows: below 1 for a far background.
    pub parallax: f64,
    /// Own motion.
    pub motion: Vec<Motion>,
}

/// The look of a surface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Texture {
    /// The pattern.
    pub kind: Pattern,
    /// Mean brightness in grey levels.
    pub brightness: Num,
    /// Strength of the pattern: 1 spans about the whole range of brightness.
    pub contrast: Num,
    /// Size of the pattern's coarsest cells.
    pub cell_px: Num,
    /// Colour as red, green, blue from 0 to 255; only its hue and saturation count. Grey when left out.
    pub tint_rgb: Option<[f64; 3]>,
    /// What a photographic texture shows; its own brightness and contrast count, without colour.
    pub photo: Option<PhotoSpec>,
}

/// The pattern of a texture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// One brightness.
    Plain,
    /// Smooth random spots in four octaves.
    #[default]
    Noise,
    /// A chessboard.
    Checks,
    /// Vertical stripes.
    Stripes,
    /// From dark to light and back across the picture.
    Gradient,
    /// Hair, eyes, brows, nose and mouth: what a small face detector can learn.
    Face,
    /// A photograph; as a background it goes on mirrored beyond its edges.
    Photo,
    /// What is behind: the object is a part of the background's own picture, and moves with it.
    Behind,
}

/// Something that moves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Object {
    /// How many of them; each draws its own numbers.
    pub count: u32,
    /// Class index of the detector.
    pub class: u32,
    /// Whether it is to be found: `false` for occluders and clutter.
    pub counted: bool,
    /// Outline.
    pub shape: Shape,
    /// Its look.
    pub texture: Texture,
    /// Width, or a range of widths.
    pub size_px: Num,
    /// Height divided by width.
    pub aspect: Num,
    /// Centre at the start, as a share of frame width.
    pub x: Num,
    /// Centre at the start, as a share of frame height.
    pub y: Num,
    /// Larger is in front; equal ones in the order of the file.
    pub z: i32,
    /// When it appears.
    pub from_s: Num,
    /// How long it stays; to the end when left out.
    pub for_s: Option<Num>,
    /// Where it goes.
    pub motion: Vec<Motion>,
    /// What happens at the frame's edge.
    pub edge: Edge,
    /// How far outside the frame it turns or comes back, beyond its own size.
    pub edge_gap_px: f64,
    /// Change of size: 0 is none, 1 is twice as large.
    pub grow: Vec<Change>,
    /// Change of width by this share and of height the other way.
    pub squeeze: Vec<Change>,
    /// Rotation in degrees, clockwise.
    pub rotate_deg: Vec<Change>,
    /// Motion of the texture inside the outline, in pixels at the start size.
    pub scroll: Vec<Motion>,
}

/// Outline of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// An ellipse.
    #[default]
    Ellipse,
    /// A rectangle.
    Rectangle,
}

/// What happens at the frame's edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// It turns back.
    #[default]
    Bounce,
    /// It leaves, and comes in again on the other side as somebody else.
    Wrap,
    /// It goes on.
    Leave,
}

/// Places that the picture goes back and forth between, as a switch between cameras or slides does: each is another
/// background with objects of its own, and looks the same whenever it comes back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Views {
    /// How many there are.
    pub count: u32,
    /// How long each visit lasts.
    pub dwell_s: Num,
}

/// A model that says which view it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelSpec {
    /// Share of frames for which it names another view.
    pub error_rate: f64,
    /// Mean score.
    pub score: f64,
}

/// The display.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Display {
    /// Refreshes a second.
    pub hz: f64,
    /// Refreshes lie up to this far from the regular times.
    pub jitter_ms: f64,
}

/// How the simulated detector errs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DetectorSpec {
    /// Standard deviation of each of centre x, centre y, width and height.
    pub noise_px: f64,
    /// How long an error of place lasts; 0 for independent errors.
    pub correlation_ms: f64,
    /// Share of objects that are missed.
    pub miss_rate: f64,
    /// How long a miss lasts; 0 for single frames.
    pub miss_burst_ms: f64,
    /// Phantoms a minute.
    pub false_positives_per_min: f64,
    /// How long a phantom lasts.
    pub false_positive_ms: f64,
    /// Mean score of a true detection.
    pub score: f64,
    /// Mean score of a phantom.
    pub false_score: f64,
    /// The least share that must be visible to be found.
    pub min_visible: f64,
}

/// How long a run takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LatencySpec {
    /// Half of the runs take less.
    pub median_ms: f64,
    /// 95% of the runs take less (lognormal).
    pub p95_ms: f64,
    /// Added to the first run and to runs after idling.
    pub cold_ms: f64,
    /// Idling for this long makes the next run cold.
    pub idle_ms: f64,
    /// Relative slow-down when the worker was busy all the time.
    pub throttle: f64,
    /// Time constant of heating up.
    pub throttle_s: f64,
    /// Frequency steps, the quickest first; instead of `throttle`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<FrequencyStep>,
}

/// One operating point of the processor that runs the model, and when heat makes it the one in use.
///
/// Heat goes from 0 to 1, where the first step, always busy, would take the device in the end. A governor takes the next step
/// when heat reaches its `from_heat`, and goes back when it has fallen to `back_heat`.
///
/// # Source
/// The `step_wise` thermal governor of Linux: trip points with hysteresis over the operating points of `cpufreq`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrequencyStep {
    /// The frequency, in megahertz.
    pub mhz: f64,
    /// How many times as long a run takes as in the first step.
    pub slower: f64,
    /// Power while a run is under way, in watts.
    pub watt: f64,
    /// The heat at which it is taken; 0 in the first step.
    #[serde(default)]
    pub from_heat: f64,
    /// The heat at which it is left for the step before; 0 in the first step.
    #[serde(default)]
    pub back_heat: f64,
}

/// What the card promises.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ToleranceSpec {
    /// The largest good distance between corresponding corners of answer and truth.
    pub epsilon_px: f64,
    /// Share of display refreshes that may exceed it.
    pub miss_rate: f64,
    /// How long after it appears an object need not be answered.
    pub grace_ms: f64,
    /// No answer may rest on a result older than this.
    pub max_age_ms: f64,
    /// A run must end this long after its frame was captured, or it is not started.
    pub deadline_ms: f64,
    /// The largest share of time that the model may run.
    pub duty: f64,
}
