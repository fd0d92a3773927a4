//! The monitor's side of the engine: labels and groups from the host, and the response plan carried out.
//! **Invariant:** answers fall and the model stops only while a rule of the card stands, or after a roll-back.
//! It does not judge: the monitor's rules do.

use crate::{
    answer::PredictionId,
    config::Response,
    decide::{Case, decide},
    monitor::{Change, Labelled, Live, Monitor, Truth},
    plan::Event,
    rung::Rung,
    time::Timestamp,
    value::Value,
};

use super::{
    Engine,
    flight::{Events, Flight},
    latch::{LATCHED_BYTES, LatchError, Latched, Restored, belonging},
};

/// What the response plan leaves of the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Service {
    /// All of it.
    #[default]
    Full,
    /// The model runs and is watched; answers come from the lowest rungs.
    FallenBack,
    /// The model does not run.
    Disabled,
}

impl Engine {
    /// Takes the truth for a prediction that an answer named, as it becomes known: days later, as a rule.
    pub fn handle_label(&mut self, now: Timestamp, prediction: PredictionId, truth: Truth) -> Labelled {
        let now = self.advance(now);
        let tolerance = (self.config.tolerance.epsilon, self.config.tolerance.miss_rate);
        match self.monitor.live_mut() {
            Some(live) => live.label(now, prediction, truth, tolerance),
            None => Labelled::Unwatched,
        }
    }

    /// States the group of a slice that holds from now on, as the device's model or the camera in use. Slices whose name is a
    /// feature's are read from the frames. Whether the card has the slice and the value; `other` counts if not.
    pub fn set_slice(&mut self, slice: &str, value: &str) -> bool {
        self.monitor.live_mut().is_some_and(|live| live.set_slice(slice, value))
    }

    /// Says that another session begins, as when another person takes the device: one observation of drift each.
    pub fn begin_session(&mut self) {
        if let Some(live) = self.monitor.live_mut() {
            live.begin_session();
        }
    }

    /// Counts a result as a prediction, by what would be decided on it alone.
    pub(super) fn predicted(&mut self, now: Timestamp, flight: &Flight, value: &Value) -> PredictionId {
        let variant = flight.ticket.variant;
        let rung = if variant == 0 { Rung::Model } else { Rung::SmallerVariant };
        let case = Case { value, rung, variant };
        let decision = self.config.decide.as_ref().and_then(|config| decide(config, &case, None));
        self.monitor.predicted(now, flight.cells, value, decision.as_ref())
    }

    /// Lets the monitor judge, and does what its rules ask for.
    pub(super) fn watch(&mut self, now: Timestamp) {
        let Some(changed) = judge(&mut self.monitor, &mut self.events, now) else { return };
        if changed.roll_back {
            if self.scheduler.bar() {
                // What the variant has said is not shown any more, either.
                self.reset();
            } else {
                self.retired = true;
            }
            self.flush_cache();
        }
        self.serve();
    }

    fn serve(&mut self) {
        self.service = Service::of(&self.monitor, self.retired);
        if self.service > Service::Full {
            self.set_rung(if self.config.rule.is_some() { Rung::Rule } else { Rung::Unavailable });
        }
    }

    /// What the response plan has done to the service, for [`restore`](Self::restore) at the next start: fallen back,
    /// disabled, rolled back. Write it when an [`Event::Alert`] or [`Event::AlertCleared`] comes. `identity` names the models'
    /// bytes, a part of their hash for example.
    ///
    /// # Example
    /// ```
    /// use inbetween_flow::{Config, Engine, Restored, ValueKind};
    /// let config = Config::for_images(ValueKind::Scalar, 0.1);
    /// let bytes = Engine::new(config.clone(), 1)?.latched(7);
    /// // … the process ends; another one starts:
    /// let mut engine = Engine::new(config, 2)?;
    /// assert_eq!(engine.restore(7, &bytes), Ok(Restored::Nothing)); // nothing stood
    /// assert_eq!(engine.restore(8, &bytes), Ok(Restored::Cleared)); // another model
    /// assert!(engine.restore(7, b"something else").is_err());
    /// # Ok::<(), inbetween_flow::ConfigError>(())
    /// ```
    pub fn latched(&self, identity: u64) -> [u8; LATCHED_BYTES] {
        let rules = self.monitor.live().map_or(0, Live::standing);
        let latched = Latched { rules, barred: self.scheduler.barred(), retired: self.retired };
        latched.to_bytes(belonging(&self.config, identity))
    }

    /// Makes what stood before a restart stand again; call it before the first frame. A model that was stopped stays
    /// stopped: its rules clear as they always do, and another version of it, or another response plan, begins anew.
    ///
    /// # Errors
    /// When `bytes` are not what [`latched`](Self::latched) gave.
    pub fn restore(&mut self, identity: u64, bytes: &[u8]) -> Result<Restored, LatchError> {
        let Some(latched) = Latched::from_bytes(belonging(&self.config, identity), bytes)? else {
            return Ok(Restored::Cleared);
        };
        if !latched.fits(&self.config, &self.monitor, self.config.variants.len()) {
            return Err(LatchError::Content);
        }
        if let Some(live) = self.monitor.live_mut() {
            live.stand(latched.rules);
        }
        self.scheduler.bar_before(latched.barred);
        self.retired |= latched.retired;
        self.serve();
        Ok(latched.restored())
    }
}

/// What the rules that changed ask for, beyond what stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Changed {
    pub roll_back: bool,
}

/// Lets the monitor judge at `now`, and tells the host of it; `None` when no rule changed.
pub(super) fn judge(monitor: &mut Monitor, events: &mut Events, now: Timestamp) -> Option<Changed> {
    let mut changed = None;
    let ended = monitor.tick(now, |change| {
        let Change { rule, value, severity, response, active } = change;
        let roll_back = active && response == Response::RollBack;
        changed.get_or_insert(Changed { roll_back: false }).roll_back |= roll_back;
        events.push(if active {
            Event::Alert { rule, value, severity, response }
        } else {
            Event::AlertCleared { rule, value }
        });
    });
    if ended {
        events.push(Event::WindowClosed);
    }
    changed
}

impl Service {
    /// What the standing rules leave.
    pub(super) fn of(monitor: &Monitor, retired: bool) -> Self {
        if retired || monitor.stands(Response::Disable) {
            Self::Disabled
        } else if monitor.stands(Response::FallBack) {
            Self::FallenBack
        } else {
            Self::Full
        }
    }
}
