//! The pipeline, one call a stage: contract, gate, schedule, source, decide, monitor.
//! **Invariant:** the same calls with the same seed give the same outputs, bit for bit.
//! It does not run models, read clocks or start threads: the host does.

mod answerer;
mod answering;
mod attributes;
mod clock;
mod completing;
mod events;
mod flight;
mod inspect;
mod latch;
mod reuse;
mod shadowing;
mod starting;
mod upkeep;
mod watch;

use alloc::vec::Vec;
use core::time::Duration;

use crate::{
    answer::{Answer, Degraded, PredictionId},
    cache::ExactCache,
    config::Config,
    contract,
    decide::Decider,
    error::{ConfigError, FrameError},
    frame::{Frame, Input, Luma},
    gate::{Gate, Target},
    geometry::{Point, Rect},
    ingredient::Ingredients,
    monitor::Monitor,
    plan::{Event, Plan, RunReason, SkipReason},
    rollout::Shadow,
    rung::Rung,
    schedule::{Cut, Scheduler, Share, Situation, Switch, Verdict, View},
    source::Carrier,
    time::Timestamp,
    value::Value,
};

pub use self::{
    answerer::Answerer,
    events::EventEngine,
    inspect::Inspection,
    latch::{LATCHED_BYTES, LatchError, Restored},
};
use self::{
    attributes::Attributes,
    clock::Clock,
    flight::{Events, Flights},
    reuse::Reuser,
    watch::Service,
};

/// The state machine of one model on one stream.
///
/// The host calls [`handle_frame`](Self::handle_frame) for each frame, runs the model when the plan says so and
/// reports with [`handle_completion`](Self::handle_completion), and asks [`answer_at`](Self::answer_at) for each
/// display refresh. All may come from different threads under one lock; none blocks or runs a model.
///
/// # Example
/// ```
/// use inbetween_flow::{
///     Completion, Config, Engine, Frame, Image, Outcome, PixelFormat, Plan, Timestamp, Value, ValueKind,
/// };
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config = Config::for_images(ValueKind::Scalar, 0.1);
/// let mut engine = Engine::new(config, 42)?;
///
/// let pixels = [128_u8; 64 * 48];
/// let captured = Timestamp::from_millis(100);
/// let frame = Frame::image(captured, Image::packed(PixelFormat::Gray8, 64, 48, &pixels));
/// let now = Timestamp::from_millis(102);
/// let Plan::Run(ticket) = engine.handle_frame(now, &frame)? else { panic!("the first frame is run") };
///
/// // … the host runs its model; 20 ms later:
/// let outcome = Outcome::Value(Value::Scalar(0.7));
/// engine.handle_completion(Timestamp::from_millis(122), Completion { ticket: ticket.id, outcome });
///
/// let answer = engine.answer_at(Timestamp::from_millis(133));
/// assert_eq!(answer.value, Some(Value::Scalar(0.7)));
/// assert_eq!(answer.age.as_millis(), 33);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Engine {
    config: Config,
    clock: Clock,
    gate: Gate,
    scheduler: Scheduler,
    carrier: Carrier,
    cache: ExactCache,
    reuser: Reuser,
    attributes: Attributes,
    decider: Option<Decider>,
    shadow: Option<Shadow>,
    /// Whether heat or saving power forbids work that nobody waits for.
    restrained: bool,
    monitor: Monitor,
    flights: Flights,
    events: Events,
    next_ticket: u64,
    display_period: Duration,
    /// The newest admitted result.
    newest: Option<Newest>,
    /// The variant that gave it.
    variant: u8,
    /// Elements of the first result, for kinds whose count must not change.
    length: Option<usize>,
    /// What the newest frame showed.
    seen: Seen,
    /// What the newest frame shows that makes the answers suspect.
    suspicion: Option<RunReason>,
    /// How the newest frame was judged.
    judged: Option<Situation>,
    /// Capture time of the first frame of a picture that has no result yet, after a cut.
    cut_at: Option<Timestamp>,
    /// What stood against the newest run that was wanted.
    obstacle: Option<SkipReason>,
    rung: Rung,
    service: Service,
    /// Whether the model was rolled back and nothing is in its place.
    retired: bool,
    answer: Answer,
    /// Memory for the answer's value while there is none, and for looking ahead.
    spare: Value,
    scratch: Value,
    targets: Vec<Target>,
}

/// The newest admitted result.
#[derive(Clone, Copy, Debug)]
struct Newest {
    /// Capture time of the frame that it is in use for.
    captured: Timestamp,
    /// Capture time of the frame that the model saw: earlier for a result that is used again for another picture. Its age
    /// counts from here.
    ran: Timestamp,
    /// Whether it came from the cache.
    cached: bool,
    /// How often in a row it was used for pictures that look alike.
    uses: u32,
    prediction: PredictionId,
}

/// Where a result comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    /// The model ran on this frame.
    Model,
    /// It ran on exactly the same input.
    Exact,
    /// It ran on a picture that looked the same, captured then.
    Alike(Timestamp),
}

/// What the gate found in the newest frame, in numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    background: Point,
    frame: Rect,
    unexplained: f32,
    lost: bool,
    cut: bool,
}

impl Engine {
    /// An engine for `config`; `seed` decides its audits and nothing else.
    ///
    /// # Errors
    /// When a field of the configuration is out of range.
    pub fn new(config: Config, seed: u64) -> Result<Self, ConfigError> {
        config.validate()?;
        let config = config.ablated();
        Ok(Self {
            clock: Clock::new(),
            gate: Gate::new(config.tolerance.epsilon).without(config.scheduling.without),
            scheduler: Scheduler::new(&config, seed),
            carrier: Carrier::new(config.output, &config.tolerance, config.mode)
                .without(config.scheduling.without),
            cache: ExactCache::new(config.scheduling.cache_bytes),
            reuser: Reuser::new(&config, seed),
            attributes: Attributes::new(&config),
            decider: config.decide.clone().map(Decider::new),
            shadow: None,
            restrained: false,
            monitor: Monitor::new(config.monitoring.as_ref(), seed)?,
            flights: Flights::with_capacity(config.budget.max_in_flight as usize),
            events: Events::new(),
            next_ticket: 0,
            display_period: config.display_period,
            newest: None,
            variant: 0,
            length: None,
            seen: Seen::default(),
            suspicion: None,
            judged: None,
            cut_at: None,
            obstacle: None,
            rung: Rung::Unavailable,
            service: Service::Full,
            retired: false,
            answer: Answer::unavailable(Degraded::WarmingUp, config.model_version),
            spare: Value::empty(config.output),
            scratch: Value::empty(config.output),
            targets: Vec::new(),
            config,
        })
    }

    /// Takes a frame and says whether to run the model on it. Called on the capture thread; never runs the model.
    ///
    /// # Errors
    /// When the frame is not what the configuration promises. It is counted, and the answers are as they were before.
    pub fn handle_frame(&mut self, now: Timestamp, frame: &Frame<'_>) -> Result<Plan, FrameError> {
        self.frame(now, frame, None)
    }

    /// As [`handle_frame`](Self::handle_frame), for an engine that shares a budget with others: a run also needs their
    /// consent. Report its end with [`handle_completion_shared`](Self::handle_completion_shared).
    ///
    /// # Errors
    /// As [`handle_frame`](Self::handle_frame).
    pub fn handle_frame_shared(
        &mut self,
        now: Timestamp,
        frame: &Frame<'_>,
        share: &mut Share<'_>,
    ) -> Result<Plan, FrameError> {
        self.frame(now, frame, Some(share))
    }

    fn frame(
        &mut self,
        now: Timestamp,
        frame: &Frame<'_>,
        share: Option<&mut Share<'_>>,
    ) -> Result<Plan, FrameError> {
        let now = self.advance(now);
        self.monitor.frame(now, frame);
        contract::check(&self.config.input, frame).inspect_err(|e| self.monitor.rejected(*e))?;
        let plan = match self.arrive(frame.captured) {
            Ok(captured) => self.plan(now, &Frame { captured, ..*frame }, share),
            Err(skip) => Plan::Skip(skip),
        };
        self.monitor.planned(&plan);
        Ok(plan)
    }

    /// The pipeline for a frame that is sound and new.
    fn plan(&mut self, now: Timestamp, frame: &Frame<'_>, mut share: Option<&mut Share<'_>>) -> Plan {
        if self.service == Service::Disabled {
            return Plan::Skip(SkipReason::Disabled);
        }
        self.seen = self.look(frame);
        if self.seen.cut {
            let cut_at = *self.cut_at.get_or_insert(frame.captured);
            let events = &mut self.events;
            self.flights.outdate(cut_at, |id| events.push(Event::Cancel(id)));
        }
        let situation = self.situation(now, frame.captured);
        self.suspicion = self.scheduler.suspects(&situation);
        self.judged = Some(situation);
        let verdict = self.scheduler.judge(&situation, share.as_deref_mut());
        if let Some(Switch { from, to, why, .. }) = self.scheduler.take_switch() {
            self.events.push(Event::VariantChanged { from, to, why });
        }
        match verdict {
            Verdict::Run(reason, grant) => {
                let plan = self.start(now, frame, reason, grant);
                if let (Some(share), Some(grant)) = (share, grant) {
                    match plan {
                        Plan::Run(ticket) => share.expect(grant, ticket.expires),
                        Plan::Skip(_) => share.settle(now, grant, Duration::ZERO),
                    }
                }
                plan
            }
            Verdict::Skip(skip, wanted) => {
                if let Some(reason) = wanted
                    && self.make_do(now, frame, reason, skip)
                {
                    self.obstacle = None;
                    return Plan::Skip(SkipReason::CacheHit);
                }
                self.obstacle = wanted.map(|_| skip);
                Plan::Skip(skip)
            }
        }
    }

    /// Stage `gate`, and what it shows is carried over to stage `source`.
    fn look(&mut self, frame: &Frame<'_>) -> Seen {
        let Input::Image(image) = &frame.input else { return Seen::default() };
        let (width, height) = image.upright_size();
        self.carrier.set_frame(Rect::new(0.0, 0.0, width as f32, height as f32));
        if !self.config.scheduling.follow_pixels {
            return Seen::default();
        }
        if let Some(motion) = &frame.motion {
            self.gate.expect(motion);
        }
        let Some(evidence) = Luma::of(image).and_then(|luma| self.gate.measure(frame.captured, &luma)) else {
            return Seen::default();
        };
        self.carrier.follow(frame.captured, &evidence.fits);
        self.attributes.see(frame.captured, &self.carrier, &evidence.fits, evidence.cut);
        let counts = |of| !self.config.scheduling.without.has(Ingredients::GATE.with(of));
        let seen = Seen {
            background: evidence.background,
            frame: Rect::new(0.0, 0.0, width as f32, height as f32),
            unexplained: if counts(Ingredients::BIRTHS) { evidence.unexplained } else { 0.0 },
            lost: counts(Ingredients::RESIDUALS) && self.carrier.lost(&evidence.fits),
            cut: counts(Ingredients::CUTS) && evidence.cut,
        };
        if self.monitor.senses()
            && let Some(look) = self.gate.look()
        {
            self.monitor.looked(&look);
        }
        seen
    }

    fn situation(&mut self, now: Timestamp, captured: Timestamp) -> Situation {
        // A run of this frame would show at the first refresh after its end: until then the answers must do.
        let shown = now + self.scheduler.latency() + self.display_period;
        let shown_at = self.content_time(shown);
        let ahead = self.carrier.answer(shown_at, &mut self.scratch);
        // By then pixels will have been followed further: what a refresh extrapolates now, it will then.
        let extrapolated = self.content_time(now + self.display_period).secs_from(captured).max(0.0);
        let spread_then = self.carrier.outlook(shown_at, extrapolated).or(ahead.map(|c| c.spread));
        Situation {
            now,
            captured,
            frame_period: self.clock.period(),
            in_flight: self.flights.len(),
            age_then: ahead.map(|c| shown.since(c.key_frame)),
            rests_then: ahead.map_or(Duration::ZERO, |c| shown.since(self.ran(c.key_frame))),
            spread_then: spread_then.unwrap_or(0.0),
            lost: self.seen.lost,
            doubtful: ahead.is_some_and(|c| c.doubtful > 0),
            unexplained: self.seen.unexplained,
            view: self.view(),
            cut: match self.cut_at.filter(|_| self.seen.cut) {
                None => Cut::None,
                Some(at) if self.flights.covers(at) => Cut::UnderWay,
                Some(_) => Cut::New,
            },
        }
    }

    /// How the camera moved since the key frame, and what objects were last looked ahead to.
    fn view(&self) -> View {
        let Seen { background, frame, .. } = self.seen;
        let Value::Boxes(boxes) = &self.scratch else { return View::default() };
        let sizes: f32 = boxes.iter().map(|b| b.bounds.width().min(b.bounds.height())).sum();
        View { background, frame, objects: boxes.len() as u32, size: sizes / boxes.len().max(1) as f32 }
    }

    /// The next thing that the host may want to know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// What happened so far.
    pub const fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// What the engine was told at the start.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// When the model really saw what stands behind the key frame of an answer.
    fn ran(&self, key_frame: Timestamp) -> Timestamp {
        answering::ran(self.newest, key_frame)
    }

    /// The time whose content is shown at `display`.
    fn content_time(&self, display: Timestamp) -> Timestamp {
        answering::content_time(&self.config, self.clock.newest(), display)
    }
}
