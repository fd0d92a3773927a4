//! Run, or skip with a reason: weighs evidence and forecast against deadline, duty and breaker.
//! **Invariant:** every frame gets exactly one verdict; a verdict to run is affordable, and in time but for the run that learns a
//! forbidding latency again.
//! It does not look at pixels or values: the engine describes the situation in numbers.

mod breaker;
mod budget;
mod entries;
mod forecast;
mod latency;
mod shared;
mod trigger;
mod variant;

use core::time::Duration;

use crate::{
    config::Config,
    geometry::Point,
    ingredient::Ingredients,
    plan::{Environment, RunReason, SkipReason},
    rng::Rng,
    time::Timestamp,
};

pub use self::shared::{Member, Share, SharedBudget, SharedLimits};
pub(crate) use self::{
    breaker::{Breaker, Passage},
    entries::View,
    forecast::Forecast,
    shared::Grant,
    variant::{COOL, Switch},
};
use self::{
    budget::{Budget, Cost, Urgency},
    entries::Entries,
    trigger::Trigger,
    variant::{Need, Variants},
};

/// Audits are rated as a share of skips at this frame period; faster cameras draw less often per frame, so that
/// the cost in runs a second does not depend on the camera.
const AUDIT_PERIOD: Duration = Duration::from_millis(33);
/// Change that neither background nor tracks explain, in learnt standard deviations: above it something may have
/// been born. Six leaves under one false alarm an hour on normal noise over a hundred blocks at 60 fps.
const BIRTH_SIGMA: f32 = 6.0;
/// Evidence of which fewer runs than this share bring news does not make an answer suspect.
const LEAST_YIELD: f32 = 0.15;
/// A run is not worth it when the error right after a result is believed to be at least this share of what it is now:
/// then the model's own noise is what exceeds the tolerance.
const LEAST_GAIN: f32 = 0.8;
/// How fast the best that a run achieved is forgotten, for each result: in some twenty.
const FORGETTING: f32 = 0.05;
/// While the learnt latency forbids every run, one run in this time measures it again.
const RELEARN: Duration = Duration::from_secs(2);
/// What one violation of the heaviest weight adds to the queue's pressure on the threshold, and how far that can fall.
const PRESSURE: f32 = 0.05;
const LOWEST_THRESHOLD: f32 = 0.5;
/// An audit stands for 1/rate skips; clipped, for one audit must not outweigh a minute of results.
const HEAVIEST_AUDIT: f32 = 20.0;

/// What the engine knows when a frame comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    pub now: Timestamp,
    pub captured: Timestamp,
    pub frame_period: Duration,
    pub in_flight: usize,
    /// Age that the newest result has at the first refresh after a run of this frame; `None` without a result.
    pub age_then: Option<Duration>,
    /// How long ago the model will have run for that result by then: longer than its age when the result was used again.
    pub rests_then: Duration,
    /// The source's spread at that refresh.
    pub spread_then: f32,
    /// Whether a followed target does not look like its key frame any more.
    pub lost: bool,
    /// Whether the newest result left it open whether something is there.
    pub doubtful: bool,
    /// Unexplained change, in standard deviations.
    pub unexplained: f32,
    /// How the camera moved, and what objects there are.
    pub view: View,
    /// Whether the picture is another one than the key frame's.
    pub cut: Cut,
}

/// Whether the picture is another one than the key frame's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It is not.
    None,
    /// It is.
    New,
    /// It is, and a run of the new picture is under way.
    UnderWay,
}

/// The verdict on one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Run(RunReason, Option<Grant>),
    /// Skip, and the reason for which a run was wanted all the same.
    Skip(SkipReason, Option<RunReason>),
}

/// How a run that was asked for compares with the answers before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Review {
    pub reason: RunReason,
    pub captured: Timestamp,
    pub error: Option<f32>,
    pub births: u32,
    pub deaths: u32,
    /// Of the births those at the frame's edge, how far the background had moved from key frame to key frame, and the
    /// share of the picture that was new.
    pub entered: u32,
    pub background: Point,
    pub uncovered: f32,
    /// Mean size of the objects.
    pub size: f32,
    /// The source's spread and the result's age, as they were when the run was planned.
    pub spread: f32,
    pub age: Duration,
    /// The probability with which the frame was run: 1 unless it was an audit.
    pub propensity: f32,
}

/// What a run was charged when it started, and how it started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Charge {
    pub variant: u8,
    pub cost: Duration,
    cold: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Scheduler {
    epsilon: f32,
    miss_rate: f32,
    deadline: Duration,
    max_age: Duration,
    max_in_flight: usize,
    audit_rate: f32,
    rng: Rng,
    variants: Variants,
    /// A change of variant that the engine has not told of yet.
    switched: Option<Switch>,
    forecast: Forecast,
    budget: Budget,
    breaker: Breaker,
    grace: Duration,
    entries: Entries,
    birth: Trigger,
    residual: Trigger,
    /// The virtual queue of drift-plus-penalty scheduling (Neely 2010): excess of violations over the miss rate.
    excess: f32,
    /// Believed error right after a result: what a run can achieve. Falls at once, rises slowly, for results that
    /// find something new leave more in doubt than the next one will.
    fresh: Option<f32>,
    last_run: Timestamp,
    without: Ingredients,
}

impl Scheduler {
    pub(crate) fn new(config: &Config, seed: u64) -> Self {
        Self {
            epsilon: config.tolerance.epsilon,
            miss_rate: config.tolerance.miss_rate,
            deadline: config.budget.deadline,
            max_age: config.budget.max_age,
            max_in_flight: config.budget.max_in_flight as usize,
            audit_rate: config.scheduling.audit_rate,
            rng: Rng::new(seed),
            variants: Variants::new(config),
            switched: None,
            forecast: Forecast::new(config.tolerance.epsilon, config.tolerance.miss_rate),
            budget: Budget::new(&config.budget),
            breaker: Breaker::default(),
            grace: config.tolerance.grace,
            entries: Entries::default(),
            birth: Trigger::default(),
            residual: Trigger::default(),
            excess: 0.0,
            fresh: None,
            last_run: Timestamp::ZERO,
            without: config.scheduling.without,
        }
    }

    /// The 95% quantile of what a run takes.
    pub(crate) fn latency(&self) -> Duration {
        self.variants.p95()
    }

    /// The version of a variant's model.
    pub(crate) fn version(&self, variant: u8) -> u32 {
        self.variants.version(variant)
    }

    /// The change of variant that the newest verdict brought, once.
    pub(crate) const fn take_switch(&mut self) -> Option<Switch> {
        self.switched.take()
    }

    /// The error that is exceeded with the card's miss rate.
    pub(crate) fn error(&self, spread: f32, age: Duration) -> f32 {
        self.forecast.error(spread, age)
    }

    /// What that rests on.
    pub(crate) const fn forecast(&self) -> &Forecast {
        &self.forecast
    }

    /// The verdict on one frame; a run also needs the consent of the others with whom the engine shares a budget.
    pub(crate) fn judge(&mut self, s: &Situation, share: Option<&mut Share<'_>>) -> Verdict {
        self.variants.look(s.now);
        let spare = self.grace.saturating_sub(self.variants.p95() + s.frame_period);
        self.entries.look(s.captured, &s.view, spare);
        // Drawn on every frame, so that the sequence does not depend on what else was found.
        let audit = self.rng.unit() < self.propensity(s.frame_period);
        let wanted = self.wanted(s).or_else(|| audit.then_some(RunReason::Audit));
        let Some(reason) = wanted else {
            if let Some(share) = share {
                share.pass();
            }
            return Verdict::Skip(SkipReason::WithinTolerance, None);
        };
        self.choose(s);
        match self.obstacle(s, reason, share) {
            Ok((reason, grant)) => {
                self.budget.purse.charge(self.cost());
                self.last_run = s.now;
                Verdict::Run(reason, grant)
            }
            // An audit that cannot run is a plain skip: nobody needed it.
            Err(_) if reason == RunReason::Audit => Verdict::Skip(SkipReason::WithinTolerance, None),
            Err(skip) => Verdict::Skip(skip, Some(reason)),
        }
    }

    /// Chooses the variant that a run of this frame would be of.
    fn choose(&mut self, s: &Situation) {
        let need = Need {
            captured: s.captured,
            deadline: self.deadline,
            fresh: self.fresh.map(|fresh| fresh / self.epsilon),
            excess: self.excess,
            spent: self.budget.purse.spent(),
        };
        if let Some(switch) = self.variants.choose(&need) {
            self.fresh = self.fresh.map(|fresh| fresh * switch.error);
            self.switched = Some(switch);
        }
    }

    /// Why what the picture shows makes the present answers suspect, whether or not a run can be had now. Evidence
    /// that hardly ever brings news does not.
    pub(crate) fn suspects(&self, s: &Situation) -> Option<RunReason> {
        s.age_then?;
        if s.cut != Cut::None {
            Some(RunReason::SceneCut)
        } else if s.lost && self.residual.yields() > LEAST_YIELD {
            Some(RunReason::Residual)
        } else if s.unexplained > BIRTH_SIGMA && self.birth.yields() > LEAST_YIELD {
            Some(RunReason::Birth)
        } else {
            None
        }
    }

    /// Probability that a frame which nothing asks for is run to check the forecast.
    fn propensity(&self, frame_period: Duration) -> f32 {
        let share = frame_period.as_secs_f32() / AUDIT_PERIOD.as_secs_f32();
        (self.audit_rate * share).min(0.5)
    }

    fn wanted(&self, s: &Situation) -> Option<RunReason> {
        let Some(age_then) = s.age_then else {
            return Some(RunReason::First);
        };
        match s.cut {
            Cut::None => {}
            Cut::New => return Some(RunReason::SceneCut),
            Cut::UnderWay => return None,
        }
        if s.doubtful {
            return Some(RunReason::Forecast);
        }
        // The next frame's result would come a period later.
        if age_then.max(s.rests_then) + s.frame_period >= self.max_age {
            return Some(RunReason::Age);
        }
        if s.lost && self.residual.allows(s.now) {
            return Some(RunReason::Residual);
        }
        if s.unexplained > BIRTH_SIGMA && self.birth.allows(s.now) {
            return Some(RunReason::Birth);
        }
        let looks = !self.without.has(Ingredients::ENTRIES.with(Ingredients::GATE));
        if looks && self.entries.asks(s.captured, self.variants.median(), self.miss_rate) {
            return Some(RunReason::Uncovered);
        }
        let cautious = self.forecast.cautious(s.spread_then, age_then);
        let helps = self.fresh.is_none_or(|fresh| fresh < cautious * LEAST_GAIN);
        (helps && self.forecast.error(s.spread_then, age_then) > self.threshold() * self.epsilon)
            .then_some(RunReason::Forecast)
    }

    /// The share of the tolerance that the forecast may reach.
    pub(crate) fn threshold(&self) -> f32 {
        (1.0 - PRESSURE * self.excess).max(LOWEST_THRESHOLD)
    }

    /// What a run of the chosen variant costs.
    fn cost(&self) -> Cost {
        self.budget.cost(self.variants.median(), self.variants.energy(self.variants.current()))
    }

    /// Why a wanted run cannot be, or what it is run for after all. In the order of what gives way last: deadline, heat,
    /// duty, battery; quality is what a refusal costs.
    fn obstacle(
        &mut self,
        s: &Situation,
        reason: RunReason,
        share: Option<&mut Share<'_>>,
    ) -> Result<(RunReason, Option<Grant>), SkipReason> {
        let probe = match self.breaker.state(s.now) {
            Passage::Open(_) => return Err(SkipReason::ModelFailing),
            Passage::Probe if s.in_flight > 0 => return Err(SkipReason::ModelFailing),
            Passage::Probe => true,
            Passage::Closed => false,
        };
        if s.in_flight >= self.max_in_flight {
            return Err(SkipReason::InFlight);
        }
        let late = s.now + self.variants.p95() > s.captured + self.deadline;
        if late && s.now.since(self.last_run) < RELEARN {
            return Err(SkipReason::Deadline);
        }
        let reason = if probe { RunReason::Probe } else { reason };
        let (cost, urgency) = (self.cost(), Urgency::of(reason));
        self.budget.purse.affords(s.now, cost, urgency, Cost::default())?;
        let grant = share.map(|share| share.request(s.now, cost, urgency, s.frame_period)).transpose()?;
        Ok((reason, grant))
    }

    /// Takes what a run spent that ended at `now`, however it ended.
    pub(crate) fn settle(&mut self, now: Timestamp, took: Duration, charge: Charge) {
        self.variants.look(now);
        self.variants.stopped();
        let energy = self.variants.energy(charge.variant);
        self.budget.purse.settle(self.budget.cost(charge.cost, energy), self.budget.cost(took, energy));
    }

    /// Takes the end of a run that tells what a run takes.
    pub(crate) fn ended(&mut self, now: Timestamp, took: Duration, charge: Charge) {
        self.settle(now, took, charge);
        self.variants.ended(charge.variant, charge.cold, took, self.deadline);
    }

    /// Gives back what a run was charged and did not use.
    pub(crate) fn refund(&mut self, unused: Charge) {
        let energy = self.variants.energy(unused.variant);
        self.budget.purse.settle(self.budget.cost(unused.cost, energy), Cost::default());
    }

    /// What a run is charged that starts now.
    pub(crate) fn charge(&self) -> Charge {
        Charge {
            variant: self.variants.current(),
            cost: self.variants.median(),
            cold: self.variants.is_cold(),
        }
    }

    /// Takes a failed run; whether the breaker opened by it.
    pub(crate) fn failed(&mut self, now: Timestamp) -> bool {
        self.variants.failed();
        self.breaker.failed(now)
    }

    /// Takes a good run; whether the breaker closed by it.
    pub(crate) fn succeeded(&mut self) -> bool {
        self.variants.succeeded();
        self.breaker.succeeded()
    }

    /// Whether and until when the breaker is open.
    pub(crate) const fn open_until(&self) -> Option<Timestamp> {
        self.breaker.until()
    }

    /// Learns from a fresh result.
    pub(crate) fn review(&mut self, now: Timestamp, r: &Review) {
        self.entries.learn(r.captured, r.background, r.uncovered, r.entered, r.size);
        let changed = r.births + r.deaths > 0;
        let moved = r.error.is_some_and(|e| e > 0.5 * self.epsilon);
        match r.reason {
            _ if self.without.has(Ingredients::YIELDS) => {}
            RunReason::Birth => self.birth.learn(now, r.births > 0),
            RunReason::Residual => self.residual.learn(now, changed || moved),
            _ => {}
        }
        let Some(error) = r.error else { return };
        // What a cut gave away was not the forecast's to know.
        if r.reason != RunReason::SceneCut && !self.without.has(Ingredients::CONFORMAL) {
            self.forecast.learn(error, r.spread, r.age);
        }
        if !self.without.has(Ingredients::SLACK) {
            // Who was missing, and who was shown and is not there, was wrong whatever the forecast said of places.
            self.forecast.settle(changed || error > self.epsilon, r.age, self.variants.p95());
        }
        if self.without.has(Ingredients::QUEUE) {
            return;
        }
        let violated = f32::from(u8::from(error > self.epsilon));
        let weight = (1.0 / r.propensity.max(1e-3)).min(HEAVIEST_AUDIT);
        self.excess = (self.excess + weight / HEAVIEST_AUDIT * (violated - self.miss_rate)).clamp(0.0, 20.0);
    }

    /// Share of the picture that is new to all results so far.
    pub(crate) fn new_share(&self, view: &View) -> f32 {
        self.entries.new_share(view)
    }

    /// Takes what is believed about the error right after a result.
    pub(crate) fn refreshed(&mut self, spread: f32, age: Duration) {
        let error = self.forecast.cautious(spread, age);
        self.fresh = Some(self.fresh.map_or(error, |fresh| error.min(fresh + FORGETTING * (error - fresh))));
    }

    /// Rolls the present variant back for good; whether there is a smaller one.
    pub(crate) const fn bar(&mut self) -> bool {
        self.variants.bar()
    }

    pub(crate) const fn barred(&self) -> u8 {
        self.variants.barred() as u8
    }

    pub(crate) fn bar_before(&mut self, barred: u8) {
        self.variants.bar_before(barred.into());
    }

    /// Whether a variant was rolled back.
    pub(crate) const fn is_barred(&self, variant: u8) -> bool {
        self.variants.is_barred(variant)
    }

    pub(crate) fn adapt(&mut self, now: Timestamp, environment: &Environment) {
        self.variants.adapt(environment);
        self.budget.purse.adapt(now, environment);
    }

    /// The host's clock is another one from `now` on: nothing may wait for a time of the old one.
    pub(crate) fn restart_clock(&mut self, now: Timestamp) {
        self.variants.restart_clock(now);
        self.budget.purse.restart_clock(now);
        self.breaker.restart_clock(now);
        self.birth.restart_clock();
        self.residual.restart_clock();
        self.last_run = now;
    }

    /// Forgets what belongs to the picture; keeps what belongs to the device (latency, budget, breaker).
    pub(crate) fn reset(&mut self) {
        self.birth = Trigger::default();
        self.residual = Trigger::default();
        self.entries = Entries::default();
        self.fresh = None;
    }
}
