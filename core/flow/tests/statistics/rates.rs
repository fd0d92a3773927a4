//! Seeded streams through the live monitor, and the share of windows in which it raises which alarm.
//! **Invariant:** every stream goes through the monitor as an engine feeds it: frames, predictions, labels, windows.
//! It does not judge the shares: the tests and the tables do.
#![allow(missing_docs, dead_code, clippy::unwrap_used)]

use std::time::Duration;

use inbetween_flow::{
    Feature, FeatureValue, FeatureWatch, Frame, Labelled, MonitorConfig, PredictionId, Session, Timestamp,
    Truth, Value,
    monitor::{Live, Signal, Verdict},
};

const WINDOW: Duration = Duration::from_hours(1);

/// Seeded draws (xorshift64*, Box–Muller).
pub struct Draws(u64);

impl Draws {
    pub fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.unit(), self.unit());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }
}

pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// What the model under watch says of `x`: right about the world of [`AS_LEARNT`].
pub fn model(x: f64) -> f64 {
    sigmoid(1.5 * x - 0.3)
}

/// Deciles of the standard normal distribution, rounded.
const DECILES: [f64; 9] = [-1.2816, -0.8416, -0.5244, -0.2533, 0.0, 0.2533, 0.5244, 0.8416, 1.2816];

/// Sessions that the references are counted over.
const REFERENCE: usize = 2_000;

/// A configuration whose references are drawn from `draws`.
pub fn config(draws: &mut Draws, session: Session, min_sessions: u32) -> MonitorConfig {
    let plain = MonitorConfig::default();
    let mut feature = [0_u32; DECILES.len() + 1];
    let mut scores = [0_u32; 10];
    let mut classes = [0_u32; 2];
    for _ in 0..REFERENCE {
        let x = draws.normal();
        let p = model(x);
        feature[DECILES.iter().filter(|e| x > **e).count()] += 1;
        scores[plain.score_edges.iter().filter(|e| f64::from(p as f32) > **e).count()] += 1;
        classes[usize::from(p > 0.5)] += 1;
    }
    let (edges, reference) = (DECILES.to_vec(), feature.to_vec());
    MonitorConfig {
        window: WINDOW,
        min_sessions,
        session,
        features: Vec::from([FeatureWatch { name: "x".into(), edges, reference }]),
        score_reference: scores.to_vec(),
        class_reference: classes.to_vec(),
        positive_class: Some(1),
        ..plain
    }
}

/// A monitor, and the clock and names of its events.
pub struct Stream {
    pub live: Box<Live>,
    pub now: Timestamp,
    next: u64,
}

impl Stream {
    pub fn new(config: MonitorConfig, seed: u64) -> Self {
        let mut live = Live::new(config, seed).unwrap();
        live.tick(Timestamp::ZERO, |_| {});
        Self { live, now: Timestamp::ZERO, next: 0 }
    }

    /// One event, and the model's word on it.
    pub fn event(&mut self, x: f64, period: Duration) -> PredictionId {
        self.now = self.now + period;
        let features = [Feature { name: "x", value: FeatureValue::Number(x) }];
        self.live.frame(self.now, &Frame::features(self.now, &features));
        let p = model(x) as f32;
        let id = PredictionId(self.next);
        self.next += 1;
        let mask = self.live.mask();
        self.live.predicted(self.now, id, mask, &Value::Probabilities(Vec::from([1.0 - p, p])), None);
        id
    }

    pub fn label(&mut self, id: PredictionId, positive: bool) {
        let joined = self.live.label(self.now, id, Truth::Class(u32::from(positive)), (1.0, 0.1));
        assert!(matches!(joined, Labelled::Joined { .. }));
    }

    /// Ends the window.
    pub fn end(&mut self) {
        self.live.begin_session();
        self.now = self.now + WINDOW;
        assert!(self.live.tick(self.now, |_| {}));
    }

    pub fn verdict(&self, signal: Signal) -> Verdict {
        self.live.read(self.now, signal).verdict
    }

    /// Whether any test of drift in inputs or predictions raises an alarm.
    pub fn alarms(&self) -> bool {
        [Signal::Psi(0), Signal::PsiScores, Signal::PsiClasses]
            .iter()
            .any(|signal| self.verdict(*signal) >= Verdict::Warn)
    }
}

/// Share of `windows` windows of `sessions` events with an alarm, when inputs are moved by `shift`.
pub fn alarms(windows: u32, sessions: u32, shift: f64) -> f64 {
    let mut alarms = 0;
    for seed in 0..windows {
        let mut draws = Draws::new(u64::from(seed));
        let mut stream = Stream::new(config(&mut draws, Session::Event, 50), u64::from(seed));
        for _ in 0..sessions {
            stream.event(shift + draws.normal(), Duration::from_millis(100));
        }
        stream.end();
        assert_ne!(stream.verdict(Signal::Psi(0)), Verdict::InsufficientData);
        alarms += u32::from(stream.alarms());
    }
    f64::from(alarms) / f64::from(windows)
}

/// The same for a stream in which each frame is like the one before: AR(1) with `phi`, a frame every 100 ms.
pub fn correlated(windows: u32, sessions: u32, frames: u32, phi: f64, session: Session) -> f64 {
    alike(windows, sessions, frames, phi, session, 0.0)
}

/// The same for such a stream that is moved by `shift`.
pub fn alike(windows: u32, sessions: u32, frames: u32, phi: f64, session: Session, shift: f64) -> f64 {
    let mut alarms = 0;
    for seed in 0..windows {
        let mut draws = Draws::new(u64::from(seed));
        let mut stream = Stream::new(config(&mut draws, session, 50), u64::from(seed));
        let mut x = draws.normal();
        for _ in 0..sessions * frames {
            x = phi * x + (1.0 - phi * phi).sqrt() * draws.normal();
            stream.event(shift + x, Duration::from_millis(100));
        }
        stream.end();
        alarms += u32::from(stream.alarms());
    }
    f64::from(alarms) / f64::from(windows)
}

pub fn span(frames: u32) -> Session {
    Session::Span(Duration::from_millis(100) * frames)
}

/// How inputs and outcomes come about.
#[derive(Clone, Copy)]
pub struct World {
    /// How far the inputs have moved.
    pub shift: f64,
    /// The slope and offset of the log-odds of an outcome: 1.5 and −0.3 are what the model believes.
    pub slope: f64,
    pub offset: f64,
}

pub const AS_LEARNT: World = World { shift: 0.0, slope: 1.5, offset: -0.3 };

/// What the monitor says after a window.
pub struct Told {
    pub data: Verdict,
    pub prediction: Verdict,
    pub concept: Verdict,
    pub error: f64,
    pub estimated: f64,
}

pub fn watch(world: World, events: u32, seed: u64) -> Told {
    let mut draws = Draws::new(seed);
    let mut stream = Stream::new(config(&mut draws, Session::Event, 200), seed);
    for _ in 0..events {
        let x = world.shift + draws.normal();
        let id = stream.event(x, Duration::from_millis(500));
        let happens = draws.unit() < sigmoid(world.slope * x + world.offset);
        stream.label(id, happens);
    }
    stream.end();
    let read = |signal| stream.live.read(stream.now, signal);
    Told {
        data: read(Signal::Psi(0)).verdict,
        prediction: read(Signal::PsiScores).verdict.max(read(Signal::PsiClasses).verdict),
        concept: read(Signal::ConceptEvidence).verdict,
        error: read(Signal::ErrorRate).value,
        estimated: read(Signal::EstimatedError).value,
    }
}

/// Shares of `runs` windows in which each kind is called a drift, and the mean of error less estimated error.
pub fn shares(world: World, events: u32, runs: u64) -> ([f64; 3], f64) {
    let mut counts = [0_u32; 3];
    let mut off = 0.0;
    for seed in 0..runs {
        let told = watch(world, events, seed);
        for (count, verdict) in counts.iter_mut().zip([told.data, told.prediction, told.concept]) {
            *count += u32::from(verdict == Verdict::Drift);
        }
        off += (told.error - told.estimated) / runs as f64;
    }
    (counts.map(|n| f64::from(n) / runs as f64), off)
}
