//! A session with made-up pictures and made-up results: a textured square that moves to and fro.
//! **Invariant:** it is the same each time; a result comes two frames after its run was asked for.
//! It does not run a model: the engine cannot tell.

use std::{collections::VecDeque, time::Duration};

use inbetween_flow::{
    Budget, Completion, Config, Detection, DisplayMode, Engine, Frame, Image, InputContract, Outcome,
    PixelFormat, Plan, Point, Rect, Scheduling, TicketId, Timestamp, Tolerance, Value, ValueKind,
};

const WIDTH: u32 = 320;
const HEIGHT: u32 = 180;
/// Side of the square, in pixels.
const SIDE: f32 = 48.0;
/// 30 frames and 60 refreshes a second.
const FRAME: Duration = Duration::from_nanos(33_333_333);
const REFRESH: Duration = Duration::from_nanos(16_666_667);
/// Frames from a run to its result.
const LATENCY: u32 = 2;

/// One engine and what feeds it.
pub struct Session {
    engine: Engine,
    now: Timestamp,
    frame: u32,
    pixels: Vec<u8>,
    pending: VecDeque<(u32, TicketId, Rect)>,
    runs: u32,
    skips: u32,
    answers: u32,
}

impl Session {
    /// Before the first frame; `None` when the engine refuses the configuration.
    pub fn new() -> Option<Self> {
        let config = Config {
            input: InputContract::Image { formats: vec![PixelFormat::Gray8], min_side: 16, max_side: 4096 },
            output: ValueKind::Boxes,
            tolerance: Tolerance { epsilon: 4.0, miss_rate: 0.05, grace: Duration::from_millis(150) },
            budget: Budget {
                deadline: Duration::from_millis(400),
                max_age: Duration::from_secs(2),
                duty: 1.0,
                energy_mj_per_s: None,
                energy_mj_per_run: 0.0,
                max_in_flight: 2,
            },
            mode: DisplayMode::Predict,
            display_period: REFRESH,
            rule: None,
            model_version: 1,
            variants: Vec::new(),
            input_version: 0,
            scheduling: Scheduling::default(),
            decide: None,
            monitoring: None,
        };
        Some(Self {
            engine: Engine::new(config, 7).ok()?,
            now: Timestamp::from_millis(1),
            frame: 0,
            pixels: vec![0; (WIDTH * HEIGHT) as usize],
            pending: VecDeque::with_capacity(8),
            runs: 0,
            skips: 0,
            answers: 0,
        })
    }

    /// Handles `frames` frames and twice as many refreshes.
    pub fn run(&mut self, frames: u32) {
        (self.runs, self.skips, self.answers) = (0, 0, 0);
        for _ in 0..frames {
            self.step();
        }
    }

    /// Whether the last `run` made the engine run, skip and answer.
    pub fn did_everything(&self) -> bool {
        self.runs > 0 && self.skips > 0 && self.answers > 0
    }

    fn step(&mut self) {
        let square = self.draw();
        while let Some((due, ticket, bounds)) = self.pending.front().copied()
            && due <= self.frame
        {
            self.pending.pop_front();
            let found = Detection { bounds, score: 0.9, class: 0, identity: None };
            let outcome = Outcome::Value(Value::Boxes(vec![found]));
            self.engine.handle_completion(self.now, Completion { ticket, outcome });
        }
        let image = Image::packed(PixelFormat::Gray8, WIDTH, HEIGHT, &self.pixels);
        match self.engine.handle_frame(self.now, &Frame::image(self.now, image)) {
            Ok(Plan::Run(ticket)) => {
                self.runs += 1;
                self.pending.push_back((self.frame + LATENCY, ticket.id, square));
            }
            Ok(Plan::Skip(_)) => self.skips += 1,
            Err(_) => {}
        }
        for display in [self.now, self.now + REFRESH] {
            self.answers += u32::from(self.engine.answer_at(display).value.is_some());
        }
        while let Some((at, _)) = self.engine.poll_timeout()
            && at <= self.now
        {
            self.engine.handle_timeout(self.now);
        }
        while self.engine.poll_event().is_some() {}
        self.now = self.now + FRAME;
        self.frame += 1;
    }

    /// Draws the frame and says where the square is.
    fn draw(&mut self) -> Rect {
        // To and fro in 4 s, with a jump every 10 s, so that runs stay necessary.
        let phase = (self.frame % 120) as f32 / 120.0;
        let swing = (phase - 0.5).abs() * 2.0;
        let jump = if (self.frame / 300).is_multiple_of(2) { 0.0 } else { 50.0 };
        let left = 20.0 + swing * 150.0;
        let top = 30.0 + jump;
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let (dx, dy) = (x as f32 - left, y as f32 - top);
                let inside = (0.0..SIDE).contains(&dx) && (0.0..SIDE).contains(&dy);
                let texture =
                    if inside { hash(dx as u32 / 4, dy as u32 / 4) } else { hash(x / 8, y / 8) / 4 };
                // Sensor noise: no two frames are the same, so the result cache does not answer for the model.
                let noise = hash(x ^ self.frame.wrapping_mul(0x27D4_EB2F), y) & 3;
                self.pixels[(y * WIDTH + x) as usize] = texture.saturating_add(noise);
            }
        }
        Rect::from_center(Point::new(left + SIDE / 2.0, top + SIDE / 2.0), SIDE, SIDE)
    }
}

/// A fixed noise texture.
fn hash(x: u32, y: u32) -> u8 {
    let mixed = (x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77)).wrapping_mul(0xC2B2_AE3D);
    (mixed >> 24) as u8
}
