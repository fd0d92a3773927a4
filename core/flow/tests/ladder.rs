//! Every rung of the ladder and every reason to skip is reached, and left again.
#![allow(missing_docs, clippy::unwrap_used)] // a test fails where it cannot go on

mod common;

use std::time::Duration;

use common::{config, frame, ms, picture, square};
use inbetween_flow::{
    Admission, Completion, Config, ConfigError, Degraded, DisplayMode, Engine, Environment, Event, Outcome,
    Plan, RunFailure, RunReason, Rung, SkipReason, Source, Ticket, Timeout, Value, ValueFault, ValueKind,
};

struct Host {
    engine: Engine,
    now: u64,
    still: Vec<u8>,
}

impl Host {
    fn new(config: Config) -> Self {
        Self { engine: Engine::new(config, 1).unwrap(), now: 1_000, still: picture(20, 20) }
    }

    fn plan(&mut self) -> Plan {
        self.now += 33;
        self.engine.handle_frame(ms(self.now), &frame(ms(self.now - 1), &self.still)).unwrap()
    }

    fn run(&mut self) -> Ticket {
        match self.plan() {
            Plan::Run(ticket) => ticket,
            Plan::Skip(why) => panic!("skipped: {why:?}"),
        }
    }

    fn end(&mut self, ticket: Ticket, after_ms: u64, outcome: Outcome) -> Admission {
        self.now += after_ms;
        self.engine.handle_completion(ms(self.now), Completion { ticket: ticket.id, outcome })
    }

    fn source(&mut self) -> (Source, Option<Degraded>) {
        let answer = self.engine.answer_at(ms(self.now));
        (answer.source, answer.degraded)
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.engine.poll_event()).collect()
    }
}

fn good() -> Outcome {
    Outcome::Value(square(20.0, 20.0))
}

#[test]
fn answers_start_unavailable_and_end_by_age() {
    let mut host = Host::new(config(ValueKind::Boxes));
    assert_eq!(host.source(), (Source::Unavailable, Some(Degraded::WarmingUp)));
    let ticket = host.run();
    assert_eq!(ticket.reason, RunReason::First);
    assert_eq!(host.end(ticket, 10, good()), Admission::Admitted);
    assert_eq!(host.source(), (Source::Model, None));
    host.now += 1_900;
    assert!(matches!(host.source().0, Source::Predicted(_)));
    host.now += 200;
    assert_eq!(host.source(), (Source::Unavailable, Some(Degraded::TooOld)));
    assert!(host.events().contains(&Event::RungChanged(Rung::Unavailable)));
}

#[test]
fn the_rule_stands_in_where_the_card_has_one() {
    let mut with_rule = config(ValueKind::Scalar);
    with_rule.rule = Some(Value::Scalar(0.25));
    let mut host = Host::new(with_rule);
    let answer = host.engine.answer_at(ms(1_000));
    assert_eq!((answer.source, answer.value.clone()), (Source::Rule, Some(Value::Scalar(0.25))));
    assert!(!answer.within_tolerance);
    let ticket = host.run();
    host.end(ticket, 5, Outcome::Value(Value::Scalar(1.0)));
    assert_eq!(host.source().0, Source::Model);
    host.now += 3_000;
    host.engine.handle_timeout(ms(host.now));
    assert!(host.events().contains(&Event::RungChanged(Rung::Rule)));
    assert_eq!(host.source().0, Source::Rule);
}

#[test]
fn one_run_at_a_time_then_the_next_frame() {
    let mut host = Host::new(config(ValueKind::Boxes));
    let ticket = host.run();
    assert_eq!(host.plan(), Plan::Skip(SkipReason::InFlight));
    host.end(ticket, 1, good());
    assert_eq!(host.plan(), Plan::Skip(SkipReason::WithinTolerance));
    assert_eq!(host.end(ticket, 1, good()), Admission::UnknownTicket, "a ticket ends once");
}

#[test]
fn a_run_that_would_miss_its_deadline_is_not_started_but_tried_again_later() {
    let mut slow = config(ValueKind::Boxes);
    slow.budget.deadline = Duration::from_millis(50);
    slow.budget.max_age = Duration::from_millis(300);
    slow.scheduling.cache_bytes = 0;
    let mut host = Host::new(slow);
    let ticket = host.run();
    assert_eq!(host.end(ticket, 120, good()), Admission::Admitted);
    let plans: Vec<Plan> = (0..50).map(|_| host.plan()).collect();
    assert!(plans[10..].iter().all(|p| *p == Plan::Skip(SkipReason::Deadline)), "{plans:?}");
    assert_eq!(host.source(), (Source::Unavailable, Some(Degraded::TooOld)));
    // The phone has cooled down: one run in two seconds measures the latency again.
    let again = (0..100).map(|_| host.plan()).find_map(|p| if let Plan::Run(t) = p { Some(t) } else { None });
    assert_eq!(host.end(again.unwrap(), 10, good()), Admission::Admitted);
}

#[test]
fn the_duty_bounds_the_runs() {
    let mut tight = config(ValueKind::Boxes);
    tight.budget.duty = 0.02;
    tight.budget.max_age = Duration::from_millis(200);
    tight.scheduling.cache_bytes = 0;
    let mut host = Host::new(tight);
    let (mut ran, mut refused) = (0, 0);
    for _ in 0..1_000 {
        match host.plan() {
            Plan::Run(ticket) => {
                ran += 1;
                host.end(ticket, 20, good());
            }
            Plan::Skip(SkipReason::Budget) => refused += 1,
            Plan::Skip(_) => {}
        }
    }
    let share = f64::from(ran) * 0.020 / (host.now - 1_000) as f64 * 1e3;
    assert!(share < 0.022 && ran > 20, "{ran} runs: duty {share}");
    assert!(refused > 0);
}

#[test]
fn failures_open_the_breaker_and_a_probe_closes_it() {
    let mut host = Host::new(config(ValueKind::Boxes));
    for outcome in [
        Outcome::Failed(RunFailure::Panicked),
        Outcome::Value(Value::Scalar(1.0)),
        Outcome::Value(Value::Boxes(vec![inbetween_flow::Detection {
            score: f32::NAN,
            ..inbetween_flow::Detection::default()
        }])),
    ] {
        let ticket = host.run();
        assert!(matches!(host.end(ticket, 5, outcome), Admission::Failed(_)));
    }
    let refused = RunFailure::Refused(ValueFault::OutOfRange);
    assert!(host.events().contains(&Event::BreakerOpened(refused)));
    assert_eq!(host.plan(), Plan::Skip(SkipReason::ModelFailing));
    assert_eq!(host.source(), (Source::Unavailable, Some(Degraded::ModelFailing)));
    let (at, why) = host.engine.poll_timeout().unwrap();
    assert_eq!(why, Timeout::Probe);
    host.now = at.as_nanos() / 1_000_000;
    let probe = host.run();
    assert_eq!(probe.reason, RunReason::Probe);
    assert_eq!(host.plan(), Plan::Skip(SkipReason::ModelFailing), "one probe at a time");
    assert_eq!(host.end(probe, 5, good()), Admission::Admitted);
    assert!(host.events().contains(&Event::BreakerClosed));
    assert_eq!(host.plan(), Plan::Skip(SkipReason::WithinTolerance));
}

#[test]
fn a_run_that_never_ends_expires_and_frees_its_place() {
    let mut host = Host::new(config(ValueKind::Boxes));
    let ticket = host.run();
    let (at, why) = host.engine.poll_timeout().unwrap();
    assert_eq!(why, Timeout::Ticket(ticket.id));
    host.now = at.as_nanos() / 1_000_000 + 1;
    host.engine.handle_timeout(ms(host.now));
    assert_eq!(host.events(), [Event::TicketExpired(ticket.id)]);
    assert_eq!(host.end(ticket, 1, good()), Admission::UnknownTicket);
    // It took longer than the deadline: the next one is tried two seconds later.
    assert!((0..70).any(|_| matches!(host.plan(), Plan::Run(_))));
}

#[test]
fn the_same_bytes_are_answered_from_the_cache() {
    let mut host = Host::new(config(ValueKind::Boxes));
    let ticket = host.run();
    host.end(ticket, 10, good());
    let mut hits = 0;
    for _ in 0..300 {
        match host.plan() {
            Plan::Skip(SkipReason::CacheHit) => {
                hits += 1;
                assert_eq!(host.source().0, Source::Cached);
            }
            Plan::Skip(_) => {}
            // Audits ask the model all the same.
            Plan::Run(t) => {
                assert_eq!(t.reason, RunReason::Audit);
                host.end(t, 10, good());
            }
        }
    }
    assert!(hits >= 3, "a still picture over ten seconds at a maximum age of two: {hits} hits");
    assert_ne!(host.source().0, Source::Unavailable);
}

#[test]
fn a_model_that_is_slower_than_guessed_is_learnt_not_given_up() {
    let mut slow = config(ValueKind::Boxes);
    slow.budget.deadline = Duration::from_millis(900);
    slow.budget.max_age = Duration::from_secs(4);
    slow.scheduling.initial_latency = Duration::from_millis(5);
    slow.scheduling.cache_bytes = 0;
    let mut host = Host::new(slow);
    let (mut admitted, mut running) = (0, None);
    while host.now < 60_000 {
        if let Plan::Run(ticket) = host.plan() {
            running = Some((host.now + 850, ticket));
        }
        if let Some((_, ticket)) = running.take_if(|(at, _)| *at <= host.now) {
            admitted += u32::from(host.end(ticket, 0, good()) == Admission::Admitted);
        }
    }
    assert!(admitted > 10, "{admitted} results in a minute: {:?}", host.engine.monitor());
}

#[test]
fn a_still_picture_is_answered_without_a_gap() {
    let mut still = config(ValueKind::Boxes);
    still.budget.max_age = Duration::from_millis(700);
    still.scheduling.cache_bytes = 0;
    let mut host = Host::new(still);
    let (mut unavailable, mut running) = (0, None);
    for i in 0..3_000 {
        // Ten frames and a hundred refreshes a second.
        host.now += 10;
        if i % 10 == 0 {
            let now = ms(host.now);
            if let Plan::Run(t) = host.engine.handle_frame(now, &frame(now, &host.still)).unwrap() {
                running = Some((host.now + 30, t));
            }
        }
        if let Some((_, ticket)) = running.take_if(|(at, _)| *at <= host.now) {
            host.end(ticket, 0, good());
        }
        unavailable += u32::from(i > 10 && host.source().0 == Source::Unavailable);
    }
    assert_eq!(unavailable, 0);
}

#[test]
fn after_a_change_of_picture_the_first_result_is_admitted() {
    let mut two = config(ValueKind::Boxes);
    two.budget.max_in_flight = 3;
    two.scheduling.cache_bytes = 0;
    two.scheduling.audit_rate = 0.0;
    let mut host = Host::new(two);
    let ticket = host.run();
    host.end(ticket, 10, good());
    assert_eq!(host.plan(), Plan::Skip(SkipReason::WithinTolerance));
    // Another picture altogether: stripes.
    host.still = (0..host.still.len()).map(|i| if (i / 7) % 2 == 0 { 20 } else { 230 }).collect();
    let runs: Vec<Ticket> =
        (0..3).filter_map(|_| if let Plan::Run(t) = host.plan() { Some(t) } else { None }).collect();
    assert!(!runs.is_empty());
    // Those that were asked for later do not make the first result useless.
    assert_eq!(host.end(runs[0], 1, good()), Admission::Admitted);
    assert_eq!(host.source().0, Source::Predicted(inbetween_flow::Carry::Hold));
}

#[test]
fn heat_and_power_saving_lower_the_duty() {
    let runs = |environment: Environment| {
        let mut busy = config(ValueKind::Scalar);
        busy.budget.duty = 0.4;
        busy.budget.max_age = Duration::from_millis(60);
        busy.budget.deadline = Duration::from_millis(60);
        busy.scheduling.cache_bytes = 0;
        let mut host = Host::new(busy);
        host.engine.handle_environment(ms(host.now), environment);
        let mut ran = 0;
        while host.now < 60_000 {
            if let Plan::Run(t) = host.plan() {
                ran += 1;
                host.end(t, 20, Outcome::Value(Value::Scalar(1.0)));
            }
        }
        ran
    };
    let cool = runs(Environment::default());
    let hot = runs(Environment { thermal_headroom: Some(1.0), ..Environment::default() });
    let saving = runs(Environment { power_saving: true, ..Environment::default() });
    assert!(cool > saving && saving > hot, "{cool} {saving} {hot}");
}

#[test]
fn delayed_display_answers_between_two_results() {
    let mut delayed = config(ValueKind::Scalar);
    delayed.mode = DisplayMode::Delayed(Duration::from_millis(400));
    delayed.budget.max_age = Duration::from_millis(500);
    delayed.scheduling.cache_bytes = 0;
    let mut host = Host::new(delayed);
    let mut interpolated = 0;
    for _ in 0..200 {
        if let Plan::Run(t) = host.plan() {
            let level = t.captured.as_secs_f64() as f32;
            host.end(t, 10, Outcome::Value(Value::Scalar(level)));
        }
        let now = host.now;
        let answer = host.engine.answer_at(ms(now));
        if answer.source == Source::Interpolated {
            interpolated += 1;
            let Some(Value::Scalar(x)) = answer.value else { panic!("{answer:?}") };
            let truth = (now - 400) as f32 / 1e3;
            // The first half second has two or three results to go by.
            assert!(now < 1_900 || (x - truth).abs() < 0.02, "{x} for {truth}");
        }
    }
    assert!(interpolated > 100, "{interpolated}");
}

#[test]
fn every_bad_configuration_names_its_field() {
    type Spoil = fn(&mut Config);
    let spoil: [(&str, Spoil); 9] = [
        ("tolerance.epsilon", |c| c.tolerance.epsilon = f32::NAN),
        ("tolerance.miss_rate", |c| c.tolerance.miss_rate = 0.0),
        ("budget.max_age", |c| c.budget.max_age = Duration::ZERO),
        ("budget.deadline", |c| c.budget.deadline = Duration::from_mins(1)),
        ("budget.duty", |c| c.budget.duty = 1.5),
        ("budget.max_in_flight", |c| c.budget.max_in_flight = 0),
        ("scheduling.audit_rate", |c| c.scheduling.audit_rate = -0.1),
        ("rule", |c| c.rule = Some(Value::Scalar(1.0))),
        ("mode.delay", |c| c.mode = DisplayMode::Delayed(Duration::from_mins(1))),
    ];
    for (field, spoil) in spoil {
        let mut bad = config(ValueKind::Boxes);
        spoil(&mut bad);
        let error: ConfigError = Engine::new(bad, 0).unwrap_err();
        assert_eq!(error.field, field, "{error}");
    }
}
