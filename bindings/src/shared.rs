//! One budget for several sessions: time, energy, heat, and the number of runs at a time.
//! **Invariant:** its lock is taken within a session's, never the other way round, and not while a model runs.
//! It does not decide who runs: `inbetween::SharedBudget` does.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{error::SdkError, event::Environment, guard::guarded, time};

/// What several sessions may spend together.
#[derive(Clone, Copy, Debug, PartialEq, uniffi::Record)]
pub struct SharedLimits {
    /// The largest share of time that models may run, summed over all, from 0 to the number of runs at a time.
    pub duty: f32,
    /// The most energy a second, in the unit of the cards' `energy_mj_per_run`; none for no bound.
    #[uniffi(default = None)]
    pub energy_mj_per_s: Option<f32>,
    /// How many runs may be under way at a time, over all sessions.
    #[uniffi(default = 1)]
    pub runs_at_a_time: u8,
}

/// A budget that several sessions share: open it, and give it to each with `Session::share_budget`.
///
/// Each gets a share of what is granted in proportion to its weight, as long as all ask for more than there is. A run that
/// the others' turn forbids is skipped as `Shared`.
#[derive(Debug, uniffi::Object)]
pub struct SharedBudget(Arc<Mutex<inbetween::SharedBudget>>);

/// A session's place in a budget.
#[derive(Debug)]
pub(crate) struct Seat {
    budget: Arc<Mutex<inbetween::SharedBudget>>,
    member: inbetween::Member,
}

impl Seat {
    /// Calls `f` with the budget as this session sees it.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut inbetween::Share<'_>) -> T) -> T {
        f(&mut lock(&self.budget).share(self.member))
    }
}

#[uniffi::export]
impl SharedBudget {
    /// A budget that no session shares yet.
    ///
    /// # Errors
    /// When a limit is out of range.
    #[uniffi::constructor]
    pub fn new(limits: SharedLimits) -> Result<Arc<Self>, SdkError> {
        let SharedLimits { duty, energy_mj_per_s, runs_at_a_time } = limits;
        let limits = inbetween::SharedLimits { duty, energy_mj_per_s, runs_at_a_time };
        guarded(|| {
            let budget = inbetween::SharedBudget::new(limits).map_err(inbetween::EngineError::Config)?;
            Ok(Arc::new(Self(Arc::new(Mutex::new(budget)))))
        })
    }

    /// Takes what changed about the device: heat and power saving slow the budget down. Sessions are told by themselves.
    ///
    /// # Errors
    /// When a time is negative.
    pub fn handle_environment(&self, now_nanos: i64, environment: Environment) -> Result<(), SdkError> {
        let now = time::timestamp("now_nanos", now_nanos)?;
        let environment = environment.try_into()?;
        guarded(|| {
            lock(&self.0).handle_environment(now, &environment);
            Ok(())
        })
    }

    /// Forgets who waits and what is under way, as after a suspend. What was spent stays spent.
    ///
    /// # Errors
    /// When the time is negative.
    pub fn reset(&self, now_nanos: i64) -> Result<(), SdkError> {
        let now = time::timestamp("now_nanos", now_nanos)?;
        guarded(|| {
            lock(&self.0).reset(now);
            Ok(())
        })
    }

    /// How many runs are under way.
    ///
    /// # Errors
    /// None today: it returns an error type so that a panic inside can never end the app.
    pub fn runs_under_way(&self) -> Result<u32, SdkError> {
        guarded(|| Ok(lock(&self.0).under_way() as u32))
    }
}

impl SharedBudget {
    pub(crate) fn join(&self, weight: f32) -> Seat {
        Seat { budget: Arc::clone(&self.0), member: lock(&self.0).join(weight) }
    }
}

/// The budget. What a panic of one session left is a purse all the same: at worst a run is granted or withheld.
fn lock(budget: &Mutex<inbetween::SharedBudget>) -> MutexGuard<'_, inbetween::SharedBudget> {
    budget.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_out_of_range_is_a_typed_error() {
        let limits = SharedLimits { duty: -1.0, energy_mj_per_s: None, runs_at_a_time: 1 };
        assert_eq!(SharedBudget::new(limits).err().map(|e| e.code()), Some(103));
    }
}
