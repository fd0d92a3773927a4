//! Limits runs that evidence asks for by what such runs have yielded.
//! **Invariant:** evidence that never yields costs at most one run per longest pause; evidence that yields is not delayed.
//! It does not look at the evidence itself.

use core::time::Duration;

use crate::time::Timestamp;

/// Pause after a run that yielded nothing; doubled for each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Doublings at most: 200 ms × 2^4 = 3.2 s.
const MOST_DOUBLINGS: u32 = 4;

#[derive(Clone, Debug, Default)]
pub(crate) struct Trigger {
    fruitless: u32,
    not_before: Timestamp,
}

impl Trigger {
    pub(crate) fn allows(&self, now: Timestamp) -> bool {
        now >= self.not_before
    }

    /// Takes what a run of this kind brought.
    pub(crate) fn learn(&mut self, now: Timestamp, fruitful: bool) {
        if fruitful {
            self.fruitless /= 2;
            self.not_before = now;
        } else {
            self.not_before = now + FIRST_PAUSE * 2_u32.pow(self.fruitless.min(MOST_DOUBLINGS));
            self.fruitless = (self.fruitless + 1).min(MOST_DOUBLINGS + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fruitless_runs_become_rare_and_a_yield_frees_them() {
        let mut trigger = Trigger::default();
        let runs = |trigger: &mut Trigger, from: u64, fruitful| {
            (from..from + 60_000)
                .filter(|ms| {
                    let now = Timestamp::from_millis(*ms);
                    let run = trigger.allows(now);
                    if run {
                        trigger.learn(now, fruitful);
                    }
                    run
                })
                .count()
        };
        let rare = runs(&mut trigger, 0, false);
        assert!((15..=25).contains(&rare), "{rare} runs in a minute");
        assert!(runs(&mut trigger, 60_000, true) > 50_000);
    }
}
