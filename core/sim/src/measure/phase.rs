//! A long session in equal parts: what the worker's frequency, run times and power were in each, and what was violated.
//! **Invariant:** every run and refresh is in exactly one phase; the sums over phases are those of the session.
//! It does not say when a device slows down: the worker does.

use core::time::Duration;

use inbetween_flow::Timestamp;
use serde::{Deserialize, Serialize};

use crate::spec::FrequencyStep;

/// Parts of a session, a count: of half an hour, five minutes each.
pub const PHASES: usize = 6;

/// One part of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// Where it begins, in seconds.
    pub from_s: f64,
    /// Where it ends.
    pub to_s: f64,
    /// Display refreshes.
    pub refreshes: u64,
    /// Those that violate.
    pub violations: u64,
    /// Runs that were started.
    pub runs: u64,
    /// What a run takes, in milliseconds: the mean.
    pub run_ms: f64,
    /// The worker's frequency in megahertz: the mean over the time that runs take.
    pub mhz: f64,
    /// Energy of the runs in joules, by the powers that the scene states: cancelled ones in full.
    pub joules: f64,
    /// The least frequency of a run, in megahertz.
    pub least_mhz: f64,
}

/// The phases of a session that goes on.
#[derive(Clone, Debug)]
pub(crate) struct Phases {
    length_s: f64,
    all: [Phase; PHASES],
}

impl Phases {
    pub fn new(seconds: f64) -> Self {
        let length_s = seconds / PHASES as f64;
        let phase = |i: usize| Phase {
            from_s: i as f64 * length_s,
            to_s: (i + 1) as f64 * length_s,
            ..Phase::default()
        };
        Self { length_s, all: core::array::from_fn(phase) }
    }

    fn at(&mut self, time: Timestamp) -> &mut Phase {
        let i = (time.as_secs_f64() / self.length_s) as usize;
        &mut self.all[i.min(PHASES - 1)]
    }

    pub fn run(&mut self, now: Timestamp, takes: Duration, step: &FrequencyStep) {
        let (phase, s) = (self.at(now), takes.as_secs_f64());
        phase.least_mhz = if phase.runs == 0 { step.mhz } else { phase.least_mhz.min(step.mhz) };
        phase.runs += 1;
        // Sums until the end.
        phase.run_ms += s * 1e3;
        phase.mhz += s * step.mhz;
        phase.joules += s * step.watt;
    }

    pub fn refresh(&mut self, display: Timestamp, violates: bool) {
        let phase = self.at(display);
        phase.refreshes += 1;
        phase.violations += u64::from(violates);
    }

    /// All of them, sums made into means.
    pub fn finish(self) -> Vec<Phase> {
        let mean = |phase: Phase| {
            let busy_s = (phase.run_ms * 1e-3).max(f64::MIN_POSITIVE);
            Phase { run_ms: phase.run_ms / phase.runs.max(1) as f64, mhz: phase.mhz / busy_s, ..phase }
        };
        self.all.map(mean).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_refreshes_are_in_the_phase_in_which_they_begin() {
        let mut phases = Phases::new(60.0);
        let step = |mhz, watt| FrequencyStep { mhz, slower: 1.0, watt, from_heat: 0.0, back_heat: 0.0 };
        phases.run(Timestamp::from_millis(9_999), Duration::from_millis(100), &step(2000.0, 3.0));
        phases.run(Timestamp::from_millis(10_000), Duration::from_millis(100), &step(2000.0, 3.0));
        phases.run(Timestamp::from_millis(15_000), Duration::from_millis(300), &step(1000.0, 1.0));
        phases.refresh(Timestamp::from_millis(60_000), true);
        let all = phases.finish();
        assert_eq!((all.len(), all[0].runs, all[1].runs, all[2].runs), (PHASES, 1, 2, 0));
        assert_eq!((all[5].refreshes, all[5].violations), (1, 1), "the last refresh is at the very end");
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(all[1].run_ms, 200.0) && near(all[1].mhz, 1250.0) && near(all[1].joules, 0.6));
        assert!(near(all[1].least_mhz, 1000.0) && near(all[2].mhz, 0.0) && near(all[1].from_s, 10.0));
    }
}
