//! The share of time that the model may run: a bucket of run time that fills at the duty rate.
//! **Invariant:** over any long interval the time charged is at most duty × interval + one bucket.
//! It does not know why a run is wanted; heat and power saving only shrink the rate.

use core::time::Duration;

use crate::{plan::Environment, time::Timestamp};

/// The bucket holds what the duty allows in this time: bursts after a quiet spell are meant, long ones are not.
const DEPTH: Duration = Duration::from_secs(2);
/// From this thermal headroom on (1.0 is severe throttling) the rate is halved, and quartered at 1.0: stepping down before
/// throttling starts keeps frequency and latency flat. Source: Android's thermal API.
const WARM: f32 = 0.85;

#[derive(Clone, Debug)]
pub(crate) struct Budget {
    duty: f64,
    scale: f64,
    /// Nanoseconds of run time that may be spent; negative when runs took longer than believed.
    tokens: f64,
    at: Timestamp,
}

impl Budget {
    pub(crate) fn new(duty: f32) -> Self {
        let duty = f64::from(duty);
        Self { duty, scale: 1.0, tokens: DEPTH.as_nanos() as f64 * duty, at: Timestamp::ZERO }
    }

    /// Whether a run of about `cost` fits now.
    pub(crate) fn affords(&mut self, now: Timestamp, cost: Duration) -> bool {
        self.earn(now, cost);
        self.rate() >= 1.0 || self.tokens >= cost.as_nanos() as f64
    }

    /// The share of the bucket that is spent, from 0 to 1.
    pub(crate) fn spent(&self) -> f32 {
        let depth = DEPTH.as_nanos() as f64 * self.rate();
        if self.rate() >= 1.0 { 0.0 } else { (1.0 - self.tokens / depth).clamp(0.0, 1.0) as f32 }
    }

    fn rate(&self) -> f64 {
        self.duty * self.scale
    }

    /// Fills the bucket up to `now`. It holds at least `cost`: a run that is dearer must still become possible.
    fn earn(&mut self, now: Timestamp, cost: Duration) {
        let rate = self.rate();
        let depth = (DEPTH.as_nanos() as f64 * rate).max(cost.as_nanos() as f64);
        let earned = now.since(self.at).as_nanos() as f64 * rate;
        self.at = self.at.max(now);
        // Without a bound nothing is owed.
        self.tokens = if rate >= 1.0 { depth } else { (self.tokens + earned).min(depth) };
    }

    /// Charges a run that starts, by its expected cost.
    pub(crate) fn charge(&mut self, cost: Duration) {
        self.tokens -= cost.as_nanos() as f64;
    }

    /// Settles a run that ended: what it took against what was charged.
    pub(crate) fn settle(&mut self, charged: Duration, took: Duration) {
        self.tokens += charged.as_nanos() as f64 - took.as_nanos() as f64;
    }

    /// What was earned stays; from `now` on the host's clock is another one.
    pub(crate) const fn restart_clock(&mut self, now: Timestamp) {
        self.at = now;
    }

    /// Takes the device's state from `now` on; what was earned before was earned at the rate before.
    pub(crate) fn adapt(&mut self, now: Timestamp, environment: &Environment) {
        self.earn(now, Duration::ZERO);
        let heat = match environment.thermal_headroom {
            Some(h) if h >= 1.0 => 0.25,
            Some(h) if h >= WARM => 0.5,
            _ => 1.0,
        };
        let saving = if environment.power_saving { 0.5 } else { 1.0 };
        self.scale = f64::min(heat, saving);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(budget: &mut Budget, seconds: u64) -> f64 {
        let cost = Duration::from_millis(20);
        let mut spent = Duration::ZERO;
        for ms in 0..seconds * 1_000 {
            if budget.affords(Timestamp::from_millis(ms), cost) {
                budget.charge(cost);
                spent += cost;
            }
        }
        spent.as_secs_f64() / seconds as f64
    }

    #[test]
    fn keeps_the_duty_in_the_long_run() {
        let spent = share(&mut Budget::new(0.1), 200);
        assert!((0.099..0.103).contains(&spent), "{spent}");
    }

    #[test]
    fn heat_quarters_the_duty_and_a_dear_run_still_happens() {
        let mut budget = Budget::new(0.4);
        budget.adapt(Timestamp::ZERO, &Environment { thermal_headroom: Some(1.1), ..Environment::default() });
        let spent = share(&mut budget, 200);
        assert!((0.099..0.105).contains(&spent), "{spent}");

        let mut tiny = Budget::new(0.001);
        let dear = Duration::from_millis(100);
        assert!((0..400).any(|s| tiny.affords(Timestamp::from_millis(s * 1_000), dear)));
    }

    #[test]
    fn an_unbounded_duty_leaves_no_debt_for_when_heat_bounds_it() {
        let mut budget = Budget::new(1.0);
        let ms = Duration::from_millis;
        for i in 0..6_000 {
            let now = Timestamp::from_millis(i * 100);
            assert!(budget.affords(now, ms(95)));
            budget.charge(ms(95));
            budget.settle(ms(95), ms(99));
        }
        let now = Timestamp::from_millis(600_000);
        budget.adapt(now, &Environment { thermal_headroom: Some(0.9), ..Environment::default() });
        assert!(budget.affords(now + ms(100), ms(95)));
    }

    #[test]
    fn overruns_are_paid_back() {
        let mut budget = Budget::new(0.5);
        let t = Timestamp::from_millis(1_000);
        let ms = Duration::from_millis;
        assert!(budget.affords(t, ms(10)));
        budget.charge(ms(10));
        budget.settle(ms(10), ms(3_000));
        assert!(!budget.affords(t, ms(10)));
        assert!(budget.affords(t + ms(6_100), ms(10)));
    }
}
