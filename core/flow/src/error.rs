//! What can be wrong with a frame, and with a configuration.
//! **Invariant:** every variant says what was found and what was wanted, as data.
//! It does not cover runs that fail: those are [`crate::RunFailure`], and normal.

use crate::frame::PixelFormat;

/// What is wrong with a [`crate::Config`]: the field and what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Path of the field.
    pub field: &'static str,
    /// What it must be.
    pub must: &'static str,
}

impl core::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} must be {}", self.field, self.must)
    }
}

impl core::error::Error for ConfigError {}

/// Why a frame is refused. The engine is as it was before; the next good frame is taken as usual.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum FrameError {
    /// Another kind of input than the card promises.
    WrongInput,
    /// A pixel format that the card does not list.
    Format {
        /// What came.
        found: PixelFormat,
    },
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
        plane: u8,
        /// What came, in bytes.
        found: usize,
        /// The least that would do.
        needed: usize,
    },
    /// A plane that ends before its last row.
    PlaneLength {
        /// Index of the plane.
        plane: u8,
        /// What came, in bytes.
        found: usize,
        /// The least that would do.
        needed: usize,
    },
    /// A region of interest that is not finite or does not meet the frame.
    Region,
    /// A motion of the camera that is not finite, or larger than the frame.
    Motion,
    /// A sample rate other than the card's.
    SampleRate {
        /// What came.
        found: u32,
        /// The card's.
        wanted: u32,
    },
    /// Another count of samples, elements, tensors or features than the card's.
    Length {
        /// What came.
        found: usize,
        /// The card's.
        wanted: usize,
    },
    /// A name that the card does not know.
    Unknown {
        /// Its place in the frame.
        index: usize,
    },
    /// A name that came twice.
    Repeated {
        /// Its place in the frame.
        index: usize,
    },
    /// A required feature that is missing.
    Missing {
        /// Its place in the card.
        index: usize,
    },
    /// A number that is NaN or infinite.
    NotFinite {
        /// Its place in the frame.
        index: usize,
    },
    /// A number outside the card's range.
    OutOfRange {
        /// Its place in the frame.
        index: usize,
    },
    /// A category that the card does not list, or one where it promises a number (or the other way round).
    Category {
        /// Its place in the frame.
        index: usize,
    },
}

impl core::fmt::Display for FrameError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {
            Self::WrongInput => write!(f, "the frame is of another kind of input than the card promises"),
            Self::Format { found } => {
                write!(
                    f,
                    "pixel format {found:?} is not among the card's formats: add it there or convert the frame"
                )
            }
            Self::Size { width, height, min, max } => {
                write!(
                    f,
                    "the buffer is {width} x {height}; the card accepts sides from {min} to {max} pixels"
                )
            }
            Self::Stride { plane, found, needed } => {
                write!(f, "plane {plane} has a row stride of {found} bytes; a row needs {needed}")
            }
            Self::PlaneLength { plane, found, needed } => {
                write!(f, "plane {plane} has {found} bytes; its size and stride need {needed}")
            }
            Self::Region => write!(f, "the region of interest is not finite or lies outside the frame"),
            Self::Motion => {
                write!(
                    f,
                    "the camera's motion is not finite or larger than the frame: leave it out when unknown"
                )
            }
            Self::SampleRate { found, wanted } => {
                write!(f, "the sample rate is {found} Hz; the card promises {wanted} Hz")
            }
            Self::Length { found, wanted } => write!(f, "{found} elements came where {wanted} were promised"),
            Self::Unknown { index } => write!(f, "the card does not know the name of element {index}"),
            Self::Repeated { index } => write!(f, "the name of element {index} came twice"),
            Self::Missing { index } => write!(f, "required feature {index} of the card is missing"),
            Self::NotFinite { index } => write!(f, "element {index} is NaN or infinite"),
            Self::OutOfRange { index } => write!(f, "element {index} is outside the card's range"),
            Self::Category { index } => {
                write!(
                    f,
                    "element {index} is not among the card's categories, or is no number where one is promised"
                )
            }
        }
    }
}

impl core::error::Error for FrameError {}
