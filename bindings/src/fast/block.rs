//! The flat block that describes a frame: what `ImageGeometry` holds, at fixed places.
//! **Invariant:** numbers are in native byte order; what the host must not rely on is not in it.
//! It does not hold pixels.
//!
//! | at | what |
//! |---:|---|
//! | 0 | version of this layout, `u32`: 2 |
//! | 4 | pixel format, rotation (numbers of the exported enums), mirrored, region is given: `u8` each |
//! | 8 | width, height: `u32` each |
//! | 16 | region x0, y0, x1, y1: `f32` each |
//! | 32 | for each of 3 planes, 12 bytes: offset, row stride, bytes from the offset on: `u32` each |
//! | 68 | motion is given: `u8`; 3 bytes that are not used |
//! | 72 | out: ticket, `u64` |
//! | 80 | out: when it expires, `i64` nanoseconds |
//! | 88 | motion: shift x, y, linear xx, xy, yx, yy: `f32` each |

use inbetween::{CameraMotion, Image, PixelFormat, Plane, Point, Rect, Rotation};

use crate::error::SdkError;

/// Version of the layout.
const VERSION: u32 = 2;

/// Bytes of the block.
pub(crate) const SIZE: usize = 112;

/// A copy of the block.
#[derive(Clone, Debug)]
pub(crate) struct FrameBlock(pub(crate) [u8; SIZE]);

/// Where one plane is in its buffer, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlaneSpan {
    pub(crate) offset: usize,
    pub(crate) row_stride: usize,
    pub(crate) length: usize,
}

impl FrameBlock {
    fn word(&self, at: usize) -> [u8; 4] {
        self.0.get(at..at + 4).and_then(|w| w.try_into().ok()).unwrap_or_default()
    }

    fn number(&self, at: usize) -> u32 {
        u32::from_ne_bytes(self.word(at))
    }

    fn float(&self, at: usize) -> f32 {
        f32::from_ne_bytes(self.word(at))
    }

    pub(crate) fn plane(&self, index: usize) -> PlaneSpan {
        let [offset, row_stride, length] = [0, 4, 8].map(|at| self.number(32 + index * 12 + at) as usize);
        PlaneSpan { offset, row_stride, length }
    }

    /// Whether the format's chroma is one plane of pairs.
    pub(crate) fn is_paired(&self) -> bool {
        matches!(self.0[4], 0 | 1)
    }

    /// Whether U comes first in the pairs.
    pub(crate) fn u_is_first(&self) -> bool {
        self.0[4] == 0
    }

    /// The image that the block describes, over planes that were cut out already.
    pub(crate) fn image<'a>(&self, planes: [Plane<'a>; 3]) -> Result<Image<'a>, SdkError> {
        if self.number(0) != VERSION {
            return Err(refused(format!("frame block of version {}, not {VERSION}", self.number(0))));
        }
        let format = match self.0[4] {
            0 => PixelFormat::Nv12,
            1 => PixelFormat::Nv21,
            2 => PixelFormat::I420,
            3 => PixelFormat::Rgba8,
            4 => PixelFormat::Bgra8,
            5 => PixelFormat::Rgb8,
            6 => PixelFormat::Gray8,
            other => return Err(refused(format!("pixel format {other} in the frame block"))),
        };
        let rotation = match self.0[5] {
            0 => Rotation::None,
            1 => Rotation::Cw90,
            2 => Rotation::Cw180,
            3 => Rotation::Cw270,
            other => return Err(refused(format!("rotation {other} in the frame block"))),
        };
        let region = [16, 20, 24, 28].map(|at| self.float(at));
        Ok(Image {
            format,
            width: self.number(8),
            height: self.number(12),
            planes,
            rotation,
            mirror: self.0[6] != 0,
            region: (self.0[7] != 0).then(|| Rect::new(region[0], region[1], region[2], region[3])),
        })
    }

    /// How the camera moved, if the host knows.
    pub(crate) fn motion(&self) -> Option<CameraMotion> {
        let [shift_x, shift_y, xx, xy, yx, yy] = [88, 92, 96, 100, 104, 108].map(|at| self.float(at));
        (self.0[68] != 0)
            .then(|| CameraMotion { shift: Point::new(shift_x, shift_y), linear: [xx, xy, yx, yy] })
    }

    pub(crate) fn set_ticket(&mut self, ticket: u64, expires_nanos: i64) {
        self.0[72..80].copy_from_slice(&ticket.to_ne_bytes());
        self.0[80..88].copy_from_slice(&expires_nanos.to_ne_bytes());
    }
}

/// The host's wrapper and this library are not of one version.
pub(crate) fn refused(problem: String) -> SdkError {
    SdkError::Other { problem }
}
