//! The card and its sections.
//! **Invariant:** a `Card` that [`Card::parse`] returns has passed every check of `check`.
//! It does not know engines: the facade converts a card to `inbetween_flow::Config`.

use serde::Deserialize;

use crate::{
    Baseline, Budget, Data, Decision, Display, Failure, Fallback, Goals, Ladder, Metrics, ModelSpec,
    Monitoring, Ownership, Platform, Scheduling, Serving, Tolerance, User, Validation, check,
    error::CardError, locate, tree,
};

/// The longest text of a card: ten times the longest that anyone wrote, and short enough to be read at once.
const MAX_BYTES: usize = 256 * 1024;

/// What an app states about one model on one stream.
///
/// An engine needs [`Decision`], [`Tolerance`], [`Budget`] and [`ModelSpec`]; sections that are `None` were left out. What
/// is there is checked to the last field all the same. That a card is *complete* is what [`review`](crate::review) demands.
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// What the answers are for.
    pub decision: Decision,
    /// Who uses them, and where.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub user: Option<User>,
    /// What failure costs.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub failure: Option<Failure>,
    /// What must be reached, and what is not meant to be.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub goals: Option<Goals>,
    /// What the model was made from and is fed with.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub data: Option<Data>,
    /// The simple method that the model must beat.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub baseline: Option<Baseline>,
    /// What is measured.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub metrics: Option<Metrics>,
    /// The model.
    pub model: ModelSpec,
    /// How the product uses the answers.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub serving: Option<Serving>,
    /// How much error the app can live with.
    pub tolerance: Tolerance,
    /// What the app can spend.
    pub budget: Budget,
    /// How answers are timed.
    #[serde(default)]
    pub display: Display,
    /// Settings of the scheduler that rarely need a change.
    #[serde(default)]
    pub scheduling: Scheduling,
    /// How the model is tried before it decides anything.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub validation: Option<Validation>,
    /// What is watched, and what is done about it.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub monitoring: Option<Monitoring>,
    /// What stands in when the model cannot.
    #[serde(default)]
    pub ladder: Ladder,
    /// How each rung is reached and tested.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub fallback: Option<Fallback>,
    /// Who answers for what, and until when.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub ownership: Option<Ownership>,
    /// What the device must have.
    #[cfg_attr(feature = "schema", schemars(required))]
    pub platform: Option<Platform>,
}

impl Card {
    /// Reads a card and checks every field.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line, its field and what it must be.
    pub fn parse(text: &str) -> Result<Self, CardError> {
        let card = Self::read(text)?;
        match check::card(&card).into_iter().next() {
            None => Ok(card),
            Some(fault) => Err(CardError::Field {
                line: locate::line_of(text, &fault.field),
                field: fault.field,
                must: fault.must,
            }),
        }
    }

    /// Reads a card and does not check it.
    pub(crate) fn read(text: &str) -> Result<Self, CardError> {
        if text.len() > MAX_BYTES {
            let message = format!("{} bytes; a card has at most {MAX_BYTES}", text.len());
            return Err(CardError::Parse { line: 1, field: String::new(), message });
        }
        tree::read(text).map_err(|e| CardError::read(text, &e))
    }

    /// SHA-256 of the schema of the model's input, in hexadecimal: names, types, shapes, ranges and categories, and
    /// nothing of how they are fed to the model. A model trained for one schema must not be served with another.
    pub fn schema_sha256(&self) -> String {
        use sha2::{Digest as _, Sha256};
        let digest = Sha256::digest(self.model.input.schema().as_bytes());
        digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }
}
