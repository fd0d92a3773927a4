//! What the host hands in: images, audio, tensors or named features, borrowed, with their capture time.
//! **Invariant:** a frame is only a view; building one copies and checks nothing (that is `contract`).
//! It does not convert pixels: `luma` gives read access, `inbetween-infer` preprocesses.

mod luma;
mod motion;

pub(crate) use luma::Raster;
pub use luma::{Luma, LumaLayout};
pub use motion::CameraMotion;

use crate::{geometry::Rect, time::Timestamp};

/// One input with the time at which it was sensed.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// When it was sensed, on the host's clock. Distinct from the time at which it is handled.
    pub captured: Timestamp,
    /// What was sensed.
    pub input: Input<'a>,
    /// How the camera moved since the frame before, where the host knows.
    pub motion: Option<CameraMotion>,
}

impl<'a> Frame<'a> {
    /// An image frame.
    pub const fn image(captured: Timestamp, image: Image<'a>) -> Self {
        Self { captured, input: Input::Image(image), motion: None }
    }

    /// An audio frame.
    pub const fn audio(captured: Timestamp, audio: Audio<'a>) -> Self {
        Self { captured, input: Input::Audio(audio), motion: None }
    }

    /// This frame with the camera's motion since the one before, as a gyroscope or an encoder knows it. It helps where
    /// a pan starts suddenly or the background has no texture; the picture decides.
    #[must_use]
    pub const fn with_motion(mut self, motion: CameraMotion) -> Self {
        self.motion = Some(motion);
        self
    }

    /// A frame of named tensors.
    pub const fn tensors(captured: Timestamp, tensors: &'a [Tensor<'a>]) -> Self {
        Self { captured, input: Input::Tensors(tensors), motion: None }
    }

    /// A frame of named features.
    pub const fn features(captured: Timestamp, features: &'a [Feature<'a>]) -> Self {
        Self { captured, input: Input::Features(features), motion: None }
    }
}

/// The kinds of input.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A camera image.
    Image(Image<'a>),
    /// A block of mono samples.
    Audio(Audio<'a>),
    /// Named, typed, shaped tensors.
    Tensors(&'a [Tensor<'a>]),
    /// Named numbers and categories; a missing one is allowed.
    Features(&'a [Feature<'a>]),
}

/// How the bytes of an [`Image`] are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PixelFormat {
    /// A luma plane, then a half-size plane of interleaved U, V. What most Android and Apple cameras give.
    Nv12,
    /// A luma plane, then a half-size plane of interleaved V, U.
    Nv21,
    /// A luma plane and two half-size planes, U then V.
    I420,
    /// One plane of R, G, B, A bytes.
    Rgba8,
    /// One plane of B, G, R, A bytes.
    Bgra8,
    /// One plane of R, G, B bytes.
    Rgb8,
    /// One plane of luma.
    Gray8,
}

impl PixelFormat {
    /// How many planes the format has.
    pub const fn planes(self) -> usize {
        match self {
            Self::Nv12 | Self::Nv21 => 2,
            Self::I420 => 3,
            Self::Rgba8 | Self::Bgra8 | Self::Rgb8 | Self::Gray8 => 1,
        }
    }

    /// Bytes that one row of plane `plane` uses, and how many rows it has, for a `width` × `height` buffer.
    /// Chroma planes of odd sizes round up. `(0, 0)` for a plane that the format does not have.
    pub const fn plane_size(self, plane: usize, width: u32, height: u32) -> (usize, usize) {
        let (w, h) = (width as usize, height as usize);
        let (half_w, half_h) = (w.div_ceil(2), h.div_ceil(2));
        match (self, plane) {
            (Self::Nv12 | Self::Nv21 | Self::I420 | Self::Gray8, 0) => (w, h),
            (Self::Nv12 | Self::Nv21, 1) => (2 * half_w, half_h),
            (Self::I420, 1 | 2) => (half_w, half_h),
            (Self::Rgba8 | Self::Bgra8, 0) => (4 * w, h),
            (Self::Rgb8, 0) => (3 * w, h),
            _ => (0, 0),
        }
    }
}

/// The clockwise turn that makes the buffer upright.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rotation {
    /// The buffer is upright.
    #[default]
    None,
    /// Turn by 90° clockwise.
    Cw90,
    /// Turn by 180°.
    Cw180,
    /// Turn by 270° clockwise.
    Cw270,
}

impl Rotation {
    /// The rotation for a number of degrees clockwise, as cameras report it; `None` for other than quarter turns.
    pub const fn from_degrees(degrees: u32) -> Option<Self> {
        match degrees % 360 {
            0 => Some(Self::None),
            90 => Some(Self::Cw90),
            180 => Some(Self::Cw180),
            270 => Some(Self::Cw270),
            _ => None,
        }
    }

    /// Whether width and height change places.
    pub const fn swaps_axes(self) -> bool {
        matches!(self, Self::Cw90 | Self::Cw270)
    }
}

/// One plane of an image.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plane<'a> {
    /// The bytes, first row first.
    pub data: &'a [u8],
    /// Bytes from the start of one row to the start of the next.
    pub row_stride: usize,
}

/// A borrowed camera image.
///
/// # Shapes
/// `width` × `height` is the *buffer*; answers are in pixels of the *upright* frame, after `rotation` and then
/// `mirror` (left–right).
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    /// Layout of the bytes.
    pub format: PixelFormat,
    /// Buffer width in pixels.
    pub width: u32,
    /// Buffer height in pixels.
    pub height: u32,
    /// Planes in the format's order; those that the format does not have are empty.
    pub planes: [Plane<'a>; 3],
    /// The turn that makes the buffer upright.
    pub rotation: Rotation,
    /// Whether the upright picture is flipped left–right (front cameras).
    pub mirror: bool,
    /// The part that the model looks at, in upright pixels; all of it when `None`.
    pub region: Option<Rect>,
}

impl<'a> Image<'a> {
    /// An image from its planes, upright, not mirrored, whole.
    ///
    /// Planes beyond the third are ignored; missing ones are empty and will be refused by the frame contract.
    pub fn new(format: PixelFormat, width: u32, height: u32, planes: &[Plane<'a>]) -> Self {
        let mut three = [Plane::default(); 3];
        for (slot, plane) in three.iter_mut().zip(planes) {
            *slot = *plane;
        }
        Self { format, width, height, planes: three, rotation: Rotation::None, mirror: false, region: None }
    }

    /// A tightly packed image in one buffer, planes one after the other.
    ///
    /// A buffer that is too short gives short planes, which the frame contract refuses.
    pub fn packed(format: PixelFormat, width: u32, height: u32, data: &'a [u8]) -> Self {
        let mut planes = [Plane::default(); 3];
        let mut at = 0_usize;
        for (i, slot) in planes.iter_mut().enumerate().take(format.planes()) {
            let (row, rows) = format.plane_size(i, width, height);
            let end = at.saturating_add(row.saturating_mul(rows)).min(data.len());
            *slot = Plane { data: &data[at..end], row_stride: row };
            at = end;
        }
        Self { format, width, height, planes, rotation: Rotation::None, mirror: false, region: None }
    }

    /// This image with another rotation.
    #[must_use]
    pub const fn rotated(mut self, rotation: Rotation) -> Self {
        self.rotation = rotation;
        self
    }

    /// This image, mirrored or not.
    #[must_use]
    pub const fn mirrored(mut self, mirror: bool) -> Self {
        self.mirror = mirror;
        self
    }

    /// This image with a region of interest, in upright pixels.
    #[must_use]
    pub const fn with_region(mut self, region: Rect) -> Self {
        self.region = Some(region);
        self
    }

    /// Width and height of the upright frame.
    pub const fn upright_size(&self) -> (u32, u32) {
        if self.rotation.swaps_axes() { (self.height, self.width) } else { (self.width, self.height) }
    }
}

/// Samples of an [`Audio`] block.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Samples<'a> {
    /// Signed 16-bit PCM.
    I16(&'a [i16]),
    /// Floats from −1 to 1.
    F32(&'a [f32]),
}

impl Samples<'_> {
    /// How many samples there are.
    pub const fn len(&self) -> usize {
        match self {
            Self::I16(s) => s.len(),
            Self::F32(s) => s.len(),
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A block of mono audio; its capture time is that of the first sample.
#[derive(Clone, Copy, Debug)]
pub struct Audio<'a> {
    /// The samples.
    pub samples: Samples<'a>,
    /// Samples a second.
    pub sample_rate: u32,
}

/// Elements of a [`Tensor`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Elements<'a> {
    /// 32-bit floats.
    F32(&'a [f32]),
    /// 64-bit signed integers.
    I64(&'a [i64]),
    /// 32-bit signed integers.
    I32(&'a [i32]),
    /// Bytes.
    U8(&'a [u8]),
}

impl Elements<'_> {
    /// How many elements there are.
    pub const fn len(&self) -> usize {
        match self {
            Self::F32(e) => e.len(),
            Self::I64(e) => e.len(),
            Self::I32(e) => e.len(),
            Self::U8(e) => e.len(),
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A named tensor in row-major order.
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a> {
    /// The model input that it feeds.
    pub name: &'a str,
    /// Its dimensions.
    pub shape: &'a [usize],
    /// Its elements; as many as the product of `shape`.
    pub elements: Elements<'a>,
}

/// The value of a [`Feature`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum FeatureValue<'a> {
    /// A number.
    Number(f64),
    /// A category by name.
    Category(&'a str),
    /// Known to be missing.
    Missing,
}

/// A named number or category.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Feature<'a> {
    /// Its name in the card.
    pub name: &'a str,
    /// Its value.
    pub value: FeatureValue<'a>,
}
