//! Random numbers that are a pure function of a seed: a counter-based hash and a small generator on top of it.
//! **Invariant:** integers and IEEE basic operations only (plus `libm`), so every platform draws the same numbers.
//! It does not draw from the operating system: there is no ambient randomness in a simulation.

/// Mixes a 64-bit word so that neighbouring inputs give unrelated outputs.
///
/// # Source
/// The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
pub const fn mix(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A hash of several words: the key of one draw, whatever order draws are made in.
pub fn key(words: &[u64]) -> u64 {
    words.iter().fold(0x6A09_E667_F3BC_C908, |h, &w| mix(h ^ mix(w)))
}

/// The number in `[0, 1)` that belongs to a key.
pub fn unit(key: u64) -> f64 {
    (mix(key) >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

/// The standard normal number that belongs to a key.
pub fn normal(key: u64) -> f64 {
    Rng::new(key).normal()
}

/// A stream of random numbers.
///
/// # Example
/// ```
/// use inbetween_sim::rng::Rng;
///
/// let (mut a, mut b) = (Rng::new(7), Rng::new(7));
/// assert_eq!(a.unit(), b.unit());
/// ```
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// A stream for a seed.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        let out = mix(self.state);
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        out
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Uniform in `[low, high)`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Standard normal, by the Box–Muller transform.
    pub fn normal(&mut self) -> f64 {
        let u = 1.0 - self.unit();
        let v = self.unit();
        libm::sqrt(-2.0 * libm::log(u)) * libm::cos(core::f64::consts::TAU * v)
    }
}

/// A unit-variance Gaussian process at time `at_s` that belongs to a key: white where the correlation time is 0,
/// otherwise a blend of independent knots one correlation time apart. A pure function of time, so that every
/// policy meets the same errors whichever frames it looks at.
///
/// # Units
/// Times in seconds.
pub fn process(key_: u64, at_s: f64, correlation_s: f64) -> f64 {
    if correlation_s <= 0.0 {
        return normal(key(&[key_, at_s.to_bits()]));
    }
    let x = at_s / correlation_s;
    let knot = x.floor();
    let w = x - knot;
    let at = |k: f64| normal(key(&[key_, k as i64 as u64]));
    let (a, b) = (1.0 - w, w);
    (a * at(knot) + b * at(knot + 1.0)) / libm::sqrt(a * a + b * b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(draws: impl Iterator<Item = f64>) -> (f64, f64) {
        let all: Vec<f64> = draws.collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        (mean, all.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / all.len() as f64)
    }

    #[test]
    fn known_numbers_on_every_platform() {
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF); // the first output of SplitMix64 for seed 0
        assert_eq!(Rng::new(0).bits(), 0xE220_A839_7B1D_CDAF);
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut rng = Rng::new(1);
        let (mean, var) = moments((0..20_000).map(|_| rng.unit()));
        assert!((mean - 0.5).abs() < 0.01 && (var - 1.0 / 12.0).abs() < 0.005);
        let (mean, var) = moments((0..20_000).map(|_| rng.normal()));
        assert!(mean.abs() < 0.03 && (var - 1.0).abs() < 0.05);
        let (mean, var) = moments((0..40_000).map(|i| process(5, f64::from(i) * 0.03, 0.1)));
        assert!(mean.abs() < 0.06 && (var - 1.0).abs() < 0.08, "{mean} {var}");
    }

    #[test]
    fn neighbours_in_time_are_correlated() {
        let pairs = (0..5_000).map(|i| {
            let t = f64::from(i) * 0.7;
            process(9, t, 0.2) * process(9, t + 0.01, 0.2)
        });
        assert!(moments(pairs).0 > 0.9);
    }
}
