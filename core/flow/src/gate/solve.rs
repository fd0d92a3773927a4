//! Weighted least squares with at most eight unknowns and a prior, in a fixed order of operations.
//! **Invariant:** the solution is finite for finite input: a pivot without support leaves its unknown at the prior.
//! It does not know pixels; `patch` states the problem.

/// Lanes that sums are kept in, so that the compiler can use vectors without changing the order of additions.
pub(super) const LANES: usize = 8;
/// The most unknowns of a problem.
pub(super) const UNKNOWNS: usize = 8;

/// Σ a·b in lanes. Both slices have the same length, a multiple of [`LANES`].
#[inline]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut acc = [0.0_f32; LANES];
    for (x, y) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for i in 0..LANES {
            acc[i] += x[i] * y[i];
        }
    }
    fold(acc)
}

/// Σ a in lanes.
#[inline]
pub(super) fn sum(a: &[f32]) -> f32 {
    let mut acc = [0.0_f32; LANES];
    for x in a.as_chunks::<LANES>().0 {
        for i in 0..LANES {
            acc[i] += x[i];
        }
    }
    fold(acc)
}

/// Σ f(a, b) in lanes. All slices have the same length, a multiple of [`LANES`].
#[inline]
pub(super) fn total(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut acc = [0.0_f32; LANES];
    for (x, y) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for i in 0..LANES {
            acc[i] += f(x[i], y[i]);
        }
    }
    fold(acc)
}

#[inline]
pub(super) fn fold(a: [f32; LANES]) -> f32 {
    ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
}

/// Normal equations of `n` unknowns: their matrix.
#[derive(Clone, Copy, Debug)]
pub(super) struct Normal {
    n: usize,
    /// Lower triangle; the Cholesky factor after [`Normal::factor`].
    m: [[f32; UNKNOWNS]; UNKNOWNS],
    /// Inverse diagonal of the factor.
    inverse: [f32; UNKNOWNS],
}

impl Normal {
    /// No equations yet.
    pub const fn new(n: usize) -> Self {
        Self { n, m: [[0.0; UNKNOWNS]; UNKNOWNS], inverse: [0.0; UNKNOWNS] }
    }

    /// Sets the element of row `i` and column `j <= i`.
    pub fn set(&mut self, i: usize, j: usize, value: f32) {
        self.m[i][j] = value;
    }

    /// The element of row `i` and column `j <= i`.
    pub const fn get(&self, i: usize, j: usize) -> f32 {
        self.m[i][j]
    }

    /// Pulls unknown `i` towards a value with the given strength.
    pub fn prior(&mut self, i: usize, strength: f32) {
        self.m[i][i] += strength;
    }

    /// Makes the matrix its Cholesky factor.
    pub fn factor(&mut self) {
        for i in 0..self.n {
            for j in 0..=i {
                let mut s = self.m[i][j];
                for k in 0..j {
                    s -= self.m[i][k] * self.m[j][k];
                }
                if i == j {
                    // Without support (or lost to rounding) the pivot becomes huge and the unknown stays at zero.
                    let least = self.m[i][i] * 1e-6;
                    self.m[i][i] = if s > least && s > 1e-12 { libm::sqrtf(s) } else { 1e9 };
                    self.inverse[i] = 1.0 / self.m[i][i];
                } else {
                    self.m[i][j] = s * self.inverse[j];
                }
            }
        }
    }

    /// Solves for a right-hand side after [`Normal::factor`].
    pub fn back(&self, mut x: [f32; UNKNOWNS]) -> [f32; UNKNOWNS] {
        for i in 0..self.n {
            for k in 0..i {
                x[i] -= self.m[i][k] * x[k];
            }
            x[i] *= self.inverse[i];
        }
        for i in (0..self.n).rev() {
            for k in i + 1..self.n {
                x[i] -= self.m[k][i] * x[k];
            }
            x[i] *= self.inverse[i];
        }
        x
    }
}

/// The median of numbers that are not negative; their order changes. Zero for none.
pub(super) fn median(values: &mut [f32]) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let mid = values.len() / 2;
    // Numbers that are not negative lie in the order of their bits.
    *values.select_nth_unstable_by_key(mid, |v| v.to_bits()).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_system_is_solved() {
        let mut n = Normal::new(2);
        n.set(0, 0, 4.0);
        n.set(1, 0, 2.0);
        n.set(1, 1, 3.0);
        n.factor();
        let x = n.back([10.0, 8.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert!((x[0] - 1.75).abs() < 1e-5 && (x[1] - 1.5).abs() < 1e-5, "{x:?}");
    }

    #[test]
    fn an_unknown_without_support_stays_finite() {
        let mut n = Normal::new(3);
        n.set(0, 0, 4.0);
        n.factor();
        let x = n.back([8.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert!((x[0] - 2.0).abs() < 1e-5);
        assert!(x.iter().all(|v| v.is_finite() && v.abs() < 3.0));
    }

    #[test]
    fn the_median_of_none_is_zero() {
        assert_eq!(median(&mut []), 0.0);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
    }
}
