//! Where the model's picture lies in the upright frame.
//! **Invariant:** `to_frame` and `to_model` are inverse to each other within rounding.
//! It does not know rotation: both sides are upright.

use inbetween_flow::{Point, Rect};

/// The affine map from model pixels to upright frame pixels.
///
/// # Units
/// Pixel *edges*, not centres: the model's picture spans 0 to its width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Frame pixels for one model pixel.
    pub scale: Point,
    /// The frame position of the model's origin.
    pub origin: Point,
    /// Width and height of the upright frame.
    pub frame: (u32, u32),
    /// Width and height of the model's picture.
    pub model: (u32, u32),
}

impl Placement {
    /// From model pixels to upright frame pixels.
    pub fn to_frame(&self, p: Point) -> Point {
        Point::new(self.origin.x + p.x * self.scale.x, self.origin.y + p.y * self.scale.y)
    }

    /// From upright frame pixels to model pixels.
    pub fn to_model(&self, p: Point) -> Point {
        Point::new((p.x - self.origin.x) / self.scale.x, (p.y - self.origin.y) / self.scale.y)
    }

    /// A box in model pixels, in upright frame pixels.
    pub fn rect_to_frame(&self, r: &Rect) -> Rect {
        let (a, b) = (self.to_frame(Point::new(r.x0, r.y0)), self.to_frame(Point::new(r.x1, r.y1)));
        Rect::new(a.x, a.y, b.x, b.y)
    }

    /// The whole upright frame.
    pub fn frame_rect(&self) -> Rect {
        Rect::new(0.0, 0.0, self.frame.0 as f32, self.frame.1 as f32)
    }
}
