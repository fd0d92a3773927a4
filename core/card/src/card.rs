//! The card and its sections.
//! **Invariant:** a `Card` that [`Card::parse`] returns has passed every check of `check`.
//! It does not know engines: the facade converts a card to `inbetween_flow::Config`.

use serde::Deserialize;

use crate::{HeadSpec, InputSpec, check, error::CardError, locate};

/// What an app states about one model on one stream.
///
/// # Example
/// ```
/// let card = inbetween_card::Card::parse(r#"
///     [decision]
///     text = "show the blur over faces"
///     [tolerance]
///     epsilon = 12
///     miss_rate = 0.05
///     [budget]
///     deadline_ms = 120
///     max_age_ms = 800
///     [model]
///     name = "face"
///     version = 3
///     file = "face.onnx"
///     input = { kind = "image", width = 128, height = 128, layout = "nhwc" }
///     head = { kind = "yolo" }
/// "#)?;
/// assert_eq!(card.tolerance.grace_ms, 150.0);
///
/// let typo = inbetween_card::Card::parse("[tolerance]\nepsilom = 12\nmiss_rate = 0.05").unwrap_err();
/// assert!(typo.to_string().starts_with("card line 2, `tolerance.epsilom`: unknown field"));
/// # Ok::<(), inbetween_card::CardError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// What the answers are for.
    pub decision: Decision,
    /// How much error the app can live with.
    pub tolerance: Tolerance,
    /// What the app can spend.
    pub budget: Budget,
    /// How answers are timed.
    #[serde(default)]
    pub display: Display,
    /// What stands in when the model cannot.
    #[serde(default)]
    pub ladder: Ladder,
    /// The model.
    pub model: ModelSpec,
    /// Settings of the scheduler that rarely need a change.
    #[serde(default)]
    pub scheduling: Scheduling,
}

impl Card {
    /// Reads a card and checks every field.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line, its field and what it must be.
    pub fn parse(text: &str) -> Result<Self, CardError> {
        let card: Self = toml::from_str(text).map_err(|e| explain(text, &e))?;
        check::card(&card).map_err(|fault| CardError::Field {
            line: locate::line_of(text, &fault.field),
            field: fault.field,
            must: fault.must,
        })?;
        Ok(card)
    }
}

/// A TOML error as a card error: the library gives a span and a text, the path is found again.
fn explain(text: &str, error: &toml::de::Error) -> CardError {
    let span = error.span().unwrap_or(0..0);
    let mut field = locate::path_at(text, span.start);
    let mut line = locate::line_at(text, span.start);
    let mut message = error.message().trim().replace('\n', "; ");
    let named = |prefix: &str| -> Option<String> {
        message.strip_prefix(prefix)?.split_once('`').map(|(name, _)| name.to_owned())
    };
    // Inside tagged tables the library only knows the table; the message has the name.
    if let Some(name) = named("unknown field `") {
        field = locate::find_key(text, &field, &name).unwrap_or(field);
        line = locate::line_of(text, &field);
    } else if let Some(name) = named("unknown variant `") {
        field = locate::find_text(text, &field, &name).unwrap_or(field);
        line = locate::line_of(text, &field);
    } else if let Some(name) = named("missing field `") {
        field = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
        message = format!("missing; add `{name} = …` here");
    }
    if field.is_empty() {
        // The text is not TOML here; what stands before the equals sign is the best name there is.
        let content = text.lines().nth(line - 1).unwrap_or_default();
        content.split('=').next().unwrap_or_default().trim().clone_into(&mut field);
    }
    CardError::Parse { line, field, message }
}

/// What the answers are for, and what an error costs, in any one unit.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// The decision in words.
    pub text: String,
    /// Cost of acting on a wrong answer.
    #[serde(default = "unit_cost")]
    pub cost_wrong: f32,
    /// Cost of an answer that comes too late.
    #[serde(default = "unit_cost")]
    pub cost_late: f32,
    /// Cost of no answer.
    #[serde(default = "unit_cost")]
    pub cost_missing: f32,
}

/// How much error the app can live with.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tolerance {
    /// The largest good error: upright frame pixels for boxes and keypoints, the value's own unit for numbers,
    /// total variation for probabilities, degrees for rotations, cosine distance for embeddings,
    /// pixels that the boundary is off for masks.
    pub epsilon: f32,
    /// Share of display refreshes that may exceed it, between 0 and 1.
    pub miss_rate: f32,
    /// How long after it appears an object need not be answered, in milliseconds.
    #[serde(default = "Tolerance::default_grace_ms")]
    pub grace_ms: f64,
}

impl Tolerance {
    const fn default_grace_ms() -> f64 {
        150.0 // the project's definition of a violation
    }
}

/// What the app can spend.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// A run must end this long after its frame was captured, in milliseconds.
    pub deadline_ms: f64,
    /// A result older than this is not shown, in milliseconds.
    pub max_age_ms: f64,
    /// Largest share of time that the model may run, from 0 to 1.
    #[serde(default = "Budget::default_duty")]
    pub duty: f32,
    /// Most energy a second that runs may cost, in the unit of `energy_mj_per_run`; no bound when left out.
    #[serde(default)]
    pub energy_mj_per_s: Option<f32>,
    /// What a run costs: millijoules, or any other unit that all cards of an app use.
    #[serde(default)]
    pub energy_mj_per_run: f32,
    /// How many runs may be under way at a time.
    #[serde(default = "Budget::default_in_flight")]
    pub max_in_flight: u8,
}

impl Budget {
    const fn default_duty() -> f32 {
        1.0
    }
    const fn default_in_flight() -> u8 {
        1
    }
}

/// How answers are timed.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Display {
    /// Extrapolate to the display time, or interpolate behind it.
    #[serde(default)]
    pub mode: DisplayMode,
    /// For `delayed`: how far behind, in milliseconds.
    #[serde(default)]
    pub delay_ms: f64,
    /// Refreshes a second, until the host says otherwise.
    #[serde(default = "Display::default_hz")]
    pub hz: f64,
}

impl Display {
    const fn default_hz() -> f64 {
        60.0
    }
}

impl Default for Display {
    fn default() -> Self {
        Self { mode: DisplayMode::Predict, delay_ms: 0.0, hz: Self::default_hz() }
    }
}

/// The two ways to time an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisplayMode {
    /// No delay: extrapolate to the display time.
    #[default]
    Predict,
    /// Interpolate between two results, `delay_ms` behind.
    Delayed,
}

/// What stands in when the model cannot.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ladder {
    /// The rungs, best first.
    #[serde(default = "Ladder::default_rungs")]
    pub rungs: Vec<Rung>,
    /// The value of the rung `rule`.
    pub rule: Option<RuleValue>,
}

impl Ladder {
    fn default_rungs() -> Vec<Rung> {
        vec![Rung::Model, Rung::Predicted, Rung::Unavailable]
    }
}

impl Default for Ladder {
    fn default() -> Self {
        Self { rungs: Self::default_rungs(), rule: None }
    }
}

/// A rung of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// The model.
    Model,
    /// Earlier results, carried forward.
    Predicted,
    /// A fixed value that needs no model.
    Rule,
    /// Nothing.
    Unavailable,
}

/// A fixed value; its kind must be that of the head.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleValue {
    /// One number.
    Scalar(f32),
    /// Numbers.
    Vector(Vec<f32>),
    /// Boxes; often none.
    Boxes(Vec<RuleBox>),
    /// Points, x and y in upright frame pixels.
    Keypoints(Vec<[f32; 2]>),
    /// A distribution.
    Probabilities(Vec<f32>),
    /// One class, by its index.
    Label(u32),
    /// A unit quaternion: w, x, y, z.
    Rotation([f32; 4]),
    /// A vector of unit length.
    Embedding(Vec<f32>),
}

/// A fixed box, in upright frame pixels.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleBox {
    /// Left.
    pub x0: f32,
    /// Top.
    pub y0: f32,
    /// Right.
    pub x1: f32,
    /// Bottom.
    pub y1: f32,
    /// Class index.
    #[serde(default)]
    pub class: u32,
}

/// The model: where its bytes are, what it eats and what it says.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// Its name.
    pub name: String,
    /// Its version; every answer carries it.
    pub version: u32,
    /// Its file in the bundle.
    pub file: String,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: Option<String>,
    /// How frames become its input.
    pub input: InputSpec,
    /// How its output becomes a value.
    pub head: HeadSpec,
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
            sha256: v.sha256.clone(),
            input: v.input.clone().unwrap_or_else(|| self.input.clone()),
            head: v.head.clone().unwrap_or_else(|| self.head.clone()),
            state: Vec::new(),
            input_contract: self.input_contract.clone(),
            variants: Vec::new(),
        })
    }
}

/// A smaller model for the same output.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariantSpec {
    /// Its name.
    pub name: String,
    /// Its version; answers that rest on it carry it.
    pub version: u32,
    /// Its file in the bundle.
    pub file: String,
    /// SHA-256 of the file, 64 hexadecimal digits.
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
}

/// One recurrent state: zeros at first, then the output of the run before.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
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

/// Settings of the scheduler that rarely need a change.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scheduling {
    /// Share of skips that are run anyway to check the forecast, from 0 to 0.5.
    pub audit_rate: f32,
    /// What a run is believed to take before any was measured, in milliseconds.
    pub initial_latency_ms: f64,
    /// Whether the pixels between key frames are followed.
    pub follow_pixels: bool,
    /// Memory for exact results, in KiB; 0 switches the cache off.
    pub cache_kib: usize,
    /// Memory for results of pictures that look alike, in KiB; 0 switches their reuse off.
    pub reuse_kib: usize,
    /// Memory for attributes of tracks, in KiB; 0 keeps none.
    pub attribute_kib: usize,
}

impl Default for Scheduling {
    fn default() -> Self {
        // The same values as `inbetween_flow::Scheduling`; the facade tests that they stay so.
        Self {
            audit_rate: 0.01,
            initial_latency_ms: 30.0,
            follow_pixels: true,
            cache_kib: 64,
            reuse_kib: 2048,
            attribute_kib: 0,
        }
    }
}

const fn unit_cost() -> f32 {
    1.0
}
