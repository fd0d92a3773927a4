//! How far from a kept picture its result holds: learnt from what audits found at which distance.
//! **Invariant:** without enough good audits the radius is 0; one more bad audit never makes it larger.
//! It does not measure distances or errors.

/// Rings of distance that are told apart.
const RINGS: usize = 14;
/// Outer edge of the innermost ring; each further one is √2 as wide. A still camera's noise moves a key by about a
/// hundredth, another picture by more than one.
const INNERMOST: f32 = 0.02;
/// Confidence of the bound is one less this. Then 59 good audits bound the rate by 5%, 149 by 2%.
const DOUBT: f64 = 0.05;
/// A ring with two bad pairs or more, and more than one in so many, ends the radius, however many good ones lie inside it: the
/// bound is on the mean, and nobody should live off the neighbours.
const BAD_RING: u32 = 5;

#[derive(Clone, Copy, Debug, Default)]
struct Ring {
    good: u16,
    bad: u16,
}

/// Audited pairs (distance, whether the error was above the tolerance).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Audits([Ring; RINGS]);

/// Outer edge of ring `i`.
fn edge(i: usize) -> f32 {
    let whole = (1_u32 << (i / 2)) as f32;
    INNERMOST * if i.is_multiple_of(2) { whole } else { whole * core::f32::consts::SQRT_2 }
}

impl Audits {
    /// Takes one pair. Pairs from inside the radius are rarer than those from outside, where every run is one: that
    /// makes the learnt rate too high rather than too low, for errors grow with distance.
    pub fn note(&mut self, distance: f32, bad: bool) {
        let Some(at) = (0..RINGS).find(|i| distance <= edge(*i)) else { return };
        let ring = &mut self.0[at];
        if ring.good.max(ring.bad) == u16::MAX {
            (ring.good, ring.bad) = (ring.good / 2, ring.bad.div_ceil(2));
        }
        *if bad { &mut ring.bad } else { &mut ring.good } += 1;
    }

    /// Whether it can decide without others: it has had so many pairs that they could show a rate below `miss_rate`, or so
    /// many bad ones that they show one above.
    pub fn is_enough(&self, miss_rate: f32) -> bool {
        let (n, bad) = self
            .0
            .iter()
            .fold((0, 0), |(n, bad), r| (n + u32::from(r.good) + u32::from(r.bad), bad + u32::from(r.bad)));
        is_below(n, 0, miss_rate) || is_above(n, bad, miss_rate)
    }

    /// The largest distance up to which the upper confidence bound of P(error > tolerance) is below `miss_rate`;
    /// 0 when there is none.
    ///
    /// # Source
    /// Clopper and Pearson 1934, one-sided; the use is vCache's, per entry and with the user's bound.
    pub fn radius(&self, miss_rate: f32) -> f32 {
        let (mut n, mut bad, mut radius) = (0_u32, 0_u32, 0.0);
        for (i, ring) in self.0.iter().enumerate() {
            let here = u32::from(ring.good) + u32::from(ring.bad);
            if ring.bad > 1 && u32::from(ring.bad) * BAD_RING > here {
                break;
            }
            n += here;
            bad += u32::from(ring.bad);
            if here > 0 && is_below(n, bad, miss_rate) {
                radius = edge(i);
            }
        }
        radius
    }
}

/// Whether `bad` of `n` show, at the level of [`DOUBT`], that the rate is below `rate`: the Clopper–Pearson upper bound
/// is below it just when so few or fewer would be rare at that rate.
pub(super) fn is_below(n: u32, bad: u32, rate: f32) -> bool {
    tail(n, bad, f64::from(rate)) < DOUBT
}

/// Whether `bad` of `n` show that the rate is above `rate`.
pub(super) fn is_above(n: u32, bad: u32, rate: f32) -> bool {
    bad > 0 && 1.0 - tail(n, bad - 1, f64::from(rate)) < DOUBT
}

/// P(X ≤ k) for X binomial of `n` and `p`.
fn tail(n: u32, k: u32, p: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    let q = 1.0 - p;
    let mut term = libm::pow(q, f64::from(n));
    let mut sum = term;
    for i in 0..k {
        term *= f64::from(n - i) / f64::from(i + 1) * p / q;
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_that_of_the_tables() {
        // "Rule of three": with no failure 59 and 149 are the first counts that do.
        assert!(!is_below(58, 0, 0.05) && is_below(59, 0, 0.05));
        assert!(!is_below(148, 0, 0.02) && is_below(149, 0, 0.02));
        // One failure: 93; two: 124 (Clopper–Pearson at 95%).
        assert!(!is_below(92, 1, 0.05) && is_below(93, 1, 0.05));
        assert!(!is_below(123, 2, 0.05) && is_below(124, 2, 0.05));
        assert!(!is_below(0, 0, 0.05));
        assert!(is_above(20, 4, 0.05) && !is_above(20, 2, 0.05) && !is_above(20, 0, 0.05));
    }

    #[test]
    fn grows_with_good_audits_and_stops_where_errors_begin() {
        let mut audits = Audits::default();
        assert_eq!(audits.radius(0.05), 0.0);
        for i in 0..100 {
            audits.note(0.03 + 0.0001 * i as f32, false);
        }
        let learnt = audits.radius(0.05);
        assert!((0.03..0.06).contains(&learnt), "{learnt}");
        for _ in 0..100 {
            audits.note(0.3, true);
        }
        assert_eq!(audits.radius(0.05), learnt);
        // Good ones further out are of no use beyond the bad ones.
        for _ in 0..500 {
            audits.note(0.9, false);
        }
        assert_eq!(audits.radius(0.05), learnt);
        audits.note(0.03, true);
        assert!(audits.radius(0.05) < learnt + 1e-6);
        for _ in 0..6 {
            audits.note(0.03, true);
        }
        assert_eq!(audits.radius(0.05), 0.0);
    }

    /// Of answers within the learnt radius no more are bad than allowed, over many learners whose error really depends
    /// on distance.
    #[test]
    fn holds_the_rate_it_promises() {
        let mut rng = crate::rng::Rng::new(11);
        let (mut served, mut bad, mut learners) = (0_u32, 0_u32, 0);
        for _ in 0..200 {
            let mut audits = Audits::default();
            let draw = |rng: &mut crate::rng::Rng| {
                let distance = rng.unit();
                (distance, rng.unit() < 0.4 * distance * distance)
            };
            for _ in 0..400 {
                let (d, is_bad) = draw(&mut rng);
                audits.note(d, is_bad);
            }
            let radius = audits.radius(0.05);
            learners += i32::from(radius > 0.0);
            for _ in 0..200 {
                let (d, is_bad) = draw(&mut rng);
                if d <= radius {
                    served += 1;
                    bad += u32::from(is_bad);
                }
            }
        }
        assert!(learners > 150 && served > 5_000, "{learners} learnt, {served} served");
        assert!(f64::from(bad) < 0.05 * f64::from(served), "{bad} of {served}");
    }
}
