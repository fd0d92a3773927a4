//! What can be wrong with a model, and how a run can fail.
//! **Invariant:** every variant carries what was found; no panic of the model library gets past these types.
//! It does not cover frames that the engine refused: those never reach a runner.

use inbetween_flow::{Outcome, RunFailure, ValueFault};

/// Why a model cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file is larger than the limit.
    #[error("the model has {bytes} bytes; the limit is {limit}: raise `LoadLimits::bytes` if that is meant")]
    FileSize {
        /// What came.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// More of something than the limit allows.
    #[error("the model has more than {limit} {what}: raise the field of `LoadLimits` if that is meant")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The bytes are not an ONNX model, or contradict themselves.
    #[error("not a sound ONNX model: {reason}")]
    Malformed {
        /// What does not fit.
        reason: String,
    },
    /// A tensor whose dimensions are negative or too large.
    #[error(
        "tensor `{tensor}` has dimensions that are negative or multiply to more than {limit} elements: raise \
         `LoadLimits::tensor_elements` if that is meant"
    )]
    Dimensions {
        /// Its name.
        tensor: String,
        /// The most elements that are allowed.
        limit: usize,
    },
    /// A tensor whose data are in another file.
    #[error("tensor `{tensor}` keeps its data outside of the model: save the model as a single file")]
    ExternalData {
        /// Its name.
        tensor: String,
    },
    /// A tensor of an element type that cannot be loaded.
    #[error(
        "tensor `{tensor}` has ONNX element type {code}, which is not supported: convert the model to float32"
    )]
    ElementType {
        /// Its name.
        tensor: String,
        /// The number of the type in ONNX's `TensorProto.DataType`.
        code: i32,
    },
    /// Operators that the runtime does not know.
    #[error("operators that are not supported: {}: export the model without them", operators.join(", "))]
    UnsupportedOperators {
        /// Their names, sorted.
        operators: Vec<String>,
    },
    /// The model's inputs are not those of the card.
    #[error("model input `{name}`: {reason}; the model's inputs are {inputs:?}")]
    Input {
        /// The input.
        name: String,
        /// What does not fit.
        reason: String,
        /// All inputs of the model.
        inputs: Vec<String>,
    },
    /// The model's outputs are not those of the card.
    #[error("model output {output}: {reason}; the model's outputs are {outputs:?}")]
    Output {
        /// The output as the card names it.
        output: String,
        /// What does not fit.
        reason: String,
        /// All outputs of the model.
        outputs: Vec<String>,
    },
    /// The runtime refuses the model.
    #[error("the model cannot be prepared to run ({stage}): {reason}")]
    Unusable {
        /// Where it was refused.
        stage: &'static str,
        /// The runtime's words.
        reason: String,
    },
    /// The runtime panicked on the model; the panic was caught.
    #[error("the runtime panicked on the model: {reason}")]
    Panicked {
        /// The panic's message.
        reason: String,
    },
}

/// What is wrong with a frame that a runner got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputFault {
    /// Another kind of input than the card's.
    Kind,
    /// A plane that is too short, a stride that is shorter than a row, or a side of zero.
    Planes,
    /// A region that is not finite or does not meet the frame.
    Region,
    /// Another sample rate than the card's.
    SampleRate,
    /// Another count or shape of samples or elements than the card's.
    Length,
    /// Another element type than the card's.
    ElementType,
    /// A tensor or feature that is needed and not there.
    Missing,
    /// A category that the card does not list.
    Category,
    /// A number that is NaN or infinite.
    NotFinite,
}

/// Why a run gave no value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The token was cancelled.
    #[error("the run was cancelled")]
    Cancelled,
    /// The frame does not fit the card.
    #[error("the frame does not fit the card: {0:?}")]
    Input(InputFault),
    /// `execute` without a frame that was prepared.
    #[error("no frame is prepared: call `prepare` first")]
    NotPrepared,
    /// The runtime reported an error.
    #[error("the model failed: {reason}")]
    Model {
        /// The runtime's words.
        reason: String,
    },
    /// The runtime panicked; the panic was caught and the run state replaced.
    #[error("the model panicked: {reason}")]
    Panicked {
        /// The panic's message.
        reason: String,
    },
    /// The output is not a value that may be used.
    #[error("the model's output is refused: {0:?}")]
    Refused(ValueFault),
}

impl RunError {
    /// How the engine is told.
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Cancelled => Outcome::Cancelled,
            Self::Input(_) | Self::NotPrepared | Self::Model { .. } => Outcome::Failed(RunFailure::Model),
            Self::Panicked { .. } => Outcome::Failed(RunFailure::Panicked),
            Self::Refused(fault) => Outcome::Failed(RunFailure::Refused(*fault)),
        }
    }
}

impl From<InputFault> for RunError {
    fn from(fault: InputFault) -> Self {
        Self::Input(fault)
    }
}
