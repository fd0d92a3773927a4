//! Which of ten thousand buckets a unit (an installation, a user) falls into.
//! **Invariant:** the same namespace and unit give the same bucket for ever, in every language: vectors are frozen.
//! It does not know what the buckets are for.

use sha2::{Digest, Sha256};

/// The number of buckets: shares are told apart to a hundredth of a percent.
pub const BUCKETS: u16 = 10_000;

/// The bucket of `unit`, from 0 to 9,999: the first 48 bits of SHA-256 of namespace, a zero byte and unit, as a share
/// of 2⁴⁸.
///
/// Each experiment has a namespace of its own, so that those who got the last candidate first do not always.
///
/// # Source
/// The bucketing of Mozilla's Nimbus; 48 bits leave a bias below 10⁻¹⁰.
///
/// # Example
/// ```
/// use inbetween_flow::rollout::bucket;
///
/// assert_eq!(bucket("risk-v2", "installation-1"), bucket("risk-v2", "installation-1"));
/// assert_ne!(bucket("risk-v2", "installation-1"), bucket("risk-v3", "installation-1"));
/// ```
pub fn bucket(namespace: &str, unit: &str) -> u16 {
    let digest = Sha256::new().chain_update(namespace).chain_update([0_u8]).chain_update(unit).finalize();
    let head = digest.iter().take(6).fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
    ((head * u64::from(BUCKETS)) >> 48) as u16
}

/// A run of buckets; it may go on from 9,999 to 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketRange {
    start: u16,
    count: u16,
}

impl BucketRange {
    /// `count` buckets from `start` on; `None` when `start` is no bucket or there are not as many.
    pub const fn new(start: u16, count: u16) -> Option<Self> {
        if start < BUCKETS && count <= BUCKETS { Some(Self { start, count }) } else { None }
    }

    /// Whether it holds a bucket.
    pub const fn contains(self, bucket: u16) -> bool {
        (bucket + BUCKETS - self.start) % BUCKETS < self.count
    }

    /// The same start with another count of buckets, at most all: whoever was in stays in while it grows.
    #[must_use]
    pub const fn resized(self, count: u16) -> Self {
        Self { start: self.start, count: if count < BUCKETS { count } else { BUCKETS } }
    }
}

#[cfg(test)]
mod tests {
    use std::{format, vec::Vec};

    use proptest::prelude::*;

    use super::*;

    /// Written by `tests/bucket_vectors.py`, from Python's own SHA-256.
    const VECTORS: &str = include_str!("../../tests/bucket_vectors.tsv");

    #[test]
    fn the_vectors_are_frozen() {
        let rows: Vec<_> = VECTORS.lines().filter(|l| !l.starts_with('#')).collect();
        assert!(rows.len() >= 50);
        for row in rows {
            let fields: Vec<&str> = row.split('\t').collect();
            let [namespace, unit, wanted] = fields[..] else { panic!("{row}") };
            assert_eq!(format!("{}", bucket(namespace, unit)), wanted, "{row}");
        }
    }

    #[test]
    fn units_spread_evenly_and_namespaces_are_independent() {
        let n = 20_000_u32;
        let in_a = |i: u32| bucket("a", &format!("unit-{i}")) < 5_000;
        let in_b = |i: u32| bucket("b", &format!("unit-{i}")) < 5_000;
        let count =
            |f: &dyn Fn(u32) -> bool| f64::from((0..n).filter(|i| f(*i)).count() as u32) / f64::from(n);
        // Five standard deviations of a fair coin.
        let bound = 5.0 * 0.5 / f64::from(n).sqrt();
        assert!((count(&in_a) - 0.5).abs() < bound);
        assert!((count(&|i| in_a(i) == in_b(i)) - 0.5).abs() < bound);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

        #[test]
        fn a_range_wraps_and_growing_it_loses_nobody(start in 0..BUCKETS, small in 0..=BUCKETS, more in 0..=BUCKETS, b in 0..BUCKETS) {
            let range = BucketRange::new(start, small).unwrap();
            let offset = (u32::from(b) + 10_000 - u32::from(start)) % 10_000;
            prop_assert_eq!(range.contains(b), offset < u32::from(small));
            if range.contains(b) {
                prop_assert!(range.resized(small.max(more)).contains(b));
            }
            prop_assert!(BucketRange::new(start, BUCKETS).unwrap().contains(b));
            prop_assert!(!BucketRange::new(start, 0).unwrap().contains(b));
        }
    }
}
