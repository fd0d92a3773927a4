//! Recorded events through the ladder, the baseline and each rung by itself, by what decisions cost.
//! **Invariant:** every method has the same events, outputs and labels, and decisions cost what the first card says.
//! It does not run a model: what it said was recorded.

use anyhow::{Context as _, ensure};
use inbetween::{
    Action, Answer, Card, Config, Costs, EventEngine, Feature, FeatureValue, Frame, Outcome, RunFailure,
    Timestamp, Value, ValueKind, config, variant_contracts,
};

use super::{
    method::{Kind, Method, Piece},
    record::{Cell, EventLine},
};

/// All methods on all sessions.
///
/// # Errors
/// When a card states no costs, or its model gives no probabilities.
pub fn methods(
    card: &Card,
    against: Option<&Card>,
    sessions: &[&[EventLine]],
) -> anyhow::Result<Vec<Method>> {
    let own = costed(card)?;
    let costs = own.decide.as_ref().context("no costs")?.costs;
    let mut methods = vec![ladder("the card", Kind::Card, card, &own, sessions, &costs, |_| true)?];
    if let Some(other) = against {
        let config = costed(other)?;
        methods.push(ladder("the other card", Kind::Against, other, &config, sessions, &costs, |_| true)?);
    }
    if sessions.iter().all(|s| s.iter().all(|e| e.baseline.is_some())) {
        methods.push(baseline(sessions, &costs));
    }
    for variant in 0..=card.model.variants.len() {
        let name = card.model.variants.get(variant.wrapping_sub(1)).map_or("model", |v| v.name.as_str());
        let alone = |v: u8| usize::from(v) == variant;
        methods.push(ladder(name, Kind::Rung, card, &own, sessions, &costs, alone)?);
    }
    if own.rule.is_some() {
        methods.push(ladder("rule", Kind::Rung, card, &own, sessions, &costs, |_| false)?);
    }
    let none = Config { rule: None, ..own.clone() };
    methods.push(ladder("unavailable", Kind::Rung, card, &none, sessions, &costs, |_| false)?);
    Ok(methods)
}

fn costed(card: &Card) -> anyhow::Result<Config> {
    let mut config = config(card);
    ensure!(
        config.decide.is_some(),
        "the card names no positive class, or no costs: recorded events cannot be judged"
    );
    ensure!(
        matches!(config.output, ValueKind::Probabilities | ValueKind::Scalar),
        "the card's head gives {:?}: recorded events hold probabilities",
        config.output
    );
    config.monitoring = None;
    Ok(config)
}

fn baseline(sessions: &[&[EventLine]], costs: &Costs) -> Method {
    let thresholds = costs.thresholds();
    let piece = |e: &EventLine| {
        let action = thresholds.action(e.baseline.unwrap_or_default());
        Piece { lost: costs.expected(action, truth(e)), of: 1.0 }
    };
    let sessions = sessions.iter().map(|s| s.iter().map(piece).collect()).collect();
    Method { name: "the simple method".into(), kind: Kind::Baseline, sessions, runs: 0 }
}

fn truth(event: &EventLine) -> f64 {
    f64::from(u8::from(event.label))
}

/// The ladder with those of its models that are `there`.
fn ladder(
    name: &str,
    kind: Kind,
    card: &Card,
    config: &Config,
    sessions: &[&[EventLine]],
    costs: &Costs,
    there: impl Fn(u8) -> bool,
) -> anyhow::Result<Method> {
    let (mut pieces, mut runs) = (Vec::new(), 0);
    for session in sessions {
        let mut engine = EventEngine::new(config.clone(), variant_contracts(card))?;
        let mut losses = Vec::with_capacity(session.len());
        let start = session.first().map_or(0.0, |e| e.at_ms);
        for event in *session {
            let now = Timestamp::from_nanos((1e6 * (event.at_ms - start)) as u64);
            let features: Vec<Feature<'_>> = event.features.iter().map(feature).collect();
            let answer = engine.answer(now, &Frame::features(now, &features), |variant| {
                let said = event.said.get(usize::from(variant)).and_then(Option::as_ref);
                match said.filter(|_| there(variant)) {
                    Some(said) => {
                        runs += 1;
                        Outcome::Value(value(config.output, said))
                    }
                    None => Outcome::Failed(RunFailure::Model),
                }
            });
            while engine.poll_event().is_some() || engine.take_review().is_some() {}
            losses.push(Piece { lost: costs.expected(action(&answer), truth(event)), of: 1.0 });
        }
        pieces.push(losses);
    }
    Ok(Method { name: name.to_owned(), kind, sessions: pieces, runs })
}

fn value(kind: ValueKind, said: &[f32]) -> Value {
    match (kind, said) {
        (ValueKind::Scalar, [x]) => Value::Scalar(*x),
        _ => Value::Probabilities(said.to_vec()),
    }
}

fn feature<'a>((name, cell): (&'a String, &'a Cell)) -> Feature<'a> {
    let value = match cell {
        Cell::Number(x) => FeatureValue::Number(*x),
        Cell::Text(t) => FeatureValue::Category(t),
        Cell::Missing(()) => FeatureValue::Missing,
    };
    Feature { name, value }
}

/// What is done: nothing, where nothing can be decided.
fn action(answer: &Answer) -> Action {
    answer.decision.map_or(Action::Negative, |d| d.action)
}
