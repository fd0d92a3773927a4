//! Monotone cubic interpolation between two results.
//! **Invariant:** a value between two samples never leaves the range that these two span.
//! It does not extrapolate: beyond the last sample the filters in `kalman` answer.

/// A sample beside the interval: how far away in time (seconds, above 0) and its value.
pub(super) type Beside = Option<(f32, f32)>;

/// The value at `s` seconds after the sample `y1`, where the next sample `y2` follows `h` seconds later.
/// `before` and `after` are the neighbours of the interval; without one the secant stands in for its tangent.
///
/// # Source
/// Fritsch and Butland, "A method for constructing local monotone piecewise cubic interpolants", 1984
/// (the weighted harmonic mean meets the monotonicity condition of Fritsch and Carlson, 1980).
pub(super) fn monotone(before: Beside, y1: f32, h: f32, y2: f32, after: Beside, s: f32) -> f32 {
    if h <= 0.0 {
        return y2;
    }
    let secant = (y2 - y1) / h;
    let m1 = before.map_or(secant, |(g, y0)| tangent(g, (y1 - y0) / g, h, secant));
    let m2 = after.map_or(secant, |(g, y3)| tangent(h, secant, g, (y3 - y2) / g));
    let t = (s / h).clamp(0.0, 1.0);
    let (t2, t3) = (t * t, t * t * t);
    let y = y1 * (2.0 * t3 - 3.0 * t2 + 1.0)
        + m1 * h * (t3 - 2.0 * t2 + t)
        + y2 * (3.0 * t2 - 2.0 * t3)
        + m2 * h * (t3 - t2);
    within(y, y1.min(y2), y1.max(y2)) // rounding only
}

/// `x` where it is within the bounds, else the nearer of them. As `f32::clamp`, which panics where bounds are no numbers.
fn within(x: f32, low: f32, high: f32) -> f32 {
    if x < low {
        low
    } else if x > high {
        high
    } else {
        x
    }
}

/// The tangent between two intervals of lengths `h0` and `h1` with secants `d0` and `d1`.
fn tangent(h0: f32, d0: f32, h1: f32, d1: f32) -> f32 {
    if !(h0 > 0.0 && h1 > 0.0 && d0 * d1 > 0.0) {
        return 0.0;
    }
    let (w0, w1) = (2.0 * h1 + h0, h1 + 2.0 * h0);
    (w0 + w1) / (w0 / d0 + w1 / d1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_reproduced() {
        for i in 0..=10 {
            let s = i as f32 * 0.05;
            let y = monotone(Some((0.3, -0.6)), 0.0, 0.5, 1.0, Some((0.2, 1.4)), s);
            assert!((y - 2.0 * s).abs() < 1e-6, "{y} at {s}");
        }
    }

    #[test]
    fn an_extreme_is_not_overshot() {
        for i in 0..=100 {
            let y = monotone(Some((0.1, 9.0)), 0.0, 0.1, 1.0, Some((0.1, -9.0)), i as f32 * 0.001);
            assert!((0.0..=1.0).contains(&y));
        }
    }

    #[test]
    fn what_is_no_number_gives_none() {
        assert!(monotone(None, f32::NAN, 0.1, f32::NAN, None, 0.05).is_nan());
        assert!(
            monotone(Some((0.1, f32::NAN)), 1.0, 0.1, 2.0, None, 0.05).is_finite(),
            "no tangent, no harm"
        );
    }

    #[test]
    fn the_ends_are_the_samples() {
        assert_eq!(monotone(None, 3.0, 0.1, 5.0, None, 0.0), 3.0);
        assert_eq!(monotone(None, 3.0, 0.1, 5.0, None, 0.1), 5.0);
        assert_eq!(monotone(None, 3.0, 0.0, 5.0, None, 0.0), 5.0);
    }
}
