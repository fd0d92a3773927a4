//! One violation, replayed with what led to it: plans with their scores, fits, completions, answers beside the truth.
//! **Invariant:** a trace is a pure function of scene, seed, policy and what is asked for; tracing changes nothing.
//! It does not write files and does not explain: it shows.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use inbetween_flow::{
    Completion, Detection, Inspection, Outcome, Rect, TicketId, Timestamp, Value, gate::FitState,
};
use serde::Serialize;

use crate::{
    model::SimulatedDetector,
    policy::{Policy, Shown, Step, reason_of_run},
    run::{Moment, Setup, run},
    scene::RenderedFrame,
    spec::SceneSpec,
};

/// Which refresh a trace is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// The refresh of this number, from 0.
    Refresh(u64),
    /// The first refresh from this time on, in seconds.
    Time(f64),
    /// The first refresh of the violation of this number, from 0: refreshes that violate one after another are one.
    Violation(u64),
}

/// A box with its name.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Named {
    /// Whose it is; none where a detector does not say.
    pub identity: Option<u32>,
    /// Left, top, right and bottom, in pixels.
    pub bounds: [f32; 4],
    /// Visible share of a true object, score of a found or shown one.
    pub weight: f32,
}

/// How well one track's pixels were found in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FitMark {
    /// Whose.
    pub identity: u32,
    /// `followed`, `weak`, `lost` or `outside`.
    pub state: &'static str,
    /// Motion since the key frame, in pixels.
    pub moved: [f32; 2],
    /// What is unexplained, from 0 to 1.
    pub residual: f32,
    /// Standard error of the motion, in pixels.
    pub sigma: f32,
}

/// What the engine believed when it judged a frame.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scores {
    /// The forecast error, in pixels.
    pub error: f32,
    /// The error from which it asks for a run, in pixels.
    pub threshold: f32,
    /// Unexplained change, in standard deviations.
    pub unexplained: f32,
    /// Whether a track is lost, or the newest result left something open.
    pub lost: bool,
    /// See `lost`.
    pub doubtful: bool,
    /// Whether the picture is another one.
    pub cut: bool,
    /// Why the answers are suspect.
    pub suspicion: Option<&'static str>,
    /// The fits.
    pub fits: Vec<FitMark>,
    /// Standard deviation of each track's error, in pixels, by identity.
    pub spreads: Vec<(u32, f32)>,
}

/// Something that happened, in order of time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Happening {
    /// A frame was judged.
    Frame {
        /// When, in seconds.
        at_s: f64,
        /// Its capture time, in seconds.
        captured_s: f64,
        /// Its number.
        index: u64,
        /// Whether it is run.
        run: bool,
        /// Why, in a word.
        reason: &'static str,
        /// The engine's scores; a baseline has none.
        scores: Option<Scores>,
    },
    /// A run ended.
    Completion {
        /// When, in seconds.
        at_s: f64,
        /// What was found; none when the run was cancelled.
        found: Option<Vec<Named>>,
    },
    /// A refresh was answered.
    Refresh {
        /// Display time, in seconds.
        at_s: f64,
        /// Its number.
        index: u64,
        /// The clause that it violates.
        fault: Option<&'static str>,
        /// The worst error of an answered object, in pixels.
        error: f32,
        /// The error that was expected, in pixels.
        uncertainty: f32,
        /// Whether the answer said that it was within the tolerance.
        within_tolerance: bool,
        /// Where the answer came from.
        source: &'static str,
        /// Capture time of the result behind it, in seconds.
        key_frame_s: Option<f64>,
        /// What was true.
        truth: Vec<Named>,
        /// What was shown.
        shown: Option<Vec<Named>>,
    },
}

/// A part of a sequence around one refresh.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trace {
    /// The scene.
    pub scene: String,
    /// The seed.
    pub seed: u64,
    /// The policy.
    pub policy: String,
    /// The refresh that it is about: number and display time in seconds.
    pub refresh: u64,
    /// See `refresh`.
    pub at_s: f64,
    /// What happened around it.
    pub happenings: Vec<Happening>,
}

/// Traces `policy` on a scene from `before_s` seconds before the refresh asked for to `after_s` after it. `None` when the
/// sequence has no such refresh.
///
/// # Example
/// ```
/// use inbetween_sim::{SceneSpec, policy, trace::{Target, around}};
///
/// let spec = SceneSpec::parse(
///     "name = \"t\"\nduration_s = 4\n[[objects]]\nmotion = [{ linear = { speed_px_s = 90 } }]\n",
/// )?;
/// let trace = around(&spec, 1, policy::by_name("every-nth-hold:12", &spec, 1)?, Target::Violation(0), 0.5, 0.2);
/// assert!(trace.is_some_and(|t| !t.happenings.is_empty()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn around(
    spec: &SceneSpec,
    seed: u64,
    policy: Box<dyn Policy>,
    target: Target,
    before_s: f64,
    after_s: f64,
) -> Option<Trace> {
    let name = policy.name().to_owned();
    let log = Rc::new(RefCell::new(Log { before_s, after_s, ..Log::default() }));
    let mut policies: Vec<Box<dyn Policy>> = vec![Box::new(Traced { inner: policy, log: Rc::clone(&log) })];
    let mut scene = spec.build(seed);
    let mut detector = SimulatedDetector::new(&scene);
    let (mut index, mut violations, mut bad) = (0, 0, false);
    let mut observer = |m: &Moment<'_>| {
        let now_bad = m.verdict.fault.is_some();
        let begins = now_bad && !bad;
        let here = match target {
            Target::Refresh(n) => index == n,
            Target::Time(s) => m.display.as_secs_f64() >= s,
            Target::Violation(n) => begins && violations == n,
        };
        violations += u64::from(begins);
        bad = now_bad;
        let mut log = log.borrow_mut();
        log.take(m.display, || refresh(m, index));
        if here && log.target.is_none() {
            log.target = Some((index, m.display.as_secs_f64()));
        }
        index += 1;
    };
    run(
        &mut scene,
        &mut policies,
        &mut detector,
        Setup { seed, observer: Some(&mut observer), ..Setup::default() },
    );
    let log = log.take();
    let (refresh, at_s) = log.target?;
    let happenings = log.happenings.into_iter().map(|(_, h)| h).collect();
    Some(Trace { scene: spec.name.clone(), seed, policy: name, refresh, at_s, happenings })
}

/// What happened lately; once the target is met nothing is dropped any more, until it is long past.
#[derive(Default)]
struct Log {
    before_s: f64,
    after_s: f64,
    target: Option<(u64, f64)>,
    happenings: VecDeque<(f64, Happening)>,
}

impl Log {
    fn take(&mut self, at: Timestamp, happening: impl FnOnce() -> Happening) {
        let now = at.as_secs_f64();
        match self.target {
            Some((_, met)) if now > met + self.after_s => return,
            Some(_) => {}
            None => {
                let old = |h: &(f64, Happening)| now - h.0 > self.before_s;
                while self.happenings.front().is_some_and(old) {
                    self.happenings.pop_front();
                }
            }
        }
        self.happenings.push_back((now, happening()));
    }
}

/// A policy whose doings are logged.
struct Traced {
    inner: Box<dyn Policy>,
    log: Rc<RefCell<Log>>,
}

impl Traced {
    fn judged(&self, now: Timestamp, frame: &RenderedFrame, step: Step) {
        let (run, reason) = match step {
            Step::Run { reason, .. } => (true, reason),
            Step::Skip { reason } => (false, reason),
        };
        self.log.borrow_mut().take(now, || Happening::Frame {
            at_s: now.as_secs_f64(),
            captured_s: frame.captured.as_secs_f64(),
            index: frame.index,
            run,
            reason,
            scores: self.inner.inspect(frame.captured).as_ref().map(scores),
        });
    }
}

impl Policy for Traced {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn every(&self) -> Option<u32> {
        self.inner.every()
    }

    fn needs_pixels(&self) -> bool {
        self.inner.needs_pixels()
    }

    fn on_frame(&mut self, now: Timestamp, frame: &RenderedFrame, busy: bool) -> Step {
        let step = self.inner.on_frame(now, frame, busy);
        self.judged(now, frame, step);
        step
    }

    fn on_free(&mut self, now: Timestamp, newest: &RenderedFrame) -> Option<Step> {
        let step = self.inner.on_free(now, newest)?;
        self.judged(now, newest, step);
        Some(step)
    }

    fn on_completion(&mut self, now: Timestamp, completion: Completion) {
        self.log.borrow_mut().take(now, || Happening::Completion {
            at_s: now.as_secs_f64(),
            found: match &completion.outcome {
                Outcome::Value(Value::Boxes(found)) => Some(found.iter().map(named).collect()),
                _ => None,
            },
        });
        self.inner.on_completion(now, completion);
    }

    fn answer(&mut self, display: Timestamp) -> Shown<'_> {
        self.inner.answer(display)
    }

    fn inspect(&self, at: Timestamp) -> Option<Inspection> {
        self.inner.inspect(at)
    }

    fn poll_cancel(&mut self) -> Option<TicketId> {
        self.inner.poll_cancel()
    }

    fn next_timeout(&self) -> Option<Timestamp> {
        self.inner.next_timeout()
    }

    fn on_timeout(&mut self, now: Timestamp) {
        self.inner.on_timeout(now);
    }
}

fn corners(r: &Rect) -> [f32; 4] {
    [r.x0, r.y0, r.x1, r.y1]
}

fn named(d: &Detection) -> Named {
    Named { identity: d.identity, bounds: corners(&d.bounds), weight: d.score }
}

fn refresh(m: &Moment<'_>, index: u64) -> Happening {
    let truth = m.truth.iter().map(|t| Named {
        identity: Some(t.identity),
        bounds: corners(&t.bounds),
        weight: t.visible,
    });
    Happening::Refresh {
        at_s: m.display.as_secs_f64(),
        index,
        fault: m.verdict.fault.map(crate::measure::Fault::as_str),
        error: m.verdict.error_px,
        uncertainty: m.shown.uncertainty,
        within_tolerance: m.shown.within_tolerance,
        source: m.shown.source,
        key_frame_s: m.shown.key_frame.map(Timestamp::as_secs_f64),
        truth: truth.collect(),
        shown: m.shown.detections.map(|all| all.iter().map(named).collect()),
    }
}

fn scores(i: &Inspection) -> Scores {
    let fits = i.fits.iter().map(|f| FitMark {
        identity: f.identity,
        state: match f.state {
            FitState::Followed => "followed",
            FitState::Weak => "weak",
            FitState::Lost => "lost",
            FitState::Outside => "outside",
        },
        moved: [f.moved.x, f.moved.y],
        residual: f.residual,
        sigma: f.sigma,
    });
    Scores {
        error: i.error,
        threshold: i.threshold,
        unexplained: i.unexplained,
        lost: i.lost,
        doubtful: i.doubtful,
        cut: i.cut,
        suspicion: i.suspicion.map(reason_of_run),
        fits: fits.collect(),
        spreads: i.tracks.iter().map(|t| (t.identity, t.spread)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::by_name;

    fn spec() -> SceneSpec {
        let text = "name = \"t\"\nduration_s = 6\n[[objects]]\nx = 0.3\ny = 0.3\n\
            motion = [{ linear = { speed_px_s = 60 } }]\n[[objects]]\nx = 0.7\ny = 0.7\nfrom_s = 3\n\
            [latency]\nmedian_ms = 400\np95_ms = 400\n";
        SceneSpec::parse(text).unwrap()
    }

    fn trace(name: &str, target: Target) -> Option<Trace> {
        around(&spec(), 1, by_name(name, &spec(), 1).unwrap(), target, 0.6, 0.3)
    }

    #[test]
    fn a_violation_is_shown_with_what_led_to_it_and_always_the_same() {
        // Runs of 400 ms: who is born at 3 s goes unanswered beyond the grace.
        let found =
            trace("inbetween", Target::Violation(1)).or_else(|| trace("inbetween", Target::Violation(0)));
        let found = found.unwrap();
        let again = trace("inbetween", Target::Refresh(found.refresh)).unwrap();
        assert_eq!(found, again, "the same refresh, asked for by its number");
        let (mut fits, mut completions, mut at) = (0, 0, f64::NEG_INFINITY);
        for happening in &found.happenings {
            let now = match happening {
                Happening::Frame { at_s, scores, .. } => {
                    fits += scores.as_ref().unwrap().fits.len();
                    *at_s
                }
                Happening::Completion { at_s, .. } => {
                    completions += 1;
                    *at_s
                }
                Happening::Refresh { at_s, index, fault, truth, .. } => {
                    assert!(*index != found.refresh || (fault.is_some() && !truth.is_empty()));
                    *at_s
                }
            };
            assert!(now >= at && now >= found.at_s - 0.6 - 1e-9 && now <= found.at_s + 0.3 + 1e-9);
            at = now;
        }
        assert!(fits > 0 && completions > 0);
    }

    #[test]
    fn baselines_are_traced_too_and_what_is_not_there_is_none() {
        let by_time = trace("every-nth-hold:12", Target::Time(2.0)).unwrap();
        assert!((2.0..2.02).contains(&by_time.at_s));
        assert!(trace("every-nth-hold:12", Target::Refresh(360)).is_none());
    }
}
