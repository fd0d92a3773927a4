//! The end of a run: the result is admitted, judged, followed from now on, and learnt from.
//! **Invariant:** every completion of a known run gives its charge back or settles it, and frees or uses its picture.
//! It does not run the model and does not answer.

use core::time::Duration;

use crate::{
    plan::{Admission, Completion, Event, Outcome, RunFailure, RunReason, Ticket},
    rung::Rung,
    schedule::{Review, Share},
    source::Backtest,
    time::Timestamp,
    value::{Value, ValueFault},
};

use super::{Basis, Engine, Newest, Seen, flight::Flight, reuse::HIT_AUDIT_RATE};

impl Engine {
    /// Takes the end of a run, from the worker; late, failed and cancelled are all normal.
    pub fn handle_completion(&mut self, now: Timestamp, completion: Completion) -> Admission {
        self.completion(now, completion, None)
    }

    /// As [`handle_completion`](Self::handle_completion), for a run that a shared budget granted.
    pub fn handle_completion_shared(
        &mut self,
        now: Timestamp,
        completion: Completion,
        share: &mut Share<'_>,
    ) -> Admission {
        self.completion(now, completion, Some(share))
    }

    fn completion(
        &mut self,
        now: Timestamp,
        completion: Completion,
        share: Option<&mut Share<'_>>,
    ) -> Admission {
        // Before the time goes on: a run that ends is not expired by its own end.
        let flight = self.flights.take(completion.ticket);
        let now = self.advance(now);
        let Some(flight) = flight else {
            self.monitor.completed(Admission::UnknownTicket, Duration::ZERO);
            return Admission::UnknownTicket;
        };
        let took = now.since(flight.started);
        if let (Some(share), Some(grant)) = (share, flight.grant) {
            share.settle(now, grant, took.max(Duration::from_nanos(1)));
        }
        let admission = match completion.outcome {
            Outcome::Cancelled => {
                self.scheduler.settle(now, took, flight.charged);
                self.gate.discard(flight.ticket.id);
                Admission::Cancelled
            }
            Outcome::Failed(why) => {
                self.scheduler.settle(now, took, flight.charged);
                self.fail(now, &flight, why)
            }
            Outcome::Value(value) => {
                self.scheduler.ended(now, took, flight.charged);
                match self.fault(&value) {
                    Some(fault) => self.fail(now, &flight, RunFailure::Refused(fault)),
                    None => self.accept(now, &flight, &value),
                }
            }
        };
        self.monitor.completed(admission, took);
        admission
    }

    fn accept(&mut self, now: Timestamp, flight: &Flight, value: &Value) -> Admission {
        if self.scheduler.succeeded() {
            self.events.push(Event::BreakerClosed);
        }
        if let Some(digest) = flight.digest {
            self.cache.insert(digest, value);
        }
        self.learn_alike(flight, value);
        let barred = self.scheduler.is_barred(flight.ticket.variant);
        if barred || flight.stale || self.newest.is_some_and(|n| flight.ticket.captured <= n.captured) {
            self.gate.discard(flight.ticket.id);
            return Admission::Superseded;
        }
        if let Some(shadow) = &mut self.shadow {
            shadow.model_said(flight.ticket.id, flight.ticket.captured, value);
        }
        self.admit(now, flight, value, Basis::Model);
        Admission::Admitted
    }

    /// Stage `source` takes a result; it is judged, followed from now on, and learnt from.
    pub(super) fn admit(&mut self, now: Timestamp, flight: &Flight, value: &Value, basis: Basis) {
        let Ticket { id, captured, variant, .. } = flight.ticket;
        if let Basis::Alike(ran) = basis
            && self.cut_at.is_some()
            && self.newest.is_some_and(|n| n.ran != ran)
        {
            // Registered with the picture that has come back: what was on the one before is not here.
            self.carrier.reset();
        }
        self.attributes.before(captured, &self.carrier);
        let test = self.carrier.admit(captured, value);
        self.attributes.after(captured, &self.carrier);
        self.carrier.targets(self.seen.background - flight.background, &mut self.targets);
        self.gate.rekey(id, &self.targets);
        let (ran, cached) = match basis {
            Basis::Model => (captured, false),
            Basis::Exact => (captured, true),
            Basis::Alike(ran) => (ran, true),
        };
        let again = self.newest.filter(|n| n.ran == ran && n.cached).map_or(0, |n| n.uses);
        let uses = if matches!(basis, Basis::Alike(_)) { again + 1 } else { 0 };
        let prediction = self.predicted(now, flight, value);
        self.newest = Some(Newest { captured, ran, cached, uses, prediction });
        if self.variant != variant {
            self.variant = variant;
            if self.rung <= Rung::Predicted {
                self.set_rung(self.model_rung());
            }
        }
        self.seen = Seen::default();
        self.suspicion = None;
        self.cut_at = None;
        let events = &mut self.events;
        self.flights.outdate(captured, |id| events.push(Event::Cancel(id)));

        // What is only believed to be what the model would say judges nothing.
        if !matches!(basis, Basis::Alike(_)) {
            self.review(now, flight, &test);
        }
        let shown = now + self.display_period;
        let at = self.content_time(shown);
        if let Some(c) = self.carrier.answer(at, &mut self.scratch) {
            let lag = (self.clock.period() + self.display_period).as_secs_f32();
            let spread = self.carrier.outlook(at, lag).unwrap_or(c.spread);
            self.scheduler.refreshed(spread, shown.since(c.key_frame));
        }
    }

    /// What a result says about the answers before it.
    fn review(&mut self, now: Timestamp, flight: &Flight, test: &Backtest) {
        let Ticket { captured, reason, .. } = flight.ticket;
        if let Some(error) = test.error {
            let violated = error > self.config.tolerance.epsilon;
            self.monitor.backtested(violated, reason == RunReason::Audit && !flight.checks_hit);
            if violated {
                self.events.push(Event::Violation { error, believed: flight.believed });
            }
        }
        let propensity = match reason {
            RunReason::Audit if flight.checks_hit => HIT_AUDIT_RATE,
            RunReason::Audit => self.config.scheduling.audit_rate,
            _ => 1.0,
        };
        let review = Review {
            reason,
            captured,
            error: test.error,
            births: test.births,
            deaths: test.deaths,
            entered: test.entered,
            background: flight.background,
            uncovered: flight.uncovered,
            size: self.view().size,
            spread: flight.spread,
            age: flight.age,
            propensity,
        };
        self.scheduler.review(now, &review);
    }

    pub(super) fn fail(&mut self, now: Timestamp, flight: &Flight, why: RunFailure) -> Admission {
        self.gate.discard(flight.ticket.id);
        if self.scheduler.failed(now) {
            log::warn!("the model keeps failing ({why:?}): runs stop but for probes");
            self.events.push(Event::BreakerOpened(why));
        }
        Admission::Failed(why)
    }

    /// Why a result may not be used, if it may not.
    fn fault(&mut self, value: &Value) -> Option<ValueFault> {
        if value.kind() != self.config.output {
            return Some(ValueFault::WrongKind);
        }
        if let Some(fault) = value.fault() {
            return Some(fault);
        }
        let length = match value {
            Value::Vector(v) | Value::Probabilities(v) | Value::Embedding(v) => v.len(),
            Value::Keypoints(v) => v.len(),
            Value::Mask(m) => m.cells.len(),
            _ => return None,
        };
        (*self.length.get_or_insert(length) != length).then_some(ValueFault::WrongLength)
    }
}
