//! Virtual time: several policies meet the same frames, refreshes and detector, each with a worker of its own.
//! **Invariant:** for each policy everything happens in order of time; one policy cannot see that another runs beside.
//! It does not read a clock: the host may lend one to time the policies themselves.

use inbetween_flow::{Completion, Detection, Outcome, TicketId, Timestamp, Value};

use crate::{
    measure::{
        Energies, FrameMark, Phases, Presence, RefreshMark, Report, Row, RunCost, Scorer, Spent, Timeline,
        Verdict,
    },
    model::{Detector, Worker},
    policy::{Policy, Shown, Step},
    scene::{RenderedFrame, Scene, Truth},
};

/// What one policy shows at one refresh: for pictures of a run while it goes on.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Which policy, by its place in the list.
    pub policy: usize,
    /// When it is seen.
    pub display: Timestamp,
    /// The newest frame that reached the app; its `data` is empty when nobody looks at pixels.
    pub frame: &'a RenderedFrame,
    /// All objects at the display time.
    pub truth: &'a [Truth],
    /// What is shown.
    pub shown: Shown<'a>,
    /// What it is worth.
    pub verdict: Verdict,
}

/// What a run is told beside scene and policies.
#[derive(Default)]
pub struct Setup<'a> {
    /// The seed, for the rows.
    pub seed: u64,
    /// What a run of the model costs.
    pub cost: RunCost,
    /// Most frames and most refreshes of a timeline; 0 for none.
    pub timeline: usize,
    /// Renders frames even when no policy and no detector looks at them.
    pub always_render: bool,
    /// A clock in nanoseconds by which the policies themselves are timed.
    pub clock: Option<&'a mut dyn FnMut() -> u64>,
    /// Called at every refresh for every policy.
    pub observer: Option<&'a mut dyn FnMut(&Moment<'_>)>,
    /// Called at every frame: how many of how many.
    pub progress: Option<&'a mut dyn FnMut(u64, u64)>,
}

/// A run that is under way.
struct Flight {
    ticket: TicketId,
    ends: Timestamp,
    value: Vec<Detection>,
}

/// The newest frame that reached the app, and what the model says about it once somebody asked.
struct Newest<'a> {
    frame: Option<RenderedFrame>,
    value: Option<Vec<Detection>>,
    detector: &'a mut dyn Detector,
}

impl Newest<'_> {
    /// All policies get the same result for the same frame; it is made when the first one asks.
    fn result(&mut self) -> Vec<Detection> {
        let (detector, frame) = (&mut self.detector, &self.frame);
        let detect = || frame.as_ref().map_or_else(Vec::new, |frame| detector.detect(frame));
        self.value.get_or_insert_with(detect).clone()
    }
}

/// One policy with its worker and its books.
struct Lane {
    worker: Worker,
    flight: Option<Flight>,
    scorer: Scorer,
    ages_ms: Vec<f32>,
    cpu_ns: u64,
    frames: u64,
    /// Why the newest frame was skipped.
    skipped: Option<&'static str>,
    /// Where the scene has frequency steps.
    phases: Option<Phases>,
    report: Report,
}

/// Runs `policies` over a scene side by side and scores every refresh. One report for each policy, in their order.
///
/// # Example
/// ```
/// use inbetween_sim::{SceneSpec, SimulatedDetector, policy, run, Setup};
///
/// let spec = SceneSpec::parse("name = \"one\"\nduration_s = 2\n[[objects]]\n")?;
/// let mut scene = spec.build(1);
/// let mut policies = vec![policy::by_name("every-nth-kalman:6", &spec, 1)?];
/// let mut detector = SimulatedDetector::new(&scene);
/// let reports = run(&mut scene, &mut policies, &mut detector, Setup { seed: 1, ..Setup::default() });
/// assert_eq!(reports[0].row.frames, 60);
/// assert_eq!(reports[0].row.runs, 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn run(
    scene: &mut Scene,
    policies: &mut [Box<dyn Policy>],
    detector: &mut dyn Detector,
    mut setup: Setup<'_>,
) -> Vec<Report> {
    let pixels = setup.always_render || detector.needs_pixels() || policies.iter().any(|p| p.needs_pixels());
    let mut lanes: Vec<Lane> = policies.iter().map(|p| Lane::new(scene, p.as_ref(), setup.seed)).collect();
    let mut presence = Presence::new(&scene.spec().tolerance);
    let (frames, refreshes) = (scene.frames(), scene.refreshes());
    let mut truth = Vec::new();
    let mut newest = Newest { frame: None, value: None, detector };
    let mut refresh = 0;
    let mut index = 0;
    while index < frames || refresh < refreshes {
        let arrival = if index < frames { scene.arrives(index) } else { Some(Timestamp::MAX) };
        let Some(arrival) = arrival else {
            index += 1; // dropped
            continue;
        };
        if refresh < refreshes && scene.refresh(refresh) < arrival {
            let display = scene.refresh(refresh);
            refresh += 1;
            scene.truth_at(display, &mut truth);
            presence.advance(display, &truth);
            for (i, (lane, policy)) in lanes.iter_mut().zip(policies.iter_mut()).enumerate() {
                lane.advance(policy.as_mut(), display, &mut newest, &mut setup);
                let (shown, verdict) = lane.refresh(policy.as_mut(), display, &presence, &mut setup);
                if let (Some(observer), Some(frame)) = (&mut setup.observer, &newest.frame) {
                    observer(&Moment { policy: i, display, frame, truth: &truth, shown, verdict });
                }
            }
            continue;
        }
        if index >= frames {
            continue; // only refreshes are left, and the next one is after the end of time
        }
        // Before the next picture takes the place of this one: a run that ends until then may be followed by another.
        for (lane, policy) in lanes.iter_mut().zip(policies.iter_mut()) {
            lane.advance(policy.as_mut(), arrival, &mut newest, &mut setup);
        }
        newest.value = None;
        let frame = newest.frame.get_or_insert_with(|| RenderedFrame::empty(scene));
        if pixels {
            scene.render(index, frame);
        } else {
            scene.unrendered(index, frame);
        }
        for (lane, policy) in lanes.iter_mut().zip(policies.iter_mut()) {
            lane.frame(policy.as_mut(), arrival, &mut newest, &mut setup);
        }
        index += 1;
        if let Some(progress) = &mut setup.progress {
            progress(index, frames);
        }
    }
    lanes.into_iter().map(|lane| lane.finish(&setup.cost)).collect()
}

/// A policy that asks for the same timeout again and again is left alone after this many.
const MAX_TIMEOUTS: u32 = 64;

impl Lane {
    fn new(scene: &Scene, policy: &dyn Policy, seed: u64) -> Self {
        let spec = scene.spec();
        let row = Row {
            split: spec.split.as_str(),
            scene: spec.name.clone(),
            family: spec.family.clone(),
            seed,
            policy: policy.name().to_owned(),
            every: policy.every(),
            miss_rate: spec.tolerance.miss_rate,
            epsilon: spec.tolerance.epsilon_px,
            age_cap: spec.tolerance.max_age_ms * 1e-3,
            seconds: spec.duration_s,
            ..Row::default()
        };
        let report = Report {
            row,
            faults: crate::measure::Faults::default(),
            run_reasons: std::collections::BTreeMap::new(),
            skip_reasons: std::collections::BTreeMap::new(),
            sources: std::collections::BTreeMap::new(),
            latencies_ms: Vec::new(),
            phases: Vec::new(),
            timeline: Timeline::default(),
        };
        Self {
            worker: Worker::new(scene),
            flight: None,
            scorer: Scorer::new(spec),
            ages_ms: Vec::new(),
            cpu_ns: 0,
            frames: 0,
            skipped: None,
            phases: (!spec.latency.steps.is_empty()).then(|| Phases::new(spec.duration_s)),
            report,
        }
    }

    /// Completions and timeouts up to `until`, in order of time.
    fn advance(
        &mut self,
        policy: &mut dyn Policy,
        until: Timestamp,
        newest: &mut Newest<'_>,
        setup: &mut Setup<'_>,
    ) {
        let mut timeouts = 0;
        loop {
            let ends = self.flight.as_ref().map_or(Timestamp::MAX, |f| f.ends);
            let due = policy.next_timeout().filter(|_| timeouts < MAX_TIMEOUTS).unwrap_or(Timestamp::MAX);
            if ends.min(due) > until || ends.min(due) == Timestamp::MAX {
                return;
            }
            if ends <= due {
                let Some(flight) = self.flight.take() else { return };
                let outcome = Outcome::Value(Value::Boxes(flight.value));
                let completion = Completion { ticket: flight.ticket, outcome };
                self.timed(&mut setup.clock, || policy.on_completion(ends, completion));
                self.cancel(policy, ends);
                self.free(policy, ends, newest, setup);
            } else {
                timeouts += 1;
                self.timed(&mut setup.clock, || policy.on_timeout(due));
                self.cancel(policy, due);
            }
        }
    }

    /// The worker is free `now`: the policy may start the newest frame.
    fn free(
        &mut self,
        policy: &mut dyn Policy,
        now: Timestamp,
        newest: &mut Newest<'_>,
        setup: &mut Setup<'_>,
    ) {
        let Some(frame) = &newest.frame else { return };
        let step = self.timed(&mut setup.clock, || policy.on_free(now, frame));
        if let Some(Step::Run { ticket, reason }) = step {
            let (index, captured_s) = (frame.index, frame.captured.as_secs_f64());
            self.start(now, index, ticket, reason, newest);
            // It was skipped when it arrived; now it is not.
            if let Some(count) = self.skipped.take().and_then(|r| self.report.skip_reasons.get_mut(r)) {
                *count -= 1;
            }
            let marks = &mut self.report.timeline.frames;
            if let Some(mark) = marks.last_mut().filter(|m| m.captured_s == captured_s) {
                (mark.run, mark.reason) = (true, reason);
            }
        }
    }

    fn start(
        &mut self,
        now: Timestamp,
        index: u64,
        ticket: TicketId,
        reason: &'static str,
        newest: &mut Newest<'_>,
    ) {
        let takes = self.worker.start(now, index);
        if let (Some(phases), Some(step)) = (&mut self.phases, self.worker.step()) {
            phases.run(now, takes, step);
        }
        self.report.row.runs += 1;
        self.report.row.audits += u64::from(reason == "audit");
        *self.report.run_reasons.entry(reason).or_default() += 1;
        self.report.latencies_ms.push(takes.as_secs_f32() * 1e3);
        self.flight = Some(Flight { ticket, ends: now + takes, value: newest.result() });
    }

    fn timed<T>(&mut self, clock: &mut Option<&mut dyn FnMut() -> u64>, work: impl FnOnce() -> T) -> T {
        let Some(clock) = clock else { return work() };
        let start = clock();
        let out = work();
        self.cpu_ns += clock().saturating_sub(start);
        out
    }

    /// Ends the runs that the policy wants cancelled.
    fn cancel(&mut self, policy: &mut dyn Policy, now: Timestamp) {
        while let Some(ticket) = policy.poll_cancel() {
            if let Some(flight) = self.flight.take_if(|f| f.ticket == ticket) {
                self.worker.cancel(now);
                self.report.row.cancelled += 1;
                policy.on_completion(now, Completion { ticket: flight.ticket, outcome: Outcome::Cancelled });
            }
        }
    }

    fn frame(
        &mut self,
        policy: &mut dyn Policy,
        now: Timestamp,
        newest: &mut Newest<'_>,
        setup: &mut Setup<'_>,
    ) {
        let Some(frame) = &newest.frame else { return };
        let (index, captured_s) = (frame.index, frame.captured.as_secs_f64());
        self.frames += 1;
        let busy = self.flight.is_some();
        let step = self.timed(&mut setup.clock, || policy.on_frame(now, frame, busy));
        self.cancel(policy, now);
        let (run, reason) = match step {
            Step::Run { ticket, reason } if self.flight.is_none() => {
                self.start(now, index, ticket, reason, newest);
                (true, reason)
            }
            Step::Run { ticket, .. } => {
                self.report.row.cancelled += 1;
                policy.on_completion(now, Completion { ticket, outcome: Outcome::Cancelled });
                (false, "worker-busy")
            }
            Step::Skip { reason } => (false, reason),
        };
        self.skipped = (!run).then_some(reason);
        if !run {
            *self.report.skip_reasons.entry(reason).or_default() += 1;
        }
        let timeline = &mut self.report.timeline;
        if timeline.frames.len() < setup.timeline {
            timeline.frames.push(FrameMark { captured_s, run, reason });
        } else {
            timeline.truncated = setup.timeline > 0;
        }
    }

    fn refresh<'p>(
        &mut self,
        policy: &'p mut dyn Policy,
        display: Timestamp,
        presence: &Presence,
        setup: &mut Setup<'_>,
    ) -> (Shown<'p>, Verdict) {
        let shown = self.timed(&mut setup.clock, || policy.answer(display));
        let verdict = self.scorer.judge(display, &shown, presence);
        let row = &mut self.report.row;
        row.refreshes += 1;
        row.flagged += u64::from(!shown.within_tolerance);
        if let Some(fault) = verdict.fault {
            row.violations += 1;
            row.flagged_violations += u64::from(!shown.within_tolerance);
            self.report.faults.count(fault);
        }
        if let Some(phases) = &mut self.phases {
            phases.refresh(display, verdict.fault.is_some());
        }
        *self.report.sources.entry(shown.source).or_default() += 1;
        let age_ms = shown.key_frame.map(|k| display.since(k).as_secs_f64() * 1e3);
        if let Some(age) = age_ms {
            self.ages_ms.push(age as f32);
        }
        let timeline = &mut self.report.timeline;
        if timeline.refreshes.len() < setup.timeline {
            timeline.refreshes.push(RefreshMark {
                display_s: display.as_secs_f64(),
                source: shown.source,
                age_ms,
                error_px: verdict.error_px,
                missing: verdict.missing,
                uncertainty_px: shown.uncertainty,
                within_tolerance: shown.within_tolerance,
                fault: verdict.fault,
            });
        } else {
            timeline.truncated = setup.timeline > 0;
        }
        (shown, verdict)
    }

    fn finish(mut self, cost: &RunCost) -> Report {
        let row = &mut self.report.row;
        row.frames = self.frames;
        row.macs = row.runs * cost.macs;
        let spent =
            Spent { macs: row.macs, bytes: row.runs * cost.bytes, cpu_ns: self.cpu_ns, wakes: row.runs };
        row.energies = Energies::of(&spent);
        row.energy = row.energies.0[0];
        row.cpu_ns_per_frame = self.cpu_ns as f64 / self.frames.max(1) as f64;
        row.static_jitter_px = self.scorer.static_jitter_px();
        let n = self.ages_ms.len();
        if n > 0 {
            row.age_ms_mean = self.ages_ms.iter().map(|a| f64::from(*a)).sum::<f64>() / n as f64;
            self.ages_ms.sort_by(f32::total_cmp);
            row.age_ms_p95 = f64::from(self.ages_ms[(n * 95 / 100).min(n - 1)]);
        }
        self.report.phases = self.phases.map(Phases::finish).unwrap_or_default();
        self.report
    }
}
