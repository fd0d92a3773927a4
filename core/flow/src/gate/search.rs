//! Looks for a patch around a place: correlation on a grid, the best few places in order.
//! **Invariant:** every place is compared at the same samples, at most [`SPARSE`] of them.
//! It does not refine: `follow` fits from the places that it returns.

use crate::geometry::Point;

use super::{
    patch::{Patch, Pose},
    sample::{Column, SAMPLES, Sampler},
    solve::{LANES, dot, sum},
};

/// Samples that are compared at each place, about.
const SPARSE: usize = 32;
/// Samples that rule most places out.
const FEW: usize = 2 * LANES;
/// Distance of the places that are tried, in working pixels: within reach of the gradient of most textures.
const STRIDE: i32 = 2;
/// The least correlation that is worth a fit. A place whose first few samples correlate by less than the second is
/// not looked at further.
const LEAST: f32 = 0.3;
const UNLIKE: f32 = 0.1;
/// Places that are returned.
pub(super) const REFINED: usize = 3;

/// The part of a patch that is compared.
struct Sparse {
    n: usize,
    weight: Column,
    value: Column,
}

impl Patch {
    /// The most similar places within `reach` working pixels of `center`, best first.
    pub fn search(
        &self,
        frame: &Sampler<'_>,
        center: Point,
        linear: [f32; 4],
        reach: f32,
    ) -> impl Iterator<Item = Point> + use<> {
        // A shape that is nearly the key frame's is left out: whole pixels are read faster than parts.
        let bent = linear.iter().any(|l| l.abs() > 0.08);
        let linear = if bent { linear } else { [0.0; 4] };
        let center = frame.whole(center);
        let zero = [0.0; SAMPLES];
        let (mut x, mut y) = (zero, zero);
        self.spots(&Pose { shift: center, linear }, &mut x, &mut y);
        let sparse = self.thin(&mut x, &mut y);
        let places = frame.places(&mut x, &mut y, sparse.n);

        let mut top = [(LEAST, Point::default()); REFINED];
        let (mut value, mut inside) = (zero, zero);
        let steps = (reach / STRIDE as f32) as i32;
        for iy in -steps..=steps {
            for ix in -steps..=steps {
                let off = (ix * STRIDE, iy * STRIDE);
                let mut like = |n: usize| {
                    frame.gather(&places, off, n, &mut value, &mut inside);
                    sparse.correlation(n, &value, &inside)
                };
                if sparse.n > FEW && like(FEW) < UNLIKE {
                    continue;
                }
                let score = like(sparse.n);
                if score > top[REFINED - 1].0 {
                    top[REFINED - 1] = (score, Point::new(center.x + off.0 as f32, center.y + off.1 as f32));
                    for i in (1..REFINED).rev() {
                        if top[i].0 > top[i - 1].0 {
                            top.swap(i, i - 1);
                        }
                    }
                }
            }
        }
        top.into_iter().filter(|(score, _)| *score > LEAST).map(|(_, shift)| shift)
    }

    /// Every few samples, in an order in which also the first ones are from all over the patch.
    fn thin(&self, x: &mut Column, y: &mut Column) -> Sparse {
        let zero = [0.0; SAMPLES];
        let (mut weight, mut value, mut px, mut py) = (zero, zero, zero, zero);
        let stride = (self.len() / SPARSE).max(1);
        let mut n = 0;
        for i in [0, 1].into_iter().flat_map(|odd| (odd * stride..self.len()).step_by(2 * stride)) {
            (px[n], py[n], value[n], weight[n]) = (x[i], y[i], self.columns[0][i], self.window[i]);
            n += 1;
        }
        (*x, *y) = (px, py);
        Sparse { n: n.next_multiple_of(LANES), weight, value }
    }
}

impl Sparse {
    /// Correlation over the first `n` samples, from −1 to 1; −1 when mostly outside.
    fn correlation(&self, n: usize, seen: &Column, inside: &Column) -> f32 {
        let (w, t) = (&self.weight[..n], &self.value[..n]);
        let zero = [0.0; SAMPLES];
        let (mut used, mut value, mut key, mut light) = (zero, zero, zero, zero);
        for i in 0..n {
            used[i] = w[i] * inside[i];
            value[i] = seen[i] - MIDDLE;
            key[i] = used[i] * t[i];
            light[i] = used[i] * value[i];
        }
        let (all, part) = (sum(w), sum(&used[..n]));
        if part < 0.5 * all || part <= 0.0 {
            return -1.0;
        }
        let (key, light, value) = (&key[..n], &light[..n], &value[..n]);
        let (k, v) = (sum(key), sum(light));
        let (ck, cv) = (dot(key, t) - k * k / part, dot(light, value) - v * v / part);
        let product = ck * cv;
        if product <= 1e-3 {
            return -1.0;
        }
        ((dot(key, value) - k * v / part) / libm::sqrtf(product)).clamp(-1.0, 1.0)
    }
}

/// A middle brightness: sums of squares about it keep their digits.
const MIDDLE: f32 = 128.0;
