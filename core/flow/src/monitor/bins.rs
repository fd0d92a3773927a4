//! Histograms with fixed edges, and the reference that they are compared with.
//! **Invariant:** every observation is counted once: in a bin, as not a number, or as missing.
//! It does not judge: `drift` does.

/// Bins of a feature: 16 edges at most.
pub(crate) const FEATURE_BINS: usize = 17;
/// Bins of scores: 32 edges at most.
pub(crate) const SCORE_BINS: usize = 33;

/// Counts between fixed edges. The first bin is what lies at or under the first edge, the last what lies above the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bins<const N: usize> {
    counts: [u32; N],
    nan: u32,
    missing: u32,
}

impl<const N: usize> Default for Bins<N> {
    fn default() -> Self {
        Self { counts: [0; N], nan: 0, missing: 0 }
    }
}

impl<const N: usize> Bins<N> {
    /// Counts what `scale` made of an observation.
    pub(crate) fn add(&mut self, place: Place) {
        let count = match place {
            Place::Bin(i) => &mut self.counts[usize::from(i).min(N - 1)],
            Place::Nan => &mut self.nan,
            Place::Missing => &mut self.missing,
        };
        *count = count.saturating_add(1);
    }

    /// The bins; those beyond the scale's are empty.
    pub const fn counts(&self) -> &[u32; N] {
        &self.counts
    }

    /// Observations that were not a number.
    pub const fn nan(&self) -> u32 {
        self.nan
    }

    /// Observations that were missing.
    pub const fn missing(&self) -> u32 {
        self.missing
    }

    /// Observations in bins.
    pub fn numbers(&self) -> u32 {
        self.counts.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// All observations.
    pub fn total(&self) -> u32 {
        self.numbers().saturating_add(self.nan).saturating_add(self.missing)
    }
}

/// Where an observation is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a bin.
    Bin(u8),
    /// It is not a number.
    Nan,
    /// There was none.
    #[default]
    Missing,
}

/// The edges of [`Bins`], with the counts that they had when the model was made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale<const N: usize> {
    /// Padded with infinity, above which nothing lies.
    edges: [f64; N],
    bins: u8,
    reference: [u32; N],
    stated: bool,
}

impl<const N: usize> Scale<N> {
    /// `edges` rise; `reference` is empty or has one more than they are.
    pub(crate) fn new(edges: &[f64], reference: &[u32]) -> Self {
        let mut scale =
            Self { edges: [f64::INFINITY; N], bins: 1, reference: [0; N], stated: !reference.is_empty() };
        for (slot, edge) in scale.edges.iter_mut().zip(edges.iter().take(N - 1)) {
            *slot = *edge;
            scale.bins += 1;
        }
        for (slot, count) in scale.reference.iter_mut().zip(reference) {
            *slot = *count;
        }
        scale
    }

    /// Where `x` is counted. Every edge is compared: fixed time, and the compiler makes vectors of it.
    pub(crate) fn place(&self, x: f64) -> Place {
        if x.is_nan() {
            return Place::Nan;
        }
        Place::Bin(self.edges.iter().map(|edge| u64::from(x > *edge)).sum::<u64>() as u8)
    }

    /// The edges.
    pub(crate) fn edges(&self) -> &[f64] {
        &self.edges[..self.len() - 1]
    }

    /// Bins in use.
    pub(crate) fn len(&self) -> usize {
        usize::from(self.bins)
    }

    /// Counts of the reference, where there is one.
    pub(crate) fn reference(&self) -> Option<&[u32]> {
        self.stated.then(|| &self.reference[..self.len()])
    }

    /// Counts of `bins` that are in use.
    pub(crate) fn used<'a>(&self, bins: &'a Bins<N>) -> &'a [u32] {
        &bins.counts[..self.len()]
    }

    /// The share of numbers in `bins` that lie beyond the first or the last edge.
    pub(crate) fn outside(&self, bins: &Bins<N>) -> f64 {
        let used = self.used(bins);
        let ends = f64::from(used[0]) + f64::from(used[used.len() - 1]);
        if used.len() < 2 { 0.0 } else { ends / f64::from(bins.numbers().max(1)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_belongs_to_the_bin_below_it() {
        let scale = Scale::<5>::new(&[0.0, 1.0, 2.0], &[]);
        let at = |x: f64| scale.place(x);
        assert_eq!([at(-1.0), at(0.0), at(0.5), at(1.0)], [0, 0, 1, 1].map(Place::Bin));
        assert_eq!([at(1.5), at(2.0), at(2.1), at(f64::INFINITY)], [2, 2, 3, 3].map(Place::Bin));
        assert_eq!([at(f64::NEG_INFINITY), at(f64::NAN)], [Place::Bin(0), Place::Nan]);
        assert_eq!(scale.edges(), [0.0, 1.0, 2.0]);
    }

    #[test]
    fn every_observation_is_counted_once() {
        let scale = Scale::<5>::new(&[0.0, 1.0], &[1, 2, 3]);
        let mut bins = Bins::<5>::default();
        for x in [-5.0, 0.5, 0.7, 9.0, f64::NAN] {
            bins.add(scale.place(x));
        }
        bins.add(Place::Missing);
        assert_eq!((scale.used(&bins), bins.nan(), bins.missing()), (&[1, 2, 1][..], 1, 1));
        assert_eq!((bins.numbers(), bins.total()), (4, 6));
        assert_eq!(scale.outside(&bins), 0.5);
    }
}
