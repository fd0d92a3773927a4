//! From a card to the engine's configuration, in this one place.
//! **Invariant:** every field of the card that the engine knows is taken; nothing is made up.
//! It does not check ranges: card and configuration check themselves.

use std::time::Duration;

use inbetween_card::{
    Calibrator as CalibratorSpec, Card, DisplayMode as CardMode, FrameFormat, InputSpec, Monitoring,
    ResponseAction, RuleValue, VariantSpec,
};
use inbetween_flow::{
    Bound, Budget, Calibrator, Config, Costs, DecideConfig, Detection, DisplayMode, FeatureContract,
    FeatureWatch, InputContract, Keypoint, Label, MonitorConfig, PixelFormat, Point, Quaternion, Rect,
    Response, ResponseRule, ReviewConfig, Scheduling, Session, Severity, SliceWatch, Tolerance, Value,
    Variant,
};
use inbetween_infer::Head;

/// The engine's configuration that `card` states.
pub fn config(card: &Card) -> Config {
    Config {
        input: contract(card, &card.model.input),
        output: Head::kind_of(&card.model.head),
        tolerance: Tolerance {
            epsilon: card.tolerance.epsilon,
            miss_rate: card.tolerance.miss_rate,
            grace: millis(card.tolerance.grace_ms),
        },
        budget: Budget {
            deadline: millis(card.budget.deadline_ms),
            max_age: millis(card.budget.max_age_ms),
            duty: card.budget.duty,
            energy_mj_per_s: card.budget.energy_mj_per_s,
            energy_mj_per_run: card.budget.energy_mj_per_run,
            max_in_flight: card.budget.max_in_flight,
        },
        mode: match card.display.mode {
            CardMode::Predict => DisplayMode::Predict,
            CardMode::Delayed => DisplayMode::Delayed(millis(card.display.delay_ms)),
        },
        display_period: millis(1000.0 / card.display.hz),
        rule: card.ladder.rule.as_ref().map(rule),
        model_version: card.model.version,
        variants: card
            .model
            .variants
            .iter()
            .map(|v| variant(v, card.scheduling.initial_latency_ms))
            .collect(),
        input_version: input_version(card),
        scheduling: Scheduling {
            audit_rate: card.scheduling.audit_rate,
            initial_latency: millis(card.scheduling.initial_latency_ms),
            follow_pixels: card.scheduling.follow_pixels,
            cache_bytes: card.scheduling.cache_kib * 1024,
            reuse_bytes: card.scheduling.reuse_kib * 1024,
            attribute_bytes: card.scheduling.attribute_kib * 1024,
            ..Scheduling::default()
        },
        decide: decide(card),
        monitoring: card.monitoring.as_ref().map(|m| monitoring(card, m)),
    }
}

/// `latency_ms` is what the model itself is believed to take.
fn variant(v: &VariantSpec, latency_ms: f64) -> Variant {
    Variant {
        model_version: v.version,
        initial_latency: millis(v.initial_latency_ms.unwrap_or(latency_ms * f64::from(v.energy))),
        energy: v.energy,
        error_scale: v.error_scale,
    }
}

/// What the card says about everything between a frame and the value: another preprocessing or head is another result.
fn input_version(card: &Card) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new(); // with fixed keys
    format!("{:?} {:?}", card.model.input, card.model.head).hash(&mut hasher);
    hasher.finish()
}

/// A duration of the card, which bounds it to a day.
fn millis(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default()
}

fn contract(card: &Card, input: &InputSpec) -> InputContract {
    let contract = &card.model.input_contract;
    match input {
        InputSpec::Image(_) => InputContract::Image {
            formats: contract.formats.iter().map(|f| format(*f)).collect(),
            min_side: contract.min_side,
            max_side: contract.max_side,
        },
        InputSpec::Audio(a) => InputContract::Audio { sample_rate: a.sample_rate, block: a.block },
        InputSpec::Tensors(t) => {
            InputContract::Tensors(t.tensors.iter().map(|t| (t.name.clone(), t.shape.clone())).collect())
        }
        InputSpec::Features(f) => InputContract::Features(
            f.features
                .iter()
                .map(|f| FeatureContract {
                    name: f.name.clone(),
                    required: f.default.is_none(),
                    range: f.range.map(|[low, high]| (low, high)),
                    categories: f.categories.clone(),
                })
                .collect(),
        ),
    }
}

/// What each variant's input must be, in the order of the card.
pub fn variant_contracts(card: &Card) -> Vec<InputContract> {
    let specs = (1..=card.model.variants.len()).filter_map(|i| card.model.variant(i));
    specs.map(|spec| contract(card, &spec.input)).collect()
}

/// How answers become actions, if the card names a positive class and says what mistakes cost.
fn decide(card: &Card) -> Option<DecideConfig> {
    let (positive_class, failure) = (card.decision.positive_class?, card.failure.as_ref()?);
    let review = card.decision.review.as_ref();
    let specs = (0..=card.model.variants.len()).filter_map(|i| card.model.variant(i));
    Some(DecideConfig {
        positive_class,
        calibrators: specs
            .map(|spec| spec.calibrator.as_ref().map_or(Calibrator::Identity, calibrator))
            .collect(),
        costs: Costs {
            false_positive: failure.false_positive.into(),
            false_negative: failure.false_negative.into(),
            true_positive: failure.true_positive.into(),
            true_negative: failure.true_negative.into(),
            review: review.map(|_| failure.review.into()),
        },
        hysteresis: card.decision.hysteresis.into(),
        review: review.map(|r| ReviewConfig {
            capacity_per_hour: r.capacity_per_hour,
            queue: r.queue as usize,
            expected_load: r.load.into(),
        }),
    })
}

/// What is watched, and what is done about it.
fn monitoring(card: &Card, m: &Monitoring) -> MonitorConfig {
    let window = Duration::from_mins(u64::from(m.window_minutes));
    let plain = MonitorConfig::default();
    MonitorConfig {
        window,
        min_sessions: m.min_sessions,
        // Rows have nothing to do with each other; frames are like those before them.
        session: match &card.model.input {
            InputSpec::Features(_) => Session::Event,
            _ => Session::Span(Duration::from_mins(1).min(window)),
        },
        features: m
            .features
            .iter()
            .map(|f| FeatureWatch {
                name: f.name.clone(),
                edges: f.edges.clone(),
                reference: counts(&f.reference),
            })
            .collect(),
        score_edges: m.scores.as_ref().map_or(plain.score_edges, |s| s.edges.clone()),
        score_reference: m.scores.as_ref().map_or(plain.score_reference, |s| counts(&s.reference)),
        class_reference: plain.class_reference,
        positive_class: card.decision.positive_class,
        slices: m
            .slices
            .iter()
            .map(|s| SliceWatch { name: s.name.clone(), values: s.values.clone() })
            .collect(),
        label_expiry: m.labels.map_or(plain.label_expiry, |l| {
            Duration::try_from_secs_f64(l.expiry_hours * 3600.0).unwrap_or(plain.label_expiry)
        }),
        responses: m.response.iter().map(response).collect(),
    }
}

fn response(r: &inbetween_card::Response) -> ResponseRule {
    ResponseRule {
        signal: r.signal.clone(),
        bound: match r.below {
            Some(below) => Bound::Below(below),
            None => Bound::Above(r.above.unwrap_or(f64::MAX)),
        },
        hold: Duration::from_mins(u64::from(r.for_minutes)),
        severity: match r.severity {
            inbetween_card::Severity::Log => Severity::Log,
            inbetween_card::Severity::Ticket => Severity::Ticket,
            inbetween_card::Severity::Page => Severity::Page,
        },
        owner: r.owner.clone(),
        response: match r.action {
            ResponseAction::Alert => Response::Alert,
            ResponseAction::FallBack => Response::FallBack,
            ResponseAction::Disable => Response::Disable,
            ResponseAction::RollBack => Response::RollBack,
            ResponseAction::Retrain => Response::Retrain,
        },
    }
}

/// Counts of a reference, in proportion where they do not fit.
fn counts(reference: &[u64]) -> Vec<u32> {
    let total: u128 = reference.iter().map(|n| u128::from(*n)).sum();
    let most = u128::from(u32::MAX);
    reference.iter().map(|n| (u128::from(*n) * most.min(total) / total.max(1)) as u32).collect()
}

fn calibrator(spec: &CalibratorSpec) -> Calibrator {
    let wide = |v: &[f32]| v.iter().copied().map(f64::from).collect();
    match spec {
        CalibratorSpec::Temperature(t) => Calibrator::Temperature { temperature: t.temperature.into() },
        CalibratorSpec::Platt(p) => Calibrator::Platt { a: p.a.into(), b: p.b.into() },
        CalibratorSpec::Beta(b) => Calibrator::Beta { a: b.a.into(), b: b.b.into(), c: b.c.into() },
        CalibratorSpec::Isotonic(i) => Calibrator::Isotonic { x: wide(&i.x), y: wide(&i.y) },
    }
}

const fn format(format: FrameFormat) -> PixelFormat {
    match format {
        FrameFormat::Nv12 => PixelFormat::Nv12,
        FrameFormat::Nv21 => PixelFormat::Nv21,
        FrameFormat::I420 => PixelFormat::I420,
        FrameFormat::Rgba8 => PixelFormat::Rgba8,
        FrameFormat::Bgra8 => PixelFormat::Bgra8,
        FrameFormat::Rgb8 => PixelFormat::Rgb8,
        FrameFormat::Gray8 => PixelFormat::Gray8,
    }
}

fn rule(value: &RuleValue) -> Value {
    match value {
        RuleValue::Scalar(x) => Value::Scalar(*x),
        RuleValue::Vector(v) => Value::Vector(v.clone()),
        RuleValue::Probabilities(v) => Value::Probabilities(v.clone()),
        RuleValue::Label(class) => Value::Label(Label { class: *class, score: 1.0 }),
        RuleValue::Rotation([w, x, y, z]) => Value::Rotation(Quaternion::new(*w, *x, *y, *z)),
        RuleValue::Embedding(v) => Value::Embedding(v.clone()),
        RuleValue::Keypoints(v) => Value::Keypoints(
            v.iter().map(|[x, y]| Keypoint { at: Point::new(*x, *y), visibility: 1.0 }).collect(),
        ),
        RuleValue::Boxes(v) => Value::Boxes(
            v.iter()
                .map(|b| Detection {
                    bounds: Rect::new(b.x0, b.y0, b.x1, b.y1),
                    score: 1.0,
                    class: b.class,
                    identity: None,
                })
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: &str = include_str!("../tests/models/bright_spot.toml");

    #[test]
    fn a_card_that_states_little_gets_the_engines_defaults() {
        let config = config(&Card::parse(CARD).unwrap());
        assert_eq!(config.validate(), Ok(()));
        assert_eq!(config.scheduling, Scheduling::default());
        assert_eq!(config.mode, DisplayMode::Predict);
        assert_eq!(config.budget.deadline, Duration::from_millis(100));
        assert_eq!(config.tolerance.grace, Duration::from_millis(150));
        assert!((config.display_period.as_secs_f64() - 1.0 / 60.0).abs() < 1e-9);
    }

    #[test]
    fn ladder_display_and_contract_are_taken() {
        let text = format!(
            "{CARD}
            [model.input_contract]
            formats = [\"nv12\", \"bgra8\"]
            min_side = 64
            [display]
            mode = \"delayed\"
            delay_ms = 120
            [ladder]
            rungs = [\"model\", \"predicted\", \"rule\", \"unavailable\"]
            rule = {{ boxes = [] }}"
        );
        let config = config(&Card::parse(&text).unwrap());
        assert_eq!(config.validate(), Ok(()));
        assert_eq!(config.mode, DisplayMode::Delayed(Duration::from_millis(120)));
        assert_eq!(config.rule, Some(Value::Boxes(Vec::new())));
        let InputContract::Image { formats, min_side, .. } = config.input else { panic!() };
        assert_eq!((formats, min_side), (vec![PixelFormat::Nv12, PixelFormat::Bgra8], 64));
    }

    #[test]
    fn monitoring_is_taken_with_its_response_plan() {
        let text = format!(
            "{CARD}
            [monitoring]
            window_minutes = 30
            scores = {{ edges = [0.5], reference = [30, 70] }}
            slices = [{{ name = \"camera\", values = [\"front\", \"back\"] }}]
            labels = {{ delay_hours = 1.0, expiry_hours = 2.0 }}
            [[monitoring.response]]
            signal = \"share.camera=front\"
            below = 0.1
            for_minutes = 5
            severity = \"ticket\"
            owner = \"vision\"
            action = \"fall_back\""
        );
        let config = config(&Card::parse(&text).unwrap());
        assert_eq!(config.validate(), Ok(()));
        let m = config.monitoring.clone().unwrap();
        assert_eq!((m.window, m.label_expiry), (Duration::from_mins(30), Duration::from_hours(2)));
        assert_eq!((m.session, m.score_reference), (Session::Span(Duration::from_mins(1)), vec![30, 70]));
        assert_eq!((m.responses[0].bound, m.responses[0].response), (Bound::Below(0.1), Response::FallBack));
        assert!(inbetween_flow::Engine::new(config, 0).is_ok());
    }

    #[test]
    fn counts_that_are_too_large_keep_their_proportions() {
        assert_eq!(counts(&[1, 3]), [1, 3]);
        let large = counts(&[u64::MAX, 3 * (u64::MAX / 4), 0]);
        assert!((f64::from(large[1]) / f64::from(large[0]) - 0.75).abs() < 1e-6 && large[2] == 0);
    }
}
