//! The live monitor: two windows, a reference, predictions that wait for labels, and the response plan.
//! **Invariant:** fixed size, and no allocation after it is made; the work of an event does not grow with time.
//! It does not act: what its rules ask for, the engine carries out.

use core::time::Duration;

use alloc::{boxed::Box, vec::Vec};

use crate::{
    answer::PredictionId,
    config::{MOST_CELLS, MOST_CLASSES, MOST_FEATURES, MonitorConfig, Response, Session},
    decision::Decision,
    error::ConfigError,
    frame::{Feature, FeatureValue, Frame, Input},
    gate::Look,
    plan::RunFailure,
    time::Timestamp,
    value::Value,
};

use super::{
    bins::{FEATURE_BINS, Place, SCORE_BINS, Scale},
    drift::{Reading, judge},
    likeness::Likeness,
    outcome::Outcomes,
    prediction::{Labelled, Prediction, Truth},
    response::{Change, Rule},
    ring::{Left, Ring, Waiting},
    sense,
    session::{PredictionPlace, Sample},
    window::{Timing, Window, bump, for_each},
};

/// A pause in the frames that ends a session, as it resets trends.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the rules are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What the tests say of the last full window.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Drifts {
    pub features: [Reading; MOST_FEATURES],
    pub scores: Reading,
    pub classes: Reading,
    pub cells: [Reading; MOST_CELLS + 1],
}

/// The live monitor of one engine. An engine feeds its own; one by itself serves a host that scores tables in batch.
///
/// # Example
/// ```
/// use inbetween_flow::{Frame, MonitorConfig, PredictionId, Timestamp, Value, monitor::{Live, Signal}};
/// let mut live = Live::new(MonitorConfig::default(), 7)?;
/// for n in 0..100 {
///     let now = Timestamp::from_millis(n * 500);
///     live.tick(now, |_| {});
///     live.frame(now, &Frame::features(now, &[]));
///     live.predicted(now, PredictionId(n), live.mask(), &Value::Probabilities(vec![0.2, 0.8]), None);
/// }
/// // By the probabilities' own word one in five is wrong.
/// let estimate = live.read(Timestamp::from_millis(50_000), Signal::EstimatedError);
/// assert!((estimate.value - 0.2).abs() < 1e-6);
/// # Ok::<(), inbetween_flow::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Live {
    config: MonitorConfig,
    feature_scales: [Scale<FEATURE_BINS>; MOST_FEATURES],
    score_scale: Scale<SCORE_BINS>,
    class_reference: [u32; MOST_CLASSES + 1],
    pub(super) window: Window,
    pub(super) previous: Window,
    /// Windows that have ended.
    closed: u32,
    pub(super) drifts: Drifts,
    sample: Sample,
    session_started: Option<Timestamp>,
    /// When the newest frame was handled.
    pub(super) newest: Option<Timestamp>,
    /// Where in a frame each feature was the last time.
    hints: [u8; MOST_FEATURES],
    /// Where among those of pictures or sound a feature is, if it is one of them.
    senses: [Option<u8>; MOST_FEATURES],
    /// The cell of each slice that holds now, and all of them as bits.
    cells: [u8; MOST_CELLS],
    mask: u32,
    ring: Ring,
    rules: Vec<Rule>,
    next_look: Timestamp,
    begun: bool,
}

/// 64 KiB are planned for a model; the names and rules of the card come on top.
const _: () = assert!(size_of::<Live>() + size_of::<super::Monitor>() < 64 * 1024);

impl Live {
    /// A monitor for what `config` wants watched; `seed` decides which event of a session counts.
    ///
    /// # Errors
    /// When a rule names a metric that the monitor does not have.
    pub fn new(config: MonitorConfig, seed: u64) -> Result<Box<Self>, ConfigError> {
        let rules = Rule::all(&config)?;
        let mut feature_scales = [Scale::new(&[], &[]); MOST_FEATURES];
        for (scale, feature) in feature_scales.iter_mut().zip(&config.features) {
            *scale = Scale::new(&feature.edges, &feature.reference);
        }
        let mut senses = [None; MOST_FEATURES];
        for (slot, feature) in senses.iter_mut().zip(&config.features) {
            *slot = sense::place(&feature.name);
        }
        let mut class_reference = [0; MOST_CLASSES + 1];
        for (slot, count) in class_reference.iter_mut().zip(&config.class_reference) {
            *slot = *count;
        }
        let mut live = Box::new(Self {
            feature_scales,
            score_scale: Scale::new(&config.score_edges, &config.score_reference),
            class_reference,
            window: Window::default(),
            previous: Window::default(),
            closed: 0,
            drifts: Drifts::default(),
            sample: Sample::new(seed),
            session_started: None,
            newest: None,
            hints: [0; MOST_FEATURES],
            senses,
            cells: [MOST_CELLS as u8; MOST_CELLS],
            mask: 0,
            ring: Ring::new(config.label_expiry),
            rules,
            next_look: Timestamp::ZERO,
            begun: false,
            config,
        });
        live.remask();
        Ok(live)
    }

    /// What is watched.
    pub const fn config(&self) -> &MonitorConfig {
        &self.config
    }

    /// The window that is open.
    pub const fn window(&self) -> &Window {
        &self.window
    }

    /// The last full window, once there is one.
    pub fn full_window(&self) -> Option<&Window> {
        (self.closed > 0).then_some(&self.previous)
    }

    /// Windows that have ended.
    pub const fn windows(&self) -> u32 {
        self.closed
    }

    /// Edges of a feature's bins.
    pub fn feature_edges(&self, feature: usize) -> &[f64] {
        self.feature_scales.get(feature).map_or(&[], Scale::edges)
    }

    /// Edges of the score's bins.
    pub fn score_edges(&self) -> &[f64] {
        self.score_scale.edges()
    }

    pub(super) const fn feature_scale(&self, feature: usize) -> &Scale<FEATURE_BINS> {
        &self.feature_scales[feature]
    }

    /// Takes that time has come to `now`; tells which rules changed, and whether a window ended.
    pub fn tick(&mut self, now: Timestamp, mut changed: impl FnMut(Change)) -> bool {
        if !self.begun {
            self.begun = true;
            self.window.restart(now);
        }
        let ends = now.since(self.window.started) >= self.config.window;
        if ends {
            self.close(now);
        }
        self.window.ended = now;
        if now >= self.next_look {
            self.next_look = now + LOOK;
            for i in 0..self.rules.len() {
                let reading = self.read(now, self.rules[i].signal);
                let rule = &mut self.rules[i];
                if rule.look(now, &reading) {
                    changed(Change {
                        rule: i as u8,
                        value: reading.value as f32,
                        severity: rule.severity,
                        response: rule.response,
                        active: rule.active,
                    });
                }
            }
        }
        ends
    }

    /// When time alone may change a rule: at the end of the window.
    pub fn next_due(&self) -> Option<Timestamp> {
        (self.begun && !self.rules.is_empty()).then(|| self.window.started + self.config.window)
    }

    /// Ends the window: judges it, and begins another one.
    fn close(&mut self, now: Timestamp) {
        self.window.ended = now;
        let cells = cells(&self.config);
        let tests = self.config.features.len() + 2 + cells.clone().count();
        let (least, before) = (self.config.min_sessions, &self.previous);
        let judge = |live: &[u32], likeness: &Likeness, reference: &[u32]| {
            judge(live, reference, likeness.inflation(live), least, tests)
        };
        for (i, scale) in self.feature_scales.iter().enumerate().take(self.config.features.len()) {
            let observed = &self.window.features[i];
            let reference = scale.reference().unwrap_or_else(|| scale.used(&before.features[i].sessions));
            self.drifts.features[i] = judge(scale.used(&observed.sessions), &observed.likeness, reference);
        }
        let Window { scores, classes, .. } = &self.window;
        let reference = self.score_scale.reference();
        let reference = reference.unwrap_or_else(|| self.score_scale.used(&before.scores.sessions));
        self.drifts.scores = judge(self.score_scale.used(&scores.sessions), &scores.likeness, reference);
        let stated = !self.config.class_reference.is_empty();
        let reference = if stated { &self.class_reference } else { before.classes.sessions.counts() };
        self.drifts.classes = judge(classes.sessions.counts(), &classes.likeness, reference);
        for cell in cells {
            // A card has no reference for a group.
            let (live, before) = (&self.window.cells[cell].scores, &before.cells[cell].scores);
            let counts = |of| self.score_scale.used(of);
            self.drifts.cells[cell] = judge(counts(&live.sessions), &live.likeness, counts(&before.sessions));
        }
        core::mem::swap(&mut self.window, &mut self.previous);
        self.window.restart(now);
        self.closed = self.closed.saturating_add(1);
    }

    /// The host's clock is another one from `now` on: what waits is lost, and the window begins anew in time.
    pub fn restart_clock(&mut self, now: Timestamp) {
        let left = self.ring.restart_clock();
        self.left(left);
        (self.window.started, self.window.ended) = (now, now);
        (self.session_started, self.newest, self.next_look) = (None, None, now);
        self.rules.iter_mut().for_each(Rule::restart_clock);
    }

    /// Takes a frame, sound or not.
    pub fn frame(&mut self, now: Timestamp, frame: &Frame<'_>) {
        bump(&mut self.window.frames);
        let pause = self.newest.replace(now).map(|before| now.since(before));
        if let Some(pause) = pause {
            self.window.timings[Timing::Interval as usize].record(pause);
        }
        self.window.timings[Timing::Lag as usize].record(now.since(frame.captured));
        self.keep_session(now, pause);
        if self.config.session == Session::Event {
            bump(&mut self.window.sessions);
        }
        let senses = self.senses();
        match frame.input {
            // What it looks like is known when the gate has seen it.
            Input::Image(_) if senses => {}
            Input::Audio(audio) if senses => self.sensed(&sense::heard(&audio)),
            Input::Features(list) => {
                self.observe(|live, i| live.feature(i, list));
                self.slice_by(list);
            }
            _ => self.observe(|_, _| Place::Missing),
        }
        for_each(self.mask, |cell| bump(&mut self.window.cells[cell].events));
        let left = self.ring.sweep(now);
        self.left(left);
    }

    /// Whether what frames look or sound like is watched.
    pub(super) fn senses(&self) -> bool {
        self.senses.iter().any(Option::is_some)
    }

    /// Takes what the gate saw of the newest frame.
    pub(super) fn looked(&mut self, look: &Look) {
        self.sensed(&sense::seen(look));
    }

    fn sensed(&mut self, values: &[f32]) {
        self.observe(|live, i| {
            let value = live.senses[i].and_then(|at| values.get(usize::from(at)));
            value.map_or(Place::Missing, |x| live.feature_scales[i].place(f64::from(*x)))
        });
    }

    /// Counts one observation of each feature.
    fn observe(&mut self, place: impl Fn(&mut Self, usize) -> Place) {
        let known = self.config.features.len();
        let mut places = [Place::Missing; MOST_FEATURES];
        for (i, slot) in places.iter_mut().enumerate().take(known) {
            *slot = place(self, i);
        }
        let alone = self.config.session == Session::Event;
        for (bins, place) in self.window.features.iter_mut().zip(&places[..known]) {
            bins.events.add(*place);
            if alone {
                bins.sessions.add(*place);
            }
        }
        if !alone {
            self.sample.event(&places[..known]);
        }
    }

    fn keep_session(&mut self, now: Timestamp, pause: Option<Duration>) {
        let Session::Span(span) = self.config.session else { return };
        let over = self.session_started.is_some_and(|started| now.since(started) >= span);
        if over || pause.is_some_and(|pause| pause > PAUSE) {
            self.begin_session();
        }
        self.session_started.get_or_insert(now);
    }

    /// Ends the session, so that the next event begins another one.
    pub fn begin_session(&mut self) {
        self.sample.end(&mut self.window, self.config.features.len());
        self.session_started = None;
    }

    fn feature(&mut self, i: usize, list: &[Feature<'_>]) -> Place {
        let name = &self.config.features[i].name;
        let hint = usize::from(self.hints[i]);
        let found = match list.get(hint).filter(|f| f.name == name) {
            Some(found) => Some(found),
            None => list.iter().position(|f| f.name == name).map(|at| {
                self.hints[i] = at.min(255) as u8;
                &list[at]
            }),
        };
        match found.map(|f| f.value) {
            Some(FeatureValue::Number(x)) => self.feature_scales[i].place(x),
            Some(FeatureValue::Category(_)) => Place::Nan,
            Some(FeatureValue::Missing) | None => Place::Missing,
        }
    }

    /// Takes the groups that a frame itself names.
    fn slice_by(&mut self, list: &[Feature<'_>]) {
        let mut from = 0;
        for (slot, slice) in self.cells.iter_mut().zip(&self.config.slices) {
            if let Some(feature) = list.iter().find(|f| f.name == slice.name) {
                let value = match feature.value {
                    FeatureValue::Category(value) => slice.values.iter().position(|v| v == value),
                    _ => None,
                };
                *slot = value.map_or(MOST_CELLS, |v| from + v) as u8;
            }
            from += slice.values.len();
        }
        self.remask();
    }

    /// Takes the group that the host names, until it names another one; whether the card has the slice and the value.
    pub fn set_slice(&mut self, name: &str, value: &str) -> bool {
        let mut from = 0;
        for (slot, slice) in self.cells.iter_mut().zip(&self.config.slices) {
            if slice.name == name {
                let found = slice.values.iter().position(|v| v == value);
                *slot = found.map_or(MOST_CELLS, |v| from + v) as u8;
                self.remask();
                return found.is_some();
            }
            from += slice.values.len();
        }
        false
    }

    fn remask(&mut self) {
        let cells = &self.cells[..self.config.slices.len()];
        self.mask = cells.iter().fold(0, |mask, cell| mask | 1 << cell);
    }

    /// The groups that hold now, as bits.
    pub const fn mask(&self) -> u32 {
        self.mask
    }

    /// Takes a run that ended after `took`, with or without a value.
    pub fn ran(&mut self, failure: Option<RunFailure>, took: Duration) {
        self.window.ran(failure, took);
    }

    /// Takes a prediction for a frame of the groups `mask`, under the name by which its label may come, and what was decided
    /// on it, if anything was.
    pub fn predicted(
        &mut self,
        now: Timestamp,
        id: PredictionId,
        mask: u32,
        value: &Value,
        decision: Option<&Decision>,
    ) {
        let prediction = Prediction::of(value, self.config.positive_class, decision);
        let score = prediction.score.map(f64::from);
        let place = PredictionPlace {
            score: score.map_or(Place::Missing, |x| self.score_scale.place(x)),
            class: prediction.class.map_or(Place::Missing, |c| Place::Bin(c.min(MOST_CLASSES as u32) as u8)),
        };
        self.window.scores.events.add(place.score);
        self.window.classes.events.add(place.class);
        for_each(mask, |cell| self.window.cells[cell].scores.events.add(place.score));
        if self.config.session == Session::Event {
            self.window.scores.sessions.add(place.score);
            self.window.classes.sessions.add(place.class);
            for_each(mask, |cell| self.window.cells[cell].scores.sessions.add(place.score));
        } else {
            self.sample.prediction(place, mask);
        }
        if let Some(right) = prediction.right() {
            self.window.outcomes.predicted(right);
        }
        if prediction.class.is_some() || prediction.score.is_some() {
            let Prediction { class, probable, positive, .. } = prediction;
            // Where one class is decided on, whether it was that one is what may be wrong.
            let class = positive.map_or(class, |positive| Some(u32::from(positive)));
            let score = prediction.score.unwrap_or(f32::NAN);
            let waiting = Waiting { score, probable, class, cells: mask };
            let left = self.ring.put(now, id.0, &waiting);
            self.left(left);
        }
    }

    fn left(&mut self, left: Left) {
        let outcomes = &mut self.window.outcomes;
        outcomes.expired = outcomes.expired.saturating_add(left.expired);
        outcomes.dropped = outcomes.dropped.saturating_add(left.dropped);
    }

    /// Takes the truth for a prediction. A number is wrong when it is off by more than `epsilon`, which a share
    /// `miss_rate` may be.
    pub fn label(
        &mut self,
        now: Timestamp,
        id: PredictionId,
        truth: Truth,
        (epsilon, miss_rate): (f32, f32),
    ) -> Labelled {
        let waiting = match self.ring.take(now, id.0) {
            Ok(waiting) => waiting,
            Err(left) => {
                self.left(left);
                if left.expired > 0 {
                    return Labelled::Expired;
                }
                bump(&mut self.window.outcomes.unknown);
                return Labelled::Unknown;
            }
        };
        let outcomes: &mut Outcomes = &mut self.window.outcomes;
        let wrong = match truth {
            Truth::Class(class) => {
                let Some(predicted) = waiting.class else { return Labelled::WrongKind };
                let (wrong, happened) = match self.config.positive_class {
                    Some(positive) if waiting.probable => {
                        ((predicted == 1) != (class == positive), class == positive)
                    }
                    _ => (predicted != class, predicted == class),
                };
                let probability = if waiting.probable { Some(f64::from(waiting.score)) } else { None };
                outcomes.labelled(wrong, happened, probability);
                wrong
            }
            Truth::Number(x) if !waiting.probable && waiting.class.is_none() => {
                // NaN is wrong.
                let within = (x - waiting.score).abs() <= epsilon;
                outcomes.measured(!within, f64::from(miss_rate));
                !within
            }
            Truth::Number(_) => return Labelled::WrongKind,
        };
        for_each(waiting.cells, |cell| {
            let cell = &mut self.window.cells[cell];
            bump(&mut cell.labelled);
            cell.wrong = cell.wrong.saturating_add(u32::from(wrong));
        });
        Labelled::Joined { wrong }
    }

    /// Rules, as bits, whose response changes the service for as long as they stand, or had a model rolled back.
    pub(crate) fn lasting(&self) -> u32 {
        bits(&self.rules, |r| {
            matches!(r.response, Response::FallBack | Response::Disable | Response::RollBack)
        })
    }

    /// Those of them that stand.
    pub(crate) fn standing(&self) -> u32 {
        bits(&self.rules, |r| r.active) & self.lasting()
    }

    /// Makes the rules of `bits` stand, as they did before a restart.
    pub(crate) fn stand(&mut self, bits: u32) {
        for (i, rule) in self.rules.iter_mut().enumerate() {
            rule.active |= bits >> i & 1 == 1;
        }
    }

    /// Whether a rule that stands asks for `response`.
    pub fn stands(&self, response: Response) -> bool {
        self.rules.iter().any(|r| r.active && r.response == response)
    }
}

/// One bit for each rule that is so.
fn bits(rules: &[Rule], is: impl Fn(&Rule) -> bool) -> u32 {
    rules.iter().enumerate().fold(0, |bits, (i, rule)| bits | u32::from(is(rule)) << i)
}

/// The cells that `config` has; the last is `other`.
fn cells(config: &MonitorConfig) -> impl Iterator<Item = usize> + Clone + use<> {
    let named = config.slices.iter().map(|s| s.values.len()).sum::<usize>().min(MOST_CELLS);
    let other = (named > 0).then_some(MOST_CELLS);
    (0..named).chain(other)
}
