//! Points and boxes in pixels of the upright frame.
//! **Invariant:** a [`Rect`] that is built by this crate has finite corners with `x0 <= x1` and `y0 <= y1`.
//! It does not know frames, models or tracks.

/// A displacement or a position, in pixels of the upright frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

impl Point {
    /// A point from its coordinates.
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// Distance from the origin, in pixels.
    pub fn length(self) -> f32 {
        libm::sqrtf(self.x * self.x + self.y * self.y)
    }

    /// This point with both coordinates multiplied by `k`.
    #[must_use]
    pub fn scaled(self, k: f32) -> Self {
        Self::new(self.x * k, self.y * k)
    }

    /// Whether both coordinates are finite.
    pub fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite()
    }
}

impl core::ops::Add for Point {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        Self::new(self.x + o.x, self.y + o.y)
    }
}

impl core::ops::Sub for Point {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        Self::new(self.x - o.x, self.y - o.y)
    }
}

/// An axis-aligned box by its corners, in pixels of the upright frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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

impl Rect {
    /// A box from its left, top, right and bottom edges.
    pub const fn new(x0: f32, y0: f32, x1: f32, y1: f32) -> Self {
        Self { x0, y0, x1, y1 }
    }

    /// A box from its centre and size.
    pub fn from_center(center: Point, width: f32, height: f32) -> Self {
        Self::new(
            center.x - width * 0.5,
            center.y - height * 0.5,
            center.x + width * 0.5,
            center.y + height * 0.5,
        )
    }

    /// Width in pixels.
    pub fn width(&self) -> f32 {
        self.x1 - self.x0
    }

    /// Height in pixels.
    pub fn height(&self) -> f32 {
        self.y1 - self.y0
    }

    /// Area in square pixels; zero for an inverted box.
    pub fn area(&self) -> f32 {
        self.width().max(0.0) * self.height().max(0.0)
    }

    /// The centre.
    pub fn center(&self) -> Point {
        Point::new((self.x0 + self.x1) * 0.5, (self.y0 + self.y1) * 0.5)
    }

    /// This box moved by `by`.
    #[must_use]
    pub fn moved(&self, by: Point) -> Self {
        Self::new(self.x0 + by.x, self.y0 + by.y, self.x1 + by.x, self.y1 + by.y)
    }

    /// The part of this box inside `other`; a box of zero area where they do not meet.
    #[must_use]
    pub fn clipped(&self, other: &Self) -> Self {
        let x0 = self.x0.max(other.x0).min(other.x1);
        let y0 = self.y0.max(other.y0).min(other.y1);
        Self::new(x0, y0, self.x1.min(other.x1).max(x0), self.y1.min(other.y1).max(y0))
    }

    /// Intersection over union, from 0 to 1.
    pub fn iou(&self, other: &Self) -> f32 {
        let w = self.x1.min(other.x1) - self.x0.max(other.x0);
        let h = self.y1.min(other.y1) - self.y0.max(other.y0);
        if w <= 0.0 || h <= 0.0 {
            return 0.0;
        }
        let meet = w * h;
        let union = self.area() + other.area() - meet;
        if union > 0.0 { meet / union } else { 0.0 }
    }

    /// The largest distance between corresponding corners, in pixels: the error that a tolerance on boxes bounds.
    pub fn worst_corner(&self, other: &Self) -> f32 {
        let (l, t) = (self.x0 - other.x0, self.y0 - other.y0);
        let (r, b) = (self.x1 - other.x1, self.y1 - other.y1);
        let (x, y) = (l.abs().max(r.abs()), t.abs().max(b.abs()));
        libm::sqrtf(x * x + y * y)
    }

    /// Whether all edges are finite and in order.
    pub fn is_valid(&self) -> bool {
        self.x0.is_finite()
            && self.y0.is_finite()
            && self.x1.is_finite()
            && self.y1.is_finite()
            && self.x0 <= self.x1
            && self.y0 <= self.y1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_of_half_shifted_squares_is_a_third() {
        let a = Rect::new(0.0, 0.0, 2.0, 2.0);
        let b = Rect::new(1.0, 0.0, 3.0, 2.0);
        assert!((a.iou(&b) - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!(a.iou(&a), 1.0);
    }

    #[test]
    fn worst_corner_takes_the_farthest_one() {
        let a = Rect::new(0.0, 0.0, 10.0, 10.0);
        assert_eq!(a.worst_corner(&a.moved(Point::new(3.0, 4.0))), 5.0);
        assert_eq!(a.worst_corner(&Rect::new(0.0, 0.0, 13.0, 14.0)), 5.0);
    }

    #[test]
    fn clipping_outside_leaves_no_area() {
        let a = Rect::new(0.0, 0.0, 10.0, 10.0);
        let out = Rect::new(20.0, 20.0, 30.0, 30.0).clipped(&a);
        assert_eq!(out.area(), 0.0);
        assert!(out.is_valid());
    }
}
