//! From a wanted run to its ticket, or to a result that is there already.
//! **Invariant:** an audit or a probe never ends in a kept result; every hit is admitted for the frame at hand.
//! It does not decide whether a run is wanted or may be had.

use core::time::Duration;

use crate::{
    cache::{self, Digest, Scope},
    frame::{Frame, Input, Luma},
    plan::{Event, Plan, RunReason, SkipReason, Ticket, TicketId},
    schedule::Grant,
    time::Timestamp,
    value::Value,
};

use super::{Basis, Engine, flight::Flight, reuse::Found};

/// A run that has not ended after this many times its usual latency, or the deadline, is given up; at the maximum age in
/// any case.
const PATIENCE: u32 = 8;

impl Engine {
    /// Starts a run, unless the cache knows its result.
    pub(super) fn start(
        &mut self,
        now: Timestamp,
        frame: &Frame<'_>,
        reason: RunReason,
        grant: Option<Grant>,
    ) -> Plan {
        self.obstacle = None;
        let mut flight = self.prepare(now, frame, reason);
        flight.grant = grant;
        self.keep_picture(flight.ticket.id, frame);
        // An audit asks the model, not the memory of it.
        let remember = !matches!(reason, RunReason::Audit | RunReason::Probe);
        if remember && self.cache.is_enabled() {
            let digest = Digest::of(frame, self.scope(flight.ticket.variant));
            flight.digest = Some(digest);
            if let Some(value) = self.cache.get(digest) {
                cache::copy(value, &mut self.reuser.value);
                self.scheduler.refund(flight.charged);
                self.reuse(now, &flight, Basis::Exact);
                return Plan::Skip(SkipReason::CacheHit);
            }
        }
        match self.alike(frame) {
            Found::Hit(ran) if remember => {
                self.scheduler.refund(flight.charged);
                self.reuse(now, &flight, Basis::Alike(ran));
                return Plan::Skip(SkipReason::CacheHit);
            }
            Found::Audit if remember => {
                flight.ticket.reason = RunReason::Audit;
                flight.checks_hit = true;
            }
            _ => {}
        }
        self.reuser.keep(flight.ticket.id);
        self.stop_shadow();
        self.flights.add(flight);
        Plan::Run(flight.ticket)
    }

    /// Uses a kept result where a run is wanted and cannot be had. Whether there was one.
    pub(super) fn make_do(
        &mut self,
        now: Timestamp,
        frame: &Frame<'_>,
        reason: RunReason,
        obstacle: SkipReason,
    ) -> bool {
        // A run under way will bring better soon.
        if obstacle == SkipReason::InFlight {
            return false;
        }
        let found = self.alike(frame);
        let Found::Hit(ran) = found else { return false };
        let flight = self.prepare(now, frame, reason);
        self.keep_picture(flight.ticket.id, frame);
        self.reuse(now, &flight, Basis::Alike(ran));
        true
    }

    /// A run of `frame`, with what is believed now.
    fn prepare(&mut self, now: Timestamp, frame: &Frame<'_>, reason: RunReason) -> Flight {
        let before = self.carrier.answer(frame.captured, &mut self.scratch);
        let age = before.map_or(Duration::ZERO, |c| frame.captured.since(c.key_frame));
        let spread = before.map_or(0.0, |c| c.spread);
        let charged = self.scheduler.charge();
        self.next_ticket += 1;
        let patience = (self.scheduler.latency() * PATIENCE).max(self.config.budget.deadline);
        let ticket = Ticket {
            id: TicketId(self.next_ticket),
            captured: frame.captured,
            variant: charged.variant,
            reason,
            expires: now + patience.min(self.config.budget.max_age),
        };
        Flight {
            ticket,
            started: now,
            charged,
            grant: None,
            spread,
            age,
            believed: self.scheduler.error(spread, age) <= self.config.tolerance.epsilon
                && self.suspicion.is_none(),
            background: self.seen.background,
            uncovered: self.scheduler.new_share(&self.view()),
            digest: None,
            checks_hit: false,
            stale: false,
            cells: self.monitor.mask(),
        }
    }

    fn keep_picture(&mut self, id: TicketId, frame: &Frame<'_>) {
        if let Input::Image(image) = &frame.input
            && self.config.scheduling.follow_pixels
            && let Some(luma) = Luma::of(image)
        {
            self.gate.keep(id, frame.captured, &luma);
        }
    }

    /// Looks for a result of a picture that looks the same.
    fn alike(&mut self, frame: &Frame<'_>) -> Found {
        let Input::Image(image) = &frame.input else { return Found::Nothing };
        let Some(luma) = Luma::of(image) else { return Found::Nothing };
        // It must last until another one could be there.
        let left = self.scheduler.latency() + self.display_period + 2 * self.clock.period();
        let standing = self.newest.map(|n| (n.ran, n.uses));
        self.reuser.look(frame.captured, image, &luma, standing, left)
    }

    /// Admits the value that lies ready in the reuser, for the frame of `flight`.
    fn reuse(&mut self, now: Timestamp, flight: &Flight, basis: Basis) {
        let value = core::mem::replace(&mut self.reuser.value, Value::Scalar(0.0));
        self.admit(now, flight, &value, basis);
        self.reuser.value = value;
    }

    /// Lets the cache learn from a result of the model.
    pub(super) fn learn_alike(&mut self, flight: &Flight, value: &Value) {
        let Ticket { id, captured, .. } = flight.ticket;
        let gate = &self.gate;
        let Some(checked) = self.reuser.learn(id, captured, value, || gate.still(id)) else { return };
        if checked.served {
            self.monitor.checked_hit(checked.wrong);
        }
        if checked.drifted {
            log::warn!("kept results are wrong too often: all are forgotten");
            self.events.push(Event::CacheFlushed);
        }
    }

    /// Forgets all results that are kept for later frames: call it when the model was replaced or drift was found.
    pub fn flush_cache(&mut self) {
        self.cache.clear();
        self.reuser.clear();
    }

    /// Bytes that results which are kept for later frames take.
    pub fn cache_bytes(&self) -> usize {
        self.cache.bytes() + self.reuser.bytes()
    }

    /// What results depend on beside the input.
    fn scope(&self, variant: u8) -> Scope {
        let (model_version, input_version) = (self.scheduler.version(variant), self.config.input_version);
        Scope { model_version, variant, input_version }
    }
}
