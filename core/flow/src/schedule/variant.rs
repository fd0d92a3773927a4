//! Which of the model's variants runs: the best that the deadline, the heat and the promise leave.
//! **Invariant:** a variant that is believed to miss the deadline is taken only when all do; between two switches to a
//! larger one at least a dwell passes.
//! It does not decide when to run, and it does not load models.

use alloc::vec::Vec;
use core::time::Duration;

use super::latency::Latency;
use crate::{
    config::{Config, Variant},
    plan::{Environment, SwitchReason},
    time::Timestamp,
};

/// After this long without a run the next one is cold: clocks have gone down and caches are someone else's. Runtimes on
/// phones were reported to take two to four times as long then.
const IDLE: Duration = Duration::from_millis(200);
/// Runs in one state (cold or warm) from which its own quantiles are used instead of those of all runs.
const KNOWN: usize = 8;
/// Runs from which what the variant takes at the device's present speed is a reference for other speeds.
const REFERENCE: u32 = 8;
/// What a violation weighs against the energy of one run of the largest variant.
const VIOLATION: f32 = 4.0;
/// A variant must be this much better than the present one, as a share of the cost; the latency of a larger one must
/// leave as much of the deadline.
const BAND: f32 = 0.15;
/// What a switch costs, in runs of the largest variant: the first run of another model is cold, and its errors differ.
const SWITCH: f32 = 2.0;
/// At least this long passes before a switch to a larger variant, and doubles up to the longest when such a switch had to
/// be taken back within a few of it.
const DWELL: Duration = Duration::from_secs(5);
const LONGEST_DWELL: Duration = Duration::from_secs(80);
const TAKEN_BACK: u32 = 4;
/// Thermal headroom (1.0 is severe throttling) from which a smaller variant is taken, from which the smallest is, and
/// below which larger ones come back. Throttling starts well before 1.0: stepping down first keeps frequency and latency
/// flat ("Play it cool", arXiv 2023; Android's thermal API).
const WARM: f32 = 0.80;
const HOT: f32 = 0.95;
pub(crate) const COOL: f32 = 0.70;
/// A step down is given this long to show in the temperature.
const STEP: Duration = Duration::from_secs(10);
/// Slow-down of the device's own runs that counts as [`WARM`] and as [`COOL`] where it tells no temperature.
const SLOW: (f32, f32) = (1.3, 1.1);
/// Failures in a row after which a smaller variant is tried: one before the breaker opens.
const FAILURES: u32 = 2;
/// Weight of the newest frame in the usual delay from capture to handling.
const DELAY: f32 = 0.1;

/// What is known of one variant.
#[derive(Clone, Debug)]
struct Learnt {
    stated: Variant,
    all: Latency,
    warm: State,
    cold: State,
    /// The device's slow-down at the newest run.
    slow: f32,
}

/// Runs that started warm, or cold.
#[derive(Clone, Debug)]
struct State {
    latency: Latency,
    runs: u32,
    /// What a run takes when the device is as fast as at the first runs, in seconds.
    reference: f32,
}

/// What the choice depends on, beside what is learnt here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    pub captured: Timestamp,
    pub deadline: Duration,
    /// Believed error right after a result of the present variant, as a share of the tolerance, if known.
    pub fresh: Option<f32>,
    /// What the virtual queue of violations adds to their weight.
    pub excess: f32,
    /// Share of the duty's reserve that is spent, from 0 to 1.
    pub spent: f32,
}

/// Another variant from now on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Switch {
    pub from: u8,
    pub to: u8,
    pub why: SwitchReason,
    /// Expected error of the new variant as a multiple of the old one's.
    pub error: f32,
}

/// The variants of one model, largest first.
#[derive(Clone, Debug)]
pub(crate) struct Variants {
    list: Vec<Learnt>,
    now: Timestamp,
    current: usize,
    /// Larger variants than this one may not run, and why.
    largest: usize,
    bound_by: SwitchReason,
    /// Variants before this one are rolled back for good.
    barred: usize,
    /// What has been lost so far by not running `favourite`.
    credit: f32,
    favourite: usize,
    switched: Timestamp,
    /// When the newest switch to a larger variant was.
    raised: Option<Timestamp>,
    dwell: Duration,
    lowered: Timestamp,
    cool_since: Option<Timestamp>,
    headroom: Option<f32>,
    slowdown: Slowdown,
    idle_since: Option<Timestamp>,
    failures: u32,
    /// Usual time from capture to handling, in seconds.
    delay: f32,
}

impl Learnt {
    fn new(stated: Variant) -> Self {
        let latency = Latency::new(stated.initial_latency);
        let state =
            State { latency: latency.clone(), runs: 0, reference: stated.initial_latency.as_secs_f32() };
        Self { stated, all: latency, warm: state.clone(), cold: state, slow: 1.0 }
    }

    fn runs(&self) -> u32 {
        self.warm.runs.saturating_add(self.cold.runs)
    }

    /// The runs that tell most about one that starts cold, or not.
    fn window(&self, cold: bool) -> &Latency {
        let own = if cold { &self.cold.latency } else { &self.warm.latency };
        if own.count() >= KNOWN { own } else { &self.all }
    }

    /// Takes all that was measured as if the device had been slower by a factor.
    fn scale(&mut self, by: f32) {
        for latency in [&mut self.all, &mut self.warm.latency, &mut self.cold.latency] {
            latency.scale(by);
        }
    }

    fn forget(&mut self, took: Duration) {
        self.all = Latency::new(took);
        (self.warm.latency, self.cold.latency) = (self.all.clone(), self.all.clone());
    }
}

impl Variants {
    pub(crate) fn new(config: &Config) -> Self {
        let first = Variant {
            model_version: config.model_version,
            initial_latency: config.scheduling.initial_latency,
            energy: 1.0,
            error_scale: 1.0,
        };
        Self {
            list: core::iter::once(first).chain(config.variants.iter().copied()).map(Learnt::new).collect(),
            now: Timestamp::ZERO,
            current: 0,
            largest: 0,
            bound_by: SwitchReason::Heat,
            barred: 0,
            credit: 0.0,
            favourite: 0,
            switched: Timestamp::ZERO,
            raised: None,
            dwell: DWELL,
            lowered: Timestamp::ZERO,
            cool_since: None,
            headroom: None,
            slowdown: Slowdown::default(),
            idle_since: None,
            failures: 0,
            delay: 0.0,
        }
    }

    pub(crate) fn current(&self) -> u8 {
        self.current as u8
    }

    /// What a run of a variant costs in energy, as a share of the model's.
    pub(crate) fn energy(&self, variant: u8) -> f32 {
        self.list.get(usize::from(variant)).map_or(1.0, |v| v.stated.energy)
    }

    /// The version of a variant's model.
    pub(crate) fn version(&self, variant: u8) -> u32 {
        self.list
            .get(usize::from(variant))
            .map_or(self.list[0].stated.model_version, |v| v.stated.model_version)
    }

    /// Takes the time at which all that follows is asked for.
    pub(crate) const fn look(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Whether a run that starts now comes after idling.
    pub(crate) fn is_cold(&self) -> bool {
        self.idle_since.is_none_or(|since| self.now.since(since) >= IDLE)
    }

    /// How much slower than when it last ran a variant is believed to be, by how the present one fares.
    fn change(&self, i: usize) -> f32 {
        let (v, present) = (&self.list[i], &self.list[self.current]);
        let change = if v.runs() > 0 {
            self.slowdown.now / v.slow
        } else if present.runs() > 0 {
            // What the card states of a variant that never ran is as wrong as what it states of the present one.
            present.all.median().as_secs_f32() / present.stated.initial_latency.as_secs_f32().max(1e-6)
        } else {
            1.0
        };
        change.clamp(0.05, 20.0)
    }

    fn p95_of(&self, i: usize) -> Duration {
        let v = &self.list[i];
        if i == self.current {
            v.window(self.is_cold()).p95()
        } else if v.runs() > 0 {
            v.window(self.is_cold()).p95().mul_f32(self.change(i))
        } else {
            v.stated.initial_latency.mul_f32(self.change(i))
        }
    }

    /// The 95% quantile of what a run of the present variant takes that starts now.
    pub(crate) fn p95(&self) -> Duration {
        self.p95_of(self.current)
    }

    /// The median of it.
    pub(crate) fn median(&self) -> Duration {
        self.list[self.current].window(self.is_cold()).median()
    }

    /// The least drift-plus-penalty cost is the best: energy is the penalty, and each queue weighs what fills it. The
    /// queue of violations is the scheduler's; that of heat is the device's temperature itself, and that of run time the
    /// reserve of the duty.
    ///
    /// # Source
    /// Neely, "Stochastic Network Optimization", 2010. A violation's share is bounded by the square of the error over
    /// the tolerance (Chebyshev).
    fn cost(&self, i: usize, need: &Need) -> f32 {
        let (v, present) = (&self.list[i].stated, &self.list[self.current].stated);
        let error = need.fresh.unwrap_or(0.0) * v.error_scale / present.error_scale;
        let heat = self.headroom.map_or(0.0, |h| 4.0 * ((h - COOL) / (1.0 - COOL)).max(0.0));
        let violations = VIOLATION * (1.0 + need.excess) * error * error;
        violations + v.energy * (1.0 + heat + 2.0 * need.spent.clamp(0.0, 1.0))
    }

    /// Chooses the variant of a run that is wanted; says so when it is another one than before.
    pub(crate) fn choose(&mut self, need: &Need) -> Option<Switch> {
        if self.list.len() == 1 {
            return None;
        }
        self.delay += DELAY * (self.now.since(need.captured).as_secs_f32() - self.delay);
        self.bound();
        let slack = need.deadline.as_secs_f32() - self.delay;
        let latency = |i: usize| self.p95_of(i).as_secs_f32();
        let permitted = self.largest..self.list.len();
        let fits = |i: usize| {
            let margin = if i < self.current { 1.0 + BAND } else { 1.0 };
            latency(i) * margin <= slack
        };
        let better = |a: &usize, b: &usize| self.cost(*a, need).total_cmp(&self.cost(*b, need));
        let best = permitted.clone().filter(|i| fits(*i)).min_by(better);
        let fastest = || permitted.clone().min_by(|a, b| latency(*a).total_cmp(&latency(*b)));
        if self.current < self.largest || !fits(self.current) {
            let why = if self.current < self.largest { self.bound_by } else { SwitchReason::Deadline };
            let to = best.or_else(fastest).filter(|to| *to != self.current)?;
            return Some(self.switch(to, why));
        }
        let best = best.filter(|i| self.cost(*i, need) < (1.0 - BAND) * self.cost(self.current, need));
        let Some(best) = best.filter(|_| need.fresh.is_some()) else {
            self.credit = 0.0;
            return None;
        };
        let gain = self.cost(self.current, need) - self.cost(best, need);
        self.credit = if best == self.favourite { self.credit + gain } else { gain };
        self.favourite = best;
        let settled = best > self.current || self.now.since(self.switched) >= self.dwell;
        (settled && self.credit > SWITCH).then(|| self.switch(best, SwitchReason::Cost))
    }

    /// What heat and failures permit.
    fn bound(&mut self) {
        let now = self.now;
        let last = self.list.len() - 1;
        let (heat, warm, cool) = match self.headroom {
            Some(h) => (h, WARM, COOL),
            None => (self.slowdown.now, SLOW.0, SLOW.1),
        };
        if self.failures >= FAILURES && self.current < last {
            (self.failures, self.cool_since) = (0, None);
            (self.largest, self.bound_by, self.lowered) = (self.current + 1, SwitchReason::Failing, now);
        } else if heat >= warm {
            self.cool_since = None;
            let lowest =
                if self.headroom.is_some_and(|h| h >= HOT) { last } else { (self.current + 1).min(last) };
            let due = self.largest == 0 || now.since(self.lowered) >= STEP || lowest == last;
            if due && lowest > self.largest {
                (self.largest, self.bound_by, self.lowered) = (lowest, SwitchReason::Heat, now);
            }
        } else if heat < cool && self.largest > 0 {
            let since = *self.cool_since.get_or_insert(now);
            if now.since(since) >= self.dwell {
                self.largest -= 1;
                self.cool_since = Some(now);
            }
        } else {
            self.cool_since = None;
        }
        if self.largest < self.barred {
            (self.largest, self.bound_by) = (self.barred, SwitchReason::RolledBack);
        }
    }

    /// Rolls the present variant back, and all larger ones with it; whether there is another one.
    pub(crate) const fn bar(&mut self) -> bool {
        let others = self.current + 1 < self.list.len();
        if others {
            self.barred = self.current + 1;
        }
        others
    }

    /// How many variants are rolled back, from the largest on.
    pub(crate) const fn barred(&self) -> usize {
        self.barred
    }

    /// Rolls back the variants before `barred`, as they were before a restart.
    pub(crate) fn bar_before(&mut self, barred: usize) {
        self.barred = self.barred.max(barred.min(self.list.len() - 1));
    }

    /// Whether a variant was rolled back.
    pub(crate) const fn is_barred(&self, variant: u8) -> bool {
        (variant as usize) < self.barred
    }

    fn switch(&mut self, to: usize, why: SwitchReason) -> Switch {
        let (now, from) = (self.now, self.current);
        if to < from {
            self.raised = Some(now);
        } else if let Some(raised) = self.raised.take().filter(|_| why != SwitchReason::Cost) {
            let early = now.since(raised) < self.dwell * TAKEN_BACK;
            self.dwell = if early { (self.dwell * 2).min(LONGEST_DWELL) } else { DWELL };
        }
        let scale = |i: usize| self.list[i].stated.error_scale;
        let error = scale(to) / scale(from);
        let change = self.change(to);
        let v = &mut self.list[to];
        if v.runs() > 0 {
            v.scale(change);
        } else {
            v.forget(v.stated.initial_latency.mul_f32(change));
        }
        v.slow = self.slowdown.now;
        (self.current, self.switched, self.credit, self.failures) = (to, now, 0.0, 0);
        Switch { from: from as u8, to: to as u8, why, error }
    }

    /// Takes what a run took that ended now; `cold` is what [`Variants::is_cold`] said when it started.
    pub(crate) fn ended(&mut self, variant: u8, cold: bool, took: Duration, deadline: Duration) {
        self.idle_since = Some(self.now);
        let Some(v) = self.list.get_mut(usize::from(variant)) else { return };
        if v.all.p95() > deadline && took <= deadline {
            // What forbade every run is over (a throttled device has cooled down): the old window is of no use.
            v.forget(took);
        }
        v.all.record(took);
        let state = if cold { &mut v.cold } else { &mut v.warm };
        state.latency.record(took);
        let seconds = took.as_secs_f32().max(1e-6);
        if state.runs < REFERENCE {
            let seen = seconds / self.slowdown.now;
            state.reference += (seen - state.reference) / (state.runs + 1) as f32;
        } else {
            self.slowdown.record(seconds / state.reference.max(1e-6));
        }
        state.runs = state.runs.saturating_add(1);
        v.slow = self.slowdown.now;
    }

    /// Takes that a run ended without saying what a run takes.
    pub(crate) const fn stopped(&mut self) {
        self.idle_since = Some(self.now);
    }

    pub(crate) const fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    pub(crate) const fn succeeded(&mut self) {
        self.failures = 0;
    }

    pub(crate) fn adapt(&mut self, environment: &Environment) {
        self.headroom = environment.thermal_headroom.filter(|h| h.is_finite());
    }

    /// The host's clock is another one from `now` on.
    pub(crate) fn restart_clock(&mut self, now: Timestamp) {
        (self.now, self.switched, self.lowered, self.idle_since) = (now, now, now, None);
        (self.raised, self.cool_since) = (None, None);
    }
}

/// How much slower the device is than at the first runs: the median of the latest ratios.
#[derive(Clone, Debug)]
struct Slowdown {
    ring: [f32; 8],
    next: usize,
    now: f32,
}

impl Default for Slowdown {
    fn default() -> Self {
        Self { ring: [1.0; 8], next: 0, now: 1.0 }
    }
}

impl Slowdown {
    fn record(&mut self, ratio: f32) {
        self.ring[self.next] = ratio.clamp(0.05, 20.0);
        self.next = (self.next + 1) % self.ring.len();
        let mut sorted = self.ring;
        sorted.sort_unstable_by(f32::total_cmp);
        self.now = 0.5 * (sorted[3] + sorted[4]);
    }
}
