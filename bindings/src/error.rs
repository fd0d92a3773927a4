//! The one error that crosses the border, made here from those of the facade.
//! **Invariant:** a code never changes its meaning; a new variant gets a new code.
//! It does not cover late, failed, cancelled and skipped runs: those are values.

use inbetween::{BundleError, CardError, EngineError, FrameError, LoadError};

/// What is wrong with a frame. The session is as it was before; the next good frame is taken as usual.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum FrameFault {
    /// Another kind of input than the card promises.
    WrongInput,
    /// A pixel format that the card does not list.
    Format,
    /// A buffer side outside the card's bounds.
    Size {
        /// Buffer width.
        width: u32,
        /// Buffer height.
        height: u32,
        /// Smallest accepted side.
        min: u32,
        /// Largest accepted side.
        max: u32,
    },
    /// A row stride shorter than a row.
    Stride {
        /// Index of the plane.
        plane: u32,
        /// What came, in bytes.
        found: u64,
        /// The least that would do.
        needed: u64,
    },
    /// A plane that ends before its last row.
    PlaneLength {
        /// Index of the plane.
        plane: u32,
        /// What came, in bytes, from the plane's offset to the end of the buffer.
        found: u64,
        /// The least that would do.
        needed: u64,
    },
    /// A region of interest that is not finite or does not meet the frame.
    Region,
    /// A camera motion that no frame of this size can have.
    Motion,
    /// One that this version of the bindings has no name for; the text says more.
    Other,
}

impl From<FrameError> for FrameFault {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::WrongInput => Self::WrongInput,
            FrameError::Format { .. } => Self::Format,
            FrameError::Size { width, height, min, max } => Self::Size { width, height, min, max },
            FrameError::Stride { plane, found, needed } => {
                Self::Stride { plane: plane.into(), found: found as u64, needed: needed as u64 }
            }
            FrameError::PlaneLength { plane, found, needed } => {
                Self::PlaneLength { plane: plane.into(), found: found as u64, needed: needed as u64 }
            }
            FrameError::Region => Self::Region,
            FrameError::Motion => Self::Motion,
            _ => Self::Other,
        }
    }
}

/// What is wrong with a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum ModelFault {
    /// The file, or something in it, is larger than the limits allow.
    TooLarge,
    /// The bytes are not an ONNX model, or contradict themselves.
    Malformed,
    /// Data outside of the file, an element type or an operator that is not supported.
    Unsupported,
    /// Its inputs or outputs are not those of the card.
    Mismatch,
    /// The runtime refuses it.
    Unusable,
    /// The runtime panicked on it; the panic was caught.
    Panicked,
    /// One that this version of the bindings has no name for; the text says more.
    Other,
}

impl From<&LoadError> for ModelFault {
    fn from(error: &LoadError) -> Self {
        match error {
            LoadError::FileSize { .. } | LoadError::TooMany { .. } | LoadError::Dimensions { .. } => {
                Self::TooLarge
            }
            LoadError::Malformed { .. } => Self::Malformed,
            LoadError::ExternalData { .. }
            | LoadError::ElementType { .. }
            | LoadError::UnsupportedOperators { .. } => Self::Unsupported,
            LoadError::Input { .. } | LoadError::Output { .. } => Self::Mismatch,
            LoadError::Unusable { .. } => Self::Unusable,
            LoadError::Panicked { .. } => Self::Panicked,
            _ => Self::Other,
        }
    }
}

/// Why a call was refused. `describe` says how to mend it, `code` is stable over versions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
#[non_exhaustive]
pub enum SdkError {
    /// The card is refused.
    #[error("card line {line}, `{field}`: {problem}")]
    Card {
        /// Line, counted from 1.
        line: u32,
        /// Dotted path of the field.
        field: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// The model is not the one that the card names.
    #[error(
        "the model's SHA-256 is {found}, the card states {stated}: ship the file that the card was made for"
    )]
    Digest {
        /// Of the bytes that came, in hexadecimal.
        found: String,
        /// What the card states.
        stated: String,
    },
    /// A file that the card names is not there.
    #[error("the card names `{file}`, and there are no bytes for it: give the model and all of its variants")]
    Missing {
        /// Its name in the card.
        file: String,
    },
    /// What the card states makes no configuration.
    #[error("configuration: {field} must be {must}")]
    Config {
        /// Path of the field.
        field: String,
        /// What it must be.
        must: String,
    },
    /// The model cannot be used.
    #[error("{problem}")]
    Model {
        /// What is wrong, to be told apart by a program.
        fault: ModelFault,
        /// What is wrong, in words.
        problem: String,
    },
    /// The frame is not what the card promises. The session is as before; the next good frame is taken as usual.
    #[error("{problem}")]
    Frame {
        /// What is wrong, to be told apart by a program.
        fault: FrameFault,
        /// What is wrong, in words.
        problem: String,
    },
    /// A time or a duration is negative.
    #[error("{argument} is {nanos}: times are nanoseconds of one monotonic clock, from 0")]
    NegativeTime {
        /// Which argument.
        argument: String,
        /// What came.
        nanos: i64,
    },
    /// No run of this session ever had this ticket.
    #[error("ticket {ticket} is not of this session: take it from the plan of a frame")]
    UnknownTicket {
        /// What came.
        ticket: u64,
    },
    /// The run has not ended.
    #[error("run {ticket} has not ended: call `handle_completion` after `run`, or `cancel` it first")]
    NotEnded {
        /// Which.
        ticket: u64,
    },
    /// The session was shut down.
    #[error("the session was shut down: open a new one")]
    ShutDown,
    /// The SDK panicked inside, in this call or an earlier one. The model is freed.
    #[error("the session failed: {problem}; open a new one and report this")]
    Failed {
        /// What the panic said.
        problem: String,
    },
    /// One that this version of the bindings has no name for.
    #[error("{problem}")]
    Other {
        /// What is wrong, in words.
        problem: String,
    },
}

#[uniffi::export]
impl SdkError {
    /// A number for logs and dashboards that never changes its meaning: hundreds are the kind of thing that was
    /// refused (1 bundle, 2 frame, 3 call, 4 session).
    pub fn code(&self) -> u32 {
        match self {
            Self::Card { .. } => 101,
            Self::Digest { .. } => 102,
            Self::Config { .. } => 103,
            Self::Model { .. } => 104,
            Self::Missing { .. } => 105,
            Self::Frame { .. } => 201,
            Self::NegativeTime { .. } => 301,
            Self::UnknownTicket { .. } => 302,
            Self::NotEnded { .. } => 303,
            Self::ShutDown => 401,
            Self::Failed { .. } => 402,
            Self::Other { .. } => 999,
        }
    }

    /// What is wrong and how to mend it.
    pub fn describe(&self) -> String {
        self.to_string()
    }
}

impl From<BundleError> for SdkError {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Card(error) => error.into(),
            BundleError::Digest { found, stated } => Self::Digest { found, stated },
            BundleError::Missing { file } => Self::Missing { file },
            other => Self::Other { problem: other.to_string() },
        }
    }
}

impl From<CardError> for SdkError {
    fn from(error: CardError) -> Self {
        match error {
            CardError::Parse { line, field, message } => {
                Self::Card { line: line as u32, field, problem: message }
            }
            CardError::Field { line, field, must } => {
                Self::Card { line: line as u32, field, problem: format!("must be {must}") }
            }
            other => Self::Other { problem: other.to_string() },
        }
    }
}

impl From<EngineError> for SdkError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Config(e) => Self::Config { field: e.field.to_owned(), must: e.must.to_owned() },
            EngineError::Model(e) => Self::Model { fault: (&e).into(), problem: e.to_string() },
            EngineError::Variant { error: ref cause, .. } => {
                Self::Model { fault: cause.into(), problem: error.to_string() }
            }
            other => Self::Other { problem: other.to_string() },
        }
    }
}

impl From<FrameError> for SdkError {
    fn from(error: FrameError) -> Self {
        Self::Frame { problem: error.to_string(), fault: error.into() }
    }
}
