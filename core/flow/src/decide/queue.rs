//! Items that wait for a person: bounded, the dearest first, with the load against what people manage.
//! **Invariant:** never holds more than its bound; what is dropped is the cheapest, and counted.
//! It does not ask anybody: the host takes items when a person is free.

use alloc::vec::Vec;

use crate::{
    decision::{ReviewConfig, ReviewItem},
    time::Timestamp,
};

/// Seconds over which the rate of items is averaged: an hour, in which capacity is stated.
const HOUR: f64 = 3600.0;
/// A rate is given over this many seconds at least, for one item in the first second is not 3,600 an hour.
const LEAST_WATCHED: f64 = 60.0;
/// After ten hours the weights that decayed are forgotten.
const MOST_WATCHED: f64 = 10.0 * HOUR;

/// The queue of one engine.
#[derive(Clone, Debug)]
pub struct ReviewQueue {
    config: ReviewConfig,
    items: Vec<ReviewItem>,
    seen: u64,
    asked: u64,
    dropped: u64,
    /// Items, each with a weight that decays over an hour.
    weight: f64,
    /// That as a rate.
    per_hour: f64,
    updated: Option<Timestamp>,
    /// Seconds that were watched, up to [`MOST_WATCHED`].
    watched: f64,
}

/// How much the reviewers are asked to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Results that were decided on.
    pub seen: u64,
    /// Those that a person should look at.
    pub asked: u64,
    /// Items that were dropped because the queue was full.
    pub dropped: u64,
    /// Items that wait.
    pub waiting: usize,
    /// Items an hour, averaged over the last hour or so.
    pub per_hour: f64,
    /// What people manage an hour, by the card.
    pub capacity_per_hour: f64,
    /// The share of results that the card expects to need a review.
    pub expected: f64,
}

impl Load {
    /// The share of results that needed a review; 0 before the first.
    pub fn share(&self) -> f64 {
        self.asked as f64 / self.seen.max(1) as f64
    }

    /// Whether more is asked than people manage.
    pub fn exceeds_capacity(&self) -> bool {
        self.per_hour > self.capacity_per_hour
    }
}

impl ReviewQueue {
    pub(super) fn new(config: ReviewConfig) -> Self {
        let (items, updated) = (Vec::with_capacity(config.queue), None);
        Self {
            config,
            items,
            seen: 0,
            asked: 0,
            dropped: 0,
            weight: 0.0,
            per_hour: 0.0,
            updated,
            watched: 0.0,
        }
    }

    /// Takes that a result was decided on, and whether by review.
    pub(super) fn seen(&mut self, at: Timestamp, review: bool) {
        let passed = self.updated.map_or(0.0, |before| f64::from(at.secs_from(before)).max(0.0));
        self.updated = Some(at);
        self.watched = (self.watched + passed).min(MOST_WATCHED);
        let window = self.watched.max(LEAST_WATCHED);
        self.weight *= libm::exp(-passed / HOUR);
        self.seen += 1;
        if review {
            self.asked += 1;
            self.weight += 1.0;
        }
        let covered = HOUR * (1.0 - libm::exp(-window / HOUR));
        self.per_hour = self.weight * HOUR / covered;
    }

    /// Adds an item; the cheapest of all when there is no room for it.
    pub(super) fn push(&mut self, item: ReviewItem) -> Option<ReviewItem> {
        if self.items.len() < self.config.queue {
            self.items.push(item);
            return None;
        }
        self.dropped += 1;
        let cheapest = self.items.iter_mut().min_by(|a, b| order(a, b));
        match cheapest.filter(|cheapest| order(cheapest, &item).is_lt()) {
            Some(cheapest) => Some(core::mem::replace(cheapest, item)),
            None => Some(item),
        }
    }

    /// Takes the dearest item.
    pub(super) fn take(&mut self) -> Option<ReviewItem> {
        let (dearest, _) = self.items.iter().enumerate().max_by(|(_, a), (_, b)| order(a, b))?;
        Some(self.items.swap_remove(dearest))
    }

    /// How much is asked of the reviewers.
    pub fn load(&self) -> Load {
        Load {
            seen: self.seen,
            asked: self.asked,
            dropped: self.dropped,
            waiting: self.items.len(),
            per_hour: self.per_hour,
            capacity_per_hour: self.config.capacity_per_hour,
            expected: self.config.expected_load,
        }
    }
}

/// The cheaper one first; of two alike the younger, so that nobody waits for ever.
fn order(a: &ReviewItem, b: &ReviewItem) -> core::cmp::Ordering {
    a.saves.total_cmp(&b.saves).then(b.captured.cmp(&a.captured))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        decision::{Action, Decision},
        rung::Rung,
    };

    fn item(captured: u64, saves: f64) -> ReviewItem {
        let (action, meanwhile) = (Action::Review, Action::Positive);
        let decision =
            Decision { action, meanwhile, probability: 0.5, expected_cost: 2.0, rung: Rung::Model };
        ReviewItem { captured: Timestamp::from_millis(captured), decision, saves }
    }

    fn queue(queue: usize) -> ReviewQueue {
        ReviewQueue::new(ReviewConfig { capacity_per_hour: 20.0, queue, expected_load: 0.02 })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

        #[test]
        fn the_dearest_are_kept_and_come_first(costs in prop::collection::vec(0_u8..50, 0..60), room in 1_usize..12) {
            let mut q = queue(room);
            for (i, cost) in costs.iter().enumerate() {
                q.push(item(i as u64, f64::from(*cost)));
                prop_assert!(q.load().waiting <= room);
            }
            let mut best: Vec<(u8, core::cmp::Reverse<usize>)> =
                costs.iter().enumerate().map(|(i, c)| (*c, core::cmp::Reverse(i))).collect();
            best.sort_unstable_by(|a, b| b.cmp(a));
            best.truncate(room);
            let kept: Vec<_> = core::iter::from_fn(|| q.take()).map(|i| i.captured).collect();
            let wanted: Vec<_> = best.iter().map(|(_, i)| Timestamp::from_millis(i.0 as u64)).collect();
            prop_assert_eq!(kept, wanted);
            prop_assert_eq!(q.load().dropped as usize, costs.len().saturating_sub(room));
        }
    }

    #[test]
    fn the_load_is_measured_against_what_people_manage() {
        let mut q = queue(4);
        // One event a second for two hours, one in a hundred to review: 36 an hour.
        for s in 0..7200_u64 {
            q.seen(Timestamp::from_millis(1000 * s), s % 100 == 0);
        }
        let load = q.load();
        assert!((load.per_hour - 36.0).abs() < 3.0 && load.exceeds_capacity(), "{load:?}");
        assert!((load.share() - 0.01).abs() < 1e-3);
    }
}
