//! Long random sessions with everything that can go wrong: nothing panics, the books balance, good frames are
//! taken again afterwards, and the same session twice gives the same bytes.
#![allow(missing_docs, clippy::unwrap_used)] // a test fails where it cannot go on

mod common;

use std::fmt::Write as _;

use common::{Dice, HEIGHT, KINDS, WIDTH, config, frame, ms, picture, value};
use inbetween_flow::{
    Answerer, Audio, Completion, DisplayMode, Engine, Environment, Frame, Image, Outcome, PixelFormat, Plan,
    Plane, Rect, RunFailure, Samples, Source, TicketId, Timestamp, Value, ValueKind,
};
use proptest::prelude::*;

/// What a session did, as text: compared byte for byte.
struct Session {
    engine: Engine,
    /// Answers are asked of it, not of the engine, when there is one.
    answerer: Option<Answerer>,
    kind: ValueKind,
    dice: Dice,
    now: u64,
    pictures: Vec<Vec<u8>>,
    running: Vec<TicketId>,
    log: String,
    plans: u64,
    refused: u64,
    tickets: u64,
    ended: u64,
}

impl Session {
    fn new(kind: ValueKind, mode: DisplayMode, seed: u64) -> Self {
        let mut config = config(kind);
        config.mode = mode;
        config.budget.max_in_flight = 2;
        config.scheduling.audit_rate = 0.05;
        config.rule = seed.is_multiple_of(2).then(|| value(kind, 1));
        Self {
            engine: Engine::new(config, seed).unwrap(),
            answerer: None,
            kind,
            dice: Dice::new(seed),
            now: 1_000,
            pictures: (0..8).map(|i| picture(10 + 4 * i, 20 + i)).collect(),
            running: Vec::new(),
            log: String::new(),
            plans: 0,
            refused: 0,
            tickets: 0,
            ended: 0,
        }
    }

    fn step(&mut self) {
        match self.dice.below(100) {
            0..45 => self.good_frame(),
            45..55 => self.bad_frame(),
            55..75 => self.complete(),
            75..95 => self.answer(),
            95 => self.environment(),
            96 => self.now = self.now.saturating_sub(self.dice.below(3_000)),
            97 => self.now += self.dice.below(5_000),
            98 => self.engine.handle_timeout(ms(self.now)),
            _ if self.dice.chance(4) => self.engine.reset(),
            _ => self.now += 1,
        }
        while let Some(event) = self.engine.poll_event() {
            if let inbetween_flow::Event::TicketExpired(id) = event {
                self.running.retain(|r| *r != id);
                self.ended += 1;
            }
            writeln!(self.log, "{event:?}").unwrap();
        }
        writeln!(self.log, "{:?}", self.engine.poll_timeout()).unwrap();
    }

    fn good_frame(&mut self) {
        self.now += 8 + self.dice.below(30);
        let captured = match self.dice.below(12) {
            0 => self.now + 50,
            1 => self.now.saturating_sub(200),
            2 => self.now.saturating_sub(5_000),
            _ => self.now.saturating_sub(3),
        };
        let picture = self.pictures[self.dice.below(8) as usize].clone();
        let plan = self.engine.handle_frame(ms(self.now), &frame(ms(captured), &picture)).unwrap();
        self.plans += 1;
        if let Plan::Run(ticket) = plan {
            self.tickets += 1;
            self.running.push(ticket.id);
        }
        writeln!(self.log, "{plan:?}").unwrap();
    }

    fn bad_frame(&mut self) {
        self.now += 5;
        let data = self.pictures[0].clone();
        let (w, h) = (WIDTH, HEIGHT);
        let plane = |len: usize, row_stride| Plane { data: &data[..len], row_stride };
        let image = match self.dice.below(7) {
            0 => Image::new(PixelFormat::Gray8, w, h, &[plane(100, 96)]),
            1 => Image::new(PixelFormat::Gray8, w, h, &[plane(data.len(), 5)]),
            2 => Image::new(PixelFormat::Nv12, w, h, &[plane(data.len(), 96)]),
            3 => Image::new(PixelFormat::Rgba8, u32::MAX, u32::MAX, &[plane(data.len(), usize::MAX)]),
            4 => Image::new(PixelFormat::Gray8, 0, 0, &[]),
            5 => common::image(&data).with_region(Rect::new(f32::NAN, 0.0, 1.0, 1.0)),
            _ => Image::new(PixelFormat::I420, w, h, &[plane(data.len(), 96), plane(1, 48)]),
        };
        let result = if self.dice.chance(5) {
            let audio = Audio { samples: Samples::F32(&[f32::NAN]), sample_rate: 0 };
            self.engine.handle_frame(ms(self.now), &Frame::audio(ms(self.now), audio))
        } else {
            self.engine.handle_frame(ms(self.now), &Frame::image(ms(self.now), image))
        };
        self.refused += 1;
        writeln!(self.log, "{}", result.unwrap_err()).unwrap();
    }

    fn complete(&mut self) {
        self.now += self.dice.below(20);
        let ticket = if self.running.is_empty() || self.dice.chance(8) {
            TicketId(self.dice.below(1 << 20) + (1 << 40))
        } else {
            let i = self.dice.below(self.running.len() as u64) as usize;
            self.ended += 1;
            self.running.swap_remove(i)
        };
        let n = self.dice.next() as u32;
        let outcome = match self.dice.below(10) {
            0 => Outcome::Failed(RunFailure::Panicked),
            1 => Outcome::Cancelled,
            2 => Outcome::Value(Value::Scalar(f32::NAN)),
            3 => Outcome::Value(Value::Vector(vec![f32::INFINITY; 3])),
            4 => Outcome::Value(Value::Probabilities(vec![0.9; 5])),
            _ => Outcome::Value(value(self.kind, n)),
        };
        let admission = self.engine.handle_completion(ms(self.now), Completion { ticket, outcome });
        // What the completion call expired is reported as an event and must not be counted twice.
        if admission == inbetween_flow::Admission::UnknownTicket && ticket.0 < 1 << 40 {
            self.ended -= 1;
        }
        writeln!(self.log, "{admission:?}").unwrap();
    }

    fn answer(&mut self) {
        let display = match self.dice.below(10) {
            0 => 0,
            1 => self.now + 100_000,
            2 => self.now.saturating_sub(700),
            _ => self.now + 16,
        };
        let max_age = self.engine.config().budget.max_age;
        let answer = match &mut self.answerer {
            Some(answerer) => {
                self.engine.update(answerer);
                answerer.answer_at(ms(display))
            }
            None => self.engine.answer_at(ms(display)),
        };
        assert_eq!(answer.value.is_none(), answer.source == Source::Unavailable);
        assert!(answer.value.iter().all(|v| v.fault().is_none() && v.kind() == self.kind), "{answer:?}");
        assert!(!answer.uncertainty.is_nan());
        let shown_as_result = !matches!(answer.source, Source::Rule | Source::Unavailable);
        assert!(!shown_as_result || answer.age <= max_age, "a stale value is dressed as fresh: {answer:?}");
        assert!(answer.within_tolerance != answer.degraded.is_some(), "{answer:?}");
        writeln!(self.log, "{answer:?}").unwrap();
        if let Some(answerer) = &mut self.answerer {
            self.engine.update(answerer); // it counts, and tells of rungs
        }
    }

    fn environment(&mut self) {
        let environment = Environment {
            thermal_headroom: [None, Some(0.2), Some(1.2), Some(f32::NAN)][self.dice.below(4) as usize],
            power_saving: self.dice.chance(2),
            display_period: Some(std::time::Duration::from_millis(self.dice.below(40))),
        };
        self.engine.handle_environment(ms(self.now), environment);
    }

    /// After the chaos: a cool device, good frames and good results. The engine must serve again.
    fn recover(&mut self) {
        let cool = Environment { thermal_headroom: Some(0.2), power_saving: false, display_period: None };
        self.engine.handle_environment(ms(self.now), cool);
        // Longer than the longest pause of the breaker.
        for i in 0..1_200_u64 {
            self.now += 33;
            let picture = self.pictures[(i / 2 % 8) as usize].clone();
            let plan = self.engine.handle_frame(ms(self.now), &frame(ms(self.now - 2), &picture)).unwrap();
            self.plans += 1;
            if let Plan::Run(ticket) = plan {
                self.now += 10;
                let outcome = Outcome::Value(value(self.kind, 3));
                self.engine.handle_completion(ms(self.now), Completion { ticket: ticket.id, outcome });
            }
            let answer = self.engine.answer_at(ms(self.now + 16));
            if i > 50 && !matches!(answer.source, Source::Rule | Source::Unavailable) {
                return;
            }
        }
        panic!("the engine did not recover");
    }
}

fn play(kind: ValueKind, mode: DisplayMode, seed: u64, steps: usize) -> Session {
    let mut session = Session::new(kind, mode, seed);
    for _ in 0..steps {
        session.step();
    }
    session
}

const MODES: [DisplayMode; 2] =
    [DisplayMode::Predict, DisplayMode::Delayed(std::time::Duration::from_millis(120))];

#[test]
fn the_same_session_twice_gives_the_same_bytes() {
    for (i, kind) in KINDS.into_iter().enumerate() {
        let (mode, seed) = (MODES[i % 2], i as u64);
        let (a, b) = (play(kind, mode, seed, 5_000), play(kind, mode, seed, 5_000));
        assert!(a.log == b.log, "{kind:?}");
        assert!(a.log.len() > 200_000, "the session did little: {} bytes", a.log.len());
        let other = play(kind, mode, seed + 100, 5_000);
        assert!(a.log != other.log, "the log does not depend on the session");
    }
}

#[test]
fn an_answerer_says_what_its_engine_says_and_is_counted() {
    for (i, kind) in KINDS.into_iter().enumerate() {
        for mode in MODES {
            let seed = i as u64;
            let asked = play(kind, mode, seed, 2_000);
            let mut session = Session::new(kind, mode, seed);
            session.answerer = Some(session.engine.answerer());
            (0..2_000).for_each(|_| session.step());
            assert!(asked.log == session.log, "{kind:?} {mode:?}");
            let counts = |s: &Session| format!("{:?}", s.engine.monitor());
            assert_eq!(counts(&asked), counts(&session), "{kind:?} {mode:?}");
        }
    }
}

#[test]
fn another_seed_moves_only_the_audits() {
    let plans = |seed| {
        let mut config = config(ValueKind::Scalar);
        config.scheduling.audit_rate = 0.2;
        let mut engine = Engine::new(config, seed).unwrap();
        let still = picture(20, 20);
        let mut runs = Vec::new();
        for i in 0..600_u64 {
            let now = ms(1_000 + 33 * i);
            if let Plan::Run(t) = engine.handle_frame(now, &frame(now, &still)).unwrap() {
                runs.push((i, t.reason));
                let outcome = Outcome::Value(Value::Scalar(1.0));
                engine.handle_completion(now, Completion { ticket: t.id, outcome });
            }
        }
        runs
    };
    assert_eq!(plans(1), plans(1));
    assert_ne!(plans(1), plans(2));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_the_books_balance_and_good_frames_are_taken_again(
        seed in any::<u64>(), kind in 0..KINDS.len(), mode in 0..2_usize, steps in 50..600_usize,
    ) {
        let mut session = play(KINDS[kind], MODES[mode], seed, steps);
        {
            let monitor = session.engine.monitor();
            prop_assert_eq!(monitor.frames, session.plans + session.refused);
            prop_assert_eq!(monitor.rejected, session.refused);
            prop_assert_eq!(monitor.runs.total() + monitor.skips.total(), session.plans);
            let cached = monitor.skips_for(inbetween_flow::SkipReason::CacheHit);
            prop_assert!(monitor.runs.total() == session.tickets, "cached: {}", cached);
        }
        prop_assert_eq!(session.tickets, session.ended + session.running.len() as u64);
        session.recover();
    }
}

#[test]
fn times_at_the_ends_of_the_clock_do_no_harm() {
    let mut engine = Engine::new(config(ValueKind::Boxes), 1).unwrap();
    let still = picture(20, 20);
    for t in [0, u64::MAX, 5, u64::MAX - 1, 0, 1] {
        let t = Timestamp::from_nanos(t);
        let _ = engine.handle_frame(t, &frame(t, &still)).unwrap();
        engine.answer_at(t);
        engine.handle_timeout(t);
    }
    let mut ran = 0;
    for i in 0..100 {
        let t = ms(50 + 33 * i);
        ran += u32::from(matches!(engine.handle_frame(t, &frame(t, &still)).unwrap(), Plan::Run(_)));
    }
    assert!(ran > 0, "the engine is stuck");
}
