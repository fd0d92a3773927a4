//! One budget for several engines on one device: who may run now, so that all get their share and none starves.
//! **Invariant:** what is granted is never more than the limits allow; over any long window every engine that keeps asking
//! gets at least its weighted share of what was granted, less one run of each.
//! It does not hold engines, start threads or read clocks: the host passes it along with each frame.

use alloc::vec::Vec;
use core::time::Duration;

use super::budget::{Cost, Purse, Shortage, Urgency};
use crate::{error::ConfigError, plan::Environment, time::Timestamp};

/// An engine that was put off is waited for until it should have asked again, this many times over.
const AGAIN: u32 = 2;
/// Within these bounds: a video of a thousand frames a second, and an audio block of a second.
const SHORTEST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(2);

/// What several engines may spend together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SharedLimits {
    /// The largest share of time that models may run, summed over all, from 0 to the number of runs at a time.
    pub duty: f32,
    /// The most energy a second, in the unit of the cards' `energy_mj_per_run`; `None` for no bound.
    pub energy_mj_per_s: Option<f32>,
    /// How many runs may be under way at a time, over all engines: the number of workers.
    pub runs_at_a_time: u8,
}

/// The name of one engine in a [`SharedBudget`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Member(usize);

/// The name of one run that was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant(u64);

#[derive(Clone, Debug)]
struct Seat {
    weight: f64,
    /// Virtual time at which its last run ends.
    finish: f64,
    /// A run that it was refused, or that is expected after the one that has just ended, and until when it is waited for.
    waiting: Option<(Timestamp, Cost, Urgency)>,
    /// Whether it was refused, so that the next free place is its own.
    refused: bool,
    /// Until when it counts as asking without a break: it can ask only when a frame comes.
    asks_until: Timestamp,
    /// How long until it asks again.
    period: Duration,
    /// What was spent, in nanoseconds of run time.
    spent: f64,
}

#[derive(Clone, Copy, Debug)]
struct Out {
    grant: Grant,
    member: usize,
    charged: Cost,
    urgency: Urgency,
    started: Timestamp,
    expires: Timestamp,
}

/// A budget that several engines share: time, energy, heat and the number of runs under way.
///
/// The host owns it and passes it with each frame and completion; behind a lock if threads share it.
///
/// # Source
/// Start-time fair queueing (Goyal, Vin, Cheng 1996) over what runs cost, with a token bucket in front. Nobody queues:
/// an engine asks again with its next frame, and what is due to it is kept back until then.
///
/// # Example
/// ```
/// use inbetween_flow::{
///     Config, Engine, Frame, Image, PixelFormat, Plan, SharedBudget, SharedLimits, SkipReason, Timestamp, ValueKind,
/// };
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // One worker for two models.
/// let limits = SharedLimits { duty: 0.5, energy_mj_per_s: None, runs_at_a_time: 1 };
/// let mut budget = SharedBudget::new(limits)?;
/// let (face, hands) = (budget.join(2.0), budget.join(1.0));
/// let mut faces = Engine::new(Config::for_images(ValueKind::Boxes, 6.0), 1)?;
/// let mut palms = Engine::new(Config::for_images(ValueKind::Boxes, 6.0), 2)?;
///
/// let pixels = [128_u8; 64 * 48];
/// let now = Timestamp::from_millis(100);
/// let frame = Frame::image(now, Image::packed(PixelFormat::Gray8, 64, 48, &pixels));
/// let plan = faces.handle_frame_shared(now, &frame, &mut budget.share(face))?;
/// assert!(matches!(plan, Plan::Run(_)));
/// // The worker is busy with the faces.
/// let plan = palms.handle_frame_shared(now, &frame, &mut budget.share(hands))?;
/// assert_eq!(plan, Plan::Skip(SkipReason::Shared));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct SharedBudget {
    purse: Purse,
    most: usize,
    seats: Vec<Seat>,
    out: Vec<Out>,
    next: u64,
    now: Timestamp,
    /// Virtual time: the start of the newest run.
    virtual_now: f64,
    /// The most that a single run has been worth, in virtual time.
    step: f64,
}

impl SharedBudget {
    /// A budget that nobody has joined yet.
    ///
    /// # Errors
    /// When a limit is out of range.
    pub fn new(limits: SharedLimits) -> Result<Self, ConfigError> {
        let SharedLimits { duty, energy_mj_per_s, runs_at_a_time } = limits;
        let runs = f32::from(runs_at_a_time);
        let checks = [
            ((1..=64).contains(&runs_at_a_time), "shared.runs_at_a_time", "from 1 to 64"),
            (duty > 0.0 && duty <= runs, "shared.duty", "above 0 and at most the number of runs at a time"),
            (
                energy_mj_per_s.is_none_or(|e| e.is_finite() && e > 0.0),
                "shared.energy_mj_per_s",
                "finite and above 0, or left out",
            ),
        ];
        if let Some((_, field, must)) = checks.into_iter().find(|(ok, _, _)| !ok) {
            return Err(ConfigError { field, must });
        }
        Ok(Self {
            // All workers busy all the time is no bound at all.
            purse: Purse::with_workers(duty, energy_mj_per_s, runs),
            most: runs_at_a_time as usize,
            seats: Vec::new(),
            out: Vec::new(),
            next: 0,
            now: Timestamp::ZERO,
            virtual_now: 0.0,
            step: 0.0,
        })
    }

    /// A place for one more engine. When all ask for more than there is, each gets a share in proportion to its `weight`;
    /// one that is not finite and above 0 counts as 1.
    pub fn join(&mut self, weight: f32) -> Member {
        let weight = if weight.is_finite() && weight > 0.0 { f64::from(weight) } else { 1.0 };
        self.seats.push(Seat {
            weight,
            finish: self.virtual_now,
            waiting: None,
            refused: false,
            asks_until: self.now,
            period: LONGEST,
            spent: 0.0,
        });
        Member(self.seats.len() - 1)
    }

    /// The budget as `member` sees it, to be passed with its frames and completions.
    pub const fn share(&mut self, member: Member) -> Share<'_> {
        Share { budget: self, member }
    }

    /// Takes what changed about the device. Engines that have a budget of their own as well are told by themselves.
    pub fn handle_environment(&mut self, now: Timestamp, environment: &Environment) {
        self.advance(now);
        self.purse.adapt(self.now, environment);
    }

    /// How much time runs of `member` took, those under way by what they are expected to take.
    pub fn spent(&self, member: Member) -> Duration {
        let nanos = self.seats.get(member.0).map_or(0.0, |s| s.spent.max(0.0));
        Duration::from_nanos(nanos as u64)
    }

    /// How many runs are under way.
    pub fn under_way(&self) -> usize {
        self.out.len()
    }

    /// Forgets who waits and what is under way, as after a suspend. What was spent stays spent.
    pub fn reset(&mut self, now: Timestamp) {
        self.now = now;
        self.purse.restart_clock(now);
        self.out.clear();
        self.seats.iter_mut().for_each(|s| s.waiting = None);
    }

    /// Time passes: runs whose engines have given them up are over.
    fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        while let Some(at) = self.out.iter().position(|o| o.expires <= self.now) {
            let out = self.out.swap_remove(at);
            self.settle_out(out, out.expires.since(out.started));
        }
        for seat in &mut self.seats {
            seat.waiting = seat.waiting.filter(|(until, _, _)| *until > self.now);
        }
    }

    /// The virtual time at which the next run of a seat starts. Who was away has no claim on what others got meanwhile; who
    /// kept asking has, up to what two runs can be worth.
    fn start_tag(&self, seat: &Seat, cost: Cost) -> f64 {
        let claim = if self.now <= seat.asks_until {
            2.0 * self.step.max(weigh(cost.time) / seat.weight)
        } else {
            0.0
        };
        seat.finish.max(self.virtual_now - claim)
    }

    fn request(
        &mut self,
        member: usize,
        now: Timestamp,
        cost: Cost,
        urgency: Urgency,
        period: Duration,
    ) -> Result<Grant, Shortage> {
        self.advance(now);
        let Some(seat) = self.seats.get(member) else { return Err(Shortage::Turn) };
        let mine = (self.start_tag(seat, cost), urgency, member);
        let (mut ahead, mut before) = (0, Cost::default());
        for (i, other) in self.seats.iter().enumerate() {
            let Some((_, cost, urgency)) = other.waiting.filter(|_| i != member) else { continue };
            let theirs = (self.start_tag(other, cost), urgency, i);
            // A check is never worth anybody's place.
            if mine.1 == Urgency::Check || theirs < mine {
                let needs = self.purse.needs(cost, urgency);
                ahead += usize::from(other.refused);
                before.time += needs.time;
                before.energy_mj += needs.energy_mj;
            }
        }
        let verdict = match self.purse.affords(self.now, cost, urgency, before) {
            Ok(()) if self.out.len() + ahead >= self.most => Err(Shortage::Turn),
            verdict => verdict,
        };
        let until = self.now + (period * AGAIN).clamp(SHORTEST, LONGEST);
        if let Err(shortage) = verdict {
            if urgency != Urgency::Check {
                let seat = &mut self.seats[member];
                (seat.waiting, seat.refused) = (Some((until, cost, urgency)), true);
                (seat.asks_until, seat.period) = (until, period);
            }
            return Err(shortage);
        }
        self.purse.charge(cost);
        let seat = &mut self.seats[member];
        (seat.waiting, seat.refused, seat.period) = (None, false, period);
        self.step = self.step.max(weigh(cost.time) / seat.weight);
        seat.finish = mine.0 + weigh(cost.time) / seat.weight;
        seat.spent += weigh(cost.time);
        self.virtual_now = self.virtual_now.max(mine.0);
        self.next += 1;
        let grant = Grant(self.next);
        let expires = self.now + LONGEST;
        self.out.push(Out { grant, member, charged: cost, urgency, started: self.now, expires });
        Ok(grant)
    }

    fn settle(&mut self, grant: Grant, took: Duration) {
        if let Some(at) = self.out.iter().position(|o| o.grant == grant) {
            let out = self.out.swap_remove(at);
            self.settle_out(out, took);
        }
    }

    fn settle_out(&mut self, out: Out, took: Duration) {
        // A run that was not needed after all used no energy either.
        let energy_mj = if took.is_zero() { 0.0 } else { out.charged.energy_mj };
        self.purse.settle(out.charged, Cost { time: took, energy_mj });
        let seat = &mut self.seats[out.member];
        seat.asks_until = self.now + (seat.period * AGAIN).clamp(SHORTEST, LONGEST);
        if !took.is_zero() && out.urgency != Urgency::Check {
            // Until its next frame says otherwise it wants another one: others must not slip in before it can ask.
            seat.waiting = Some((seat.asks_until, out.charged, out.urgency));
        }
        let more = weigh(took) - weigh(out.charged.time);
        seat.finish += more / seat.weight;
        seat.spent += more;
    }
}

/// Run time as virtual time counts it, in nanoseconds.
fn weigh(time: Duration) -> f64 {
    time.as_nanos() as f64
}

/// A [`SharedBudget`] as one engine sees it.
#[derive(Debug)]
pub struct Share<'a> {
    budget: &'a mut SharedBudget,
    member: Member,
}

impl Share<'_> {
    /// A run of about `cost`; when it is refused, its member will ask again after `period`.
    pub(crate) fn request(
        &mut self,
        now: Timestamp,
        cost: Cost,
        urgency: Urgency,
        period: Duration,
    ) -> Result<Grant, Shortage> {
        self.budget.request(self.member.0, now, cost, urgency, period)
    }

    /// The engine had a frame and wants no run: nobody need wait for it.
    pub(crate) fn pass(&mut self) {
        if let Some(seat) = self.budget.seats.get_mut(self.member.0) {
            (seat.waiting, seat.refused, seat.asks_until) = (None, false, Timestamp::ZERO);
        }
    }

    /// The engine waits for a granted run until `expires`.
    pub(crate) fn expect(&mut self, grant: Grant, expires: Timestamp) {
        if let Some(out) = self.budget.out.iter_mut().find(|o| o.grant == grant) {
            out.expires = expires;
        }
    }

    /// A granted run has ended after `took`; zero gives it back.
    pub(crate) fn settle(&mut self, now: Timestamp, grant: Grant, took: Duration) {
        self.budget.now = self.budget.now.max(now);
        self.budget.settle(grant, took);
        self.budget.advance(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use alloc::{vec, vec::Vec};
    use proptest::prelude::*;

    /// An engine that wants a run at every frame, as a list of what it got.
    struct Asker {
        weight: f32,
        member: Member,
        period_us: u64,
        cost: Cost,
        next_us: u64,
        flight: Option<(u64, Grant, u64)>,
        /// End and length of each run, in microseconds.
        got: Vec<(u64, u64)>,
    }

    fn at(us: u64) -> Timestamp {
        Timestamp::from_nanos(us * 1_000)
    }

    fn play(budget: &mut SharedBudget, askers: &mut [Asker], rng: &mut Rng, until_us: u64) {
        loop {
            let due = |a: &Asker| a.next_us.min(a.flight.map_or(u64::MAX, |f| f.0));
            let first = (0..askers.len()).min_by_key(|i| due(&askers[*i])).unwrap();
            let a = &mut askers[first];
            let now = due(a);
            if now >= until_us {
                return;
            }
            if let Some((ends, grant, took)) = a.flight.take_if(|f| f.0 <= now) {
                budget.share(a.member).settle(at(now), grant, Duration::from_micros(took));
                a.got.push((ends, took));
                continue;
            }
            a.next_us += a.period_us;
            if a.flight.is_some() {
                continue; // one run at a time
            }
            let period = Duration::from_micros(a.period_us);
            let mut share = budget.share(a.member);
            if let Ok(grant) = share.request(at(now), a.cost, Urgency::Quality, period) {
                // Runs take what they take.
                let took = (a.cost.time.as_micros() as f32 * (0.6 + 0.8 * rng.unit())) as u64;
                share.expect(grant, at(now + 10 * took + 1_000_000));
                a.flight = Some((now + took, grant, took));
            }
            assert!(budget.under_way() <= budget.most);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// Over any long window each asker gets its weighted share of what was granted, less a run.
        #[test]
        fn every_asker_gets_its_share(
            seed in 0_u64..1_000_000,
            weights in prop::collection::vec(0.5_f32..4.0, 2..6),
            duty in 0.05_f32..0.35,
        ) {
            let limits = SharedLimits { duty, energy_mj_per_s: None, runs_at_a_time: 1 };
            let mut budget = SharedBudget::new(limits).unwrap();
            let mut rng = Rng::new(seed);
            let mut askers: Vec<Asker> = weights
                .iter()
                .map(|weight| Asker {
                    weight: *weight,
                    member: budget.join(*weight),
                    period_us: 5_000 + (rng.unit() * 60_000.0) as u64,
                    cost: Cost { time: Duration::from_micros(3_000 + (rng.unit() * 50_000.0) as u64), energy_mj: 0.0 },
                    next_us: (rng.unit() * 50_000.0) as u64,
                    flight: None,
                    got: vec![],
                })
                .collect();
            play(&mut budget, &mut askers, &mut rng, 120_000_000);
            let total: f32 = weights.iter().sum();
            let longest = askers.iter().map(|a| 1.4 * a.cost.time.as_micros() as f64).fold(0.0, f64::max);
            let each: f64 = askers.iter().map(|a| 1.4 * a.cost.time.as_micros() as f64).sum();
            // It can ask once a frame, not while it runs, and the one worker may be busy with another when it does: some
            // cannot use their share, however often they ask.
            let able = |a: &Asker| {
                let (cost, period) = (a.cost.time.as_micros() as f64, a.period_us as f64);
                50e6 * cost / (cost + 2.0 * period + longest)
            };
            let able_all: f64 = askers.iter().map(able).sum();
            for from in (5_000_000..60_000_000).step_by(7_000_000) {
                let until = from + 50_000_000;
                let inside = |a: &Asker| -> f64 {
                    a.got.iter().filter(|(end, _)| (from..until).contains(end)).map(|(_, took)| *took as f64).sum()
                };
                let all: f64 = askers.iter().map(inside).sum();
                prop_assert!(all <= f64::from(duty) * 50e6 + f64::from(duty) * 2e6 + longest, "{all} µs in 50 s");
                for a in &askers {
                    let fair = all * f64::from(a.weight / total);
                    // The bound of start-time fair queueing: one run of each; and one more at the window's edge.
                    let due = fair.min(able(a)) - each - longest;
                    prop_assert!(inside(a) >= due, "{} of {due} µs ({fair}, {})", inside(a), able(a));
                }
                let granted = 0.8 * able_all.min(f64::from(duty) * 50e6);
                prop_assert!(all >= granted, "{all} µs of {granted}: the budget is not used");
            }
        }
    }

    #[test]
    fn who_comes_back_has_no_claim_on_the_past_and_who_is_gone_holds_nobody_up() {
        let limits = SharedLimits { duty: 0.2, energy_mj_per_s: None, runs_at_a_time: 1 };
        let mut budget = SharedBudget::new(limits).unwrap();
        let mut rng = Rng::new(1);
        let asker = |budget: &mut SharedBudget, next_us| Asker {
            weight: 1.0,
            member: budget.join(1.0),
            period_us: 20_000,
            cost: Cost { time: Duration::from_millis(20), energy_mj: 0.0 },
            next_us,
            flight: None,
            got: vec![],
        };
        // The second one comes a minute later.
        let mut askers = [asker(&mut budget, 0), asker(&mut budget, 60_000_000)];
        play(&mut budget, &mut askers, &mut rng, 60_000_000);
        let alone: u64 = askers[0].got.iter().map(|g| g.1).sum();
        assert!(alone > 11_000_000, "{alone}");
        play(&mut budget, &mut askers, &mut rng, 70_000_000);
        let late = |a: &Asker| a.got.iter().filter(|g| g.0 > 62_000_000).map(|g| g.1 as f64).sum::<f64>();
        let ratio = late(&askers[0]) / late(&askers[1]);
        assert!((0.85..1.18).contains(&ratio), "{ratio}");
        // It goes away while it waits.
        askers[1].next_us = u64::MAX;
        play(&mut budget, &mut askers, &mut rng, 80_000_000);
        let again: u64 = askers[0].got.iter().filter(|g| g.0 > 71_000_000).map(|g| g.1).sum();
        assert!(again > 1_650_000, "{again}");
    }

    #[test]
    fn a_run_whose_engine_gave_it_up_frees_its_place() {
        let limits = SharedLimits { duty: 1.0, energy_mj_per_s: Some(1_000.0), runs_at_a_time: 1 };
        let mut budget = SharedBudget::new(limits).unwrap();
        let (a, b) = (budget.join(1.0), budget.join(f32::NAN));
        let cost = Cost { time: Duration::from_millis(20), energy_mj: 5.0 };
        let period = Duration::from_millis(33);
        let grant = budget.share(a).request(at(0), cost, Urgency::Answer, period).unwrap();
        budget.share(a).expect(grant, at(100_000));
        let refused = budget.share(b).request(at(50_000), cost, Urgency::Answer, period);
        assert_eq!(refused, Err(Shortage::Turn));
        assert!(budget.share(b).request(at(100_000), cost, Urgency::Answer, period).is_ok());
        assert_eq!(budget.spent(a), Duration::from_millis(100));
        budget.share(a).settle(at(110_000), grant, Duration::from_millis(5)); // too late to count
        assert_eq!(budget.under_way(), 1);
    }

    #[test]
    fn limits_are_checked() {
        let limits = SharedLimits { duty: 1.5, energy_mj_per_s: None, runs_at_a_time: 2 };
        assert!(SharedBudget::new(limits).is_ok());
        assert!(SharedBudget::new(SharedLimits { runs_at_a_time: 0, ..limits }).is_err());
        assert!(SharedBudget::new(SharedLimits { duty: 2.5, ..limits }).is_err());
        assert!(SharedBudget::new(SharedLimits { duty: f32::NAN, ..limits }).is_err());
        assert!(SharedBudget::new(SharedLimits { energy_mj_per_s: Some(0.0), ..limits }).is_err());
    }
}
