//! The response plan, carried out by the engine; labels and groups through its interface.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::Duration;

use inbetween_flow::{
    Bound, Completion, Config, Degraded, Engine, Event, Feature, FeatureContract, FeatureValue, FeatureWatch,
    Frame, InputContract, Labelled, MonitorConfig, Outcome, Plan, PredictionId, Response, ResponseRule,
    RunFailure, Session, Severity, SkipReason, SliceWatch, Source, SwitchReason, Timestamp, Truth, Value,
    ValueKind, Variant,
    monitor::{Signal, Verdict},
};

const MINUTE: Duration = Duration::from_mins(1);

fn rule(signal: &str, above: f64, response: Response) -> ResponseRule {
    let (hold, owner) = (Duration::from_secs(10), "risk@example.org".to_owned());
    ResponseRule {
        signal: signal.to_owned(),
        bound: Bound::Above(above),
        hold,
        severity: Severity::Page,
        owner,
        response,
    }
}

/// A host whose model runs at once, on an event every half second.
struct Host {
    engine: Engine,
    now: Timestamp,
    events: Vec<Event>,
    n: u64,
}

impl Host {
    fn new(responses: Vec<ResponseRule>, variants: Vec<Variant>) -> Self {
        let mut config = Config::for_images(ValueKind::Probabilities, 0.05);
        let feature = |name: &str, categories: &[&str]| FeatureContract {
            name: name.to_owned(),
            required: false,
            range: None,
            categories: categories.iter().map(|c| (*c).to_owned()).collect(),
        };
        config.input =
            InputContract::Features(vec![feature("amount", &[]), feature("country", &["AT", "FR"])]);
        // Every event is new: no result lasts until the next one.
        config.budget.max_age = Duration::from_millis(400);
        config.rule = Some(Value::Probabilities(vec![1.0, 0.0]));
        config.scheduling.cache_bytes = 0;
        config.variants = variants;
        config.monitoring = Some(MonitorConfig {
            window: MINUTE,
            min_sessions: 50,
            session: Session::Event,
            features: vec![FeatureWatch {
                name: "amount".to_owned(),
                edges: vec![0.25, 0.5, 0.75],
                reference: vec![250, 250, 250, 250],
            }],
            positive_class: Some(1),
            slices: vec![SliceWatch { name: "country".to_owned(), values: vec!["AT".to_owned()] }],
            label_expiry: 10 * MINUTE,
            responses,
            ..MonitorConfig::default()
        });
        let engine = Engine::new(config, 1).unwrap();
        Self { engine, now: Timestamp::from_millis(1_000), events: Vec::new(), n: 0 }
    }

    /// One event; the plan, and the prediction that an answer names.
    fn event(&mut self, amount: f64, country: &str, outcome: Outcome) -> (Plan, Option<PredictionId>) {
        self.n += 1;
        self.now = self.now + Duration::from_millis(500);
        let features = [
            Feature { name: "amount", value: FeatureValue::Number(amount) },
            Feature { name: "country", value: FeatureValue::Category(country) },
        ];
        let plan = self.engine.handle_frame(self.now, &Frame::features(self.now, &features)).unwrap();
        if let Plan::Run(ticket) = plan {
            let now = self.now + Duration::from_millis(5);
            self.engine.handle_completion(now, Completion { ticket: ticket.id, outcome });
        }
        let prediction = self.engine.answer_at(self.now + Duration::from_millis(10)).prediction;
        self.events.extend(std::iter::from_fn(|| self.engine.poll_event()));
        (plan, prediction)
    }

    /// Events for `minutes`, with amounts from `low` to `low + 1`, each labelled right or wrong.
    fn run(&mut self, minutes: u32, low: f64, wrong: bool) {
        for _ in 0..minutes * 120 {
            let amount = low + (self.n * 37 % 100) as f64 / 100.0;
            if let (_, Some(id)) = self.event(amount, "AT", sure()) {
                self.engine.handle_label(self.now, id, Truth::Class(u32::from(!wrong)));
            }
        }
    }

    fn alerts(&mut self) -> Vec<(u8, Response)> {
        let events = std::mem::take(&mut self.events);
        let alert =
            |e| if let Event::Alert { rule, response, .. } = e { Some((rule, response)) } else { None };
        events.into_iter().filter_map(alert).collect()
    }

    fn cleared(&mut self) -> bool {
        std::mem::take(&mut self.events).iter().any(|e| matches!(e, Event::AlertCleared { .. }))
    }

    fn answer(&mut self) -> (Source, Option<Degraded>) {
        let answer = self.engine.answer_at(self.now + Duration::from_millis(10));
        (answer.source, answer.degraded)
    }
}

fn sure() -> Outcome {
    Outcome::Value(Value::Probabilities(vec![0.05, 0.95]))
}

#[test]
fn a_rule_for_what_the_monitor_does_not_have_is_refused() {
    let mut config = Config::for_images(ValueKind::Scalar, 1.0);
    config.monitoring = Some(MonitorConfig {
        responses: vec![rule("psi.amount", 0.25, Response::Alert)],
        ..MonitorConfig::default()
    });
    let error = Engine::new(config.clone(), 0).unwrap_err();
    assert_eq!(error.field, "monitoring.response.signal");
    config.monitoring.as_mut().unwrap().responses[0].signal = "psi.scores".to_owned();
    assert!(Engine::new(config.clone(), 0).is_ok());
    config.monitoring.as_mut().unwrap().score_edges = vec![0.5, 0.5];
    assert_eq!(Engine::new(config, 0).unwrap_err().field, "monitoring.scores.edges");
}

#[test]
fn wrong_answers_fall_back_to_the_rule_and_come_back() {
    let mut host = Host::new(vec![rule("error_rate", 0.3, Response::FallBack)], Vec::new());
    host.run(2, 0.0, false);
    assert_eq!((host.alerts(), host.answer().0), (vec![], Source::Model));
    host.run(2, 0.0, true);
    assert_eq!(host.alerts(), [(0, Response::FallBack)]);
    assert_eq!(host.answer(), (Source::Rule, Some(Degraded::Response)));
    // The model still runs; labels come for what it would have said.
    let never = PredictionId(5_000);
    assert_eq!(host.engine.handle_label(host.now, never, Truth::Class(1)), Labelled::Unknown);
    // Ids are counted up, and every event was one.
    for id in 480..840 {
        let (plan, named) = host.event(0.5, "AT", sure());
        assert!(matches!(plan, Plan::Run(_)));
        assert_eq!(named, Some(PredictionId(id)));
        let joined = host.engine.handle_label(host.now, PredictionId(id), Truth::Class(1));
        assert_eq!(joined, Labelled::Joined { wrong: false });
    }
    assert!(host.cleared());
    assert_eq!(host.answer().0, Source::Model);
}

#[test]
fn a_source_that_changes_disables_the_model_until_it_is_as_before() {
    let mut host = Host::new(vec![rule("psi.amount", 0.25, Response::Disable)], Vec::new());
    host.run(3, 0.0, false);
    assert_eq!(host.alerts(), []);
    host.run(3, 0.6, false);
    assert_eq!(host.alerts(), [(0, Response::Disable)]);
    assert_eq!(host.answer(), (Source::Rule, Some(Degraded::Response)));
    assert_eq!(host.event(0.5, "AT", sure()).0, Plan::Skip(SkipReason::Disabled));
    let live = host.engine.monitor().live().unwrap();
    assert_eq!(live.read(host.now, Signal::Psi(0)).verdict, Verdict::Drift);
    assert!(live.read(host.now, Signal::ConceptEvidence).verdict < Verdict::Warn);
    // Frames are watched all the same: that is how it comes back.
    host.run(4, 0.0, false);
    assert!(host.cleared());
    assert_eq!(host.answer().0, Source::Model);
}

#[test]
fn a_roll_back_takes_the_next_variant_for_good_and_then_none() {
    let variant = Variant {
        model_version: 7,
        initial_latency: Duration::from_millis(5),
        energy: 0.5,
        error_scale: 1.5,
    };
    let mut host = Host::new(vec![rule("error_rate", 0.3, Response::RollBack)], vec![variant]);
    host.run(2, 0.0, true);
    assert_eq!(host.answer().0, Source::Model);
    let to_next = |e: &Event| matches!(e, Event::VariantChanged { to: 1, why: SwitchReason::RolledBack, .. });
    assert!(host.events.iter().any(to_next));
    assert_eq!(host.alerts(), [(0, Response::RollBack)]);
    assert_eq!(host.engine.answer_at(host.now).model_version, 7);
    host.run(4, 0.0, false);
    assert!(host.cleared());
    assert_eq!(host.engine.answer_at(host.now).model_version, 7, "for good");
    host.run(3, 0.0, true);
    assert_eq!(host.alerts(), [(0, Response::RollBack)]);
    assert_eq!(host.answer(), (Source::Rule, Some(Degraded::Response)));
    host.run(5, 0.0, false);
    assert_eq!(host.event(0.5, "AT", sure()).0, Plan::Skip(SkipReason::Disabled), "for good");
}

#[test]
fn schema_breaks_failures_and_groups_are_told_apart() {
    let mut host = Host::new(
        vec![
            rule("schema_breaks", 20.0, Response::Alert),
            rule("failure_rate", 0.2, Response::Retrain),
            rule("error_rate.country=AT", 0.5, Response::Alert),
        ],
        Vec::new(),
    );
    for n in 0..100 {
        // Austrians are wrong, others right; one run in a hundred fails.
        let country = if n % 2 == 0 { "AT" } else { "FR" };
        let outcome = if n == 50 { Outcome::Failed(RunFailure::Model) } else { sure() };
        if let (_, Some(id)) = host.event(0.5, country, outcome) {
            host.engine.handle_label(host.now, id, Truth::Class(n % 2));
        }
    }
    assert_eq!(host.alerts(), [(2, Response::Alert)]);
    for _ in 0..60 {
        host.now = host.now + Duration::from_millis(500);
        let features = [Feature { name: "betrag", value: FeatureValue::Number(1.0) }];
        host.engine.handle_frame(host.now, &Frame::features(host.now, &features)).unwrap_err();
    }
    host.event(0.5, "AT", sure());
    assert_eq!(host.alerts(), [(0, Response::Alert)]);
    let live = host.engine.monitor().live().unwrap();
    assert!(live.read(host.now, Signal::RejectedRate).value > 0.3);
    // Groups that no frame names are the host's to say.
    assert!(host.engine.set_slice("country", "AT") && !host.engine.set_slice("country", "XX"));
    assert!(!host.engine.set_slice("planet", "earth"));
}

#[test]
fn labels_expire_and_come_once() {
    let mut host = Host::new(Vec::new(), Vec::new());
    let (_, Some(id)) = host.event(0.5, "AT", sure()) else { panic!() };
    assert_eq!(host.engine.handle_label(host.now, id, Truth::Number(1.0)), Labelled::WrongKind);
    let (_, Some(id)) = host.event(0.5, "AT", sure()) else { panic!() };
    assert_eq!(host.engine.handle_label(host.now, id, Truth::Class(0)), Labelled::Joined { wrong: true });
    assert_eq!(host.engine.handle_label(host.now, id, Truth::Class(0)), Labelled::Unknown);
    let (_, Some(id)) = host.event(0.5, "AT", sure()) else { panic!() };
    assert_eq!(host.engine.handle_label(host.now + 11 * MINUTE, id, Truth::Class(0)), Labelled::Expired);

    let plain = Config::for_images(ValueKind::Scalar, 1.0);
    let mut engine = Engine::new(plain, 0).unwrap();
    let told = engine.handle_label(host.now, PredictionId(0), Truth::Number(0.0));
    assert_eq!(told, Labelled::Unwatched);
}

#[test]
fn silence_is_noticed_when_the_window_ends() {
    let mut host = Host::new(vec![rule("freshness_s", 20.0, Response::Alert)], Vec::new());
    host.run(1, 0.0, false);
    for _ in 0..5 {
        let (at, _) = host.engine.poll_timeout().unwrap();
        host.now = at;
        host.engine.handle_timeout(at);
        host.events.extend(std::iter::from_fn(|| host.engine.poll_event()));
    }
    assert!(host.events.contains(&Event::WindowClosed));
    assert_eq!(host.alerts().len(), 1);
}
