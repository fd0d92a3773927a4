//! What the runs of a model may cost: time by the duty, energy, and less of both when the device is hot or saves power.
//! **Invariant:** over any long interval what is charged is at most rate × interval + one bucket, of time and of energy.
//! It does not know why a run is wanted, only how much depends on it.

use core::time::Duration;

use crate::{
    config,
    plan::{Environment, RunReason, SkipReason},
    time::Timestamp,
};

/// The buckets hold what is earned in this time: bursts after a quiet spell are meant, long ones are not.
const DEPTH_S: f64 = 2.0;
/// From this thermal headroom on (1.0 is severe throttling) the rates are halved, and quartered at 1.0: stepping down
/// before throttling starts keeps frequency and latency flat. Source: Android's thermal API.
const WARM: f32 = 0.85;
/// An audit is run only from a bucket that is at least this full: checks are the first to go.
const SPARE: f64 = 0.5;

/// How much depends on a run, most first. When a budget binds, the last go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// Without it there will be no answer.
    Answer,
    /// Without it the answers may be out of tolerance.
    Quality,
    /// Nothing asks for it.
    Check,
}

impl Urgency {
    pub(crate) const fn of(reason: RunReason) -> Self {
        match reason {
            RunReason::First | RunReason::Age | RunReason::Probe => Self::Answer,
            RunReason::Audit => Self::Check,
            _ => Self::Quality,
        }
    }
}

/// What a run costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cost {
    pub time: Duration,
    pub energy_mj: f64,
}

/// Which budget forbids a run; the first one in the order heat, duty, battery when several do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shortage {
    Heat,
    Duty,
    Energy,
    /// There would be enough, but others who share the device come first.
    Turn,
}

impl From<Shortage> for SkipReason {
    fn from(shortage: Shortage) -> Self {
        match shortage {
            Shortage::Heat => Self::Heat,
            Shortage::Duty => Self::Budget,
            Shortage::Energy => Self::Energy,
            Shortage::Turn => Self::Shared,
        }
    }
}

/// Tokens that come in at a rate, up to what [`DEPTH_S`] brings.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    per_s: f64,
    /// Negative when runs cost more than believed.
    tokens: f64,
}

impl Bucket {
    const fn new(per_s: f64) -> Self {
        Self { per_s, tokens: per_s * DEPTH_S }
    }

    /// It holds at least `cost`: a run that is dearer must still become possible.
    fn depth(&self, scale: f64, cost: f64) -> f64 {
        (self.per_s * scale * DEPTH_S).max(cost)
    }

    fn earn(&mut self, seconds: f64, scale: f64, cost: f64) {
        self.tokens = (self.tokens + seconds * self.per_s * scale).min(self.depth(scale, cost));
    }

    /// What must be in it for a run of `cost`: also what less urgent runs must leave.
    fn needs(&self, scale: f64, cost: f64, urgency: Urgency) -> f64 {
        let depth = self.depth(scale, cost);
        cost + match urgency {
            Urgency::Answer => 0.0,
            Urgency::Quality => cost.min(depth - cost),
            Urgency::Check => (SPARE * depth).min(depth - cost),
        }
    }
}

/// The purse of one engine, or of several that share a device.
#[derive(Clone, Debug)]
pub(crate) struct Purse {
    /// Nanoseconds of run time.
    time: Bucket,
    /// Millijoules (or whatever unit the card counts a run in).
    energy: Option<Bucket>,
    heat: f64,
    saving: f64,
    /// How many runs can be made at a time: from that duty on, time is no bound.
    workers: f64,
    at: Timestamp,
}

impl Purse {
    pub(crate) fn new(duty: f32, energy_mj_per_s: Option<f32>) -> Self {
        Self::with_workers(duty, energy_mj_per_s, 1.0)
    }

    pub(crate) fn with_workers(duty: f32, energy_mj_per_s: Option<f32>, workers: f32) -> Self {
        Self {
            workers: f64::from(workers),
            time: Bucket::new(1e9 * f64::from(duty)),
            energy: energy_mj_per_s.map(|e| Bucket::new(f64::from(e))),
            heat: 1.0,
            saving: 1.0,
            at: Timestamp::ZERO,
        }
    }

    fn scale(&self) -> f64 {
        f64::min(self.heat, self.saving)
    }

    /// Without a bound on time nothing is owed.
    fn is_free(&self) -> bool {
        self.time.per_s * self.scale() >= 1e9 * self.workers
    }

    /// What must be in the purse for a run of about `cost`, so that others can be told to leave it there.
    pub(crate) fn needs(&self, cost: Cost, urgency: Urgency) -> Cost {
        let scale = self.scale();
        let time = self.time.needs(scale, nanos(cost.time), urgency);
        let energy = self.energy.map_or(0.0, |e| e.needs(scale, cost.energy_mj, urgency));
        Cost { time: Duration::from_nanos(time as u64), energy_mj: energy }
    }

    /// Whether a run of about `cost` fits now, when others may yet claim `before` it.
    pub(crate) fn affords(
        &mut self,
        now: Timestamp,
        cost: Cost,
        urgency: Urgency,
        before: Cost,
    ) -> Result<(), Shortage> {
        // Room for the dearest: nobody may keep a purse so small that another's run never fits.
        let most = Cost { time: cost.time.max(before.time), energy_mj: cost.energy_mj.max(before.energy_mj) };
        self.earn(now, most);
        let scale = self.scale();
        let needs = self.time.needs(scale, nanos(cost.time), urgency) + nanos(before.time);
        if !self.is_free() && self.time.tokens < needs {
            return Err(match (self.saving < self.heat, self.heat < 1.0) {
                (true, _) => Shortage::Energy,
                (_, true) => Shortage::Heat,
                _ => Shortage::Duty,
            });
        }
        match &self.energy {
            Some(e) if e.tokens < e.needs(scale, cost.energy_mj, urgency) + before.energy_mj => {
                Err(if self.heat < 1.0 { Shortage::Heat } else { Shortage::Energy })
            }
            _ => Ok(()),
        }
    }

    /// The share of the bucket of time, or of energy if that is emptier, that is spent, from 0 to 1.
    pub(crate) fn spent(&self) -> f32 {
        let scale = self.scale();
        let of = |b: &Bucket| (1.0 - b.tokens / b.depth(scale, 0.0)).clamp(0.0, 1.0) as f32;
        let time = if self.is_free() { 0.0 } else { of(&self.time) };
        self.energy.as_ref().map_or(time, |e| of(e).max(time))
    }

    /// Fills the buckets up to `now`.
    fn earn(&mut self, now: Timestamp, cost: Cost) {
        let (seconds, scale) = (now.since(self.at).as_secs_f64(), self.scale());
        self.at = self.at.max(now);
        let time = nanos(cost.time);
        if self.is_free() {
            self.time.tokens = self.time.depth(scale, time);
        } else {
            self.time.earn(seconds, scale, time);
        }
        if let Some(energy) = &mut self.energy {
            energy.earn(seconds, scale, cost.energy_mj);
        }
    }

    /// Charges a run that starts, by its expected cost.
    pub(crate) fn charge(&mut self, cost: Cost) {
        self.time.tokens -= nanos(cost.time);
        if let Some(energy) = &mut self.energy {
            energy.tokens -= cost.energy_mj;
        }
    }

    /// Settles a run that ended: what it cost against what was charged.
    pub(crate) fn settle(&mut self, charged: Cost, cost: Cost) {
        self.time.tokens += nanos(charged.time) - nanos(cost.time);
        if let Some(energy) = &mut self.energy {
            energy.tokens += charged.energy_mj - cost.energy_mj;
        }
    }

    /// What was earned stays; from `now` on the host's clock is another one.
    pub(crate) const fn restart_clock(&mut self, now: Timestamp) {
        self.at = now;
    }

    /// Takes the device's state from `now` on; what was earned before was earned at the rate before.
    pub(crate) fn adapt(&mut self, now: Timestamp, environment: &Environment) {
        self.earn(now, Cost::default());
        self.heat = match environment.thermal_headroom {
            Some(h) if h >= 1.0 => 0.25,
            Some(h) if h >= WARM => 0.5,
            _ => 1.0,
        };
        self.saving = if environment.power_saving { 0.5 } else { 1.0 };
    }
}

fn nanos(d: Duration) -> f64 {
    d.as_nanos() as f64
}

/// What one engine may spend, and what its runs cost.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    pub purse: Purse,
    energy_mj_per_run: f64,
}

impl Budget {
    pub(crate) fn new(budget: &config::Budget) -> Self {
        Self {
            purse: Purse::new(budget.duty, budget.energy_mj_per_s),
            energy_mj_per_run: f64::from(budget.energy_mj_per_run),
        }
    }

    /// What a run costs that takes so long, of a variant that takes this share of the model's energy. Energy is charged by
    /// the run: that is what a card knows.
    pub(crate) fn cost(&self, time: Duration, energy: f32) -> Cost {
        Cost { time, energy_mj: self.energy_mj_per_run * f64::from(energy) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS20: Cost = Cost { time: Duration::from_millis(20), energy_mj: 10.0 };
    const NONE: Cost = Cost { time: Duration::ZERO, energy_mj: 0.0 };

    /// Runs a second over `seconds`, for who asks each millisecond.
    fn runs(purse: &mut Purse, seconds: u64, urgency: Urgency) -> f64 {
        let mut n = 0;
        for ms in 0..seconds * 1_000 {
            if purse.affords(Timestamp::from_millis(ms), MS20, urgency, NONE).is_ok() {
                purse.charge(MS20);
                n += 1;
            }
        }
        f64::from(n) / seconds as f64
    }

    fn hot(headroom: f32) -> Environment {
        Environment { thermal_headroom: Some(headroom), ..Environment::default() }
    }

    #[test]
    fn keeps_the_duty_in_the_long_run_however_urgent() {
        for urgency in [Urgency::Answer, Urgency::Quality, Urgency::Check] {
            let spent = runs(&mut Purse::new(0.1, None), 200, urgency) * 0.02;
            assert!((0.097..0.103).contains(&spent), "{urgency:?}: {spent}");
        }
    }

    #[test]
    fn energy_binds_on_its_own() {
        let mut purse = Purse::new(1.0, Some(25.0));
        let spent = runs(&mut purse, 200, Urgency::Quality) * 10.0;
        assert!((24.5..25.6).contains(&spent), "{spent} mJ/s");
        let now = Timestamp::from_millis(200_000);
        assert_eq!(purse.affords(now, MS20, Urgency::Quality, NONE), Err(Shortage::Energy));
    }

    #[test]
    fn heat_is_named_before_duty_and_duty_before_energy() {
        let now = Timestamp::ZERO;
        let short = |heat: Option<f32>, energy| {
            let mut purse = Purse::new(0.2, Some(energy));
            purse.adapt(now, &Environment { thermal_headroom: heat, ..Environment::default() });
            while purse.affords(now, MS20, Urgency::Answer, NONE).is_ok() {
                purse.charge(MS20);
            }
            purse.affords(now, MS20, Urgency::Answer, NONE)
        };
        assert_eq!(short(Some(0.9), 1.0), Err(Shortage::Heat));
        assert_eq!(short(None, 1_000.0), Err(Shortage::Duty));
        assert_eq!(short(None, 10.0), Err(Shortage::Energy));
    }

    #[test]
    fn checks_go_first_and_what_keeps_an_answer_last() {
        let mut purse = Purse::new(0.1, None);
        let now = Timestamp::ZERO;
        let mut gone = alloc::vec::Vec::new();
        for _ in 0..20 {
            for urgency in [Urgency::Check, Urgency::Quality, Urgency::Answer] {
                if purse.affords(now, MS20, urgency, NONE).is_err() && !gone.contains(&urgency) {
                    gone.push(urgency);
                }
            }
            purse.charge(MS20);
        }
        assert_eq!(gone, [Urgency::Check, Urgency::Quality, Urgency::Answer]);
    }

    #[test]
    fn heat_quarters_the_duty_and_a_dear_run_still_happens() {
        let mut purse = Purse::new(0.4, None);
        purse.adapt(Timestamp::ZERO, &hot(1.1));
        let spent = runs(&mut purse, 200, Urgency::Quality) * 0.02;
        assert!((0.099..0.105).contains(&spent), "{spent}");

        let mut tiny = Purse::new(0.001, Some(1.0));
        let dear = Cost { time: Duration::from_millis(100), energy_mj: 50.0 };
        let mut at = (0..400).map(|s| Timestamp::from_millis(s * 1_000));
        assert!(at.any(|now| tiny.affords(now, dear, Urgency::Quality, NONE).is_ok()));
    }

    #[test]
    fn an_unbounded_duty_leaves_no_debt_for_when_heat_bounds_it() {
        let mut purse = Purse::new(1.0, None);
        let cost = |ms| Cost { time: Duration::from_millis(ms), energy_mj: 0.0 };
        for i in 0..6_000 {
            assert_eq!(
                purse.affords(Timestamp::from_millis(i * 100), cost(95), Urgency::Quality, NONE),
                Ok(())
            );
            purse.charge(cost(95));
            purse.settle(cost(95), cost(99));
        }
        let now = Timestamp::from_millis(600_000);
        purse.adapt(now, &hot(0.9));
        let soon = now + Duration::from_millis(100);
        assert_eq!(purse.affords(soon, cost(95), Urgency::Quality, NONE), Ok(()));
    }

    #[test]
    fn overruns_are_paid_back() {
        let mut purse = Purse::new(0.5, None);
        let cost = |ms| Cost { time: Duration::from_millis(ms), energy_mj: 0.0 };
        let t = Timestamp::from_millis(1_000);
        assert_eq!(purse.affords(t, cost(10), Urgency::Quality, NONE), Ok(()));
        purse.charge(cost(10));
        purse.settle(cost(10), cost(3_000));
        assert!(purse.affords(t, cost(10), Urgency::Quality, NONE).is_err());
        let later = t + Duration::from_millis(6_100);
        assert_eq!(purse.affords(later, cost(10), Urgency::Quality, NONE), Ok(()));
    }
}
