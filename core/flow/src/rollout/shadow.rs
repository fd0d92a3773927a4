//! A candidate that runs beside the model on the same frames, in slack time, and that nobody sees.
//! **Invariant:** what a shadow says can be counted and cannot be shown: nothing gives its value out.
//! It does not choose frames by their content: what is compared is what the model ran on.

use core::time::Duration;

use crate::{
    error::ConfigError,
    plan::{Outcome, RunFailure, TicketId},
    time::Timestamp,
    value::Value,
};

/// What a shadow may spend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShadowConfig {
    /// Energy of one run, in the unit of the card's `energy_mj_per_run`.
    pub energy_mj_per_run: f32,
    /// The most energy a second that its runs may cost on average.
    pub energy_mj_per_s: f32,
    /// What a run is believed to take before any was measured.
    pub initial_latency: Duration,
    /// The largest share of time that it may run, from 0 to 1.
    pub duty: f32,
}

impl ShadowConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// The first one that is out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let energy = |x: f32| x.is_finite() && x > 0.0;
        let checks = [
            (energy(self.energy_mj_per_run), "shadow.energy_mj_per_run", "finite and above 0"),
            (energy(self.energy_mj_per_s), "shadow.energy_mj_per_s", "finite and above 0"),
            (!self.initial_latency.is_zero(), "shadow.initial_latency", "above 0"),
            (self.duty > 0.0 && self.duty <= 1.0, "shadow.duty", "above 0 and at most 1"),
        ];
        match checks.into_iter().find(|(ok, ..)| !ok) {
            Some((_, field, must)) => Err(ConfigError { field, must }),
            None => Ok(()),
        }
    }
}

/// Leave to run the candidate once, on the frame that a run of the model was for. It is no [`crate::Ticket`]: what comes
/// of it has another type, too.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "run the candidate and give the result back, or the shadow waits until it expires"]
pub struct ShadowTicket {
    of: TicketId,
    captured: Timestamp,
    started: Timestamp,
}

impl ShadowTicket {
    /// The run of the model whose frame it is for.
    pub const fn of(&self) -> TicketId {
        self.of
    }

    /// Capture time of that frame.
    pub const fn captured(&self) -> Timestamp {
        self.captured
    }

    /// The end of the run. The value goes in here and never comes out.
    pub const fn end(self, outcome: Outcome) -> ShadowResult {
        ShadowResult { ticket: self, outcome }
    }
}

/// What a candidate said. There is no way to read it: the monitor counts how it compares.
///
/// ```compile_fail
/// # use inbetween_flow::rollout::ShadowResult;
/// fn show(result: ShadowResult) -> inbetween_flow::Outcome {
///     result.outcome // private
/// }
/// ```
pub struct ShadowResult {
    ticket: ShadowTicket,
    outcome: Outcome,
}

impl core::fmt::Debug for ShadowResult {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ShadowResult").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

/// How the candidate compares with the model, so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ShadowCounts {
    /// Runs that were asked for.
    pub runs: u64,
    /// Those that gave a sound value, which was compared.
    pub compared: u64,
    /// Compared ones that are within the card's tolerance of the model's value.
    pub agreed: u64,
    /// Compared ones with no distance: another count of objects, say.
    pub incomparable: u64,
    /// Runs that failed or gave an unsound value.
    pub failed: u64,
    /// Runs that timed out or whose end never came.
    pub timed_out: u64,
    /// Runs that were given up for the model's sake.
    pub cancelled: u64,
    /// Sum of the distances of the other compared values, in the unit of the card's `epsilon`.
    pub distance: f64,
    /// Time that runs took.
    pub busy: Duration,
    /// Energy that runs cost, as stated.
    pub energy_mj: f64,
}

/// A share with its 95% interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Of the compared runs, those within the card's tolerance of the model's value.
    pub share: f64,
    /// From here.
    pub low: f64,
    /// To here.
    pub high: f64,
}

impl ShadowCounts {
    /// How often the candidate agrees with the model; `None` before anything was compared. The interval takes runs for
    /// independent: they are some seconds apart, as a rule.
    ///
    /// # Source
    /// Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 1927.
    ///
    /// # Example
    /// ```
    /// use inbetween_flow::rollout::ShadowCounts;
    /// let counts = ShadowCounts { compared: 50, agreed: 48, ..ShadowCounts::default() };
    /// let agreement = counts.agreement().unwrap();
    /// assert!(agreement.low < 0.90 && agreement.share == 0.96 && agreement.high < 1.0);
    /// ```
    pub fn agreement(&self) -> Option<Agreement> {
        if self.compared == 0 {
            return None;
        }
        let n = self.compared as f64;
        let share = self.agreed.min(self.compared) as f64 / n;
        let square = TWO_SIDED * TWO_SIDED / n;
        let middle = (share + square / 2.0) / (1.0 + square);
        let half = libm::sqrt(share * (1.0 - share) * square + square * square / 4.0) / (1.0 + square);
        Some(Agreement { share, low: (middle - half).max(0.0), high: (middle + half).min(1.0) })
    }
}

/// A standard normal variable is farther from nought with a chance of 5%.
const TWO_SIDED: f64 = 1.959_963_984_540_054;

/// The books of one candidate.
#[derive(Clone, Debug)]
pub struct Shadow {
    config: ShadowConfig,
    /// The model's newest value, to compare with.
    model: Option<(TicketId, Timestamp, Value)>,
    running: Option<(TicketId, Timestamp)>,
    /// Energy and time that may be spent now, and when that was.
    purse: (f32, f32),
    refilled: Option<Timestamp>,
    /// Running mean of what runs take, in seconds.
    latency: f32,
    counts: ShadowCounts,
}

/// Seconds of allowance that a purse holds: a shadow that waited long does not burst.
const RESERVE: f32 = 10.0;
/// Weight of the newest run in the usual latency: a share of ten.
const WEIGHT: f32 = 0.1;
/// A run that takes this many times its usual latency is given up.
const PATIENCE: u32 = 20;

/// How much room the engine has at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slack {
    /// How long until the model may be wanted again; a run of the candidate must end before.
    pub free: Duration,
    /// Whether heat or saving power forbids work that nobody waits for.
    pub restrained: bool,
}

impl Shadow {
    /// A shadow that has not run yet.
    ///
    /// # Errors
    /// When a field of the configuration is out of range.
    pub fn new(config: ShadowConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self {
            latency: config.initial_latency.as_secs_f32(),
            config,
            model: None,
            running: None,
            purse: (0.0, 0.0),
            refilled: None,
            counts: ShadowCounts::default(),
        })
    }

    /// How it compares, so far.
    pub const fn counts(&self) -> &ShadowCounts {
        &self.counts
    }

    /// Takes what the model said: the next run of the candidate is for that frame.
    pub(crate) fn model_said(&mut self, of: TicketId, captured: Timestamp, value: &Value) {
        match &mut self.model {
            Some((id, at, kept)) => {
                (*id, *at) = (of, captured);
                kept.clone_from(value);
            }
            None => self.model = Some((of, captured, value.clone())),
        }
    }

    /// Leave to run the candidate now, if there is slack for it.
    pub(crate) fn ask(&mut self, now: Timestamp, slack: Slack) -> Option<ShadowTicket> {
        self.refill(now);
        let usual = Duration::try_from_secs_f32(self.latency).unwrap_or(Duration::MAX);
        if let Some((_, started)) = self.running {
            if now.since(started) < usual.saturating_mul(PATIENCE) {
                return None;
            }
            self.running = None;
            self.counts.timed_out += 1;
        }
        let (of, captured, _) = self.model.as_ref()?;
        let (of, captured) = (*of, *captured);
        let affordable = self.purse.0 >= self.config.energy_mj_per_run && self.purse.1 >= self.latency;
        if slack.restrained || slack.free < usual || !affordable {
            return None;
        }
        self.purse.0 -= self.config.energy_mj_per_run;
        self.purse.1 -= self.latency;
        self.running = Some((of, now));
        self.counts.runs += 1;
        self.counts.energy_mj += f64::from(self.config.energy_mj_per_run);
        Some(ShadowTicket { of, captured, started: now })
    }

    /// The run that is under way, when the model is wanted after all: it is given up.
    pub(crate) fn give_way(&mut self) -> Option<TicketId> {
        let (of, _) = self.running.take()?;
        self.counts.cancelled += 1;
        Some(of)
    }

    /// Takes the end of a run. `distance` compares two values, in the unit of the tolerance; `None` when it cannot.
    pub(crate) fn ended(
        &mut self,
        now: Timestamp,
        result: ShadowResult,
        epsilon: f32,
        distance: impl FnOnce(&Value, &Value) -> Option<f32>,
    ) {
        let ShadowResult { ticket, outcome } = result;
        let took = now.since(ticket.started);
        self.counts.busy += took;
        // Given up, or a run of long ago: it is paid for and says nothing.
        if self.running != Some((ticket.of, ticket.started)) {
            return;
        }
        self.running = None;
        // What it took beyond what was charged is owed.
        self.purse.1 -= took.as_secs_f32() - self.latency;
        self.latency += WEIGHT * (took.as_secs_f32() - self.latency);
        let model = self.model.take_if(|(of, ..)| *of == ticket.of);
        match outcome {
            Outcome::Value(value) => match model.and_then(|(.., said)| distance(&said, &value)) {
                Some(d) => {
                    self.counts.compared += 1;
                    self.counts.agreed += u64::from(d <= epsilon);
                    if d.is_finite() {
                        self.counts.distance += f64::from(d);
                    } else {
                        self.counts.incomparable += 1;
                    }
                }
                None => self.counts.failed += u64::from(value.fault().is_some()),
            },
            Outcome::Failed(RunFailure::TimedOut) => self.counts.timed_out += 1,
            Outcome::Failed(_) => self.counts.failed += 1,
            Outcome::Cancelled => self.counts.cancelled += 1,
        }
    }

    fn refill(&mut self, now: Timestamp) {
        let passed = self.refilled.map_or(0.0, |before| now.secs_from(before).max(0.0));
        self.refilled = Some(now);
        let (energy, time) = (self.config.energy_mj_per_s, self.config.duty);
        // A run dearer than the reserve can be saved up for all the same.
        let most = (energy * RESERVE).max(self.config.energy_mj_per_run);
        self.purse.0 = (self.purse.0 + passed * energy).min(most);
        self.purse.1 = (self.purse.1 + passed * time).min((time * RESERVE).max(self.latency));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shadow() -> Shadow {
        Shadow::new(ShadowConfig {
            energy_mj_per_run: 10.0,
            energy_mj_per_s: 5.0,
            initial_latency: Duration::from_millis(50),
            duty: 0.5,
        })
        .unwrap()
    }

    const FREE: Slack = Slack { free: Duration::from_millis(100), restrained: false };

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn apart(a: &Value, b: &Value) -> Option<f32> {
        match (a, b) {
            (Value::Scalar(a), Value::Scalar(b)) => Some((a - b).abs()),
            _ => None,
        }
    }

    #[test]
    fn agreement_has_the_interval_of_the_tables() {
        let of = |agreed, compared| ShadowCounts { compared, agreed, ..ShadowCounts::default() }.agreement();
        assert_eq!(of(0, 0), None);
        let near = |a: f64, b: f64| (a - b).abs() < 5e-4;
        let nine = of(9, 10).unwrap();
        assert!(near(nine.low, 0.5958) && near(nine.high, 0.9821), "{nine:?}");
        let none = of(0, 20).unwrap();
        assert!(none.low == 0.0 && near(none.high, 0.1611), "{none:?}");
        assert_eq!(of(20, 20).unwrap().high, 1.0);
    }

    #[test]
    fn energy_bounds_how_often_it_runs() {
        let mut s = shadow();
        let mut runs = 0;
        for ms in (0..60_000).step_by(33) {
            s.model_said(TicketId(ms), at(ms), &Value::Scalar(1.0));
            if let Some(ticket) = s.ask(at(ms), FREE) {
                runs += 1;
                s.ended(at(ms + 20), ticket.end(Outcome::Value(Value::Scalar(1.5))), 1.0, apart);
            }
        }
        // Five millijoules a second are a run of ten every other second.
        assert!((28..=30).contains(&runs), "{runs}");
        let c = s.counts();
        assert_eq!((c.runs, c.compared, c.agreed), (runs, runs, runs));
        assert!((c.distance - 0.5 * runs as f64).abs() < 1e-6);
    }

    #[test]
    fn without_slack_without_a_run_of_the_model_and_in_heat_it_does_not_run() {
        let mut s = shadow();
        assert_eq!(s.ask(at(0), FREE), None);
        assert_eq!(s.ask(at(9_000), FREE), None, "the model has said nothing yet");
        s.model_said(TicketId(1), at(9_000), &Value::Scalar(1.0));
        assert_eq!(s.ask(at(9_001), Slack { free: Duration::from_millis(49), ..FREE }), None);
        assert_eq!(s.ask(at(9_001), Slack { restrained: true, ..FREE }), None);
        assert!(s.ask(at(9_001), FREE).is_some_and(|t| t.of() == TicketId(1) && t.captured() == at(9_000)));
        assert_eq!(s.ask(at(9_002), FREE), None, "one at a time");
    }

    #[test]
    fn it_gives_way_and_what_comes_of_it_then_is_not_counted() {
        let mut s = shadow();
        s.ask(at(0), FREE);
        s.model_said(TicketId(1), at(9_000), &Value::Scalar(1.0));
        let ticket = s.ask(at(9_001), FREE).unwrap();
        assert_eq!(s.give_way(), Some(TicketId(1)));
        assert_eq!(s.give_way(), None);
        s.ended(at(9_050), ticket.end(Outcome::Value(Value::Scalar(9.0))), 1.0, apart);
        assert_eq!((s.counts().compared, s.counts().cancelled), (0, 1));
    }

    #[test]
    fn faults_are_counted_and_a_run_without_end_expires() {
        let mut s = shadow();
        s.ask(at(0), FREE);
        let mut now = 9_000;
        for outcome in [
            Outcome::Value(Value::Scalar(f32::NAN)),
            Outcome::Failed(RunFailure::Panicked),
            Outcome::Failed(RunFailure::TimedOut),
        ] {
            s.model_said(TicketId(now), at(now), &Value::Scalar(1.0));
            let ticket = s.ask(at(now), FREE).unwrap();
            s.ended(at(now + 20), ticket.end(outcome), 1.0, |_, b| b.fault().is_none().then_some(0.0));
            now += 4_000;
        }
        s.model_said(TicketId(now), at(now), &Value::Scalar(1.0));
        drop(s.ask(at(now), FREE).unwrap());
        s.model_said(TicketId(now + 1), at(now + 4_000), &Value::Scalar(1.0));
        assert!(s.ask(at(now + 4_000), FREE).is_some());
        let c = s.counts();
        assert_eq!((c.runs, c.compared, c.failed, c.timed_out), (5, 0, 2, 2));
    }
}
