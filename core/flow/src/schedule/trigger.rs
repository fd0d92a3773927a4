//! Limits runs that evidence asks for by what such runs have yielded.
//! **Invariant:** evidence that never yields costs at most one run per longest pause; evidence that always yields is
//! hardly delayed.
//! It does not look at the evidence itself.

use core::time::Duration;

use crate::time::Timestamp;

/// Pause after a run when half of such runs yield: the frames of a grace, about.
const PAUSE: f32 = 0.1;
/// Longest pause, in seconds: what a birth may go unseen in a picture that cries wolf.
const LONGEST: f32 = 3.0;
/// Weight of the newest run in the share of runs that yield: the last five or so count.
const NEWS: f32 = 0.2;

#[derive(Clone, Debug)]
pub(crate) struct Trigger {
    /// Share of runs that yielded, smoothed.
    yields: f32,
    not_before: Timestamp,
}

impl Default for Trigger {
    fn default() -> Self {
        Self { yields: 0.5, not_before: Timestamp::ZERO }
    }
}

impl Trigger {
    pub(crate) fn allows(&self, now: Timestamp) -> bool {
        now >= self.not_before
    }

    /// The share of such runs that bring news.
    pub(crate) const fn yields(&self) -> f32 {
        self.yields
    }

    /// Takes what a run of this kind brought.
    pub(crate) fn learn(&mut self, now: Timestamp, fruitful: bool) {
        self.yields += NEWS * (f32::from(u8::from(fruitful)) - self.yields);
        // The odds against a yield: as long as it takes until a run is worth it.
        let pause = (PAUSE * (1.0 - self.yields) / self.yields.max(1e-3)).min(LONGEST);
        self.not_before = now + Duration::from_secs_f32(if fruitful { 0.0 } else { pause });
    }

    /// The host's clock is another one: no pause of the old one holds.
    pub(crate) const fn restart_clock(&mut self) {
        self.not_before = Timestamp::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fruitless_runs_become_rare_and_yields_free_them() {
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
        assert!((20..=35).contains(&rare), "{rare} runs in a minute");
        assert!(runs(&mut trigger, 60_000, true) > 50_000);
    }
}
