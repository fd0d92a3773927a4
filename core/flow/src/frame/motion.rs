//! The camera's own motion as the host knows it: from a gyroscope, an encoder's motion vectors, a stabiliser.
//! **Invariant:** a valid motion is finite and moves nothing by more than the frame's size.
//! It does not estimate anything: `gate` takes it as a start and lets the picture decide.

use crate::geometry::Point;

/// How what the camera sees moved since the frame before, all of it alike.
///
/// A position `p` of the upright frame before is now at `p + shift + linear · (p − middle of the frame)`. It is a hint:
/// where the picture has texture, the picture decides; where it has none, the hint says where followed things may be.
///
/// # Units
/// Upright pixels.
///
/// # Example
/// ```
/// use inbetween_flow::CameraMotion;
/// // A gyroscope that turned right by 0.01 rad; the lens has a focal length of 1000 pixels.
/// let motion = CameraMotion::from_rotation([0.0, 0.01, 0.0], 1000.0);
/// assert!((motion.shift.x + 10.0).abs() < 0.01);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CameraMotion {
    /// Motion of the frame's middle.
    pub shift: Point,
    /// Row-major departure of the linear part from identity.
    pub linear: [f32; 4],
}

impl CameraMotion {
    /// The same motion everywhere, as of an encoder's mean motion vector.
    pub const fn from_shift(shift: Point) -> Self {
        Self { shift, linear: [0.0; 4] }
    }

    /// The motion that a turn of the camera causes. `turn` is in radians about the axes to the right, downwards and
    /// forwards (right-handed: right, up, clockwise are `y`, `x` and `z` above zero), `focal_px` the focal length in
    /// pixels of the upright frame.
    pub fn from_rotation(turn: [f32; 3], focal_px: f32) -> Self {
        let [x, y, z] = turn;
        let (sin, cos) = (libm::sinf(z), libm::cosf(z));
        let shift = Point::new(-focal_px * libm::tanf(y), focal_px * libm::tanf(x));
        Self { shift, linear: [cos - 1.0, sin, -sin, cos - 1.0] }
    }

    /// Whether it may be a motion of a `width` × `height` frame.
    pub fn is_valid(&self, (width, height): (u32, u32)) -> bool {
        // Written so that a NaN is not.
        self.shift.x.abs() <= width as f32
            && self.shift.y.abs() <= height as f32
            && self.linear.iter().all(|l| l.abs() <= 0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_moves_against_the_camera() {
        let up = CameraMotion::from_rotation([0.02, 0.0, 0.0], 500.0);
        assert!((up.shift.y - 10.0).abs() < 0.01 && up.shift.x == 0.0);
        // The camera turns clockwise: what is to the right of the middle goes up.
        let roll = CameraMotion::from_rotation([0.0, 0.0, 0.1], 500.0);
        assert!(roll.linear[2] < -0.09 && roll.linear[1] > 0.09);
    }

    #[test]
    fn what_is_no_motion_is_not_valid() {
        let size = (640, 360);
        assert!(CameraMotion::default().is_valid(size));
        assert!(!CameraMotion::from_shift(Point::new(f32::NAN, 0.0)).is_valid(size));
        assert!(!CameraMotion::from_shift(Point::new(0.0, 400.0)).is_valid(size));
        assert!(
            !CameraMotion { linear: [0.0, f32::INFINITY, 0.0, 0.0], ..Default::default() }.is_valid(size)
        );
    }
}
