//! The upkeep of the engine: the device's state, time that passes, expiry, and beginning anew.
//! **Invariant:** the engine's time goes forward, and every ticket that is forgotten is reported as expired.
//! It does not look at frames or values.

use core::time::Duration;

use crate::{
    decide::Decider,
    monitor::Live,
    plan::{Environment, Event, RunFailure, SkipReason, Timeout},
    rung::Rung,
    schedule,
    time::Timestamp,
};

use super::{
    Engine, Seen,
    clock::{Arrival, Clock},
    flight::Flight,
};

impl Engine {
    /// Takes what changed about the device.
    pub fn handle_environment(&mut self, now: Timestamp, environment: Environment) {
        let now = self.advance(now);
        self.scheduler.adapt(now, &environment);
        // Where larger variants come back, there is heat to spare.
        self.restrained = environment.power_saving
            || environment.thermal_headroom.is_some_and(|h| h.is_nan() || h >= schedule::COOL);
        if let Some(period) =
            environment.display_period.filter(|p| !p.is_zero() && *p <= Duration::from_secs(1))
        {
            self.display_period = period;
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due, and why. Calling it late does no harm.
    pub fn poll_timeout(&self) -> Option<(Timestamp, Timeout)> {
        let ticket = self.flights.next_expiry().map(|(at, id)| (at, Timeout::Ticket(id)));
        let probe = self.scheduler.open_until().map(|at| (at, Timeout::Probe));
        let age = self.newest.filter(|_| self.rung <= Rung::Predicted);
        let age =
            age.map(|n| (n.ran + self.config.budget.max_age + Duration::from_nanos(1), Timeout::MaxAge));
        let window = self.monitor.live().and_then(Live::next_due).map(|at| (at, Timeout::Window));
        [ticket, probe.filter(|(at, _)| *at > self.clock.now()), age, window]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
    }

    /// Does what is due at `now`: runs expire, answers fall to their next rung.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        let now = self.advance(now);
        if self.newest.is_some_and(|n| now.since(n.ran) > self.config.budget.max_age) {
            let rung = if self.config.rule.is_some() { Rung::Rule } else { Rung::Unavailable };
            self.set_rung(rung);
        }
    }

    /// Forgets all results, as after a suspend. What was learnt about the device stays; runs that are in flight
    /// expire now.
    pub fn reset(&mut self) {
        self.clock.reset();
        self.gate.reset();
        self.carrier.reset();
        self.attributes.clear();
        self.decider.iter_mut().for_each(Decider::reset);
        self.begin_session();
        self.scheduler.reset();
        while let Some(flight) = self.flights.take_expired(Timestamp::MAX) {
            self.expired(&flight);
        }
        self.newest = None;
        self.seen = Seen::default();
        self.suspicion = None;
        self.cut_at = None;
        self.obstacle = None;
    }

    /// The engine's own time for the host's, with all that is due by then.
    pub(super) fn advance(&mut self, now: Timestamp) -> Timestamp {
        let (now, back) = self.clock.advance(now);
        if let Some(back) = back {
            self.monitor.clock_regressions += 1;
            self.events.push(Event::ClockRegressed(back));
            if Clock::restarted(back) {
                self.scheduler.restart_clock(now);
                self.reuser.restart_clock();
                if let Some(live) = self.monitor.live_mut() {
                    live.restart_clock(now);
                }
                self.reset();
            }
        }
        while let Some(flight) = self.flights.take_expired(now) {
            self.expired(&flight);
            self.monitor.timed_out(now.since(flight.started));
            // It takes at least this long; a model that is only slow is given more time for the next run.
            self.scheduler.ended(now, now.since(flight.started), flight.charged);
            self.fail(now, &flight, RunFailure::TimedOut);
        }
        self.watch(now);
        now
    }

    fn expired(&mut self, flight: &Flight) {
        self.monitor.expired += 1;
        self.events.push(Event::TicketExpired(flight.ticket.id));
    }

    pub(super) fn arrive(&mut self, captured: Timestamp) -> Result<Timestamp, SkipReason> {
        let (arrival, future) = self.clock.capture(captured);
        self.monitor.future_frames += u64::from(future);
        match arrival {
            Arrival::New { captured, gap } => {
                if let Some(gap) = gap {
                    self.events.push(Event::Gap(gap));
                }
                Ok(captured)
            }
            Arrival::Restart { captured } => {
                self.reset();
                self.clock.capture(captured);
                Ok(captured)
            }
            Arrival::Skip(reason) => Err(reason),
        }
    }

    pub(super) fn set_rung(&mut self, rung: Rung) {
        if rung != self.rung {
            self.rung = rung;
            self.events.push(Event::RungChanged(rung));
        }
    }
}
