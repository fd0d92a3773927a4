//! Recorded frames through the engine, the baseline and each rung of the ladder, in virtual time.
//! **Invariant:** every method sees the same frames, results and run times, and is judged by the simulator's scorer.
//! It does not run a model: what it said was recorded.

use std::time::Duration;

use anyhow::{Context as _, bail};
use inbetween::{
    Card, Completion, Config, Detection, Event, Frame, Image, Outcome, PixelFormat, TicketId, Timestamp,
    Value, ValueKind, config,
};
use inbetween_flow::{Engine, InputContract, Plan};
use inbetween_sim::{
    Policy, RunCost, SceneSpec, Shown,
    policy::{self, reason_of_run, reason_of_skip, shown},
};

use super::{
    method::{Kind, Method, Piece},
    record::{BoxLine, FrameLine},
};
use crate::{
    baselines,
    model::{promise, stand_in},
    run::{
        lane::{BaselinePlayer, Lane, Player, Shot, Started},
        log::Log,
        truth::{EveryFrame, judge},
    },
};

/// One session, ready to be replayed.
struct Tape<'a> {
    size: (u32, u32),
    frames: &'a [(FrameLine, Vec<u8>)],
    said: Vec<Vec<Detection>>,
    truth: EveryFrame,
    spec: SceneSpec,
    period: Duration,
}

/// A session's size and frames.
pub type Frames<'a> = ((u32, u32), &'a [(FrameLine, Vec<u8>)]);

/// All methods on all sessions.
///
/// # Errors
/// When a card's model gives no boxes, or refuses the frames.
pub fn methods(
    card: &Card,
    against: Option<&Card>,
    sessions: &[Frames<'_>],
    seed: u64,
) -> anyhow::Result<Vec<Method>> {
    let mut methods: Vec<Method> = Vec::new();
    for (n, (size, frames)) in sessions.iter().enumerate() {
        let tape = Tape::new(card, *size, frames, n)?;
        let mut add = |name: &str, kind: Kind, log: &Log| {
            let known = methods.iter().position(|m| m.name == name && m.kind == kind);
            let at = known.unwrap_or_else(|| {
                methods.push(Method { name: name.into(), kind, sessions: Vec::new(), runs: 0 });
                methods.len() - 1
            });
            methods[at].sessions.push(tape.pieces(log));
            methods[at].runs += log.runs();
        };
        let own = contract(card, *size)?;
        let whole = tape.play(Recorded::new(&own, seed, None)?)?;
        add("the card", Kind::Card, &whole);
        if let Some(other) = against {
            add(
                "the other card",
                Kind::Against,
                &tape.play(Recorded::new(&contract(other, *size)?, seed, None)?)?,
            );
        }
        add("every Nth, held", Kind::Baseline, &tape.at_equal_runs(whole.runs())?);
        let every_frame = policy::by_name("every-frame", &tape.spec, seed)?;
        add("model", Kind::Rung, &tape.play(BaselinePlayer::new(every_frame))?);
        // Results as old as the card allows, and what the engine makes of them.
        add("predicted", Kind::Rung, &tape.play(Recorded::new(&own, seed, Some(own.budget.max_age))?)?);
        if let Some(Value::Boxes(rule)) = &own.rule {
            add("rule", Kind::Rung, &tape.play(Fixed(Some(rule.clone())))?);
        }
        add("unavailable", Kind::Rung, &tape.play(Fixed(None))?);
    }
    Ok(methods)
}

/// The configuration of a card, for recorded frames instead of the camera's.
fn contract(card: &Card, size: (u32, u32)) -> anyhow::Result<Config> {
    let mut config = config(card);
    if config.output != ValueKind::Boxes {
        bail!("the card's head gives {:?}: recorded frames hold boxes", config.output);
    }
    let (min_side, max_side) = (size.0.min(size.1), size.0.max(size.1));
    config.input = InputContract::Image { formats: vec![PixelFormat::Gray8], min_side, max_side };
    // What is recorded is what the model itself said.
    config.variants.clear();
    config.decide = None;
    config.monitoring = None;
    Ok(config)
}

impl<'a> Tape<'a> {
    fn new(
        card: &Card,
        size: (u32, u32),
        frames: &'a [(FrameLine, Vec<u8>)],
        n: usize,
    ) -> anyhow::Result<Self> {
        let name = format!("session {}", n + 1);
        let spec = stand_in(&name, size, card.display.hz, promise(card))?;
        let boxes = |lines: &[BoxLine]| lines.iter().map(|b| b.detection()).collect::<Vec<_>>();
        let mut truth = EveryFrame::default();
        let start = frames.first().map_or(0.0, |(f, _)| f.at_ms);
        for (frame, _) in frames {
            truth.push(time(frame, start), &boxes(frame.truth.as_ref().unwrap_or(&frame.said)));
        }
        let said = frames.iter().map(|(f, _)| boxes(&f.said)).collect();
        let period = Duration::from_secs_f64(1.0 / card.display.hz);
        Ok(Self { size, frames, said, truth, spec, period })
    }

    fn play(&self, player: impl Player) -> anyhow::Result<Log> {
        let mut lane = Lane::new(player, self.period);
        let start = self.frames.first().map_or(0.0, |(f, _)| f.at_ms);
        for (index, ((line, gray), found)) in (0..).zip(self.frames.iter().zip(&self.said)) {
            let captured = time(line, start);
            let image = Image::packed(PixelFormat::Gray8, self.size.0, self.size.1, gray);
            let (frame, latency) = (Some(Frame::image(captured, image)), Some(millis(line.took_ms)));
            lane.frame(&Shot { index, captured, frame, found, latency })?;
        }
        Ok(lane.finish(self.truth.end()))
    }

    /// Every Nth frame, held, at the largest N with at least as many runs.
    fn at_equal_runs(&self, runs: u64) -> anyhow::Result<Log> {
        let [(name, fillings), _] = baselines::at_equal_runs();
        let mut every = (self.frames.len() as u64).div_ceil(runs.max(1)).clamp(1, 10_000) as u32;
        loop {
            let policy: Box<dyn Policy> = baselines::policy(name, every, fillings[0], &self.spec);
            let log = self.play(BaselinePlayer::new(policy))?;
            if log.runs() >= runs || every == 1 {
                return Ok(log);
            }
            every -= 1;
        }
    }

    /// Violations, second by second.
    fn pieces(&self, log: &Log) -> Vec<Piece> {
        let report = judge("", None, log, &self.truth, &self.spec, &RunCost::default());
        let seconds = self.truth.end().as_secs_f64().ceil().max(1.0) as usize;
        let mut pieces = vec![Piece::default(); seconds];
        for refresh in &report.timeline.refreshes {
            let piece = &mut pieces[(refresh.display_s as usize).min(seconds - 1)];
            piece.of += 1.0;
            piece.lost += f64::from(u8::from(refresh.fault.is_some()));
        }
        pieces
    }
}

fn time(frame: &FrameLine, start: f64) -> Timestamp {
    Timestamp::ZERO + millis(frame.at_ms - start)
}

fn millis(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default()
}

/// The engine, with the recorded results.
struct Recorded {
    engine: Engine,
    boxes: Option<Vec<Detection>>,
    cancel: Vec<TicketId>,
    /// Runs start no closer together than this.
    apart: Option<Duration>,
    last: Option<Timestamp>,
}

impl Recorded {
    fn new(config: &Config, seed: u64, apart: Option<Duration>) -> anyhow::Result<Self> {
        let engine = Engine::new(config.clone(), seed)?;
        Ok(Self { engine, boxes: None, cancel: Vec::new(), apart, last: None })
    }

    fn drain(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            if let Event::Cancel(ticket) = event {
                self.cancel.push(ticket);
            }
        }
    }

    /// Whether a run at `now` comes too early, with a tenth to spare so that answers do not become too old.
    fn early(&self, now: Timestamp) -> bool {
        self.apart.zip(self.last).is_some_and(|(apart, last)| now.since(last) < apart.mul_f64(0.9))
    }
}

impl Player for Recorded {
    fn frame(
        &mut self,
        now: Timestamp,
        shot: &Shot<'_>,
        _busy: bool,
    ) -> anyhow::Result<(Option<Started>, &'static str)> {
        let frame = shot.frame.as_ref().context("the engine needs pixels")?;
        let plan = self.engine.handle_frame(now, frame);
        self.drain();
        let plan =
            plan.with_context(|| format!("the engine refused the frame at {:.3} s", now.as_secs_f64()))?;
        match plan {
            Plan::Skip(reason) => Ok((None, reason_of_skip(reason))),
            Plan::Run(ticket) if self.early(now) => {
                let ticket = ticket.id;
                self.engine.handle_completion(now, Completion { ticket, outcome: Outcome::Cancelled });
                Ok((None, "left out"))
            }
            Plan::Run(ticket) => {
                self.last = Some(now);
                let outcome = Outcome::Value(Value::Boxes(shot.found.to_vec()));
                let completion = Completion { ticket: ticket.id, outcome };
                let takes = shot.latency.unwrap_or_default();
                Ok((Some(Started::new(completion, takes)), reason_of_run(ticket.reason)))
            }
        }
    }

    fn complete(&mut self, now: Timestamp, completion: Completion) {
        self.engine.handle_completion(now, completion);
        self.drain();
    }

    fn answer(&mut self, display: Timestamp) -> Shown<'_> {
        let answer = self.engine.answer_at(display);
        self.boxes = match &answer.value {
            Some(Value::Boxes(boxes)) => Some(boxes.clone()),
            _ => None,
        };
        Shown { detections: self.boxes.as_deref(), ..shown(answer) }
    }

    fn cancelled(&mut self) -> Option<TicketId> {
        self.cancel.pop()
    }

    fn next_timeout(&self) -> Option<Timestamp> {
        self.engine.poll_timeout().map(|(at, _)| at)
    }

    fn timeout(&mut self, now: Timestamp) {
        self.engine.handle_timeout(now);
        self.drain();
    }

    fn cpu(&self) -> Duration {
        Duration::ZERO
    }
}

/// A rung that needs no model: the card's fixed boxes, or nothing.
struct Fixed(Option<Vec<Detection>>);

impl Player for Fixed {
    fn frame(
        &mut self,
        _now: Timestamp,
        _shot: &Shot<'_>,
        _busy: bool,
    ) -> anyhow::Result<(Option<Started>, &'static str)> {
        Ok((None, "no model"))
    }

    fn complete(&mut self, _now: Timestamp, _completion: Completion) {}

    fn answer(&mut self, _display: Timestamp) -> Shown<'_> {
        let source = if self.0.is_some() { "rule" } else { "unavailable" };
        let (key_frame, within_tolerance, uncertainty) = (None, false, 0.0);
        Shown { detections: self.0.as_deref(), key_frame, within_tolerance, uncertainty, source }
    }

    fn cpu(&self) -> Duration {
        Duration::ZERO
    }
}
