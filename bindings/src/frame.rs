//! Camera images as they cross the border: one buffer, and where its planes are.
//! **Invariant:** an offset past the end of the buffer gives an empty plane, which the engine refuses by type.
//! It does not check frames: the engine's contract does. It does not copy pixels.

use inbetween::{Image, Plane};

/// How the bytes of an image are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
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

impl From<PixelFormat> for inbetween::PixelFormat {
    fn from(format: PixelFormat) -> Self {
        match format {
            PixelFormat::Nv12 => Self::Nv12,
            PixelFormat::Nv21 => Self::Nv21,
            PixelFormat::I420 => Self::I420,
            PixelFormat::Rgba8 => Self::Rgba8,
            PixelFormat::Bgra8 => Self::Bgra8,
            PixelFormat::Rgb8 => Self::Rgb8,
            PixelFormat::Gray8 => Self::Gray8,
        }
    }
}

/// The clockwise turn that makes the buffer upright.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, uniffi::Enum)]
pub enum Rotation {
    /// The buffer is upright.
    #[default]
    Upright,
    /// Turn by 90° clockwise.
    Cw90,
    /// Turn by 180°.
    Cw180,
    /// Turn by 270° clockwise.
    Cw270,
}

impl From<Rotation> for inbetween::Rotation {
    fn from(rotation: Rotation) -> Self {
        match rotation {
            Rotation::Upright => Self::None,
            Rotation::Cw90 => Self::Cw90,
            Rotation::Cw180 => Self::Cw180,
            Rotation::Cw270 => Self::Cw270,
        }
    }
}

/// An axis-aligned box by its corners, in pixels of the upright frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, uniffi::Record)]
pub struct Rect {
    /// Left edge.
    pub x0: f32,
    /// Top edge.
    pub y0: f32,
    /// Right edge.
    pub x1: f32,
    /// Bottom edge.
    pub y1: f32,
}

impl From<Rect> for inbetween::Rect {
    fn from(r: Rect) -> Self {
        Self::new(r.x0, r.y0, r.x1, r.y1)
    }
}

impl From<inbetween::Rect> for Rect {
    fn from(r: inbetween::Rect) -> Self {
        Self { x0: r.x0, y0: r.y0, x1: r.x1, y1: r.y1 }
    }
}

/// Where one plane is in the buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, uniffi::Record)]
pub struct PlaneLayout {
    /// Bytes from the start of the buffer to the plane's first row.
    pub offset: u32,
    /// Bytes from the start of one row to the start of the next.
    pub row_stride: u32,
}

/// How the camera moved since the frame before, as a gyroscope or an encoder knows it, in pixels of the upright frame. The
/// pixels decide: a motion that they contradict does no harm.
#[derive(Clone, Copy, Debug, Default, PartialEq, uniffi::Record)]
pub struct CameraMotion {
    /// Motion of the picture's middle to the right.
    pub shift_x: f32,
    /// Downwards.
    pub shift_y: f32,
    /// How a point's motion grows with its place right of the middle: change of `x` by `x`, of `x` by `y`, of `y` by `x`
    /// and of `y` by `y`.
    pub xx: f32,
    /// Change of `x` by `y`.
    pub xy: f32,
    /// Change of `y` by `x`.
    pub yx: f32,
    /// Change of `y` by `y`.
    pub yy: f32,
}

impl From<CameraMotion> for inbetween::CameraMotion {
    fn from(m: CameraMotion) -> Self {
        Self { shift: inbetween::Point::new(m.shift_x, m.shift_y), linear: [m.xx, m.xy, m.yx, m.yy] }
    }
}

impl From<inbetween::CameraMotion> for CameraMotion {
    fn from(m: inbetween::CameraMotion) -> Self {
        let [xx, xy, yx, yy] = m.linear;
        Self { shift_x: m.shift.x, shift_y: m.shift.y, xx, xy, yx, yy }
    }
}

/// The motion of the picture that a turn of the camera causes: radians about the axes to the right, downwards and forwards
/// (right-handed), and the focal length in pixels of the upright frame.
#[uniffi::export]
pub fn camera_motion_from_turn(right: f32, down: f32, forward: f32, focal_px: f32) -> CameraMotion {
    inbetween::CameraMotion::from_rotation([right, down, forward], focal_px).into()
}

/// Everything about an image but its bytes.
///
/// # Shapes
/// `width` × `height` is the *buffer*; `region` and answers are in pixels of the *upright* frame, after `rotation`
/// and then `mirror` (left–right).
#[derive(Clone, Debug, PartialEq, uniffi::Record)]
pub struct ImageGeometry {
    /// Layout of the bytes.
    pub format: PixelFormat,
    /// Buffer width in pixels.
    pub width: u32,
    /// Buffer height in pixels.
    pub height: u32,
    /// Planes in the format's order: luma first, then chroma; one for RGB and gray.
    pub planes: Vec<PlaneLayout>,
    /// The turn that makes the buffer upright.
    pub rotation: Rotation,
    /// Whether the upright picture is flipped left–right (front cameras).
    pub mirror: bool,
    /// The part that the model looks at; all of it when left out.
    pub region: Option<Rect>,
    /// How the camera moved, if the host knows.
    #[uniffi(default = None)]
    pub motion: Option<CameraMotion>,
}

impl ImageGeometry {
    /// The image that this describes in `pixels`. A plane reaches to the end of the buffer; rows past its own are
    /// not read.
    pub(crate) fn over<'a>(&self, pixels: &'a [u8]) -> Image<'a> {
        let mut planes = [Plane::default(); 3];
        for (plane, layout) in planes.iter_mut().zip(&self.planes) {
            let data = pixels.get(layout.offset as usize..).unwrap_or_default();
            *plane = Plane { data, row_stride: layout.row_stride as usize };
        }
        Image {
            format: self.format.into(),
            width: self.width,
            height: self.height,
            planes,
            rotation: self.rotation.into(),
            mirror: self.mirror,
            region: self.region.map(Into::into),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_are_cut_out_of_one_buffer_and_offsets_past_it_are_empty() {
        let pixels: Vec<u8> = (0..100).collect();
        let layout = |offset, row_stride| PlaneLayout { offset, row_stride };
        let geometry = ImageGeometry {
            format: PixelFormat::I420,
            width: 4,
            height: 4,
            planes: vec![layout(0, 8), layout(40, 4), layout(u32::MAX, 4)],
            rotation: Rotation::Cw90,
            mirror: true,
            region: Some(Rect { x0: 0.0, y0: 1.0, x1: 2.0, y1: 3.0 }),
            motion: None,
        };
        let image = geometry.over(&pixels);
        assert_eq!((image.planes[0].data.len(), image.planes[0].row_stride), (100, 8));
        assert_eq!(image.planes[1].data[0], 40);
        assert!(image.planes[2].data.is_empty());
        assert_eq!(image.region, Some(inbetween::Rect::new(0.0, 1.0, 2.0, 3.0)));
        assert!(image.mirror && image.rotation == inbetween::Rotation::Cw90);
    }
}
