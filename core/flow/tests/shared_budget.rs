//! Several engines on one budget: shares, limits, and what gives way first.
//! **Invariant:** everything is in virtual time; the host here is one loop with one worker.
//! It does not look into the budget: it counts runs as a host would.
#![allow(missing_docs, clippy::unwrap_used)] // a test fails where it cannot go on

mod common;

use core::time::Duration;

use common::picture;
use inbetween_flow::{
    Audio, Completion, Config, Degraded, Engine, Environment, Frame, Image, InputContract, Member, Outcome,
    PixelFormat, Plan, RunReason, Samples, SharedBudget, SharedLimits, SkipReason, TicketId, Timestamp,
    Value, ValueKind,
};

fn at(us: u64) -> Timestamp {
    Timestamp::from_nanos(us * 1_000)
}

/// One model on one stream, with what its runs take.
struct Stream {
    engine: Engine,
    member: Member,
    period_us: u64,
    takes_us: u64,
    /// When the next frame comes.
    next_us: u64,
    flight: Option<(u64, TicketId, u64)>,
    runs: u64,
    audits: u64,
    busy_us: u64,
    put_off: u64,
    longest_wait_us: u64,
    asked_us: Option<u64>,
    degraded: Vec<Degraded>,
    refreshes: u64,
    within: u64,
    unavailable: u64,
    n: u64,
}

impl Stream {
    fn new(config: Config, member: Member, fps: u64, takes_us: u64) -> Self {
        Self {
            engine: Engine::new(config, fps).unwrap(),
            member,
            period_us: 1_000_000 / fps,
            takes_us,
            next_us: 1_000 * fps,
            flight: None,
            runs: 0,
            audits: 0,
            busy_us: 0,
            put_off: 0,
            longest_wait_us: 0,
            asked_us: None,
            degraded: Vec::new(),
            refreshes: 0,
            within: 0,
            unavailable: 0,
            n: 0,
        }
    }

    fn complete(&mut self, budget: &mut SharedBudget, until_us: u64) {
        let Some((ends, ticket, _)) = self.flight.take_if(|f| f.0 <= until_us) else { return };
        let value = match self.engine.config().output {
            // What jumps about cannot be carried far.
            ValueKind::Scalar => Value::Scalar((ends / 70_000 * 7_919 % 23) as f32),
            _ => common::square(30.0 + (ends / 90_000 * 7_919 % 11) as f32, 20.0),
        };
        let completion = Completion { ticket, outcome: Outcome::Value(value) };
        self.engine.handle_completion_shared(at(ends), completion, &mut budget.share(self.member));
    }

    fn frame(&mut self, budget: &mut SharedBudget) {
        let now = self.next_us;
        self.next_us += self.period_us;
        self.n += 1;
        let samples = [self.n as i16; 160];
        let pixels = picture(10 + (now / 40_000 % 30) as u32, 20);
        let frame = match self.engine.config().input {
            InputContract::Audio { .. } => {
                Frame::audio(at(now), Audio { samples: Samples::I16(&samples), sample_rate: 16_000 })
            }
            _ => Frame::image(at(now), Image::packed(PixelFormat::Gray8, 96, 64, &pixels)),
        };
        let plan = self.engine.handle_frame_shared(at(now), &frame, &mut budget.share(self.member)).unwrap();
        match plan {
            Plan::Run(ticket) => {
                self.flight = Some((now + self.takes_us, ticket.id, now));
                self.runs += 1;
                self.audits += u64::from(ticket.reason == RunReason::Audit);
                self.busy_us += self.takes_us;
                let asked = self.asked_us.take().unwrap_or(now);
                self.longest_wait_us = self.longest_wait_us.max(now - asked);
            }
            Plan::Skip(SkipReason::Shared | SkipReason::Budget | SkipReason::Heat | SkipReason::Energy) => {
                self.put_off += 1;
                self.asked_us.get_or_insert(now);
            }
            Plan::Skip(_) => self.asked_us = None,
        }
        let answer = self.engine.answer_at(at(now));
        self.refreshes += 1;
        self.within += u64::from(answer.within_tolerance);
        self.unavailable += u64::from(answer.value.is_none());
        if let Some(why) = answer.degraded
            && !self.degraded.contains(&why)
        {
            self.degraded.push(why);
        }
    }

    fn forget(&mut self) {
        (self.runs, self.audits, self.busy_us, self.put_off, self.longest_wait_us) = (0, 0, 0, 0, 0);
        (self.refreshes, self.within, self.unavailable) = (0, 0, 0);
        self.degraded.clear();
    }
}

/// Plays all streams up to `until_us`, in order of time. The most runs that were under way at a time.
fn play(streams: &mut [Stream], budget: &mut SharedBudget, until_us: u64) -> usize {
    let mut most = 0;
    loop {
        let at_once = streams.iter().filter(|s| s.flight.is_some()).count();
        most = most.max(at_once);
        let due = |s: &Stream| s.next_us.min(s.flight.map_or(u64::MAX, |f| f.0));
        let first = (0..streams.len()).min_by_key(|i| due(&streams[*i])).unwrap();
        let now = due(&streams[first]);
        if now >= until_us {
            return most;
        }
        let s = &mut streams[first];
        if s.flight.is_some_and(|f| f.0 <= now) {
            s.complete(budget, now);
        } else {
            s.frame(budget);
        }
    }
}

/// Two cameras and a microphone; all want more than there is.
fn three(budget: &mut SharedBudget) -> Vec<Stream> {
    let boxes = |age_ms| {
        let mut config = Config::for_images(ValueKind::Boxes, 2.0);
        config.scheduling.reuse_bytes = 0;
        config.scheduling.cache_bytes = 0;
        config.scheduling.audit_rate = 0.05;
        // What moves between key frames is not followed: each of them is wanted.
        config.scheduling.follow_pixels = false;
        config.budget.max_age = Duration::from_millis(age_ms);
        config.budget.energy_mj_per_run = 40.0;
        config
    };
    let mut audio = boxes(2_000);
    audio.input = InputContract::Audio { sample_rate: 16_000, block: 160 };
    audio.output = ValueKind::Scalar;
    audio.tolerance.epsilon = 0.5;
    audio.budget.energy_mj_per_run = 10.0;
    let (face, hands, sound) = (budget.join(2.0), budget.join(1.0), budget.join(1.0));
    vec![
        Stream::new(boxes(2_000), face, 30, 25_000),
        Stream::new(boxes(2_000), hands, 60, 35_000),
        Stream::new(audio, sound, 100, 8_000),
    ]
}

#[test]
fn three_engines_on_one_worker_share_it_and_none_starves() {
    let limits = SharedLimits { duty: 0.4, energy_mj_per_s: None, runs_at_a_time: 1 };
    let mut budget = SharedBudget::new(limits).unwrap();
    let mut streams = three(&mut budget);
    let most = play(&mut streams, &mut budget, 5_000_000);
    streams.iter_mut().for_each(Stream::forget);
    let most = most.max(play(&mut streams, &mut budget, 125_000_000));
    assert_eq!(most, 1, "there is one worker");
    let busy: u64 = streams.iter().map(|s| s.busy_us).sum();
    let duty = busy as f64 / 120e6;
    assert!((0.37..=0.407).contains(&duty), "the duty is {duty}");
    let shares: Vec<f64> = streams.iter().map(|s| s.busy_us as f64 / busy as f64).collect();
    for (share, fair) in shares.iter().zip([0.5, 0.25, 0.25]) {
        assert!((share - fair).abs() < 0.04, "shares {shares:?}");
    }
    for s in &streams {
        assert!(s.longest_wait_us < 1_000_000, "an engine waited {} µs", s.longest_wait_us);
        assert!(s.put_off > 0 && s.within < s.refreshes, "the budget bound and nobody said so");
        let says = |d: &Degraded| matches!(d, Degraded::Shared | Degraded::Budget);
        assert!(s.degraded.iter().any(says), "{:?}", s.degraded);
    }
}

#[test]
fn energy_binds_over_all_engines() {
    let limits = SharedLimits { duty: 1.0, energy_mj_per_s: Some(100.0), runs_at_a_time: 1 };
    let mut budget = SharedBudget::new(limits).unwrap();
    let mut streams = three(&mut budget);
    play(&mut streams, &mut budget, 100_000_000);
    let spent = streams[0].runs * 40 + streams[1].runs * 40 + streams[2].runs * 10;
    assert!((9_000..=10_300).contains(&spent), "{spent} mJ in 100 s");
    assert!(streams.iter().any(|s| s.degraded.contains(&Degraded::Energy)));
}

#[test]
fn when_it_gets_hot_checks_go_first_then_quality_and_answers_stay() {
    let limits = SharedLimits { duty: 0.8, energy_mj_per_s: None, runs_at_a_time: 1 };
    let mut budget = SharedBudget::new(limits).unwrap();
    let mut streams = three(&mut budget);
    let mut end = 5_000_000;
    play(&mut streams, &mut budget, end);
    let mut seen = Vec::new();
    for headroom in [0.5, 0.9, 1.2] {
        let environment = Environment { thermal_headroom: Some(headroom), ..Environment::default() };
        budget.handle_environment(at(end), &environment);
        play(&mut streams, &mut budget, end + 3_000_000);
        streams.iter_mut().for_each(Stream::forget);
        end += 43_000_000;
        play(&mut streams, &mut budget, end);
        let busy: u64 = streams.iter().map(|s| s.busy_us).sum();
        let scale = if headroom < 0.85 {
            1.0
        } else if headroom < 1.0 {
            0.5
        } else {
            0.25
        };
        let duty = busy as f64 / 40e6;
        assert!(duty <= 0.8 * scale + 0.01, "duty {duty} at headroom {headroom}");
        for s in &streams {
            assert_eq!(s.unavailable, 0, "an answer was lost at headroom {headroom}");
            if headroom >= 0.85 {
                assert!(s.degraded.contains(&Degraded::Heat), "{:?}", s.degraded);
            }
        }
        seen.push((duty, streams.iter().map(|s| (s.audits, s.runs, s.within)).collect::<Vec<_>>()));
    }
    // Each of the three does less and promises less the hotter it gets; hot, nothing is spent on checks.
    for i in 0..3 {
        let of = |k: usize| seen[k].1[i];
        assert!(of(1).0 == 0 && of(2).0 == 0, "checks while others wait: {seen:?}");
        assert!(of(0).1 > of(1).1 && of(1).1 > of(2).1, "runs of stream {i}: {seen:?}");
        assert!(of(0).2 >= of(2).2, "promises of stream {i}: {seen:?}");
    }
}
