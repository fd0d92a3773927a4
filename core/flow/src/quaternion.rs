//! Rotations as unit quaternions.
//! **Invariant:** every operation on sound quaternions gives a unit quaternion, and no operation gives a NaN.
//! It does not say what is rotated: the model and the app agree on the frames of reference.

use crate::geometry::Point;

/// Degrees in a radian.
const DEGREES: f32 = 57.295_78;

/// A rotation `w + xi + yj + zk` of unit length, with Hamilton's product; `q` and `-q` are the same rotation.
///
/// # Units
/// Angles are in degrees: a card's tolerance is read by people.
///
/// # Example
/// ```
/// use inbetween_flow::Quaternion;
/// let quarter = Quaternion::from_degrees([0.0, 0.0, 90.0]);
/// let eighth = Quaternion::IDENTITY.slerp(quarter, 0.5);
/// assert!((eighth.angle_to(quarter) - 45.0).abs() < 1e-3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quaternion {
    /// The real part: the cosine of half the angle.
    pub w: f32,
    /// The imaginary part along x.
    pub x: f32,
    /// The imaginary part along y.
    pub y: f32,
    /// The imaginary part along z.
    pub z: f32,
}

impl Default for Quaternion {
    fn default() -> Self {
        Self::IDENTITY
    }
}

impl Quaternion {
    /// No rotation.
    pub const IDENTITY: Self = Self { w: 1.0, x: 0.0, y: 0.0, z: 0.0 };

    /// A quaternion from its parts, as they are.
    pub const fn new(w: f32, x: f32, y: f32, z: f32) -> Self {
        Self { w, x, y, z }
    }

    /// Its length; 1 for a rotation.
    pub fn norm(self) -> f32 {
        // In double precision the square of no single overflows.
        let square = |x: f32| f64::from(x) * f64::from(x);
        libm::sqrt(square(self.w) + square(self.x) + square(self.y) + square(self.z)) as f32
    }

    /// The rotation in its direction; `None` for one without a direction, or that is not finite.
    pub fn unit(self) -> Option<Self> {
        let norm = self.norm();
        if !(norm.is_finite() && norm > 1e-6) {
            return None;
        }
        Some(Self::new(self.w / norm, self.x / norm, self.y / norm, self.z / norm))
    }

    fn dot(self, o: Self) -> f32 {
        self.w * o.w + self.x * o.x + self.y * o.y + self.z * o.z
    }

    /// The same rotation, with the sign that is nearer to `o`: between the two signs numbers jump, rotations do not.
    #[must_use]
    pub fn toward(self, o: Self) -> Self {
        if self.dot(o) < 0.0 { Self::new(-self.w, -self.x, -self.y, -self.z) } else { self }
    }

    /// The rotation that undoes this one.
    #[must_use]
    pub const fn inverse(self) -> Self {
        Self::new(self.w, -self.x, -self.y, -self.z)
    }

    /// First `o`, then this one.
    #[must_use]
    pub fn after(self, o: Self) -> Self {
        let (a, b) = (self, o);
        let product = Self::new(
            a.w * b.w - a.x * b.x - a.y * b.y - a.z * b.z,
            a.w * b.x + a.x * b.w + a.y * b.z - a.z * b.y,
            a.w * b.y - a.x * b.z + a.y * b.w + a.z * b.x,
            a.w * b.z + a.x * b.y - a.y * b.x + a.z * b.w,
        );
        product.unit().unwrap_or_default()
    }

    /// The rotation about the axis `v` by its length in degrees (the exponential map).
    pub fn from_degrees(v: [f32; 3]) -> Self {
        let v = v.map(|x| if x.is_finite() { x.clamp(-1e6, 1e6) / DEGREES } else { 0.0 });
        let angle = length(v);
        // Below this the sine is its argument, to the last bit.
        let share = if angle < 1e-4 { 0.5 } else { libm::sinf(0.5 * angle) / angle };
        let q = Self::new(libm::cosf(0.5 * angle), v[0] * share, v[1] * share, v[2] * share);
        q.unit().unwrap_or_default()
    }

    /// The axis times the angle in degrees, at most 180 (the logarithm).
    pub fn degrees(self) -> [f32; 3] {
        let q = self.toward(Self::IDENTITY);
        let sine = length([q.x, q.y, q.z]);
        let share = if sine < 1e-6 { 2.0 } else { 2.0 * libm::atan2f(sine, q.w) / sine };
        [q.x, q.y, q.z].map(|x| x * share * DEGREES)
    }

    /// The angle of the rotation from this one to `o`, from 0 to 180 degrees: the error that a tolerance bounds.
    pub fn angle_to(self, o: Self) -> f32 {
        length(o.after(self.inverse()).degrees())
    }

    /// The rotation at `share` of the shorter way from this one to `o`, at constant speed.
    ///
    /// # Source
    /// Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985.
    #[must_use]
    pub fn slerp(self, o: Self, share: f32) -> Self {
        let way = o.after(self.inverse()).degrees();
        Self::from_degrees(way.map(|x| x * share)).after(self)
    }
}

/// The length of a vector.
pub(crate) fn length(v: [f32; 3]) -> f32 {
    let flat = Point::new(v[0], v[1]).length();
    Point::new(flat, v[2]).length()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rotation() -> impl Strategy<Value = Quaternion> {
        [-1.0_f32..1.0, -1.0..1.0, -1.0..1.0, -1.0..1.0]
            .prop_filter_map("a direction", |[w, x, y, z]| Quaternion::new(w, x, y, z).unit())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn logarithm_and_exponential_undo_each_other(q in rotation()) {
            let again = Quaternion::from_degrees(q.degrees());
            prop_assert!(again.angle_to(q) < 0.05, "{again:?}");
            prop_assert!((again.norm() - 1.0).abs() < 1e-5);
        }

        #[test]
        fn slerp_goes_the_shorter_way_at_constant_speed(a in rotation(), b in rotation(), s in 0.0_f32..1.0) {
            let (at, whole) = (a.slerp(b, s), a.angle_to(b));
            prop_assert!((at.norm() - 1.0).abs() < 1e-5);
            prop_assert!((a.angle_to(at) - s * whole).abs() < 0.1);
            // The other sign is the same rotation.
            let other = Quaternion::new(-b.w, -b.x, -b.y, -b.z);
            prop_assume!(whole < 179.0);
            prop_assert!(a.slerp(other, s).angle_to(at) < 0.1);
        }

        #[test]
        fn distance_is_symmetric_and_blind_to_common_rotation(a in rotation(), b in rotation(), c in rotation()) {
            let d = a.angle_to(b);
            prop_assert!((0.0..=180.01).contains(&d));
            prop_assert!((d - b.angle_to(a)).abs() < 0.05);
            prop_assert!((d - a.after(c).angle_to(b.after(c))).abs() < 0.1);
            prop_assert!((d - c.after(a).angle_to(c.after(b))).abs() < 0.1);
        }
    }

    #[test]
    fn what_has_no_direction_is_no_rotation() {
        assert_eq!(Quaternion::new(0.0, 0.0, 0.0, 0.0).unit(), None);
        assert_eq!(Quaternion::new(f32::NAN, 0.0, 0.0, 0.0).unit(), None);
        assert_eq!(Quaternion::new(f32::INFINITY, 0.0, 0.0, 0.0).unit(), None);
        assert_eq!(
            Quaternion::new(0.0, f32::MAX, 0.0, 0.0).unit(),
            Some(Quaternion::new(0.0, 1.0, 0.0, 0.0))
        );
        assert_eq!(Quaternion::from_degrees([f32::NAN, 0.0, 0.0]), Quaternion::IDENTITY);
        assert_eq!(Quaternion::IDENTITY.degrees(), [0.0; 3]);
    }
}
